"""Working days by the notices of the State Council's general office, as holidays.csv has them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate

import polars as pl

from . import declared

MONDAY_TO_FRIDAY = range(5)


def working_days() -> pl.DataFrame:
    """day, number: how many working days there have been up to a day of the years whose days off are announced."""
    told = declared.table("holidays")
    departs = dict(zip(told["date"], told["is_working_day"] == "true", strict=True))
    first, last = date(int(min(departs)[:4]), 1, 1), date(int(max(departs)[:4]), 12, 31)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    works = (departs.get(day.isoformat(), day.weekday() in MONDAY_TO_FRIDAY) for day in days)
    return pl.DataFrame({"day": days, "number": list(accumulate(int(work) for work in works))})
