"""What the reader chose, as codes in the address, and the rows of the release that answer it.

Rows are read once per release id: a release is immutable, so its id is the cache key and nothing ever expires.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import streamlit as st

from dashboards.release_reader import Release, open_release
from dashboards.wording import LANGUAGES, Figure, Language, year_to_date
from pipelines import catalogue
from pipelines.catalogue import Card, Words
from pipelines.settings import UserError, releases

PageName = Literal["city_overview", "district_profile"]
LEVELS: Mapping[PageName, str] = {"city_overview": "city", "district_profile": "district"}
SYSTEMS = (
    "mediation",
    "screening",
    "petition",
    "correction",
    "resettlement",
    "reconsideration",
    "service",
    "organisation",
)
KINDS = ("count", "stock", "ratio", "share", "quantile", "survival_quantile")
NOT_ASSIGNED = catalogue.NOT_ASSIGNED
RELEASE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.\-]*")
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
TREND_MONTHS = 36


class Place(NamedTuple):
    """A published area of the release."""

    code: str
    name: Words
    level: str
    parent: str


class Kept(NamedTuple):
    """How a sender kept what it owes of one table over some months. `owed` and `reported`: areas, month by month."""

    sender: Words
    table: Words
    owed: int
    reported: int
    late: int
    refused: int
    contradictions: int


class Notice(NamedTuple):
    """Something the reader must be told: a word of section `notices`, its values, and the page to go to instead."""

    key: str
    values: Mapping[str, str]
    page: PageName | None = None


@dataclass(frozen=True)
class Source:
    """An opened release, named so that caches can tell releases of different data folders apart."""

    folder: str
    edition: str
    id: str


@dataclass(frozen=True)
class View:
    """What a page shows. `place` and `month` are None where the address names what does not exist (see `notices`)."""

    page: PageName
    language: Language
    source: Source | None
    newest: str | None
    place: Place | None
    month: str | None
    notices: tuple[Notice, ...]


def edition() -> str:
    """The edition that this process serves, from the environment of `fengqiao serve`."""
    return os.environ.get("FENGQIAO_EDITION", "internal")


def newest_release(of_edition: str) -> str | None:
    """The id that the published pointer names; None before the first publication."""
    pointer = releases(of_edition) / "current"
    return pointer.resolve().name if pointer.exists() else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _opened(source: Source) -> Release:
    return open_release(source.edition, source.id)


def source_of(of_edition: str, release: str) -> Source | None:
    """The source of a release id; None when there is no such release."""
    if not RELEASE.fullmatch(release):
        return None
    source = Source(str(releases(of_edition)), of_edition, release)
    try:
        _opened(source)
    except UserError:
        return None
    return source


def metadata(source: Source) -> Mapping[str, Any]:
    return _opened(source).metadata


def cards(source: Source) -> Mapping[str, Card]:
    return _opened(source).cards


def headline_cards(source: Source) -> tuple[Card, ...]:
    """The cards marked `headline`: by system, counts before rates before durations."""
    chosen = [card for card in cards(source).values() if card.headline]
    return tuple(sorted(chosen, key=lambda card: (_rank(card.system, SYSTEMS), _rank(card.kind, KINDS), card.id)))


def _rank(text: str, order: Sequence[str]) -> int:
    return order.index(text) if text in order else len(order)


def trend_cards(source: Source) -> tuple[Card, ...]:
    """The first headline card of each system: the one that says how much there is."""
    first: dict[str, Card] = {}
    for card in headline_cards(source):
        first.setdefault(card.system, card)
    return tuple(first.values())


@st.cache_resource(max_entries=16, show_spinner=False)
def places(source: Source) -> Mapping[str, Place]:
    """All areas of the release by code."""
    rows = _opened(source).areas().select("area_code", "name_zh", "name_en", "level", "parent_code").iter_rows()
    return {code: Place(code, Words(zh=zh, en=en or zh), level, parent or "") for code, zh, en, level, parent in rows}


@st.cache_resource(max_entries=16, show_spinner=False)
def months(source: Source) -> tuple[str, ...]:
    """The months of the release, oldest first."""
    periods = _opened(source).periods()
    return tuple(sorted(set(periods.filter(periods["period_kind"] == "month")["period"])))


@st.cache_resource(max_entries=16, show_spinner=False)
def categories(source: Source) -> Mapping[str, Mapping[str, Words]]:
    """Labels of the categories by breakdown, in their declared order."""
    found: dict[str, dict[str, Words]] = {}
    frame = _opened(source).categories().select("breakdown", "category", "label_zh", "label_en", "sort")
    for breakdown, category, zh, en, _ in sorted(frame.iter_rows(), key=lambda row: (row[0], row[4])):
        found.setdefault(breakdown, {})[category] = Words(zh=zh, en=en)
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def offered(source: Source, level: str) -> tuple[Place, ...]:
    """The areas of a level in which anything was counted in any year, by code; not-assigned areas apart."""
    codes = [
        place.code
        for place in places(source).values()
        if place.level == level and not place.code.endswith(NOT_ASSIGNED)
    ]
    years = sorted({month[:4] for month in months(source)})
    latest = year_to_date(months(source)[-1]) if years else ""
    rows = figures(source, [card.id for card in headline_cards(source)], codes, [*years, latest])
    known = {row.area_code for row in rows if row.value}
    return tuple(places(source)[code] for code in sorted(known))


@st.cache_data(max_entries=2000, show_spinner=False)
def _figures(
    source: Source, indicators: tuple[str, ...], areas: tuple[str, ...], periods: tuple[str, ...], breakdown: str
) -> tuple[Figure, ...]:
    frame = _opened(source).figures(list(indicators), list(areas), list(periods), breakdown)
    rows = frame.select(Figure._fields).iter_rows()
    return tuple(Figure(*row[:-1], status=tuple(code for code in (row[-1] or "").split(",") if code)) for row in rows)


def figures(
    source: Source, indicators: Iterable[str], areas: Iterable[str], periods: Iterable[str], breakdown: str = "total"
) -> tuple[Figure, ...]:
    """Rows of the release's `figures` for these indicators, 12-digit areas and period ids."""
    return _figures(source, tuple(indicators), tuple(areas), tuple(periods), breakdown)


