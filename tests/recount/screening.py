"""Disputes found by screening: every row counts, in the month it was found."""

from __future__ import annotations

import polars as pl

from .exports import Exports
from .tallies import cells, tallies

BY_MECHANISM = "screening_by_mechanism"


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of dispute_screenings."""
    rows = exports.rows["dispute_screenings"].with_columns(pl.col("method").alias("screening_method"))
    is_resolved = pl.col("screening_status") == "resolved"
    days = (pl.col("resolved_on") - pl.col("found_on")).dt.total_days()
    chosen = {
        "screening_found": pl.lit(True),
        "screening_resolved": is_resolved,
        "screening_eased": pl.col("screening_status") == "eased",
        "screening_to_judicial": pl.col("screening_status") == "to_judicial",
        "screening_resolved_within_60_days": is_resolved & days.is_between(0, 60),
        "screening_resolved_in_village": is_resolved & pl.col("tier").is_in(["grid", "village"]),
        "screening_resolved_in_township": is_resolved & pl.col("tier").is_in(["grid", "village", "township"]),
    }
    parts = tallies(rows, chosen, "found_on")
    return [*parts, *_mechanisms(rows.drop_nulls("mechanisms"))]


def _mechanisms(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Disputes with any mechanism, and under each of theirs."""
    by = [pl.col("leaf").alias("area_code"), pl.col("found_on").dt.truncate("1mo").alias("month")]
    each = rows.with_columns(pl.col("mechanisms").str.split(",").list.unique()).explode("mechanisms")
    total, by_mechanism = (
        part.agg(pl.len().alias("value")) for part in (rows.group_by(by), each.group_by(*by, "mechanisms"))
    )
    return [
        cells(total, BY_MECHANISM, "total", pl.lit("total")),
        cells(by_mechanism, BY_MECHANISM, "mechanism", pl.col("mechanisms")),
    ]
