"""The indicators of one edition, computed in a database of its own from that edition's measures."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines import catalogue
from pipelines.catalogue import Card
from pipelines.intake import ledger
from pipelines.periods import month_start
from pipelines.settings import UserError
from pipelines.warehouse.coverage import card_needs, coverage_of
from pipelines.warehouse.running import (
    Progress,
    column,
    compile_in_full,
    connected,
    edition_path,
    run_dbt,
    warehouse_path,
    write,
)


def build_edition(
    edition: str, progress: Progress = lambda _: None, inputs: Mapping[str, pl.DataFrame] | None = None
) -> Path:
    """Compute the figures of one edition from its measures, in a new database. Returns its path.

    The internal edition reads the exact measures; of the public one the measures are `inputs`, with what else its figures
    are made with. Raises `UserError` when nothing is built or a test fails, and `ValueError` for a public edition without measures.
    """
    if (edition == "public") != (inputs is not None):
        raise ValueError(f"The {edition} edition with the measures of another.")
    if not warehouse_path().exists():
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    path = edition_path(edition)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ledger.writer_lock():
        path.unlink(missing_ok=True)
        with connected(path) as connection:
            _write_edition(connection, inputs)
        if edition == "internal":  # whose releases carry their SQL
            compile_in_full()
        run_dbt("edition", ["build", "--select", "indicators", "source:edition"], progress, edition)
    return path


def card_table(cutoff: date, alike: Mapping[str, str]) -> pl.DataFrame:
    """One row a card: indicator, its words and parts, and of its measures over_time, lowest_level and coverage.

    `is_proportion`: what is counted above the line is among what is counted below it, so that the figure lies between
    none and all: a share or percentage of the same things, on the same date and over the same time.
    `mature_until`: periods that end later than this day are provisional, because at the data's `cutoff` their cases have
    not had the days of the card's `matures_after`; null where a card has none.
    """
    rows = [_card_row(card, cutoff, alike) for card in catalogue.cards().values()]
    texts = dict.fromkeys(("denominator", "denominator_with", "censored", "void_where", "other_coverage"), pl.String)
    return pl.DataFrame(rows, schema_overrides={**texts, "quantile": pl.Float64, "mature_until": pl.Date})


def _card_row(card: Card, cutoff: date, alike: Mapping[str, str]) -> dict[str, Any]:
    measure = catalogue.measures()[card.numerator]
    coverages = [alike[coverage_of(*needs)] for needs in card_needs(card)]
    return {
        "indicator": card.id,
        "label_zh": card.label.zh,
        "label_en": card.label.en,
        "system": card.system,
        "kind": card.kind,
        "numerator": card.numerator,
        "denominator": card.denominator,
        "denominator_with": card.denominator_with,
        "is_average_denominator": bool(card.denominator)
        and catalogue.measures()[str(card.denominator)].over_time == "mean",
        "censored": card.censored,
        "void_where": card.void_where,
        "quantile": card.quantile,
        "unit": card.unit,
        "scale": float(catalogue.units()[card.unit]["scale"]),
        "is_proportion": card.unit == "percent" and _is_counted_alike(card),
        "decimals": card.decimals,
        "better": card.better,
        "over_time": measure.over_time,
        "lowest_level": card.lowest_level or measure.lowest_level,
        "finest_period": card.finest_period,
        "is_zero_line": card.is_zero_line,
        "coverage": coverages[0],
        "other_coverage": coverages[1] if len(coverages) > 1 else None,
        "mature_until": None if card.matures_after is None else cutoff - timedelta(days=card.matures_after),
    }


def _is_counted_alike(card: Card) -> bool:
    """Whether numerator and denominator count (sums of money are no counts) the same things in the same way."""
    parts = [card.numerator, card.denominator, card.denominator_with]
    used = [catalogue.measures()[name] for name in parts if name]
    is_money = float(catalogue.units()[used[0].unit]["scale"]) != 1
    return not is_money and len({(m.table, m.unit, m.date, m.over_time) for m in used}) == 1


def card_breakdown_table() -> pl.DataFrame:
    """indicator, breakdown: the total of every card but a share, and its breakdowns."""
    pairs = [
        (card.id, breakdown)
        for card in catalogue.cards().values()
        for breakdown in (*(() if card.kind == "share" else ("total",)), *card.breakdowns)
    ]
    return pl.DataFrame(pairs, schema=["indicator", "breakdown"], orient="row")


def category_table() -> pl.DataFrame:
    """breakdown, category, label_zh, label_en, sort, is_dense: every code of every breakdown, the total, and not stated."""
    used = sorted({breakdown for measure in catalogue.measures().values() for breakdown in measure.breakdowns})
    rows: list[tuple[str, str, str, str, int, bool]] = [("total", "total", "合计", "Total", 0, True)]
    for breakdown in used:
        codes = catalogue.code_lists()[breakdown]
        rows += [(breakdown, code.code, code.label_zh, code.label_en, code.sort, True) for code in codes]
        rows.append((breakdown, "not_stated", "未填", "Not stated", 999, False))
    names = ["breakdown", "category", "label_zh", "label_en", "sort", "is_dense"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _write_edition(connection: duckdb.DuckDBPyConnection, inputs: Mapping[str, pl.DataFrame] | None) -> None:
    """The source tables of an edition: its measures, and the words they are joined to; of the public one its own only."""
    connection.execute(f"attach '{str(warehouse_path()).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
    connection.execute("create schema inputs")
    copies = {"measures": "measures.measures_by_period", "coverage": "measures.coverage", "areas": "catalogue.areas"}
    copies |= {"grid": "catalogue.grid", "periods": "catalogue.periods"}
    copies = {name: origin for name, origin in copies.items() if name not in (inputs or {})}
    for name, origin in copies.items():
        connection.execute(f"create table inputs.{name} as select * from warehouse.{origin}")
    cutoff = column(connection, "select last_day(last_month) from warehouse.catalogue.build_request")[0]
    alike = dict(connection.execute("select coverage, standing from warehouse.catalogue.told_alike").fetchall())
    connection.execute("detach warehouse")
    cards, breakdowns, categories = card_table(cutoff, alike), card_breakdown_table(), category_table()
    if inputs is not None:
        plan = catalogue.publication_plan()
        cards = cards.filter(pl.col("indicator").is_in(plan.indicators))
        breakdowns = breakdowns.filter(pl.Series([plan.shows(*pair) for pair in breakdowns.iter_rows()]))
        categories = categories.with_columns(pl.lit(True).alias("is_dense"))
    write(connection, "inputs", "cards", cards)
    write(connection, "inputs", "card_breakdowns", breakdowns)
    write(connection, "inputs", "categories", categories)
    for name, rows in (inputs or {}).items():
        write(connection, "inputs", name, rows)
    write(connection, "inputs", "breaks", break_table())
    write(connection, "inputs", "targets", target_table())


def break_table() -> pl.DataFrame:
    """indicator or area_code (the other is null), month: the first month after which figures are not compared with those
    before it."""
    of_cards = [(card.id, None, month_start(month)) for card in catalogue.cards().values() for month in card.breaks]
    of_areas = [(None, change.area_code, change.month) for change in catalogue.area_changes()]
    schema = {"indicator": pl.String, "area_code": pl.String, "month": pl.Date}
    return pl.DataFrame([*of_cards, *of_areas], schema=schema, orient="row")


def target_table() -> pl.DataFrame:
    """indicator, area_code, year, target (in the card's unit), direction (at_least or at_most), source."""
    rows = [target.model_dump() for target in catalogue.targets()]
    schema = {"indicator": pl.String, "area_code": pl.String, "year": pl.Int64, "target": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, "direction": pl.String, "source": pl.String})
