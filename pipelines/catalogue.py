"""The declarations under `seeds/`, read into frozen models: cards, measures, contracts, code lists, areas, senders.

Everything raises `UserError` naming file, line and key when a declaration is wrong.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.settings import SEEDS, UserError

NOT_ASSIGNED = "999000"


class Declared(BaseModel):
    """Base of all declarations: frozen, and a misspelt key is an error. A model is built when the first one is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


Declaration = TypeVar("Declaration", bound=Declared)


class Words(Declared):
    """One text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class LegalBasis(Declared):
    text: str
    version: str
    valid_until: date | None


class Card(Declared):
    """An indicator (design: cards hold words, SQL holds logic). `numerator` and `denominator` are measure ids.

    `denominator_with`: a measure added to the denominator. `censored`: of a survival quantile, the histogram of the cases
    still open. `void_where`: a measure that must be 0, else there is no figure.
    """

    id: str
    label: Words
    kind: Literal["count", "stock", "share", "ratio", "quantile", "survival_quantile"]
    system: str
    numerator: str
    denominator: str | None = None
    denominator_with: str | None = None
    censored: str | None = None
    void_where: str | None = None
    quantile: float | None = Field(default=None, gt=0, lt=1)
    unit: str
    decimals: int = Field(ge=0, le=4)
    better: Literal["higher", "lower", "neither"]
    basis: str
    definition: Words
    includes: tuple[Words, ...] = ()
    excludes: tuple[Words, ...] = ()
    legal_basis: tuple[LegalBasis, ...] = ()
    deadline: Words | None = None
    breakdowns: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    breaks: tuple[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")], ...] = ()  # first months of a new series
    caution: Words | None = None
    matures_after: int | None = Field(default=None, ge=0)
    finest_period: Literal["month", "quarter", "year"] = "month"
    lowest_level: Literal["township", "district", "city", "province"] | None = None  # that of its numerator if not said
    is_zero_line: bool = False  # it should not occur at all: the last time it did is told
    basis_status: str
    headline: bool = False

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> "Card":
        if (self.kind in ("share", "ratio")) != (self.denominator is not None):
            raise ValueError(f"kind {self.kind} and denominator do not fit: only share and ratio have a denominator")
        if self.denominator_with is not None and self.denominator is None:
            raise ValueError("`denominator_with` is added to a denominator, and there is none")
        if self.is_quantile != (self.quantile is not None):
            raise ValueError(f"kind {self.kind} and quantile do not fit: only quantiles have one")
        if (self.kind == "survival_quantile") != (self.censored is not None):
            raise ValueError(f"kind {self.kind} and censored do not fit: only a survival quantile has one")
        if self.kind == "share" and not self.breakdowns:
            raise ValueError("a share needs a breakdown: its numerator is a category, its denominator the total")
        return self

    @property
    def is_quantile(self) -> bool:
        """Whether it is read from a histogram of days."""
        return self.kind in ("quantile", "survival_quantile")

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure it is made of, the numerator first."""
        used = (self.numerator, self.denominator, self.denominator_with, self.censored, self.void_where)
        return tuple(name for name in used if name is not None)


class FormItem(Declared):
    """Lines of a monthly form that are part of a measure.

    All lines of `item`: its total and its parts in the measure's breakdowns. `only`: one part, taken as the total.
    `breakdown` and `category`: the item is one category of the measure, and adds to the total. `subtract`: taken off.
    """

    item: str
    only: str | None = None
    breakdown: str | None = None
    category: str | None = None
    subtract: bool = False

    @model_validator(mode="after")
    def _has_one_meaning(self) -> "FormItem":
        if (self.breakdown is None) != (self.category is None) or (self.only and self.breakdown):
            raise ValueError("an item is taken whole, or `only` one part of it, or as one `category` of a `breakdown`")
        return self


