"""Which control chart a series gets, and what the chart says of each of its points.

A series is an indicator at an area (city and district, not below) since the last break; its points are the months that
are complete and not provisional, January and February together. The chart follows from the card and the series:
t         a count that is 0 at more than half of the points: days between the points at which it was not
g         a proportion of which the cases, or the cases left over, are that rare: cases between them
p_prime   any other proportion, where five cases and more on either side are usual
xmr       all else, unless it is 0 at more than half of the points
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.signals import limits
from pipelines.signals.limits import DECIMALS, Array, Limits
from pipelines.signals.rules import Sides, direction, special_causes
from pipelines.signals.seasons import POINTS_A_YEAR, YEARS, seasonal_effects

FEWEST_POINTS = 12
FEWEST_CASES = 5  # on either side of a proportion, for the normal limits of p′
SERIES = ["indicator", "area_code", "since_break"]
SIGNALS = {
    "indicator": pl.String,
    "area_code": pl.String,
    "area_level": pl.String,
    "period": pl.String,
    "month": pl.Date,
    "chart": pl.String,
    "value": pl.Float64,
    "centre": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "is_seasonal": pl.Boolean,
    "signal": pl.String,
    "side": pl.String,
    "direction": pl.String,
    "is_real_change": pl.Boolean,
    "baseline_first_month": pl.Date,
    "baseline_last_month": pl.Date,
    "baseline_points": pl.Int64,
}
OPPOSITE = {"higher": "lower", "lower": "higher"}  # what is rarer has longer gaps
Place = tuple[NDArray[np.int64], NDArray[np.int64]]


def signals(points: pl.DataFrame) -> pl.DataFrame:
    """`SIGNALS` of every point of every series of at least 12 points, sorted by indicator, area and month.

    `points`, one row an indicator, area and period: indicator, area_code, area_level, period, first_month, month (its
    last), value, numerator, denominator, is_break, and of the card kind, over_time, scale, better, is_proportion.
    `value` and limits are rounded to 9 decimals. The season is taken off for the rules and put into the limits, so that
    `value` stays the figure.
    """
    starts_anew = pl.col("is_break") & ~pl.col("is_break").shift(1, fill_value=False)
    series = points.sort("indicator", "area_code", "month").with_columns(
        starts_anew.cast(pl.Int64).cum_sum().over("indicator", "area_code").alias("since_break")
    )
    chosen = series.with_columns(_chart().alias("chart"), _is_rare("numerator").alias("is_rare"))
    enough = {name: frame.filter(pl.len().over(SERIES) >= FEWEST_POINTS) for name, frame in _plotted(chosen).items()}
    charted = [_charted(frame, name) for name, frame in enough.items() if len(frame)]
    return pl.concat([pl.DataFrame(schema=SIGNALS), *charted]).sort("indicator", "area_code", "month")


def _plotted(chosen: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Chart -> its points, with the `value` it shows."""
    days = (pl.col("month").dt.month_end() - pl.col("first_month")).dt.total_days() + 1
    left_over = pl.col("denominator") - pl.col("numerator")
    rare, usual = (
        pl.when("is_rare").then(a).otherwise(b) for a, b in (("numerator", left_over), (left_over, "numerator"))
    )
    plotted = {name: chosen.filter(pl.col("chart") == name) for name in ("xmr", "p_prime", "t", "g")}
    plotted["t"] = _gaps(plotted["t"], (pl.col("numerator") > 0).cast(pl.Int64), days)
    plotted["g"] = _gaps(plotted["g"], rare, usual)
    return plotted


def _chart() -> pl.Expr:
    left_over = pl.col("denominator") - pl.col("numerator")
    is_proportion = pl.col("is_proportion") & (pl.col("kind") == "ratio")
    usual = pl.min_horizontal(pl.col("numerator").mean().over(SERIES), left_over.mean().over(SERIES))
    is_count = (pl.col("kind") == "count") & (pl.col("over_time") == "sum")
    return (
        pl.when(is_count & _is_rare("numerator"))
        .then(pl.lit("t"))
        .when(is_proportion & (_is_rare("numerator") | _is_rare(left_over)))
        .then(pl.lit("g"))
        .when(is_proportion & (usual >= FEWEST_CASES))
        .then(pl.lit("p_prime"))
        .when(~_is_rare("value"))
        .then(pl.lit("xmr"))
    )


def _is_rare(count: str | pl.Expr) -> pl.Expr:
    counted = pl.col(count) if isinstance(count, str) else count
    return ((counted == 0).mean() > 0.5).over(SERIES)


