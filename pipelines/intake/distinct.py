"""Texts of a column that were read before: most columns hold few different ones, and each is read once a file."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_TEXTS = 1 << 16  # kept of a column; where it has more different ones, they are forgotten and read again

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """A column of a block: the cells as they stand there, typed values, and at which places a check fails.

    Texts that occur often (codes, areas) are categories: a number a row, which the lake takes as it is.
    """

    raw: pl.Series
    values: pl.Series
    failures: tuple[tuple[str, Places], ...]


class Texts:
    """What became of each different text of a column so far. For one thread; `read` gives the cells of new texts."""

    def __init__(self, read: Callable[[pl.Series], Cells]) -> None:
        self._read = read
        self._forget()

    def _forget(self) -> None:
        self._coded = pl.Categorical(pl.Categories.random())
        # Polars numbers the texts anew when no series of these categories is left
        self._none = pl.Series([], dtype=self._coded)
        self._values: pl.Series | None = None
        self._known = 0
        self._failing: dict[str, NDArray[np.bool_]] = {}

    def cells(self, raw: pl.Series) -> Cells:
        """The cells of a column, given as text without null."""
        if self._known > MOST_TEXTS:
            self._forget()
        codes = raw.cast(self._coded).to_physical().rechunk()
        numbers = codes.to_numpy()
        if self._values is None or numbers.max(initial=0) >= self._known:
            self._learn(raw, numbers)
        assert self._values is not None
        failures = ((reason, np.flatnonzero(flags[numbers])) for reason, flags in self._failing.items())
        return Cells(raw, self._values[codes], tuple((reason, rows) for reason, rows in failures if len(rows)))

    def _learn(self, raw: pl.Series, numbers: NDArray[np.uint32]) -> None:
        """Read the texts that were not known."""
        is_new = np.flatnonzero(numbers >= self._known)
        found, first = np.unique(numbers[is_new], return_index=True)
        read = self._read(raw[is_new[first]])
        before, self._known = self._known, self._known + len(found)
        values = read.values.cast(pl.Categorical) if read.values.dtype == pl.String else read.values
        self._values = values if self._values is None else pl.concat([self._values, values], rechunk=True)
        flags = {reason: np.append(old, np.zeros(len(found), bool)) for reason, old in self._failing.items()}
        for reason, rows in read.failures:
            flags.setdefault(reason, np.zeros(self._known, bool))[before + rows] = True
        self._failing = flags