class Measure(Declared):
    """Words and time behaviour of a measure. Of cases it is counted by the SQL of `dbt_project/models/measures`; of a
    monthly form it is the sum of the lines that `items` name."""

    id: str
    label: Words
    unit: str
    over_time: Literal["sum", "first", "last", "mean", "none"]
    system: str
    table: str
    lowest_level: Literal["township", "district"]
    date: str
    needs: tuple[str, ...] = ()
    breakdowns: tuple[str, ...] = ()
    bucket: Literal["none", "days"] = "none"
    items: tuple[FormItem, ...] = ()
    definition: Words


_FULL_WIDTH = str.maketrans("（）：，　＿", "():, _")


def heading(text: str | None) -> str:
    """A header text as it is compared: full-width punctuation folded, white space and byte order mark removed."""
    return "".join((text or "").translate(_FULL_WIDTH).replace("\ufeff", "").split())


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


IDENTITY = re.compile(r"\+[^=]*(?<![<>!])=(?!=)")


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
    integer columns of this export. `retired`: since when the export comes in a newer version.
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


class Code(Declared):
    """A category: id, labels, the texts under which sources write it, how well it is attested, when it was in force."""

    list_id: str
    code: str
    label_zh: str
    label_en: str
    parent_code: str
    aliases: tuple[str, ...]
    sort: int
    standard: str
    status: Literal[
        "verified",
        "verified_labels",
        "verified_image",
        "secondary_verified",
        "mapping",
        "form_seen_not_standard",
        "unofficial",
        "own_knowledge",
        "own",
    ]
    source: str
    note: str
    valid_from: date | None
    valid_to: date | None


LEVELS = ("province", "city", "district", "township")


class Area(NamedTuple):
    """A plain tuple: there are thousands, and every command reads them."""

    code_list: str
    area_code: str
    name_zh: str
    name_en: str
    level: str
    parent_code: str
    valid_from: str
    valid_to: str
    maps_to: str


class Sender(Declared):
    """Who owes which table for which area."""

    sender: str
    name_zh: str
    name_en: str
    area_code: str
    level: str
    table: str
    main_book: bool
    due_day: int
    register_name: str
    contact_office: str
    valid_from: date | None
    valid_to: date | None


class AreaChange(Declared):
    """From `month` on an area has another territory than before: its figures, and nobody else's, are not compared across it."""

    area_code: str
    month: date
    kind: Literal["split", "merged", "boundary"]
    note: str
    source: str


class Target(Declared):
    """What an area is to reach in a year, in the card's unit."""

    indicator: str
    area_code: str
    year: int
    target: float
    direction: Literal["at_least", "at_most"]
    source: str


class Holiday(Declared):
    """A day that departs from the working week: a weekday off, or a day of a weekend worked in its place (调休).

    `source`: number of the notice of the State Council's general office that says so.
    """

    date: date
    is_working_day: bool
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _departs_from_the_week(self) -> "Holiday":
        if self.is_working_day == (self.date.isoweekday() <= 5):
            said = "a weekday is worked anyhow" if self.is_working_day else "a weekend is off anyhow"
            raise ValueError(f"{self.date} does not depart from the working week: {said}")
        return self


class PublishedFigure(Declared):
    """A figure that somebody published: what was said, within which bounds it is true, and which card counts the same.

    `low` and `high`: what 余, 以上, 近 or a rounded last digit leave open; none where there is no bound. `verdict` and its
    reasons stand in the row where no card can say it.
    """

    row_id: str
    source: str
    place: str
    area_code: str
    period: str
    unit: str
    value_text: str
    low: float | None
    high: float | None
    indicator: str
    breakdown: str
    category: str
    verdict: Literal["", "agrees", "outside_bounds", "not_comparable", "not_recomputable", "not_published"]
    reason_zh: str
    reason_en: str


