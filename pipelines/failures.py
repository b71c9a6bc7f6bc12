"""What may be written about a failure nobody foresaw: types, files and lines. Never values, which may be personal."""

import traceback
from datetime import UTC, datetime
from pathlib import Path

from pipelines.settings import data_root

FULL = ("No space left on device", "Disk quota exceeded", "database or disk is full", "File too large")


def places(error: BaseException | None) -> list[str]:
    """The chain of an exception, the last first: its type, then a line for each place it came through."""
    lines: list[str] = []
    while error is not None:
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        frames = traceback.extract_tb(error.__traceback__)
        lines += [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        error = error.__cause__ or error.__context__
    return lines


def is_of_a_full_disk(error: BaseException | str | None) -> bool:
    """Whether the disk did not take what was written; databases hand on nothing of it but the system's words."""
    while isinstance(error, BaseException):
        if any(words in str(error) for words in FULL):
            return True
        error = error.__cause__ or error.__context__
    return error is not None and any(words in error for words in FULL)


def log(error: BaseException) -> Path:
    """Write the places of an exception to a new file under `logs/` in the data folder. Raises `OSError`."""
    path = data_root() / "logs" / f"failure-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(places(error)) + "\n", encoding="utf-8")
    return path