def by_key(rows: Iterable[Figure]) -> Mapping[tuple[str, str, str], Figure]:
    """Total rows by indicator, area and period."""
    return {(row.indicator, row.area_code, row.period): row for row in rows}


def children(source: Source, parent: str) -> tuple[Place, ...]:
    """The areas directly below, by code; the not-assigned one last."""
    below = [place for place in places(source).values() if place.parent == parent]
    return tuple(sorted(below, key=lambda place: (place.code.endswith(NOT_ASSIGNED), place.code)))


def trend_months(source: Source, month: str) -> tuple[str, ...]:
    """Up to three years of months that end with `month`."""
    return tuple(known for known in months(source) if known <= month)[-TREND_MONTHS:]


def short(code: str) -> str:
    """An area code as it stands in addresses: six digits for districts and above, nine for townships."""
    if len(code) != 12 or code.endswith(NOT_ASSIGNED):
        return code
    return code[:6] if code.endswith("000000") else code[:9]


def address(view: View, **changed: str) -> dict[str, str]:
    """The query parameters of a view; `changed` replaces some of them."""
    chosen = {
        "area": short(view.place.code) if view.place else "",
        "period": view.month or "",
        "lang": view.language,
        "release": view.source.id if view.source else "",
    }
    return {name: value for name, value in (chosen | changed).items() if value}


def read(page: PageName, parameters: Mapping[str, str]) -> View:
    """The view that an address asks for. What is left open gets a default; what does not exist is told, not replaced."""
    language, notices = _language(parameters.get("lang"))
    newest = newest_release(edition())
    release = parameters.get("release") or newest
    source = source_of(edition(), release) if release else None
    if source is None:
        notice = Notice("unknown_release", {"value": release}) if release else Notice("no_release", {})
        return View(page, language, None, newest, None, None, (*notices, notice))
    place, about_place = _place(source, page, parameters.get("area"), language)
    month, about_month = _month(source, parameters.get("period"))
    return View(page, language, source, newest, place, month, (*notices, *about_place, *about_month))


def _language(code: str | None) -> tuple[Language, tuple[Notice, ...]]:
    for known in LANGUAGES:
        if code == known:
            return known, ()
    return "zh", (Notice("unknown_language", {"value": code}),) if code else ()


def _month(source: Source, period: str | None) -> tuple[str | None, tuple[Notice, ...]]:
    known = months(source)
    if period is None:
        return known[-1] if known else None, ()
    if MONTH.fullmatch(period) and period in known:
        return period, ()
    return None, (Notice("unknown_period", {"value": period, "release": source.id}),)


def _place(
    source: Source, page: PageName, code: str | None, language: Language
) -> tuple[Place | None, tuple[Notice, ...]]:
    choices = offered(source, LEVELS[page])
    if code is None:
        return choices[0] if choices else None, ()
    place = places(source).get(catalogue.padded(code))
    if place is None:
        return None, (Notice("unknown_area", {"value": code, "release": source.id}),)
    name = place.name.zh if language == "zh" else place.name.en
    if place.level != LEVELS[page]:
        other = next((known for known, level in LEVELS.items() if level == place.level), None)
        return None, (Notice("wrong_level", {"area": name, "value": code, "level": place.level}, other),)
    if place not in choices:
        return None, (Notice("no_figures", {"area": name, "release": source.id}),)
    return place, ()


def counterpart(source: Source, place: Place | None, page: PageName) -> Place | None:
    """The area to open on another page: a district's city, a city's first district with figures."""
    if place is None or place.level == LEVELS[page]:
        return place
    if LEVELS[page] == "city":
        return places(source).get(place.parent)
    return next((known for known in offered(source, "district") if known.parent == place.code), None)


@st.cache_resource(max_entries=64, show_spinner=False)
def quality(source: Source, area: str, first: str, last: str) -> tuple[Kept, ...]:
    """The senders that owe reports for an area or one in it, in the months from first to last; none in early releases."""
    release = _opened(source)
    if not release.has_quality():
        return ()
    known = catalogue.tables()
    return tuple(
        Kept(
            Words(zh=zh, en=en), known[table].label if table in known else Words(zh=table, en=table), *map(int, counts)
        )
        for table, _, zh, en, *counts in release.kept(area, first, last).iter_rows()
    )