class DeniedHeading(Declared):
    """What a heading (or a table's label) may not say where it would be stored, and why."""

    id: str
    pattern: str
    reason: Words
    legal_basis: tuple[LegalBasis, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error})") from None
        return pattern

    def matches(self, text: str) -> bool:
        return re.search(self.pattern, heading(text), re.IGNORECASE) is not None


class DeniedValue(Declared):
    """A personal value that no cell may carry. `not_beside`: characters (a class) that may not touch it."""

    id: str
    pattern: str
    not_beside: str
    check: Literal["mod_11_2"] | None = None
    label: Words

    @property
    def standing_alone(self) -> str:
        """A regular expression without look-around; its one group is the value."""
        return f"(?:^|[^{self.not_beside}])({self.pattern})(?:[^{self.not_beside}]|$)"


class Denied(Declared):
    """What no contract can let in."""

    headings: tuple[DeniedHeading, ...]
    tables: tuple[DeniedHeading, ...]
    values: tuple[DeniedValue, ...]

    @cached_property
    def _any_heading(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{denied.pattern})" for denied in self.headings), re.IGNORECASE)

    def heading(self, text: str) -> DeniedHeading | None:
        """The first entry that a heading matches."""
        if not self._any_heading.search(heading(text)):
            return None
        return next((denied for denied in self.headings if denied.matches(text)), None)


Location = tuple[str | int, ...]


def _line_of(text: str, location: Location) -> int:
    """Line of the deepest part of a location that stands in a YAML text."""
    node, line = yaml.compose(text, Loader=yaml.CSafeLoader), 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entry = next((pair for pair in node.value if pair[0].value == part), None)
        else:
            is_item = isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
            entry = (node.value[part], node.value[part]) if is_item else None
        if entry is None:
            break
        line, node = entry[0].start_mark.line + 1, entry[1]
    return line


def _declare(model: type[Declared], values: Mapping[str, Any], path: Path, line_of: Callable[[Location], int]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors()
        misspelt = (wrong for wrong in errors if wrong["type"] == "extra_forbidden")  # else its key is also missing
        first = next(misspelt, errors[0])
        said = "there is no such key" if first["type"] == "extra_forbidden" else first["msg"]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}, line {line_of(first['loc'])}: {where}: {said}.") from None


def read_yaml(path: Path) -> tuple[dict[str, Any], str]:
    """The mapping in a YAML file and its text. Raises `UserError` when it is not a mapping."""
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, Loader=yaml.CSafeLoader)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save the file as UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        raise UserError(f"{path}, line {mark.line + 1 if mark else 1}: not valid YAML.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}, line 1: expected a mapping of keys.")
    return values, text


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a declared CSV table (UTF-8, header)."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8; save the table as CSV UTF-8.") from None


def load_declared(model: type[Declaration], path: Path) -> Declaration:
    """A declaration that stands in a YAML file of its own. Raises `UserError` naming file, line and key."""
    values, text = read_yaml(path)
    return _declare(model, values, path, lambda place: _line_of(text, place))


def load_contract(path: Path) -> Contract:
    """A contract. Raises `UserError` naming file and line, also of a list, column or table that does not exist."""
    contract = _read_contract(path)
    _check_references(contract, path, contracts())
    return contract


def _read_contract(path: Path) -> Contract:
    """A contract by itself: what it says of other contracts is not looked at."""
    values, text = read_yaml(path)
    named = {"id": EARLIER.sub("", path.stem)}
    contract: Contract = _declare(Contract, {**named, **values}, path, lambda place: _line_of(text, place))
    wrong = next(_amiss(contract), None)
    if wrong:
        raise UserError(f"{path}, line {_line_of(text, wrong[0])}: {wrong[1]}.")
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
        raise UserError(f"{path}, line {_line_of(text, ('label',))}: {said}.")
    for number, column in enumerate(contract.columns):
        for key, said in [
            ("label", column.label),
            *((("aliases", n), alias) for n, alias in enumerate(column.aliases)),
        ]:
            found = None if column.personal == "dropped" else denied().heading(said)
            if found is not None:
                place = ("columns", number, *(key if isinstance(key, tuple) else (key,)))
                raise UserError(
                    f"{path}, line {_line_of(text, place)}: {said} is never stored"
                    f" ({found.reason.zh} {found.reason.en}). Mark the column `personal: dropped` or leave it out."
                )


