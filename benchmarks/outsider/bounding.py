"""What an outsider can prove of a count: bounds by propagation, then by one linear programme a cell, warm from the last."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import highspy
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack

from benchmarks.outsider.folder import Cell
from benchmarks.outsider.relations import Group

MOST = 10_000_000
NEAR = 1e-6
ROUNDS = 5
DUAL, PRIMAL = 1, 4  # strategies of the solver's simplex
SECONDS = 60.0  # for looking at many counts at once: where it takes longer, each is asked for by itself

Key = tuple[int, Cell]  # number of the release, cell
Terms = tuple[tuple[Key, int], ...]  # counts with their signs, added up


@dataclass
class System:
    """Counts of one or more releases with what is known of them: a lower and an upper bound each, and the sums they form.

    `links` say how far the same count of two releases may lie apart.
    """

    index: dict[Key, int]
    low: np.ndarray
    high: np.ndarray
    sums: list[tuple[int, np.ndarray, bool]]
    links: list[tuple[int, int, int]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        shown: Sequence[Mapping[Cell, int | None]],
        slacks: Sequence[Mapping[Cell, int]],
        groups: Sequence[Iterable[Group]],
        cells: Sequence[Cell],
    ) -> "System":
        keys = [(number, cell) for number, values in enumerate(shown) for cell in cells if cell in values]
        index = {key: at for at, key in enumerate(keys)}
        low, high = np.zeros(len(keys)), np.full(len(keys), float(MOST))
        for at, (number, cell) in enumerate(keys):
            value = shown[number][cell]
            if value is not None and cell in slacks[number]:
                low[at], high[at] = max(0, value - slacks[number][cell]), value + slacks[number][cell]
        sums = [
            (
                index[number, group.parent],
                np.array([index[number, cell] for cell in group.children]),
                group.kind == "days",
            )
            for number, found in enumerate(groups)
            for group in found
            if (number, group.parent) in index
        ]
        return cls(index, low, high, sums)

    def propagated(self) -> bool:
        """Tighten bounds until nothing moves; False where they contradict each other."""
        moved = True
        while moved:
            moved = False
            for parent, children, at_most in self.sums:
                low, high = self.low[children], self.high[children]
                lowest, highest = low.sum(), high.sum()
                before = self.low[parent] + self.high[parent] + lowest - highest
                self.low[parent] = max(self.low[parent], lowest)
                if not at_most:
                    self.high[parent] = min(self.high[parent], highest)
                    self.low[children] = np.maximum(low, self.low[parent] - (highest - high))
                self.high[children] = np.minimum(high, self.high[parent] - (lowest - low))
                after = self.low[parent] + self.high[parent] + self.low[children].sum() - self.high[children].sum()
                moved = moved or after != before
                if self.low[parent] > self.high[parent] or (self.low[children] > self.high[children]).any():
                    return False
            for one, other, most in self.links:
                for at, beside in ((one, other), (other, one)):
                    low, high = max(self.low[at], self.low[beside] - most), min(self.high[at], self.high[beside] + most)
                    moved = moved or low > self.low[at] or high < self.high[at]
                    self.low[at], self.high[at] = low, high
        return bool((self.low <= self.high).all())


def narrowed(sound: System, bold: System) -> System:
    """The sound system with as many bounds of the bold one as go together: where these contradict each other, the fewest go.

    Each takes a penalty for leaving the bold bounds; the counts that must leave them keep the sound ones. Links between
    releases hold all or not at all.
    """
    low, high = np.maximum(sound.low, bold.low), np.minimum(sound.high, bold.high)
    for _ in range(ROUNDS):
        system = System(sound.index, low.copy(), high.copy(), sound.sums)
        linked = replace(system, low=low.copy(), high=high.copy(), links=bold.links)
        if linked.propagated() and Programme(linked).feasible:
            return linked
        if system.propagated() and Programme(system).feasible:
            return system
        left = _leaving(sound, low, high)
        low, high = np.where(left, sound.low, low), np.where(left, sound.high, high)
    return sound


def _leaving(sound: System, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which counts leave their bounds when the sum of what they leave them by is least, as a mask."""
    columns, sums = len(low), len(sound.sums)
    parents = np.array([parent for parent, *_ in sound.sums])
    children = [part for _, part, _ in sound.sums]
    rows = np.repeat(np.arange(sums), [len(part) for part in children])
    adds = csr_array(
        (
            np.concatenate([np.ones(len(rows)), -np.ones(sums)]),
            (np.concatenate([rows, np.arange(sums)]), np.concatenate([*children, parents])),
        ),
        shape=(sums, columns),
    )
    at_most = np.array([only for *_, only in sound.sums])
    within = hstack([eye_array(columns), eye_array(columns), -eye_array(columns)])
    wide = hstack([adds, csr_array((sums, 2 * columns))])
    found = milp(
        np.concatenate([np.zeros(columns), np.ones(2 * columns)]),
        bounds=Bounds(
            np.concatenate([sound.low, np.zeros(2 * columns)]),
            np.concatenate([sound.high, np.full(2 * columns, np.inf)]),
        ),
        constraints=[
            LinearConstraint(within, low, high),
            LinearConstraint(wide, np.where(at_most, -np.inf, 0.0), np.zeros(sums)),
        ],
    )
    return found.x[columns : 2 * columns] + found.x[2 * columns :] > NEAR


