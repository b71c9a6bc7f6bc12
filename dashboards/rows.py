"""The rows of a release that pages show, as tuples, read once.

A release is immutable, so its id, with the areas that the reader may see, is the cache key, and nothing ever expires.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import polars as pl

from dashboards.release_reader import Release, Scope, open_release
from dashboards.wording import FULL_WIDTH, Figure, year_to_date
from pipelines import catalogue
from pipelines.catalogue import Card, Words
from pipelines.settings import UserError, releases

SYSTEMS = (
    "mediation",
    "screening",
    "petition",
    "correction",
    "resettlement",
    "reconsideration",
    "service",
    "organisation",
    "population",
)
KINDS = ("count", "stock", "ratio", "share", "quantile", "survival_quantile")
NOT_ASSIGNED = catalogue.NOT_ASSIGNED
RELEASE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-]{0,63}")
TREND_MONTHS = 36
RECONCILED = ("reported", "counted_at_closing", "counted", "late", "corrected", "refused", "unexplained")


class Place(NamedTuple):
    """A published area of the release."""

    code: str
    name: Words
    level: str
    parent: str


class Kept(NamedTuple):
    """How a sender kept what it owes of one table for the areas shown, over some months.

    `owed` and `reported` count areas, month by month. What is only known of the sender as a whole is None where it owes
    reports for other areas too.
    """

    sender: Words
    table: Words
    owed: int
    reported: int
    late: int | None
    refused: int | None
    contradictions: int | None


class Standing(NamedTuple):
    """A figure beside its city and its target; `rank` is None where no rank may be given."""

    indicator: str
    area_code: str
    period: str
    city_value: float | None
    difference_to_city: float | None
    target: float | None
    target_direction: str | None
    difference_to_target: float | None
    cases_to_target: int | None
    is_target_met: bool | None
    rank: int | None
    ranked_units: int | None


class Occurrence(NamedTuple):
    """How often happened what should not happen at all, and when it last did."""

    indicator: str
    area_code: str
    period: str
    occurred: int
    last_occurred_month: date | None
    months_since: int | None


class Signal(NamedTuple):
    """A point of a control chart; `lower` and `upper` are the limits of ordinary variation."""

    period: str
    month: date
    chart: str
    value: float | None
    centre: float | None
    lower: float | None
    upper: float | None
    is_seasonal: bool
    signal: str
    side: str | None
    direction: str | None
    is_real_change: bool
    baseline_points: int


class Funnel(NamedTuple):
    """An area in a funnel: its value, its cases, and the limits that chance sets for that many cases."""

    area_code: str
    value: float | None
    cases: int
    centre: float
    lower_95: float
    upper_95: float
    lower_998: float
    upper_998: float
    signal: str
    side: str | None


Found = Mapping[tuple[str, str, str], Figure]  # total rows by indicator, area and period
Cards = Mapping[str, Card]


@dataclass(frozen=True)
class Source:
    """An opened release as one reader sees it, named so that caches can tell data folders and readers apart."""

    folder: str
    edition: str
    id: str
    scope: Scope | None = None


def edition() -> str:
    """The edition that this process serves, from the environment of `fengqiao serve`."""
    return os.environ.get("FENGQIAO_EDITION", "internal")


def newest_release(of_edition: str) -> str | None:
    """The id that the published pointer names; None before the first publication."""
    pointer = releases(of_edition) / "current"
    return pointer.resolve().name if pointer.exists() else None


@lru_cache(maxsize=64)
def opened(source: Source) -> Release:
    """The release itself, cut down to what the reader may see. Raises `UserError` when it does not exist."""
    return open_release(source.edition, source.id, source.scope)


def source_of(of_edition: str, release: str, scope: Scope | None = None) -> Source | None:
    """The source of a release id; None when there is no such release."""
    if not RELEASE.fullmatch(release):
        return None
    source = Source(str(releases(of_edition)), of_edition, release, scope)
    try:
        opened(source)
    except UserError:
        return None
    return source


def metadata(source: Source) -> Mapping[str, Any]:
    return opened(source).metadata


def cards(source: Source) -> Cards:
    return opened(source).cards


def has(source: Source, *tables: str) -> bool:
    """Whether the release carries all these tables; early releases and the public edition lack some."""
    return all(opened(source).has(table) for table in tables)


@lru_cache(maxsize=256)
def cells_of(source: Source, table: str) -> int:
    """How many cells a table has, as it lies in the release."""
    path = opened(source).folder / f"{table}.parquet"
    return int(pl.scan_parquet(path).select(pl.len()).collect().item()) * len(pl.read_parquet_schema(path))


@lru_cache(maxsize=64)
def ordered_cards(source: Source) -> tuple[Card, ...]:
    """All cards by system, counts before rates before durations."""
    return tuple(sorted(cards(source).values(), key=card_order))


def card_order(card: Card) -> tuple[int, int, str]:
    return _rank(card.system, SYSTEMS), _rank(card.kind, KINDS), card.id


def _rank(text: str, order: Sequence[str]) -> int:
    return order.index(text) if text in order else len(order)


def headline_cards(source: Source) -> tuple[Card, ...]:
    """The cards marked `headline`, in their order."""
    return tuple(card for card in ordered_cards(source) if card.headline)


def trend_cards(source: Source) -> tuple[Card, ...]:
    """The first headline card of each system: the one that says how much there is."""
    first: dict[str, Card] = {}
    for card in headline_cards(source):
        first.setdefault(card.system, card)
    return tuple(first.values())


@lru_cache(maxsize=64)
def places(source: Source) -> Mapping[str, Place]:
    """All areas of the release by code."""
    rows = opened(source).areas().select("area_code", "name_zh", "name_en", "level", "parent_code").iter_rows()
    return {code: Place(code, Words(zh=zh, en=en or zh), level, parent or "") for code, zh, en, level, parent in rows}


@lru_cache(maxsize=64)
def periods(source: Source) -> Mapping[str, str]:
    """The kind of each period of the release, by period."""
    frame = opened(source).periods()
    return dict(zip(frame["period"], frame["period_kind"], strict=True))


@lru_cache(maxsize=64)
def months(source: Source) -> tuple[str, ...]:
    """The months of the release, oldest first."""
    return tuple(sorted(period for period, kind in periods(source).items() if kind == "month"))


@lru_cache(maxsize=256)
def series(source: Source, kind: str, month: str) -> tuple[str, ...]:
    """The periods of a kind that have ended with `month`, oldest first: of months the last three years."""
    frame = opened(source).periods().filter(period_kind=kind).sort("last_month")
    ended = frame.filter(pl.col("last_month").dt.to_string("%Y-%m") <= month)["period"].to_list()
    return tuple(ended[-TREND_MONTHS:])


def latest(source: Source, card: Card, month: str) -> str:
    """The year to date where a card has monthly figures, else the last of its own periods that has ended."""
    if card.finest_period == "month":
        return year_to_date(month)
    return next(reversed(series(source, card.finest_period, month)), year_to_date(month))


@lru_cache(maxsize=64)
def categories(source: Source) -> Mapping[str, Mapping[str, Words]]:
    """Labels of the categories by breakdown, in their declared order."""
    found: dict[str, dict[str, Words]] = {}
    frame = opened(source).categories().select("breakdown", "category", "label_zh", "label_en", "sort")
    for breakdown, category, zh, en, _ in sorted(frame.iter_rows(), key=lambda row: (row[0], row[4])):
        found.setdefault(breakdown, {})[category] = Words(zh=zh.translate(FULL_WIDTH), en=en)
    return found


@lru_cache(maxsize=256)
def offered(source: Source, levels: tuple[str, ...]) -> tuple[Place, ...]:
    """The areas of these levels in which anything was counted in any year: cities, each with what lies below it."""
    codes = [
        place.code
        for place in places(source).values()
        if place.level in levels and not place.code.endswith(NOT_ASSIGNED)
    ]
    years = sorted({month[:4] for month in months(source)})
    latest = year_to_date(months(source)[-1]) if years else ""
    rows = figures(source, [card.id for card in headline_cards(source)], codes, [*years, latest])
    known = {row.area_code for row in rows if row.value}
    return tuple(places(source)[code] for code in sorted(known))


@lru_cache(maxsize=4000)
def _figures(
    source: Source, indicators: tuple[str, ...], areas: tuple[str, ...], periods: tuple[str, ...], breakdown: str
) -> tuple[Figure, ...]:
    return as_figures(opened(source).figures(list(indicators), list(areas), list(periods), breakdown))


def as_figures(frame: pl.DataFrame) -> tuple[Figure, ...]:
    """Rows of the release's `figures` as tuples; None for what the release does not say."""
    place = Figure._fields.index("status")
    fields = [pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in Figure._fields]
    return tuple(
        Figure(*row[:place], tuple(code for code in (row[place] or "").split(",") if code), *row[place + 1 :])
        for row in frame.select(fields).iter_rows()
    )


