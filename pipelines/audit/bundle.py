"""A public release as an outsider holds it: its published cells and figures, read from the folder and from nothing else."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from pipelines.catalogue import PublicationPlan
from pipelines.catalogue.publication import DAYS
from pipelines.settings import UserError

TOTAL = "total"
CELL = ["measure", "breakdown", "category", "area_code", "period"]


@dataclass(frozen=True)
class Bundle:
    """`cells`: one row a measure, breakdown (`days` of a histogram), category, area_code and period, with area_level,
    parent_code (the nearest above it that has cells), period_kind, value (null: not shown) and is_reported (where not, nobody
    has said anything to count). `figures`: the shown figures, empty where only cells are looked at; `indicators`: their
    cards as the release carries them. `changes`: a list of changes since earlier releases, where there is one.
    """

    cells: pl.DataFrame
    figures: pl.DataFrame
    indicators: pl.DataFrame
    changes: pl.DataFrame | None = None
    release_id: str = ""

    @cached_property
    def values(self) -> dict[tuple[str, str, str, str, str], int | None]:
        """Published value by measure, breakdown, category, area and period."""
        return {tuple(row[:5]): row[5] for row in self.cells.select(*CELL, "value").iter_rows()}  # type: ignore[misc]


def read_bundle(folder: Path) -> Bundle:
    """The bundle in a release's folder. Raises `UserError` where a table cannot be read."""
    try:
        tables = {
            name: pl.read_parquet(folder / f"{name}.parquet")
            for name in ("measures", "areas", "periods", "figures", "indicators")
        }
        changes = folder / "changes.parquet"
        listed = pl.read_parquet(changes) if changes.is_file() else None
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"{folder} is no public release that can be read. Draft it anew.") from None
    return Bundle(
        cells_of(tables["measures"], tables["areas"], tables["periods"]),
        tables["figures"],
        tables["indicators"],
        listed,
        folder.name,
    )


def cells_of(measures: pl.DataFrame, areas: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """The cells of a release's measures, with level and parent of their areas and kind of their periods."""
    if "status" not in measures.columns:  # releases of earlier versions said nothing of what was not reported
        measures = measures.with_columns(pl.lit("").alias("status"))
    is_histogram = pl.col("bucket").is_not_null()
    cells = measures.select(
        "measure",
        pl.when(is_histogram).then(pl.lit(DAYS)).otherwise("breakdown").alias("breakdown"),
        pl.when(is_histogram).then(pl.col("bucket").cast(pl.String)).otherwise("category").alias("category"),
        "area_code",
        "period",
        "value",
        (pl.col("status") != "x").alias("is_reported"),
    )
    level = areas.select("area_code", pl.col("level").alias("area_level"), "parent_code")
    return cells.join(level, on="area_code").join(periods.select("period", "period_kind"), on="period")


def with_rests(cells: pl.DataFrame, plan: PublicationPlan) -> pl.DataFrame:
    """The cells, with the rest of each whole that the plan draws a rest of: the published whole less the published part."""
    at = CELL[1:]
    rests = [
        cells.filter(pl.col("measure") == whole)
        .join(cells.filter(pl.col("measure") == part).select(*at, pl.col("value").alias("part_value")), on=at)
        .with_columns(pl.lit(f"{whole}-{part}").alias("measure"), pl.col("value") - pl.col("part_value"))
        .drop("part_value")
        for part, whole in plan.within.items()
    ]
    parts = list(plan.within)
    return pl.concat([cells.filter(~pl.col("measure").is_in(parts)), *(rest.select(cells.columns) for rest in rests)])
