"""What was found out about a file before its rows are read: its tables, their headers, and how these fit a contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.settings import UserError

HEADER_WITHIN = 20
TOTAL_WORDS = ("合计", "小计", "总计", "共计", "total", "Total")


@dataclass(frozen=True)
class Sheet:
    """One table found in an export: its sheet (None in a text file), the line of its last header row (1-based; 0
    where fields are named in each record), the header's texts as `heading` folds them; levels of a merged header are joined by "_"."""

    name: str | None
    header_line: int
    header: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """The tables of a file. `form` is what is said of it: an encoding, or xlsx, xls, json, jsonl, parquet."""

    form: str
    sheets: tuple[Sheet, ...]
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As the operator reads it."""
        lines = {sheet.header_line for sheet in self.sheets}
        where = f", header in line {next(iter(lines))}" if len(lines) == 1 else ", headers in different lines"
        many = f", {len(self.sheets)} sheets" if len(self.sheets) > 1 else ""
        return "; ".join((f"{self.form}{many}{where if lines != {0} else ''}", *self.remarks))


@dataclass(frozen=True)
class Block:
    """Records as text, and how many rows were passed over as not data: blank ones, titles, totals, signatures.

    `rows`: `row_number` (Int64, line or sheet row at which the record begins), `cells` (Int64, how many it had), then
    one String column a header position, `c0`, `c1` …
    """

    sheet: Sheet
    rows: pl.DataFrame
    not_data: int


@dataclass(frozen=True)
class Told:
    """What is known from outside the table: first and last month, and the area code of each sheet where a sidecar says it."""

    months: tuple[str, str] | None = None
    sheets: Mapping[str, str] = field(default_factory=dict)


def header_score(header: tuple[str, ...], contract: Contract) -> int:
    """How many of a contract's headings a header holds."""
    return len(contract.headings.keys() & header)


UNIT_SIGNS = {"(元)": "yuan", "(万元)": "wan_yuan"}


def header_unit(text: str) -> str | None:
    """The unit of money that a heading names in brackets; it comes before the contract's."""
    return next((unit for sign, unit in UNIT_SIGNS.items() if text.endswith(sign)), None)


def column_position(header: tuple[str, ...], contract: Contract, name: str) -> int | None:
    """Where a contract's column stands in a header; its label first, then its aliases in order, money in either unit."""
    texts = list(map(heading, (contract.column(name).label, *contract.column(name).aliases)))
    if contract.column(name).type == "money":
        bare = dict.fromkeys(text.removesuffix("(万元)").removesuffix("(元)") for text in texts)
        texts += [text + sign for text in bare for sign in UNIT_SIGNS]
    return next((header.index(text) for text in texts if text in header), None)


def missing_headings(header: tuple[str, ...], contract: Contract) -> list[str]:
    """Labels of the required columns that a header lacks."""
    required = (column for column in contract.columns if column.required)
    return [column.label for column in required if column_position(header, contract, column.name) is None]


def beside_table(contract: Contract) -> list[str]:
    """Labels of the columns that a form may have in its title, on its sheet or below it instead: month, area, day of the report."""
    may = [contract.dated_by] if contract.column(contract.dated_by).type == "month" else []
    names = [column.name for column in contract.columns]
    return [contract.column(name).label for name in (*may, "area_code", "reported_on") if name in names]


def missing_in_table(header: tuple[str, ...], contract: Contract) -> list[str]:
    """Labels of the required columns that can stand nowhere but in a header, and that this one lacks."""
    beside = beside_table(contract)
    return [label for label in missing_headings(header, contract) if label not in beside]


def unknown_headings(header: tuple[str, ...], contract: Contract) -> list[str]:
    """Headings that no column of the contract claims; they are reported and never stored."""
    known = {column_position(header, contract, column.name) for column in contract.columns}
    return [text for n, text in enumerate(header) if text and text not in contract.headings and n not in known]


def best_sheet(candidates: Sequence[Sheet], contract: Contract) -> Sheet | None:
    """Of several possible headers the one that fits: no required heading missing, then most headings, then the upper one."""
    fits = [(not missing_headings(s.header, contract), header_score(s.header, contract)) for s in candidates]
    return candidates[max(range(len(fits)), key=fits.__getitem__)] if fits else None


def require_fit(path: Path, header: tuple[str, ...], contract: Contract) -> None:
    """Raises `UserError` when required headings are missing, naming them, or one that is needed stands twice."""
    missing = missing_headings(header, contract)
    if missing:
        raise UserError(
            f"{path.name} does not fit contract {contract.id} v{contract.version}: no heading {'、'.join(missing[:5])}"
            f"{' …' if len(missing) > 5 else ''}. Check the export's columns, or name another contract with --contract."
        )
    twice = sorted({text for text in header if text and header.count(text) > 1 and text in contract.headings})
    if twice:
        raise UserError(
            f"{path.name}: the heading {'、'.join(twice)} stands twice; keep one and hand the file in again."
        )
