"""Published values of the cells of one measure and table: which are drawn, which are sums of others, which are not shown.

What is decided here looks at drawn values only, never at counts:

- The total of an area and year is drawn by its own key. Its parts (quarters, months, categories, areas below) are shown
  where it is published as at least the table's floor; where it is published as 0 they are 0 too, and where it lies between
  they are not shown. So is a stock at the end of a quarter or year, of the areas below it.
- A year that is not over has no total yet. Its parts are judged by the last year that has one; where an area has none, only
  the uppermost area's are shown.
- A part that published margins let expect less than `thinnest` times is not shown: a base in it would say one.
- A 0 of persons is not shown, and no sum that it would be a part of: it would be read as none.
- A roll-up of shown parts is drawn by its own key where they add up to the floor, else it is their sum. A small roll-up drawn
  by itself proves what its parts are: 0 above a part of 5 says that the part is 1 to 4. Which of the two a roll-up is its
  published parts say by themselves, so that intervals made of `low` and `high` tell nothing more.
- What an earlier release has published of a cell stands until k cases in it have changed, draw or sum, or is not shown.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from pipelines.catalogue import PublicTable
from pipelines.catalogue.publication import SHORTEST_FIRST

LOWEST_FIRST = ("township", "district", "city", "province")
Origin = Literal["drawn", "sum", "zero", "hidden"]
Openness = Literal["open", "closed", "zero"]


class Place(NamedTuple):
    """A cell of one measure: an area, a period, and a category of one breakdown."""

    area: str
    period: str
    category: str


class Published(NamedTuple):
    """What is published of a cell: `value` (None: not shown) and the counts it may stand for, `low` to `high`."""

    value: int | None
    low: int
    high: int | None
    origin: Origin


HIDDEN = Published(None, 0, None, "hidden")


@dataclass(frozen=True)
class Lattice:
    """The cells of one measure in one table, and how they are parts of each other.

    `drawn`: each cell's value drawn by its own key. `level`, `kind`: of areas and periods. `areas_below`: the areas next
    below an area; `periods_in`: the shortest declared periods next below a period, none of a stock. `is_of_persons`: a 0 of
    it is not shown. `standing`: what an earlier release has published of cells that have not changed enough since.
    """

    table: PublicTable
    is_stock: bool
    drawn: Mapping[Place, int]
    level: Mapping[str, str]
    kind: Mapping[str, str]
    parent: Mapping[str, str | None]
    year_of: Mapping[str, str]
    quarter_of: Mapping[str, str]
    members: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    is_of_persons: bool = False
    standing: Mapping[Place, Published] = field(default_factory=dict)

    def shown(self, published: Published) -> Published:
        """A published value as it is shown."""
        return HIDDEN if self.is_of_persons and published.value == 0 else published

    def kept(self, place: Place, by_rule: Published) -> Published:
        """What the rules say of a cell, but where an earlier value stands that one; nothing where it would not be 0 as its whole."""
        before = self.standing.get(place, by_rule)
        if by_rule.value is None or (by_rule.origin == "zero" and before.value):
            return HIDDEN
        return before

    @cached_property
    def whole_years(self) -> tuple[str, ...]:
        return tuple(period for period, kind in self.kind.items() if kind == "year")

    def judged_by(self, year: str) -> str | None:
        """The year whose totals say what is shown of a year: itself, before it is over the last one that is."""
        return max((whole for whole in self.whole_years if whole <= year), default=None)

    def tilings(self, place: Place) -> Iterator[tuple[Place, ...]]:
        """The ways in which a cell is made of others of its table: by area, then by time."""
        below = [area for area in self.members.get(("area", place.area), ()) if self._has(area, place)]
        if below:
            yield tuple(Place(area, place.period, place.category) for area in below)
        shorter = [] if self.is_stock else self.members.get(("period", place.period), ())
        parts = tuple(Place(place.area, period, place.category) for period in shorter)
        parts = tuple(part for part in parts if part in self.drawn)
        if parts:
            yield parts

    def _has(self, area: str, place: Place) -> bool:
        return Place(area, place.period, place.category) in self.drawn

    def in_order(self) -> list[Place]:
        """All cells, parts before what they are parts of."""
        return sorted(
            self.drawn, key=lambda p: (LOWEST_FIRST.index(self.level[p.area]), _shortness(self.kind[p.period]), p)
        )


def _shortness(kind: str) -> int:
    return SHORTEST_FIRST.index(kind)  # type: ignore[arg-type]


def compatible(value: int, base: int, origin: Origin = "drawn") -> Published:
    """A value that was drawn, with the counts it may stand for."""
    return Published(value, max(0, value - base + 1), value + base - 1, origin)


def openness(lattice: Lattice, dropped: Collection[tuple[str | None, str]] = ()) -> dict[tuple[str, str], Openness]:
    """(area, period) of the totals that others are parts of -> whether the parts are shown; from the top down.

    Of what adds up over time these are the years, of stocks all periods. `dropped`: (area, year) of which no part is.
    """
    found: dict[tuple[str, str], Openness] = {}
    for place in reversed(lattice.in_order()):
        whole = place if lattice.is_stock else place._replace(period=lattice.year_of[place.period])
        if (whole.area, whole.period) in found:
            continue
        above = _openness_above(lattice, whole, found)
        if above == "open":
            above = "closed" if _is_dropped(lattice, place, dropped) else _by_its_total(lattice, whole)
        found[whole.area, whole.period] = above
    return found


def _by_its_total(lattice: Lattice, whole: Place) -> Openness:
    own = lattice.drawn.get(whole)
    if own is not None:
        return "zero" if own == 0 else "open" if own >= lattice.table.floor else "closed"
    judge = lattice.judged_by(whole.period)
    earlier = None if judge is None else lattice.drawn.get(whole._replace(period=judge))
    if earlier is None:
        return "closed" if lattice.parent[whole.area] else "open"
    return "open" if earlier >= lattice.table.floor else "closed"


def _is_dropped(lattice: Lattice, place: Place, dropped: Collection[tuple[str | None, str]]) -> bool:
    year = lattice.year_of[place.period]
    return (place.area, year) in dropped or (None, year) in dropped


def _openness_above(lattice: Lattice, place: Place, found: Mapping[tuple[str, str], Openness]) -> Openness:
    parent = lattice.parent[place.area]
    while parent is not None and (parent, place.period) not in found:
        parent = lattice.parent.get(parent)
    return "open" if parent is None else found[parent, place.period]


def published_totals(
    lattice: Lattice, opened: Mapping[tuple[str, str], Openness], dropped: Collection[tuple[str | None, str]] = ()
) -> dict[Place, Published]:
    """The totals: those that others are parts of as drawn, their parts by the rules above.

    `dropped`: (area, year) of which no part is shown; of a year that is dropped everywhere (None) no total is either.
    """
    found: dict[Place, Published] = {}
    base = lattice.table.base
    for place in lattice.in_order():
        year = lattice.year_of[place.period]
        own = (place.area, place.period if lattice.is_stock else year)
        if lattice.is_stock or lattice.kind[place.period] == "year":
            above = "closed" if (None, year) in dropped else _openness_above(lattice, place, opened)
            drawn = compatible(lattice.drawn[place], base)
            by_rule = lattice.shown({"open": drawn, "zero": compatible(0, base, "zero"), "closed": HIDDEN}[above])
        elif opened[own] == "open":
            by_rule = rolled_up(lattice, place, found)
        else:
            by_rule = lattice.shown(compatible(0, base, "zero")) if opened[own] == "zero" else HIDDEN
        found[place] = lattice.kept(place, by_rule)
    return found


def published_parts(
    lattice: Lattice,
    opened: Mapping[tuple[str, str], Openness],
    expected: Callable[[Place], float],
    thinnest: float,
    dropped: Collection[tuple[str | None, str]] = (),
    dropped_categories: Collection[tuple[str | None, str, str]] = (),
) -> dict[Place, Published]:
    """The categories of a breakdown, or the rest of a measure within another: shown where the total is open.

    `expected`: how many cases published margins let expect in a cell. `dropped`: (area, year) of which none is shown;
    `dropped_categories`: (area, year, category) of which none is.
    """
    found: dict[Place, Published] = {}
    for place in lattice.in_order():
        state = opened.get((place.area, place.period if lattice.is_stock else lattice.year_of[place.period]), "closed")
        if state == "zero":
            by_rule = lattice.shown(compatible(0, lattice.table.base, "zero"))
        elif (
            state == "closed"
            or _is_dropped(lattice, place, dropped)
            or (place.area, lattice.year_of[place.period], place.category) in dropped_categories
            or expected(place) < thinnest
        ):
            by_rule = HIDDEN
        else:
            by_rule = rolled_up(lattice, place, found)
        found[place] = lattice.kept(place, by_rule)
    return found


def rolled_up(lattice: Lattice, place: Place, found: Mapping[Place, Published]) -> Published:
    """A cell by its parts: drawn where it has none that is shown or they are many, their sum where they are few."""
    own, floor = compatible(lattice.drawn[place], lattice.table.base), lattice.table.floor
    tilings = [[found[part] for part in parts] for parts in lattice.tilings(place)]
    shown = [parts for parts in tilings if any(part.value is not None and part.origin != "zero" for part in parts)]
    whole = [parts for parts in shown if all(part.value is not None for part in parts)]
    few = next((parts for parts in whole if sum(part.value or 0 for part in parts) < floor), None)
    if few is not None:
        return added(few)
    if whole or not shown:
        return lattice.shown(own)
    return own if lattice.drawn[place] >= floor else HIDDEN


def added(parts: Iterable[Published]) -> Published:
    """The sum of published values; not shown where one of them is not."""
    parts = list(parts)
    if any(part.value is None or part.high is None for part in parts):
        return HIDDEN
    sums = [sum(getattr(part, name) for part in parts) for name in ("value", "low", "high")]
    return Published(sums[0], sums[1], sums[2], "sum")


def year_totals(lattice: Lattice) -> dict[str, dict[str, int]]:
    """Year -> category -> drawn value of the uppermost areas together: the margins that `expected` is made of."""
    top: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for place, value in lattice.drawn.items():
        if lattice.kind[place.period] == "year" and lattice.parent[place.area] is None:
            top[place.period][place.category] += value
    return top
