"""Rows of 工作台账, one an activity."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.demo.districts import SEASON, Period, Place, shared_out, working_days
from pipelines.demo.drawing import Days, codes, dates, given, numbered, updated
from pipelines.demo.people import names, picked, staff

A_MONTH = 1.2  # activities a district and month
TYPES = {
    "law_lecture": 26,
    "legal_advice": 14,
    "legal_aid": 5,
    "enterprise_check_up": 4,
    "psychology_lecture": 4,
    "counselling": 7,
    "education": 9,
    "public_service": 8,
    "training": 5,
    "visit": 7,
    "relief": 3,
    "job_recommendation": 3,
    "job_placement": 2,
    "drill": 1,
    "message": 2,
}
AUDIENCES = {
    "law_lecture": "public",
    "legal_advice": "public",
    "legal_aid": "public",
    "enterprise_check_up": "enterprise",
    "psychology_lecture": "correction_subject",
    "counselling": "correction_subject",
    "education": "correction_subject",
    "public_service": "correction_subject",
    "training": "mediator",
    "visit": "resettlement",
    "relief": "resettlement",
    "job_recommendation": "resettlement",
    "job_placement": "resettlement",
    "plan_made": "staff",
    "plan_revised": "staff",
    "drill": "staff",
    "message": "resettlement",
}
USUAL = {"law_lecture": 60, "message": 30, "training": 35, "education": 28, "public_service": 22, "legal_advice": 9}
ONE_PERSON = ("job_placement", "legal_aid", "relief")  # a person is helped, nobody attends
NUMBERS = ("activity_sessions", "attendances", "persons_served")


def ordinary(places: Sequence[Place], months: Sequence[int], period: Period, rng: np.random.Generator) -> pl.DataFrame:
    """The activities of some districts and months, one row an activity: what was done, where (12 or 6 digits), for how
    many."""
    season = np.array(SEASON)[np.array(months, dtype=np.int64) % 12]
    held = rng.poisson(A_MONTH * season, (len(places), len(months))).sum(axis=0)
    days = working_days(rng, np.repeat(months, held), period)
    n = len(days)
    kind = codes(rng, TYPES, n)
    where = tuple(code for place in places for code in (*(area.area_code for area in place.townships), place.code))
    many = np.array([len(place.townships) for place in places])
    district = rng.integers(0, len(places), n)
    # A quarter of the activities is the district's own, the last of its areas.
    town = np.where(rng.random(n) < 0.25, many[district], rng.integers(0, many[district]))
    single = kind.is_in(ONE_PERSON).to_numpy()
    attendances = 1 + rng.poisson(kind.replace_strict(USUAL, default=6, return_dtype=pl.Int64).to_numpy())
    return pl.DataFrame({
        "activity_type": kind,
        "area_code": picked(where, (np.cumsum(many + 1) - many - 1)[district] + town),
        "organiser": picked(tuple(f"{place.name}司法局" for place in places), district),
        "audience": kind.replace_strict(AUDIENCES, return_dtype=pl.String),
        "activity_mode": picked(("offline", "online"), (rng.random(n) < 0.15).astype(np.int64)),
        "held_on": dates(days),
        "activity_sessions": given(pl.Series(np.ones(n, dtype=np.int64)), ~single),
        "attendances": given(pl.Series(attendances), ~single),
        "persons_served": np.where(single, 1, attendances - rng.binomial(attendances, 0.05)),
    })  # fmt: skip


def fixed(
    kind: str, audience: str, mode: str, area_code: str, place: Place, days: Days, totals: dict[str, int]
) -> pl.DataFrame:
    """Activities on these days, columns as of ordinary ones, that together have these totals; other numbers are blank."""
    n = len(days)
    shared = {name: shared_out(total, np.ones(n)) for name, total in totals.items()}
    return pl.DataFrame({
        "activity_type": [kind] * n,
        "area_code": [area_code] * n,
        "organiser": [f"{place.name}司法局"] * n,
        "audience": [audience] * n,
        "activity_mode": [mode] * n,
        "held_on": dates(days),
        **{name: pl.Series(shared.get(name, [None] * n), dtype=pl.Int64) for name in NUMBERS},
    })  # fmt: skip


def rows(
    held: pl.DataFrame, office: int, year: int, rng: np.random.Generator, digits: int, cutoff: int
) -> pl.DataFrame:
    """The activities of an office and year as its ledger writes them, columns as in the contract (typed)."""
    held = held.sort("held_on", maintain_order=True)
    days = held["held_on"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    return held.with_columns(
        numbered(f"HD{office}{year}{{}}", 1, held.height).alias("activity_number"),
        pl.col("area_code").str.slice(0, digits),
        ("联系人" + names(staff(rng, office + 29, held.height, 40))).alias("remarks"),
        updated(rng, [days], cutoff).alias("updated_at"),
    )
