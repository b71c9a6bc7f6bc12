"""The publication plan: what is public, who answers for it, how it is protected; and what the internal edition holds.

`seeds/publication.yml`. Without authority, reviewer and approver nothing is published.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.catalogue.cards import cards
from pipelines.catalogue.declaring import Declared, Location, Words, declare, line_of, read_yaml
from pipelines.catalogue.measures import FINEST_FIRST, Measure, measures
from pipelines.settings import SEEDS, UserError

Level = Literal["township", "district", "city", "province"]
DrawnPeriod = Literal["month", "quarter", "year"]
PeriodKind = Literal["month", "quarter", "half_year", "year", "year_to_date"]
SHORTEST_FIRST: tuple[DrawnPeriod, ...] = ("month", "quarter", "year")
DAYS = "days"  # the breakdown of a histogram into bands
NEVER_BELOW_DISTRICT = ("correction", "resettlement")
COUNTED_PERSONS = ("person", "person_time")
SMALLEST = {True: 10, False: 5}  # k and base of persons, and of cases


class GridLevel(Declared):
    """Of an area level of the internal edition: the period kinds that hold totals, and those that hold breakdowns too."""

    periods: tuple[PeriodKind, ...]
    breakdown_periods: tuple[PeriodKind, ...]


class PublicTable(Declared):
    """A public table: measures of one system by area level and period, and by at most one breakdown.

    `k`: the smallest number of cases (persons) that may be recognised. `base`: values are rounded to its multiples.
    `floor`: parts of a year are shown where its published total is at least this, and a roll-up is drawn by its own key
    where its published parts are at least this; a smaller one is their sum.
    """

    id: str
    system: str
    measures: tuple[str, ...] = Field(min_length=1)
    breakdown: str | None = None
    levels: Mapping[Level, tuple[DrawnPeriod, ...]] = Field(min_length=1)
    k: int
    base: int
    floor: int


class RateRules(Declared):
    """How much of a rate is shown, by its published denominator; shares of percent `at_most` and `at_least` as bands."""

    smallest_denominator: int
    one_decimal_from: int
    at_most: float
    at_least: float
    change_from: int


class DayRules(Declared):
    """Bands of days by their first day, and the smallest number of cases of which a quantile is told."""

    bands: tuple[int, ...]
    smallest: int


class PublicationPlan(Declared):
    """The whole plan. `within`: part -> whole, of measures of which the rest is drawn. `ladder`: ids of tables, in the
    order in which they are dropped where the audit finds a cell."""

    version: str
    authority: Words
    reviewer: Words
    approver: Words
    internal_grid: Mapping[Level, GridLevel]
    internal_systems: Mapping[str, Words]
    internal_indicators: Mapping[str, Words]
    within: Mapping[str, str]
    final_after_months: int = Field(ge=0)
    thinnest: float = Field(gt=0)
    rates: RateRules
    days: DayRules
    tables: Mapping[str, PublicTable]
    ladder: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure of a public table."""
        return tuple(dict.fromkeys(name for table in self.tables.values() for name in table.measures))

    @property
    def indicators(self) -> tuple[str, ...]:
        """Cards of which every measure is public and that nothing keeps internal."""
        of_days = {name for t in self.tables.values() if t.breakdown == DAYS for name in t.measures}
        return tuple(
            card.id
            for card in cards().values()
            if set(card.measures) <= set(self.measures)
            and card.id not in self.internal_indicators
            and (card.kind == "quantile") == (card.numerator in of_days)
            and (card.kind != "share" or any(self._holds(card.numerator, name) for name in card.breakdowns))
        )

    def shows(self, indicator: str, breakdown: str) -> bool:
        """Whether a public indicator is shown by a breakdown, or in `total`."""
        card = cards()[indicator]
        used = [card.numerator, *([card.denominator] if card.kind == "ratio" and card.denominator else [])]
        is_held = breakdown == "total" or all(self._holds(measure, breakdown) for measure in used)
        return indicator in self.indicators and is_held

    def _holds(self, measure: str, breakdown: str) -> bool:
        return any(measure in table.measures and table.breakdown == breakdown for table in self.tables.values())


