"""The typed lake: one folder a delivery, complete before it gets its name, never edited."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.catalogue import contract_versions, tables
from pipelines.intake.parsing import TYPES
from pipelines.settings import UserError, data_root

# One row a delivery and case that it withdraws; `taken_at`: the state of the source that no longer has the case.
WITHDRAWALS: dict[str, pl.DataType] = {
    "ledger_sequence": pl.Int64(),
    "table_name": pl.String(),
    "sender": pl.String(),
    "register": pl.String(),
    "case_key": pl.Binary(),
    "taken_at": pl.Datetime("us"),
}


def lake_schema(table: str) -> dict[str, pl.DataType]:
    """Columns and types of a lake table, in order; the same for every contract that feeds it, earlier versions too."""
    if table == "withdrawals":
        return WITHDRAWALS
    contract = tables()[table]
    first: dict[str, pl.DataType] = {
        "ledger_sequence": pl.Int64(),
        "row_number": pl.Int64(),
        "sender": pl.String(),
        "register": pl.String(),
        "case_key": pl.Binary(),
        "cell_number": pl.Int64(),
        "area_code": pl.String(),
    }
    if contract.kind == "form":
        own: dict[str, pl.DataType] = {
            "month": pl.Date(),
            "item": pl.String(),
            "category": pl.String(),
            "value": pl.Int64(),
        }
        own["reported_on"] = pl.Date()
    else:
        versions = [contract, *(v for v in contract_versions() if v.id == contract.id and v.retired)]
        own = {column.name: TYPES[column.type] for version in reversed(versions) for column in version.stored}
        own |= {column.pseudonym: pl.Binary() for column in contract.columns if column.pseudonym}
    return first | own


GENERATION = "generation.json"


@dataclass(frozen=True)
class Generation:
    """Which writing of the lake this is; `links`: how many links of a system's key its pseudonyms went through, where
    that is more than one."""

    number: int = 1
    links: Mapping[str, int] = field(default_factory=dict)


def generation_path() -> Path:
    return data_root() / "lake" / GENERATION


def generation() -> Generation:
    """The generation of the lake; the first where nothing was rotated. Raises `UserError` when it cannot be read."""
    try:
        said = json.loads(generation_path().read_text(encoding="utf-8"))
        return Generation(int(said["generation"]), {str(name): int(link) for name, link in said["links"].items()})
    except FileNotFoundError:
        return Generation()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{generation_path()} cannot be read; restore it from a backup.") from None


@contextmanager
def taking() -> Iterator[None]:
    """Raises `UserError` when the disk does not take what is written inside."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]
        raise UserError(f"The data folder {data_root()} does not take the rows: {why}. Nothing was taken in.") from None


def write_delivery(rows: pl.DataFrame, findings: pl.DataFrame, table: str, folder: str) -> None:
    """Lake part and quarantine file, each complete before it gets its name. Raises `UserError` when the disk does not take them."""
    lake, quarantine = data_root() / "lake" / table, data_root() / "quarantine"
    draft = lake / f".{folder}"
    try:
        with taking():
            draft.mkdir(parents=True, exist_ok=True)
            _write_synced(rows, draft / "part-00000.parquet")
            quarantine.mkdir(parents=True, exist_ok=True)
            if len(findings):
                _write_synced(findings, quarantine / f".{folder}")
                (quarantine / f".{folder}").replace(quarantine / f"{folder}.parquet")
            draft.replace(lake / folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        (quarantine / f".{folder}").unlink(missing_ok=True)


@contextmanager
def withdrawing(rows: pl.DataFrame, folder: str) -> Iterator[None]:
    """Withdrawals stand in the lake before the rows that are written inside, and go again when these cannot be written."""
    lake = data_root() / "lake" / "withdrawals"
    if rows.is_empty():
        yield
        return
    try:
        with taking():
            (lake / f".{folder}").mkdir(parents=True, exist_ok=True)
            _write_synced(rows, lake / f".{folder}" / "part-00000.parquet")
            (lake / f".{folder}").replace(lake / folder)
        yield
    except BaseException:
        shutil.rmtree(lake / f".{folder}", ignore_errors=True)
        shutil.rmtree(lake / folder, ignore_errors=True)
        raise


def _write_synced(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="zstd", statistics=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
