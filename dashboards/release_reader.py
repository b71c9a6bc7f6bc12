"""Releases as surfaces read them: materialised figures, and others computed on request by the SQL the release carries.

A release may be opened for a reader who sees some areas only. What lies outside is cut off here and nowhere else, so
that no page, download or answer can show more.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl

from pipelines.catalogue import Card, padded
from pipelines.periods import months_in, months_of, range_table
from pipelines.settings import UserError, releases

FIGURES_KEY = ("indicator", "breakdown", "area_code", "period", "category")
KEPT = ("late", "refused", "contradictions")  # what is known of a sender as a whole only
OPEN = 10**6  # days: more than any case can take
BANDS: tuple[tuple[int, int | None], ...] = ((0, 7), (8, 15), (16, 30), (31, 60), (61, 90), (91, None))  # of days
# By what is computed on request: tables, and the release's models of which they are made, in this order.
COMPUTED = {
    "edition.inputs.measures": "measures_by_period",
    "edition.inputs.coverage": "coverage",
    "edition.indicators.quantiles": "quantiles",
    "edition.indicators.survival_quantiles": "survival_quantiles",
    "edition.indicators.broken_comparisons": "broken_comparisons",
    "edition.indicators.figure_values": "figure_values",
    "edition.indicators.figures": "figures",
}


class Scope(NamedTuple):
    """The areas (12 digits) that a reader sees: with all below them, and those of which only their own figures are seen."""

    whole: frozenset[str]
    single: frozenset[str]


@dataclass(frozen=True)
class Release:
    """One sealed release. `folder` is the resolved path, never the moving pointer. No `scope`: everything is seen."""

    id: str
    edition: str
    folder: Path
    metadata: dict[str, Any]
    scope: Scope | None = None

    @cached_property
    def cards(self) -> dict[str, Card]:
        cards = json.loads((self.folder / "cards.json").read_text(encoding="utf-8"))
        return {card["id"]: Card.model_validate(card) for card in cards}

    def has(self, name: str) -> bool:
        """Whether the release carries a table; early releases and the public edition lack some."""
        return (self.folder / f"{name}.parquet").is_file()

    def computes(self) -> bool:
        """Whether figures may be computed on request: the public edition carries neither SQL nor exact measures, and the
        first releases not all that is asked now."""
        return self.has("breaks") and all(self._sql(model).is_file() for model in COMPUTED.values())

    def table(self, name: str) -> pl.DataFrame:
        """A table of the release as far as the reader sees it: areas, periods, categories, coverage, indicators …

        Raises `UserError` where the release is older than the table, or the edition has none.
        """
        rows = self._whole(name)
        if self._visible is not None and "area_code" in rows.columns:
            return rows.filter(pl.col("area_code").is_in(self._visible) | pl.col("area_code").is_null())
        if self._visible is not None and "sender" in rows.columns:
            return rows.join(self.table("senders"), on=["table_name", "sender"], how="semi")
        return rows

    def _whole(self, name: str) -> pl.DataFrame:
        if not self.has(name):
            why = (
                "the public edition has none"
                if self.edition == "public"
                else "it was made before there was one: draft anew"
            )
            raise UserError(f"Release {self.id} carries no table {name}; {why}.")
        return pl.read_parquet(self.folder / f"{name}.parquet")

    @cached_property
    def _visible(self) -> list[str] | None:
        """Codes of all areas that the reader sees; None: all there are."""
        if self.scope is None:
            return None
        below = self._whole("area_ancestors").filter(pl.col("ancestor_code").is_in(self.scope.whole))["area_code"]
        return sorted({*below, *self.scope.single})

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
        return self.has("data_quality")

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

    def kept(self, area: str, first: str, last: str, *, is_around: bool = False) -> pl.DataFrame:
        """How senders kept what they owe for an area and those in it, from a month to another: one row a table and sender.

        Columns: table_name, name_zh, name_en, owed, reported, late, refused, contradictions. `owed` and `reported` count
        the areas shown, month by month. Lateness, refused rows and contradictions are only known of a sender as a whole:
        they are null where it owes reports for areas that are not shown. `is_around`: with those who report for an area
        that this one lies in, as of a district the offices of its city.
        """
        ancestors = self._whole("area_ancestors")
        within = ancestors.filter(ancestor_code=area)["area_code"].to_list()
        around = ancestors.filter(area_code=area)["ancestor_code"].to_list() if is_around else []
        key = ["table_name", "sender"]
        owing = self._whole("senders").with_columns(is_shown=pl.col("area_code").is_in([*within, *around]))
        whole = owing.group_by(key).agg(
            is_whole=pl.col("area_code").is_in(within).all(),
            is_all_shown=pl.col("is_shown").all(),
            is_any=pl.col("is_shown").any(),
        )
        record = self.quality(first, last).join(whole.filter("is_any"), on=key)
        counts = record.group_by(*key, "name_zh", "name_en", "is_whole").agg(
            pl.col("areas_owed", "areas_reported", "is_late", "quarantined", "inconsistencies").sum().cast(pl.Int64)
        )
        parts = self._kept_in_part(record.filter(~pl.col("is_all_shown")), owing.filter("is_shown"))
        only_whole = [pl.when("is_whole").then(name) for name in ("is_late", "quarantined", "inconsistencies")]
        return (
            counts.join(parts, on=key, how="left")
            .select(
                "table_name",
                "name_zh",
                "name_en",
                pl.coalesce("owed", "areas_owed").alias("owed"),
                pl.coalesce("reported", "areas_reported").alias("reported"),
                *(column.alias(name) for column, name in zip(only_whole, KEPT, strict=True)),
                "sender",
            )
            .sort("table_name", "sender")
            .drop("sender")
        )

    def refused(self, area: str, first: str, last: str) -> pl.DataFrame:
        """Why rows were refused or warned of, from a month to another: of the senders that owe for this area and those in it only.

        Columns: reason, reason_zh, reason_en, table_name, severity, failing_rows; the most frequent first. Empty where the
        release has no such record.
        """
        by = ["reason", "reason_zh", "reason_en", "table_name", "severity"]
        if not self.has("quarantine_reasons"):
            return pl.DataFrame(schema=dict.fromkeys(by, pl.String) | {"failing_rows": pl.Int64})
        key = ["table_name", "sender"]
        below = self.table("area_ancestors").filter(ancestor_code=area)["area_code"].to_list()
        own = self.table("senders").group_by(key).agg(is_own=pl.col("area_code").is_in(below).all()).filter("is_own")
        month = pl.col("month").dt.to_string("%Y-%m")
        found = self.table("quarantine_reasons").filter(month.is_between(pl.lit(first), pl.lit(last)))
        sums = found.join(own, on=key, how="semi").group_by(by).agg(pl.col("failing_rows").sum())
        return sums.sort("failing_rows", *by, descending=[True] + [False] * 5)

    def _kept_in_part(self, record: pl.DataFrame, owing: pl.DataFrame) -> pl.DataFrame:
        """Of senders that owe for other areas too: the reports on the areas shown, owed and there."""
        key = ["table_name", "sender"]
        empty = {"table_name": pl.String, "sender": pl.String, "owed": pl.Int64, "reported": pl.Int64}
        if record.is_empty():
            return pl.DataFrame(schema=empty)
        reporting = self._whole("reporting").with_columns(is_there=pl.lit(value=True))
        is_owed = (pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("month"))) & (
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("month"))
        )
        months = record.select(*key, "month").join(owing.select(*key, "area_code", "valid_from", "valid_to"), on=key)
        return (
            months.filter(is_owed)
            .join(
                reporting,
                left_on=["table_name", "area_code", "month"],
                right_on=["coverage", "area_code", "month"],
                how="left",
            )
            .group_by(key)
            .agg(owed=pl.len().cast(pl.Int64), reported=pl.col("is_there").count().cast(pl.Int64))
        )

    def by_days(self, measure: str, area: str, first: str, last: str) -> pl.DataFrame:
        """A histogram measure of an area added up over months and cut into bands of days.

        Columns: first_day, last_day (null: open), cases; one row a band of `BANDS`.
        """
        below = self._whole("area_ancestors").filter(ancestor_code=self._area(area))["area_code"].to_list()
        month = pl.col("month").dt.to_string("%Y-%m")
        rows = pl.scan_parquet(self.folder / "measures.parquet").filter(
            pl.col("measure") == measure,
            pl.col("breakdown") == "total",
            pl.col("area_code").is_in(below),
            month.is_between(pl.lit(first), pl.lit(last)),
        )
        sums = rows.select(
            pl.col("value")
            .filter(pl.col("bucket") >= low, pl.col("bucket") <= (OPEN if high is None else high))
            .sum()
            .alias(str(low))
            for low, high in BANDS
        ).collect()
        schema = {"first_day": pl.Int64, "last_day": pl.Int64, "cases": pl.Int64}
        rows_of_bands = [(low, high, int(sums[str(low)][0])) for low, high in BANDS]
        return pl.DataFrame(rows_of_bands, schema=schema, orient="row")

    def figures(
        self, indicator: str | list[str], areas: list[str] | None, periods: list[str] | None, breakdown: str = "total"
    ) -> pl.DataFrame:
        """Materialised rows of `figures` for indicators, areas and periods (None: all), ordered by `FIGURES_KEY`.

        `status` has an `r` where the release differs from the one it supersedes or from the one published before it.
        """
        wanted = pl.scan_parquet(self.folder / "figures.parquet").filter(
            pl.col("indicator").is_in([indicator] if isinstance(indicator, str) else indicator),
            pl.col("breakdown") == breakdown,
        )
        if areas is not None:
            wanted = wanted.filter(pl.col("area_code").is_in([padded(code) for code in areas]))
        if periods is not None:
            wanted = wanted.filter(pl.col("period").is_in(periods))
        if self._visible is not None:
            wanted = wanted.filter(pl.col("area_code").is_in(self._visible))
        return self._with_revisions(wanted).collect().sort(FIGURES_KEY)

    def _with_revisions(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """`figures` with the mark of revised cells; the first releases did not know theirs. A new indicator revises nothing."""
        path = self.folder / "changes.parquet"
        if not path.is_file():
            return rows
        revised = (
            pl.scan_parquet(path)
            .filter(pl.col("reason") != "added")
            .select(FIGURES_KEY)
            .unique()
            .with_columns(pl.lit("r").alias("revised"))
        )
        status = pl.concat_str(pl.col("status").replace("", None), "revised", separator=",", ignore_nulls=True)
        return rows.join(revised, on=FIGURES_KEY, how="left").with_columns(status.alias("status")).drop("revised")

    def reconciled(self, area: str, first: str, last: str) -> pl.DataFrame:
        """What monthly forms reported of an area, or of those in it, beside the case rows, from a month to another.

        One row a measure: measure, reported, counted, late, corrected, refused, unexplained, added over the months; of a
        stock the last month's. All but reported is null of what no case rows count. Empty where no form was handed in, or
        the release has no such account.
        """
        names = ("reported", "counted", "late", "corrected", "refused", "unexplained")
        if not self.has("reconciliation"):
            return pl.DataFrame(schema={"measure": pl.String} | dict.fromkeys(names, pl.Int64))
        within = self._whole("area_ancestors").filter(ancestor_code=area).select("area_code")
        stocks = self.table("measure_words").filter(pl.col("over_time") == "last")["measure"].to_list()
        month = pl.col("month").dt.to_string("%Y-%m")
        rows = (
            self.table("reconciliation").join(within, on="area_code", how="semi").filter(month >= first, month <= last)
        )
        wanted = rows.filter(~pl.col("measure").is_in(stocks) | (month == last))
        sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()) for name in names]
        return wanted.group_by("measure").agg(sums).sort("measure")

    def differences(self, base: str, others: list[str], area: str, period: str) -> dict[str, float | None]:
        """By how much other indicators of an area and period lie above one of the same unit; None where one is missing."""
        rows = self.figures([base, *others], [area], [period])
        values = dict(rows.select("indicator", "value").iter_rows())
        own = values.get(base)
        lies = ((name, values.get(name)) for name in others)
        return {name: None if own is None or value is None else value - own for name, value in lies}

    def changes(self) -> pl.DataFrame:
        """The cells that differ from earlier releases, before and after, each with its reasons; empty where none is known.

        Columns: FIGURES_KEY, value, numerator and denominator `_before` and `_after`, reason, against.
        """
        names = [*FIGURES_KEY, "reason", "against"]
        return self.table("changes") if self.has("changes") else pl.DataFrame(schema=names)

    def answer(self, indicator: str, area: str, period: str, breakdown: str = "total") -> pl.DataFrame:
        """Figures of one indicator, area and period: those the release holds, else computed on request.

        Columns of `figures`. Raises `UserError` like `compute`.
        """
        card, code = self._card(indicator, breakdown), self._area(area)
        held = self.figures(card.id, [code], [period], breakdown)
        is_township = self._whole("areas").filter(area_code=code)["level"][0] == "township"
        is_range = period not in set(self.periods()["period"])
        if len(held) or not (is_range or is_township) or not self.computes():
            return held
        return self.compute(card.id, code, period, breakdown)

    def compute(self, indicator: str | list[str], area: str, period: str, breakdown: str = "total") -> pl.DataFrame:
        """Figures of one indicator, or of several, for any area, any range of months and any of the card's breakdowns, by the same SQL.

        Columns of `figures`. Raises `UserError` on an unknown indicator, area, breakdown or period, and in the public
        edition, which holds all that it shows.
        """
        if self.edition == "public":
            raise UserError("The public edition shows the figures it holds; others are not computed from them.")
        if not self.computes():
            raise UserError(f"Release {self.id} shows the figures it holds: it was made before others were computed.")
        wanted = [indicator] if isinstance(indicator, str) else indicator
        cards = [self._card(name, breakdown) for name in wanted]
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
            self._lay_out(connection, cards, code, compared)
            figures = connection.sql(
                f"select * from ({self._figures_sql()}) where period = ? and area_code = ? and breakdown = ?",
                params=[period, code, breakdown],
            ).pl()
        return figures.sort(FIGURES_KEY)

    def _figures_sql(self) -> str:
        """The figures laid out, with their intervals; the first releases carried none."""
        path = self._sql("intervals")
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

    def _lay_out(
        self, connection: duckdb.DuckDBPyConnection, cards: list[Card], area: str, periods: pl.DataFrame
    ) -> None:
        """The source tables the compiled SQL reads, cut down to some cards and one area, and the models in their order."""
        names = [card.id for card in cards]
        used = sorted({measure for card in cards for measure in card.measures})
        connection.execute("attach ':memory:' as warehouse; attach ':memory:' as edition")
        for schema in (
            "warehouse.measures",
            "warehouse.core",
            "warehouse.catalogue",
            "edition.inputs",
            "edition.indicators",
        ):
            connection.execute(f"create schema {schema}")
        ancestors = self._whole("area_ancestors").filter(
            (pl.col("area_code") == area) | (pl.col("ancestor_code") == area)
        )
        below = ancestors.filter(pl.col("ancestor_code") == area)["area_code"]
        measures = pl.scan_parquet(self.folder / "measures.parquet").filter(
            pl.col("measure").is_in(used), pl.col("area_code").is_in(below.to_list())
        )
        kinds = periods.select("period_kind").unique().with_columns(pl.lit(value=True).alias("has_breakdowns"))
        grid = self._whole("areas").select(pl.col("level").alias("area_level")).unique().join(kinds, how="cross")
        rows_of_cards = self.table("indicators").filter(pl.col("indicator").is_in(names))
        breakdowns = self.table("indicator_breakdowns").filter(pl.col("indicator").is_in(names))
        tables = {
            "warehouse.measures.measures_monthly": measures.collect(),
            "warehouse.core.area_ancestors": ancestors,
            "warehouse.core.dim_areas": self._whole("areas"),
            "warehouse.core.reporting": self._whole("reporting"),
            "warehouse.catalogue.measures": self.table("measure_words"),
            "warehouse.catalogue.grid": grid,
            "warehouse.catalogue.period_months": months_in(periods),
            "edition.inputs.grid": grid,
            "edition.inputs.cards": rows_of_cards,
            "edition.inputs.card_breakdowns": breakdowns,
            "edition.inputs.categories": self.categories(),
            "edition.inputs.areas": self._whole("areas").filter(pl.col("area_code") == area),
            "edition.inputs.periods": periods,
            "edition.inputs.breaks": self.table("breaks"),
        }
        for name, rows in tables.items():
            connection.register("given_rows", rows.to_arrow())
            connection.execute(f"create table {name} as select * from given_rows")
            connection.unregister("given_rows")
        for name, model in COMPUTED.items():
            connection.execute(f"create table {name} as {self._sql(model).read_text(encoding='utf-8')}")

    def _sql(self, model: str) -> Path:
        return self.folder / "sql" / f"{model}.sql"


def open_release(edition: str = "internal", release: str | None = None, scope: Scope | None = None) -> Release:
    """The published release of an edition, or a named sealed one, as far as a reader sees it.

    Raises `UserError` when there is none, or none that this process may open.
    """
    pointer = releases(edition) / (release or "current")
    try:
        folder = pointer.resolve()
        is_there = (folder / "release.json").is_file()
    except PermissionError:
        raise UserError(
            f"{releases(edition)} may not be opened by this user: each edition is read by a system user of its own."
        ) from None
    if (release is not None and "/" in release) or not is_there:
        missing = (
            f"Release {release} does not exist" if release else f"No release of the {edition} edition is published yet"
        )
        raise UserError(f"{missing}. Run `fengqiao release`, `fengqiao approve` and `fengqiao publish`.")
    metadata = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return Release(folder.name, edition, folder, metadata, scope)