@cache
def denied() -> Denied:
    """What no contract can let in. Raises `UserError` naming the line of a wrong entry."""
    path = SEEDS / "denied.yml"
    values, text = read_yaml(path)
    return _declare(Denied, values, path, lambda place: _line_of(text, place))


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
    return UserError(f"{path}, line {_line_of(text, (place,) if isinstance(place, str) else place)}: {said}.")


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


@cache
def measures() -> Mapping[str, Measure]:
    """Measures by id. Raises `UserError` on an unknown unit, table or breakdown."""
    found: dict[str, Measure] = {}
    for path in sorted((SEEDS / "measures").glob("*.yml")):
        values, text = read_yaml(path)
        for name in values:
            if name in found:
                raise UserError(f"{path}, line {_line_of(text, (name,))}: measure {name} is declared twice.")
            found[name] = _measure(name, values[name] or {}, path, text)
    return found


def _measure(name: str, body: Mapping[str, Any], path: Path, text: str) -> Measure:
    values = {"id": name, **body}
    measure: Measure = _declare(Measure, values, path, lambda place: _line_of(text, (name, *place)))
    known = {"unit": set(units()), "table": set(tables()), "breakdowns": set(code_lists())}
    said = {"unit": {measure.unit}, "table": {measure.table}, "breakdowns": set(measure.breakdowns)}
    for key, names in said.items():
        if names - known[key]:
            raise UserError(f"{path}, line {_line_of(text, (name, key))}: {key}: unknown {sorted(names - known[key])}.")
    wrong = next(_amiss_in_items(measure), None)
    if wrong:
        raise UserError(f"{path}, line {_line_of(text, (name, *wrong[0]))}: {wrong[1]}.")
    return measure


def _amiss_in_items(measure: Measure) -> Iterator[tuple[Location, str]]:
    """Places of a measure's items that name what its form does not have, and what is said of each."""
    is_form = tables()[measure.table].kind == "form"
    if is_form != bool(measure.items):
        yield ("items",), "a measure of a monthly form names its `items`, and no other measure does"
    for number, part in enumerate(measure.items):
        lines = [c for version in versions_of(measure.table) for c in version.columns if c.item == part.item]
        if not lines:
            yield ("items", number, "item"), f"{part.item} is no item of {measure.table}"
        elif part.only and part.only not in {line.category for line in lines}:
            yield ("items", number, "only"), f"{part.item} of {measure.table} has no part {part.only}"
        elif part.breakdown and part.breakdown not in measure.breakdowns:
            yield ("items", number, "breakdown"), f"{part.breakdown} is no breakdown of the measure"
        elif part.breakdown and part.category not in {code.code for code in code_lists()[part.breakdown]}:
            yield ("items", number, "category"), f"{part.category} is no code of the list {part.breakdown}"


LEVELS = ("township", "district", "city", "province")  # from the finest

FormLine = tuple[str, str, str, str, str, str, int]


def form_lines() -> Iterator[FormLine]:
    """Measure, table, item, category of the form's line -> breakdown and category of the measure it is added to, and its sign."""
    for measure in measures().values():
        for part in measure.items:
            columns = (c for version in versions_of(measure.table) for c in version.columns if c.item == part.item)
            for category, breakdown in dict.fromkeys((c.category, c.breakdown) for c in columns):
                for place in _places_of(measure, part, category, breakdown):
                    yield measure.id, measure.table, part.item, category, *place, -1 if part.subtract else 1


