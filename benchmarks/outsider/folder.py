"""Published folders as anybody may hold them: cells with what is shown of them, and how areas, periods and categories add up.

Nothing but the files of a release is read. What an outsider knows besides is public: counts are rounded at random to a base
(`release.json`: 5 for cases, 10 for persons), months, quarters and years are drawn and longer ranges added, whole and part
differ by a cell of its own, and a value stands until as many cases have changed as the threshold says.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

DRAWN = ("month", "quarter", "year")
WHOLE, PART, REST = "mediation_concluded", "mediation_agreed", "mediation_not_agreed"
DAYS = "mediation_days_to_conclude"
CASES = 5


class Cell(NamedTuple):
    """A count that is declared public; of a histogram the category is the first day of a band."""

    measure: str
    area: str
    period: str
    breakdown: str
    category: str


COLUMNS = ("measure", "area_code", "period", "breakdown", "category")


@dataclass(frozen=True)
class Folder:
    """One release: of every declared cell of a month, quarter or year the published value, None where it is hidden.

    `odd` counts the longer ranges that are not the sum of published parts, so that they tell more than these.
    """

    shown: dict[Cell, int | None]
    bases: dict[str, int]
    stocks: frozenset[str]
    parents: dict[str, str]
    odd: int


def read(path: Path) -> Folder:
    """A published release. The rest of a whole is a cell too: what is published of it is the whole less the part."""
    persons = max(json.loads((path / "release.json").read_text(encoding="utf-8"))["rounding_base"])
    words = pl.read_parquet(path / "measure_words.parquet")
    stocks = frozenset(words.filter(pl.col("over_time") == "last")["measure"])
    areas = pl.read_parquet(path / "areas.parquet").filter(pl.col("parent_code").is_not_null())
    rows = _rows(path)
    drawn = rows.filter(pl.col("period_kind").is_in(DRAWN))
    shown: dict[Cell, int | None] = {Cell(*row[:5]): row[5] for row in drawn.select(*COLUMNS, "value").iter_rows()}
    odd = _odd(rows.filter(~pl.col("period_kind").is_in(DRAWN)), shown, stocks)
    for cell, value in list(shown.items()):
        if cell.measure == PART:
            whole = shown.get(cell._replace(measure=WHOLE))
            shown[cell._replace(measure=REST)] = None if value is None or whole is None else whole - value
    bases = dict(
        words.select("measure", pl.when(pl.col("unit") == "person").then(persons).otherwise(CASES)).iter_rows()
    )
    parents = dict(areas.select("area_code", "parent_code").iter_rows())
    return Folder(shown, bases | {REST: CASES}, stocks, parents, odd)


def _rows(path: Path) -> pl.DataFrame:
    periods = pl.read_parquet(path / "periods.parquet").select("period", "period_kind", "first_month", "last_month")
    rows = pl.read_parquet(path / "measures.parquet").join(periods, on="period")
    return rows.with_columns(category=pl.coalesce(pl.col("bucket").cast(pl.String), "category"))


def _odd(ranges: pl.DataFrame, shown: dict[Cell, int | None], stocks: frozenset[str]) -> int:
    """How many shown half-years and cumulatives are not the sum of the year, or of quarters and months, that they span."""
    odd = 0
    for row in ranges.filter(pl.col("value").is_not_null()).iter_rows(named=True):
        cell = Cell(*(row[column] for column in COLUMNS))
        tiles = [shown.get(cell._replace(period=period)) for period in _tiles(row["first_month"], row["last_month"])]
        tiles = tiles[-1:] if cell.measure in stocks else tiles
        odd += any(value is None for value in tiles) or sum(value or 0 for value in tiles) != row["value"]
    return odd


def _tiles(first: date, last: date) -> list[str]:
    if (first.month, last.month) == (1, 12):
        return [str(first.year)]
    quarters = range((first.month - 1) // 3 + 1, last.month // 3 + 1)
    months = range(quarters.stop * 3 - 2, last.month + 1)
    return [f"{first.year}-Q{n}" for n in quarters] + [f"{first.year}-{n:02}" for n in months]


def families(folder: Folder) -> dict[tuple[str, str, str], list[Cell]]:
    """Cells that relations may tie together, by measure, province and year: mediations that ended are one family."""
    ended = {WHOLE, PART, REST, DAYS}
    found: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in folder.shown:
        province = cell.area
        while province in folder.parents:
            province = folder.parents[province]
        found[WHOLE if cell.measure in ended else cell.measure, province, cell.period[:4]].append(cell)
    return found
