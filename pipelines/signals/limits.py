"""Control limits, many series at once.

Arrays are series × points; a series shorter than the longest ends with NaN. Every function gives `Limits`, whose arrays
broadcast against the points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

DECIMALS = 9  # sums in another order differ beyond; no point stands out by that
NHS = 2.66  # 3 / 1.128 as the NHS rounds it
RANGE_TO_DEVIATION = 1.128  # mean of the range of two normal draws, in standard deviations
OUTLYING_RANGE = 3.267  # upper limit of a moving range, in mean moving ranges
NELSON = 3.6  # days between rare events to the power of 1/3.6 are nearly normal


@dataclass(frozen=True)
class Limits:
    """`near_lower` and `near_upper` stand at two thirds of the way from the centre to `lower` and `upper`."""

    centre: Array
    near_lower: Array
    near_upper: Array
    lower: Array
    upper: Array


def _around(centre: Array, reach: Array) -> Limits:
    near = reach * 2 / 3
    return Limits(centre, centre - near, centre + near, centre - reach, centre + reach)


def xmr(values: Array, reach: float = NHS) -> Limits:
    """Individuals: mean ± `reach` mean moving ranges (NHS England, Making Data Count; NIST/SEMATECH e-Handbook 6.3.2.2
    with `reach` 3/1.128).

    Moving ranges of 3.267 mean moving ranges and more are left out of the mean, once; where nothing would remain that
    varies, all are kept.
    """
    ranges = np.abs(np.diff(values))
    mean = _mean(ranges)
    screened = _mean(np.where(ranges < OUTLYING_RANGE * mean, ranges, np.nan))
    return _around(_mean(values), reach * np.where(screened > 0, screened, mean))


def laney(proportions: Array, cases: Array) -> Limits:
    """p′: limits of a p chart, widened or narrowed by the moving range of the standardised points (Laney 2002).

    `proportions` between 0 and 1; the centre is the proportion of all cases.
    """
    centre = np.nansum(proportions * cases, axis=1, keepdims=True) / np.nansum(cases, axis=1, keepdims=True)
    deviation = np.sqrt(centre * (1 - centre) / cases)
    between = _mean(np.abs(np.diff((proportions - centre) / deviation))) / RANGE_TO_DEVIATION
    return _around(centre, 3 * deviation * between)


def days_between(days: Array) -> Limits:
    """T: the days between rare events are charted as individuals after Nelson's transformation (Nelson 1994)."""
    charted = xmr(days ** (1 / NELSON))
    return Limits(*(np.maximum(limit, 0) ** NELSON for limit in vars(charted).values()))


def cases_between(cases: Array) -> Limits:
    """G: the cases between rare ones follow a geometric distribution (Benneyan 2001).

    Limits are its quantiles where a normal chart has its centre and its two and three standard deviations.
    """
    chance = 1 / (1 + _mean(cases))
    lower, near_lower, centre, near_upper, upper = (
        stats.geom.ppf(special.ndtr(sigma), chance, loc=-1) for sigma in (-3, -2, 0, 2, 3)
    )
    return Limits(centre, near_lower, near_upper, lower, upper)


def _mean(values: Array) -> Array:
    """Mean of each series, shaped to broadcast; 0 of nothing."""
    count = np.maximum(np.sum(~np.isnan(values), axis=1, keepdims=True), 1)
    return np.nansum(values, axis=1, keepdims=True) / count