class Programme:
    """The linear programme of a system. Bounds of one count, or of the difference of two, by its primal simplex.

    Every solution on the way says of all counts that they may be so many: what has been seen to be both 0 and nearly the
    threshold needs no programme of its own.
    """

    def __init__(self, system: System) -> None:
        self.index = system.index
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("solver", "simplex")
        programme = highspy.HighsLp()
        columns, rows = len(system.low), len(system.sums) + len(system.links)
        programme.num_col_, programme.num_row_ = columns, rows
        programme.col_cost_ = np.zeros(columns)
        programme.col_lower_, programme.col_upper_ = system.low, system.high
        apart = np.array([float(most) for *_, most in system.links])
        least = np.array([-highspy.kHighsInf if at_most else 0.0 for *_, at_most in system.sums])
        programme.row_lower_ = np.concatenate([least, -apart])
        programme.row_upper_ = np.concatenate([np.zeros(len(least)), apart])
        parts = [np.append(children, parent) for parent, children, _ in system.sums]
        parts += [np.array([one, other]) for one, other, _ in system.links]
        programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        programme.a_matrix_.start_ = np.cumsum([0, *(len(part) for part in parts)])
        programme.a_matrix_.index_ = np.concatenate(parts) if parts else np.array([], dtype=np.int32)
        programme.a_matrix_.value_ = np.concatenate([np.append(np.ones(len(part) - 1), -1.0) for part in parts] or [[]])
        solver.passModel(programme)
        solver.run()
        self.feasible = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        self.solver = solver
        self.looked_at, self.least, self.most = csr_array((0, columns)), np.zeros(0), np.zeros(0)

    def _look(self) -> None:
        values = np.array(self.solver.getSolution().col_value)
        if len(values):
            seen = self.looked_at @ values
            self.least, self.most = np.minimum(self.least, seen), np.maximum(self.most, seen)

    def left_open(self, wanted: Sequence[Terms], base: int) -> list[Terms]:
        """Those counts, or counts less others, that have not been seen to be both 0 or less and `base` or more, after looking
        for as many as possible at once."""
        columns = [self.index[key] for terms in wanted for key, _ in terms]
        rows = np.repeat(np.arange(len(wanted)), [len(terms) for terms in wanted])
        signs = [float(sign) for terms in wanted for _, sign in terms]
        self.looked_at = csr_array((signs, (rows, columns)), shape=(len(wanted), len(self.index)))
        self.least, self.most = np.full(len(wanted), np.inf), np.full(len(wanted), -np.inf)
        self._look()
        weights, wide, told = np.random.default_rng(0), self._wide(base), -ROUNDS
        while (
            told + ROUNDS <= (told := int(wide.sum())) < len(wide)
        ):  # what shows fewer than that is asked for by itself
            for _ in range(ROUNDS):  # with other weights, as not all can be least or most at once
                weighed = weights.random(len(wide))
                self._solve(self.looked_at.T @ (weighed * (self.least > NEAR)), highspy.ObjSense.kMinimize)
                self._solve(self.looked_at.T @ (weighed * (self.most < base - NEAR)), highspy.ObjSense.kMaximize)
            wide = self._wide(base)
        return [terms for terms, is_wide in zip(wanted, wide, strict=True) if not is_wide]

    def _start(self, presolve: str, strategy: int) -> None:
        self.solver.setOptionValue("presolve", presolve)
        self.solver.setOptionValue("simplex_strategy", strategy)

    def _wide(self, base: int) -> np.ndarray:
        return (self.least <= NEAR) & (self.most >= base - NEAR)

    def _solve(self, costs: np.ndarray, sense: highspy.ObjSense) -> None:
        """From the beginning, with presolving: from where one was, a programme of so many other costs takes hundreds of times as long."""
        self._start(presolve="on", strategy=DUAL)
        self.solver.clearSolver()
        everywhere = np.arange(len(costs), dtype=np.int32)
        self.solver.changeObjectiveSense(sense)
        self.solver.changeColsCost(len(costs), everywhere, costs)
        self.solver.setOptionValue("time_limit", self.solver.getRunTime() + SECONDS)
        self.solver.run()
        self.solver.setOptionValue("time_limit", highspy.kHighsInf)
        if self.solver.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible:
            self._look()
        self.solver.changeColsCost(len(costs), everywhere, np.zeros(len(costs)))

    def bounds(self, terms: Terms) -> tuple[int, int] | None:
        """Least and greatest whole value of counts times their signs; None where the solver did not end."""
        self._start(presolve="off", strategy=PRIMAL)  # from the last solution, of which one count is asked for
        found = []
        for sense in (highspy.ObjSense.kMinimize, highspy.ObjSense.kMaximize):
            self.solver.changeObjectiveSense(sense)
            for key, sign in terms:
                self.solver.changeColCost(self.index[key], float(sign))
            self.solver.run()
            self._look()
            found.append(self.solver.getInfo().objective_function_value)
            optimal = self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
            for key, _ in terms:
                self.solver.changeColCost(self.index[key], 0.0)
            if not optimal:
                return None
        return math.ceil(found[0] - NEAR), math.floor(found[1] + NEAR)