def _places_of(measure: Measure, part: FormItem, category: str, breakdown: str | None) -> Iterator[tuple[str, str]]:
    """Breakdown and category of a measure to which one line of an item is added."""
    if category == (part.only or "total"):
        yield "total", "total"
        if part.breakdown and part.category:
            yield part.breakdown, part.category
    elif part.only is None and part.breakdown is None and breakdown in measure.breakdowns:
        yield str(breakdown), category


@cache
def cards() -> Mapping[str, Card]:
    """Cards by id. Raises `UserError` on an unknown measure, breakdown, variant or unit."""
    paths = sorted((SEEDS / "indicators").glob("*.yml"))
    return {path.stem: _load_card(path, {other.stem for other in paths}) for path in paths}


def _load_card(path: Path, cards: set[str]) -> Card:
    values, text = read_yaml(path)
    card: Card = _declare(Card, {"id": path.stem, **values}, path, lambda place: _line_of(text, place))
    wrong = next(((key, what) for key, what in _unfitting(card, cards) if what), None)
    if wrong:
        raise UserError(f"{path}, line {_line_of(text, (wrong[0],))}: {wrong[0]}: {wrong[1]}.")
    return card


def _unfitting(card: Card, cards: set[str]) -> Iterator[tuple[str, str]]:
    """Key of a card and what is wrong with it, empty where nothing is."""
    for key in ("numerator", "denominator", "denominator_with", "censored", "void_where"):
        name = getattr(card, key)
        if name is None:
            continue
        yield key, "" if name in measures() else f"{name} is not a measure of seeds/measures"
        is_histogram = measures()[name].bucket == "days"
        fits = is_histogram == (card.is_quantile and key != "void_where")
        yield key, "" if fits else f"{name} does not fit kind {card.kind}"
        if key == "numerator" or (card.kind == "ratio" and key in ("denominator", "denominator_with")):
            unknown = set(card.breakdowns) - set(measures()[name].breakdowns)
            yield "breakdowns", f"{name} has no breakdown {sorted(unknown)}" if unknown else ""
    coarse = LEVELS.index(card.lowest_level or "township") < LEVELS.index(measures()[card.numerator].lowest_level)
    yield (
        "lowest_level",
        f"{card.numerator} is counted by district at the finest" if card.lowest_level and coarse else "",
    )
    yield "unit", "" if card.unit in units() else f"{card.unit} is not a unit of seeds/tables/units.csv"
    yield "variants", "" if set(card.variants) <= cards else f"no card {sorted(set(card.variants) - cards)}"


@cache
def units() -> Mapping[str, Mapping[str, str]]:
    return {row["unit"]: row for row in read_rows(SEEDS / "tables" / "units.csv")}


@cache
def code_lists() -> Mapping[str, tuple[Code, ...]]:
    """Categories by list id, in their declared order."""
    found: dict[str, list[Code]] = {}
    path = SEEDS / "tables" / "code_lists.csv"
    for line, row in enumerate(read_rows(path), 2):
        values = {name: row.get(name) for name in Code.model_fields}
        values |= {name: row.get(name) or None for name in ("valid_from", "valid_to")}
        aliases = tuple(text for text in (row.get("aliases") or "").split("|") if text)
        code: Code = _declare(Code, {**values, "aliases": aliases}, path, lambda _, line=line: line)
        found.setdefault(code.list_id, []).append(code)
    return {name: tuple(sorted(codes, key=lambda code: code.sort)) for name, codes in found.items()}


def load_areas(path: Path) -> tuple[Area, ...]:
    """Areas of a list given beside the seeds. Raises `UserError` with the line of a code that stands twice, or whose
    parent is neither in the list nor published."""
    return _areas_in(path, {area.area_code for area in areas() if not area.maps_to})


@cache
def areas() -> tuple[Area, ...]:
    return _areas_in(SEEDS / "tables" / "areas.csv", set())


