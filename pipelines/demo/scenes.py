"""Fixed rows that reproduce published figures, the same at any scale, period and seed; ordinary rows keep out of them.

- 合川区 2025: mediation accepted by channel, 诉调 124, 警调 626 (624 agreed), 访调 26, all others agreed; 106 applications
  for reconsideration decided, 101 of them without a later suit or petition; 58 assessments done from June on.
- 枝江市 2022-01..2022-06, disputes screened: 1,928, of them 1,829 已化解; 2022: 80 cases agreed in the lawyers' channel;
  2022-Q4: of 60 old petition matters on the list on 1 October 56 were concluded.
- 岳塘区岳塘街道 2022-10-28..2023-07-31: 172 disputes handled by police and justice together (警司联动).
- 沙市区胜利街道 2017-12..2023-12, disputes screened: 36 已化解, 49 缓和, 12 引导司法程序.
- 十堰市 2025, eight counties: every person to be checked by information technology was checked, each month.

What the articles tell of activities is in `scene_activities`, of organisations in `organisations`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.demo import correction, mediation, petition, reconsideration, screening
from pipelines.demo.districts import SEASON, Period, Place, day_number, month_number, places, shared_out, working_days
from pipelines.demo.drawing import Block
from pipelines.demo.people import picked

HECHUAN, ZHIJIANG, SHASHI, YUETANG = "500117", "420583", "421002", "430304"
SHENGLI, YUETANG_STREET = "421002004000", "430304001000"
COURSE_OF_MEDIATION = {
    ("court", "agreed"): 124,
    ("police", "agreed"): 624,
    ("police", "not_agreed"): 2,
    ("petition", "agreed"): 26,
}
ZHIJIANG_STATUS = {"resolved": 1829, "eased": 40, "pending": 30, "to_judicial": 19, "transferred": 10}
SHENGLI_STATUS = {"resolved": 36, "eased": 49, "to_judicial": 12}
YUETANG_STATUS = {"resolved": 163, "eased": 5, "to_judicial": 3, "pending": 1}
LAWYERS_AGREED = 80
OLD_MATTERS, OLD_CONCLUDED = 60, 56
FOLLOWED = {"nothing": 101, "litigation": 4, "petition": 1}
ASSESSED, ASSESSED_MONTHS = 58, range(month_number(2025, 6), month_number(2026, 1))
YEAR_2025 = (month_number(2025, 1), month_number(2025, 12))

# (table, area of the sender) -> first and last month of the scene rows in its files
FILES: Mapping[tuple[str, str], tuple[int, int]] = {
    ("mediation_cases", HECHUAN): YEAR_2025,
    ("dispute_screenings", "420500"): (month_number(2022, 1), month_number(2022, 6)),
    ("dispute_screenings", "421000"): (month_number(2017, 12), month_number(2023, 12)),
    ("dispute_screenings", "430300"): (month_number(2022, 10), month_number(2023, 7)),
    ("mediation_cases", ZHIJIANG): (month_number(2022, 1), month_number(2022, 12)),
    ("petition_matters", "420500"): (month_number(2022, 1), month_number(2022, 8)),
    ("correction_monthly", "420300"): YEAR_2025,
    ("correction_monthly", "500000"): YEAR_2025,
    ("reconsideration_cases", "500000"): YEAR_2025,
    ("service_activities", "420300"): (month_number(2025, 3), month_number(2025, 3)),
    ("service_activities", "420500"): (month_number(2022, 1), month_number(2022, 12)),
    ("service_activities", "421000"): (month_number(2017, 12), month_number(2023, 12)),
    ("service_activities", "430300"): (month_number(2022, 10), month_number(2023, 7)),
    ("service_activities", "500000"): YEAR_2025,
    ("organisations", "420300"): YEAR_2025,
    ("organisations", "420500"): (month_number(2022, 1), month_number(2022, 12)),
    ("organisations", "500000"): YEAR_2025,
}
# (table, district) -> months in which no ordinary row may lie there
CLAIMED: Mapping[tuple[str, str], tuple[int, int]] = {
    ("mediation_cases", HECHUAN): YEAR_2025,
    ("dispute_screenings", ZHIJIANG): (month_number(2022, 1), month_number(2022, 6)),
    ("reconsideration_cases", HECHUAN): YEAR_2025,
}
# (table, district) whose books stay without faults, so that nothing unreadable can lie in a scene's place and period
CLEAN = {*CLAIMED, ("dispute_screenings", SHASHI), ("dispute_screenings", YUETANG), ("mediation_cases", ZHIJIANG)} | {
    ("petition_matters", ZHIJIANG)
}
# (table, district) -> the township that gets no ordinary rows, and in which years
CLOSED: Mapping[tuple[str, str], tuple[str, range]] = {
    ("dispute_screenings", SHASHI): (SHENGLI, range(2017, 2024)),
    ("dispute_screenings", YUETANG): (YUETANG_STREET, range(2022, 2024)),
}
HECHUAN_SETTLED_BY = day_number(date(2024, 12, 31))  # ordinary cases of the years before leave nothing to 2025


def years(table: str, area_code: str) -> set[int]:
    """Years for which a sender's files hold scene rows, whatever the period."""
    first, last = FILES.get((table, area_code[:6]), (0, -1))
    return {month // 12 + 1970 for month in range(first, last + 1)}


def span(table: str, area_code: str, year: int) -> range:
    """The months of a sender's scene in a year, empty where it has none."""
    first, last = FILES.get((table, area_code[:6]), (0, -1))
    return range(max(first, month_number(year, 1)), min(last, month_number(year, 12)) + 1)


def open_to_ordinary(table: str, code: str, months: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which months of a district may hold ordinary rows of a table."""
    first, last = CLAIMED.get((table, code), (0, -1))
    return (months < first) | (months > last)


def closed_township(table: str, code: str, year: int) -> str | None:
    """The township that gets no ordinary rows in a year's block of a district."""
    township, years = CLOSED.get((table, code), (None, range(0)))
    return township if year in years else None


def rows(table: str, code: str, year: int, digits: int) -> pl.DataFrame | None:
    """Scene rows of a district in a year's file of a case table, columns as its ordinary rows; None where none are."""
    match table, code, year:
        case ("mediation_cases", "500117", 2025):
            return _hechuan(digits)
        case ("mediation_cases", "420583", 2022):
            return _lawyers(digits)
        case ("dispute_screenings", "420583", 2022):
            return _zhijiang(digits)
        case ("petition_matters", "420583", 2022):
            return _old_matters(digits)
        case ("dispute_screenings", "421002", _) if closed_township(table, code, year):
            return _shengli(year, digits)
        case ("dispute_screenings", "430304", _) if closed_township(table, code, year):
            return _together(year, digits)
    return None


def books(office: str, districts: Sequence[Place]) -> list[correction.Flows]:
    """The books of a city of which an article tells, month by month of 2025; none for other cities."""
    if ("correction_monthly", office) not in FILES:
        return []
    around = correction.usual(districts)
    first, last = FILES["correction_monthly", office]
    return correction.onward(np.random.default_rng(int(office)), range(first, last + 1), around, around)


def form(office: str, districts: Sequence[Place], months: Sequence[correction.Flows]) -> pl.DataFrame:
    """The rows of a city's books: 十堰 checked everybody, 合川 did 58 assessments from June on."""
    by_month = shared_out(ASSESSED, np.ones(len(ASSESSED_MONTHS)))
    assessed = {(HECHUAN, month): int(n) for month, n in zip(ASSESSED_MONTHS, by_month, strict=True)}
    rng = np.random.default_rng(int(office))
    return correction.rows(districts, months, rng, all_checked=office == "420300", assessed=assessed)


@cache
def applications(digits: int) -> pl.DataFrame:
    """The 106 applications for reconsideration that 合川 decided in 2025."""
    rng = np.random.default_rng(500117 + 2025)
    followed = _shuffled(rng, FOLLOWED)
    cutoff = day_number(date(2025, 12, 31))
    received = _days(rng, len(followed), date(2025, 1, 1), date(2025, 10, 31))
    place, settled_by = places()[HECHUAN], np.full(len(followed), cutoff)
    course = reconsideration.Course(np.zeros(len(followed), dtype=np.int64), settled_by, followed)
    return reconsideration.rows([place], Block(place, received, 1, rng, cutoff, digits), course)


def _shuffled(rng: np.random.Generator, counts: Mapping[str, int]) -> pl.Series:
    """Each text as often as stated, in a fixed disorder."""
    positions = np.repeat(np.arange(len(counts)), list(counts.values()))
    return picked(tuple(counts), rng.permutation(positions))


def _days(rng: np.random.Generator, count: int, first: date, last: date) -> NDArray[np.int64]:
    """`count` days, spread over the months of one year's period by season."""
    months = np.arange(month_number(first.year, first.month), month_number(last.year, last.month) + 1)
    spread = np.repeat(months, shared_out(count, np.array(SEASON)[months % 12]))
    return working_days(rng, spread, Period(day_number(first), day_number(last), tuple(months.tolist())))


@cache
def _hechuan(digits: int) -> pl.DataFrame:
    rng = np.random.default_rng(500117)
    place = places()[HECHUAN]
    course = _shuffled(rng, {f"{channel} {outcome}": n for (channel, outcome), n in COURSE_OF_MEDIATION.items()})
    parts = course.str.split_exact(" ", 1).struct.unnest()
    accepted = _days(rng, len(course), date(2025, 1, 1), date(2025, 12, 31))
    cutoff = day_number(date(2025, 12, 31))
    fixed = mediation.Course(
        settled_by=cutoff,
        channel=parts["field_0"],
        outcome=parts["field_1"],
        township=np.arange(len(course)) % len(place.townships),
        approved=True,
    )
    return mediation.rows(Block(place, accepted, 1, rng, cutoff, digits), fixed)


@cache
def _zhijiang(digits: int) -> pl.DataFrame:
    rng = np.random.default_rng(420583)
    place = places()[ZHIJIANG]
    status = _shuffled(rng, ZHIJIANG_STATUS)
    found = _days(rng, len(status), date(2022, 1, 1), date(2022, 6, 30))
    township = np.arange(len(status)) % len(place.townships)
    block = Block(place, found, 1, rng, day_number(date(2022, 6, 30)), digits)
    return screening.rows(block, status=status, township=township)


@cache
def _lawyers(digits: int) -> pl.DataFrame:
    rng = np.random.default_rng(420583 + 2022)
    place = places()[ZHIJIANG]
    accepted = _days(rng, LAWYERS_AGREED, date(2022, 1, 1), date(2022, 11, 30))
    cutoff = day_number(date(2022, 12, 31))
    fixed = mediation.Course(
        settled_by=cutoff,
        channel=_shuffled(rng, {"lawyer": LAWYERS_AGREED}),
        outcome=_shuffled(rng, {"agreed": LAWYERS_AGREED}),
        township=np.arange(LAWYERS_AGREED) % len(place.townships),
        approved=True,
    )
    return mediation.rows(Block(place, accepted, 1, rng, cutoff, digits), fixed)


@cache
def _old_matters(digits: int) -> pl.DataFrame:
    """The list frozen on 1 October: 56 of its matters were concluded by the end of the year, the others later."""
    rng = np.random.default_rng(420583 + 10)
    registered = _days(rng, OLD_MATTERS, date(2022, 1, 1), date(2022, 8, 31))
    first, last = day_number(date(2022, 10, 1)), day_number(date(2022, 12, 31))
    in_time = np.arange(OLD_MATTERS) < OLD_CONCLUDED
    concluded = np.where(in_time, rng.integers(first, last + 1, OLD_MATTERS), last + 40)
    block = Block(places()[ZHIJIANG], registered, 1, rng, last + 60, digits)
    return petition.rows(block, "420500", backlog=petition.Backlog(rng.permutation(concluded), "litigation"))


@cache
def _together(year: int, digits: int) -> pl.DataFrame:
    """The year's part of 172 disputes spread evenly over nine months."""
    place = places()[YUETANG]
    status = _shuffled(np.random.default_rng(430304001), YUETANG_STATUS)
    last = day_number(date(2023, 7, 31))
    found = np.linspace(day_number(date(2022, 10, 28)), last, len(status)).astype(np.int64)
    this_year = (found >= day_number(date(year, 1, 1))) & (found <= day_number(date(year, 12, 31)))
    position = [area.area_code for area in place.townships].index(YUETANG_STREET)
    block = Block(place, found[this_year], 1, np.random.default_rng([430304001, year]), last + 30, digits)
    return screening.rows(
        block,
        status=status.filter(pl.Series(this_year)),
        township=np.full(this_year.sum(), position),
        mechanism="police_justice",
    )


@cache
def _shengli(year: int, digits: int) -> pl.DataFrame:
    """The year's part of 97 disputes spread evenly over 73 months."""
    place = places()[SHASHI]
    status = _shuffled(np.random.default_rng(421002004), SHENGLI_STATUS)
    last = day_number(date(2023, 12, 31))
    found = np.linspace(day_number(date(2017, 12, 8)), last - 6, len(status)).astype(np.int64)
    this_year = (found >= day_number(date(year, 1, 1))) & (found <= day_number(date(year, 12, 31)))
    position = [area.area_code for area in place.townships].index(SHENGLI)
    township = np.full(this_year.sum(), position)
    block = Block(place, found[this_year], 1, np.random.default_rng([421002004, year]), last, digits)
    return screening.rows(block, status=status.filter(pl.Series(this_year)), township=township)
