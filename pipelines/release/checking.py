"""What `fengqiao doctor` looks at: the seals of the releases, the ledger against the lake, the keys."""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl

from pipelines.catalogue import tables
from pipelines.intake import archive, keys, ledger
from pipelines.intake.lake import scanned
from pipelines.release.publishing import current, instant_of, scheduled
from pipelines.release.sealing import is_intact
from pipelines.settings import EDITIONS, UserError, data_root, releases


def problems() -> list[str]:
    """One sentence a problem; empty when all is well."""
    return [*_keys(), *_lake(), *archive.problems(ledger.originals()), *_all_releases()]


def _all_releases() -> list[str]:
    try:
        return [sentence for edition in EDITIONS for sentence in _releases(edition)]
    except UserError as error:
        return [str(error)]


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


def _releases(edition: str) -> Iterator[str]:
    """What is wrong with the sealed releases of an edition, with its pointer and with what is to be published."""
    whose = "" if edition == "internal" else f" of the {edition} edition"
    for folder in sorted(p for p in releases(edition).glob("*") if p.is_dir() and not p.is_symlink()):
        if not is_intact(folder):
            yield f"Release {folder.name}{whose} differs from its seal: a file was altered, added or removed."
    pointed = current(edition)
    if pointed is not None and not (releases(edition) / pointed).is_dir():
        yield f"The published release {pointed}{whose} is missing. Publish another."
    for entry in scheduled(edition):
        if not (releases(edition) / entry.release_id).is_dir():
            yield f"Release {entry.release_id}{whose} is to be published at {entry.publish_at} and is missing."
        elif instant_of(entry.publish_at) <= datetime.now(UTC):
            yield f"Release {entry.release_id}{whose} was to be published at {entry.publish_at}. Run `fengqiao publish --due`."
