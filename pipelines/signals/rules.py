"""Special causes by the rules of NHS England's Making Data Count, many series at once.

A point is marked when it is part of what the rule describes:
outside        above the upper or below the lower limit
run            one of seven points in a row on one side of the centre
trend          one of seven points in a row, each higher, or each lower, than the one before
two_of_three   of three points in a row on one side, one of at least two beyond two thirds of the way to the limit
The first that holds is the point's signal.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipelines.signals.limits import Array, Limits

IN_A_ROW = 7
Sides = NDArray[np.int8]


def special_causes(values: Array, limits: Limits) -> Mapping[str, Sides]:
    """Signal -> series × points: 1 where it marks a point as high (or rising), -1 as low (or falling), 0 where not."""
    side = _side(values - limits.centre)
    outside = _side(values - limits.upper).clip(0) + _side(values - limits.lower).clip(None, 0)
    beyond = _side(values - limits.near_upper).clip(0) + _side(values - limits.near_lower).clip(None, 0)
    near = np.where(outside == 0, beyond, 0)
    return {
        "outside": outside,
        "run": _part_of(_alike(side, IN_A_ROW), IN_A_ROW),
        "trend": _part_of(_alike(_side(np.diff(values)), IN_A_ROW - 1), IN_A_ROW),
        "two_of_three": np.where(near != 0, _part_of(_two_of_three(side, near), 3), 0).astype(np.int8),
    }


def _side(differences: Array) -> Sides:
    return np.nan_to_num(np.sign(differences)).astype(np.int8)


def _alike(sides: Sides, width: int) -> Sides:
    """The common side of each window, 0 where its points differ."""
    windows = sliding_window_view(sides, width, axis=1)
    return np.where((windows == windows[..., :1]).all(axis=2), windows[..., 0], 0).astype(np.int8)


def _two_of_three(side: Sides, near: Sides) -> Sides:
    enough = np.abs(sliding_window_view(near, 3, axis=1)).sum(axis=2) >= 2
    return np.where(enough, _alike(side, 3), 0).astype(np.int8)


def _part_of(windows: Sides, width: int) -> Sides:
    """The side of the windows that hold a point; where two sides meet, as a rise and a fall at a peak, the earlier."""
    marked = np.zeros((windows.shape[0], windows.shape[1] + width - 1), np.int8)
    for start in range(width):
        place = marked[:, start : start + windows.shape[1]]
        np.copyto(place, windows, where=windows != 0)
    return marked


def direction(better: str | pl.Expr) -> pl.Expr:
    """better, worse, or neither where a card wants neither; null where `side` is. `better`: higher, lower or neither."""
    wanted = pl.col(better) if isinstance(better, str) else better
    is_better = pl.when(pl.col("side") == wanted).then(pl.lit("better")).otherwise(pl.lit("worse"))
    said = pl.when(wanted == "neither").then(pl.lit("neither")).otherwise(is_better)
    return pl.when(pl.col("side").is_not_null()).then(said)
