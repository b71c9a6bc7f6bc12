"""The corrections register: what monthly forms are known to say wrongly, and what is counted instead until they are mended."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.catalogue.areas import padded
from pipelines.catalogue.contracts import tables, versions_of
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


class Correction(Declared):
    """A cell that its sender is known to have got wrong, and what is done with it; the lake keeps what was sent.

    `expect`: the values, one of which the source still shows. Once it shows another the entry has expired and is not
    applied. `override` counts `value` instead, `drop` counts nothing (as of a cell that another sender reports too).
    """

    id: str
    table: str
    match: Cell
    action: Literal["override", "drop"]
    value: int | None = Field(default=None, ge=0)
    expect: tuple[int, ...] = Field(min_length=1)
    reason: Words
    provider: str = Field(min_length=1)
    status: Literal["open", "reported", "fixed_upstream"]
    source: str = Field(min_length=1)
    since: date

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

    @property
    def is_standing(self) -> bool:
        """Whether it is applied as long as its source shows what it expects."""
        return self.status != "fixed_upstream"


@cache
def corrections() -> Mapping[str, Correction]:
    """Entries of all files of `seeds/corrections/` by id.

    Raises `UserError` naming file and line where one names no form or no line of it, or corrects what another does.
    """
    found: dict[str, Correction] = {}
    corrected: dict[tuple[str, Cell], str] = {}
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
                raise UserError(f"{where}: {name} corrects the cell that {other} corrects; one of them can stand.")
    return found


def _correction(name: str, body: Mapping[str, Any] | None, path: Path, text: str) -> Correction:
    values = {**(body or {}), "id": name}
    entry: Correction = declare(Correction, values, path, lambda place: line_of(text, (name, *place)))
    wrong = next(_amiss(entry), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, (name, *wrong[0]))}: {wrong[1]}.")
    return entry


def _amiss(entry: Correction) -> Iterator[tuple[Location, str]]:
    """Places of an entry that name what is not there, and what is said of each."""
    forms = [table for table, contract in tables().items() if contract.kind == "form"]
    if entry.table not in forms:
        yield ("table",), f"{entry.table} is no monthly form; name one of {', '.join(forms)}"
        return
    lines = [column for version in versions_of(entry.table) for column in version.columns]
    categories = {line.category for line in lines if line.item == entry.match.item}
    if not categories:
        yield ("match", "item"), f"{entry.match.item} is no item of {entry.table}"
    elif entry.match.category not in categories:
        yield ("match", "category"), f"{entry.match.item} of {entry.table} has no part {entry.match.category}"
