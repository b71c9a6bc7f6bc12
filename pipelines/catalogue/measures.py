"""Measures: the words and the time behaviour of what is counted, and the lines of forms they are made of."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from pipelines.catalogue.codes import code_lists, units
from pipelines.catalogue.contracts import tables, versions_of
from pipelines.catalogue.declaring import Declared, Location, Words, declare, line_of, read_yaml
from pipelines.settings import SEEDS, UserError


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
    monthly form it is the sum of the lines that `items` name. `uncounted`: why no case rows count what a form reports."""

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
    uncounted: Words | None = None


@cache
def measures() -> Mapping[str, Measure]:
    """Measures by id. Raises `UserError` on an unknown unit, table or breakdown."""
    found: dict[str, Measure] = {}
    for path in sorted((SEEDS / "measures").glob("*.yml")):
        values, text = read_yaml(path)
        for name in values:
            if name in found:
                raise UserError(f"{path}, line {line_of(text, (name,))}: measure {name} is declared twice.")
            found[name] = _measure(name, values[name] or {}, path, text)
    return found


def _measure(name: str, body: Mapping[str, Any], path: Path, text: str) -> Measure:
    values = {"id": name, **body}
    measure: Measure = declare(Measure, values, path, lambda place: line_of(text, (name, *place)))
    known = {"unit": set(units()), "table": set(tables()), "breakdowns": set(code_lists())}
    said = {"unit": {measure.unit}, "table": {measure.table}, "breakdowns": set(measure.breakdowns)}
    for key, names in said.items():
        if names - known[key]:
            raise UserError(f"{path}, line {line_of(text, (name, key))}: {key}: unknown {sorted(names - known[key])}.")
    wrong = next(_amiss_in_items(measure), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, (name, *wrong[0]))}: {wrong[1]}.")
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


FINEST_FIRST = ("township", "district", "city", "province")

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
