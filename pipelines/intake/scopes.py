"""What a snapshot speaks for: areas, months, and the instant at which the source was in this state."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.catalogue import Area, Contract, area_mapping, padded, published_areas
from pipelines.periods import month_start, months_of
from pipelines.settings import TIME_ZONE, UserError


@dataclass(frozen=True)
class Scope:
    """What a snapshot speaks for: areas (published codes, all below the named ones included) and months; None is all."""

    areas: frozenset[str] | None
    months: tuple[date, date] | None

    def holds(self, area: str, dated_by: str) -> pl.Expr:
        """Whether a row lies in it."""
        inside = pl.lit(value=True)
        if self.areas is not None:
            inside &= pl.col(area).cast(pl.String).is_in(sorted(self.areas))
        if self.months is not None:
            inside &= pl.col(dated_by).cast(pl.Date).dt.truncate("1mo").is_between(*self.months)
        return inside


@dataclass(frozen=True)
class Snapshot:
    """`taken_at`: when the source was in this state, in local time; None: at the newest update time in the file.

    `is_confirmed`: an operator has looked at the withdrawals.
    """

    scope: Scope
    taken_at: datetime | None
    is_confirmed: bool


def instant_of(said: str) -> datetime:
    """An instant as local time; a day means its end. Raises `UserError`."""
    try:
        instant = datetime.fromisoformat(said)
    except ValueError:
        raise UserError(f"{said} is not an instant. Write 2026-01-31 or 2026-01-31T18:00+08:00.") from None
    if len(said) <= len("2026-01-31"):
        return datetime.combine(instant, time.max)
    return instant.astimezone(ZoneInfo(TIME_ZONE)).replace(tzinfo=None) if instant.tzinfo else instant


def scope_of(said: str | None, months: tuple[str, str] | None, contract: Contract, extra: tuple[Area, ...]) -> Scope:
    """The scope told as area codes and at most one period, separated by commas. Raises `UserError` on an unknown part.

    Areas are those of the contract's list, as in its rows. Without a period the months the file reports on are meant.
    """
    parts = [part.strip() for part in (said or "").replace("，", ",").split(",") if part.strip()]
    codes = [part for part in parts if part.isdigit() and len(part) in (6, 9, 12)]
    periods = [part for part in parts if part not in codes]
    if len(periods) > 1:
        raise UserError(f"The scope {said} names more than one period. Write area codes and at most one period.")
    span = months_of(periods[0]) if periods else months
    named = frozenset(_published(code, contract, extra) for code in codes)
    return Scope(
        _with_all_below(named, extra) if named else None,
        None if span is None else (month_start(span[0]), month_start(span[1])),
    )


def _published(code: str, contract: Contract, extra: tuple[Area, ...]) -> str:
    list_id = contract.column("area_code").code_list or "nbs2023"
    found = area_mapping(list_id, extra).get(padded(code))
    if found is None:
        raise UserError(f"The scope names {code}, which is no area of list {list_id}.")
    return found


def _with_all_below(named: frozenset[str], extra: tuple[Area, ...]) -> frozenset[str]:
    """Areas and all below them by parent; the first digits of a township do not always tell its parent."""
    below: dict[str, list[str]] = {}
    for area in published_areas(extra):
        below.setdefault(area.parent_code, []).append(area.area_code)
    found, left = set(named), list(named)
    while left:
        children = [code for code in below.get(left.pop(), []) if code not in found]
        found.update(children)
        left += children
    return frozenset(found)