@cache
def publication_plan() -> PublicationPlan:
    """The plan. Raises `UserError` naming file and line of what does not fit the catalogue or the rules."""
    path = SEEDS / "publication.yml"
    values, text = read_yaml(path)
    tables = values.get("tables")
    if isinstance(tables, dict):
        named = {
            name: {"id": name, **(body or {})} if isinstance(body or {}, dict) else body
            for name, body in tables.items()
        }
        values = values | {"tables": named}
    plan: PublicationPlan = declare(PublicationPlan, values, path, lambda place: line_of(text, place))
    wrong = next((found for found in _unfitting(plan) if found[1]), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, wrong[0])}: {'.'.join(map(str, wrong[0]))}: {wrong[1]}.")
    return plan


def publication_hash() -> str:
    """Digest of the plan's file, 12 hexadecimal digits."""
    return hashlib.sha256(Path(SEEDS / "publication.yml").read_bytes()).hexdigest()[:12]


def _unfitting(plan: PublicationPlan) -> Iterator[tuple[Location, str]]:
    """Places of the plan, and what is wrong there; empty where nothing is."""
    for name in plan.internal_indicators:
        yield ("internal_indicators", name), "" if name in cards() else f"{name} is no card of seeds/indicators"
    for part, whole in plan.within.items():
        unknown = {part, whole} - measures().keys()
        yield ("within", part), f"unknown measures {sorted(unknown)}" if unknown else ""
    for name in plan.ladder:
        yield ("ladder",), "" if name in plan.tables else f"{name} is no table of the plan"
    left_out = sorted(plan.tables.keys() - set(plan.ladder))
    yield ("ladder",), f"{left_out[0]} stands on no rung" if left_out else ""
    for table in plan.tables.values():
        yield from _unfitting_table(table, plan)


def _unfitting_table(table: PublicTable, plan: PublicationPlan) -> Iterator[tuple[Location, str]]:
    here: Location = ("tables", table.id)
    if table.system in plan.internal_systems:
        yield (*here, "system"), f"{table.system} is kept internal by internal_systems"
    for name in table.measures:
        measure = measures().get(name)
        if measure is None:
            yield (*here, "measures"), f"{name} is not a measure of seeds/measures"
            continue
        yield (*here, "measures"), _unfitting_measure(measure, table)
        smallest = SMALLEST[measure.unit in COUNTED_PERSONS]
        if min(table.k, table.base) < smallest:
            yield (*here, "k" if table.k < smallest else "base"), f"{name} needs at least {smallest}"
    if table.base < table.k:
        yield (*here, "base"), f"a base under k ({table.k}) cannot hide {table.k - 1}"
    yield (*here, "levels"), "" if all("year" in kinds for kinds in table.levels.values()) else "years are always shown"
    if table.breakdown is not None and table.breakdown != DAYS:
        yield from _without_total(table, plan)


def _unfitting_measure(measure: Measure, table: PublicTable) -> str:
    if measure.system != table.system:
        return f"{measure.id} belongs to {measure.system}"
    if measure.unit in ("yuan", "wan_yuan") or (measure.bucket == "days") != (table.breakdown == DAYS):
        return f"{measure.id} is no count that this table can hold"
    if measure.over_time not in ("sum", "last"):
        return f"{measure.id} cannot be added over months"
    if table.breakdown not in (None, DAYS, *measure.breakdowns):
        return f"{measure.id} has no breakdown {table.breakdown}"
    finest = min(table.levels, key=FINEST_FIRST.index)
    lowest = "district" if table.system in NEVER_BELOW_DISTRICT else measure.lowest_level
    if FINEST_FIRST.index(finest) < FINEST_FIRST.index(lowest):
        return f"{measure.id} is never shown below the {lowest}"
    return ""


def _without_total(table: PublicTable, plan: PublicationPlan) -> Iterator[tuple[Location, str]]:
    """Cells of a breakdown of which the plan has no total: without it no floor can be looked at."""
    for measure in table.measures:
        totals = [t for t in plan.tables.values() if t.breakdown is None and measure in t.measures]
        for level, kinds in table.levels.items():
            held = {kind for total in totals for kind in total.levels.get(level, ())}
            missing = sorted(set(kinds) - held)
            yield (
                ("tables", table.id, "levels", level),
                f"there is no total of {measure} by {missing[0]}" if missing else "",
            )
