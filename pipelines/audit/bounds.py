"""What linear relations say of counts: interval propagation for cheap findings, then linear programmes for the truth.

Propagation alone is blind to what follows from several relations at once (Fischetti and Salazar 2003; the attacker's
problem of cell suppression). The programmes of one system share a feasible basis: only the objective changes, so that the
primal simplex goes on from where it stands, and every solution it passes through says something of all cells.
"""

import ctypes
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import highspy
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

EXACT = 1e-6
UNBOUNDED = 1e7  # more cases than a country has
PRIMAL_SIMPLEX = 4
ROUNDS = 12  # objectives over all open cells at once, before one of each
PASSES = 8  # of propagation
TOGETHER = (16, 4)  # cells of one objective, before one of each
_ONE_AT_A_TIME = Lock()  # standard output is the process's, not a thread's


class TimedOut(Exception):
    """An attack that has not ended in its time; it counts as a success of the attacker."""


class Contradiction(Exception):
    """Published values that cannot all be true: they are not what they are said to be."""


@dataclass(frozen=True)
class System:
    """Counts between bounds, and relations `whole = sum of parts` between them.

    `rows`: (whole, parts), places in `low` and `high`.
    """

    low: np.ndarray
    high: np.ndarray
    rows: Sequence[tuple[int, Sequence[int]]] = field(default_factory=list)

    @cached_property
    def matrix(self) -> csr_array:
        """Rows of -1 for the whole and 1 for its parts; each adds up to 0."""
        places = [
            (r, c, v)
            for r, (whole, parts) in enumerate(self.rows)
            for c, v in ((whole, -1.0), *((p, 1.0) for p in parts))
        ]
        r, c, v = (np.array(values) for values in zip(*places, strict=True)) if places else (np.array([]),) * 3
        return csr_array((v, (r.astype(int), c.astype(int))), shape=(len(self.rows), len(self.low)))

    def components(self) -> list[np.ndarray]:
        """Places that hang together by relations; what does not can be looked at by itself, with the same answer."""
        incidence = abs(self.matrix)
        _, label = connected_components(incidence.T @ incidence, directed=False)
        order = np.argsort(label, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)

    @cached_property
    def _parts_of(self) -> dict[int, list[Sequence[int]]]:
        found: dict[int, list[Sequence[int]]] = {}
        for whole, parts in self.rows:
            found.setdefault(whole, []).append(parts)
        return found

    def part(self, places: np.ndarray) -> "System":
        """The system of some places that hang together with no other."""
        new = {int(old): place for place, old in enumerate(places)}
        rows = [(new[whole], [new[p] for p in parts]) for whole in new for parts in self._parts_of.get(whole, ())]
        return System(self.low[places], self.high[places], rows)

    def loosened(self, places: np.ndarray, by: float) -> "System":
        """The system with the bounds of some places drawn apart."""
        low, high = self.low.copy(), self.high.copy()
        low[places], high[places] = np.maximum(low[places] - by, 0), high[places] + by
        return System(low, high, self.rows)


def propagated(system: System) -> tuple[np.ndarray, np.ndarray]:
    """Bounds tightened row by row. Raises `Contradiction` where nothing is left."""
    low, high = system.low.copy(), system.high.copy()
    for _ in range(PASSES):
        before = (low.copy(), high.copy())
        for whole, parts in system.rows:
            parts = np.asarray(parts)
            least, most = low[parts].sum(), high[parts].sum()
            low[whole], high[whole] = max(low[whole], least), min(high[whole], most)
            others_least, others_most = least - low[parts], most - high[parts]
            low[parts] = np.maximum(low[parts], low[whole] - others_most)
            high[parts] = np.minimum(high[parts], high[whole] - others_least)
        if (low > high + EXACT).any():
            raise Contradiction
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):
            break
    return low, high


@dataclass
class Bounds:
    """Least and greatest value of each count, as far as it was looked for: `low` and `high` hold what solutions show."""

    low: np.ndarray
    high: np.ndarray
    programmes: int = 0


def proven(system: System, wanted: np.ndarray, enough: float, deadline: float) -> Bounds:
    """Bounds of the wanted counts, each exact or at least `enough` apart.

    Raises `TimedOut` after the deadline (of `time.process_time`), `Contradiction` when the values cannot all be true.
    """
    solver = _solver(system)
    found = Bounds(np.full(len(system.low), np.inf), np.full(len(system.low), -np.inf))
    _solve(solver, found, deadline)
    chance = np.random.default_rng(1)
    for turn in range(ROUNDS):
        rest = _open(found, wanted, enough)
        if not len(rest):
            return found
        _aim(solver, rest, chance.uniform(0.5, 1.0, len(rest)) * (1 if turn % 2 else -1))
        _solve(solver, found, deadline)
        _aim(solver, rest, np.zeros(len(rest)))
    for size in TOGETHER:
        rest = _open(found, wanted, enough)
        for start in range(0, len(rest), size):
            _stretch(solver, found, rest[start : start + size], enough, deadline)
    for place in wanted:
        _stretch(solver, found, np.array([place]), enough, deadline)
    return found


def _stretch(solver: highspy.Highs, found: Bounds, places: np.ndarray, enough: float, deadline: float) -> None:
    """Solve for the least and the greatest sum of counts; of a single one that is what it can be."""
    for direction in (1.0, -1.0):
        rest = _open(found, places, enough)
        if not len(rest):
            return
        _aim(solver, rest, np.full(len(rest), direction))
        _solve(solver, found, deadline)
        _aim(solver, rest, np.zeros(len(rest)))


def _open(found: Bounds, wanted: np.ndarray, enough: float) -> np.ndarray:
    return wanted[found.high[wanted] - found.low[wanted] < enough - EXACT]


@contextmanager
def _unsaid() -> Iterator[None]:
    """HiGHS says its name on standard output when it is made, below Python; standard output is for answers."""
    sys.stdout.flush()
    said, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(said, 1)
        os.close(said)
        os.close(nowhere)


def _solver(system: System) -> highspy.Highs:
    with _ONE_AT_A_TIME, _unsaid():
        solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("solver", "simplex")
    solver.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
    solver.setOptionValue("presolve", "off")
    solver.setOptionValue("threads", 1)
    model, matrix = highspy.HighsLp(), system.matrix
    model.num_col_, model.num_row_ = len(system.low), len(system.rows)
    model.col_cost_ = np.zeros(len(system.low))
    model.col_lower_, model.col_upper_ = system.low, np.minimum(system.high, UNBOUNDED)
    model.row_lower_ = model.row_upper_ = np.zeros(len(system.rows))
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    solver.passModel(model)
    return solver


def _aim(solver: highspy.Highs, places: np.ndarray, costs: np.ndarray) -> None:
    solver.changeColsCost(len(places), places.astype(np.int32), costs.astype(np.float64))


def _solve(solver: highspy.Highs, found: Bounds, deadline: float) -> None:
    status = highspy.HighsModelStatus.kTimeLimit
    while status == highspy.HighsModelStatus.kTimeLimit:  # the solver's clock goes on where others have the processor
        left = deadline - time.process_time()
        if left <= 0:
            raise TimedOut
        solver.setOptionValue("time_limit", solver.getRunTime() + left)
        solver.run()
        status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        raise Contradiction
    if status != highspy.HighsModelStatus.kOptimal:
        raise TimedOut
    solution = np.array(solver.getSolution().col_value)
    found.low, found.high = np.minimum(found.low, solution), np.maximum(found.high, solution)
    found.programmes += 1
