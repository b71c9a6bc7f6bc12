"""The corrections register: what rows are known to say wrongly, and what is counted instead until they are mended."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from pipelines.catalogue.areas import padded, published_areas
from pipelines.catalogue.codes import code_lists
from pipelines.catalogue.contracts import Column, tables, versions_of
from pipelines.catalogue.declaring import Declared, Location, Words, declare, line_of, read_yaml
from pipelines.settings import SEEDS, UserError


class Cell(Declared):
    """One cell of a monthly form: what a sender says of an area, month and line."""

    sender: str = Field(min_length=1)
    area_code: str = Field(pattern=r"^\d{6}(\d{3}|\d{6})?$")
    month: date
    item: str
    category: str = "total"

    @field_validator("area_code")
    @classmethod
    def _in_full(cls, code: str) -> str:
        return padded(code)

    @field_validator("month", mode="before")
    @classmethod
    def _first_day(cls, month: object) -> date:
        try:
            return date.fromisoformat(f"{month}-01")
        except ValueError:
            raise ValueError("a month is written 2025-03") from None


class Row(Declared):
    """One column of a case, by a row of a received file that is of it: the file by the first digits of its sha256, the row
    by its number there, as `fengqiao explain --rows` tells both. No number of a case or a person stands in the register."""

    sender: str = Field(min_length=1)
    file: str = Field(pattern=r"^[0-9a-f]{12,64}$")
    row: StrictInt = Field(ge=1)
    column: str


class Entry(Declared):
    """What all entries say: why, from whom it is known, and how far it is from being mended."""

    id: str
    table: str
    reason: Words
    provider: str = Field(min_length=1)
    status: Literal["open", "reported", "fixed_upstream"]
    source: str = Field(min_length=1)
    since: date

    @property
    def is_standing(self) -> bool:
        """Whether it is applied as long as its source shows what it expects."""
        return self.status != "fixed_upstream"


class Correction(Entry):
    """A cell that its sender is known to have got wrong, and what is done with it; the lake keeps what was sent.

    `expect`: the values, one of which the source still shows. Once it shows another the entry has expired and is not
    applied. `override` counts `value` instead, `drop` counts nothing (as of a cell that another sender reports too).
    """

    match: Cell
    action: Literal["override", "drop"]
    value: int | None = Field(default=None, ge=0)
    expect: tuple[int, ...] = Field(min_length=1)

    @field_validator("expect", mode="before")
    @classmethod
    def _one_or_several(cls, expect: object) -> object:
        return (expect,) if isinstance(expect, int) else expect

    @model_validator(mode="after")
    def _says_what_is_counted(self) -> "Correction":
        if (self.action == "override") != (self.value is not None):
            raise ValueError("`override` has a `value`, `drop` has none")
        if len(set(self.expect)) < len(self.expect) or self.value in self.expect:
            raise ValueError("`expect` names each value once, and never the one that is right")
        return self


Value = StrictBool | StrictInt | date | str | None


class RowCorrection(Entry):
    """A column of a case that its sender is known to have got wrong, and what is counted instead; the lake keeps what was
    sent. The newest version of the case is corrected, whatever file it came in, as long as it shows one of `expect`.

    Values are what the lake holds: codes, days, whole numbers (money in fen), true or false, areas; null for nothing.
    """

    match: Row
    action: Literal["override"]
    value: Value
    expect: tuple[Value, ...] = Field(min_length=1)

    @field_validator("expect", mode="before")
    @classmethod
    def _one_or_several(cls, expect: object) -> object:
        return expect if isinstance(expect, list | tuple) else (expect,)

    @model_validator(mode="after")
    def _is_another(self) -> "RowCorrection":
        if len(set(self.expect)) < len(self.expect) or self.value in self.expect:
            raise ValueError("`expect` names each value once, and never the one that is right")
        return self

    @property
    def data_type(self) -> str:
        """Of the column, as dbt names it."""
        return DATA_TYPES[_column_of(self).type]

    def as_text(self, value: Value) -> str | None:
        """A value as a text that the engine casts to the column's type."""
        if value is None:
            return None
        match _column_of(self).type:
            case "boolean":
                return str(value).lower()
            case "month":
                return f"{value}-01"
            case "area":
                return padded(str(value))
        return str(value)


