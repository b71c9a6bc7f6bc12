"""Monthly forms: a measure is the sum of the lines it names."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from . import declared
from .declared import Column, Line, Measure
from .exports import Exports
from .tallies import CELL, cells


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of forms."""
    parts: list[pl.DataFrame] = []
    for name, measure in declared.measures().items():
        if measure.lines and measure.table in exports.rows:
            rows = exports.rows[measure.table]
            lines = [_line(rows, name, *line) for line in _lines(measure) if line[0].name in rows.columns]
            parts += [pl.concat(lines).group_by(CELL).agg(pl.col("value").sum())] if lines else []
    return parts


def _lines(measure: Measure) -> Iterator[tuple[Column, str, str, int]]:
    """The columns that are part of a measure: column, breakdown and category it adds to, and its sign."""
    columns = {column.name: column for contract in declared.versions(measure.table) for column in contract.columns}
    for line in measure.lines:
        for column in columns.values():
            if column.item == line.item:
                yield from ((column, *part, -1 if line.subtract else 1) for part in _parts(column, line, measure))


def _parts(column: Column, line: Line, measure: Measure) -> Iterator[tuple[str, str]]:
    if line.only:
        if column.category == line.only:
            yield "total", "total"
    elif line.category:
        if column.category == "total":
            yield "total", "total"
            yield line.breakdown, line.category
    elif column.breakdown == "total" or column.breakdown in measure.breakdowns:
        yield column.breakdown, column.category


def _line(rows: pl.DataFrame, measure: str, column: Column, breakdown: str, category: str, sign: int) -> pl.DataFrame:
    stated = rows.filter(pl.col(column.name).is_not_null())
    area = "leaf" if declared.measures()[measure].lowest_level == "township" else "area_code"
    counted = stated.select(pl.col(area).alias("area_code"), "month", (sign * pl.col(column.name)).alias("value"))
    return cells(counted, measure, breakdown, pl.lit(category))
