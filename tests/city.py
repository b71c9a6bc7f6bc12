"""A make-believe city for the publication: cases with a number each, counted into the exact cells of a plan.

Counted here from the cases, by other means than the project's SQL.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from random import Random

import numpy as np
import polars as pl

from pipelines.catalogue import PublicationPlan, code_lists
from pipelines.demo import mediation, scenes
from pipelines.demo.districts import covered, districts_of, expected, places, shared_out, working_days
from pipelines.demo.drawing import Block
from pipelines.protect.drawing import KEY_SPACE

CITY = "500000000000"
TYPES = ("neighbours", "marriage_family", "contract", "damages", "medical", "not_stated")
CHANNELS = ("police", "court", "application", "not_stated")
MEASURES = {
    "mediation_accepted": pl.lit(True),
    "mediation_concluded": pl.col("is_concluded"),
    "mediation_agreed": pl.col("is_agreed"),
}


@dataclass(frozen=True)
class City:
    """One city with its districts and towns; `cases`: area, month (YYYY-MM), dispute_type, channel, number and marks."""

    districts: int
    towns: int
    cases: pl.DataFrame
    types: tuple[str, ...] = TYPES
    channels: tuple[str, ...] = CHANNELS

    @cached_property
    def parents(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {CITY: None}
        for d in range(self.districts):
            district = f"5001{d + 1:02d}000000"
            found[district] = CITY
            found |= {f"5001{d + 1:02d}{t + 1:03d}000": district for t in range(self.towns)}
        return found

    def level(self, area: str) -> str:
        return "city" if area == CITY else "district" if area.endswith("000000") else "township"


def city(
    districts: int = 3, towns: int = 4, months: int = 12, cases_a_town_and_month: float = 6.0, seed: int = 1
) -> City:
    """Cases drawn town by town and month by month; types and channels as unlike as they are."""
    chance = Random(seed)
    rows = []
    for d in range(districts):
        for t in range(towns):
            usual = cases_a_town_and_month * chance.choice((0.5, 0.8, 1.0, 1.6))
            for m in range(months):
                month = f"{2023 + m // 12}-{m % 12 + 1:02d}"
                for _ in range(_poisson(usual, chance)):
                    kind = chance.choices(TYPES, (30, 30, 20, 15, 4, 1))[0]
                    channel = chance.choices(CHANNELS, (50, 30, 19, 1))[0]
                    is_concluded = chance.random() < 0.97
                    is_agreed = is_concluded and chance.random() < 0.96
                    place = f"5001{d + 1:02d}{t + 1:03d}000"
                    rows.append((place, month, kind, channel, chance.getrandbits(63), is_concluded, is_agreed))
    schema = {"area_code": pl.String, "month": pl.String, "dispute_type": pl.String, "channel": pl.String}
    marks = {"number": pl.UInt64, "is_concluded": pl.Boolean, "is_agreed": pl.Boolean}
    return City(districts, towns, pl.DataFrame(rows, schema=schema | marks, orient="row"))


def of_the_demo(area_code: str, year: int, cases: int, years: int) -> City:
    """A year of a city's ordinary mediation cases as `fengqiao demo --cases … --years …` draws them, of all types and channels.

    Districts and towns bear the codes of a make-believe city, in the order of their own.
    """
    period, chance = covered(years, date(2025, 12, 31)), np.random.default_rng(1)
    months = np.array(period.months)
    is_free = np.array([scenes.open_to_ordinary("mediation_cases", code, months) for code in sorted(places())])
    counts = shared_out(cases // 2, expected(period) * is_free)
    districts, in_year = districts_of(area_code), months // 12 + 1970 == year
    towns = max(len(place.townships) for place in districts) + 1  # the last: not assigned
    drawn = []
    for d, place in enumerate(districts):
        days = working_days(
            chance, np.repeat(months[in_year], counts[sorted(places()).index(place.code), in_year]), period
        )
        rows = mediation.rows(Block(place, days, 1, chance, period.last_day, 12), mediation.Course())
        codes = {area.area_code: f"5001{d + 1:02d}{t + 1:03d}000" for t, area in enumerate(place.townships)}
        town = pl.col("area_code").replace_strict(codes, default=f"5001{d + 1:02d}{towns:03d}000")
        drawn.append(_dated(rows, days, town))
    every = pl.concat(drawn)
    number = pl.Series("number", chance.integers(1, 2**63, len(every), dtype=np.uint64))
    types, channels = (
        (*(code.code for code in code_lists()[name]), "not_stated") for name in ("dispute_type", "channel")
    )
    return City(len(districts), towns, every.with_columns(number), types, channels)


def _dated(rows: pl.DataFrame, days: np.ndarray, town: pl.Expr) -> pl.DataFrame:
    month = pl.Series("month", days.astype("datetime64[D]")).dt.strftime("%Y-%m")
    return rows.with_columns(month).filter(pl.col("record_status") == "approved").select(
        town, "month", "dispute_type", "channel", is_concluded=pl.col("outcome").is_not_null(),
        is_agreed=(pl.col("outcome") == "agreed").fill_null(value=False),
    )  # fmt: skip


def _poisson(mean: float, chance: Random) -> int:
    count, gap = 0, chance.expovariate(1.0)
    while gap < mean:
        count, gap = count + 1, gap + chance.expovariate(1.0)
    return count


def counted(of: City, plan: PublicationPlan) -> pl.DataFrame:
    """The exact cells of the plan's tables of mediation cases, in the columns of `exact_cells`."""
    parts = [
        _cells(of, table_id, measure, table.breakdown or "total", level, kind)
        for table_id, table in plan.tables.items()
        for measure in table.measures
        for level, kinds in table.levels.items()
        for kind in kinds
        if level in ("township", "district", "city") and measure in MEASURES
    ]
    return pl.concat(parts)


