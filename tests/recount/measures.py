"""Rows → measures by area and month."""

from __future__ import annotations

from datetime import date

import polars as pl

from . import declared
from .exports import Exports

LONGEST = 1095
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


def count_measures(exports: Exports) -> pl.DataFrame:
    """Every measure: leaf area_code, month, measure, breakdown, category, bucket, value; cells of 0 are left out, and
    so are months that nobody who reports on the area has reached (a deadline may lie in them)."""
    rows = exports.rows
    counted = pl.concat(
        [
            *_mediation(rows["mediation_cases"], *_span(exports, "mediation_cases")),
            *_screening(rows["dispute_screenings"]),
            *_petition(rows["petition_matters"], *_span(exports, "petition_matters")),
            *_correction(rows["correction_monthly"]),
        ]
    )
    tables = {name: measure.table for name, measure in declared.measures().items()}
    reached = (
        exports.coverage.rename({"area_code": "ancestor_code"})
        .join(declared.ancestors(), on="ancestor_code")
        .group_by("table_name", "area_code")
        .agg(pl.col("month").max().alias("until"))
    )
    counted = counted.with_columns(pl.col("measure").replace_strict(tables).alias("table_name"))
    bounded = counted.join(reached, on=["table_name", "area_code"], how="left")
    in_reach = pl.col("until").is_null() | (pl.col("month") <= pl.col("until"))
    return bounded.filter(pl.col("value") != 0, in_reach).drop("table_name", "until")


def _span(exports: Exports, table: str) -> tuple[date, date]:
    """First and last month of a table: the earliest date of a row, the last month a sender has reported."""
    months = exports.coverage.filter(pl.col("table_name") == table)["month"]
    first, last = months.min(), months.max()
    assert isinstance(first, date) and isinstance(last, date)
    return first, last


def _mediation(rows: pl.DataFrame, first: date, last: date) -> list[pl.DataFrame]:
    kinds = ["dispute_type", "channel", "tier"]
    counted = rows.filter(pl.col("record_status") == "approved")
    is_pending = pl.col("outcome").eq_missing("pending")
    counted = counted.with_columns(pl.when(~is_pending).then(pl.col("concluded_on")).alias("concluded_on"))
    concluded = counted.filter(pl.col("concluded_on").is_not_null())
    days = (pl.col("concluded_on") - pl.col("accepted_on")).dt.total_days()
    return [
        *_tally(counted, "mediation_accepted", "accepted_on", kinds),
        *_tally(concluded, "mediation_concluded", "concluded_on", kinds),
        *_tally(concluded.filter(pl.col("outcome") == "agreed"), "mediation_agreed", "concluded_on", kinds),
        *_tally(concluded.filter(days.is_between(0, 30)), "mediation_within_30_days", "concluded_on", []),
        _histogram(concluded, "mediation_days_to_conclude", "concluded_on", days),
        _stock(counted, "mediation_open", "accepted_on", first, last),
    ]


def _screening(rows: pl.DataFrame) -> list[pl.DataFrame]:
    tallies = _tally(rows, "screening_found", "found_on", ["event_type", "tier", "screening_status"])
    for status in ("resolved", "eased", "to_judicial"):
        of_status = rows.filter(pl.col("screening_status") == status)
        tallies += _tally(of_status, f"screening_{status}", "found_on", ["event_type"])
    return tallies


def _petition(rows: pl.DataFrame, first: date, last: date) -> list[pl.DataFrame]:
    matters = rows.with_columns(pl.coalesce("extended_to", "due_on").alias("deadline"))
    concluded = matters.filter(pl.col("concluded_on").is_not_null())
    days = (pl.col("concluded_on") - pl.col("registered_on")).dt.total_days()
    due = matters.filter(pl.col("route") == "petition_opinion", pl.col("deadline").is_not_null())
    return [
        *_tally(matters, "petition_matters", "registered_on", ["petition_form"]),
        *_tally(matters, "petition_persons", "registered_on", ["petition_form"], pl.col("persons").sum()),
        *_tally(concluded, "petition_concluded", "concluded_on", []),
        _histogram(concluded, "petition_days_to_conclude", "concluded_on", days),
        _stock(matters, "petition_open", "registered_on", first, last),
        *_tally(due, "petition_due", "deadline", []),
        *_tally(due.filter(pl.col("concluded_on") <= pl.col("deadline")), "petition_on_time", "deadline", []),
        *_tally(matters.filter(pl.col("first_or_repeat") == "repeat"), "petition_repeat", "registered_on", []),
    ]


def _correction(rows: pl.DataFrame) -> list[pl.DataFrame]:
    items = {
        "closing": "correction_caseload",
        "received": "correction_received",
        "discharged": "correction_discharged",
        "terminated": "correction_terminated",
        "checks_due": "correction_checks_due",
        "checks_done": "correction_checks_done",
    }
    parts: list[pl.DataFrame] = []
    for column in declared.contracts()["correction_monthly"].columns:
        if column.item in items and column.name in rows.columns:
            breakdown = "total" if column.category == "total" else "correction_category"
            cells = rows.select(pl.col("leaf").alias("area_code"), "month", pl.col(column.name).alias("value"))
            parts.append(_cells(cells, items[column.item], breakdown, pl.lit(column.category)))
    return parts


def _tally(
    rows: pl.DataFrame, measure: str, dated: str, breakdowns: list[str], value: pl.Expr | None = None
) -> list[pl.DataFrame]:
    """A measure's total and its breakdowns; `value` is the number of rows unless told."""
    by = [pl.col("leaf").alias("area_code"), pl.col(dated).dt.truncate("1mo").alias("month")]
    counted = (pl.len() if value is None else value).alias("value")
    total = _cells(rows.group_by(by).agg(counted), measure, "total", pl.lit("total"))
    parts = [
        _cells(rows.group_by([*by, name]).agg(counted), measure, name, pl.col(name).fill_null(NOT_STATED))
        for name in breakdowns
    ]
    return [total, *parts]


def _histogram(rows: pl.DataFrame, measure: str, dated: str, days: pl.Expr) -> pl.DataFrame:
    by = [pl.col("leaf").alias("area_code"), pl.col(dated).dt.truncate("1mo").alias("month")]
    bucket = days.clip(upper_bound=LONGEST).cast(pl.Int32).alias("bucket")
    cells = rows.filter(days >= 0).group_by([*by, bucket]).agg(pl.len().alias("value"))
    return _cells(cells, measure, "total", pl.lit("total"), pl.col("bucket"))


def _stock(rows: pl.DataFrame, measure: str, opened: str, first: date, last: date) -> pl.DataFrame:
    """Cases opened and not concluded at each month's end, from openings and conclusions added up to then."""
    openings = rows.select("leaf", pl.col(opened).alias("on"), pl.lit(1).alias("step"))
    endings = rows.filter(pl.col("concluded_on").is_not_null()).select(
        "leaf", pl.col("concluded_on").alias("on"), pl.lit(-1).alias("step")
    )
    steps = (
        pl.concat([openings, endings])
        .group_by("leaf", pl.col("on").dt.truncate("1mo").alias("month"))
        .agg(pl.col("step").sum().cast(pl.Int64))
    )
    months = pl.DataFrame({"month": pl.date_range(first, last, "1mo", eager=True)})
    grid = steps.select("leaf").unique().join(months, how="cross").join(steps, on=["leaf", "month"], how="left")
    level = pl.col("step").fill_null(0).cum_sum().over("leaf", order_by="month")
    cells = grid.select(pl.col("leaf").alias("area_code"), "month", level.alias("value"))
    return _cells(cells, measure, "total", pl.lit("total"))


def _cells(
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
