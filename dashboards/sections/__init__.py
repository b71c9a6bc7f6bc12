"""The sections of the pages, one module a matter.

A section takes the subject of the page, selects rows, words them, draws itself and returns the figures it showed, for
the download. Nothing is computed here.
"""

from collections.abc import Callable

from dashboards.selection import Subject
from dashboards.wording import Figure

Rows = tuple[Figure, ...]
Section = Callable[[Subject], Rows]
