"""Where a table may begin on a sheet: headers of one to three rows, months across the columns, items down the rows.

Nothing here knows a contract but `fitted`: a guess says what the cells would mean, `workbooks` chooses.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from pipelines.catalogue import Contract, heading
from pipelines.intake import months
from pipelines.intake.grids import Grid
from pipelines.intake.layouts import HEADER_WITHIN, TOTAL_WORDS

MOST_LEVELS = 3
MOST_ITEMS = 120  # a form with its items down the rows
PART_OF = ("其中", "其中:")
COUNTED_IN = (
    "(件)",
    "(人)",
    "(人次)",
    "(次)",
    "(个)",
    "(份)",
    "(起)",
    "(名)",
)  # 元 and 万元 are no such mark: they change the value
SUMS = (*TOTAL_WORDS, "计", "合计数", "累计", "全年", "本年累计", "年度累计")
THIS_MONTH = ("本月", "本月数", "本期", "本期数", "当月", "当月数", "数量", "数值")
BESIDE_ITEMS = ("序号", "行次", "代码", "编号", "单位", "计量单位", "备注")

SIGNATURE = (
    r"^((单位|部门|统计|分管|主管)?(负责人|领导)|(填表|填报|制表|审核|复核|经办|统计|联系)(人|员|人员)|"
    r"(填表|填报|报出|报送|制表|上报)(单位|日期|时间)|(联系)?电话:|(备注|注|说明|填表说明|附注):|\(?(盖章|公章|签章)\)?)"
)

Levels = tuple[str, ...]  # a column's heading from the uppermost header row down, merged cells once


@dataclass(frozen=True)
class Across:
    """The columns (or, with items down the rows, the one column) that hold one month; None: the month of the form."""

    month: months.Month | None
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Guess:
    """A table as it may stand on a sheet.

    `first` and `last`: the header's rows, from 0. `positions`: the sheet column of each heading, or with items down the
    rows the sheet row of each; those of `across` come after `fixed` headings, in the order of `headings`.
    """

    first: int
    last: int
    headings: tuple[Levels, ...]
    positions: tuple[int, ...]
    across: tuple[Across, ...] = ()
    is_items_down: bool = False


def guesses(grid: Grid) -> Iterator[Guess]:
    """Every way in which a table may begin in a sheet's first rows, upper and lower headers first."""
    top = _filled(grid, HEADER_WITHIN + MOST_ITEMS)
    for first in range(min(HEADER_WITHIN, len(top))):
        for last in range(first, min(first + MOST_LEVELS, HEADER_WITHIN, len(top))):
            if last > first and not _belong_together(top[first : last + 1]):
                break
            plain = Guess(first, last, *_columns(_levels(top[first : last + 1])))
            if plain.headings:
                yield _unrolled(plain) or plain
        yield from _items_down(top, first)


def _filled(grid: Grid, rows: int) -> list[list[str]]:
    """The first rows with texts folded and merged cells repeated over their whole range."""
    top = [[heading(cell) for cell in row] for row in grid.cells.head(rows).rows()]
    for merge in grid.merges:
        if merge.top < len(top) and merge.left < grid.cells.width:
            text = top[merge.top][merge.left]
            for row in top[merge.top : merge.bottom + 1]:
                row[merge.left : merge.right + 1] = [text] * (min(merge.right + 1, len(row)) - merge.left)
    return top


def _belong_together(rows: list[list[str]]) -> bool:
    """Whether rows may be the levels of one header: each says several things, and an upper one spans or leaves out columns."""
    if any(len(set(row) - {""}) < 2 for row in rows):
        return False
    return all(
        any(a and a == b for a, b in pairwise(row))
        or any(not cell and below for cell, below in zip(row, rows[-1], strict=True))
        or any(cell and cell == below for cell, below in zip(row, rows[-1], strict=True))
        for row in rows[:-1]
    )


def _levels(rows: list[list[str]]) -> list[Levels]:
    """The heading of each column. A group whose name stands over its first column only reaches to the next name."""
    found = []
    groups = [""] * len(rows)
    for column in zip(*rows, strict=True):
        for depth, text in enumerate(column):
            if text:
                is_group = text != column[-1]
                groups[depth:] = [text if is_group else "", *[""] * (len(rows) - depth - 1)]
        is_below_group = bool(column[-1]) and not column[0]
        texts = [text or (groups[depth] if is_below_group else "") for depth, text in enumerate(column)]
        found.append(tuple(t for n, t in enumerate(texts) if t and (n == 0 or t != texts[n - 1])))
    return found


