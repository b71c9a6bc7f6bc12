"""What `fengqiao doctor` looks at: the seals of the releases, the ledger against the lake, the keys."""

from collections.abc import Iterator

import polars as pl

from pipelines.catalogue import tables
from pipelines.intake import archive, keys, ledger
from pipelines.intake.lake import scanned
from pipelines.release.publishing import current
from pipelines.release.sealing import is_intact
from pipelines.settings import UserError, data_root, releases


def problems() -> list[str]:
    """One sentence a problem; empty when all is well."""
    return [*_keys(), *_lake(), *archive.problems(ledger.originals()), *_releases()]


def _keys() -> list[str]:
    try:
        keys.load()
    except UserError as error:
        return [str(error)]
    return []


def _lake() -> list[str]:
    """Every delivery has its folder with the rows it counts, and no folder stands there without an entry."""
    entries = ledger.deliveries()
    known = {entry.folder for entry in entries}
    orphans = [p.name for p in (data_root() / "lake").glob("*/*") if p.is_dir() and p.name not in known]
    return [sentence for entry in entries for sentence in _delivery(entry)] + [
        f"Lake folder {name} has no entry in the ledger; the next intake or build removes it." for name in orphans
    ]


def _delivery(entry: ledger.Delivery) -> Iterator[str]:
    """What is wrong with the rows a delivery has in the lake."""
    if entry.folder is None:
        return
    folder, named = (
        data_root() / "lake" / entry.table_name / entry.folder,
        f"Delivery {entry.ledger_sequence} ({entry.file})",
    )
    if not folder.is_dir():
        yield f"{named}: its folder is missing from the lake. Restore it from a backup."
        return
    try:
        rows = _rows(scanned(entry.table_name, entry.folder), entry.table_name)
    except (pl.exceptions.PolarsError, OSError):
        yield f"{named}: its rows in the lake cannot be read. Restore them from a backup."
        return
    if rows != entry.accepted:
        yield f"{named}: the ledger says {entry.accepted} rows, the lake has {rows}."
    if _withdrawals(entry) != entry.withdrawn:
        yield f"{named}: the ledger says {entry.withdrawn} withdrawals, the lake has {_withdrawals(entry)}."


def _rows(lake: pl.LazyFrame, table: str) -> int:
    """Rows of a file; a form's are cells in the lake, and two sheets may have them in the same line."""
    if tables()[table].kind == "form":
        lake = lake.select("row_number", "area_code", "month", "reported_on").unique()
    return lake.select(pl.len()).collect().item()


def _withdrawals(entry: ledger.Delivery) -> int:
    """Rows of a delivery in `lake/withdrawals`; those that cannot be read are not there."""
    parts = (data_root() / "lake" / "withdrawals" / str(entry.folder)).glob("*.parquet")
    try:
        return sum(pl.scan_parquet(part).select(pl.len()).collect().item() for part in parts)
    except (pl.exceptions.PolarsError, OSError):
        return 0


def _releases() -> list[str]:
    return [sentence for edition in ("internal", "public") for sentence in _releases_of(edition)]


def _releases_of(edition: str) -> Iterator[str]:
    named = "Public release" if edition == "public" else "Release"
    for folder in sorted(p for p in releases(edition).glob("*") if p.is_dir() and not p.is_symlink()):
        if not is_intact(folder):
            yield f"{named} {folder.name} differs from its seal: a file was altered, added or removed."
    pointed = current(edition)
    if pointed is not None and not (releases(edition) / pointed).is_dir():
        yield f"The published release {pointed} is missing. Publish another."
