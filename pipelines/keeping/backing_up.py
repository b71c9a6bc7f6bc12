"""A backup: one file (tar, packed by zstd) that says first what it is and last the sha256 of everything in it.

It holds what cannot be computed again: ledger, lake, quarantine, received files (encrypted), declarations given by option,
sealed releases, what public values were drawn from and how they withstood attacks, documents.
Keys and the archive's identity are never in it: they lie outside the data folder.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pipelines.data_folder import VERSION
from pipelines.intake import ledger
from pipelines.intake.lake import sync
from pipelines.keeping.parts import DRAFTS, KEPT, unknown_parts
from pipelines.settings import UserError, data_root

FORMAT = 1
HEADER, HASHES = "backup.json", "hashes.json"
BLOCK = 1 << 20
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Backup:
    """A backup that was made: files in it, bytes of it, the last delivery it knows, and names in the data folder that no
    rule mentions, which are not in it."""

    file: Path
    files: int
    bytes: int
    ledger_sequence: int
    unknown: tuple[str, ...]


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: Readable) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        self.digest.update(part)
        return part


def back_up(
    out: Path, waiting: Callable[[], None] = lambda: None, progress: Progress = lambda what, done, total: None
) -> Backup:
    """Write a backup, whole or not at all; while it is written, intake and build wait.

    Raises `UserError` when there is nothing to keep, the file exists or would lie in the data folder, or the disk does
    not take it.
    """
    target = out.resolve()
    if target.is_relative_to(data_root()):
        raise UserError(f"A backup may not lie in the data folder it is of ({target}). Name another place with --out.")
    if target.exists():
        raise UserError(f"{target} is there already and is not overwritten. Name another file with --out.")
    if not ledger.ledger_path().exists():
        raise UserError(f"Nothing has been taken in yet: {data_root()} has no ledger, and there is nothing to keep.")
    with ledger.writer_lock(waiting):
        ledger.heal()
        files, sequence = list(_files()), ledger.next_sequence() - 1
        try:
            with _written_whole(target) as draft:
                _pack(draft, files, sequence, progress)
        except OSError as error:
            raise UserError(f"{target} cannot be written: {error.strerror or error}. No backup was made.") from None
        unknown = tuple(unknown_parts())
    return Backup(target, len(files), target.stat().st_size, sequence, unknown)


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """A file under a temporary name, readable by its owner only, that gets its own name when it is on the disk."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        sync(draft)
        draft.replace(target)
        sync(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _files() -> Iterator[Path]:
    """The files to keep, and the pointers among them, in order. Raises `UserError` for a link that leads elsewhere."""
    root = data_root()
    for part in KEPT:
        top = root / part
        found = sorted(top.rglob("*")) if top.is_dir() else [top] if top.exists() else []
        for path in found:
            inside = path.relative_to(root)
            hidden = any(name.startswith(".") for name in inside.parts)
            if hidden or inside.is_relative_to(DRAFTS) or (path.is_dir() and not path.is_symlink()):
                continue
            if path != top and path.is_symlink() and "/" in os.readlink(path):
                raise UserError(f"{path} is a link that leads elsewhere. Put what it leads to in its place.")
            yield path


def _pack(draft: Path, files: list[Path], sequence: int, progress: Progress) -> None:
    import pyarrow as pa

    hashes: dict[str, str] = {}
    header = {
        "format": FORMAT,
        "data_version": VERSION,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ledger_sequence": sequence,
        "without": "Keys and the archive's identity are not in this file.",
    }
    with (
        pa.CompressedOutputStream(pa.OSFile(str(draft), "wb"), "zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK) as archive,
    ):
        _add_json(archive, HEADER, header)
        for number, path in enumerate(files, 1):
            name = path.relative_to(data_root()).as_posix()
            progress(name, number, len(files))
            hashes[name] = _add(archive, path, name)
        _add_json(archive, HASHES, hashes)


def _add_json(archive: tarfile.TarFile, name: str, value: Any) -> None:
    content = (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
    archive.addfile(_entry(name, len(content), 0o600), io.BytesIO(content))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> str:
    """Add a file or a pointer; its sha256, or where the pointer points."""
    if path.is_symlink() and path.parent != data_root():
        entry = _entry(name, 0, 0o777)
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
        archive.addfile(entry)
        return entry.linkname
    mode = path.stat().st_mode & 0o777
    if path == ledger.ledger_path():
        content = _ledger()
        archive.addfile(_entry(name, len(content), mode), io.BytesIO(content))
        return hashlib.sha256(content).hexdigest()
    with path.open("rb") as file:
        hashed = _Hashed(file)
        archive.addfile(_entry(name, os.fstat(file.fileno()).st_size, mode), hashed)  # type: ignore[arg-type]
    return hashed.digest.hexdigest()


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    return entry


def _ledger() -> bytes:
    """The ledger as SQLite gives it, whatever stands in its journal. Raises `UserError` when it is damaged."""
    try:
        with closing(sqlite3.connect(ledger.ledger_path(), timeout=60)) as connection:
            said = connection.execute("pragma integrity_check").fetchone()[0]
            if said == "ok":
                return connection.serialize()
    except sqlite3.Error as error:
        said = str(error)
    raise UserError(f"The ledger {ledger.ledger_path()} is damaged ({said}). Restore it from an earlier backup.")
