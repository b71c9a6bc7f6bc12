"""What the office says of its releases, and its calendar: when months are closed and releases are due."""

import calendar
import re
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from pipelines.catalogue.declaring import Declared, Words, declare, load_declared, read_rows
from pipelines.settings import SEEDS, UserError


class PerEdition(Declared):
    internal: str
    public: str


class WordsPerEdition(Declared):
    """What is said of the internal edition, and of the public one, which holds less."""

    internal: Words
    public: Words


class Geography(Words):
    code_list: str
    hierarchy: str


class RevisionPolicy(Words):
    id: str = Field(min_length=1)


class DaysAfterClosing(Declared):
    """Days from the closing of a period's last month to its release."""

    month: int = Field(ge=0, le=365)
    quarter: int = Field(ge=0, le=365)
    half_year: int = Field(ge=0, le=365)
    year: int = Field(ge=0, le=365)


class ReleaseCalendar(Declared):
    closing_day: int = Field(ge=1, le=28)
    hour: time
    days_after_closing: DaysAfterClosing


class Publisher(Declared):
    """`seeds/release.yml`: the office's own words, in one place."""

    dataset_id: str = Field(pattern=r"^[a-z0-9-]+$")
    permalink: str
    bulletin_address: str
    title: Words
    publisher: Words
    responsible_statistician: Words
    contact: str = Field(min_length=3)
    licence: PerEdition
    legal_basis: Words
    survey_approval: str | None
    population: WordsPerEdition
    geography: Geography
    quality: WordsPerEdition
    seasonal_adjustment: Words
    standard_population: str | None
    revision_policy: RevisionPolicy
    pre_release_access: tuple[Words, ...]
    time_zone: str
    calendar: ReleaseCalendar

    @field_validator("permalink", "bulletin_address")
    @classmethod
    def _is_an_address(cls, said: str) -> str:
        if not re.fullmatch(r"https?://\S+[^/\s]", said):
            raise ValueError(
                f"{said} is not an address such as https://figures.example.gov.cn, without a slash at its end"
            )
        return said

    @model_validator(mode="after")
    def _time_zone_is_known(self) -> "Publisher":
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time_zone {self.time_zone} is not known; write one such as Asia/Shanghai") from None
        return self


class StatisticalMonth(Declared):
    """A month of a calendar that departs from the natural one: its first and last day, and the day on which it is closed."""

    calendar: str = Field(min_length=1)
    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    starts_on: date
    ends_on: date
    closes_on: date

    @model_validator(mode="after")
    def _closes_after_it_ends(self) -> "StatisticalMonth":
        if not self.starts_on <= self.ends_on <= self.closes_on:
            raise ValueError("starts_on, ends_on and closes_on must follow each other")
        return self


@cache
def publisher() -> Publisher:
    """The office's words. Raises `UserError` naming file, line and key."""
    return load_declared(Publisher, SEEDS / "release.yml")


@cache
def reporting_calendar() -> tuple[StatisticalMonth, ...]:
    """The declared statistical months. Raises `UserError` with the line of one that is wrong or stands twice."""
    path = SEEDS / "tables" / "reporting_calendar.csv"
    found: dict[tuple[str, str], StatisticalMonth] = {}
    for line, row in enumerate(read_rows(path), 2):
        declared: StatisticalMonth = declare(StatisticalMonth, row, path, lambda _, line=line: line)
        if (declared.calendar, declared.month) in found:
            raise UserError(f"{path}, line {line}: {declared.month} stands twice in calendar {declared.calendar}.")
        found[declared.calendar, declared.month] = declared
    return tuple(found.values())


def closes_on(month: date) -> date:
    """The day on which the books of a month are closed: what comes later is 补报. The latest where calendars differ."""
    declared = [entry.closes_on for entry in reporting_calendar() if entry.month == f"{month:%Y-%m}"]
    return max(declared, default=_following(month).replace(day=publisher().calendar.closing_day))


def release_due_at(period_kind: str, last_month: date) -> datetime:
    """The instant at which the release of a period is due; of one that is neither quarter, half-year nor year, as of a month."""
    said = publisher().calendar
    days = getattr(said.days_after_closing, period_kind, said.days_after_closing.month)
    day = closes_on(last_month) + timedelta(days=days)
    return datetime.combine(day, said.hour, ZoneInfo(publisher().time_zone))


def _following(month: date) -> date:
    return month.replace(day=1) + timedelta(days=calendar.monthrange(month.year, month.month)[1])
