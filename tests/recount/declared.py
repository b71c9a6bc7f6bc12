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
    required: bool
    dropped: bool
    item: str
    category: str


@dataclass(frozen=True)
class Contract:
    """One export; `refusals` are the ids of the rules that refuse a row."""

    table: str
    is_form: bool
    key: str
    dated_by: str
    updated: str
    columns: tuple[Column, ...]
    refusals: tuple[str, ...]


@dataclass(frozen=True)
class Measure:
    """Declared words of a measure that bear on counting."""

    table: str
    over_time: str
    is_histogram: bool


@dataclass(frozen=True)
class Card:
    """An indicator's recipe."""

    indicator: str
    kind: str
    numerator: str
    denominator: str
    quantile: float
    unit: str
    matures_after: int
    breakdowns: tuple[str, ...]


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
            declared[name] = Measure(words["table"], words["over_time"], words["bucket"] == "days")
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
        key=words.get("key", ""),
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
        required=words.get("required", False),
        dropped=words.get("personal") == "dropped",
        item=words.get("item", ""),
        category=words.get("category", "total"),
    )


def _card(indicator: str, words: dict[str, Any]) -> Card:
    return Card(
        indicator=indicator,
        kind=words["kind"],
        numerator=words["numerator"],
        denominator=words.get("denominator") or "",
        quantile=words.get("quantile") or 0.0,
        unit=words["unit"],
        matures_after=words.get("matures_after") or 0,
        breakdowns=tuple(words.get("breakdowns", [])),
    )
