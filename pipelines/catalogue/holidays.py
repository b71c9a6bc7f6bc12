"""The working days of the years announced."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from pydantic import Field, model_validator

from pipelines.catalogue.declaring import Declared, declare, read_rows
from pipelines.settings import SEEDS, UserError


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


@cache
def holidays() -> tuple[Holiday, ...]:
    """Days that depart from the working week, in order of date.

    Raises `UserError` with the line of a day that stands twice or departs from nothing, and when a year between the first
    and the last has no day: working days are numbered through.
    """
    path = SEEDS / "tables" / "holidays.csv"
    found: dict[date, Holiday] = {}
    for line, row in enumerate(read_rows(path), 2):
        holiday: Holiday = declare(Holiday, row, path, lambda _, line=line: line)
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
