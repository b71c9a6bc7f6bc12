"""Contracts: what exports look like, in their present and earlier versions."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipelines.catalogue.codes import code_lists
from pipelines.catalogue.declaring import Declared, LegalBasis, Location, Words, declare, heading, line_of, read_yaml
from pipelines.catalogue.denied import denied
from pipelines.settings import SEEDS, UserError

STORED: Mapping[str, str] = {
    "area": "text",
    "code": "text",
    "codes": "text",
    "date": "date",
    "month": "date",
    "datetime": "instant",
    "integer": "integer",
    "money": "integer",
    "boolean": "yes or no",
    "identifier": "pseudonym",
    "text": "nothing",
}


class Column(Declared):
    """A column of an export.

    `personal`: dropped at the door, or (a case number) replaced by a keyed pseudonym. A `month` is also read from a full
    date, whose day is not kept. `codes` of a boolean names the list that says yes and no, where it is not `yes_no`.
    `level`: of the area no more is kept than the district it lies in. `references`: the table whose pseudonym of the same
    number is stored as `<name>_key`. `item`, `breakdown` and `category`: the line of a form, and of which list its part is.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str
    aliases: tuple[str, ...] = ()
    type: Literal[
        "identifier", "area", "code", "codes", "date", "datetime", "month", "integer", "money", "boolean", "text"
    ]
    codes: str | None = None
    code_list: str | None = None
    level: Literal["district"] | None = None
    unit: Literal["yuan", "wan_yuan"] | None = None
    formats: tuple[str, ...] = ()
    pattern: str | None = None
    required: bool = False
    personal: Literal["none", "keyed", "dropped"] = "none"
    references: str | None = None
    item: str | None = None
    breakdown: str | None = None
    category: str = "total"

    @model_validator(mode="after")
    def _type_has_its_parts(self) -> "Column":
        if self.type != "boolean" and (self.type in ("code", "codes")) != (self.codes is not None):
            raise ValueError(f"column {self.name}: a code column names its list in `codes`, and only a code column")
        if self.type == "money" and self.unit is None:
            raise ValueError(f"column {self.name}: money needs a unit, yuan or wan_yuan")
        if self.type == "text" and self.personal != "dropped":
            raise ValueError(f"column {self.name}: free text is never stored; mark it `personal: dropped`")
        if self.type == "identifier" and self.personal == "none":
            raise ValueError(f"column {self.name}: an identifier is keyed or dropped, never stored")
        if self.level is not None and self.type != "area":
            raise ValueError(f"column {self.name}: only an area is kept at a level")
        if self.references is not None and self.personal != "keyed":
            raise ValueError(f"column {self.name}: what references another table is `personal: keyed`")
        if self.item is None and (self.breakdown is not None or self.category != "total"):
            raise ValueError(f"column {self.name}: only an item has a breakdown and a category")
        if (self.breakdown is None) != (self.category == "total"):
            raise ValueError(f"column {self.name}: a category belongs to a `breakdown`, and a breakdown has a category")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The header texts under which the column comes: its label first, then its aliases."""
        return (self.label, *self.aliases)

    @property
    def pseudonym(self) -> str | None:
        """Name under which the lake holds the pseudonym of another table's case; None where there is none."""
        return f"{self.name}_key" if self.references is not None else None


IDENTITY = re.compile(r"\+[^=]*(?<![<>!])=(?!=)")


class Rule(Declared):
    """A rule over the typed columns of one row, as a Polars SQL expression; NULL counts as failure."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    require: str
    columns: tuple[str, ...]
    severity: Literal["refuse", "warn"]
    label: Words

    @property
    def is_identity(self) -> bool:
        """Whether it says that parts make a total, or what comes in and goes out the closing stock."""
        return len(self.columns) > 1 and IDENTITY.search(self.require) is not None


class Clock(Declared):
    """A time limit between two columns: declared here, counted by the measures.

    `days` from the day after `starts` to `ends`; `working`: days off by the State Council's calendar are left out.
    `where`: the clock runs only in rows whose columns hold these codes. `extended_by`: days that may be granted on top.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    starts: str
    ends: str
    days: int = Field(gt=0)
    calendar: Literal["natural", "working"]
    extended_by: int | None = Field(default=None, gt=0)
    where: Mapping[str, str | bool] = Field(default_factory=dict)
    legal_basis: LegalBasis
    label: Words


