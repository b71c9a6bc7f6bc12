"""Rows of 人口数, one a district and year."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.demo.districts import WEIGHTS, Place, day_number
from pipelines.demo.drawing import dates

# Of these districts the share of the volume says nothing about the people. 合川's book is made heavy on purpose.
RESIDENTS = {"500117": 1_240_000, "500112": 2_200_000, "500106": 1_480_000, "500116": 1_360_000, "421088": 1_100_000}
BASE_YEAR = 2020


def rows(places: Sequence[Place], year: int) -> pl.DataFrame:
    """Make-believe residents at a year's end, published in the spring after it; typed, columns as in the contract."""
    codes = [place.code for place in places]
    base = np.array([RESIDENTS.get(code, round(10_000 * WEIGHTS.get(code, 30.0))) for code in codes])
    # One generator a district: its growth and its own figures are the same whatever else is asked for.
    growth = np.array([np.random.default_rng(int(code) + 3).uniform(-0.011, 0.007) for code in codes])
    odd = np.array([np.random.default_rng([int(code), year]).integers(-400, 400) for code in codes])
    residents = (base * np.exp(growth * (year - BASE_YEAR))).astype(np.int64) + odd
    registered = (residents * np.array([1.02 + 6 * max(-rate, -0.02) for rate in growth])).astype(np.int64)
    days = np.array([int(code) % 40 for code in codes]) + day_number(date(year + 1, 3, 20))
    return pl.DataFrame({
        "area_code": codes,
        "year": [year] * len(codes),
        "residents": residents,
        "registered_residents": registered,
        "population_source": ["统计公报"] * len(codes),
        "published_on": dates(days),
        "basis": ["census" if year % 10 == 0 else "sample"] * len(codes),
    })  # fmt: skip
