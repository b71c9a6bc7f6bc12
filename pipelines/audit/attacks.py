"""The attacks on a bundle, each by itself. A finding names a cell and what an outsider would know of it."""

import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import eye_array, vstack
from scipy.sparse.linalg import lsqr

from pipelines.audit.bounds import EXACT, UNBOUNDED, Bounds, Contradiction, System, propagated, proven
from pipelines.audit.bundle import TOTAL, Bundle
from pipelines.audit.relations import Cell, Counts, Said, tiling_of
from pipelines.catalogue import PublicationPlan, measures
from pipelines.catalogue.publication import DAYS

LIKELY = 0.75  # of one exact value of a sensitive cell
NEAR_CERTAIN = 0.9  # of all sensitive values together
ENOUGH_DRAWS = 40  # of one remainder, before it can be said that it always goes one way
WEIGHT_OF_RELATIONS = 100.0


class Finding(NamedTuple):
    """A cell that an attack has found, or for `cell` None the bundle as a whole; `said` names what was found."""

    attack: str
    cell: Cell | None
    said: str


class Looked(NamedTuple):
    """What the bounds attack looked at: cells that may be sensitive, the least width, programmes solved."""

    cells: int
    least_width: float
    programmes: int


def attack_by_bounds(counts: Counts, deadline: float) -> tuple[list[Finding], Looked]:
    """A: bounds of every cell that may hold 1 to k-1, from all relations at once. Raises `TimedOut`.

    A cell is found when it is exact, provably between 1 and k-1, or known to less than k-1 (reference/disclosure.md: pass).
    Values that stand from an earlier release are taken for draws of the counts of now, and where that cannot be, of counts
    that differ from them by less than k. Two findings would be nobody's to mend, and are none (design section 7, rule 7: a
    table is dropped after a failure). What others have published of a cell, where we show nothing of its table. And that a
    cell which may be 0 has little room above it, where it has no more without any value of its table in that year: others, or
    an earlier release, have said the rest. That rule lets no sensitive cell go. A cell from 1 to k-1 is told when it is known
    not to be 0 (design section 7: an exact cell, a posterior of 1..k-1); of one that may be 0 nobody is proven to be there,
    as of any cell published as 0, and what is left to guess of it is the likelihood's to judge. Where this release itself
    narrows it, it is found like any other: its table has a value too many.
    What hangs together is attacked by itself, as many at a time as there are processors: the solver lets other threads run.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(lambda places: _attacked(counts, places, deadline), counts.system.components()))
    looked = [looked for _, looked in parts]
    return [finding for found, _ in parts for finding in found], Looked(
        sum(part.cells for part in looked),
        min((part.least_width for part in looked), default=math.inf),
        sum(part.programmes for part in looked),
    )


def _attacked(counts: Counts, places: np.ndarray, deadline: float) -> tuple[list[Finding], Looked]:
    part = counts.system.part(places)
    k = int(counts.k[places].max())
    judged = np.array([":part" not in counts.cells[place][0] for place in places])
    try:
        wanted, bounds = _bounded(part, judged, k, deadline)
    except Contradiction:
        try:
            standing = np.flatnonzero([int(place) in counts.standing for place in places])
            part = part.loosened(standing, k - 1)
            wanted, bounds = _bounded(part, judged, k, deadline)
        except Contradiction:
            said = Finding("bounds", counts.cells[places[0]], "published values contradict each other")
            return [said], Looked(0, math.inf, 0)
    lowest, highest = np.ceil(bounds.low[wanted] - EXACT), np.floor(bounds.high[wanted] + EXACT)
    is_silent = np.array([int(places[place]) in counts.silent for place in wanted], dtype=bool)
    is_told = counts.system.high[places[wanted]] - counts.system.low[places[wanted]] < k - 1
    is_found = (highest - lowest < k - 1) & (lowest <= k - 1) & (highest >= 1)
    is_found &= ~(is_silent & is_told)
    doubtful = np.flatnonzero(is_found & (lowest <= 0))
    if len(doubtful):
        bare = _without_tables_of(wanted[doubtful], part, counts, places)
        is_found[doubtful] = _has_more_room(bare, wanted[doubtful], highest[doubtful], k, deadline)
    found = [
        Finding("bounds", counts.cells[places[wanted[n]]], f"between {lowest[n]:.0f} and {highest[n]:.0f}")
        for n in np.flatnonzero(is_found)
    ]
    return found, Looked(len(wanted), float(np.min(highest - lowest, initial=math.inf)), bounds.programmes)


def _has_more_room(bare: System, wanted: np.ndarray, highest: np.ndarray, k: int, deadline: float) -> np.ndarray:
    """Which of these may be more than what is published leaves them; all, where what was told before contradicts it."""
    try:
        return np.floor(proven(bare, wanted, k - 1, deadline).high[wanted] + EXACT) > highest
    except Contradiction:
        return np.ones(len(wanted), dtype=bool)


def _without_tables_of(of: np.ndarray, part: System, counts: Counts, places: np.ndarray) -> System:
    """The system in which the tables of some cells show nothing anywhere: what was told before bounds them, and other tables."""
    tables = [counts.cells[place][:2] for place in places]
    hidden = {tables[place] for place in of}
    low, high = part.low.copy(), part.high.copy()
    for at, place in enumerate(places):
        if tables[at] in hidden:
            low[at], high[at] = counts.told.get(int(place), (0.0, UNBOUNDED))
    return System(low, high, part.rows)


def _bounded(part: System, judged: np.ndarray, k: int, deadline: float) -> tuple[np.ndarray, Bounds]:
    """Places that are judged and may hold 1 to k-1, and the bounds of those."""
    low, high = propagated(part)
    wanted = np.flatnonzero((low <= k - 1) & (high >= 1) & judged)
    if not len(wanted) or not part.rows:
        return wanted, Bounds(low, high)
    return wanted, proven(System(low, high, part.rows), wanted, k - 1, deadline)


def not_rounded(counts: Counts) -> Iterator[Finding]:
    """Values that are no multiples of their base: they were not drawn, but stand as they are."""
    for cell, value, base in zip(counts.cells, counts.value, counts.base, strict=True):
        if not np.isnan(value) and value % base:
            yield Finding("rounding", cell, "not a multiple of the base")


def undeclared(bundle: Bundle, plan: PublicationPlan) -> Iterator[Finding]:
    """Cells that no table of the plan declares."""
    declared = {
        (measure, table.breakdown or TOTAL, level, kind)
        for table in plan.tables.values()
        for measure in table.measures
        for level, kinds in table.levels.items()
        for kind in (*kinds, "half_year", "year_to_date")
    }
    held = bundle.cells.group_by("measure", "breakdown", "area_level", "period_kind").agg(
        pl.col("category", "area_code", "period").first()
    )
    for measure, breakdown, level, kind, category, area, period in held.iter_rows():
        if (measure, breakdown, level, kind) not in declared:
            yield Finding("plan", (measure, breakdown, category, area, period), f"{level} by {kind} is not declared")


def not_dense(bundle: Bundle) -> Iterator[Finding]:
    """Gaps: a category or a period that is missing where others of its table stand proves something of what is missing."""
    drawn = bundle.cells.filter(pl.col("period_kind").is_in(["month", "quarter", "year"]))
    for (measure, breakdown, kind, level), rows in drawn.group_by("measure", "breakdown", "period_kind", "area_level"):
        categories, periods = set(rows["category"]), sorted(set(rows["period"]))
        held: dict[tuple[str, str], set[str]] = defaultdict(set)
        for area, period, category in rows.select("area_code", "period", "category").iter_rows():
            held[area, period].add(category)
        for area, begun in _firsts(held).items():
            for period in periods[periods.index(begun) :]:
                if held.get((area, period), set()) != categories:
                    yield Finding(
                        "dense",
                        (str(measure), str(breakdown), "", area, period),
                        f"rows of a {level} by {kind} are missing",
                    )


def _firsts(held: Iterable[tuple[str, str]]) -> dict[str, str]:
    first: dict[str, str] = {}
    for area, period in held:
        first[area] = min(first.get(area, period), period)
    return first


def attack_by_regrouping(bundle: Bundle) -> Iterator[Finding]:
    """C: half-years and cumulatives that differ from the sum of their published pieces are draws of their own."""
    values = bundle.values
    kinds = bundle.cells.filter(pl.col("period_kind").is_in(["half_year", "year_to_date"]))
    for measure, breakdown, category, area, period, value in kinds.select(
        "measure", "breakdown", "category", "area_code", "period", "value"
    ).iter_rows():
        is_stock = measures()[measure].over_time == "last" if measure in measures() else False
        pieces = [values.get((measure, breakdown, category, area, piece)) for piece in tiling_of(period, is_stock)]
        if value is not None and (None in pieces or sum(v or 0 for v in pieces) != value):
            yield Finding(
                "regrouping", (measure, breakdown, category, area, period), "not the sum of its published pieces"
            )


def attack_by_rates(bundle: Bundle, plan: PublicationPlan) -> Iterator[Finding]:
    """B: the whole numbers that a displayed rate or change leaves possible beside the published counts.

    A figure that follows from published counts says nothing new. Any other is enumerated: what it leaves of the count, of
    the rest, or of both together.
    """
    cards = {row["indicator"]: row for row in bundle.indicators.iter_rows(named=True)}
    values = bundle.values
    for row in bundle.figures.filter(pl.col("value").is_not_null()).iter_rows(named=True):
        card = cards[row["indicator"]]
        if card["kind"] not in ("ratio", "share", "count", "stock"):
            continue
        cell: Cell = (card["numerator"], row["breakdown"], row["category"], row["area_code"], row["period"])
        under = (card["denominator"], *((TOTAL, TOTAL) if card["kind"] == "share" else cell[1:3]), *cell[3:])
        counted, cases = values.get(cell), values.get(under) if card["denominator"] else None
        if not _follows(row, card, counted, cases):
            yield Finding("rates", cell, _left_open(row, card, counted, cases, plan))
        elif row["change_on_year"] is not None and not _is_difference(row):
            yield Finding("rates", cell, "a change that is not the difference of two published values")


def _follows(row: Mapping[str, Any], card: Mapping[str, Any], counted: int | None, cases: int | None) -> bool:
    if card["kind"] in ("count", "stock"):
        return counted is not None and row["value"] == card["scale"] * counted
    if counted is None or not cases:
        return False
    return abs(row["value"] - card["scale"] * counted / cases) <= 10 ** -row["decimals"] / 2 + EXACT


def _is_difference(row: Mapping[str, Any]) -> bool:
    before = row["value_year_before"]
    return (
        before is not None
        and abs(row["change_on_year"] - (row["value"] - before)) <= 10 ** -(row["decimals"] or 0) / 2 + EXACT
    )


def _left_open(
    row: Mapping[str, Any], card: Mapping[str, Any], counted: int | None, cases: int | None, plan: PublicationPlan
) -> str:
    """What the pairs of whole numbers that give a displayed rate say of the count and of the rest."""
    if counted is None or cases is None or card["kind"] in ("count", "stock"):
        return "a figure without the published counts it is made of"
    reach = max(table.base for table in plan.tables.values() if card["denominator"] in table.measures) - 1
    digits = len(f"{row['value']!r}".partition(".")[2].rstrip("0"))
    pairs = pairs_giving(
        row["value"],
        digits,
        range(max(0, counted - 2 * reach), counted + 2 * reach + 1),
        range(max(1, cases - reach), cases + reach + 1),
        card["scale"],
    )
    rests = sorted({whole - n for n, whole in pairs})
    return f"{len(pairs)} pairs of counts give it, the rest is one of {rests[:5]}"


def pairs_giving(
    rate: float, digits: int, counted: Iterable[int], cases: Iterable[int], scale: float = 100.0
) -> list[tuple[int, int]]:
    """The whole numbers (counted, cases) that give a displayed rate."""
    wholes = list(cases)
    return [(n, whole) for n in counted for whole in wholes if n <= whole and round(scale * n / whole, digits) == rate]


def attack_by_changes(
    now: Mapping[Cell, Said],
    then: Mapping[Cell, Said],
    truth: Mapping[Cell, tuple[int, int]],
    before: Mapping[Cell, tuple[int, int]],
    k: Mapping[str, int],
) -> Iterator[Finding]:
    """D: cells drawn anew between two releases though fewer than k cases in them changed.

    `now`, `then`: what the two releases say of cells by themselves; a sum of published cells follows these and says nothing.
    `truth`, `before`: count and cell key of each cell now and when the earlier release was drawn.
    """
    for cell, (_, _, value) in now.items():
        old = then[cell].value if cell in then else None
        if value is None or old is None or value == old or cell not in truth or cell not in before:
            continue
        changed = abs(truth[cell][0] - before[cell][0])
        if changed < k[cell[0].partition("-")[0]]:
            yield Finding("changes", cell, f"re-published after {changed} cases more or less")


def listed_changes(bundle: Bundle, earlier: Bundle) -> Iterator[Finding]:
    """D: a list of changes since an earlier release may hold nothing but differences of published figures."""
    if bundle.changes is None:
        return
    keys, numbers = ["indicator", "breakdown", "category", "area_code", "period"], ["value", "numerator", "denominator"]
    shown = [
        {row[:5]: row[5:] for row in held.figures.select(*keys, *numbers).iter_rows()} for held in (bundle, earlier)
    ]
    listed = bundle.changes.filter(pl.col("against") == earlier.release_id)
    nothing = (None, None, None)
    for row in listed.iter_rows(named=True):
        key = tuple(row[name] for name in keys)
        now, then = (tuple(row[f"{name}_{when}"] for name in numbers) for when in ("after", "before"))
        if (now, then) != (shown[0].get(key, nothing), shown[1].get(key, nothing)) or now == then:
            told = (row["indicator"], *key[1:])
            yield Finding("changes", told, "a listed change that the published figures do not show")


def not_at_random(truth: Mapping[Cell, tuple[int, int]], counts: Counts) -> Iterator[Finding]:
    """A remainder that always goes the same way tells what was rounded: then a published value stands for fewer counts."""
    ways: dict[tuple[int, int], Counter[bool]] = defaultdict(Counter)
    for cell, value, base, low in zip(counts.cells, counts.value, counts.base, counts.system.low, strict=True):
        if cell in truth and not np.isnan(value) and truth[cell][0] % base and low > 0:
            ways[int(base), truth[cell][0] % int(base)][value > truth[cell][0]] += 1
    for (base, rest), way in sorted(ways.items()):
        if way.total() >= ENOUGH_DRAWS and len(way) == 1:
            yield Finding(
                "rounding", None, f"a remainder of {rest} to base {base} always goes {'up' if way[True] else 'down'}"
            )


def attack_by_likelihood(counts: Counts, expected: Mapping[Cell, float]) -> tuple[list[Finding], float, float]:
    """The posterior of each count behind a value of 0 or one base, from what published margins let expect.

    Returns findings (one exact value of 1 to k-1 likelier than `LIKELY`), the greatest such posterior, and the share of
    cells of which 1 to k-1 together are likelier than `NEAR_CERTAIN`.
    """
    found: list[Finding] = []
    greatest, near_certain, looked = 0.0, 0, 0
    for number, (cell, value) in enumerate(zip(counts.cells, counts.value, strict=True)):
        base, k = int(counts.base[number]), int(counts.k[number])
        is_drawn = counts.system.high[number] - counts.system.low[number] < 2 * base
        if np.isnan(value) or value > base or cell not in expected or not is_drawn:
            continue
        looked += 1
        mean = max(expected[cell], 1e-3)
        low, high = int(counts.system.low[number]), int(counts.system.high[number])
        weights = {x: _prior(x, mean) * _chance(x, int(value), base) for x in range(low, high + 1)}
        total = sum(weights.values()) or 1.0
        sensitive = [weights.get(x, 0.0) / total for x in range(1, k)]
        greatest = max(greatest, *sensitive)
        near_certain += sum(sensitive) > NEAR_CERTAIN
        if max(sensitive) > LIKELY:
            found.append(Finding("likelihood", cell, f"one value has a posterior of {max(sensitive):.2f}"))
    return found, float(greatest), float(near_certain / max(looked, 1))


def _prior(count: int, mean: float) -> float:
    """How likely a count is: half as events that keep to their mean (Poisson), half as places that differ (geometric)."""
    poisson = math.exp(-mean + count * math.log(mean) - math.lgamma(count + 1))
    return (poisson + (mean / (1 + mean)) ** count / (1 + mean)) / 2


def _chance(count: int, published: int, base: int) -> float:
    """With which chance a count is published as this value."""
    below, rest = divmod(count, base)
    return {base * below: 1 - rest / base, base * (below + 1): rest / base}.get(published, 0.0)


def attack_by_reconstruction(counts: Counts, truth: Mapping[Cell, tuple[int, int]]) -> tuple[float, float, int]:
    """E: the counts nearest to all published values that fulfil all relations (least squares).

    Returns how many sensitive cells of which it names the very count, the share that the best constant guess names, and
    how many there are.
    """
    known = ~np.isnan(counts.value)
    sensitive = np.array(
        [cell in truth and 1 <= truth[cell][0] < k for cell, k in zip(counts.cells, counts.k, strict=True)]
    )
    looked = np.flatnonzero(sensitive & known)
    if not len(looked):
        return 0.0, 0.0, 0
    identity = eye_array(len(counts.cells), format="csr")[np.flatnonzero(known)]
    matrix = vstack([identity, WEIGHT_OF_RELATIONS * counts.system.matrix], format="csr")
    right = np.concatenate([counts.value[known], np.zeros(len(counts.system.rows))])
    solved = np.clip(np.rint(lsqr(matrix, right, atol=1e-8, btol=1e-8, iter_lim=2000)[0]), 0, None)
    real = np.array([truth[counts.cells[place]][0] for place in looked])
    constant = Counter(real.tolist()).most_common(1)[0][1] / len(looked)
    return float((solved[looked] == real).mean()), constant, len(looked)


def expected_counts(counts: Counts) -> dict[Cell, float]:
    """How many cases published margins let expect: of a category its share times its total, else an equal part of a whole."""
    value = {cell: v for cell, v in zip(counts.cells, counts.value, strict=True) if not np.isnan(v)}
    whole_of: dict[Cell, tuple[Cell, int]] = {}
    for whole, parts in counts.system.rows:
        for part in parts:
            if counts.cells[whole] in value:
                whole_of[counts.cells[part]] = (counts.cells[whole], len(parts))
    shares: dict[tuple[str, str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for cell, v in value.items():
        if len(cell[4]) == 4 and (cell[1] != TOTAL or "-" in cell[0]):
            total = value.get(_total_of(cell))
            if total:
                sums = shares[cell[0], cell[1], cell[2], cell[4]]
                sums[0], sums[1] = sums[0] + v, sums[1] + total
    found = {}
    for cell in value:
        margin = shares.get((cell[0], cell[1], cell[2], cell[4][:4]))
        total = value.get(_total_of(cell))
        if margin and margin[1] and total and _total_of(cell) != cell:
            found[cell] = total * margin[0] / margin[1]
        elif cell in whole_of:
            whole, size = whole_of[cell]
            found[cell] = value[whole] / size
    return found


def _total_of(cell: Cell) -> Cell:
    return (cell[0].partition("-")[0], *((TOTAL, TOTAL) if cell[1] != DAYS else cell[1:3]), *cell[3:])


def in_time(seconds: float) -> float:
    """The deadline of an attack that may take so many seconds of the processor, however many others are waiting for it."""
    return time.process_time() + seconds
