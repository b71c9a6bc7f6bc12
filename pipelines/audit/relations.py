"""The linear relations between published counts, as anybody knows them: parts and wholes over areas, time and categories."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl

from pipelines.audit.bounds import UNBOUNDED, System
from pipelines.audit.bundle import CELL, TOTAL
from pipelines.catalogue import PublicationPlan, measures
from pipelines.catalogue.publication import COUNTED_PERSONS, DAYS
from pipelines.periods import months_of

Cell = tuple[str, str, str, str, str]  # measure, breakdown, category, area, period
Range = tuple[float, float]
LEVELS = ("township", "district", "city", "province")


class Said(NamedTuple):
    """What a release has said of a cell: the bounds of its count, and its value."""

    low: float
    high: float
    value: int | None


@dataclass(frozen=True)
class Counts:
    """The unknown counts behind published cells: their places, values (nan: not shown), bases, and what is known of them.

    `standing`: places whose value an earlier release has published: it was drawn from the count of then. `silent`: places in
    tables of which nothing is shown, where others have published something. `told`: bounds by place that others or earlier releases have
    published, whatever this one shows.
    """

    cells: tuple[Cell, ...]
    value: np.ndarray
    base: np.ndarray
    k: np.ndarray
    system: System
    standing: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()
    told: Mapping[int, Range] = field(default_factory=dict)


def counts_of(
    cells: pl.DataFrame,
    plan: PublicationPlan,
    within: Iterable[tuple[str, str]] = (),
    outside: Mapping[Cell, Range] | None = None,
    earlier: Mapping[Cell, Said] | None = None,
) -> Counts:
    """The unknown counts of a bundle's cells (rests among them) and all that is known of them.

    `within`: (part, whole) of measures that are both published though one lies within the other: the same cases have the
    same value, so where the values differ the rest is at least one. `outside`: bounds of counts that others have published.
    `earlier`: what earlier releases have said of cells; it holds where this one says nothing of them.
    """
    outside, earlier = outside or {}, earlier or {}
    absent: set[Cell] = set(cells.filter(~pl.col("is_reported")).select(CELL).iter_rows())  # type: ignore[arg-type]
    cells = cells.filter(pl.col("is_reported"))
    values: dict[Cell, int | None] = {tuple(row[:5]): row[5] for row in cells.select(*CELL, "value").iter_rows()}  # type: ignore[misc]
    kind = dict(cells.select("period", "period_kind").unique().iter_rows())
    parent, level = _parents(cells), dict(cells.select("area_code", "area_level").unique().iter_rows())
    values |= dict.fromkeys(_hidden_zeros(values, kind, parent, plan), 0)
    said = {cell for cell in (*outside, *earlier) if cell in values}
    sums = {cell for cell, value in values.items() if _is_sum_of_pieces(cell, value, values, kind)} - said
    blank = _blank(values, kind, said)
    silent = _blank(values, kind, earlier.keys()) - blank
    kept = sorted(cell for cell in values if cell not in sums and cell not in blank)
    rests = {
        (f"{whole}-{part}", *cell[1:]): cell
        for part, whole in within
        for cell in kept
        if cell[0] == part and (whole, *cell[1:]) in values
    }
    rows = list(_rows(set(kept), blank, absent, kind, parent))
    rows += [((rest[0].partition("-")[0], *cell[1:]), (cell, rest)) for rest, cell in rests.items()]
    names = sorted({*kept, *(cell for whole, parts in rows for cell in (whole, *parts))})
    place = {cell: number for number, cell in enumerate(names)}
    rules = {cell: _rule(cell, plan) for cell in names}
    tilings = defaultdict(list)
    for whole, parts in _rows(set(values) - sums, set(), absent, kind, parent):
        tilings[whole].append(parts)
    low, high = np.zeros(len(names)), np.full(len(names), UNBOUNDED)
    for cell, number in place.items():
        base, floor = rules[cell][0], rules[cell][2]
        sums_of = [
            parts
            for parts in tilings.get(cell, ())
            if _is_of_one_table(cell, parts[0], plan, level)
            and not all(_is_nought_with_its_total(part, values, parent) for part in parts)
        ]
        low[number], high[number] = _known(cell, values, base, floor, sums_of)
        if cell in rests:
            low[number] = float(values[rests[cell]] != values[(cell[0].partition("-")[0], *cell[1:])])
        if cell in earlier and (low[number], high[number]) == (0.0, UNBOUNDED):
            low[number], high[number] = earlier[cell].low, earlier[cell].high
        if cell in outside:
            least, most = max(low[number], outside[cell][0]), min(high[number], outside[cell][1])
            low[number], high[number] = (least, most) if least <= most else (low[number], high[number])
    return Counts(
        tuple(names),
        np.array([np.nan if values.get(cell) is None else values[cell] for cell in names], dtype=float),
        np.array([rules[cell][0] for cell in names]),
        np.array([rules[cell][1] for cell in names]),
        System(low, high, [(place[whole], [place[p] for p in parts]) for whole, parts in rows]),
        frozenset(
            place[cell] for cell, was in earlier.items() if cell in place and values.get(cell) in (None, was.value)
        ),
        frozenset(place[cell] for cell in silent if cell in place),
        {place[cell]: _told(cell, outside, earlier) for cell in said if cell in place},
    )


def _told(cell: Cell, outside: Mapping[Cell, Range], earlier: Mapping[Cell, Said]) -> Range:
    low, high = earlier[cell][:2] if cell in earlier else (0.0, UNBOUNDED)
    least, most = outside.get(cell, (low, high))
    return (max(low, least), min(high, most)) if max(low, least) <= min(high, most) else (least, most)


def said_by(counts: Counts) -> dict[Cell, Said]:
    """What the values of a release say of its cells by themselves, where they say anything."""
    low, high = counts.system.low, counts.system.high
    return {
        cell: Said(float(low[place]), float(high[place]), None if np.isnan(value) else int(value))
        for place, (cell, value) in enumerate(zip(counts.cells, counts.value, strict=True))
        if ":" not in cell[0] + cell[3] and (low[place], high[place]) != (0.0, UNBOUNDED)
    }


def _hidden_zeros(
    values: Mapping[Cell, int | None], kind: Mapping[str, str], parent: Mapping[str, str], plan: PublicationPlan
) -> list[Cell]:
    """Cells of persons that are not shown though the rules would show any other value: everybody knows them to be 0.

    Not where nothing beside them is shown: then something else may have hidden them.
    """
    beside: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    above = set(parent.values())
    for cell in values:
        measure, breakdown, _, area, period = cell
        if breakdown != TOTAL or kind[period] not in ("month", "quarter", "year") or not _is_of_persons(measure):
            continue
        if len(period) == 4 or _is_stock(measure):
            opens = (*cell[:3], parent[area], period) if area in parent else None
        elif area in above:
            continue
        else:
            opens = (*cell[:4], period[:4])
        if opens is None or (values.get(opens) or 0) >= _rule(cell, plan)[2]:
            beside[opens or (measure, period)].append(cell)
    return [
        cell for cells in beside.values() if any(values[c] for c in cells) for cell in cells if values[cell] is None
    ]


def _is_of_persons(measure: str) -> bool:
    return "-" not in measure and measures()[measure].unit in COUNTED_PERSONS


def _blank(values: Mapping[Cell, int | None], kind: Mapping[str, str], said: Set[Cell]) -> set[Cell]:
    """Parts of an area's year of which none is shown, or of which all are 0 as their total is, and nothing is `said` elsewhere.

    They say nothing that their total does not say; in the relations of the areas above one unknown stands for all of them,
    which leaves the same counts possible (a table with given margins can always be filled).
    """
    blocks: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in values:
        if not _is_year_total(cell) and kind[cell[4]] in ("month", "quarter", "year"):
            blocks[cell[0], cell[1], cell[3], cell[4][:4]].append(cell)
    found: set[Cell] = set()
    for (measure, _, area, year), cells in blocks.items():
        total = values.get((measure.partition("-")[0], TOTAL, TOTAL, area, year))
        held = {values[cell] for cell in cells}
        if (held == {None} or (held == {0} and total == 0)) and said.isdisjoint(cells):
            found.update(cells)
    return found


def _rule(cell: Cell, plan: PublicationPlan) -> tuple[int, int, int]:
    """Base, k and floor of a cell's table."""
    measure, breakdown = cell[0].partition("-")[0], cell[1]
    for table in plan.tables.values():
        if measure in table.measures and (table.breakdown or TOTAL) == breakdown:
            return table.base, table.k, table.floor
    of_measure = next((t for t in plan.tables.values() if measure in t.measures), next(iter(plan.tables.values())))
    return of_measure.base, of_measure.k, of_measure.floor


def _known(
    cell: Cell, values: Mapping[Cell, int | None], base: int, floor: int, tilings: Iterable[tuple[Cell, ...]]
) -> tuple[float, float]:
    """What a published value says by itself: nothing where it is the sum of shown parts, itself where it was not rounded."""
    value = values.get(cell)
    if value is None:
        return 0.0, UNBOUNDED
    if value % base:
        return float(value), float(value)
    if 0 <= value < floor and not _is_year_total(cell):
        for parts in tilings:
            shown = [values.get(part) for part in parts]
            if None not in shown and sum(v or 0 for v in shown) == value:
                return 0.0, UNBOUNDED
    if value < 0:
        return 1.0, float(base - 1)  # a part that exceeds its whole: less than a step lies between them
    return float(max(0, value - base + 1)), float(value + base - 1)


def _is_of_one_table(whole: Cell, part: Cell, plan: PublicationPlan, level: Mapping[str, str]) -> bool:
    """Whether a part stands in the table of its whole, by a lower area or a shorter period: of others no value is added up."""
    if whole[:3] != part[:3]:
        return False
    levels = {level.get(whole[3]), level.get(part[3])}
    measure = whole[0].partition("-")[0]
    return any(
        measure in table.measures and (table.breakdown or TOTAL) == whole[1] and levels <= table.levels.keys()
        for table in plan.tables.values()
    )


def _is_nought_with_its_total(cell: Cell, values: Mapping[Cell, int | None], parent: Mapping[str, str]) -> bool:
    """Whether a cell is 0 only because a total that it is a part of is published as 0: no roll-up is made of such parts."""
    measure = cell[0].partition("-")[0]
    period = cell[4] if _is_stock(measure) else cell[4][:4]
    total, area = (measure, TOTAL, TOTAL, cell[3], period), cell[3]
    above = parent.get(area) if cell == total else area
    while above is not None:
        if values.get((measure, TOTAL, TOTAL, above, period)) == 0:
            return True
        above = parent.get(above)
    return False


def _is_year_total(cell: Cell) -> bool:
    return cell[1] == TOTAL and "-" not in cell[0] and len(cell[4]) == 4


def _parents(cells: pl.DataFrame) -> dict[str, str]:
    """The nearest area above that has cells."""
    above = dict(cells.select("area_code", "parent_code").unique().iter_rows())
    return {area: parent for area, parent in above.items() if parent in above}


def _rows(
    kept: set[Cell], blank: set[Cell], absent: set[Cell], kind: Mapping[str, str], parent: Mapping[str, str]
) -> Iterator[tuple[Cell, tuple[Cell, ...]]]:
    """(whole, parts) of areas, of time, of categories, of rests, and of regrouped totals with their pieces."""
    by_area, by_time, by_category = defaultdict(list), defaultdict(list), defaultdict(list)
    for cell in sorted(kept):
        measure, breakdown, category, area, period = cell
        if area in parent:
            by_area[measure, breakdown, category, parent[area], period].append(cell)
        for longer in _longer(period, kind[period], _is_stock(measure)):
            by_time[measure, breakdown, category, area, longer].append(cell)
        if breakdown not in (TOTAL, DAYS):
            by_category[measure, TOTAL, TOTAL, area, period, breakdown].append(cell)
    unseen = {(*cell[:3], parent[cell[3]], cell[4]) for cell in blank if cell[3] in parent}
    for whole, parts in by_area.items():
        if whole in kept:
            others = [(*whole[:3], f"{whole[3]}:others", whole[4])] if whole in unseen else []
            yield whole, (*parts, *others)
    yield from (
        (whole, tuple(parts))
        for whole, parts in by_time.items()
        if whole in kept and _is_full(whole, parts, absent, kind)
    )
    yield from ((key[:5], tuple(parts)) for key, parts in by_category.items() if key[:5] in kept)
    for cell in sorted(kept):
        whole = (cell[0].partition("-")[0], *cell[1:])
        if "-" in cell[0] and whole in kept:
            yield whole, (cell, (f"{cell[0]}:part", *cell[1:]))
    yield from _pieces(kept, kind)