def _areas_in(path: Path, published: set[str]) -> tuple[Area, ...]:
    found = {line: _area(row, path, line) for line, row in enumerate(read_rows(path), 2)}
    parents = published | {area.area_code for area in found.values() if not area.maps_to} | {""}
    seen: set[tuple[str, str]] = set()
    for line, area in found.items():
        if (area.code_list, area.area_code) in seen:
            raise UserError(f"{path}, line {line}: area {area.area_code} stands twice in list {area.code_list}.")
        if not area.maps_to and area.parent_code not in parents:
            raise UserError(f"{path}, line {line}: the parent {area.parent_code} of {area.area_code} is not an area.")
        seen.add((area.code_list, area.area_code))
    return tuple(found.values())


def _area(row: Mapping[str, str], path: Path, line: int) -> Area:
    wrong = next((name for name in Area._fields if row.get(name) is None), None)
    if wrong is not None:
        raise UserError(f"{path}, line {line}: {wrong}: Field required.")
    if row["level"] not in LEVELS:
        raise UserError(f"{path}, line {line}: level: expected one of {', '.join(LEVELS)}.")
    if len(row) > len(Area._fields):
        raise UserError(f"{path}, line {line}: there are more cells than columns, or a column that no area has.")
    return Area(**row)


@cache
def senders() -> tuple[Sender, ...]:
    path = SEEDS / "tables" / "senders.csv"
    found = []
    for line, row in enumerate(read_rows(path), 2):
        values: dict[str, Any] = {("register_name" if n == "register" else n): value for n, value in row.items()}
        values |= {name: row.get(name) or None for name in ("valid_from", "valid_to")}
        found.append(_declare(Sender, values, path, lambda _, line=line: line))
    return tuple(found)


@cache
def area_changes() -> tuple[AreaChange, ...]:
    """Changes of territory. Raises `UserError` with the line of an area that is not published."""
    path = SEEDS / "tables" / "area_changes.csv"
    rows = enumerate(read_rows(path), 2)
    found: dict[int, AreaChange] = {
        line: _declare(AreaChange, row, path, lambda _, line=line: line) for line, row in rows
    }
    published = {area.area_code for area in published_areas()}
    for line, change in found.items():
        if change.area_code not in published:
            raise UserError(f"{path}, line {line}: {change.area_code} is no published area.")
    return tuple(found.values())


@cache
def targets() -> tuple[Target, ...]:
    """Targets. Raises `UserError` with the line of an unknown card or area, or of a second target for the same year."""
    path = SEEDS / "tables" / "targets.csv"
    rows = enumerate(read_rows(path), 2)
    found: dict[int, Target] = {line: _declare(Target, row, path, lambda _, line=line: line) for line, row in rows}
    published = {area.area_code for area in published_areas()}
    seen: set[tuple[str, str, int]] = set()
    for line, target in found.items():
        key = (target.indicator, target.area_code, target.year)
        if target.indicator not in cards() or target.area_code not in published or key in seen:
            raise UserError(
                f"{path}, line {line}: {target.indicator}, {target.area_code}, {target.year}: expected a card, a published"
                " area, and one target for each year."
            )
        seen.add(key)
    return tuple(found.values())


@cache
def holidays() -> tuple[Holiday, ...]:
    """Days that depart from the working week, in order of date.

    Raises `UserError` with the line of a day that stands twice or departs from nothing, and when a year between the first
    and the last has no day: working days are numbered through.
    """
    path = SEEDS / "tables" / "holidays.csv"
    found: dict[date, Holiday] = {}
    for line, row in enumerate(read_rows(path), 2):
        holiday: Holiday = _declare(Holiday, row, path, lambda _, line=line: line)
        if holiday.date in found:
            raise UserError(f"{path}, line {line}: {holiday.date} stands twice.")
        found[holiday.date] = holiday
    years = {day.year for day in found}
    missing = set(range(min(years, default=0), max(years, default=0))) - years
    if missing:
        raise UserError(f"{path}: no day of {min(missing)}; the years announced must follow each other.")
    return tuple(found[day] for day in sorted(found))


