"""What rows break together: forms that do not go on from month to month, events of cases that nobody handed in."""

from collections.abc import Mapping

import polars as pl
import pytest

from pipelines import cli_intake
from pipelines.release.checking import problems
from tests.intake.drawn import Drawn, draw
from tests.intake.test_tables import LEAST
from tests.offices import FORM, Office, table

SENDER = "correction-420300"
REASON = "opening_is_not_the_closing_before"


def month(
    name: str, opening: int, closing: int, reported_on: str = "2025-12-01", area: str = "420302"
) -> dict[str, str]:
    """A month's form in which all arithmetic is right."""
    received, discharged = max(closing - opening, 0), max(opening - closing, 0)
    numbers = {"期初在册": opening, "本月接收_缓刑": received, "本月接收": received, "解除": discharged}
    numbers |= {"期末在册_缓刑": closing, "期末在册": closing, "应查人数": closing, "已查人数": closing}
    said = {"统计月": name, "区划代码": area, "报出日期": reported_on}
    return FORM | said | {label: str(number) for label, number in numbers.items()}


MARCH, APRIL, MAY = month("2025-03", 10, 11), month("2025-04", 11, 15), month("2025-05", 15, 12)
# what was handed in, file after file -> line, column and month that each file's findings name
HANDED_IN: Mapping[str, tuple[list[list[Mapping[str, str]]], list[list[tuple[int, str, str]]]]] = {
    "every month goes on": ([[MARCH, APRIL, MAY]], [[]]),
    "an opening differs, in one file": ([[MARCH, month("2025-04", 9, 15), MAY]], [[(3, "opening", "2025-04")]]),
    "the month before came earlier": ([[MARCH], [month("2025-04", 9, 15)]], [[], [(2, "opening", "2025-04")]]),
    "the month after came earlier": ([[APRIL], [month("2025-03", 10, 13)]], [[], [(2, "closing", "2025-03")]]),
    "both neighbours came earlier": (
        [[MARCH, MAY], [month("2025-04", 9, 16)]],
        [[], [(2, "closing", "2025-04"), (2, "opening", "2025-04")]],
    ),
    "a month lies between": ([[MARCH], [month("2025-05", 99, 99)]], [[], []]),
    "the year turns": (
        [[month("2024-12", 5, 6)], [month("2025-01", 7, 7)]], [[], [(2, "opening", "2025-01")]]
    ),
    "another district's": ([[MARCH], [month("2025-04", 9, 15, area="420303")]], [[], []]),
    "corrected: the newest version counts": (
        [[month("2025-03", 10, 13)], [month("2025-03", 10, 11, "2025-12-02")], [APRIL]], [[], [], []]
    ),
    "an older version comes after": (
        [[MARCH, APRIL], [month("2025-03", 10, 13, "2025-11-02")]], [[], []]
    ),
    "corrected in the same file": ([[month("2025-03", 10, 13), month("2025-03", 10, 11, "2025-12-02"), APRIL]], [[]]),
}  # fmt: skip


@pytest.mark.parametrize("case", HANDED_IN)
def test_a_month_opens_with_what_the_month_before_closed_with(case: str, office: Office) -> None:
    files, expected = HANDED_IN[case]
    for number, (rows, named) in enumerate(zip(files, expected, strict=True)):
        outcome = office.take(table(rows), f"{number}.csv", SENDER)
        assert outcome.accepted == len(rows)
        assert outcome.warnings == ({REASON: len({line for line, _, _ in named})} if named else {})
        found = _findings(office, number + 1)
        places = found.sort("column").select("row_number", "column", pl.col("month").dt.to_string("%Y-%m"))
        assert places.rows() == named
        assert set(found.select("severity", "reason", "found").rows()) <= {("warn", REASON, "number")}


def _findings(office: Office, sequence: int) -> pl.DataFrame:
    parts = list((office.data / "quarantine").glob(f"{sequence:08d}-*.parquet"))
    kinds = {"row_number": pl.Int64, "month": pl.Date} | dict.fromkeys(
        ("column", "severity", "reason", "found"), pl.String
    )
    return pl.read_parquet(parts[0]) if parts else pl.DataFrame(schema=kinds)


def test_another_senders_form_is_not_looked_at(office: Office) -> None:
    office.take(table([MARCH]), "march.csv", SENDER)
    assert office.take(table([month("2025-04", 9, 15)]), "april.csv", "correction-420500").warnings == {}


def test_a_dry_run_warns_of_the_same(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table([MARCH, month("2025-04", 9, 15)])
    dry = office.take(rows, "forms.csv", SENDER, dry_run=True)
    real = office.take(rows, "forms.csv", SENDER)
    assert dry.warnings == real.warnings == {REASON: 1}
    cli_intake.report([real], {}, as_json=False)
    assert "期初在册≠上月期末在册" in "".join(capsys.readouterr().out.split())


CASE, EVENT = LEAST["correction_cases"], LEAST["correction_events"]
ELSEWHERE = "correction-cases-elsewhere"


def test_an_event_names_a_case_that_was_handed_in(office: Office) -> None:
    events = table([EVENT, EVENT | {"业务编号": "Y2", "社区矫正对象编号": "J2"}])
    before = office.take(events, "early.csv", ELSEWHERE)
    assert before.warnings == {}, "no case of this register is known at all"
    office.take(table([CASE]), "cases.csv", ELSEWHERE)
    after = office.take(events.replace("Y2", "Y3"), "late.csv", ELSEWHERE)
    assert (after.accepted + after.duplicate, after.warnings) == (2, {"no_such_case": 1})
    found = _findings(office, 3)
    assert found.select("row_number", "column", "found").rows() == [(3, "correction_case", "number")]


def test_a_case_of_another_register_is_another_case(office: Office) -> None:
    office.take(table([CASE]), "cases.csv", ELSEWHERE)
    assert office.take(table([EVENT]), "events.csv", "yet-another").warnings == {}


def test_the_sheet_is_named_on_which_the_row_stands(office: Office) -> None:
    """One sheet a month: both rows stand in line 2."""
    months = {"三月": MARCH, "四月": month("2025-04", 9, 15)}
    sheets = {name: Drawn([list(row), list(row.values())]) for name, row in months.items()}
    outcome = office.hand_in(draw(office.data / "landing" / SENDER / "forms.xlsx", sheets))
    assert (outcome.accepted, outcome.warnings) == (2, {REASON: 1})
    assert _findings(office, 1).select("sheet", "row_number", "column").rows() == [("四月", 2, "opening")]
    assert problems() == []
