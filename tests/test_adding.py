"""What may be added: things of one unit, categories that do not contain each other, and only over the time they are of."""

from collections import Counter

import polars as pl

from pipelines import catalogue
from pipelines.catalogue import Measure
from pipelines.periods import months_of
from tests.conftest import Road

ADDED_OF = "人次"  # the heading of what is counted each time it happens


def _headings(measure: Measure) -> set[str]:
    """Headings of the monthly form whose columns are added to a measure, its parts with them."""
    items = {item.item for item in measure.items}
    return {c.label for c in catalogue.tables()[measure.table].columns if c.item in items and not c.breakdown}


def test_persons_are_never_added_to_person_times() -> None:
    """Neither from the headings of a form into a measure nor from two measures into a denominator."""
    measures = catalogue.measures()
    for measure in measures.values():
        headings = _headings(measure)
        assert len({heading.endswith(ADDED_OF) for heading in headings}) <= 1, measure.id
        if any(heading.endswith(ADDED_OF) for heading in headings):
            assert measure.unit == "person_time", measure.id
    for card in catalogue.cards().values():
        added = [measures[name].unit for name in (card.denominator, card.denominator_with) if name]
        assert len(set(added)) <= 1, card.id
        if card.kind in ("count", "stock"):
            assert card.unit == measures[card.numerator].unit, card.id


def test_persons_served_and_attendances_are_counted_from_their_own_columns(road: Road) -> None:
    totals = pl.scan_parquet(road.release / "measures.parquet").filter(breakdown="total")
    sums = dict(totals.group_by("measure").agg(pl.col("value").sum()).collect().iter_rows())
    units = {name: catalogue.measures()[name].unit for name in ("service_attendances", "service_persons_served")}
    assert list(units.values()) == ["person_time", "person"]
    assert sums["service_attendances"] > sums["service_persons_served"] > 0


def test_no_category_contains_another_of_its_breakdown() -> None:
    """So that categories, channels among them, add up to the total and nothing is counted in a parent and in its child."""
    used = {name for measure in catalogue.measures().values() for name in measure.breakdowns}
    assert "channel" in used
    for name in used:
        codes = catalogue.code_lists()[name]
        assert not {code.parent_code for code in codes} & {code.code for code in codes}, name
        labels = Counter(label for code in codes for label in {code.label_zh, *code.aliases})
        assert max(labels.values()) == 1, f"{name}: a source's text stands for two categories"


def test_a_form_line_is_added_to_a_measure_once() -> None:
    lines = Counter((line[0], line[1], line[2], line[3], line[4], line[5]) for line in catalogue.form_lines())
    assert max(lines.values()) == 1


def test_the_list_of_the_backlog_is_frozen(road: Road) -> None:
    """Of a year it is January's, of a quarter its first month's: what is listed later is not yet on it."""
    within = pl.read_parquet(road.release / "area_ancestors.parquet").filter(ancestor_level="district")
    reported = pl.read_parquet(road.release / "measures.parquet").filter(measure="petition_backlog_listed")
    by_district = reported.join(within, on="area_code").group_by("ancestor_code", "month").agg(pl.col("value").sum())
    listed = by_district.rename({"ancestor_code": "area_code", "value": "listed"})
    assert listed.group_by("area_code").agg(pl.col("listed").n_unique())["listed"].max() > 1, "a list that changes"
    figures = pl.read_parquet(road.release / "figures.parquet").filter(
        pl.col("denominator").is_not_null(), indicator="petition_backlog_resolved_rate", area_level="district"
    )
    first = pl.col("period").map_elements(lambda period: f"{months_of(period)[0]}-01", pl.String).str.to_date()
    both = figures.with_columns(first.alias("month")).join(listed, on=["area_code", "month"])
    assert set(both["period_kind"]) == {"quarter", "half_year", "year"}
    assert both.filter(pl.col("denominator") != pl.col("listed")).is_empty()
