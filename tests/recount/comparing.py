"""The recount against a release, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from . import declared
from .declared import Card
from .exports import read_exports
from .figures import Book, figures, open_book
from .measures import count_measures
from .standings import beside, compare_rows
from .tallies import CELL as MEASURE_CELL

TOLERANCE = 1e-9
CHANGE_TOLERANCE = 1e-7
SMALLEST_BASE = 20
HAVE_PERCENT = ("count", "stock")  # a percentage change stands on a number of cases, not on days or percent
CELL = ["area_code", "period", "category"]
BEFORE = ["value_year_before", "value_period_before"]
COMPARED = [
    "value",
    "numerator",
    "denominator",
    "value_year_before",
    "value_period_before",
    "change_on_year",
    "change_on_year_percent",
    "change_on_period",
    "status",
]


@dataclass(frozen=True)
class Comparison:
    """How many cells were compared (`other_cells`: of standings and occurrences). `differences`: kind, what, area_code, period, breakdown,
    category, counted (by us), released; every value a text."""

    measure_cells: int
    figure_cells: int
    other_cells: int
    differences: pl.DataFrame


@dataclass(frozen=True)
class Recount:
    """Leaf measures, and the book of figures opened from them."""

    measures: pl.DataFrame
    book: Book


def recount(landing: Path) -> Recount:
    """Count the exports in a landing folder again."""
    exports = read_exports(landing)
    measures = count_measures(exports)
    return Recount(measures, open_book(measures, exports.coverage))


def compare(counted: Recount, release: Path) -> Comparison:
    """Set every measure and figure counted again beside those of a release folder."""
    cells, differences = compare_measures(counted.measures, pl.read_parquet(release / "measures.parquet"))
    figure_cells, differing = compare_figures(counted.book, pl.scan_parquet(release / "figures.parquet"))
    told = beside(counted.book)
    places, standings = compare_rows(told.standings, pl.read_parquet(release / "standings.parquet"), "standings")
    months, occurrences = compare_rows(
        told.occurrences, pl.read_parquet(release / "occurrences.parquet"), "occurrences"
    )
    return Comparison(cells, figure_cells, places + months, pl.concat([differences, differing, standings, occurrences]))


def compare_figures(book: Book, figures: pl.LazyFrame) -> tuple[int, pl.DataFrame]:
    """All cards' figures of standard periods; their number and those that differ."""
    released, cells, found = figures.filter(pl.col("period_kind") != "range"), 0, []
    for card in declared.cards().values():
        breakdowns = card.breakdowns if card.kind == "share" else ("total", *card.breakdowns)
        theirs = released.filter(pl.col("indicator") == card.indicator).collect()
        found.append(_undeclared(card, theirs, breakdowns))
        for breakdown in breakdowns:
            compared, differing = _compare_figures(book, card, breakdown, theirs)
            cells += compared
            found.append(differing)
    return cells, pl.concat(found)