def _gaps(points: pl.DataFrame, events: pl.Expr, passed: pl.Expr) -> pl.DataFrame:
    """The points with events; `value` is what has passed since the point with events before, to each event."""
    told = points.with_columns(events.alias("events"), passed.cum_sum().over(SERIES).alias("passed"))
    met = told.filter(pl.col("events") > 0)
    gaps = met.with_columns((pl.col("passed").diff().over(SERIES) / pl.col("events")).alias("value"))
    return gaps.filter(pl.col("value").is_not_null()).drop("events", "passed")


def _charted(points: pl.DataFrame, chart: str) -> pl.DataFrame:
    """The signals of series that get one kind of chart."""
    placed = points.with_columns(
        pl.struct(SERIES).rank("dense").cast(pl.Int64).alias("series") - 1,
        pl.int_range(pl.len()).over(SERIES).alias("position"),
        pl.col("value").round(DECIMALS),
    )
    place = placed["series"].to_numpy(), placed["position"].to_numpy()
    values = _matrix(placed["value"], place)
    is_gap = chart in ("t", "g")
    effects = np.zeros_like(values) if is_gap else _effects(placed, values, place)
    level = np.round(values - effects, DECIMALS)
    top = np.full(values.shape, np.inf)
    top[place] = np.where(placed["is_proportion"].to_numpy() & (not is_gap), placed["scale"].to_numpy(), np.inf)
    found = _within(_limits(chart, level, placed, place), effects, top)
    shown = {name: (vars(found)[name][place] + effects[place]).round(DECIMALS) for name in ("centre", "lower", "upper")}
    gap_means = pl.when("is_rare").then(pl.col("better").replace(OPPOSITE)).otherwise("better")
    return (
        placed.with_columns(
            pl.lit(chart).alias("chart"),
            *(pl.Series(name, limit) for name, limit in shown.items()),
            pl.Series("is_seasonal", np.any(effects != 0, axis=1)[place[0]]),
            *_said(special_causes(level, found), place),
            pl.col("first_month").min().over(SERIES).alias("baseline_first_month"),
            pl.col("month").max().over(SERIES).alias("baseline_last_month"),
            pl.len().over(SERIES).cast(pl.Int64).alias("baseline_points"),
        )
        .with_columns(direction(gap_means if is_gap else "better").alias("direction"))
        .select(*SIGNALS)
    )


def _matrix(column: pl.Series, place: Place) -> Array:
    matrix = np.full((place[0].max() + 1, place[1].max() + 1), np.nan)
    matrix[place] = column.cast(pl.Float64).to_numpy()
    return matrix


def _effects(placed: pl.DataFrame, values: Array, place: Place) -> Array:
    """Seasonal effects of series of three years and more without a gap; 0 for the others."""
    count = pl.col("month").dt.year().cast(pl.Int64) * POINTS_A_YEAR + pl.col("month").dt.month() - 2
    told = placed.select(
        count.alias("count"),
        (
            (pl.len() >= YEARS * POINTS_A_YEAR).over("series") & (count.max() - count.min() < pl.len()).over("series")
        ).alias("has_season"),
    )
    effects = np.zeros_like(values)
    rows = np.unique(place[0][told["has_season"].to_numpy()])
    if len(rows):
        parts = np.zeros(values.shape, np.int64)
        parts[place] = told["count"].to_numpy() % POINTS_A_YEAR
        effects[rows] = seasonal_effects(values[rows], parts[rows])
    return np.round(effects, DECIMALS)


def _within(found: Limits, effects: Array, top: Array) -> Limits:
    """Limits of the level, such that with the season no figure is beyond one that no figure can reach: none is below
    nought, none above the whole. A month in which there is never a case is not outside because the season takes more."""
    return Limits(
        *(
            (np.clip(np.broadcast_to(limit, top.shape) + effects, 0, top) - effects).round(DECIMALS)
            for limit in vars(found).values()
        )
    )


def _limits(chart: str, level: Array, placed: pl.DataFrame, place: Place) -> Limits:
    if chart == "p_prime":
        scale = _matrix(placed["scale"], place)
        found = limits.laney(level / scale, _matrix(placed["denominator"], place))
        found = Limits(*(limit * scale for limit in vars(found).values()))
    else:
        found = {"xmr": limits.xmr, "t": limits.days_between, "g": limits.cases_between}[chart](level)
    return Limits(*(np.round(limit, DECIMALS) for limit in vars(found).values()))


def _said(causes: Mapping[str, Sides], place: Place) -> list[pl.Series]:
    """signal, side (higher, lower or null) and is_real_change of each point."""
    marked = [sides[place] for sides in causes.values()]
    signal = np.select([sides != 0 for sides in marked], list(causes), "none")
    side = np.select([sides != 0 for sides in marked], marked, 0).astype(np.int64)
    words = pl.Series("side", side).replace_strict({0: None, 1: "higher", -1: "lower"}, return_dtype=pl.String)
    return [pl.Series("signal", signal.tolist(), pl.String), words, pl.Series("is_real_change", side != 0)]
