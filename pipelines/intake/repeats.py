"""Which rows of a file repeat key and update time of an earlier one: 16 bytes a row, whatever the size of the file."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

FILTER_BITS = 27
ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd numbers spread the bits of an update time over both halves

Halves = NDArray[np.uint64]


class Seen:
    """The (key, update time) pairs of a file's earlier rows. Rows must come in the file's order."""

    def __init__(self) -> None:
        self._filter = np.zeros(1 << (FILTER_BITS - 3), np.uint8)
        self._blocks: list[tuple[Halves, Halves]] = []

    def first(self, keys: pl.Series, versions: pl.Series) -> pl.Series:
        """True where a row is the first of its pair. `keys`: Binary of 16 bytes, `versions`: Datetime or null."""
        low, high = _halves(keys, versions)
        order = np.argsort(low)
        low, high = low[order], high[order]
        is_first = _first_in_block(low, high, order)
        # in the order of `low`, neighbours ask for neighbouring bytes
        bits = low >> np.uint64(64 - FILTER_BITS)
        places, masks = bits >> np.uint64(3), np.left_shift(1, bits & np.uint64(7), dtype=np.uint64).astype(np.uint8)
        perhaps = np.flatnonzero(((self._filter[places] & masks) > 0) & is_first)
        is_first[perhaps[self._were_there(low[perhaps], high[perhaps])]] = False
        self._mark(places, masks)
        self._blocks.append((low, high))
        in_order = np.empty(len(low), bool)
        in_order[order] = is_first
        return pl.Series(in_order)

    def _mark(self, places: Halves, masks: NDArray[np.uint8]) -> None:
        """Set a bit for each row. Of rows that share a byte, the last alone would count: these are few, and set one by one."""
        self._filter[places] |= masks
        sharing = np.flatnonzero(places[1:] == places[:-1])
        np.bitwise_or.at(self._filter, places[sharing], masks[sharing])

    def _were_there(self, low: Halves, high: Halves) -> NDArray[np.bool_]:
        found = np.zeros(len(low), bool)
        if len(low):
            for sorted_low, sorted_high in self._blocks:
                begin = np.searchsorted(sorted_low, low)
                inside = np.minimum(begin, len(sorted_low) - 1)
                for place in np.flatnonzero((sorted_low[inside] == low) & ~found):
                    end = np.searchsorted(sorted_low, low[place], side="right")
                    found[place] = high[place] in sorted_high[begin[place] : end]
        return found


def _first_in_block(low: Halves, high: Halves, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a row is the first of its pair in its block. `low` ascends; `order`: where each row stood."""
    is_first = np.ones(len(low), bool)
    for half in np.unique(low[1:][low[1:] == low[:-1]]):
        begin, end = np.searchsorted(low, half), np.searchsorted(low, half, side="right")
        rows = begin + np.argsort(order[begin:end])
        is_first[rows] = False
        is_first[rows[np.unique(high[rows], return_index=True)[1]]] = True
    return is_first


def _halves(keys: pl.Series, versions: pl.Series) -> tuple[Halves, Halves]:
    both = keys.bin.reinterpret(dtype=pl.Array(pl.UInt64, 2), endianness="little").to_numpy().reshape(-1, 2)
    times = versions.to_physical().fill_null(-1).to_numpy().astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        return both[:, 0] + times * np.uint64(ODD[0]), both[:, 1] + times * np.uint64(ODD[1])
