"""Rows of 社区矫正工作月报, one a district and month: opening, flows and closing always balance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.demo.districts import WEIGHTS, Place, first_days
from pipelines.demo.drawing import dates
from pipelines.demo.people import names, staff

CATEGORIES = ("control", "probation", "parole", "outside")
SHARES = np.array([0.012, 0.915, 0.05, 0.023])
LEAVE, ARRIVE, MOVE = 0.079, 0.075, 0.004  # share of the caseload a month

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Flows:
    """One month: persons by district × category."""

    month: int
    opening: Counts
    received: Counts
    moved_in: Counts
    left: Counts

    @property
    def closing(self) -> Counts:
        return self.opening + self.received + self.moved_in - self.left


def usual(places: Sequence[Place]) -> Counts:
    """The caseload around which each district's books move, district × category; 129 to 480 in total."""
    total = np.array([min(110 + 1.9 * WEIGHTS.get(place.code, 30.0), 480) for place in places])
    return np.rint(total[:, None] * SHARES).astype(np.int64)


def onward(rng: np.random.Generator, months: Sequence[int], opening: Counts, around: Counts) -> list[Flows]:
    """Months from an opening caseload on."""
    flows: list[Flows] = []
    for month in months:
        received, moved_in = rng.poisson(ARRIVE * around), rng.poisson(MOVE * around)
        flows.append(Flows(month, opening, received, moved_in, rng.binomial(opening, LEAVE)))
        opening = flows[-1].closing
    return flows


def backward(rng: np.random.Generator, months: Sequence[int], closing: Counts, around: Counts) -> list[Flows]:
    """Months that end with a closing caseload, in order of time."""
    flows: list[Flows] = []
    for month in reversed(months):
        received = rng.binomial(closing, ARRIVE)
        moved_in = rng.binomial(closing - received, MOVE)
        left = rng.poisson(LEAVE * around)
        flows.append(Flows(month, closing - received - moved_in + left, received, moved_in, left))
        closing = flows[-1].opening
    return flows[::-1]


def rows(
    places: Sequence[Place], months: Sequence[Flows], rng: np.random.Generator, *, all_checked: bool = False
) -> pl.DataFrame:
    """The form's rows of some months, one a month and district, columns as in the contract (typed).

    `all_checked`: every person to be checked was checked.
    """
    return pl.concat([_month(places, flows, rng, all_checked) for flows in months])


def _month(places: Sequence[Place], flows: Flows, rng: np.random.Generator, all_checked: bool) -> pl.DataFrame:
    n = len(places)
    left, closing = flows.left.sum(axis=1), flows.closing.sum(axis=1)
    terminated = rng.binomial(left, 0.05)
    moved_out = rng.binomial(left - terminated, 0.05)
    received = flows.received.sum(axis=1)
    due = rng.poisson(0.03 * closing)
    done = rng.binomial(due, 0.97)
    unchecked = rng.binomial(closing, 0.012)
    start, following = first_days(np.array([flows.month, flows.month + 1]))
    office = int(places[0].code) + 17
    return pl.DataFrame({
        "month": dates(np.full(n, start)),
        "area_code": [place.code for place in places],
        "opening": flows.opening.sum(axis=1),
        **{f"received_{name}": flows.received[:, k] for k, name in enumerate(CATEGORIES)},
        "received": received,
        "discharged": left - terminated - moved_out,
        "terminated": terminated,
        "moved_in": flows.moved_in.sum(axis=1),
        "moved_out": moved_out,
        "leave_approved": rng.poisson(0.12 * closing),
        **{f"closing_{name}": flows.closing[:, k] for k, name in enumerate(CATEGORIES)},
        "closing": closing,
        "assessment_entrusted": due + rng.poisson(1.0, n),
        "assessment_due": due,
        "assessment_done": done,
        "assessment_on_time": rng.binomial(done, 0.96),
        "checks_due": closing,
        "checks_done": closing if all_checked else closing - unchecked,
        "education_due": closing,
        "education_met": rng.binomial(closing, 0.97),
        "public_service_persontimes": rng.binomial(closing, 0.86),
        "psychological_persontimes": rng.poisson(0.06 * closing),
        "plans": received,
        "employment_helped": rng.poisson(0.012 * closing),
        "filled_by": names(staff(rng, office, n, 6)),
        "reviewed_by": names(staff(rng, office + 1, n, 3)),
        "reported_on": dates(following + rng.integers(1, 8, n)),
    })  # fmt: skip
