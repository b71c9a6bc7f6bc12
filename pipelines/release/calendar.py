"""Which period's release is due when, and how far it has come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from pipelines import catalogue
from pipelines.periods import month_start, months_of, period_after, period_ending
from pipelines.release.drafting import newest, waiting
from pipelines.release.publishing import current, publications

KINDS = ("month", "quarter", "half_year", "year")


@dataclass(frozen=True)
class Due:
    """A period's release. `state`: published, sealed, drafted, due (its instant has passed) or expected; `closes_on`: of its last month."""

    period: str
    period_kind: str
    closes_on: date
    due_at: datetime
    state: str
    release_id: str | None


def due_releases(edition: str, now: datetime) -> list[Due]:
    """Of each kind of period the newest that is over and the next, by the instant at which they are due."""
    found = (due(period, kind, edition, now) for kind in KINDS for period in _around(kind, now.date()))
    return sorted(found, key=lambda entry: entry.due_at)


def due(period: str, kind: str, edition: str, now: datetime) -> Due:
    """One period of the calendar, with the newest release there is of it."""
    last = month_start(months_of(period)[1])
    at = catalogue.release_due_at(kind, last)
    state, release_id = _state(period, edition)
    if state is None:
        state = "due" if at <= now else "expected"
    return Due(period, kind, catalogue.closes_on(last), at, state, release_id)


def last_ended(kind: str, today: date) -> str:
    """The newest period of a kind of which every month is over."""
    month = today.replace(day=1)
    while True:
        month = date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
        period = period_ending(kind, month)
        if period is not None:
            return period


def _around(kind: str, today: date) -> Iterator[str]:
    ended = last_ended(kind, today)
    yield ended
    yield period_after(ended)


def _state(period: str, edition: str) -> tuple[str | None, str | None]:
    sealed = newest(period, edition)
    if sealed is not None:
        was_published = {move["release_id"] for move in publications(edition)} | {current(edition)}
        return ("published" if sealed.name in was_published else "sealed"), sealed.name
    drafted = waiting(period, edition)
    return ("drafted", drafted.name) if drafted is not None else (None, None)
