"""Attack public releases from their folders alone, and judge what was found by the exact counts of the internal ones.

    python -m benchmarks.outsider --public data/releases/public/2025-1.0 --internal data/releases/internal/2025-1.0

Several releases, the first one first, are attacked together. `sound` bounds are proofs; `bold` ones rest on the guesses that
every value is a draw and that a count whose value stands has changed by less than the threshold, as far as these agree
with each other. The exit code is 1 where a sensitive count is found exactly, or provably between 1 and the threshold.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks.outsider.bounding import Key, Programme, System, Terms, narrowed
from benchmarks.outsider.folder import PART, Cell, Folder, families, read
from benchmarks.outsider.guessing import beliefs, priors
from benchmarks.outsider.judging import errors, exact, quarters, rates
from benchmarks.outsider.relations import Group, groups, slacks

SURE, NEARLY = 0.75, 0.9


@dataclass
class Found:
    """Of one kind of bounds: how many counts may be all from 0 to k-1, how many were asked for, and what was found of them.

    `true` and `false` claims: what bold bounds say of a count may be wrong. `undecided`: programmes without an end.
    """

    wide: int = 0
    asked: int = 0
    undecided: int = 0
    exact: Counter[bool] = field(default_factory=Counter)
    small: Counter[bool] = field(default_factory=Counter)
    least_width: int | None = None

    def take(self, bounds: tuple[int, int] | None, count: int, base: int) -> None:
        self.asked += 1
        if bounds is None:
            self.undecided += 1
            return
        low, high = bounds
        self.least_width = high - low if self.least_width is None else min(self.least_width, high - low)
        right = low <= count <= high
        self.exact[right] += low == high
        self.small[right] += (low >= 1 and high < base) or (-base < low and high <= -1)

    def told(self) -> dict[str, object]:
        claims = {"true": True, "false": False}
        return {
            "may_be_0_to_k_less_1": self.wide,
            "asked_for_bounds": self.asked,
            "undecided": self.undecided,
            "exact": {name: self.exact[right] for name, right in claims.items()},
            "provably_small": {name: self.small[right] for name, right in claims.items()},
            "least_width": self.least_width,
        }


@dataclass
class Guesses:
    """Of all counts: how many are said to be one value of 1..k-1, or to lie there, and how many of them do."""

    sensitive: int = 0
    greatest: float = 0.0
    named: Counter[bool] = field(default_factory=Counter)
    near: Counter[bool] = field(default_factory=Counter)

    def take(self, first: int, weights: Sequence[float], count: int, base: int) -> None:
        small = {first + at: weight for at, weight in enumerate(weights[: max(0, base - first)]) if first + at >= 1}
        self.sensitive += 1 <= count < base
        likeliest = max(small, key=lambda value: small[value], default=0)
        self.named[likeliest == count] += small.get(likeliest, 0.0) > SURE
        self.near[1 <= count < base] += sum(small.values()) > NEARLY
        if 1 <= count < base:
            self.greatest = max(self.greatest, float(small.get(count, 0.0)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.outsider", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--public", type=Path, nargs="+", required=True, help="folders of public releases")
    parser.add_argument("--internal", type=Path, nargs="+", required=True, help="internal releases of the same states")
    parser.add_argument("--share", type=int, default=1, help="ask for every n-th sensitive count only")
    parser.add_argument("--year", nargs="*", help="only counts of these years")
    parser.add_argument("--useful", action="store_true", help="attack nothing: say only what the figures are worth")
    parser.add_argument("--proofs", action="store_true", help="leave out the bold guesses, which prove nothing")
    parser.add_argument("--out", type=Path, help="write the report here, as JSON")
    asked = parser.parse_args()
    start = time.process_time()
    folders = [read(path) for path in asked.public]
    truths = [exact(path, folder) for path, folder in zip(asked.internal, folders, strict=True)]
    report = {} if asked.useful else attacked(folders, truths, asked.share, asked.year, bold_too=not asked.proofs)
    report |= {
        "longer_ranges_that_tell_more": sum(folder.odd for folder in folders),
        "errors": errors(folders[-1], truths[-1]).to_dicts(),
        "rates": rates(asked.public[-1]).to_dicts(),
        "quarters_of_districts": quarters(asked.public[-1]).to_dicts(),
        "cpu_seconds": round(time.process_time() - start, 1),
    }
    if asked.out:
        asked.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    Console().print(report)
    return int(bool(report.get("failed")))


def attacked(
    folders: Sequence[Folder],
    truths: Sequence[Mapping[Cell, int]],
    share: int,
    years: Sequence[str] | None = None,
    *,
    bold_too: bool = True,
) -> dict[str, object]:
    """All families of cells, one after the other: bounds of every sensitive count and of every small change, and guesses."""
    sound, bold, changes, bold_changes, guesses = Found(), Found(), Found(), Found(), Guesses()
    before = [priors(folder) for folder in folders]
    wanted = {key: cells for key, cells in families(folders[-1]).items() if not years or key[2] in years}
    for family, last in track(wanted.items(), console=Console(stderr=True)):
        cells = sorted({*last, *(cell for folder in folders[:-1] for cell in families(folder).get(family, ()))})
        found = [groups(folder, [cell for cell in cells if cell in folder.shown]) for folder in folders]
        strict, loose = (slacks(folders, found, cells, bold=guessed) for guessed in (False, True))
        system = _system(folders, strict, found, cells)
        if not system.propagated():
            raise SystemExit(f"{family}: what is published contradicts itself")
        programmes = [(Programme(system), sound, changes)]
        if bold_too:
            guessed = _system(folders, loose, found, cells)
            guessed.links = _links(folders, guessed)
            programmes.append((Programme(narrowed(system, guessed)), bold, bold_changes))
        for programme, counts, moves in programmes:
            for number, truth in enumerate(truths):
                base = max(folders[number].bases[cell.measure] for cell in cells)
                small = [cell for cell in cells if cell in truth and 1 <= truth[cell] < base][::share]
                open_still = programme.left_open([(((number, cell), 1),) for cell in small], base - 1)
                counts.wide += len(small) - len(open_still)
                for terms in open_still:
                    counts.take(programme.bounds(terms), truth[terms[0][0][1]], base)
            for number, (old, new) in enumerate(pairwise(truths)):
                bases = {cell: folders[number].bases[cell.measure] for cell in cells if cell in old and cell in new}
                moved = {cell: new[cell] - old[cell] for cell in bases}
                small_moves = {
                    _difference((number + 1, cell), (number, cell), by): cell
                    for cell, by in moved.items()
                    if 1 <= abs(by) < bases[cell]
                }
                moves_open = programme.left_open(list(small_moves), max(bases.values(), default=1) - 1)
                moves.wide += len(small_moves) - len(moves_open)
                for terms in moves_open:
                    cell = small_moves[terms]
                    moves.take(programme.bounds(terms), abs(moved[cell]), bases[cell])
        for number, (folder, truth) in enumerate(zip(folders, truths, strict=True)):
            alone = System.of(
                [folder.shown], [strict[number]], [found[number]], [c for c in cells if c in folder.shown]
            )
            alone.propagated()
            for cell, (first, weights) in beliefs(folder, alone, found[number], strict[number], before[number]).items():
                guesses.take(first, weights.tolist(), truth[cell], folder.bases[cell.measure])
    return {
        "releases": len(folders),
        "cells": sum(len(folder.shown) for folder in folders),
        "sound": sound.told(),
        "bold": bold.told(),
        "sound_changes": changes.told(),
        "bold_changes": bold_changes.told(),
        "guesses": {
            "sensitive": guesses.sensitive,
            "greatest_posterior_of_the_true_count": round(guesses.greatest, 3),
            "said_to_be_one_small_count": {"true": guesses.named[True], "false": guesses.named[False]},
            "said_to_be_small": {"true": guesses.near[True], "false": guesses.near[False]},
        },
        "failed": sound.exact[True] + sound.small[True],
    }


def _difference(new: Key, old: Key, by: int) -> Terms:
    """The later count less the earlier one, or the other way round where it fell: how far it has moved."""
    return ((new, 1), (old, -1)) if by > 0 else ((old, 1), (new, -1))


def _system(
    folders: Sequence[Folder],
    told: Sequence[Mapping[Cell, int]],
    found: Sequence[Sequence[Group]],
    cells: Sequence[Cell],
) -> System:
    return System.of([folder.shown for folder in folders], told, found, cells)


def _links(folders: Sequence[Folder], system: System) -> list[tuple[int, int, int]]:
    """Counts whose value stood from one release to the next."""
    return [
        (at, system.index[number - 1, cell], folders[number].bases[cell.measure] - 1)
        for (number, cell), at in system.index.items()
        if number
        and cell.measure != PART
        and folders[number].shown[cell] is not None
        and folders[number - 1].shown.get(cell) == folders[number].shown[cell]
    ]


if __name__ == "__main__":
    sys.exit(main())
