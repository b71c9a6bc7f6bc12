"""Rows → measures by area and month."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from . import declared, forms, mediation, organisations, petition, reconsideration, screening, service
from .exports import Exports

COUNTED_BY: dict[str, Callable[[Exports], list[pl.DataFrame]]] = {
    "mediation_cases": mediation.count,
    "dispute_screenings": screening.count,
    "petition_matters": petition.count,
    "reconsideration_cases": reconsideration.count,
    "service_activities": service.count,
    "organisations": organisations.count,
}


def count_measures(exports: Exports) -> pl.DataFrame:
    """Every measure: leaf area_code, month, measure, breakdown, category, bucket, value; cells of 0 are left out, and
    so are months that nobody who reports on the area has reached (a deadline may lie in them)."""
    cases = [part for table, count in COUNTED_BY.items() if table in exports.rows for part in count(exports)]
    counted = pl.concat([*cases, *forms.count(exports)])
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
