"""Figures beside the city, the target and the other districts; and when last occurred what should not."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from . import declared
from .declared import Card
from .figures import Book, figures

FEWEST_RANKED = 5
SMALLEST_DENOMINATOR = 30
ROW = ["indicator", "area_code", "period"]
CLOSE = 1e-9
OCCURRENCES = {
    "indicator": pl.String,
    "area_code": pl.String,
    "period": pl.String,
    "occurred": pl.Int64,
    "last_occurred_month": pl.Date,
    "months_since": pl.Int32,
}


@dataclass(frozen=True)
class Beside:
    """`standings` and `occurrences`, columns as in the tables of a release."""

    standings: pl.DataFrame
    occurrences: pl.DataFrame


def beside(book: Book) -> Beside:
    """Of all cards' totals, those of districts and those with a target; of what should not occur, every month."""
    standings: list[pl.DataFrame] = []
    occurrences: list[pl.DataFrame] = []
    for card in declared.cards().values():
        if card.kind != "share":
            totals = figures(book, card, "total").filter(pl.col("value").is_not_null())
            standings.append(_standings(card, totals))
            if card.is_zero_line:
                occurrences.append(_occurrences(card, totals))
    return Beside(pl.concat(standings), pl.concat([pl.DataFrame(schema=OCCURRENCES), *occurrences]))


def _standings(card: Card, totals: pl.DataFrame) -> pl.DataFrame:
    parents = declared.areas().select("area_code", "parent_code")
    cities = totals.select(pl.col("area_code").alias("parent_code"), "period", pl.col("value").alias("city_value"))
    # What a count is to reach in a year says nothing of one of its months.
    has_target = pl.lit(card.kind != "count") | pl.col("period").str.contains(r"^\d{4}$|\.\.")
    targets = (
        declared.table("targets")
        .filter(pl.col("indicator") == card.indicator)
        .select("area_code", "year", pl.col("target").cast(pl.Float64), pl.col("direction").alias("target_direction"))
    )
    is_district = pl.col("level") == "district"
    standing = (
        totals.with_columns(pl.col("period").str.head(4).alias("year"))
        .join(parents, on="area_code")
        .join(cities, on=["parent_code", "period"], how="left")
        .join(targets, on=["area_code", "year"], how="left")
        .with_columns(pl.when(has_target).then(pl.col("target")).alias("target"))
        .with_columns(
            pl.when(pl.col("target").is_not_null()).then(pl.col("target_direction")).alias("target_direction")
        )
        .filter(is_district | pl.col("target").is_not_null())
        .with_columns(pl.when(is_district).then(pl.col("city_value")).alias("city_value"))
    )
    return _ranked(card, standing).select(
        pl.lit(card.indicator).alias("indicator"),
        "area_code",
        "period",
        "city_value",
        (pl.col("value") - pl.col("city_value")).alias("difference_to_city"),
        "target",
        "target_direction",
        (pl.col("value") - pl.col("target")).alias("difference_to_target"),
        _to_spare(card).alias("cases_to_target"),
        pl.when(pl.col("target_direction") == "at_least")
        .then(pl.col("value") >= pl.col("target"))
        .otherwise(pl.col("value") <= pl.col("target"))
        .alias("is_target_met"),
        "rank",
        "ranked_units",
    )


def _to_spare(card: Card) -> pl.Expr:
    """Cases that could still be lost (or come on top) with the target kept; below 0, how many are missing (or too many)."""
    wanted = pl.col("target") * (pl.col("denominator") if card.denominator else 1) / card.scale
    spare = pl.when(pl.col("target_direction") == "at_least").then(pl.col("numerator") - wanted)
    spare = spare.otherwise(wanted - pl.col("numerator"))
    return pl.when(pl.lit(card.kind in ("ratio", "count", "stock"))).then((spare + CLOSE).floor().cast(pl.Int64))


def _ranked(card: Card, standing: pl.DataFrame) -> pl.DataFrame:
    """With place among the districts of the city, where at least five have a final rate of at least thirty cases."""
    can_be = pl.lit(card.kind == "ratio" and card.better != "neither")
    is_a_district = (pl.col("level") == "district") & ~pl.col("area_code").str.ends_with("999000")
    enters = can_be & is_a_district & pl.col("is_whole")
    enters &= (pl.col("denominator") >= SMALLEST_DENOMINATOR).fill_null(False)
    entered = standing.with_columns(pl.when(enters).then(pl.col("value")).alias("entered"))
    group = ["parent_code", "period"]
    units = pl.col("entered").count().over(group).cast(pl.Int32)
    place = pl.col("entered").rank("min", descending=card.better == "higher").over(group).cast(pl.Int32)
    is_ranked = pl.col("entered").is_not_null() & (units >= FEWEST_RANKED)
    return entered.with_columns(
        pl.when(is_ranked).then(place).alias("rank"), pl.when(is_ranked).then(units).alias("ranked_units")
    )


def _occurrences(card: Card, totals: pl.DataFrame) -> pl.DataFrame:
    months = totals.filter(pl.col("period").str.contains(r"^\d{4}-\d{2}$")).sort("area_code", "period")
    month = (pl.col("period") + "-01").str.to_date()
    last = pl.when(pl.col("numerator") > 0).then(month).forward_fill().over("area_code", order_by="period")
    since = (month.dt.year() - last.dt.year()) * 12 + month.dt.month().cast(pl.Int32) - last.dt.month().cast(pl.Int32)
    return months.select(
        pl.lit(card.indicator).alias("indicator"),
        "area_code",
        "period",
        pl.col("numerator").cast(pl.Int64).alias("occurred"),
        last.alias("last_occurred_month"),
        since.cast(pl.Int32).alias("months_since"),
    )


def compare_rows(ours: pl.DataFrame, theirs: pl.DataFrame, kind: str) -> tuple[int, pl.DataFrame]:
    """Rows both ways, every column; as `comparing` reports them."""
    names = [name for name in theirs.columns if name not in ROW]
    theirs = theirs.select(*ROW, *(pl.col(name).alias(f"released_{name}") for name in names), is_released=pl.lit(True))
    both = ours.with_columns(is_ours=pl.lit(True)).join(theirs, on=ROW, how="full", coalesce=True)
    parts = [
        both.filter(pl.col("is_ours").is_null() | pl.col("is_released").is_null()).select(
            *_told(kind, "row", "is_ours")
        )
    ]
    for name in names:
        mine, other = pl.col(name), pl.col(f"released_{name}")
        differs = mine.ne_missing(other)
        if ours.schema[name].is_float():
            apart = (mine - other).abs() > CLOSE * pl.max_horizontal(pl.lit(1.0), mine.abs())
            differs = (mine.is_null() != other.is_null()) | apart.fill_null(False)
        wrong = both.filter(pl.col("is_ours") & pl.col("is_released") & differs)
        parts.append(wrong.select(*_told(kind, name, name)))
    return both.height * len(names), pl.concat(parts)


def _told(kind: str, what: str, column: str) -> list[pl.Expr]:
    released = "is_released" if what == "row" else f"released_{column}"
    return [
        pl.lit(f"{kind} {what}").alias("kind"),
        pl.col("indicator").alias("what"),
        pl.col("area_code"),
        pl.col("period"),
        pl.lit("total").alias("breakdown"),
        pl.lit("total").alias("category"),
        pl.col(column).cast(pl.String).alias("counted"),
        pl.col(released).cast(pl.String).alias("released"),
    ]
