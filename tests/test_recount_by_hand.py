"""The recount itself, on a few rows that a clerk can count."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from tests.recount import declared
from tests.recount.exports import Exports, read_exports
from tests.recount.figures import Book, figures, open_book, periods
from tests.recount.measures import count_measures
from tests.recount.tallies import SCHEMA, due_soon, overdue, stock
from tests.recount.working_days import working_days

SOUND = """
调解案件编号,所属区划代码,调解层级,对接方式,纠纷类型,受理日期,办结日期,调解结果,更新时间,数据状态
A1,500117,村,诉调对接,婚姻家庭,2025-01-05,2025-01-20,成功,2025-02-01 10:00:00,审核
A2,500117001,村,警调,02,2025/1/6,20250301,不成功,2025-03-02 10:00,已审核
A2,500117001,村,警调,02,2025/1/6,20250301,不成功,2025-03-02 10:00,已审核
A3,500117001000,镇,访调,合同,45720,,调解中,2025-05-02,审核
A4,500117001000,镇,访调,合同,2025-02-03,,,2025-03-02,草稿
A5,500117001000,镇,访调,合同,2025年2月3日,,,2025-03-02,审核
A5,500117001000,镇,访调,合同,2025年2月3日,,,2025-03-05,作废
A6,500117001000,,访调,合同,2025-03-10,2025-03-20,调解中,2025-03-21,审核
合计,,,,,,,,,
"""
REFUSED = """
B1,500117001,村,警调,02,2025-02-30,,,2025-03-02,审核
,500117001,村,警调,02,2025-02-03,,,2025-03-02,审核
B3,999999,村,警调,02,2025-02-03,,,2025-03-02,审核
B4,500117001,村,网络直播,02,2025-02-03,,,2025-03-02,审核
B5,500117001,村,警调,02,2025-02-03,2025-02-01,成功,2025-03-02,审核
B6,500117001,村,警调,02,2025-04-03,,,2025-03-02,审核
"""
SCREENED = """
事件编号,所属区划代码,受理日期,事件类别,化解日期,化解层级,化解状态,更新时间
E1,500117,2025-01-05,0101,2025-02-05,村,已化解,2025-03-01
E2,500117001,2025-02-05,16,,05,缓和（稳控）,2025-03-01
"""
PETITIONS = """
信访件编号,问题属地,登记时间,信访形式,信访人数,初次重复,限办截止日期,延期至,办结日期,办理程序,更新时间
X1,500117001,2025-01-05 08:00:00,来信,3,初次,2025-03-05,2025-03-10,2025-03-10,信访处理意见,2025-03-11
X2,500117001,2025-01-06 08:00:00,网上,2,重复,2025-03-05,,2025-03-06,信访处理意见,2025-03-11
X3,500117001,2025-01-07 08:00:00,网上,1,初次,2025-03-05,,,诉讼,2025-03-11
"""
JANUARY = {"area_code": "500117", "month": "2025-01", "reported_on": "2025-02-03"} | {
    "opening": "10",
    "received_probation": "2",
    "received": "2",
    "discharged": "1",
    "closing_probation": "11",
    "closing": "11",
}
FEBRUARY = JANUARY | {"month": "2025年2月"}  # opens with January's 10, not with the 11 it closed with: no harm
MARCH = JANUARY | {"month": "2025年3月", "closing": "12"}
COUNTED = {
    "mediation_accepted": {("500117999000", 1): 1, ("500117001000", 1): 1, ("500117001000", 3): 2},
    "mediation_concluded": {("500117999000", 1): 1, ("500117001000", 3): 1},
    "mediation_agreed": {("500117999000", 1): 1},
    "mediation_within_30_days": {("500117999000", 1): 1},
    "mediation_open": {("500117001000", 1): 1, ("500117001000", 2): 1, ("500117001000", 3): 2},
    "screening_found": {("500117999000", 1): 1, ("500117001000", 2): 1},
    "screening_resolved": {("500117999000", 1): 1},
    "screening_eased": {("500117001000", 2): 1},
    "petition_matters": {("500117001000", 1): 3},
    "petition_persons": {("500117001000", 1): 6},
    "petition_concluded": {("500117001000", 3): 2},
    "petition_open": {("500117001000", 1): 3, ("500117001000", 2): 3, ("500117001000", 3): 1},
    "petition_due": {("500117001000", 3): 2},
    "petition_on_time": {("500117001000", 3): 1},
    "petition_repeat": {("500117001000", 1): 1},
    "correction_caseload": {("500117000000", 1): 11, ("500117000000", 2): 11},
    "correction_received": {("500117000000", 1): 2, ("500117000000", 2): 2},
}


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    form = [column for column in declared.versions("correction_monthly")[-1].columns if not column.dropped]
    lines = [[min(column.headings) for column in form]]
    lines += [[month.get(column.name, "0") for column in form] for month in (JANUARY, FEBRUARY, MARCH)]
    _write(tmp_path, "mediation-500117", SOUND.strip() + REFUSED, "gb18030", "\r\n")
    _write(tmp_path, "screening-500000", SCREENED)
    _write(tmp_path, "petition-500000", PETITIONS)
    _write(tmp_path, "correction-500000", "\n".join(",".join(line) for line in lines))
    return read_exports(tmp_path)


def _write(folder: Path, sender: str, text: str, encoding: str = "utf-8-sig", line_end: str = "\n") -> None:
    file = folder / sender / f"{sender}_2025-01..2025-03.csv"
    file.parent.mkdir()
    file.write_bytes((text.strip() + "\n").replace("\n", line_end).encode(encoding))


def test_rows_are_read_refused_and_known_again(exports: Exports) -> None:
    tally = {file.split("-")[0]: counts for file, *counts in exports.tally.iter_rows()}
    assert tally == {"mediation": [14, 6, 1], "screening": [2, 0, 0], "petition": [3, 0, 0], "correction": [3, 1, 0]}


def test_measures_are_what_a_clerk_counts(exports: Exports) -> None:
    measures = count_measures(exports).filter(pl.col("breakdown") == "total")
    for name, expected in COUNTED.items():
        cells = measures.filter(pl.col("measure") == name)
        found = {
            (area, month.month): value for area, month, value in cells.select("area_code", "month", "value").rows()
        }
        assert found == expected, name


def test_a_case_that_states_no_tier_is_a_category_of_its_own(exports: Exports) -> None:
    book = open_book(count_measures(exports), exports.coverage)
    tiers = figures(book, declared.cards()["mediation_accepted"], "tier")
    here = tiers.filter(pl.col("area_code") == "500117000000", pl.col("period") == "2025-Q1")
    found = dict(here.filter(pl.col("value") > 0).select("category", "value").iter_rows())
    assert found == {"village": 2, "township": 1, "not_stated": 1}


def test_a_quantile_lies_between_the_two_middle_days(exports: Exports) -> None:
    book = open_book(count_measures(exports), exports.coverage)
    here = (pl.col("area_code") == "500117000000") & (pl.col("period") == "2025-Q1")
    for card, days in (("mediation_days_to_conclude_median", 34.5), ("mediation_days_to_conclude_p90", 50.1)):
        found = figures(book, declared.cards()[card], "total").filter(here)
        assert found["value"].to_list() == [pytest.approx(days)], card


def test_what_a_file_is_named_for_is_reported_and_nothing_else(exports: Exports) -> None:
    book = open_book(count_measures(exports), exports.coverage)
    found = figures(book, declared.cards()["petition_matters"], "total").filter(pl.col("area_code") == "500117000000")
    months = dict(found.filter(pl.col("period").str.contains(r"^\d{4}-\d{2}$")).select("period", "value").iter_rows())
    assert months == {"2025-01": 3, "2025-02": 0, "2025-03": 0}
    elsewhere = figures(book, declared.cards()["petition_matters"], "total").filter(
        pl.col("area_code") == "420300000000"
    )
    assert elsewhere.is_empty()


def test_periods_know_what_came_before() -> None:
    laid = periods(date(2023, 12, 1), date(2025, 6, 1)).select("period", "year_before", "period_before")
    before = {period: (year, last) for period, year, last in laid.rows()}
    assert before["2025-01"] == ("2024-01", "2024-12")
    assert before["2025-Q1"] == ("2024-Q1", "2024-Q4")
    assert before["2025-H1"] == ("2024-H1", "2024-H2")
    assert before["2024"] == ("2023", "2023")
    assert before["2025-01..2025-03"] == ("2024-01..2024-03", None)
    assert not before.keys() & {"2025", "2025-Q3", "2025-H2", "2025-01..2025-07"}, "a period that is not over"


def test_a_share_still_open_falls_only_by_those_concluded() -> None:
    """Five cases: two concluded on day 10, one on day 20; two still open on days 15 and 30. After day 10 three fifths
    are open; on day 20 one of the two left is concluded: three tenths."""
    book = _days_of("mediation_cohort_days", {10: 2, 20: 1}, "mediation_cohort_open_days", {15: 1, 30: 1})
    card = replace(
        declared.cards()["mediation_days_to_conclude_median"],
        kind="survival_quantile",
        numerator="mediation_cohort_days",
        censored="mediation_cohort_open_days",
    )
    for quantile, day in ((0.25, 10), (0.5, 20), (0.7, 20), (0.9, None)):
        found = figures(book, replace(card, quantile=quantile), "total")
        here = found.filter(pl.col("area_code") == "500117000000", pl.col("period") == "2025-01")
        assert here.select("value", "denominator").rows() == [(day, 5)], quantile


def _days_of(ended: str, concluded: dict[int, int], watched: str, still_open: dict[int, int]) -> Book:
    """A book of one township and month that knows only these two histograms."""
    rows = [
        ("500117001000", date(2025, 1, 1), measure, "total", "total", day, cases)
        for measure, days in ((ended, concluded), (watched, still_open))
        for day, cases in days.items()
    ]
    coverage = pl.DataFrame(
        {
            "table_name": ["mediation_cases"],
            "area_code": ["500117000000"],
            "month": [date(2025, 1, 1)],
            "columns": [["accepted_on"]],
        }
    )
    return open_book(pl.DataFrame(rows, schema=SCHEMA, orient="row"), coverage)


def test_days_off_and_days_worked_instead_are_those_announced() -> None:
    """In 2025 the first to the eighth of October were off, and the 28th of September and the 11th of October worked."""
    number = dict(working_days().iter_rows())
    assert number[date(2025, 10, 9)] - number[date(2025, 9, 30)] == 1
    assert number[date(2025, 9, 28)] - number[date(2025, 9, 26)] == 1
    assert number[date(2025, 10, 12)] - number[date(2025, 10, 9)] == 2


def test_a_time_limit_is_near_for_eight_days_and_past_from_the_next() -> None:
    """Month ends are 31 January and 28 February. With a limit of 7 February a case is near at the end of January; of
    31 January it is near on that day and past in February; concluded on the last day of the month it is open no more."""
    limits = pl.DataFrame(
        [
            (date(2025, 1, 1), None, date(2025, 2, 7)),
            (date(2025, 1, 1), None, date(2025, 1, 31)),
            (date(2025, 1, 1), date(2025, 1, 31), date(2025, 1, 31)),
            (date(2025, 1, 1), date(2025, 2, 28), date(2025, 1, 30)),
        ],
        schema=["opened", "closed", "limit"],
        orient="row",
    ).with_columns(pl.lit("500117001000").alias("leaf"))
    stages = (pl.col("opened"), pl.col("closed"), pl.col("limit"))
    for which, expected in ((due_soon, {1: 2}), (overdue, {1: 1, 2: 2})):
        found = stock(limits, "mediation_open", *which(*stages), (date(2025, 1, 1), date(2025, 2, 1)))
        months = {month.month: value for month, value in found.select("month", "value").iter_rows() if value}
        assert months == expected, which
