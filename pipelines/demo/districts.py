"""Where the demo plays: 42 districts, how much comes from each, and what is shared out to which month."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pipelines.catalogue import NOT_ASSIGNED, Area, areas, senders
from pipelines.settings import UserError

# Make-believe shares of the volume, oriented at population; 合川 is heavier so that its book is full every year.
WEIGHTS: Mapping[str, float] = {
    "420302": 40, "420303": 38, "420304": 48, "420322": 36, "420323": 34, "420324": 27, "420325": 34, "420381": 38,
    "420502": 58, "420503": 33, "420504": 14, "420505": 10, "420506": 52, "420525": 18, "420526": 16, "420527": 30,
    "420528": 30, "420529": 16, "420581": 36, "420582": 42, "420583": 44,
    "421002": 60, "421003": 55, "421022": 66, "421024": 26, "421081": 45, "421083": 62, "421087": 58, "421088": 90,
    "430302": 62, "430304": 52, "430321": 72, "430381": 66, "430382": 12,
    "500103": 62, "500106": 110, "500109": 76, "500112": 150, "500113": 96, "500116": 108, "500117": 206, "500118": 92,
}  # fmt: skip
# As many disputes as the smallest has people's mediation committees to settle them: some eighty a year in the demo's 60,000 cases.
LEAST = 22.0
# January and February dip around the Spring Festival; early summer and late autumn are the busy seasons.
SEASON = (0.82, 0.66, 1.04, 1.06, 1.08, 1.10, 1.03, 1.00, 1.04, 1.02, 1.10, 1.05)
WEEKDAY = np.array([1.15, 1.08, 1.02, 1.0, 1.0, 0.35, 0.25])  # Monday first


@dataclass(frozen=True)
class Place:
    """A district with its townships (12-digit codes) and how much comes from each."""

    code: str
    name: str
    townships: tuple[Area, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Period:
    """What a demo covers: first and last day (days since 1970), and the months touched (months since 1970)."""

    first_day: int
    last_day: int
    months: tuple[int, ...]


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def month_number(year: int, month: int) -> int:
    """Months since 1970-01."""
    return (year - 1970) * 12 + month - 1


def first_days(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Day number of the first day of each month number."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def covered(years: int, until: date) -> Period:
    """The `years` full years that end at `until`, day inclusive. Raises `UserError` when that is no period."""
    if not 1 <= years <= 50 or not 1980 <= until.year <= 2100:
        raise UserError(f"No demo of {years} years until {until}: give 1 to 50 years, ending between 1980 and 2100.")
    leap = until.month == 2 and until.day == 29
    day_before = date(until.year - years, until.month, 28 if leap else until.day)
    first, last = day_number(day_before) + 1, day_number(until)
    months = np.array([first, last]).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return Period(first, last, tuple(range(int(months[0]), int(months[1]) + 1)))


@cache
def places() -> Mapping[str, Place]:
    """The demo's districts by 6-digit code: those that have a mediation sender."""
    published = {area.area_code: area for area in areas() if area.code_list == "nbs2023"}
    found: dict[str, Place] = {}
    for sender in senders():
        if sender.table != "mediation_cases":
            continue
        code = sender.area_code[:6]
        children = (area for area in published.values() if area.parent_code == sender.area_code)
        below = tuple(area for area in children if not area.area_code.endswith(NOT_ASSIGNED))
        shares = np.random.default_rng(int(code)).gamma(1.6, size=len(below)) + 0.25
        found[code] = Place(code, published[sender.area_code].name_zh, below, tuple(shares / shares.sum()))
    return found


def districts_of(area_code: str) -> list[Place]:
    """The demo's districts a sender reports for: the district itself, or those of the city."""
    cities = _cities()
    return [p for code, p in sorted(places().items()) if area_code in (f"{code}000000", cities[code])]


@cache
def _cities() -> Mapping[str, str]:
    """The city (12 digits) above each of the demo's districts."""
    published = (area for area in areas() if area.code_list == "nbs2023" and area.level == "district")
    return {area.area_code[:6]: area.parent_code for area in published if area.area_code[:6] in places()}


def expected(period: Period) -> NDArray[np.float64]:
    """Relative volume, districts (sorted by code) × months: weight, season, mild trend, days covered."""
    codes = sorted(places())
    months = np.array(period.months)
    starts = first_days(months)
    ends = first_days(months + 1)
    days = np.minimum(ends, period.last_day + 1) - np.maximum(starts, period.first_day)
    growth = np.array([np.random.default_rng(int(code) + 1).uniform(-0.05, 0.07) for code in codes])
    years_from_2024 = (months - month_number(2024, 7)) / 12
    trend = np.exp(np.clip(np.outer(growth, years_from_2024), -1.0, 1.0))
    season = np.array(SEASON)[months % 12] * days / (ends - starts)
    weight = np.array([max(WEIGHTS.get(code, 30.0), LEAST) for code in codes])
    return weight[:, None] * season[None, :] * trend


def shared_out(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """`total` cut into whole numbers in proportion to the weights (largest remainders), same shape, exact sum."""
    if weights.sum() == 0:
        return np.zeros(weights.shape, dtype=np.int64)
    exact = weights.ravel() * (total / weights.sum())
    whole = np.floor(exact).astype(np.int64)
    missing = total - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return whole.reshape(weights.shape)


def working_days(rng: np.random.Generator, months: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
    """A day in each of the (sorted) months, weekends thin, sorted."""
    drawn: list[NDArray[np.int64]] = []
    for month, count in zip(*np.unique(months, return_counts=True), strict=True):
        start, end = first_days(np.array([month, month + 1]))
        days = np.arange(max(start, period.first_day), min(end, period.last_day + 1))
        weights = WEEKDAY[(days + 3) % 7]  # 1970-01-01 was a Thursday
        drawn.append(np.sort(rng.choice(days, size=count, p=weights / weights.sum())))
    return np.concatenate(drawn) if drawn else np.zeros(0, dtype=np.int64)
