"""The State Council's calendar, with the days worked in place of others (调休), and the clocks in working days that rest on it."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from pipelines import catalogue
from pipelines.settings import UserError
from tests.conftest import read_seeds_from

# What the notices announce, as they write it: holidays (first to last day), then weekend days that are worked.
NOTICES = {
    2020: ("1.1 1.24-2.2 4.4-4.6 5.1-5.5 6.25-6.27 10.1-10.8", "1.19 4.26 5.9 6.28 9.27 10.10"),
    2021: ("1.1-1.3 2.11-2.17 4.3-4.5 5.1-5.5 6.12-6.14 9.19-9.21 10.1-10.7", "2.7 2.20 4.25 5.8 9.18 9.26 10.9"),
    2022: ("1.1-1.3 1.31-2.6 4.3-4.5 4.30-5.4 6.3-6.5 9.10-9.12 10.1-10.7", "1.29 1.30 4.2 4.24 5.7 10.8 10.9"),
    2023: ("1.1-1.2 1.21-1.27 4.5 4.29-5.3 6.22-6.24 9.29-10.6", "1.28 1.29 4.23 5.6 6.25 10.7 10.8"),
    2024: ("1.1 2.10-2.17 4.4-4.6 5.1-5.5 6.10 9.15-9.17 10.1-10.7", "2.4 2.18 4.7 4.28 5.11 9.14 9.29 10.12"),
    2025: ("1.1 1.28-2.4 4.4-4.6 5.1-5.5 5.31-6.2 10.1-10.8", "1.26 2.8 4.27 9.28 10.11"),
    2026: ("1.1-1.3 2.15-2.23 4.4-4.6 5.1-5.5 6.19-6.21 9.25-9.27 10.1-10.7", "1.4 2.14 2.28 5.9 9.20 10.10"),
}
DAYS_OFF_BY_LAW = {2020: 13, 2021: 11, 2022: 11, 2023: 11, 2024: 11, 2025: 13, 2026: 13}  # 2020: two days added


def _day(year: int, text: str) -> date:
    month, day = text.split(".")
    return date(year, int(month), int(day))


def _weekdays_off(year: int, spans: str) -> set[date]:
    days: set[date] = set()
    for span in spans.split():
        first, _, last = span.partition("-")
        ordinals = range(_day(year, first).toordinal(), _day(year, last or first).toordinal() + 1)
        days |= {day for day in map(date.fromordinal, ordinals) if day.isoweekday() <= 5}
    return days


@pytest.mark.parametrize("year", NOTICES)
def test_a_year_holds_what_its_notice_announces(year: int) -> None:
    off, worked = NOTICES[year]
    rows = [holiday for holiday in catalogue.holidays() if holiday.date.year == year]
    assert {row.date for row in rows if not row.is_working_day} == _weekdays_off(year, off)
    assert {row.date for row in rows if row.is_working_day} == {_day(year, text) for text in worked.split()}


def test_weekdays_off_less_weekends_worked_are_the_days_off_of_the_law() -> None:
    off = Counter[int]()
    for row in catalogue.holidays():
        off[row.date.year] += -1 if row.is_working_day else 1
    assert off == DAYS_OFF_BY_LAW


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2025, 9, 26), date(2025, 9, 28), 1),  # a Friday to the Sunday worked before the holiday
        (date(2025, 9, 28), date(2025, 9, 30), 2),
        (date(2025, 9, 30), date(2025, 10, 8), 0),  # the National Day week
        (date(2025, 9, 30), date(2025, 10, 9), 1),
        (date(2025, 9, 30), date(2025, 10, 11), 3),  # with the Saturday worked after it
        (date(2025, 12, 31), date(2026, 1, 4), 1),  # over New Year: only the Sunday worked
        (date(2025, 3, 3), date(2025, 3, 3), 0),
    ],
)
def test_working_days_from_one_day_to_another(first: date, last: date, expected: int) -> None:
    numbers = dict(catalogue.working_days())
    assert numbers[last] - numbers[first] == expected


def test_working_days_are_known_for_the_years_announced_and_no_other() -> None:
    days = [day for day, _ in catalogue.working_days()]
    assert (days[0], days[-1]) == (date(min(NOTICES), 1, 1), date(max(NOTICES), 12, 31))
    assert len(days) == len(set(days)) == (days[-1] - days[0]).days + 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2025-01-01,false,n\n2025-01-01,false,n\n", "line 3: 2025-01-01 stands twice"),
        ("2025-01-04,false,n\n", "line 2: .*a weekend is off anyhow"),
        ("2025-01-01,true,n\n", "line 2: .*a weekday is worked anyhow"),
        ("2025-01-01,false,\n", "line 2: source"),
        ("2024-01-01,false,n\n2026-01-01,false,n\n", "no day of 2025"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(
    rows: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "holidays.csv").write_text(f"date,is_working_day,source\n{rows}", encoding="utf-8")
    read_seeds_from(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=said):
        catalogue.holidays.__wrapped__()
