"""How a table lies on paper: columns as wide as their words ask for, no word or number broken, rows that stay together."""

import re
from collections.abc import Callable
from functools import partial
from itertools import repeat, zip_longest

from dashboards.drawing import ems
from dashboards.review.document import Column, Table

TEXT_MM = 156.0  # of a line: A4 less the margins of GB/T 9704-2012
POINTS_PER_MM = 72 / 25.4
PADDING_PT = 8.0  # left and right of a cell together, and what Word puts between figures and Chinese
SIZES = (9.0, 8.0, 7.5, 7.0)  # points: the largest at which no word or number is broken
SMALLEST_FOR_LINES = 8.0  # to which letters shrink so that a text takes no more lines than it should
MOST_COLUMNS = 8  # that are set in the first of them
LONGEST = 60.0  # ems that a text asks for before it is broken over lines
SHORT, SHORT_HEAD = 8.0, 4.0  # ems on which Chinese stays in a line, of a text and of a head
SHORT_TALL = 6.0  # of a text where rows take several lines anyway, and the longest of them most room
HEAD, HEAD_UNBROKEN = 5.5, 8.0  # ems that a head asks for; one of Chinese characters breaks badly
TO_FIRST = 0.3  # of room that nobody asks for: to the first column, with the names; the others share the rest
LINES = (2, 6)  # over which the longest text of a cell may be broken: as few as there is room for
MOST_ROWS, MOST_NOTES = 5, 160.0  # of a table that stays whole: rows, and ems of its notes, which are three lines
MOST_LETTERS = 90  # of a row that takes no more than a line or two
HELD, HELD_TALL = 3, 2  # rows that stay together at the beginning and the end of a table that does not
BOLD = 1.1  # how much wider a head may be drawn
WORDS = re.compile(r"[^\s\u2e80-\uffef]+[\uff0c\u3002\uff1b\uff1a\u3001\uff09]?|[\u2e80-\uffef]")


def size(table: Table) -> float:
    """The size of the letters, in points."""
    return _fitted(table)[0]


def _fitted(table: Table) -> tuple[float, list[float]]:
    """The size of the letters, and the least width of each column at it.

    The largest at which texts take the fewest lines; where that asks for small letters, at which no word is broken.
    """
    sizes = SIZES if len(table.columns) <= MOST_COLUMNS else SIZES[1:]
    in_lines = [(lines, points) for lines in LINES for points in sizes if points >= SMALLEST_FOR_LINES]
    for lines, points in (*in_lines, *((None, points) for points in sizes)):
        least = _in_points(_least_of(table, lines), table, points)
        if sum(least) <= _room():
            break
    return points, least


def shares(table: Table) -> tuple[float, ...]:
    """The width of each column in points; together they fill the line.

    Each has what its longest word or number takes; what is left goes where more is asked for, then first to the names.
    """
    points, least = _fitted(table)
    asked = [max(pair) for pair in zip(least, _in_points(_asked, table, points), strict=True)]
    beyond, left = sum(asked) - sum(least), _room() - sum(asked)
    if left >= 0:
        others = left * (1 - TO_FIRST) / max(len(asked) - 1, 1)
        return (asked[0] + left - others * (len(asked) - 1), *(width + others for width in asked[1:]))
    free = _room() - sum(least)
    if free <= 0:
        return tuple(_room() * width / sum(least) for width in least)
    return tuple(low + free * (high - low) / beyond for low, high in zip(least, asked, strict=True))


def _room() -> float:
    return TEXT_MM * POINTS_PER_MM


def _in_points(ems_of: Callable[[Column, tuple[str, ...]], float], table: Table, points: float) -> list[float]:
    """The width of each column, with what lies beside its text."""
    texts = zip_longest(*((cell.text for cell in row) for row in table.rows), fillvalue="")
    return [ems_of(column, told) * points + PADDING_PT for column, told in zip(table.columns, texts, strict=True)]


def groups(table: Table) -> tuple[int, ...]:
    """How many rows stay together, one group after the other: all of a short table, the first and the last of a long one.

    The head and the caption stay with the first group, the notes with the last.
    """
    count = len(table.rows)
    held = min(HELD_TALL if _is_tall(table) else HELD, count // 2)
    is_short = count <= MOST_ROWS and not _is_tall(table) and sum(map(ems, table.notes)) <= MOST_NOTES
    return (count,) if is_short or not held else (held, *repeat(1, count - 2 * held), held)


def _is_tall(table: Table) -> bool:
    return any(sum(len(cell.text) for cell in row) >= MOST_LETTERS for row in table.rows)


def _least_of(table: Table, lines: int | None) -> Callable[[Column, tuple[str, ...]], float]:
    return partial(_least, short=SHORT_TALL if _is_tall(table) else SHORT, lines=lines)


def _least(column: Column, texts: tuple[str, ...], *, short: float, lines: int | None) -> float:
    """The widest piece that must not be broken: a word, a few characters, or the whole of a cell that holds a number; and
    what a text takes that is broken over so many lines.
    """
    pieces = [min(ems(column.label), SHORT_HEAD), *(BOLD * ems(word) for word in words(column.label))]
    for text in texts:
        pieces.append(max(min(ems(text), short), min(ems(text), LONGEST) / lines if lines else 0.0))
        pieces += [ems(text)] if column.side == "right" else map(ems, words(text))
    return max(pieces, default=1.0)


def _asked(column: Column, texts: tuple[str, ...]) -> float:
    return max(
        [
            min(ems(column.label), HEAD if " " in column.label else HEAD_UNBROKEN),
            *(min(ems(text), LONGEST) for text in texts),
        ]
    )


def words(text: str) -> list[str]:
    """What a line may be broken between: words with their punctuation, and Chinese characters."""
    return [part for word in WORDS.findall(text) for part in re.split(r"(?<=[-–])(?=\w)", word)]
