"""The typed lake: one folder a delivery, complete before it gets its name, never edited."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalogue import contract_versions, tables
from pipelines.intake.cells import TYPES
from pipelines.intake.parsing import FINDINGS
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
AS_TEXTS = pl.ScanCastOptions(categorical_to_string="allow")


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


def scanned(table: str, folder: str = "[!.]*") -> pl.LazyFrame:
    """The rows of a lake table, of all deliveries or of one; those that are being written are left out."""
    return scanned_parts(table, sorted((data_root() / "lake" / table).glob(f"{folder}/*.parquet")))


def scanned_parts(table: str, parts: Sequence[Path], **said: Any) -> pl.LazyFrame:
    """The rows of some parts of a lake table, which have the columns that are not empty in them; `said`: to Polars.

    Texts that occur often were written from categories. Polars reads them as such where nobody says that they are texts.
    """
    schema = lake_schema(table)
    if not parts:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        parts, schema=schema, missing_columns="insert", extra_columns="ignore", cast_options=AS_TEXTS, **said
    )


def all_findings() -> pl.LazyFrame:
    """The failing checks of all deliveries: the columns of `FINDINGS`, and the `folder` of the delivery."""
    parts = sorted((data_root() / "quarantine").glob("[!.]*.parquet"))
    if not parts:
        return pl.LazyFrame(schema=FINDINGS | {"folder": pl.String})
    found = pl.scan_parquet(
        parts, schema=FINDINGS, missing_columns="insert", extra_columns="ignore", include_file_paths="folder"
    )
    return found.with_columns(pl.col("folder").str.extract(r"([^/]+)\.parquet$"))


@contextmanager
def taking() -> Iterator[None]:
    """Raises `UserError` when the disk does not take what is written inside."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or str(error).rpartition(": ")[2]
        raise UserError(f"The data folder {data_root()} does not take the rows: {why}. Nothing was taken in.") from None


class Draft:
    """A delivery on its way into the lake: parts in a folder that has no name yet. Without a folder nothing is written."""

    def __init__(self, table: str, folder: Path | None) -> None:
        self._table, self._folder = table, folder
        updated = tables()[table].updated
        self._marks = list(dict.fromkeys(["case_key", "row_number", tables()[table].dated_by, updated or "case_key"]))
        self._compared = list(dict.fromkeys([*self._marks, *_compared(table)]))
        self._schema = lake_schema(table)
        compared = {name: self._schema[name] for name in self._compared}
        self._none_compared = pl.DataFrame(schema=compared | {"part": pl.Int64()})
        self._unwritten: list[pl.DataFrame] = []
        self._sheets: dict[int, str | None] = {}

    def write(self, rows: pl.DataFrame, number: int, sheet: str | None = None) -> None:
        """One part, of the columns of the table that are not empty in it; its number says where in the file its rows stood.

        Raises `UserError` when the disk does not take it.
        """
        self._sheets[number] = sheet
        held = pl.DataFrame([rows[name] for name in self._schema if name in rows.columns])
        if self._folder is None:
            as_read = held.with_columns(pl.col(pl.Categorical).cast(pl.String), pl.lit(number, pl.Int64).alias("part"))
            part = pl.concat([self._none_compared, as_read], how="diagonal")
            self._unwritten.append(part.select(self._none_compared.columns))
        elif len(rows):
            filled = held.select(column.name for column in held.get_columns() if column.null_count() < len(rows))
            with taking():
                part = self._folder / f"part-{number:05d}.parquet"
                filled.write_parquet(part, compression="uncompressed", statistics=False)

    def marks(self) -> pl.LazyFrame:
        """Key, line, date and update time of each row so far."""
        return self._rows().select(self._marks)

    def compared(self) -> pl.LazyFrame:
        """The rows so far with what rules beyond one row look at, and the `sheet` on which each stood."""
        sheets = {"part": list(self._sheets), "sheet": list(self._sheets.values())}
        of_part = pl.LazyFrame(sheets, schema={"part": pl.Int64, "sheet": pl.String})
        return self._rows().join(of_part, on="part", how="left").drop("part")

    def _rows(self) -> pl.LazyFrame:
        """The columns that are compared, and the `part` in which a row stands."""
        if self._folder is None:
            return pl.concat([self._none_compared, *self._unwritten]).lazy()
        parts = sorted(self._folder.iterdir())
        if not parts:
            return self._none_compared.lazy()
        number = pl.col("part").str.extract(r"part-([0-9]+)\.parquet$").cast(pl.Int64)
        return scanned_parts(self._table, parts, include_file_paths="part").select(*self._compared, number)

    def finish(self, findings: pl.DataFrame, name: str) -> None:
        """Give the folder its name, the quarantine file beside it first. Raises `UserError` when the disk does not take it."""
        if self._folder is None:
            return
        quarantine = data_root() / "quarantine"
        unfinished = quarantine / f".{name}"
        try:
            with taking():
                if not any(self._folder.iterdir()):
                    empty = pl.DataFrame(schema=lake_schema(self._table))
                    empty.write_parquet(self._folder / "part-00000.parquet")
                for part in sorted(self._folder.iterdir()):
                    sync(part)
                quarantine.mkdir(parents=True, exist_ok=True)
                if len(findings):
                    findings.write_parquet(unfinished, compression="zstd", statistics=True)
                    sync(unfinished)
                    unfinished.replace(quarantine / f"{name}.parquet")
                self._folder.replace(self._folder.with_name(name))
        finally:
            unfinished.unlink(missing_ok=True)


def _compared(table: str) -> list[str]:
    """Columns of a lake table that rules beyond one row look at."""
    contract = tables()[table]
    if contract.kind == "form":
        return ["area_code", "month", "item", "category", "value"]
    return [column.pseudonym for column in contract.columns if column.pseudonym]


@contextmanager
def drafted(table: str, sequence: int, *, is_dry: bool) -> Iterator[Draft]:
    """A draft in the table's part of the lake, gone at the end unless it was finished. Raises `UserError`.

    Another process may have foreseen the same number for another file: each has a folder of its own.
    """
    if is_dry:
        yield Draft(table, None)
        return
    folder = data_root() / "lake" / table / f".{sequence:08d}-{os.getpid()}"
    try:
        with taking():
            folder.mkdir(parents=True, exist_ok=True)
        yield Draft(table, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
