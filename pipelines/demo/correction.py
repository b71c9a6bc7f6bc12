"""Rows of 社区矫正工作月报, one a district and month: opening, flows and closing always balance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.demo.districts import WEIGHTS, Place, first_days
from pipelines.demo.drawing import dates
from pipelines.demo.people import names, staff

CATEGORIES = ("control", "probation", "parole", "outside")
SHARES = np.array([0.012, 0.915, 0.05, 0.023])
CAUSES = {"probation_revoked": 0.52, "parole_revoked": 0.03, "imprisoned": 0.1, "died": 0.27, "other": 0.08}
LEVELS = {"strict": 0.06, "ordinary": 0.62, "lenient": 0.32, "basic": 0.0}
LEVELS_OF_FOUR = {"strict": 0.06, "ordinary": 0.52, "lenient": 0.3, "basic": 0.12}
FOUR_LEVELS = ("50",)  # provinces with four levels of supervision
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
    places: Sequence[Place],
    months: Sequence[Flows],
    rng: np.random.Generator,
    *,
    all_checked: bool = False,
    assessed: Mapping[tuple[str, int], int] | None = None,
) -> pl.DataFrame:
    """The form's rows of some months, one a month and district, columns as in the contract (typed).

    `all_checked`: every person to be checked was checked. `assessed`: (district, month) -> assessments done.
    """
    codes = [place.code for _ in months for place in places]
    starts = first_days(np.repeat([flows.month for flows in months], len(places)))
    following = first_days(np.repeat([flows.month + 1 for flows in months], len(places)))
    opening, received, closing = (
        np.concatenate([getattr(flows, stage) for flows in months]) for stage in ("opening", "received", "closing")
    )
    left = np.concatenate([flows.left for flows in months]).sum(axis=1)
    moved_in = np.concatenate([flows.moved_in for flows in months]).sum(axis=1)
    terminated = np.minimum(rng.poisson(0.05 * left), left)
    causes = rng.multinomial(terminated, list(CAUSES.values()))
    moved_out = _moved_out(rng, moved_in, left - terminated, len(places))
    office, n = int(places[0].code) + 17, len(codes)
    return pl.DataFrame({
        "month": dates(starts),
        "area_code": codes,
        "opening": opening.sum(axis=1),
        **{f"received_{name}": received[:, k] for k, name in enumerate(CATEGORIES)},
        "received": received.sum(axis=1),
        "discharged": left - terminated - moved_out,
        **{f"terminated_{name}": causes[:, k] for k, name in enumerate(CAUSES)},
        "terminated": terminated,
        "moved_in": moved_in,
        "moved_out": moved_out,
        **{f"closing_{name}": closing[:, k] for k, name in enumerate(CATEGORIES)},
        "closing": closing.sum(axis=1),
        **_levels(rng, closing.sum(axis=1), codes[0]),
        **_assessments(rng, closing.sum(axis=1), _fixed(codes, months, assessed or {}, len(places))),
        **_supervision(rng, closing.sum(axis=1), causes, all_checked),
        "filled_by": names(staff(rng, office, n, 6)),
        "reviewed_by": names(staff(rng, office + 1, n, 3)),
        "reported_on": dates(following + rng.integers(1, 8, n)),
    })  # fmt: skip


def _moved_out(rng: np.random.Generator, moved_in: Counts, able: Counts, districts: int) -> Counts:
    """Who moves into a district of a city moved out of one: shared out among those who left, month by month."""
    drawn = [
        rng.multivariate_hypergeometric(leaving, arriving.sum())
        for arriving, leaving in zip(moved_in.reshape(-1, districts), able.reshape(-1, districts), strict=True)
    ]
    return np.concatenate(drawn)


def _fixed(codes: Sequence[str], months: Sequence[Flows], fixed: Mapping[tuple[str, int], int], size: int) -> Counts:
    """The fixed number of each row, -1 where none is fixed."""
    at = (flows.month for flows in months for _ in range(size))
    return np.array([fixed.get(key, -1) for key in zip(codes, at, strict=True)])


def _assessments(rng: np.random.Generator, closing: Counts, fixed: Counts) -> dict[str, Counts]:
    due = np.where(fixed >= 0, fixed, rng.poisson(0.03 * closing))
    done = np.where(fixed >= 0, fixed, rng.binomial(due, 0.97))
    return {
        "assessment_entrusted": due + rng.poisson(1.0, len(due)),
        "assessment_due": due,
        "assessment_done": done,
        "assessment_on_time": rng.binomial(done, 0.96),
    }


def _levels(rng: np.random.Generator, closing: Counts, code: str) -> dict[str, Counts]:
    """Persons on the register by level of supervision; in most provinces there are three."""
    levels = LEVELS_OF_FOUR if code.startswith(FOUR_LEVELS) else LEVELS
    shared = rng.multinomial(closing, list(levels.values()))
    return {f"closing_{level}": shared[:, k] for k, level in enumerate(levels) if levels[level]}


def _supervision(rng: np.random.Generator, closing: Counts, causes: Counts, all_checked: bool) -> dict[str, Counts]:
    n = len(closing)
    unchecked = rng.binomial(closing, 0.012)
    absconded = rng.poisson(0.0006 * closing)
    employable = rng.binomial(closing, 0.83)
    tests, counselling = rng.poisson(0.04 * closing), rng.poisson(0.02 * closing)
    return {
        "leave_approved": rng.poisson(0.12 * closing),
        "admonished": rng.poisson(0.009 * closing),
        "warned": rng.poisson(0.004 * closing),
        "penalty_requested": rng.poisson(0.0004 * closing),
        "revocation_requested": causes[:, :3].sum(axis=1) + rng.poisson(0.05, n),
        "absconded_times": absconded,
        "absconded_persons": np.maximum(absconded - rng.poisson(0.2, n), np.minimum(absconded, 1)),
        "missed_persons": rng.poisson(0.008, n),
        "checks_due": closing,
        "checks_done": closing if all_checked else closing - unchecked,
        "education_due": closing,
        "education_met": rng.binomial(closing, 0.97),
        "public_service_persontimes": rng.binomial(closing, 0.86),
        "psychological_tests": tests,
        "psychological_counselling": counselling,
        "psychological_persontimes": tests + counselling,
        "plans": closing - rng.binomial(closing, 0.003),
        "employment_helped": rng.poisson(0.012 * closing),
        "employable": employable,
        "employed": rng.binomial(employable, 0.91),
        "reoffended": rng.poisson(0.0002 * closing),
    }
