"""What a review is before it is written: sections of sentences, tables and charts, worded, in the order of reading.

Writers lay it out and compute nothing. `Cell.value` is the figure as the release holds it, unrounded, in the unit of the
card; `Cell.text` is how it reads.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from dashboards.wording import Language, colon, listed, say

Side = Literal["left", "right", "centre"]


@dataclass(frozen=True)
class Cell:
    """A cell of a table. `form` is the number format of `value` in a workbook; without a value the text stands alone."""

    text: str
    value: float | None = None
    form: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its head, and the side on which its cells stand. how wide it is follows from what it holds (`layout`)."""

    label: str
    side: Side = "right"


@dataclass(frozen=True)
class Table:
    """A table with its caption and notes. `number` counts the tables of the document."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    number: int = 0

    def caption(self, language: Language) -> str:
        return say("review.caption", language, number=self.number, title=self.title)


@dataclass(frozen=True)
class Series:
    """A drawn series: one value a label of the chart; None leaves a gap."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """A chart, the same as SVG and as the numbers behind it. `alt` says what it shows to those who do not see it.

    `number` counts the charts of the document.
    """

    id: str
    title: str
    alt: str
    kind: Literal["lines", "bars"]
    unit: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    svg: str
    number: int = 0

    def caption(self, language: Language) -> str:
        return say("review.chart", language, number=self.number, title=self.title)


@dataclass(frozen=True)
class Paragraph:
    text: str


Block = Paragraph | Table | Chart


@dataclass(frozen=True)
class Section:
    """A section: `ordinal` as it stands before the title (一、 or 1.), empty for an annex, whose title says it."""

    id: str
    ordinal: str
    title: str
    blocks: tuple[Block, ...]
    is_annex: bool = False

    @property
    def heading(self) -> str:
        return f"{self.ordinal}{self.title}"


@dataclass(frozen=True)
class Field:
    """A line of the head or the foot: what it is and what stands there; an empty value is left to be filled by hand."""

    id: str
    label: str
    value: str


@dataclass(frozen=True)
class Told:
    """A figure by its indicator, as words that a template can place."""

    id: str
    label: str
    value: str
    change: str


@dataclass(frozen=True)
class Document:
    """A whole review in one language. `title_lines`: the title, broken where a line may end.

    `made_at` is the release's instant, so that a second run gives the same file.
    """

    language: Language
    title: str
    title_lines: tuple[str, str]
    area: str
    period: str
    number: str
    classification: str
    head: tuple[Field, ...]
    foot: tuple[Field, ...]
    abstract: tuple[Paragraph, ...]
    sections: tuple[Section, ...]
    legend: tuple[str, ...]
    told: tuple[Told, ...]
    source: str
    release: str
    made_at: datetime

    @property
    def signs(self) -> str:
        """The signs and what they mean, in one line."""
        meanings = listed(self.legend, self.language) if self.language == "en" else "；".join(self.legend)
        return meanings + say("sentence.end", self.language)

    @property
    def legend_line(self) -> str:
        """The signs after the word for them."""
        return say("review.legend", self.language) + colon(self.language) + self.signs

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Table))


def numbered(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """The sections with their tables and their charts counted through."""
    counts: dict[type, int] = {Table: 0, Chart: 0}
    done = []
    for section in sections:
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Table | Chart):
                counts[type(block)] += 1
                block = replace(block, number=counts[type(block)])
            blocks.append(block)
        done.append(replace(section, blocks=tuple(blocks)))
    return tuple(done)