def compare_measures(counted: pl.DataFrame, released: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    """Rows of value ≠ 0, both ways; their number and those that differ."""
    ours = counted.with_columns(pl.col("bucket").fill_null(-1))
    theirs = released.filter(pl.col("value") != 0).select(
        *(pl.col(name).cast(ours.schema[name]) for name in MEASURE_CELL if name != "bucket"),
        pl.col("bucket").fill_null(-1).cast(pl.Int32),
        pl.col("value").cast(pl.Int64).alias("released"),
    )
    theirs = theirs.group_by(MEASURE_CELL).agg(pl.col("released").sum())
    both = ours.join(theirs, on=MEASURE_CELL, how="full", coalesce=True)
    differing = both.filter(pl.col("value").ne_missing(pl.col("released")))
    return both.height, differing.select(
        pl.lit("measure").alias("kind"),
        pl.format("{} bucket {}", "measure", "bucket").alias("what"),
        "area_code",
        pl.col("month").cast(pl.String).alias("period"),
        "breakdown",
        "category",
        pl.col("value").cast(pl.String).alias("counted"),
        pl.col("released").cast(pl.String),
    )


def _compare_figures(book: Book, card: Card, breakdown: str, released: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    theirs = released.filter(pl.col("breakdown") == breakdown).select(
        *CELL, *(pl.col(name).alias(f"released_{name}") for name in COMPARED), pl.lit(True).alias("is_released")
    )
    both = figures(book, card, breakdown).join(theirs, on=CELL, how="full", coalesce=True)
    compared, checks = both.height, (*_figure_checks(card), *_change_checks(card))
    both = both.with_columns(pl.col("is_released").fill_null(False))
    both = both.filter(pl.any_horizontal(check.is_wrong.fill_null(False) for check in checks))
    parts = [
        both.filter(check.is_wrong).select(
            pl.lit(check.kind).alias("kind"),
            pl.lit(card.indicator).alias("what"),
            "area_code",
            "period",
            pl.lit(breakdown).alias("breakdown"),
            "category",
            _shown(check.columns).alias("counted"),
            _shown([f"released_{name}" for name in check.columns] + ["released_status"]).alias("released"),
        )
        for check in checks
    ]
    return compared, pl.concat(parts)


def _shown(columns: list[str]) -> pl.Expr:
    known = [pl.col(name).cast(pl.String).fill_null("–") for name in columns]
    return pl.concat_str(known, separator=" | ")


@dataclass(frozen=True)
class Check:
    """A kind of difference: the rows that show it, the columns to print of ours and of theirs."""

    kind: str
    is_wrong: pl.Expr
    columns: list[str]


def _figure_checks(card: Card) -> list[Check]:
    value, released = pl.col("value"), pl.col("released_value")
    is_absent = pl.col("released_status").fill_null("").str.split(",").list.contains("x")
    has_cells = pl.col("is_released") & ~is_absent
    divides_by_zero = (pl.col("released_denominator") == 0).fill_null(False)
    is_not_reached = pl.lit(card.kind == "survival_quantile") & pl.col("numerator").is_null() & value.is_null()
    columns = ["numerator", "denominator", "value"]
    return [
        Check("twice", pl.len().over(CELL) > 1, columns),
        Check("missing", value.is_not_null() & released.is_null(), columns),
        Check("not recounted", value.is_null() & released.is_not_null(), columns),
        Check("value", value.is_not_null() & released.is_not_null() & _differ(value, released, TOLERANCE), columns),
        Check("numerator", has_cells & _unequal("numerator"), columns),
        Check("denominator", has_cells & _unequal("denominator"), columns),
        Check(
            "null for no reason",
            pl.col("is_released") & (released.is_null() != (is_absent | divides_by_zero | is_not_reached)),
            columns,
        ),
    ]


def _change_checks(card: Card) -> list[Check]:
    value = pl.col("value")
    is_given = value.is_not_null() & pl.col("released_value").is_not_null()
    year_before, period_before = pl.col("value_year_before"), pl.col("value_period_before")
    on_year, on_period = (pl.col("is_whole") & pl.col(f"is_whole_{name}") for name in ("year_before", "period_before"))
    percent = pl.when(pl.lit(card.kind in HAVE_PERCENT), on_year, year_before >= SMALLEST_BASE).then(
        (value - year_before) * 100 / year_before
    )
    expected = {
        "value_year_before": year_before,
        "value_period_before": period_before,
        "change_on_year": pl.when(on_year).then(value - year_before),
        "change_on_period": pl.when(on_period).then(value - period_before),
        "change_on_year_percent": percent,
    }
    return [
        Check(name, is_given & _differ(ours, pl.col(f"released_{name}"), CHANGE_TOLERANCE), ["value", *BEFORE])
        for name, ours in expected.items()
    ]


def _differ(ours: pl.Expr, theirs: pl.Expr, tolerance: float) -> pl.Expr:
    apart = (ours - theirs).abs() > tolerance * pl.max_horizontal(pl.lit(1.0), ours.abs())
    return (ours.is_null() != theirs.is_null()) | apart.fill_null(False)


def _unequal(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64).ne_missing(pl.col(f"released_{name}").cast(pl.Int64))


def _undeclared(card: Card, released: pl.DataFrame, breakdowns: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a breakdown that the card does not name."""
    return released.filter(~pl.col("breakdown").is_in(breakdowns)).select(
        pl.lit("undeclared breakdown").alias("kind"),
        pl.lit(card.indicator).alias("what"),
        "area_code",
        "period",
        "breakdown",
        "category",
        pl.lit(None, pl.String).alias("counted"),
        pl.col("value").cast(pl.String).alias("released"),
    )
