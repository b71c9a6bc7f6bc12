"""Drawings: the axis holds every value, a gap is a gap, and a screen reader is told what is drawn."""

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dashboards import drawing
from dashboards.drawing import Axis

NUMBERS = st.decimals(min_value=0, max_value=10_000_000, places=2)


@given(values=st.lists(st.none() | NUMBERS, min_size=1, max_size=40), from_nought=st.booleans(), whole=st.booleans())
def test_an_axis_of_round_numbers_holds_every_value(
    values: list[Decimal | None], from_nought: bool, whole: bool
) -> None:
    ticks = drawing.ticks(values, from_nought=from_nought, whole=whole)
    known = [value for value in values if value is not None]
    assert 2 <= len(ticks) <= drawing.INTERVALS + 2
    assert len({after - before for before, after in pairwise(ticks)}) == 1
    assert all(ticks[0] <= value <= ticks[-1] for value in known)
    assert not from_nought or ticks[0] == 0
    assert not whole or all(tick == tick.to_integral_value() for tick in ticks)


def test_a_missing_value_is_a_gap_and_not_a_nought() -> None:
    values = [Decimal(4), Decimal(6), None, Decimal(5), None, Decimal(7), Decimal(8)]
    axis = Axis((Decimal(0), Decimal(10)), ("0", "10"))
    drawn = etree.fromstring(drawing.line(values, axis, [(0, "2025")], "Title", "Finding", "line"))
    lines = [len(line.get("points", "").split()) for line in drawn.iter("polyline")]
    assert (lines, len(list(drawn.iter("circle")))) == ([2, 2], 1)
    lowest = max(float(point.split(",")[1]) for line in drawn.iter("polyline") for point in line.get("points").split())
    assert lowest < float(drawn.find("line").get("y1")), "no value lies on the axis of nought"


def test_a_screen_reader_is_told_title_and_finding() -> None:
    axis = Axis((Decimal(0), Decimal(1)), ("0", "1"))
    drawn = etree.fromstring(drawing.line([Decimal(1)], axis, [], "Title", "What it shows", "line"))
    named, described = (drawn.get(f"aria-{key}") for key in ("labelledby", "describedby"))
    assert (drawn.get("role"), drawn.find("title").text, drawn.find("desc").text) == ("img", "Title", "What it shows")
    assert (drawn.find("title").get("id"), drawn.find("desc").get("id")) == (named, described)


@given(value=NUMBERS, longest=NUMBERS)
def test_a_bar_lies_within_its_row(value: Decimal, longest: Decimal) -> None:
    drawn = drawing.bar(min(value, longest), longest)
    assert longest == 0 or 0 <= float(etree.fromstring(drawn).find("rect").get("width")) <= 100


def test_a_sparkline_needs_two_values_and_says_nothing_to_a_screen_reader() -> None:
    assert drawing.sparkline([None, Decimal(4), None]) == ""
    drawn = etree.fromstring(drawing.sparkline([Decimal(4), Decimal(6), None, Decimal(5)]))
    assert drawn.get("aria-hidden") == "true"
    assert [len(line.get("points").split()) for line in drawn.iter("polyline")] == [2]


def test_two_years_are_told_apart_and_a_gap_is_a_gap() -> None:
    now, before = [Decimal(1), None, Decimal(3), Decimal(2)], [Decimal(2)] * 4
    axis = Axis((Decimal(0), Decimal(2), Decimal(4)), ("0", "2", "4"))
    series, labels = [("本期", now), ("上年同期", before)], ["1月", "2月", "3月", "4月"]
    drawn = drawing.lines(series, axis, labels, "件", "标题", "说明")
    assert drawn == drawing.lines(series, axis, labels, "件", "标题", "说明")
    root, space = etree.fromstring(drawn), f"{{{drawing.SPACE}}}"
    assert [root.findtext(f"{space}title"), root.findtext(f"{space}desc")] == ["标题", "说明"]
    colours = [line.get("stroke") for line in root.iter(f"{space}polyline")]
    assert colours == [drawing.GREY, drawing.BLUE], "the year before whole and below, this year from March on"
    assert len(list(root.iter(f"{space}circle"))) == 7, "a dot a known value"


def test_a_name_stands_whole_before_its_bar_unless_it_is_very_long() -> None:
    names = ["Unpaid wages of migrant workers", "甲" * 40]
    drawn = etree.fromstring(drawing.bars([(name, Decimal(3), "3") for name in names], "件", "标题", "说明"))
    said = [text.text for text in drawn.iter(f"{{{drawing.SPACE}}}text")]
    assert names[0] in said
    assert [text for text in said if text.endswith("…")] == ["甲" * 24 + "…"]


def test_a_label_at_an_edge_stands_within_the_drawing() -> None:
    """Of three years the last stands at the right edge."""
    axis = Axis((Decimal(0), Decimal(10)), ("0", "10"))
    years = list(enumerate(("2023", "2024", "2025")))
    drawn = etree.fromstring(drawing.line([Decimal(4), Decimal(6), Decimal(5)], axis, years, "件", "平稳", "years"))
    anchors = {label.text: label.get("text-anchor") for label in drawn.iter("{*}text")}
    assert [anchors[year] for _, year in years] == ["start", "middle", "end"]
