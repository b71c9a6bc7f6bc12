"""How the cells of a release add up, and how far the count behind each published value may lie from it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.outsider.folder import DAYS, PART, REST, WHOLE, Cell, Folder


@dataclass(frozen=True)
class Group:
    """Cells that add up to another. Of the kind `days` they need not fill it: some conclusions have no known duration."""

    kind: str
    parent: Cell
    children: tuple[Cell, ...]


def groups(folder: Folder, cells: Iterable[Cell]) -> list[Group]:
    """Every sum of published cells: months in quarters in years, areas in areas, categories in totals, part and rest in a whole.

    Of a stock the year is its last quarter. Public tables are dense, so that cells without a row count nothing.
    """
    children: dict[tuple[str, Cell], list[Cell]] = defaultdict(list)
    cells = list(cells)
    for cell in cells:
        for kind, parent in _parents(folder, cell):
            if parent in folder.shown:
                children[kind, parent].append(cell)
    found = []
    for (kind, parent), members in children.items():
        stock = kind == "time" and parent.measure in folder.stocks
        chosen = [max(members, key=lambda cell: cell.period)] if stock else members
        found.append(Group(kind, parent, tuple(chosen)))
    return found


def _parents(folder: Folder, cell: Cell) -> Iterator[tuple[str, Cell]]:
    year, _, rest = cell.period.partition("-")
    if rest:
        yield "time", cell._replace(period=year if rest[0] == "Q" else f"{year}-Q{(int(rest) + 2) // 3}")
    if cell.area in folder.parents:
        yield "area", cell._replace(area=folder.parents[cell.area])
    if cell.measure == DAYS:
        yield "days", Cell(WHOLE, cell.area, cell.period, "total", "total")
    elif cell.breakdown != "total":
        yield cell.breakdown, cell._replace(breakdown="total", category="total")
    if cell.measure in (PART, REST):
        yield "within", cell._replace(measure=WHOLE)


def slacks(
    folders: Sequence[Folder], found: Sequence[Sequence[Group]], cells: Collection[Cell], *, bold: bool
) -> list[dict[Cell, int]]:
    """By release and cell: how far the count behind a shown value may lie from it.

    A draw lies less than a base away. A value that a published sum of its parts agrees with, or whose parts are hidden, may
    be no draw but that sum, and the slacks of the parts add up; `bold` takes every value for a draw. A value that stood in
    the release before may be behind by fewer cases than the threshold, which is the base.
    """
    told: list[dict[Cell, int]] = []
    first: dict[Cell, tuple[int | None, int]] = {}
    for folder, sums in zip(folders, found, strict=True):
        stood = {
            cell: slack + folder.bases[cell.measure] - 1
            for cell, (value, slack) in first.items()
            if value is not None and folder.shown.get(cell) == value
        }
        now = _slacks(folder, sums, cells, stood, bold=bold)
        told.append(now)
        first = {cell: first[cell] if cell in stood else (folder.shown[cell], slack) for cell, slack in now.items()}
    return told


def _slacks(
    folder: Folder, sums: Sequence[Group], cells: Collection[Cell], stood: Mapping[Cell, int], *, bold: bool
) -> dict[Cell, int]:
    of: dict[Cell, list[Group]] = defaultdict(list)
    for group in sums:
        if group.kind not in ("days", "within") and group.parent.measure not in folder.stocks:
            of[group.parent].append(group)
    known = dict(stood)

    def slack(cell: Cell) -> int:
        if cell not in known:
            base = folder.bases[cell.measure] - 1
            known[cell] = base if bold else max([base, *(added(group) for group in of.get(cell, ()))])
        return known[cell]

    def added(group: Group) -> int:
        values = [folder.shown[cell] for cell in group.children]
        shown = [value for value in values if value is not None]
        if len(shown) == len(values) and sum(shown) != folder.shown[group.parent]:
            return 0
        return sum(slack(cell) for cell in group.children)

    return {cell: slack(cell) for cell in cells if folder.shown.get(cell) is not None and cell.measure != PART}
