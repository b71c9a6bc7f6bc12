"""Releases as surfaces read them: materialised figures, and others computed on request by the SQL the release carries."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.catalogue import Card, padded
from pipelines.periods import months_in, months_of, range_table
from pipelines.settings import UserError, releases

FIGURES_KEY = ("indicator", "breakdown", "area_code", "period", "category")


@dataclass(frozen=True)
class Release:
    """One sealed release. `folder` is the resolved path, never the moving pointer."""

    id: str
    edition: str
    folder: Path
    metadata: dict[str, Any]

    @cached_property
    def cards(self) -> dict[str, Card]:
        cards = json.loads((self.folder / "cards.json").read_text(encoding="utf-8"))
        return {card["id"]: Card.model_validate(card) for card in cards}

    def table(self, name: str) -> pl.DataFrame:
        """A whole table of the release: areas, periods, categories, coverage, reporting, indicators …"""
        return pl.read_parquet(self.folder / f"{name}.parquet")

    def areas(self) -> pl.DataFrame:
        """area_code, name_zh, name_en, level, parent_code, is_not_assigned."""
        return self.table("areas")

    def periods(self) -> pl.DataFrame:
        """period, period_kind, first_month, last_month, year_before, period_before."""
        return self.table("periods")

    def categories(self) -> pl.DataFrame:
        """breakdown, category, label_zh, label_en, sort, is_dense."""
        return self.table("categories")

    def has_quality(self) -> bool:
        """Whether the release carries the data-quality record; the first ones did not."""
        return (self.folder / "data_quality.parquet").is_file()

    def quality(self, first: str, last: str) -> pl.DataFrame:
        """The data-quality record from a month to another (YYYY-MM), by table, sender and month.

        Columns: table_name, sender, name_zh and name_en (null of senders that are not registered), month, areas_owed,
        areas_reported, report_due_on, first_received_on, is_late, days_late, accepted, quarantined, warned,
        inconsistencies. Raises `UserError` where the release has none.
        """
        if not self.has_quality():
            raise UserError(f"Release {self.id} was made before data quality was recorded. Draft a new one.")
        names = (
            self.table("senders").select("table_name", "sender", "name_zh", "name_en").unique(["table_name", "sender"])
        )
        month = pl.col("month").dt.to_string("%Y-%m")
        rows = self.table("data_quality").filter(month >= first, month <= last)
        named = rows.join(names, on=["table_name", "sender"], how="left")
        first_columns = ["table_name", "sender", "name_zh", "name_en"]
        return named.select(*first_columns, pl.exclude(first_columns)).sort("table_name", "sender", "month")

    def figures(
        self, indicator: str | list[str], areas: list[str] | None, periods: list[str] | None, breakdown: str = "total"
    ) -> pl.DataFrame:
        """Materialised rows of `figures` for indicators, areas and periods (None: all), ordered by `FIGURES_KEY`."""
        wanted = pl.scan_parquet(self.folder / "figures.parquet").filter(
            pl.col("indicator").is_in([indicator] if isinstance(indicator, str) else indicator),
            pl.col("breakdown") == breakdown,
        )
        if areas is not None:
            wanted = wanted.filter(pl.col("area_code").is_in([padded(code) for code in areas]))
        if periods is not None:
            wanted = wanted.filter(pl.col("period").is_in(periods))
        return wanted.collect().sort(FIGURES_KEY)

    def compute(self, indicator: str, area: str, period: str, breakdown: str = "total") -> pl.DataFrame:
        """Figures of one indicator for any area, any range of months and any of the card's breakdowns, by the same SQL.

        Columns of `figures`. Raises `UserError` on an unknown indicator, area, breakdown or period, and in the public
        edition, which holds all that it shows.
        """
        if self.edition == "public":
            raise UserError("The public edition shows the figures it holds; others are not computed from them.")
        card = self._card(indicator, breakdown)
        code = self._area(area)
        last = months_of(period)[1]
        if last > self.metadata["data_cutoff"][:7]:
            raise UserError(f"{period} ends after the data of release {self.id} ({self.metadata['data_cutoff'][:7]}).")
        standard = self.periods().filter(pl.col("period") == period)
        before = [p for p in standard.select("year_before", "period_before").row(0) if p] if len(standard) else []
        compared = (
            self.periods().filter(pl.col("period").is_in([period, *before])) if len(standard) else range_table(period)
        )
        with duckdb.connect() as connection:
            self._lay_out(connection, card, code, compared)
            figures = connection.sql(
                f"select * from ({self._figures_sql()}) where period = ? and area_code = ? and breakdown = ?",
                params=[period, code, breakdown],
            ).pl()
        return figures.sort(FIGURES_KEY)

    def _figures_sql(self) -> str:
        """The figures laid out, with their intervals; the first releases carried none."""
        path = self.folder / "sql" / "intervals.sql"
        return path.read_text(encoding="utf-8") if path.is_file() else "select * from edition.indicators.figures"

    def _card(self, indicator: str, breakdown: str) -> Card:
        card = self.cards.get(indicator)
        if card is None:
            raise UserError(f"{indicator} is not an indicator of release {self.id}.")
        if breakdown != "total" and breakdown not in card.breakdowns:
            offered = ", ".join(card.breakdowns) or "none"
            raise UserError(f"{indicator} has no breakdown {breakdown}; it has: {offered}.")
        return card

    def _area(self, area: str) -> str:
        code = padded(area)
        if self.areas().filter(pl.col("area_code") == code).is_empty():
            raise UserError(f"{area} is not an area of release {self.id}. Write a code of 6, 9 or 12 digits.")
        return code

    def _lay_out(self, connection: duckdb.DuckDBPyConnection, card: Card, area: str, periods: pl.DataFrame) -> None:
        """The source tables the compiled SQL reads, cut down to one card and one area, and the models in their order."""
        connection.execute("attach ':memory:' as warehouse; attach ':memory:' as edition")
        for schema in (
            "warehouse.measures",
            "warehouse.core",
            "warehouse.catalogue",
            "edition.inputs",
            "edition.indicators",
        ):
            connection.execute(f"create schema {schema}")
        ancestors = self.table("area_ancestors").filter(
            (pl.col("area_code") == area) | (pl.col("ancestor_code") == area)
        )
        below = ancestors.filter(pl.col("ancestor_code") == area)["area_code"]
        measures = pl.scan_parquet(self.folder / "measures.parquet").filter(
            pl.col("measure").is_in(card.measures), pl.col("area_code").is_in(below.to_list())
        )
        kinds = periods.select("period_kind").unique().with_columns(pl.lit(value=True).alias("has_breakdowns"))
        grid = self.areas().select(pl.col("level").alias("area_level")).unique().join(kinds, how="cross")
        cards = self.table("indicators").filter(pl.col("indicator") == card.id)
        breakdowns = self.table("indicator_breakdowns").filter(pl.col("indicator") == card.id)
        tables = {
            "warehouse.measures.measures_monthly": measures.collect(),
            "warehouse.core.area_ancestors": ancestors,
            "warehouse.core.dim_areas": self.areas(),
            "warehouse.core.reporting": self.table("reporting"),
            "warehouse.catalogue.measures": self.table("measure_words"),
            "warehouse.catalogue.grid": grid,
            "warehouse.catalogue.period_months": months_in(periods),
            "edition.inputs.grid": grid,
            "edition.inputs.cards": cards,
            "edition.inputs.card_breakdowns": breakdowns,
            "edition.inputs.categories": self.categories(),
            "edition.inputs.areas": self.areas().filter(pl.col("area_code") == area),
            "edition.inputs.periods": periods,
            "edition.inputs.breaks": self.table("breaks"),
        }
        for name, rows in tables.items():
            connection.register("given_rows", rows.to_arrow())
            connection.execute(f"create table {name} as select * from given_rows")
            connection.unregister("given_rows")
        made = {"edition.inputs.measures": "measures_by_period", "edition.inputs.coverage": "coverage"}
        made |= {f"edition.indicators.{name}": name for name in ("quantiles", "survival_quantiles")}
        made |= {"edition.indicators.broken_comparisons": "broken_comparisons"}
        made |= {"edition.indicators.figure_values": "figure_values", "edition.indicators.figures": "figures"}
        for name, model in made.items():
            sql = (self.folder / "sql" / f"{model}.sql").read_text(encoding="utf-8")
            connection.execute(f"create table {name} as {sql}")


def open_release(edition: str = "internal", release: str | None = None) -> Release:
    """The published release of an edition, or a named sealed one. Raises `UserError` when there is none."""
    pointer = releases(edition) / (release or "current")
    folder = pointer.resolve()
    if (release is not None and "/" in release) or not (folder / "release.json").is_file():
        missing = (
            f"Release {release} does not exist" if release else f"No release of the {edition} edition is published yet"
        )
        raise UserError(f"{missing}. Run `fengqiao release`, `fengqiao approve` and `fengqiao publish`.")
    metadata = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return Release(folder.name, edition, folder, metadata)