DATA_TYPES = {
    "area": "string",
    "code": "string",
    "date": "date",
    "month": "date",
    "integer": "bigint",
    "money": "bigint",
    "boolean": "boolean",
}


@cache
def corrections() -> Mapping[str, Correction | RowCorrection]:
    """Entries of all files of `seeds/corrections/` by id.

    Raises `UserError` naming file and line where one names no table or nothing of it, or corrects what another does.
    """
    found: dict[str, Correction | RowCorrection] = {}
    corrected: dict[tuple[str, Cell | Row], str] = {}
    for path in sorted((SEEDS / "corrections").glob("*.yml")):
        values, text = read_yaml(path)
        for name, body in values.items():
            where = f"{path}, line {line_of(text, (name,))}"
            if name in found:
                raise UserError(f"{where}: correction {name} is declared twice.")
            entry = found[name] = _correction(name, body, path, text)
            if not entry.is_standing:
                continue
            other = corrected.setdefault((entry.table, entry.match), name)
            if other != name:
                raise UserError(f"{where}: {name} corrects what {other} corrects; one of them can stand.")
    return found


def _correction(name: str, body: Mapping[str, Any] | None, path: Path, text: str) -> Correction | RowCorrection:
    values = {**(body or {}), "id": name}
    contract = tables().get(str(values.get("table")))
    model = RowCorrection if contract is not None and contract.kind != "form" else Correction
    entry: Correction | RowCorrection = declare(model, values, path, lambda place: line_of(text, (name, *place)))
    wrong = next(_amiss(entry), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, (name, *wrong[0]))}: {wrong[1]}.")
    return entry


def _amiss(entry: Correction | RowCorrection) -> Iterator[tuple[Location, str]]:
    """Places of an entry that name what is not there, and what is said of each."""
    if entry.table not in tables():
        yield ("table",), f"{entry.table} is no table; name one of {', '.join(tables())}"
    elif isinstance(entry, Correction):
        yield from _amiss_in_form(entry)
    else:
        yield from _amiss_in_row(entry)


def _amiss_in_form(entry: Correction) -> Iterator[tuple[Location, str]]:
    lines = [column for version in versions_of(entry.table) for column in version.columns]
    categories = {line.category for line in lines if line.item == entry.match.item}
    if not categories:
        yield ("match", "item"), f"{entry.match.item} is no item of {entry.table}"
    elif entry.match.category not in categories:
        yield ("match", "category"), f"{entry.match.item} of {entry.table} has no part {entry.match.category}"


def _amiss_in_row(entry: RowCorrection) -> Iterator[tuple[Location, str]]:
    name = entry.match.column
    if name not in (known := _correctable(entry.table)):
        yield (
            ("match", "column"),
            f"{name} is no column of {entry.table} that can be corrected; name one of {', '.join(known)}",
        )
        return
    column = known[name]
    if entry.value is None and column.required:
        yield ("value",), f"{name} of {entry.table} is never empty"
    for key, values in (("value", (entry.value,)), ("expect", entry.expect)):
        if not all(value is None or _fits(value, column) for value in values):
            yield (key,), f"{name} of {entry.table} holds {_HELD[column.type]}"


def _column_of(entry: RowCorrection) -> Column:
    return _correctable(entry.table)[entry.match.column]


def _correctable(table: str) -> Mapping[str, Column]:
    """Columns of a table of cases by name: what is stored of a case, but not the instants that tell which version is newest."""
    contract = tables()[table]
    columns = (contract.column("area_code"), *contract.stored)
    return {column.name: column for column in columns if column.type in DATA_TYPES and column.name != contract.updated}


_HELD = {
    "area": "codes of published areas",
    "code": "codes of its list",
    "date": "days, written 2025-03-31",
    "month": 'months, written "2025-03"',
    "integer": "whole numbers",
    "money": "whole numbers of fen",
    "boolean": "true or false",
}


def _fits(value: Value, column: Column) -> bool:
    """Whether a value is one that the lake could hold in a column."""
    match column.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "money":
            return isinstance(value, int) and not isinstance(value, bool)
        case "date":
            return isinstance(value, date)
        case "month":
            return isinstance(value, str) and re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", value) is not None
        case "area":
            return isinstance(value, str) and padded(value) in {area.area_code for area in published_areas()}
    return value in {code.code for code in code_lists()[str(column.codes)]}