class Carried(Declared):
    """A stock of a form that goes on from month to month: what a month closes with, the next one opens with."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    closing: str
    opening: str
    severity: Literal["warn"]
    label: Words


DATED = ("date", "datetime", "month")


class Contract(Declared):
    """What an export looks like: one row a case (`cases`) or one row an area and month, many items (`form`).

    `key`: the column (or columns) that make a case itself inside its register. `dash`: what "/" and "—" mean in the
    integer columns of this export. `frequency`: of what its senders owe one each. `retired`: since when the export comes in
    a newer version.
    """

    id: str
    table: str
    version: int = Field(ge=1)
    kind: Literal["cases", "form"]
    label: Words
    grain: Words
    system: str
    register_name: str | None = None
    sender: str | None = None
    key: str | tuple[str, ...] | None = None
    dash: Literal["nothing", "zero"] = "nothing"
    frequency: Literal["month", "quarter", "half_year", "year"] = "month"
    updated: str | None = None
    dated_by: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    clocks: tuple[Clock, ...] = ()
    carried: tuple[Carried, ...] = ()
    retired: date | None = None

    @model_validator(mode="after")
    def _columns_fit(self) -> "Contract":
        names = [column.name for column in self.columns]
        if len(names) != len(set(names)):
            raise ValueError("a column name stands twice")
        labels = [heading(text) for column in self.columns for text in (column.label, *column.aliases)]
        if len(labels) != len(set(labels)):
            raise ValueError("a header text stands at two columns")
        if self.kind == "cases":
            keyed = {column.name for column in self.columns if column.personal == "keyed"}
            others = any(
                column.references for column in self.columns
            )  # then a column may be part of another table's key
            if (
                not self.key_columns
                or not set(self.key_columns) <= set(names)
                or not (others or keyed <= set(self.key_columns))
            ):
                raise ValueError("`key` must name every column that is `personal: keyed`, or columns in its place")
        if not {"area_code", self.dated_by, self.updated or self.dated_by} <= set(names):
            raise ValueError("a contract needs the column area_code and those named by `dated_by` and `updated`")
        if any(self.column(name).type not in DATED for name in (self.dated_by, self.updated or self.dated_by)):
            raise ValueError("`dated_by` and `updated` must name columns of dates")
        for rule in self.rules:
            unknown = set(rule.columns) - set(names)
            if unknown:
                raise ValueError(f"rule {rule.id} names unknown columns {sorted(unknown)}")
        return self

    @property
    def months_each(self) -> int:
        """For how many months a report is owed at once; it is owed for the last of them."""
        return {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[self.frequency]

    @cached_property
    def headings(self) -> Mapping[str, str]:
        """Every header text the contract knows, as `heading` folds it -> column name."""
        return {heading(text): column.name for column in self.columns for text in (column.label, *column.aliases)}

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the key, in order; none in a form, whose key are sender, area, month, item and category."""
        return (self.key,) if isinstance(self.key, str) else self.key or ()

    @property
    def labels(self) -> Mapping[str, Words]:
        """What the contract's own reasons mean, by their id."""
        return {rule.id: rule.label for rule in (*self.rules, *self.carried)}

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that reach the lake under their own names."""
        return tuple(c for c in self.columns if c.personal == "none" and c.name != "area_code" and c.item is None)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def load_contract(path: Path) -> Contract:
    """A contract. Raises `UserError` naming file and line, also of a list, column or table that does not exist."""
    contract = _read_contract(path)
    _check_references(contract, path, contracts())
    return contract


def _read_contract(path: Path) -> Contract:
    """A contract by itself: what it says of other contracts is not looked at."""
    values, text = read_yaml(path)
    named = {"id": EARLIER.sub("", path.stem)}
    contract: Contract = declare(Contract, {**named, **values}, path, lambda place: line_of(text, place))
    wrong = next(_amiss(contract), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, wrong[0])}: {wrong[1]}.")
    _refuse_denied(contract, path, text)
    return contract


def _amiss(contract: Contract) -> Iterator[tuple[Location, str]]:
    """Places of a contract that name what does not exist, and what is said of each."""
    yield from _amiss_in_columns(contract)
    yield from _amiss_in_clocks(contract)
    items = {column.name for column in contract.columns if column.item is not None}
    for number, pair in enumerate(contract.carried):
        for key in ("closing", "opening"):
            if getattr(pair, key) not in items:
                yield ("carried", number, key), f"{pair.id}: {getattr(pair, key)} is no item of the form"
    for part in ("rules", "clocks", "carried"):
        ids = [entry.id for entry in getattr(contract, part)]
        for number, name in enumerate(ids):
            if name in ids[:number]:
                yield (part, number, "id"), f"{name} stands twice among the {part}"


def _amiss_in_columns(contract: Contract) -> Iterator[tuple[Location, str]]:
    for number, column in enumerate(contract.columns):
        for key in ("codes", "breakdown"):
            named = getattr(column, key)
            if named is not None and named not in code_lists():
                yield ("columns", number, key), f"{named} is not a list of seeds/tables/code_lists.csv"
        if column.breakdown and column.category not in {code.code for code in code_lists()[column.breakdown]}:
            yield ("columns", number, "category"), f"{column.category} is no code of the list {column.breakdown}"


def _amiss_in_clocks(contract: Contract) -> Iterator[tuple[Location, str]]:
    columns = {column.name: column for column in contract.columns}
    for number, clock in enumerate(contract.clocks):
        for key in ("starts", "ends"):
            name = getattr(clock, key)
            if name not in columns or columns[name].type not in ("date", "datetime"):
                yield ("clocks", number, key), f"clock {clock.id}: {name} is no column of days"
        for name, value in clock.where.items():
            place: Location = ("clocks", number, "where", name)
            column = columns.get(name)
            if column is None:
                yield place, f"clock {clock.id}: {name} is no column"
            elif column.type == "code" and value not in {code.code for code in code_lists()[column.codes or ""]}:
                yield place, f"clock {clock.id}: {value} is no code of the list {column.codes}"
            elif column.type not in ("code", "boolean") or (column.type == "boolean") != isinstance(value, bool):
                yield place, f"clock {clock.id}: {name} holds no such value"


def _refuse_denied(contract: Contract, path: Path, text: str) -> None:
    """Raises `UserError` where a contract would store what `seeds/denied.yml` keeps out."""
    tables = (d for d in denied().tables if d.matches(contract.label.zh) or d.matches(contract.label.en))
    listed = next(tables, None)
    if listed is not None:
        said = f"a table of this kind ({listed.reason.zh} {listed.reason.en}) is never taken in"
        raise UserError(f"{path}, line {line_of(text, ('label',))}: {said}.")
    for number, column in enumerate(contract.columns):
        for key, said in [
            ("label", column.label),
            *((("aliases", n), alias) for n, alias in enumerate(column.aliases)),
        ]:
            found = None if column.personal == "dropped" else denied().heading(said)
            if found is not None:
                place = ("columns", number, *(key if isinstance(key, tuple) else (key,)))
                raise UserError(
                    f"{path}, line {line_of(text, place)}: {said} is never stored"
                    f" ({found.reason.zh} {found.reason.en}). Mark the column `personal: dropped` or leave it out."
                )


EARLIER = re.compile(r"-v[0-9]+$")


@cache
def contracts() -> Mapping[str, Contract]:
    """The present contracts by id (the file's stem)."""
    return {contract.id: contract for contract in contract_versions() if contract.retired is None}


@cache
def contract_versions() -> tuple[Contract, ...]:
    """All contracts, those of earlier exports too: by id, the newest version first.

    Raises `UserError` on versions that contradict each other.
    """
    folder = SEEDS / "contracts"
    present = {path: _read_contract(path) for path in sorted(folder.glob("*.yml"))}
    earlier = {path: _read_contract(path) for path in sorted((folder / "earlier").glob("*.yml"))}
    by_id = {contract.id: contract for contract in present.values()}
    for path, contract in present.items():
        if contract.retired is not None:
            raise _contradiction(path, "retired", "a retired contract lies in seeds/contracts/earlier")
        _check_references(contract, path, by_id)
    found = {(contract.id, contract.version): contract for contract in present.values()}
    for path, contract in earlier.items():
        _check_version(path, contract, by_id, found)
        found[contract.id, contract.version] = contract
    return tuple(sorted(found.values(), key=lambda contract: (contract.id, -contract.version)))


def _check_version(
    path: Path, contract: Contract, present: Mapping[str, Contract], found: Mapping[tuple[str, int], Contract]
) -> None:
    newest = present.get(contract.id)
    if contract.retired is None:
        raise _contradiction(path, "version", "an earlier version says since when it is `retired`")
    if (contract.id, contract.version) in found and newest and contract.version != newest.version:
        raise _contradiction(path, "version", f"{contract.id} v{contract.version} is declared twice")
    if newest is None or contract.version >= newest.version or contract.table != newest.table:
        said = "there is no present version of it" if newest is None else f"the present one is v{newest.version}"
        raise _contradiction(path, "version", f"an earlier version of {contract.id} than v{contract.version}: {said}")
    kept = {column.name: column for column in newest.stored}
    for number, column in enumerate(contract.columns):
        other = kept.get(column.name)
        if column.personal == "none" and other is not None and STORED[column.type] != STORED[other.type]:
            said = f"{column.name} is stored as {STORED[other.type]} since v{newest.version}"
            raise _contradiction(path, ("columns", number, "type"), said)


def _check_references(contract: Contract, path: Path, present: Mapping[str, Contract]) -> None:
    """A row can name a case of another table when it carries the whole key of that table, under the same names."""
    own = {column.name: column for column in contract.columns}
    for number, column in enumerate(contract.columns):
        if column.references is None:
            continue
        other = present.get(column.references)
        said = ""
        if other is None or other.kind != "cases" or other.system != contract.system:
            said = f"there is no table of cases {column.references} in the system {contract.system}"
        elif column.name not in other.key_columns or not set(other.key_columns) <= set(own):
            said = f"the key of {column.references} is {', '.join(other.key_columns)}; name the columns alike"
        if said:
            raise _contradiction(path, ("columns", number, "references"), said)


def _contradiction(path: Path, place: str | Location, said: str) -> UserError:
    _, text = read_yaml(path)
    return UserError(f"{path}, line {line_of(text, (place,) if isinstance(place, str) else place)}: {said}.")


def tables() -> Mapping[str, Contract]:
    """The contract that defines each lake table: the one whose id is the table's name."""
    return {contract.table: contract for contract in contracts().values() if contract.id == contract.table}


def versions_of(table: str) -> tuple[Contract, ...]:
    """Every contract under which a lake table may have come, the newest version first."""
    return tuple(contract for contract in contract_versions() if contract.table == table)


NO_SUCH_CASE = "no_such_case"  # a row names a case of another table that nobody handed in


@cache
def consistency_reasons() -> frozenset[str]:
    """The reasons for which rows contradict themselves, each other or another table, rather than being malformed."""
    identities = {rule.id for contract in contract_versions() for rule in contract.rules if rule.is_identity}
    return frozenset(identities | {c.id for contract in contract_versions() for c in contract.carried} | {NO_SUCH_CASE})