def figures(
    source: Source, indicators: Iterable[str], areas: Iterable[str], periods: Iterable[str], breakdown: str = "total"
) -> tuple[Figure, ...]:
    """Rows of the release's `figures` for these indicators, 12-digit areas and period ids."""
    return _figures(source, tuple(indicators), tuple(areas), tuple(periods), breakdown)


def by_key(rows: Iterable[Figure]) -> Found:
    """Total rows by indicator, area and period."""
    return {(row.indicator, row.area_code, row.period): row for row in rows}


@lru_cache(maxsize=4000)
def children(source: Source, parent: str) -> tuple[Place, ...]:
    """The areas directly below, by code; the not-assigned one last."""
    below = [place for place in places(source).values() if place.parent == parent]
    return tuple(sorted(below, key=lambda place: (place.code.endswith(NOT_ASSIGNED), place.code)))


def trend_months(source: Source, month: str) -> tuple[str, ...]:
    """Up to three years of months that end with `month`."""
    return tuple(known for known in months(source) if known <= month)[-TREND_MONTHS:]


@lru_cache(maxsize=1000)
def _selected(source: Source, table: str, row_type: type[Any], filters: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    if not has(source, table):
        return ()
    frame = opened(source).table(table)
    for column, wanted in filters:
        frame = frame.filter(pl.col(column).is_in(wanted))
    fields = [pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in row_type._fields]
    return tuple(row_type(*row) for row in frame.select(fields).iter_rows())


def standings(
    source: Source, indicators: Iterable[str], areas: Iterable[str], periods: Iterable[str]
) -> tuple[Standing, ...]:
    """Figures beside city and target."""
    filters = (("indicator", tuple(indicators)), ("area_code", tuple(areas)), ("period", tuple(periods)))
    return _selected(source, "standings", Standing, filters)


@lru_cache(maxsize=1000)
def differences(
    source: Source, base: str, others: tuple[str, ...], area: str, period: str
) -> Mapping[str, float | None]:
    """How far the same thing by other rules lies from an indicator."""
    return opened(source).differences(base, list(others), area, period)


@lru_cache(maxsize=1000)
def breaks(source: Source, indicator: str, area: str) -> tuple[str, ...]:
    """The first months of new series of an indicator in an area, of all areas or of this one alone."""
    if not has(source, "breaks"):
        return ()
    of_area = pl.col("area_code").is_null() | (pl.col("area_code") == area)
    of_card = pl.col("indicator").is_null() | (pl.col("indicator") == indicator)
    found = opened(source).table("breaks").filter(of_area, of_card)
    return tuple(sorted(set(found["month"].dt.to_string("%Y-%m"))))


def occurrences(source: Source, areas: Iterable[str], period: str) -> tuple[Occurrence, ...]:
    """The zero lines of these areas in a month, by indicator and area."""
    filters = (("area_code", tuple(areas)), ("period", (period,)))
    return tuple(sorted(_selected(source, "occurrences", Occurrence, filters)))


def signals(source: Source, indicator: str, area: str) -> tuple[Signal, ...]:
    """The control chart of an indicator and area, by month."""
    filters = (("indicator", (indicator,)), ("area_code", (area,)))
    return tuple(sorted(_selected(source, "signals", Signal, filters), key=lambda row: row.month))


def funnel(source: Source, indicator: str, areas: Iterable[str], period: str) -> tuple[Funnel, ...]:
    """The areas of a funnel by their cases."""
    filters = (("indicator", (indicator,)), ("area_code", tuple(areas)), ("period", (period,)))
    return tuple(sorted(_selected(source, "funnels", Funnel, filters), key=lambda row: (row.cases, row.area_code)))


@lru_cache(maxsize=256)
def charted(source: Source, table: str, area: str) -> frozenset[str]:
    """The indicators of an area in a table of signals or funnels."""
    if not has(source, table):
        return frozenset()
    return frozenset(opened(source).table(table).filter(area_code=area)["indicator"].unique())


@lru_cache(maxsize=256)
def by_days(source: Source, measure: str, area: str, first: str, last: str) -> tuple[tuple[int, int | None, int], ...]:
    """Cases by band of days: first day, last day (None: open), cases; nothing where the release has no exact measures."""
    if not opened(source).computes():
        return ()
    return tuple(opened(source).by_days(measure, area, first, last).iter_rows())


@lru_cache(maxsize=256)
def quality(source: Source, area: str, first: str, last: str) -> tuple[Kept, ...]:
    """The senders that owe reports for an area or one in it, in the months from first to last; none in early releases."""
    release = opened(source)
    if not release.has_quality():
        return ()
    known = catalogue.tables()
    return tuple(
        Kept(
            Words(zh=zh.translate(FULL_WIDTH), en=en),
            known[table].label if table in known else Words(zh=table, en=table),
            *counts,
        )
        for table, zh, en, *counts in release.kept(area, first, last).iter_rows()
    )


@lru_cache(maxsize=256)
def refused(source: Source, area: str, first: str, last: str) -> tuple[tuple[Words, Words, str, int], ...]:
    """Reason, export, severity and rows, the most frequent first: of the senders that owe for this area and those in it only."""
    known = catalogue.tables()
    return tuple(
        (Words(zh=zh, en=en), known[table].label if table in known else Words(zh=table, en=table), severity, count)
        for _, zh, en, table, severity, count in opened(source).refused(area, first, last).iter_rows()
    )


@lru_cache(maxsize=256)
def reporting_bands(source: Source, areas: tuple[str, ...], year: str) -> Mapping[tuple[str, str], str]:
    """How much of a year was reported, by area and register, as a public edition says it: all, most, half or few."""
    if source.edition != "public" or not has(source, "reporting"):
        return {}
    found = opened(source).table("reporting").filter(pl.col("area_code").is_in(areas), period=year)
    rows = found.select("area_code", "table_name", "reporting_band").iter_rows()
    return {(area, table): band for area, table, band in rows}


@lru_cache(maxsize=256)
def plausibility(source: Source, area: str, first: str, last: str) -> tuple[tuple[str, str, int, int], ...]:
    """Checks of the books of an area's own senders: check, table, found, checked, in the months from first to last."""
    if not has(source, "plausibility", "senders", "area_ancestors"):
        return ()
    release = opened(source)
    below = release.table("area_ancestors").filter(ancestor_code=area).select("area_code")
    own = release.table("senders").join(below, on="area_code", how="semi").select("table_name", "sender").unique()
    month = pl.col("month").dt.to_string("%Y-%m")
    checks = release.table("plausibility").filter(month.is_between(pl.lit(first), pl.lit(last)))
    sums = checks.join(own, on=["table_name", "sender"], how="semi").group_by("book_check", "table_name")
    return tuple(sums.agg(pl.col("found", "checked").sum()).sort("book_check", "table_name").iter_rows())


@lru_cache(maxsize=256)
def reconciled(source: Source, area: str, month: str) -> tuple[tuple[Any, ...], ...]:
    """Measure, then the columns of `RECONCILED`: an area's forms against its case rows in a month."""
    if not has(source, "reconciliation"):
        return ()
    found = (
        opened(source)
        .table("reconciliation")
        .filter(pl.col("area_code") == area, pl.col("month").dt.to_string("%Y-%m") == month)
    )
    return tuple(found.sort("table_name", "measure").select("measure", *RECONCILED).iter_rows())


def sealed(source: Source) -> list[tuple[str, Mapping[str, Any]]]:
    """The sealed releases of the edition, the newest first, with what each says of itself."""
    folders = sorted(
        releases(source.edition).glob("*/release.json"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    names = [path.parent.name for path in folders if path.parent.name != "current"]
    known = [source_of(source.edition, name, source.scope) for name in names]
    return [(one.id, metadata(one)) for one in known if one]
