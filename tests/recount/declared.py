"""Facts declared under seeds/, read plainly."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import yaml

SEEDS = Path(__file__).parents[2] / "seeds"


@dataclass(frozen=True)
class Column:
    """One column of an export: its heading and other headings it goes by, what it holds, whether it may be empty."""

    name: str
    headings: frozenset[str]
    type: str
    codes: str
    unit: str
    is_district: bool
    required: bool
    dropped: bool
    item: str
    breakdown: str
    category: str


@dataclass(frozen=True)
class Contract:
    """One export; `refusals` are the ids of the rules that refuse a row."""

    table: str
    is_form: bool
    key: tuple[str, ...]
    dated_by: str
    updated: str
    columns: tuple[Column, ...]
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """Lines of a monthly form that are part of a measure: all of an item, `only` one part of it as the total, or the
    item as one `category` of a `breakdown` that adds to the total; added, or taken away."""

    item: str
    only: str
    breakdown: str
    category: str
    subtract: bool


@dataclass(frozen=True)
class Measure:
    """Declared words of a measure that bear on counting."""

    table: str
    over_time: str
    lowest_level: str
    needs: frozenset[str]
    breakdowns: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Card:
    """An indicator's recipe."""

    indicator: str
    kind: str
    numerator: str
    denominator: str
    denominator_with: str
    censored: str
    void_where: str
    quantile: float
    scale: float
    matures_after: int
    finest_period: str
    lowest_level: str
    better: str
    is_zero_line: bool
    breakdowns: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure it is made of, the numerator first."""
        used = (self.numerator, self.denominator, self.denominator_with, self.censored, self.void_where)
        return tuple(name for name in used if name)

    @property
    def needs(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The tables it is made of, its numerator's first, each with the columns without which it cannot be counted."""
        made_of = [measures()[name] for name in self.measures]
        tables = dict.fromkeys(measure.table for measure in made_of)
        return tuple(
            (table, frozenset[str]().union(*(measure.needs for measure in made_of if measure.table == table)))
            for table in tables
        )


def plain(text: str) -> str:
    """A text with full-width digits, letters and brackets made half-width, and no blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


@cache
def contracts() -> dict[str, Contract]:
    """All present contracts by table."""
    return {path.stem: _contract(_yaml(path)) for path in sorted((SEEDS / "contracts").glob("*.yml"))}


@cache
def versions(table: str) -> tuple[Contract, ...]:
    """The contracts under which a table may have come, the present one first."""
    earlier = sorted((SEEDS / "contracts" / "earlier").glob(f"{table}-v*.yml"), reverse=True)
    return (contracts()[table], *(_contract(_yaml(path)) for path in earlier))


@cache
def measures() -> dict[str, Measure]:
    """All measures by id."""
    declared: dict[str, Measure] = {}
    for path in sorted((SEEDS / "measures").glob("*.yml")):
        for name, words in _yaml(path).items():
            declared[name] = _measure(words)
    return declared


@cache
def cards() -> dict[str, Card]:
    """All indicators' recipes by id."""
    return {path.stem: _card(path.stem, _yaml(path)) for path in sorted((SEEDS / "indicators").glob("*.yml"))}


@cache
def codes(list_id: str) -> dict[str, str]:
    """Every text that stands for a code of the list → the code."""
    texts: dict[str, str] = {}
    for row in table("code_lists").filter(pl.col("list_id") == list_id).iter_rows(named=True):
        for text in (row["code"], row["label_zh"], *(row["aliases"] or "").split("|")):
            if text:
                texts[plain(text)] = row["code"]
    return texts


@cache
def areas() -> pl.DataFrame:
    """The published areas: area_code, level, parent_code ('' at the top)."""
    published = table("areas").filter(pl.col("code_list") == "nbs2023")
    return published.select("area_code", "level", pl.col("parent_code").fill_null(""))


@cache
def ancestors() -> pl.DataFrame:
    """area_code, ancestor_code: every published area with itself and all areas above it, by parent_code."""
    parents = dict(areas().select("area_code", "parent_code").iter_rows())
    pairs: list[tuple[str, str]] = []
    for area in parents:
        above = area
        while above:
            pairs.append((area, above))
            above = parents[above]
    return pl.DataFrame(pairs, schema=["area_code", "ancestor_code"], orient="row")


@cache
def table(name: str) -> pl.DataFrame:
    """A declared table, every column as text."""
    return pl.read_csv(SEEDS / "tables" / f"{name}.csv", infer_schema=False)


def _yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def _contract(words: dict[str, Any]) -> Contract:
    return Contract(
        table=words["table"],
        is_form=words["kind"] == "form",
        key=tuple([words["key"]] if isinstance(words.get("key"), str) else words.get("key", [])),
        dated_by=words["dated_by"],
        updated=words["updated"],
        columns=tuple(_column(column) for column in words["columns"]),
        refusals=tuple(rule["id"] for rule in words.get("rules", []) if rule["severity"] == "refuse"),
    )


def _column(words: dict[str, Any]) -> Column:
    return Column(
        name=words["name"],
        headings=frozenset(plain(heading) for heading in (words["label"], *words.get("aliases", []))),
        type=words["type"],
        codes=words.get("codes", ""),
        unit=words.get("unit", ""),
        is_district=words.get("level") == "district",
        required=words.get("required", False),
        dropped=words.get("personal") == "dropped",
        item=words.get("item", ""),
        breakdown=words.get("breakdown", "total"),
        category=words.get("category", "total"),
    )


def _measure(words: dict[str, Any]) -> Measure:
    lines = (
        Line(
            line["item"],
            line.get("only", ""),
            line.get("breakdown", ""),
            line.get("category", ""),
            line.get("subtract", False),
        )
        for line in words.get("items", [])
    )
    return Measure(
        table=words["table"],
        over_time=words["over_time"],
        lowest_level=words["lowest_level"],
        needs=frozenset(words.get("needs", [])),
        breakdowns=tuple(words.get("breakdowns", [])),
        lines=tuple(lines),
    )


def _card(indicator: str, words: dict[str, Any]) -> Card:
    return Card(
        indicator=indicator,
        kind=words["kind"],
        numerator=words["numerator"],
        denominator=words.get("denominator") or "",
        denominator_with=words.get("denominator_with") or "",
        censored=words.get("censored") or "",
        void_where=words.get("void_where") or "",
        quantile=words.get("quantile") or 0.0,
        scale=float(table("units").filter(pl.col("unit") == words["unit"])["scale"].item()),
        matures_after=words.get("matures_after") or 0,
        finest_period=words.get("finest_period") or "month",
        lowest_level=words.get("lowest_level") or measures()[words["numerator"]].lowest_level,
        better=words["better"],
        is_zero_line=words.get("is_zero_line") or False,
        breakdowns=tuple(words.get("breakdowns", [])),
    )
