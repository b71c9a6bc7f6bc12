"""Rows that came after their time, and rows that came a second time in other bytes."""

from datetime import date

from pipelines.intake import ledger
from tests.intake.test_formats import workbook
from tests.intake.test_snapshots import case, standing
from tests.offices import CASE, HECHUAN, Office, cases

APRIL = {"受理日期": "2025-04-20"}


def test_new_cases_of_a_month_reported_and_closed_are_late(office: Office) -> None:
    """合川's report of March is due on a day of April 2025, long ago."""
    first = office.take(cases(case(1), case(2)), "first_2025-03.csv")
    assert first.late == 0, "nothing was reported before"
    rows = (case(1, "2025-05-01"), case(3), case(4) | APRIL)
    second = office.take(cases(*rows), "second_2025-04.csv")
    assert second.late == 1, "A1 was known, A4 is of April"
    assert [entry.late for entry in ledger.deliveries()] == [0, 1]
    assert office.take(cases(*rows), "second_2025-04.csv").late == 1, "as it was said before"


def test_a_month_is_open_until_its_report_is_due(office: Office) -> None:
    today = str(date.today())
    rows = [case(n, today) | {"受理日期": today, "更新时间": f"{today} 23:59:59"} for n in (1, 2)]
    for number, row in enumerate(rows):
        assert office.take(cases(row), f"{number}_{today[:7]}.csv").late == 0


def test_a_file_saved_in_another_encoding_or_as_a_workbook_is_counted_once_and_said_so(office: Office) -> None:
    text = cases(case(1), case(2), case(3, 受理日期="?"))
    first = office.take(text, "cases.csv")
    renamed = office.take(text, "renamed.csv")
    other = office.hand_in(office.write("again.csv", text, encoding="gb18030"))
    assert (first.outcome, renamed.outcome, other.outcome) == ("accepted", "already_received", "accepted")
    assert (other.accepted, other.quarantined) == (2, 1)
    assert first.note is None
    assert other.note == "again.csv: every row was known already, from cases.csv; each case is counted once."
    sheet = [[*CASE], *([*(CASE | row).values()] for row in (case(1), case(2), case(3, 受理日期="?")))]
    third = office.hand_in(workbook(office.data / "landing" / HECHUAN / "cases.xlsx", [sheet]))
    assert third.note is not None
    assert office.lake()["case_key"].n_unique() == len(standing(office)) == 2


def test_other_rows_of_the_same_number_are_not_known(office: Office) -> None:
    office.take(cases(case(1), case(2)), "first.csv")
    assert office.take(cases(case(1), case(3)), "second.csv").note is None
    assert office.take(cases(case(1), case(2, "2025-04-02")), "third.csv").note is None
