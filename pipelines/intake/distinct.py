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
        self._fails = np.zeros(0, bool)

    def cells(self, raw: pl.Series) -> Cells:
        """The cells of a column, given as text without null."""
        if self._known > MOST_TEXTS:
            self._forget()
        codes = raw.cast(self._coded).to_physical()
        numbers = codes.to_numpy()
        met = int(numbers.max()) + 1 if len(numbers) else 0  # texts are numbered in the order in which they were met
        if self._values is None or met > self._known:
            self._learn(pl.int_range(self._known, max(met, self._known), dtype=pl.UInt32, eager=True))
        assert self._values is not None
        failing = np.flatnonzero(self._fails[numbers])
        if not len(failing):
            return Cells(raw, self._values[codes], ())
        texts = numbers[failing]
        failures = ((reason, failing[flags[texts]]) for reason, flags in self._failing.items())
        return Cells(raw, self._values[codes], tuple((reason, rows) for reason, rows in failures if len(rows)))

    def _learn(self, numbers: pl.Series) -> None:
        """Read the texts of numbers that were not known."""
        read = self._read(numbers.cat.to(self._coded).cast(pl.String).alias("raw"))
        before, self._known = self._known, self._known + len(numbers)
        values = read.values.cast(pl.Categorical) if read.values.dtype == pl.String else read.values
        self._values = values if self._values is None else pl.concat([self._values, values], rechunk=True)
        new = np.zeros(self._known - before, bool)
        flags = {reason: np.append(old, new) for reason, old in self._failing.items()}
        for reason, rows in read.failures:
            flags.setdefault(reason, np.zeros(self._known, bool))[before + rows] = True
        self._failing, self._fails = flags, np.zeros(self._known, bool)
        for failing in flags.values():
            self._fails |= failing
