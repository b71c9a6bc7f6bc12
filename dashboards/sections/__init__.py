"""The sections of the pages, one module a matter.

A section takes the subject of the page, selects rows, words them, yields the pieces it consists of and returns the
figures it showed, for the download. Nothing is computed here, and nothing drawn: that is the frame's.
"""

from collections.abc import Callable, Generator
from functools import lru_cache, wraps
from typing import NamedTuple

from dashboards.charts import Drawn
from dashboards.selection import Subject
from dashboards.wording import Figure

Rows = tuple[Figure, ...]


class Chart(NamedTuple):
    """A chart between the markup above and below it. `key` names it in the page's style and in its downloads."""

    key: str
    above: str
    drawn: Drawn
    below: str


class Beside(NamedTuple):
    """Two halves of the page's width, one below the other on a phone."""

    left: "str | Chart"
    right: str


Piece = str | Chart | Beside  # a text is markup
Content = Generator[Piece, None, Rows]
Section = Callable[[Subject], Content]
VIEWS_KEPT = 256


def collected(content: Content) -> tuple[tuple[Piece, ...], Rows]:
    """The pieces of a section in order, and the figures it showed."""
    pieces: list[Piece] = []
    while True:
        try:
            pieces.append(next(content))
        except StopIteration as end:
            return tuple(pieces), end.value


def kept(section: Section) -> Section:
    """The section, made once for all who ask for the same: for sections that show nothing but their release."""

    @lru_cache(maxsize=VIEWS_KEPT)
    def made(subject: Subject) -> tuple[tuple[Piece, ...], Rows]:
        return collected(section(subject))

    @wraps(section)
    def again(subject: Subject) -> Content:
        pieces, shown = made(subject)
        yield from pieces
        return shown

    return again