def _columns(levels: Sequence[Levels]) -> tuple[tuple[Levels, ...], tuple[int, ...]]:
    """All columns up to the last that has a heading, or that stands empty between."""
    width = max((n for n, text in enumerate(levels, 1) if text), default=0)
    return tuple(levels[:width]), tuple(range(width))


def _unrolled(plain: Guess) -> Guess | None:
    """The table with its months taken out of the header, where at least two columns name different months there."""
    named = [_split(levels) for levels in plain.headings]
    said = list(dict.fromkeys(month for month, _ in named if month is not None and month[1] is not None))
    if len(said) < 2:
        return None
    items = list(dict.fromkeys(item for month, item in named if month in said))
    fixed = [n for n, (month, item) in enumerate(named) if month is None and not set(item) & set(SUMS)]
    across = []
    for month in said:
        places = {item: plain.positions[n] for n, (named_month, item) in enumerate(named) if named_month == month}
        if set(places) != set(items):
            return None
        across.append(Across(month, tuple(places[item] for item in items)))
    return replace(
        plain,
        headings=(*(plain.headings[n] for n in fixed), *items),
        positions=tuple(plain.positions[n] for n in fixed),
        across=tuple(across),
    )


def _split(levels: Levels) -> tuple[months.Month | None, Levels]:
    """The month among a heading's levels, and the rest."""
    said = [(text, months.level(text)) for text in levels]
    named = [month for _, month in said if month is not None]
    rest = tuple(text for text, month in said if month is None)
    if not named:
        return None, rest
    year, month = next((y for y, _ in named if y), None), next((m for _, m in named if m), None)
    return (year, month), rest


def _items_down(top: list[list[str]], line: int) -> Iterator[Guess]:
    """Items as row headings with a column for each month below `line`, or one for the month of the form."""
    row = top[line]
    said = {n: months.level(text) for n, text in enumerate(row) if n > 0 and text}
    across = [Across(month, (n,)) for n, month in said.items() if month is not None and month[1] is not None]
    this = [n for n, text in enumerate(row) if n > 0 and text in THIS_MONTH]
    if len(across) < 2 and this:
        across = [Across(None, (this[0],))]
    elif len(across) < 2:
        return
    begins = min(position for column in across for position in column.positions)
    labels = [n for n in range(begins) if row[n] not in BESIDE_ITEMS]
    below = top[line + 1 : line + 1 + MOST_ITEMS]
    items = [(line + 1 + n, _row_heading([cells[label] for label in labels])) for n, cells in enumerate(below)]
    named = [(place, item) for place, item in takewhile(lambda row: not is_signature(*row[1][:1]), items) if item]
    if len(named) >= 3:
        headings, places = tuple(item for _, item in named), tuple(place for place, _ in named)
        yield Guess(line, line, headings, places, tuple(across), is_items_down=True)


def is_signature(text: str = "") -> bool:
    """Whether a row that begins with a text stands under the table: who filled it in and when, or a note."""
    return re.match(SIGNATURE, text) is not None


def _row_heading(texts: list[str]) -> Levels:
    return tuple(t for n, t in enumerate(texts) if t and (n == 0 or t != texts[n - 1]))


# against a contract


def as_written(guess: Guess) -> tuple[str, ...]:
    """The guess's header without marks of totals and units."""
    return tuple(_without_marks(levels) for levels in guess.headings)


def fitted(guess: Guess, contract: Contract) -> tuple[str, ...]:
    """The guess's header, each heading in the form in which the contract knows it, where it does.

    Forms are tried from the exact to the loose, and a heading found exactly is not taken away by a loose one.
    """
    header = ["_".join(levels) for levels in guess.headings]
    claimed = {contract.headings[text] for text in header if text in contract.headings}
    for form in (_without_marks, _run_together, _last_level):
        for n, levels in enumerate(guess.headings):
            text = form(levels)
            column = contract.headings.get(text)
            if header[n] not in contract.headings and column is not None and column not in claimed:
                claimed.add(column)
                header[n] = text
    return tuple(header)


def _without_marks(levels: Levels) -> str:
    """本月接收_合计 is 本月接收; 其中:缓刑 is 缓刑; 受理(件) is 受理."""
    kept = [_bare(text) for text in levels if text not in PART_OF]
    while len(kept) > 1 and kept[-1] in SUMS:
        kept.pop()
    return "_".join(kept)


def _bare(text: str) -> str:
    text = text.removeprefix("其中:")
    return next((text.removesuffix(mark) for mark in COUNTED_IN if text.endswith(mark)), text)


def _run_together(levels: Levels) -> str:
    return _without_marks(levels).replace("_", "")


def _last_level(levels: Levels) -> str:
    """信息化核查_应查人数 is 应查人数 where the contract has such a column."""
    return _without_marks(levels).rpartition("_")[2]
