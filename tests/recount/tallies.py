"""Rows → cells of measures: how anything is counted, by whatever rule the rows were chosen."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from . import declared
from .exports import Exports

LONGEST = 1095
FOLLOWED = 365
NOT_STATED = "not_stated"
SCHEMA = {
    "area_code": pl.String,
    "month": pl.Date,
    "measure": pl.String,
    "breakdown": pl.String,
    "category": pl.String,
    "bucket": pl.Int32,
    "value": pl.Int64,
}
CELL = [name for name in SCHEMA if name != "value"]


def span(exports: Exports, table: str) -> tuple[date, date]:
    """First and last month that a sender has reported of a table."""
    months = exports.coverage.filter(pl.col("table_name") == table)["month"]
    first, last = months.min(), months.max()
    assert isinstance(first, date) and isinstance(last, date)
    return first, last


def cutoff(exports: Exports) -> date:
    """The last day of the last month that anybody has reported."""
    last = exports.coverage["month"].max()
    assert isinstance(last, date)
    return (last + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def tally(rows: pl.DataFrame, measure: str, dated: str, value: pl.Expr | None = None) -> list[pl.DataFrame]:
    """A measure's total and its breakdowns in the month of a date; `value` is the number of rows unless told."""
    by = [pl.col("leaf").alias("area_code"), pl.col(dated).dt.truncate("1mo").alias("month")]
    added = (pl.len() if value is None else value).alias("value")
    total = cells(rows.group_by(by).agg(added), measure, "total", pl.lit("total"))
    parts = [
        cells(rows.group_by([*by, name]).agg(added), measure, name, pl.col(name).fill_null(NOT_STATED))
        for name in declared.measures()[measure].breakdowns
    ]
    return [total, *parts]


def tallies(rows: pl.DataFrame, chosen: dict[str, pl.Expr], dated: str) -> list[pl.DataFrame]:
    """Measures of the same date, each of the rows its condition chooses."""
    return [part for measure, which in chosen.items() for part in tally(rows.filter(which), measure, dated)]


def histogram(rows: pl.DataFrame, measure: str, dated: str, days: pl.Expr, longest: int = LONGEST) -> pl.DataFrame:
    """Rows by days in the month of a date; longer durations are held at the longest, negative ones left out."""
    by = [pl.col("leaf").alias("area_code"), pl.col(dated).dt.truncate("1mo").alias("month")]
    bucket = days.clip(upper_bound=longest).cast(pl.Int32).alias("bucket")
    by_day = rows.filter(days >= 0).group_by([*by, bucket]).agg(pl.len().alias("value"))
    return cells(by_day, measure, "total", pl.lit("total"), pl.col("bucket"))


def stock(rows: pl.DataFrame, measure: str, start: pl.Expr, end: pl.Expr, months: tuple[date, date]) -> pl.DataFrame:
    """Rows that are in at each month's end: from their day `start` on and no more on their day `end` (null: never).

    Added up from entries and exits; who would leave before he enters never is in."""
    first, last = months
    inside = rows.select("leaf", start.alias("start"), end.alias("end")).filter(
        pl.col("start").is_not_null(), pl.col("end").is_null() | (pl.col("end") >= pl.col("start"))
    )
    entries = inside.select("leaf", pl.col("start").alias("on"), pl.lit(1).alias("step"))
    exits = inside.drop_nulls("end").select("leaf", pl.col("end").alias("on"), pl.lit(-1).alias("step"))
    month = pl.max_horizontal(pl.col("on").dt.truncate("1mo"), pl.lit(first)).alias("month")
    steps = pl.concat([entries, exits]).group_by("leaf", month).agg(pl.col("step").sum().cast(pl.Int64))
    every = pl.DataFrame({"month": pl.date_range(first, last, "1mo", eager=True)})
    grid = steps.select("leaf").unique().join(every, how="cross").join(steps, on=["leaf", "month"], how="left")
    level = pl.col("step").fill_null(0).cum_sum().over("leaf", order_by="month")
    return cells(
        grid.select(pl.col("leaf").alias("area_code"), "month", level.alias("value")),
        measure,
        "total",
        pl.lit("total"),
    )


def cohort(rows: pl.DataFrame, system: str, opened: str, known: date) -> list[pl.DataFrame]:
    """How each month's rows (with `days` to conclusion) went on, until the last day of the data and for a year at most."""
    watched = pl.min_horizontal((pl.lit(known) - pl.col(opened)).dt.total_days(), pl.lit(FOLLOWED))
    is_over = (pl.col("days") <= watched).fill_null(False)
    return [
        histogram(rows.filter(is_over), f"{system}_cohort_days", opened, pl.col("days")),
        histogram(rows.filter(~is_over), f"{system}_cohort_open_days", opened, watched),
    ]


def overdue(opened: pl.Expr, closed: pl.Expr, limit: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Of what is open: from which day on, and until which, its time limit is past (null without a limit)."""
    past = pl.when(limit.is_not_null()).then(pl.max_horizontal(opened, limit + pl.duration(days=1)))
    return past, closed


def due_soon(opened: pl.Expr, closed: pl.Expr, limit: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Of what is open: from which day on, and until which, its time limit is today or one of the next seven days."""
    near = pl.when(limit.is_not_null()).then(pl.max_horizontal(opened, limit - pl.duration(days=7)))
    return near, pl.min_horizontal(closed, limit + pl.duration(days=1))


def cells(
    counted: pl.DataFrame, measure: str, breakdown: str, category: pl.Expr, bucket: pl.Expr | None = None
) -> pl.DataFrame:
    return counted.select(
        "area_code",
        "month",
        pl.lit(measure).alias("measure"),
        pl.lit(breakdown).alias("breakdown"),
        category.alias("category"),
        (pl.lit(None) if bucket is None else bucket).cast(pl.Int32).alias("bucket"),
        pl.col("value").cast(pl.Int64),
    )
