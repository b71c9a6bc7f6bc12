"""Drawing columns: categories by weight, dates that may be absent, areas as senders write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.demo.districts import Place
from pipelines.demo.people import picked

Days = NDArray[np.int64]
Mask = NDArray[np.bool_]

ALWAYS_OPEN = 10_000  # a duration that no period reaches


@dataclass(frozen=True)
class Block:
    """Rows to be drawn together, of one district and year.

    `days`: the day each case began, sorted. `first_number`: running number of the first. `cutoff`: last day the export
    knows of. `digits`: 9 or 12, how the sender writes the codes of townships.
    """

    place: Place
    days: Days
    first_number: int
    rng: np.random.Generator
    cutoff: int
    digits: int

    @property
    def size(self) -> int:
        return len(self.days)

    @property
    def year(self) -> int:
        return int(self.days[0].astype("datetime64[D]").astype("datetime64[Y]").astype(int)) + 1970

    @property
    def town_names(self) -> tuple[str, ...]:
        """Names by position in the townships; the last, -1, is the district's own."""
        return (*(area.name_zh for area in self.place.townships), self.place.name)


def drawn(rng: np.random.Generator, weights: Mapping[str, float], count: int) -> NDArray[np.int64]:
    """Positions in `weights`, drawn in proportion."""
    shares = np.array(list(weights.values()), dtype=float)
    return np.searchsorted(np.cumsum(shares / shares.sum())[:-1], rng.random(count), side="right")


def codes(rng: np.random.Generator, weights: Mapping[str, float], count: int) -> pl.Series:
    """Category ids drawn in proportion to their weights."""
    return picked(tuple(weights), drawn(rng, weights, count))


def dates(days: Days, present: Mask | None = None) -> pl.Series:
    """Dates from day numbers; null where not present."""
    days64 = days.astype("datetime64[D]")
    return pl.Series(days64 if present is None else np.where(present, days64, np.datetime64("NaT")))


def instants(days: Days, seconds: NDArray[np.int64]) -> pl.Series:
    """Instants from day numbers and seconds of the day."""
    return pl.Series(((days * 86_400 + seconds) * 1_000).astype("datetime64[ms]"))


def given(values: pl.Series, present: Mask) -> pl.Series:
    """The values where present, else null."""
    return values.zip_with(pl.Series(present), pl.Series([None], dtype=values.dtype))


def office_seconds(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Seconds of the day in office hours, 8:30 to 17:30."""
    return rng.integers(30_600, 63_000, count)


def updated(rng: np.random.Generator, events: Sequence[Days], cutoff: int) -> pl.Series:
    """When a record was last touched: up to two days after its last event, never after the cutoff day."""
    last = np.maximum.reduce(list(events))
    count = len(last)
    return instants(np.maximum(np.minimum(last + rng.integers(0, 3, count), cutoff), last), office_seconds(rng, count))


def area_texts(places: NDArray[np.int64], place: Place, digits: NDArray[np.int64]) -> pl.Series:
    """Area codes of 6, 9 or 12 digits; `places`: positions in the townships, -1 where only the district is known."""
    known = (*(area.area_code for area in place.townships), f"{place.code}000000")
    full = picked(known, places)
    return pl.select(full.str.slice(0, pl.Series(digits))).to_series() if len(full) else full


def townships(
    rng: np.random.Generator, place: Place, count: int, unknown: float, excluded: str | None = None
) -> NDArray[np.int64]:
    """Positions of townships drawn by their shares; -1 for the share `unknown`; one township may be left out."""
    codes_below = [area.area_code for area in place.townships]
    shares = dict(zip(codes_below, place.shares, strict=True))
    if excluded is not None:
        shares[excluded] = 0.0
    return np.where(rng.random(count) < unknown, -1, drawn(rng, shares, count))


def numbered(pattern: str, first: int, count: int) -> pl.Series:
    """Case numbers: the pattern's `{}` filled with consecutive six-digit numbers."""
    head, _, tail = pattern.partition("{}")
    return pl.Series([f"{head}{number:06d}{tail}" for number in range(first, first + count)], dtype=pl.String)


def amounts(rng: np.random.Generator, count: int, share: float) -> tuple[NDArray[np.int64], Mask]:
    """Sums in whole yuan, skewed as claims are, and which of them are stated."""
    yuan = np.clip(np.exp(rng.normal(9.3, 1.35, count)), 100, 5_000_000).astype(np.int64)
    rounded = np.where(rng.random(count) < 0.8, yuan // 100 * 100, yuan)
    return rounded, rng.random(count) < share
