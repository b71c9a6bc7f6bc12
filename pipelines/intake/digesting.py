"""SHA-256 of a file, computed beside the reading of it, and whether the file stood still meanwhile."""

import hashlib
import os
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from pipelines.settings import UserError

PIECE = 1 << 20


class Digest:
    """The digest of a file as it lies there now. `value` waits for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = _marks(path)
        self._found: Future[str] = Future()
        Thread(target=self._compute, daemon=True).start()

    def _compute(self) -> None:
        try:
            self._found.set_result(_sha256(self._path))
        except OSError as error:
            self._found.set_exception(error)

    @property
    def is_ready(self) -> bool:
        return self._found.done()

    @property
    def value(self) -> str:
        """64 hexadecimal digits. Raises `OSError` where the file cannot be read."""
        return self._found.result()

    def require_unchanged(self) -> None:
        """Raises `UserError` when the file was written to since: what was read may be half of one and half of another."""
        if _marks(self._path) != self._before:
            raise UserError(
                f"{self._path.name} changed while it was read. Wait until it is complete and hand it in again."
            )


def _sha256(path: Path) -> str:
    """In pieces so large that Python's lock, which the readers of the file hold most of the time, is seldom asked for."""
    digest, piece = hashlib.sha256(), bytearray(PIECE)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(piece):
            digest.update(memoryview(piece)[:size])
    return digest.hexdigest()


def _marks(path: Path) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns
