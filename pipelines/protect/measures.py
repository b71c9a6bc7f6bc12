"""`measures_public`: what is published of every declared cell, from the exact cells and the never-rotated secret."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.catalogue import PublicationPlan, PublicTable, measures
from pipelines.catalogue.publication import COUNTED_PERSONS, DAYS
from pipelines.protect.drawing import KEY_SPACE, rounded_at_random
from pipelines.protect.exact import TOTAL
from pipelines.protect.values import (
    HIDDEN,
    Lattice,
    Openness,
    Place,
    Published,
    added,
    openness,
    published_parts,
    published_totals,
    year_totals,
)
from pipelines.protect.vintages import Cell, Drawn, Vintages

SCHEMA = {
    "table_id": pl.String,
    "measure": pl.String,
    "breakdown": pl.String,
    "category": pl.String,
    "area_code": pl.String,
    "area_level": pl.String,
    "period": pl.String,
    "period_kind": pl.String,
    "value": pl.Int64,
    "low": pl.Int64,
    "high": pl.Int64,
    "origin": pl.String,
}


def rest_of(part: str, whole: str) -> str:
    """What is drawn of a measure within another: the name of the rest."""
    return f"{whole}-{part}"


@dataclass(frozen=True)
class Protected:
    """`published`: what may be published of every declared cell, the columns of `SCHEMA`, sorted; `value` null where it is
    not shown. `drawn`: what each cell was drawn from, never to be published; so of cells of earlier releases that the plan has
    no more.

    Rows of a rest (`whole-part`) stand beside those of its part: they are what was drawn. `low` and `high`: the counts a
    value may stand for. `origin`: drawn, sum (of published cells), zero (part of a published 0), hidden, or absent where
    nobody has reported.
    """

    published: pl.DataFrame
    drawn: Mapping[Cell, Drawn]


Dropped = tuple[str, str | None, str, str | None]  # table, area (None: all), year, category (None: all)


def published_measures(
    plan: PublicationPlan,
    cells: pl.DataFrame,
    parents: Mapping[str, str | None],
    secret: bytes,
    vintages: Vintages,
    dropped: Collection[Dropped] = (),
) -> Protected:
    """What is published of the plan's cells.

    `cells`: those of `exact_cells`. `parents`: the area above each area, none above the uppermost. `dropped`: of which
    tables nothing, or one category not, is shown in an area and year.
    """
    absent = cells.filter(~pl.col("is_reported"))
    cells = cells.filter(pl.col("is_reported"))
    draws = draws_of(plan, cells, secret, vintages)
    lattices = {(t, m): lattice for t, m, lattice in _lattices(plan, cells, draws, parents)}
    totals = {m: key for key in lattices if _is_total(plan.tables[key[0]], m := key[1])}
    opened = {m: openness(lattices[key], _dropped_of(key[0], dropped)) for m, key in totals.items()}
    found = {key: published_totals(lattices[key], opened[m], _dropped_of(key[0], dropped)) for m, key in totals.items()}
    for key in lattices.keys() - found.keys():
        whole = lattices.get(totals.get(key[1].partition("-")[0], key), lattices[key])
        states = _open_days(plan, lattices[key]) if whole is lattices[key] else opened[key[1].partition("-")[0]]
        expected = _expected(lattices[key], whole)
        closed, parts = _dropped_of(key[0], dropped), _categories_dropped_of(key[0], dropped)
        found[key] = published_parts(lattices[key], states, expected, plan.thinnest, closed, parts)
    remembered = _with_what_was_published(plan, {**vintages.standing, **draws}, found)
    for part, whole_measure in plan.within.items():
        for table in [t for t, m in found if m == whole_measure and (t, rest_of(part, whole_measure)) in found]:
            found[table, part] = _part(found[table, whole_measure], found[table, rest_of(part, whole_measure)])
    rows = pl.concat([_frame(plan, lattices, found), _not_reported(absent)])
    return Protected(rows.sort(list(SCHEMA)[:7]), remembered)


def _with_what_was_published(
    plan: PublicationPlan,
    draws: Mapping[Cell, Drawn],
    found: Mapping[tuple[str, str], Mapping[Place, Published]],
) -> dict[Cell, Drawn]:
    """The draws, each with what is published of its cell, or of a cell that is not shown now what was before."""
    kept = dict(draws)
    for (table, measure), cells in found.items():
        breakdown = plan.tables[table].breakdown or TOTAL
        for (area, period, category), published in cells.items():
            cell = (measure, breakdown, category, area, period)
            if published.value is not None:
                kept[cell] = Drawn(*draws[cell][:4], *published)
    return kept


def _is_total(table: PublicTable, measure: str) -> bool:
    return table.breakdown is None and "-" not in measure


def _dropped_of(table: str, dropped: Collection[Dropped]) -> set[tuple[str | None, str]]:
    return {(area, year) for name, area, year, category in dropped if name == table and category is None}


def _categories_dropped_of(table: str, dropped: Collection[Dropped]) -> set[tuple[str | None, str, str]]:
    return {(area, year, category) for name, area, year, category in dropped if name == table and category is not None}


def _open_days(plan: PublicationPlan, lattice: Lattice) -> dict[tuple[str, str], Openness]:
    """Areas and years of which enough cases are published in bands of days together."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for place, value in lattice.drawn.items():
        sums[place.area, place.period] += value
    return {key: "open" if total >= plan.days.smallest else "closed" for key, total in sums.items()}


