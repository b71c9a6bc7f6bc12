"""The open data files of a release, made of its tables and of nothing else: a CSV an indicator, and a workbook of all."""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from pipelines.catalogue import Card, Words
from pipelines.release.open_csv import write_csv
from pipelines.release.open_workbook import Book, write_workbook

COLUMNS = (
    *("indicator", "indicator_zh", "indicator_en", "area_code", "area_zh", "area_en", "area_level"),
    *("period", "period_kind", "breakdown", "category", "category_zh", "category_en", "value", "unit"),
    *("numerator", "denominator", "low", "high", "value_year_before"),
    *("change_on_year", "change_on_year_percent", "change_on_period", "status"),
)
# What only a public edition says: the decimals that its counts carry, what stands in place of a value, the name of a change.
CARRIED = {"decimals": pl.Int32, "band": pl.String, "change_word": pl.String}
ORDER = ("indicator", "breakdown", "area_code", "sort", "category", "period")


def write_open_data(release: Path, folder: Path, signs: Mapping[str, Words]) -> tuple[Path, ...]:
    """Write `csv/<indicator>.csv` and `fengqiao-<release>.xlsx` of a release's folder into another; the same release gives
    the same bytes.

    `signs`: what each marker means. A public release is offered whole. Of the internal one, which is large: totals of
    districts and above for all periods; townships and breakdowns for years. The workbook holds years, and the release's
    own period. Returns the files by path.
    """
    about = json.loads((release / "release.json").read_text(encoding="utf-8"))
    cards = [Card.model_validate(card) for card in json.loads((release / "cards.json").read_text(encoding="utf-8"))]
    figures = _figures(release, is_whole=about["edition"] == "public")
    columns = (*COLUMNS, *(name for name in CARRIED if name in figures.columns))
    written = [
        write_csv(figures.filter(pl.col("indicator") == card.id).select(columns), folder / "csv" / f"{card.id}.csv")
        for card in cards
    ]
    yearly = figures.filter((pl.col("period_kind") == "year") | (pl.col("period") == about["reference_period"]))
    if about["edition"] != "public":
        yearly = yearly.filter(pl.col("area_level") != "township")
    absent = (pl.lit(None, kind).alias(name) for name, kind in CARRIED.items() if name not in figures.columns)
    yearly = yearly.with_columns(*absent)
    book = Book(cards, yearly, sorted(set(yearly["period"])), signs, about)
    written.append(write_workbook(book, folder / f"fengqiao-{about['release_id']}.xlsx"))
    return tuple(sorted(written))


def _figures(release: Path, *, is_whole: bool) -> pl.DataFrame:
    """The figures that are offered, with the labels of their codes, in a fixed order."""

    def table(name: str) -> pl.LazyFrame:
        return pl.scan_parquet(release / f"{name}.parquet")

    is_yearly = pl.col("period_kind") == "year"
    is_wide_total = (pl.col("breakdown") == "total") & (pl.col("area_level") != "township")
    offered = table("figures") if is_whole else table("figures").filter(is_yearly | is_wide_total)
    areas = table("areas").select("area_code", area_zh="name_zh", area_en="name_en")
    words = table("indicators").select("indicator", "unit", indicator_zh="label_zh", indicator_en="label_en")
    labels = table("categories").select("breakdown", "category", "sort", category_zh="label_zh", category_en="label_en")
    named = (
        offered.join(words, on="indicator", how="left")
        .join(areas, on="area_code", how="left")
        .join(labels, on=["breakdown", "category"], how="left")
    )
    return named.sort(ORDER).collect()
