"""The source tables of the public edition, and its figures as far as published counts carry them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipelines import catalogue, warehouse
from pipelines.catalogue import PublicationPlan
from pipelines.catalogue.publication import DAYS
from pipelines.intake import keys
from pipelines.protect.exact import TOTAL, exact_cells
from pipelines.protect.measures import Dropped, Protected, published_measures, rest_of
from pipelines.protect.vintages import Vintages

# From `indicators.figures`: what is shown of them (design: rounding, bands, floors, words).
FIGURES = Path(__file__).with_name("figures.sql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Unprotected:
    """What the draws of one edition start from: exact cells up to a month, the areas and periods they stand in, the secret."""

    plan: PublicationPlan
    exact: pl.DataFrame
    areas: pl.DataFrame
    periods: pl.DataFrame
    secret: bytes

    @staticmethod
    def opened(plan: PublicationPlan, last_month: str) -> "Unprotected":
        """Read the warehouse. Raises `UserError` when the key `publication` is missing."""
        secret = bytes.fromhex(keys.load()[keys.PUBLICATION])
        with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
            areas, periods = (connection.sql(f"select * from catalogue.{name}").pl() for name in ("areas", "periods"))
        return Unprotected(plan, exact_cells(plan, last_month), areas, periods, secret)

    def protected(self, vintages: Vintages, dropped: Collection[Dropped] = ()) -> Protected:
        """What is published of every declared cell, but for what the ladder has dropped."""
        parents = dict(self.areas.select("area_code", "parent_code").iter_rows())
        return published_measures(self.plan, self.exact, parents, self.secret, vintages, dropped)

    def public_tables(self, protected: Protected) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Measures, areas and periods as a release carries them."""
        return public_measures(protected.published), self.areas, self.periods


def edition_inputs(plan: PublicationPlan, published: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """Source tables by name: `measures` as the indicators read them, and what the shown figures are made with.

    `compatible`: the counts that a published value may stand for; of a part also those of its rest.
    """
    return {
        "measures": public_measures(published),
        "compatible": _compatible(plan, published),
        "rate_rules": pl.DataFrame([{**plan.rates.model_dump(), "smallest_quantile": plan.days.smallest}]),
        "day_bands": _day_bands(plan),
    }


def public_measures(published: pl.DataFrame) -> pl.DataFrame:
    """area_code, period, measure, breakdown, category, bucket, value, status: `measures_public`.

    Where there is no value, the status is x where nobody has reported, and c where it is not shown.
    """
    is_days = pl.col("breakdown") == DAYS
    total = pl.lit(TOTAL)
    return published.filter(~pl.col("measure").str.contains("-")).select(
        "area_code",
        "period",
        "measure",
        pl.when(is_days).then(total).otherwise("breakdown").alias("breakdown"),
        pl.when(is_days).then(total).otherwise("category").alias("category"),
        pl.when(is_days).then(pl.col("category").cast(pl.Int32, strict=False)).alias("bucket"),
        "value",
        pl.when(pl.col("value").is_not_null())
        .then(pl.lit(""))
        .otherwise(pl.when(pl.col("origin") == "absent").then(pl.lit("x")).otherwise(pl.lit("c")))
        .alias("status"),
    )


def _compatible(plan: PublicationPlan, published: pl.DataFrame) -> pl.DataFrame:
    keys_of = ["area_code", "period", "breakdown", "category"]
    rests = {rest_of(part, whole): part for part, whole in plan.within.items()}
    of_rest = published.filter(pl.col("measure").is_in(list(rests))).select(
        pl.col("measure").replace_strict(rests, return_dtype=pl.String),
        *keys_of,
        pl.col("low").alias("rest_low"),
        pl.col("high").alias("rest_high"),
    )
    cells = published.filter(~pl.col("measure").str.contains("-"))
    return cells.select("measure", *keys_of, "value", "low", "high").join(of_rest, on=["measure", *keys_of], how="left")


def _day_bands(plan: PublicationPlan) -> pl.DataFrame:
    """band (`0-7` … `91+`), first_day, last_day (null of the last)."""
    first = plan.days.bands
    ends: list[int | None] = [*(day - 1 for day in first[1:]), None]
    rows = [(f"{day}-{end}" if end is not None else f"{day}+", day, end) for day, end in zip(first, ends, strict=True)]
    return pl.DataFrame(rows, schema={"band": pl.String, "first_day": pl.Int64, "last_day": pl.Int64}, orient="row")


def write_shown_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """Table `protected.figures` from the indicators of the connected public edition."""
    connection.execute("create schema if not exists protected")
    connection.execute(f"create or replace table protected.figures as {FIGURES}")


def build_public_edition(published: pl.DataFrame, progress: warehouse.Progress = lambda _: None) -> Path:
    """Compute the indicators from published measures and show what they carry. Returns the edition's database.

    Raises `UserError` when nothing is built.
    """
    path = warehouse.build_edition("public", progress, edition_inputs(catalogue.publication_plan(), published))
    with duckdb.connect(str(path)) as connection:
        write_shown_figures(connection)
    return path
