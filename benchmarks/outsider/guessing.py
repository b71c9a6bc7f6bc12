"""How sure an outsider may be of a count: the posterior, from how often each value is published and how counts add up.

Belief propagation over the sums: exact on a tree; where sums cross each other (types by quarters) two rounds of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.outsider.bounding import System
from benchmarks.outsider.folder import PART, Cell, Folder
from benchmarks.outsider.relations import Group

WIDEST = 400
ROUNDS = 2
LEAST = 1e-12

Belief = tuple[int, np.ndarray]  # first count, weights of it and the following


def _chances(value: int, counts: np.ndarray, base: int) -> np.ndarray:
    """How likely a count is published as `value`: unbiased rounding to one of the two multiples beside it."""
    return np.clip(1 - np.abs(counts - value) / base, 0, None)


def priors(folder: Folder) -> dict[tuple[str, ...], np.ndarray]:
    """By measure, breakdown, category, kind of period and hidden or not: how often each count occurs, from published values.

    Maximum likelihood by expectation and maximisation, over all counts that a published value may stand for.
    """
    values: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for cell, value in folder.shown.items():
        if value is not None:
            values[_kind(folder, cell)].append(value)
    found = {}
    for kind, shown in values.items():
        base = folder.bases[kind[0]]
        counts = np.arange(min(max(shown), WIDEST) + base)
        distinct, times = np.unique(np.minimum(shown, WIDEST), return_counts=True)
        chances = np.array([_chances(value, counts, base) for value in distinct])
        prior = 1 / (counts + 1.0)
        for _ in range(50):
            prior /= prior.sum()
            joint = chances * prior
            prior = (joint / np.maximum(joint.sum(axis=1, keepdims=True), LEAST) * times[:, None]).sum(axis=0)
        found[kind] = prior / prior.sum()
    return found


def _kind(folder: Folder, cell: Cell) -> tuple[str, ...]:
    depth = 0
    area = cell.area
    while area in folder.parents:
        area, depth = folder.parents[area], depth + 1
    return cell.measure, cell.breakdown, cell.category, str(len(cell.period)), str(depth)


def beliefs(
    folder: Folder,
    system: System,
    groups: Sequence[Group],
    slacks: Mapping[Cell, int],
    before: Mapping[tuple[str, ...], np.ndarray],
) -> dict[Cell, Belief]:
    """The posterior of every count of a system of one release, within its proven bounds."""
    local: dict[Cell, Belief] = {}
    for (_, cell), at in system.index.items():
        first = int(system.low[at])
        counts = np.arange(first, int(min(system.high[at], first + WIDEST)) + 1)
        base, value = folder.bases[cell.measure], folder.shown[cell]
        prior = before.get(_kind(folder, cell), np.array([1.0]))
        weights = np.where(counts < len(prior), prior[np.minimum(counts, len(prior) - 1)], 0) + 1e-6 / (counts + 1.0)
        if value is not None and cell.measure != PART:
            sure = slacks[cell] <= base - 1
            weights = weights * (_chances(value, counts, base) + (0.0 if sure else 0.3))
        local[cell] = first, weights / max(weights.sum(), LEAST)
    told: dict[tuple[int, Cell], Belief] = {}
    of: dict[Cell, list[int]] = defaultdict(list)
    sums = [group for group in groups if group.kind != "days"]
    for number, group in enumerate(sums):
        for cell in (group.parent, *group.children):
            of[cell].append(number)
    for _ in range(ROUNDS):
        for number, group in enumerate(sums):
            cells = (group.parent, *group.children)
            incoming = {
                cell: _combined(local[cell], (told.get((n, cell)) for n in of[cell] if n != number)) for cell in cells
            }
            for cell, said in _passed(group, incoming, local).items():
                told[number, cell] = said
    return {cell: _combined(own, (told.get((n, cell)) for n in of[cell])) for cell, own in local.items()}


def _combined(own: Belief, others: Iterable[Belief | None]) -> Belief:
    first, weights = own
    for other in others:
        if other is not None:
            weights = weights * _aligned(other, first, len(weights))
    total = weights.sum()
    return first, weights / total if total > LEAST else own[1]


def _aligned(belief: Belief, first: int, length: int) -> np.ndarray:
    start, weights = belief
    found = np.full(length, LEAST)
    low, high = max(first, start), min(first + length, start + len(weights))
    if low < high:
        found[low - first : high - first] += weights[low - start : high - start]
    return found


def _passed(group: Group, incoming: Mapping[Cell, Belief], local: Mapping[Cell, Belief]) -> dict[Cell, Belief]:
    """What a sum says of each of its cells, by what is believed of the others."""
    forward: list[Belief] = [(0, np.ones(1))]
    for child in group.children:
        forward.append(_added(forward[-1], incoming[child]))
    backward: list[Belief] = [(0, np.ones(1))]
    for child in reversed(group.children):
        backward.append(_added(backward[-1], incoming[child]))
    said = {group.parent: forward[-1]}
    first, weights = incoming[group.parent]
    for number, child in enumerate(group.children):
        others = _added(forward[number], backward[len(group.children) - 1 - number])
        difference = np.convolve(weights, others[1][::-1])
        said[child] = first - others[0] - len(others[1]) + 1, difference
    return said


def _added(one: Belief, other: Belief) -> Belief:
    weights = np.convolve(one[1], other[1])
    kept = np.flatnonzero(weights > weights.max() * LEAST)
    return one[0] + other[0] + int(kept[0]), weights[kept[0] : kept[-1] + 1]