def _expected(lattice: Lattice, whole: Lattice) -> Callable[[Place], float]:
    """How many cases published margins let expect in a cell: its share of the uppermost areas' year, of its area's total.

    The total is that of the period, or an equal part of the year's where that is less; the year is the last that is over.
    """
    shares, wholes = year_totals(lattice), year_totals(whole)
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for place, value in whole.drawn.items():
        totals[place.area, place.period] += value

    def expected(place: Place) -> float:
        year = lattice.judged_by(lattice.year_of[place.period]) or ""
        share = shares[year][place.category] / max(sum(wholes[year].values()), 1)
        parts = {"month": 12, "quarter": 4, "year": 1}[lattice.kind[place.period]]
        own = totals.get((place.area, place.period), 0)
        of_year = own if lattice.is_stock else totals.get((place.area, year), 0) / parts
        return min(own, of_year) * share

    return expected


def _part(whole: Mapping[Place, Published], rest: Mapping[Place, Published]) -> dict[Place, Published]:
    """A measure within another: the whole less the rest."""
    return {place: _less(whole[place], drawn) for place, drawn in rest.items()}


def _less(whole: Published, rest: Published) -> Published:
    if whole.value is None or rest.value is None or whole.high is None or rest.high is None:
        return HIDDEN
    value = max(whole.value - rest.value, 0)
    return Published(value, max(0, whole.low - rest.high), max(0, whole.high - rest.low), "sum")


def draws_of(plan: PublicationPlan, cells: pl.DataFrame, secret: bytes, vintages: Vintages) -> dict[Cell, Drawn]:
    """What is drawn of each cell: where an earlier draw stands, that one."""
    found: dict[Cell, Drawn] = {}
    for table, measure, rows in _counted(plan, cells):
        columns = rows.select("breakdown", "category", "area_code", "period", "value", "cell_key").iter_rows()
        for breakdown, category, area, period, count, key in columns:
            cell = (measure, breakdown, category, area, period)
            key %= KEY_SPACE
            found[cell] = vintages.stands(cell, count, table.k) or Drawn(
                count, key, rounded_at_random(count, key, measure, table.base, secret), vintages.is_final(period)
            )
    return found


def _counted(plan: PublicationPlan, cells: pl.DataFrame) -> Iterator[tuple[PublicTable, str, pl.DataFrame]]:
    """Table, measure (or rest) and its exact cells; the part of a whole stands as its rest only."""
    for (table_id,), rows in cells.group_by(["table_id"], maintain_order=True):
        table = plan.tables[str(table_id)]
        for (measure,), of_measure in rows.group_by(["measure"], maintain_order=True):
            whole = plan.within.get(str(measure))
            if whole in table.measures:
                rest = _rest(rows.filter(pl.col("measure") == whole), of_measure)
                yield table, rest_of(str(measure), str(whole)), rest
            else:
                yield table, str(measure), of_measure


def _lattices(
    plan: PublicationPlan, cells: pl.DataFrame, draws: Mapping[Cell, Drawn], parents: Mapping[str, str | None]
) -> Iterator[tuple[str, str, Lattice]]:
    """Table, measure (or rest) and lattice."""
    for table, measure, rows in _counted(plan, cells):
        yield table.id, measure, _lattice(table, measure, rows, draws, parents)


def _rest(whole: pl.DataFrame, part: pl.DataFrame) -> pl.DataFrame:
    """The cells of a whole less those of its part: counts and keys."""
    keys = ["area_code", "period", "category"]
    both = whole.join(part.select(*keys, "value", "cell_key"), on=keys, suffix="_of_part")
    # keys are under 2^63, so a difference fits; it is taken modulo 2^63 where it is drawn
    return both.with_columns(pl.col("value") - pl.col("value_of_part"), pl.col("cell_key") - pl.col("cell_key_of_part"))


