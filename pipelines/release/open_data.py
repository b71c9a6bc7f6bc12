"""The open data files of a release, made of its tables and of nothing else: a CSV an indicator, a workbook of all, and as CSV
what has changed and (internally) how complete, timely and valid the reports are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.catalogue import Card
from pipelines.release.open_csv import write_csv
from pipelines.release.open_workbook import Book, write_workbook
from pipelines.release.tables import CHANGES, TABLES, tables_of

COLUMNS = (
    *("indicator", "indicator_zh", "indicator_en", "area_code", "area_zh", "area_en", "area_level"),
    *("period", "period_kind", "breakdown", "category", "category_zh", "category_en", "value", "unit"),
    *("numerator", "denominator", "low", "high", "value_year_before"),
    *("change_on_year", "change_on_year_percent", "change_on_period", "status"),
)
# What only a public edition says: the decimals that its counts carry, what stands in place of a value, the name of a change.
CARRIED = {"decimals": pl.Int32, "band": pl.String, "change_word": pl.String}
ORDER = ("indicator", "breakdown", "area_code", "sort", "category", "period")


def write_open_data(folder: Path, about: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write `csv/<indicator>.csv`, `csv/changes.csv`, `csv/data_quality.csv` and `fengqiao-<release>.xlsx` into the folder of
    a release whose tables are written; the same tables give the same bytes.

    `about`: the release's metadata. A public release is offered whole. Of the internal one, which is large: totals of
    districts and above for all periods; townships and breakdowns for years. The workbook holds years, and the release's
    own period. Returns the files by path.
    """
    cards = [Card.model_validate(card) for card in json.loads((folder / "cards.json").read_text(encoding="utf-8"))]
    figures = _figures(folder, is_whole=about["edition"] == "public")
    columns = (*COLUMNS, *(name for name in CARRIED if name in figures.columns))
    written = [
        write_csv(figures.filter(pl.col("indicator") == card.id).select(columns), folder / "csv" / f"{card.id}.csv")
        for card in cards
    ]
    written.append(write_csv(_changes(folder), folder / "csv" / "changes.csv"))
    if "data_quality" in tables_of(about["edition"]):
        written.append(write_csv(_data_quality(folder), folder / "csv" / "data_quality.csv"))
    yearly = figures.filter((pl.col("period_kind") == "year") | (pl.col("period") == about["reference_period"]))
    if about["edition"] != "public":
        yearly = yearly.filter(pl.col("area_level") != "township")
    absent = (pl.lit(None, kind).alias(name) for name, kind in CARRIED.items() if name not in figures.columns)
    yearly = yearly.with_columns(*absent)
    book = Book(cards, yearly, sorted(set(yearly["period"])), about)
    written.append(write_workbook(book, folder / f"fengqiao-{about['release_id']}.xlsx"))
    return tuple(sorted(written))


def _table(folder: Path, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{name}.parquet")


def _figures(folder: Path, *, is_whole: bool) -> pl.DataFrame:
    """The figures that are offered, with the labels of their codes, in a fixed order."""
    is_yearly = pl.col("period_kind") == "year"
    is_wide_total = (pl.col("breakdown") == "total") & (pl.col("area_level") != "township")
    figures = _table(folder, "figures")
    offered = _named(folder, figures if is_whole else figures.filter(is_yearly | is_wide_total))
    units = _table(folder, "indicators").select("indicator", "unit")
    labels = _table(folder, "categories").select(
        "breakdown", "category", "sort", category_zh="label_zh", category_en="label_en"
    )
    labelled = offered.join(units, on="indicator", how="left").join(labels, on=["breakdown", "category"], how="left")
    return labelled.sort(ORDER).collect()


def _named(folder: Path, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of indicators and areas with the names of both."""
    words = _table(folder, "indicators").select("indicator", indicator_zh="label_zh", indicator_en="label_en")
    areas = _table(folder, "areas").select("area_code", area_zh="name_zh", area_en="name_en")
    return rows.join(words, on="indicator", how="left").join(areas, on="area_code", how="left")


def _changes(folder: Path) -> pl.DataFrame:
    """Every changed cell, with the names of indicator and area, in the order of the table."""
    first = ("indicator", "indicator_zh", "indicator_en", "area_code", "area_zh", "area_en")
    named = _named(folder, _table(folder, CHANGES)).select(*first, pl.exclude(first))
    return named.sort(_order(CHANGES)).collect()


def _data_quality(folder: Path) -> pl.DataFrame:
    """The whole data-quality record, with the senders' names, in the order of the table."""
    key = ("table_name", "sender")
    senders = _table(folder, "senders").select(*key, sender_zh="name_zh", sender_en="name_en").unique()
    first = (*key, "sender_zh", "sender_en")
    named = _table(folder, "data_quality").join(senders, on=key, how="left").select(*first, pl.exclude(first))
    return named.sort(_order("data_quality")).collect()


def _order(table: str) -> list[str]:
    return TABLES[table].split(", ")
