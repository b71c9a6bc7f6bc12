"""What a review holds, declared: its sections, tables and sentences (`plan.yml`), and what an office writes on it."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipelines.catalogue import Declared, Words, load_declared
from pipelines.settings import SEEDS

Kind = Literal[
    "figures",
    "standing",
    "months",
    "categories",
    "areas",
    "identity",
    "senders",
    "refusals",
    "unreported",
    "occurrences",
    "reported",
    "differences",
    "changes",
    "published",
    "methods",
    "years",
]


class TablePlan(Declared):
    """One table. `indicators` are card ids; `by` and `share` belong to kind `categories`, `chart` draws it as well,
    `is_told` puts its largest categories into the section's text. The title of kind `areas` has a gap for their level.
    `is_headline` sets the last quarter and the targets beside the figures.

    `minus`: of an identity the indicators taken off; the others are added and the first is the stock.
    """

    id: str
    kind: Kind
    title: Words
    indicators: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    by: str | None = None
    share: str | None = None
    chart: bool = False
    is_told: bool = False
    is_headline: bool = False


class SectionPlan(Declared):
    """One section. Each of `sentences` is a list of card ids, told in one sentence, as far as there are figures."""

    id: str
    title: Words
    lowest_level: Literal["township", "district"] = "township"
    is_annex: bool = False
    sentences: tuple[tuple[str, ...], ...] = ()
    tables: tuple[TablePlan, ...] = ()


class Plan(Declared):
    """`abstract` are the sentences before the first section."""

    abstract: tuple[tuple[str, ...], ...]
    sections: tuple[SectionPlan, ...]

    @property
    def indicators(self) -> tuple[str, ...]:
        """Every card the review names, once, in the order in which it first does."""
        told = [name for sentence in self.abstract for name in sentence]
        for section in self.sections:
            told += [name for sentence in section.sentences for name in sentence]
            for table in section.tables:
                told += [*table.indicators, *table.minus, *([table.share] if table.share else [])]
        return tuple(dict.fromkeys(told))


NUMBER = r"^.+〔\d{4}〕(\d+|×)号$"  # GB/T 9704-2012, 7.2.5: six-cornered brackets, no leading zeros, no 第


class DocumentNumber(Declared):
    zh: Annotated[str, Field(pattern=NUMBER)]
    en: str = Field(min_length=1)


class Letterhead(Declared):
    """What an office writes on its reviews (`seeds/review.yml`, or a file given). What is null is left open for the pen."""

    number: DocumentNumber | None = None
    classification: Words | None = None
    office: Words | None = None
    compiler: Words | None = None
    reviewer: Words | None = None
    head: Words | None = None
    issued_on: date | None = None
    copies_to: Words | None = None
    printed: Words | None = None


@cache
def plan() -> Plan:
    return load_declared(Plan, Path(__file__).with_name("plan.yml"))


def letterhead(path: Path | None = None) -> Letterhead:
    """The office's lines. Raises `UserError` naming file, line and key when one is not what it should be."""
    return load_declared(Letterhead, path or SEEDS / "review.yml")