def working_days() -> Iterator[tuple[date, int]]:
    """Every day of the years announced, with the number of working days up to and with it, from the first year's first.

    Working days after one day up to another are the difference of their numbers. What lies outside is not known.
    """
    departing = {holiday.date: holiday.is_working_day for holiday in holidays()}
    if not departing:
        return
    day, last = date(min(departing).year, 1, 1), date(max(departing).year, 12, 31)
    number = 0
    while day <= last:
        number += departing.get(day, day.isoweekday() <= 5)
        yield day, number
        day += timedelta(days=1)


@cache
def published_figures() -> tuple[PublishedFigure, ...]:
    """Figures of the five articles and of other publications, in the order of their tables.

    Raises `UserError` with the line of one that names an unknown card or breakdown.
    """
    return (*_published_in("article_figures.csv"), *_published_in("published_figures.csv"))


def _published_in(name: str) -> Iterator[PublishedFigure]:
    path = SEEDS / "tables" / name
    for line, row in enumerate(read_rows(path), 2):
        values: dict[str, Any] = {key: row.get(key) for key in PublishedFigure.model_fields}
        values |= {
            "source": row.get("source") or row.get("article"),
            "low": row["low"] or None,
            "high": row["high"] or None,
        }
        figure: PublishedFigure = _declare(PublishedFigure, values, path, lambda _, line=line: line)
        card = cards().get(figure.indicator)
        if figure.indicator and card is None:
            raise UserError(f"{path}, line {line}: {figure.indicator} is no card of seeds/indicators.")
        if card is not None and figure.breakdown and figure.breakdown not in card.breakdowns:
            raise UserError(f"{path}, line {line}: {figure.indicator} is not broken down by {figure.breakdown}.")
        yield figure


def padded(code: str) -> str:
    """A 6-, 9- or 12-digit area code as 12 digits; anything else as it is."""
    return code.ljust(12, "0") if code.isdigit() and len(code) in (2, 4, 6, 9, 12) else code


def published_areas(extra: Iterable[Area] = ()) -> tuple[Area, ...]:
    """The areas figures are published for: those that map to no other."""
    return tuple(area for area in (*areas(), *extra) if not area.maps_to)


FOLDED_INTO_NBS2023 = (
    "nbs2023_statistical",
    "nbs_earlier",
)  # zones counted as counties, and codes given up before 2023


@cache
def area_mapping(code_list: str, extra: tuple[Area, ...] = (), level: str | None = None) -> Mapping[str, str]:
    """Source code -> published code, for one code list, on top of the published list itself.

    `level`: a township is mapped to the district it lies in (its parent, which its digits need not name).
    """
    known = (*areas(), *extra)
    mapping = {area.area_code: area.area_code for area in known if not area.maps_to}
    if code_list == "nbs2023":
        mapping |= {area.area_code: area.maps_to for area in known if area.code_list in FOLDED_INTO_NBS2023}
    mapping |= {area.area_code: area.maps_to or area.area_code for area in known if area.code_list == code_list}
    if level is None:
        return mapping
    districts = {area.area_code: area.parent_code for area in known if area.level == "township" and not area.maps_to}
    return {source: districts.get(code, code) for source, code in mapping.items()}


def areas_version() -> str:
    """Digest of the list of areas."""
    return hashlib.sha256((SEEDS / "tables" / "areas.csv").read_bytes()).hexdigest()[:12]


@cache
def seeds_version() -> str:
    """Digest of all declarations, 12 hexadecimal digits: a changed seed makes a build start anew."""
    digest = hashlib.sha256()
    for path in sorted(path for path in SEEDS.rglob("*") if path.suffix in (".yml", ".csv")):
        digest.update(path.relative_to(SEEDS).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