def _is_stock(measure: str) -> bool:
    declared = measures().get(measure.partition("-")[0])
    return declared is not None and declared.over_time == "last"


def _longer(period: str, kind: str, is_stock: bool) -> Iterator[str]:
    """The longer periods that a month or quarter is a part of; of a stock those that it ends."""
    year, first = period[:4], months_of(period)[0]
    number = int(first[5:])
    if kind == "month" and (not is_stock or number % 3 == 0):
        yield f"{year}-Q{(number + 2) // 3}"
    if kind == "quarter" and (not is_stock or number == 10):
        yield year


def _is_full(whole: Cell, parts: list[Cell], absent: set[Cell], kind: Mapping[str, str]) -> bool:
    """Whether all quarters of a year, or all months of a quarter, are there or were not reported: else nothing adds up."""
    if _is_stock(whole[0]):
        return len(parts) == 1
    measure = whole[0].partition("-")[0]
    missing = sum((measure, *whole[1:4], period) in absent for period in _shorter(whole[4], kind[whole[4]]))
    return len(parts) + missing == {"year": 4, "quarter": 3}.get(kind[whole[4]], 0)


def _shorter(period: str, kind: str) -> tuple[str, ...]:
    """The quarters of a year, the months of a quarter."""
    if kind == "year":
        return tuple(f"{period}-Q{q}" for q in range(1, 5))
    year, last = period[:4], int(months_of(period)[1][5:])
    return tuple(f"{year}-{month:02d}" for month in range(last - 2, last + 1))


def _pieces(kept: set[Cell], kind: Mapping[str, str]) -> Iterator[tuple[Cell, tuple[Cell, ...]]]:
    """Half-years and cumulatives that are no sums of published cells, and the pieces they are made of."""
    for cell in sorted(kept):
        if kind.get(cell[4]) in ("half_year", "year_to_date"):
            pieces = tuple((*cell[:4], piece) for piece in tiling_of(cell[4], _is_stock(cell[0])))
            if all(piece in kept for piece in pieces):
                yield cell, pieces


def tiling_of(period: str, is_stock: bool) -> tuple[str, ...]:
    """The one coarsest tiling of a half-year or cumulative: its year, quarters and months; of a stock its last."""
    first, last = months_of(period)
    year, end = first[:4], int(last[5:])
    begin = int(first[5:])
    if (begin, end) == (1, 12):
        return (year,)
    quarters = tuple(f"{year}-Q{q}" for q in range((begin + 2) // 3, end // 3 + 1))
    months = tuple(f"{year}-{m:02d}" for m in range(3 * (end // 3) + 1, end + 1))
    return (quarters + months)[-1:] if is_stock else quarters + months


def _is_sum_of_pieces(
    cell: Cell, value: int | None, values: Mapping[Cell, int | None], kind: Mapping[str, str]
) -> bool:
    """Whether a half-year or cumulative says nothing that its published pieces do not say."""
    if kind.get(cell[4]) not in ("half_year", "year_to_date"):
        return False
    if value is None:
        return True
    pieces = [values.get((*cell[:4], piece)) for piece in tiling_of(cell[4], _is_stock(cell[0]))]
    return None not in pieces and sum(v or 0 for v in pieces) == value