def _cells(of: City, table_id: str, measure: str, breakdown: str, level: str, kind: str) -> pl.DataFrame:
    areas = [area for area in of.parents if of.level(area) == level]
    months = sorted(set(of.cases["month"]))
    first = {_period(month, kind): month for month in reversed(months)}
    last = {_period(month, kind): month for month in months}
    categories = {"dispute_type": of.types, "channel": of.channels}.get(breakdown, ("total",))
    above = {area: (area, of.parents[area], CITY) for area in of.parents}
    place = {"township": 0, "district": 1, "city": 2}[level]
    ancestor = {area: str(way[place]) for area, way in above.items() if of.level(area) == "township"}
    rows = of.cases.filter(MEASURES[measure]).select(
        pl.col("area_code").replace_strict(ancestor, return_dtype=pl.String),
        pl.col("month").map_elements(lambda month: _period(month, kind), return_dtype=pl.String).alias("period"),
        (pl.lit("total") if breakdown == "total" else pl.col(breakdown)).alias("category"),
        "number",
    )
    tally: dict[tuple[str, str, str], list[int]] = {}
    for area, period, category, number in rows.iter_rows():
        tally.setdefault((area, period, category), []).append(number)
    dense = [
        (table_id, measure, breakdown, area, level, period, kind, first[period], last[period], "sum", True, category,
         len(numbers := tally.get((area, period, category), [])), sum(numbers) % KEY_SPACE)
        for area in areas for period in first for category in categories
    ]  # fmt: skip
    names = ["table_id", "measure", "breakdown", "area_code", "area_level", "period", "period_kind", "first_month"]
    names += ["last_month", "over_time", "is_reported", "category", "value", "cell_key"]
    month = pl.col("first_month", "last_month").str.strptime(pl.Date, "%Y-%m-%d")
    frame = pl.DataFrame(dense, schema=names, orient="row").with_columns(pl.col("first_month", "last_month") + "-01")
    return frame.with_columns(month)


def _period(month: str, kind: str) -> str:
    year, number = month.split("-")
    return {"month": month, "quarter": f"{year}-Q{(int(number) + 2) // 3}", "year": year}[kind]