def _lattice(
    table: PublicTable,
    measure: str,
    rows: pl.DataFrame,
    draws: Mapping[Cell, Drawn],
    parents: Mapping[str, str | None],
) -> Lattice:
    breakdown = table.breakdown or TOTAL
    own = {
        Place(area, period, category): draws[measure, breakdown, category, area, period]
        for area, period, category in rows.select("area_code", "period", "category").iter_rows()
    }
    standing = {
        place: Published(d.published, d.low, d.high, d.origin)  # type: ignore[arg-type]
        for place, d in own.items()
        if d.published is not None and d.low is not None
    }
    levels = dict(rows.select("area_code", "area_level").unique().iter_rows())
    spans = rows.select("period", "period_kind", "first_month").unique().sort("first_month")
    nearest = {area: _nearest(area, levels, parents) for area in levels}
    members: dict[tuple[str, str], list[str]] = {}
    for area, parent in sorted(nearest.items()):
        if parent is not None:
            members.setdefault(("area", parent), []).append(area)
    kinds = {period: kind for period, kind, _ in spans.iter_rows()}
    year_of = {period: str(first.year) for period, _, first in spans.iter_rows()}
    quarter_of = {period: f"{first.year}-Q{(first.month + 2) // 3}" for period, _, first in spans.iter_rows()}
    for period, kind in kinds.items():
        longer = {"month": quarter_of[period], "quarter": year_of[period]}.get(kind)
        if longer is not None:
            members.setdefault(("period", longer), []).append(period)
    return Lattice(
        table,
        rows["over_time"][0] == "last",
        {place: of_cell.value for place, of_cell in own.items()},
        levels,
        kinds,
        nearest,
        year_of,
        quarter_of,
        {key: tuple(value) for key, value in members.items()},
        measures()[measure.partition("-")[0]].unit in COUNTED_PERSONS,
        standing,
    )


def _nearest(area: str, levels: Mapping[str, str], parents: Mapping[str, str | None]) -> str | None:
    """The nearest area above that the table has."""
    parent = parents.get(area)
    while parent is not None and parent not in levels:
        parent = parents.get(parent)
    return parent


def _frame(
    plan: PublicationPlan,
    lattices: Mapping[tuple[str, str], Lattice],
    found: Mapping[tuple[str, str], Mapping[Place, Published]],
) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for (table_id, measure), cells in found.items():
        table = plan.tables[table_id]
        lattice = lattices.get((table_id, measure)) or lattices[table_id, rest_of(measure, plan.within[measure])]
        derived = {} if table.breakdown == DAYS else tiled(lattice, cells)
        kinds = {**lattice.kind, **dict(_derived_kinds(derived))}
        for place, published in {**cells, **derived}.items():
            where = (place.area, lattice.level[place.area], place.period, kinds[place.period])
            rows.append((table_id, measure, table.breakdown or TOTAL, place.category, *where, *published))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _not_reported(cells: pl.DataFrame) -> pl.DataFrame:
    """Declared cells of which nobody has reported: rows like all others, without a value."""
    missing: list[pl.Expr] = [pl.lit(None, SCHEMA[name]).alias(name) for name in ("value", "low", "high")]
    return cells.with_columns(*missing, pl.lit("absent").alias("origin")).select(list(SCHEMA))


def _derived_kinds(derived: Mapping[Place, Published]) -> Iterator[tuple[str, str]]:
    for place in derived:
        yield place.period, "half_year" if "-H" in place.period else "year_to_date"


def tiled(lattice: Lattice, cells: Mapping[Place, Published]) -> dict[Place, Published]:
    """Half-years and cumulatives as sums of published cells by the one coarsest tiling: years, then quarters, then months.

    Of a stock they are its last cell. A period of which a piece is not declared has none.
    """
    found: dict[Place, Published] = {}
    tilings = {year: _tilings_of(year) for year in sorted(set(lattice.year_of.values()))}
    bases = dict.fromkeys((place.area, place.category, lattice.year_of[place.period]) for place in cells)
    for area, category, year in bases:
        for period, pieces in tilings[year].items():
            wanted = [Place(area, piece, category) for piece in (pieces[-1:] if lattice.is_stock else pieces)]
            if all(place in cells for place in wanted):
                one = cells[wanted[0]]
                found[Place(area, period, category)] = one if len(wanted) == 1 else added(cells[p] for p in wanted)
    return found


def _tilings_of(year: str) -> dict[str, tuple[str, ...]]:
    """Half-years and cumulatives of a year -> the periods they are made of."""
    quarters = tuple(f"{year}-Q{q}" for q in range(1, 5))
    found = {f"{year}-H1": quarters[:2], f"{year}-H2": quarters[2:], f"{year}-01..{year}-12": (year,)}
    for month in range(1, 12):
        full, rest = divmod(month, 3)
        months = tuple(f"{year}-{m:02d}" for m in range(3 * full + 1, 3 * full + 1 + rest))
        found[f"{year}-01..{year}-{month:02d}"] = (*quarters[:full], *months)
    return found
