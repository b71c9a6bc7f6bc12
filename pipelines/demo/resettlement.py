"""Rows of 安置帮教工作月报, one a district and month."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipelines.demo.correction import usual
from pipelines.demo.districts import Place, first_days
from pipelines.demo.drawing import dates
from pipelines.demo.people import names, staff

STAY = 60  # months a released person stays on the register: five years
PER_SUPERVISED = 1.6  # persons on the register for one under community correction


def rows(
    places: Sequence[Place], months: Sequence[int], year: int, books: np.random.Generator, rng: np.random.Generator
) -> pl.DataFrame:
    """The form's rows of a year, columns as in the contract (typed).

    `months`: all months of the demo, so that the register of a year goes on from the one before. Who is released in
    the last days of a month is linked in the next, which may then show more linked than due.
    """
    register = books.poisson(PER_SUPERVISED * usual(places).sum(axis=1))
    released_late = np.zeros(len(places), dtype=np.int64)
    found: list[pl.DataFrame] = []
    for month in months:
        due = books.poisson(PER_SUPERVISED * usual(places).sum(axis=1) / STAY)
        missed, waiting = books.binomial(due, 0.008), books.binomial(due, 0.006)
        linked = np.maximum(due - missed - waiting, 0) + released_late
        register, released_late = register + linked - books.binomial(register, 1 / STAY), np.minimum(waiting, due)
        if month // 12 + 1970 == year:
            found.append(_month(places, month, due, linked, register, rng))
    return pl.concat(found)


def _month(
    places: Sequence[Place],
    month: int,
    due: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    linked: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    register: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    rng: np.random.Generator,
) -> pl.DataFrame:
    n = len(places)
    start, following = first_days(np.array([month, month + 1]))
    needed = rng.binomial(register, 0.2)
    office = int(places[0].code) + 23
    return pl.DataFrame({
        "month": dates(np.full(n, start)),
        "area_code": [place.code for place in places],
        "linking_due": due,
        "linked": linked,
        "aftercare_due": register,
        "in_aftercare": register - rng.binomial(register, 0.004),
        "settlement_needed": needed,
        "settled": rng.binomial(needed, 0.97),
        "closing": register,
        "reoffended": rng.poisson(0.0004 * register),
        "filled_by": names(staff(rng, office, n, 6)),
        "reviewed_by": names(staff(rng, office + 1, n, 3)),
        "reported_on": dates(following + rng.integers(1, 8, n)),
    })  # fmt: skip
