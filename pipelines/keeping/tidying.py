"""What a data folder can do without: drafts nobody approved, logs, received files whose time is up. Releases stay for ever.

The build itself is one and replaced by the next; there are no old ones.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.intake import archive, ledger
from pipelines.settings import UserError, data_root


@dataclass(frozen=True)
class Tidied:
    """What was removed (or would be): paths in the data folder, and how many received files."""

    removed: tuple[str, ...]
    originals: int


def tidy(days: int, *, dry_run: bool = False) -> Tidied:
    """Remove drafts, parts of drafts and logs of failures older than `days`, and received files kept long enough.

    Raises `UserError` when the disk does not let go.
    """
    until = datetime.now(UTC) - timedelta(days=days)
    with ledger.writer_lock():
        ledger.heal()
        old = [path for path in _perhaps() if _changed(path) < until]
        originals = archive.outlived(ledger.originals(), archive.days_kept())
        for path in () if dry_run else (*old, *originals):
            _remove(path)
    return Tidied(tuple(path.relative_to(data_root()).as_posix() for path in old), len(originals))


def _perhaps() -> Iterator[Path]:
    """What may go when it is old: drafts of all editions, those being written too, and logs of failures."""
    for edition in sorted((data_root() / "releases" / "drafts").glob("*")):
        yield from sorted(path for path in edition.iterdir() if path.is_dir() and not path.is_symlink())
    yield from sorted((data_root() / "logs").glob("failure-*.log"))


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise UserError(f"{path} cannot be removed: {error.strerror}.") from None
