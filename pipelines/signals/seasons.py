"""The season of a series: what each part of the year usually adds."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipelines.signals.limits import Array

POINTS_A_YEAR = 11  # January and February are one, for the Spring Festival moves between them
YEARS = 3


def seasonal_effects(values: Array, parts: NDArray[np.int64]) -> Array:
    """What to take off each point of series without gaps: series × points, like `values`.

    Classical additive decomposition (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3.4): the mean
    deviation of a part of the year from the centred moving average of a year, all parts together 0. `parts`: the part
    of the year of each point, from 0.
    """
    half = POINTS_A_YEAR // 2
    trend = sliding_window_view(values, POINTS_A_YEAR, axis=1).mean(axis=2)
    deviations, within = values[:, half:-half] - trend, parts[:, half:-half]
    effects = np.stack(
        [np.nanmean(np.where(within == part, deviations, np.nan), axis=1) for part in range(POINTS_A_YEAR)], axis=1
    )
    effects -= effects.mean(axis=1, keepdims=True)
    return np.take_along_axis(effects, parts, axis=1)
