"""What `fengqiao doctor` looks at: the seals of the releases, the ledger against the lake, the keys."""

import polars as pl

from pipelines.intake import keys, ledger
from pipelines.release.publishing import current
from pipelines.release.sealing import hashes, metadata_of
from pipelines.settings import UserError, data_root, releases


def problems() -> list[str]:
    """One sentence a problem; empty when all is well."""
    return [*_keys(), *_lake(), *_releases()]


def _keys() -> list[str]:
    try:
        keys.load()
    except UserError as error:
        return [str(error)]
    return []


def _lake() -> list[str]:
    """Every delivery has its folder with the rows it counts, and no folder stands there without an entry."""
    found = []
    entries = ledger.deliveries()
    for entry in entries:
        if entry.folder is None:
            continue
        folder = data_root() / "lake" / entry.table_name / entry.folder
        if not folder.is_dir():
            found.append(
                f"Delivery {entry.ledger_sequence} ({entry.file}): its folder is missing from the lake. Restore it from a backup."
            )
            continue
        rows = pl.scan_parquet(folder / "*.parquet").select(pl.col("row_number").n_unique()).collect().item()
        if rows != entry.accepted:
            found.append(
                f"Delivery {entry.ledger_sequence} ({entry.file}): the ledger says {entry.accepted} rows, the lake has {rows}."
            )
    known = {entry.folder for entry in entries}
    orphans = [p.name for p in (data_root() / "lake").glob("*/*") if p.is_dir() and p.name not in known]
    return found + [
        f"Lake folder {name} has no entry in the ledger; the next intake or build removes it." for name in orphans
    ]


def _releases() -> list[str]:
    found = []
    for folder in sorted(p for p in releases("internal").glob("*") if p.is_dir() and not p.is_symlink()):
        if metadata_of(folder)["files"] != hashes(folder):
            found.append(f"Release {folder.name} differs from its seal: a file was altered, added or removed.")
    pointed = current("internal")
    if pointed is not None and not (releases("internal") / pointed).is_dir():
        found.append(f"The published release {pointed} is missing. Publish another.")
    return found
