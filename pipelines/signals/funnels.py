"""Funnel limits: how far a district may lie from the rest of its city by the size of its own count.

Spiegelhalter 2005 (Funnel plots for comparing institutional performance, Statistics in Medicine 24:1185-1202), with the
rest of the city as the target, and the shrinkage of Efron and Morris (1975, 1977) beside it.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special, stats

from pipelines.signals.limits import DECIMALS, Array
from pipelines.signals.rules import direction

Numbers = NDArray[np.int64]

FEWEST_UNITS = 20  # to estimate how much more than by chance districts differ
FEWEST_TO_SHRINK = 5
WINSORISED = 0.1
BISECTIONS = 60
FEWEST_CASES = 5  # expected on the rarer side; below, the binomial is far from normal
CITY = ["indicator", "city_code", "period"]
FUNNELS = {
    "indicator": pl.String,
    "area_code": pl.String,
    "period": pl.String,
    "value": pl.Float64,
    "cases": pl.Int64,
    "centre": pl.Float64,
    "lower_95": pl.Float64,
    "upper_95": pl.Float64,
    "lower_998": pl.Float64,
    "upper_998": pl.Float64,
    "overdispersion": pl.Float64,
    "signal": pl.String,
    "side": pl.String,
    "direction": pl.String,
    "shrunken": pl.Float64,
}


def binomial_limits(cases: Numbers, target: Array, level: float, overdispersion: Array) -> tuple[Array, Array]:
    """Lower and upper limit of a proportion of `cases`, where `target` holds, at a coverage of `level`.

    Exact, from the binomial: what lies outside has the target outside its Clopper-Pearson interval. Where districts
    differ more than by chance (`overdispersion` over 1) normal limits are widened by its root, unless fewer than five
    cases are expected on one side.
    """
    tail = (1 - level) / 2
    exact = stats.binom.ppf(tail, cases, target) / cases, stats.binom.ppf(1 - tail, cases, target) / cases
    reach = special.ndtri(1 - tail) * np.sqrt(overdispersion * target * (1 - target) / cases)
    widened = (overdispersion > 1) & (cases * np.minimum(target, 1 - target) >= FEWEST_CASES)
    low, high = np.where(widened, target - reach, exact[0]), np.where(widened, target + reach, exact[1])
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def shrunken(proportions: Array, cases: Array, centre: Array) -> Array:
    """Each proportion drawn to the centre of its group as far as chance explains how the group differs.

    Arrays are groups × units, NaN where a group has fewer; `centre` is one a group. The variance between units is the
    one under which their squared distances, each over its own variance, add up to their number less three (Efron and
    Morris 1975); with equal numbers of cases it is their estimator of 1977. Where chance explains all, the centre.
    """
    distance = np.nan_to_num(proportions - centre)
    chance = np.where(np.isnan(cases), 1, centre * (1 - centre) / cases)
    wanted = (~np.isnan(proportions)).sum(axis=1, keepdims=True) - 3
    low, high = np.zeros_like(centre), (distance**2).sum(axis=1, keepdims=True) / wanted
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        is_too_small = (distance**2 / (middle + chance)).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(is_too_small, middle, low), np.where(is_too_small, high, middle)
    return centre + high / (high + chance) * (proportions - centre)


def funnels(districts: pl.DataFrame) -> pl.DataFrame:
    """`FUNNELS` of every district whose city has at least as many other cases as its own, sorted by its first columns.

    `districts`, one row an indicator, district and period: indicator, area_code, city_code, period, numerator,
    denominator, city_numerator, city_denominator, scale, better. Overdispersion is estimated (winsorised, 1 at least)
    in cities of 20 districts and more, and null in the others; proportions are drawn to the city's in cities of five.
    Where the rest of a city is at 0 or 100%, half a case is added on either side for the limits: that it never happened
    does not make it impossible.
    """
    cases, rest = pl.col("denominator"), pl.col("city_denominator") - pl.col("denominator")
    met = pl.col("city_numerator") - pl.col("numerator")
    told = districts.sort("indicator", "area_code", "period").with_columns(
        (pl.col("numerator") / cases).alias("proportion"),
        (pl.col("city_numerator") / pl.col("city_denominator")).alias("city"),
        (met / rest).alias("target"),
        pl.when(met.is_between(1, rest - 1)).then(met / rest).otherwise((met + 0.5) / (rest + 1)).alias("expected"),
    )
    told = _with_shrunken(told).with_columns(_overdispersion().alias("overdispersion")).filter(rest >= cases)
    if told.is_empty():
        return pl.DataFrame(schema=FUNNELS)
    value, centre, drawn = (pl.col("scale") * pl.col(name) for name in ("proportion", "target", "shrunken"))
    scaled = told.with_columns(*_limits(told), value.alias("value"), centre.alias("centre"), drawn.alias("shrunken"))
    signal = pl.when(_outside("998")).then(pl.lit("outside_998")).when(_outside("95")).then(pl.lit("outside_95"))
    side = pl.when(pl.col("value") > pl.col("centre")).then(pl.lit("higher")).otherwise(pl.lit("lower"))
    return (
        scaled.with_columns(pl.col(pl.Float64).round(DECIMALS), cases.alias("cases"))
        .with_columns(signal.otherwise(pl.lit("none")).alias("signal"))
        .with_columns(pl.when(pl.col("signal") != "none").then(side).alias("side"))
        .with_columns(direction("better").alias("direction"))
        .select(*FUNNELS)
    )


def _with_shrunken(told: pl.DataFrame) -> pl.DataFrame:
    enough = (pl.len() >= FEWEST_TO_SHRINK) & pl.col("city").first().is_between(0, 1, closed="none")
    placed = told.with_columns(
        pl.when(enough.over(CITY)).then(pl.struct(CITY)).rank("dense").alias("group"),
        pl.int_range(pl.len()).over(CITY).alias("unit"),
    )
    drawn = placed.filter(pl.col("group").is_not_null())
    values = np.zeros(0)
    if len(drawn):
        place = drawn["group"].cast(pl.Int64).to_numpy() - 1, drawn["unit"].to_numpy()
        proportions, cases = (np.full((place[0].max() + 1, place[1].max() + 1), np.nan) for _ in range(2))
        centre = np.zeros((len(proportions), 1))
        proportions[place], cases[place] = drawn["proportion"].to_numpy(), drawn["denominator"].to_numpy()
        centre[place[0], 0] = drawn["city"].to_numpy()
        values = shrunken(proportions, cases, centre)[place]
    keys = ["indicator", "area_code", "period"]
    return told.join(
        drawn.select(*keys, pl.Series("shrunken", values, pl.Float64)), on=keys, how="left", maintain_order="left"
    )


def _overdispersion() -> pl.Expr:
    """Mean square of the winsorised scores of a city's districts (Spiegelhalter 2005, A.3.2)."""
    city = pl.col("city")
    score = (pl.col("proportion") - city) / (city * (1 - city) / pl.col("denominator")).sqrt()
    low, high = (score.quantile(q, "linear").over(CITY) for q in (WINSORISED, 1 - WINSORISED))
    estimate = (score.clip(low, high) ** 2).mean().over(CITY).clip(1)
    return pl.when((pl.len().over(CITY) >= FEWEST_UNITS) & city.is_between(0, 1, closed="none")).then(estimate)


def _limits(told: pl.DataFrame) -> list[pl.Series]:
    cases, target, scale = (told[name].to_numpy() for name in ("denominator", "expected", "scale"))
    spread = told["overdispersion"].fill_null(1).to_numpy()
    found = []
    for name, level in (("95", 0.95), ("998", 0.998)):
        lower, upper = binomial_limits(cases, target, level, spread)
        found += [pl.Series(f"lower_{name}", scale * lower), pl.Series(f"upper_{name}", scale * upper)]
    return found


def _outside(level: str) -> pl.Expr:
    return ~pl.col("value").is_between(pl.col(f"lower_{level}"), pl.col(f"upper_{level}"))
