"""What the reader chose, as codes in the address: the page, the release, the area, the month and what a page adds.

Codes and never labels stand in the address, so a link works after a relabelling and in the other language. What is
left open gets a default; what does not exist is told, not replaced.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from dashboards import rows
from dashboards.release_reader import Scope
from dashboards.rows import NOT_ASSIGNED, Place, Source
from dashboards.wording import LANGUAGES, Language, spoken
from pipelines import catalogue

PageName = Literal[
    "city_overview",
    "district_profile",
    "explorer",
    "analysis",
    "map",
    "three_tiers",
    "annual_review",
    "data_quality",
    "definitions",
    "data_access",
]
# The levels of the areas that a page shows, the most usual first.
LEVELS: Mapping[PageName, tuple[str, ...]] = {
    "city_overview": ("city",),
    "district_profile": ("district",),
    "explorer": ("city", "district"),
    "analysis": ("city", "district"),
    "map": ("city",),
    "three_tiers": ("city", "district"),
    "annual_review": ("city", "district"),
    "data_quality": ("city", "district"),
    "definitions": ("city", "district"),
    "data_access": ("city", "district"),
}
# Tables without which a page has nothing to show; a release that lacks one does not offer the page.
NEEDS: Mapping[PageName, tuple[str, ...]] = {"analysis": ("signals", "funnels"), "data_quality": ("reporting",)}
# A page on nothing but these indicators is offered where the release has one of them.
ABOUT: Mapping[PageName, tuple[str, ...]] = {
    "three_tiers": (
        "screening_found",
        "screening_tier_share",
        "mediation_tier_share",
        "mediation_village_resolution_rate",
    )
}
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class Notice(NamedTuple):
    """Something the reader must be told: a word of section `notices`, its values, and the page and area to go to instead."""

    key: str
    values: Mapping[str, str]
    page: PageName | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Subject:
    """What the sections of a page are about. `options` are the page's own choices by their name in the address."""

    page: PageName
    language: Language
    source: Source
    place: Place
    month: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return spoken(self.place.name, self.language)

    @property
    def above(self) -> Place | None:
        """The area above, beside which this one stands: a district's city."""
        return rows.places(self.source).get(self.place.parent) if self.place.level != "city" else None


class Option(NamedTuple):
    """A choice that a page adds to area and month.

    `names` gives what can be chosen, code by label, knowing what was chosen so far; the first is the default unless
    `default` says another. `is_searched`: free text, no list.
    """

    parameter: str
    label: str
    names: Callable[[Subject], Mapping[str, str]]
    default: str = ""
    is_searched: bool = False


@dataclass(frozen=True)
class View:
    """What an address asks for. `place` and `month` are None where it names what does not exist (see `notices`)."""

    page: PageName
    language: Language
    source: Source | None
    newest: str | None
    place: Place | None
    month: str | None
    notices: tuple[Notice, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> Subject | None:
        """What there is to show; None where the address is wrong."""
        is_told = any(notice.key == "unknown_option" for notice in self.notices)
        if is_told or not (self.source and self.place and self.month):
            return None
        return Subject(self.page, self.language, self.source, self.place, self.month, self.options)


def offered_pages(source: Source | None) -> tuple[PageName, ...]:
    """The pages that a release has data for."""
    return tuple(page for page in LEVELS if source is None or _has_what_it_needs(source, page))


def _has_what_it_needs(source: Source, page: PageName) -> bool:
    about = ABOUT.get(page)
    has_indicator = about is None or any(indicator in rows.cards(source) for indicator in about)
    return has_indicator and rows.has(source, *NEEDS.get(page, ()))


def short(code: str) -> str:
    """An area code as it stands in addresses: six digits for districts and above, nine for townships."""
    if len(code) != 12 or code.endswith(NOT_ASSIGNED):
        return code
    return code[:6] if code.endswith("000000") else code[:9]


def address(view: View | Subject, **changed: str) -> dict[str, str]:
    """The query parameters of a view; `changed` replaces some of them."""
    chosen = {
        "area": short(view.place.code) if view.place else "",
        "period": view.month or "",
        **view.options,
        "lang": view.language,
        "release": view.source.id if view.source else "",
    }
    return {name: value for name, value in (chosen | changed).items() if value}


def read(
    page: PageName, parameters: Mapping[str, str], options: Sequence[Option] = (), scope: Scope | None = None
) -> View:
    """The view that an address asks for, as far as the reader may see it."""
    language, notices = _language(parameters.get("lang"))
    newest = rows.newest_release(rows.edition())
    release = parameters.get("release") or newest
    source = rows.source_of(rows.edition(), release, scope) if release else None
    if source is None:
        notice = Notice("unknown_release", {"value": release}) if release else Notice("no_release", {})
        return View(page, language, None, newest, None, None, (*notices, notice))
    if page not in offered_pages(source):
        notice = Notice("page_not_offered", {"release": source.id}, "city_overview")
        return View(page, language, source, newest, None, None, (*notices, notice))
    place, about_place = _place(source, page, parameters.get("area"), language)
    month, about_month = _month(source, parameters.get("period"))
    view = View(page, language, source, newest, place, month, (*notices, *about_place, *about_month))
    return _with_options(view, parameters, options)


def _with_options(view: View, parameters: Mapping[str, str], options: Sequence[Option]) -> View:
    """The page's own choices, one after the other, because what can be chosen may depend on what was chosen before."""
    for option in options:
        subject = view.subject
        if subject is None:
            break
        code = parameters.get(option.parameter, "").strip()
        names = {} if option.is_searched else option.names(subject)
        if option.is_searched or code in names:
            view = _chosen(view, option.parameter, code)
        elif not code:
            first = option.default if option.default in names else next(iter(names), "")
            view = _chosen(view, option.parameter, first)
        else:
            values = {"name": option.label, "value": code, "release": subject.source.id}
            view = replace(view, notices=(*view.notices, Notice("unknown_option", values)))
    return view


def _chosen(view: View, parameter: str, code: str) -> View:
    return replace(view, options={**view.options, parameter: code})


def language_of(code: str | None) -> Language:
    """The language of an address; Chinese unless it names another that is offered."""
    return _language(code)[0]


def _language(code: str | None) -> tuple[Language, tuple[Notice, ...]]:
    for known in LANGUAGES:
        if code == known:
            return known, ()
    return "zh", (Notice("unknown_language", {"value": code}),) if code else ()


def _month(source: Source, period: str | None) -> tuple[str | None, tuple[Notice, ...]]:
    known = rows.months(source)
    if period is None:
        return known[-1] if known else None, ()
    if MONTH.fullmatch(period) and period in known:
        return period, ()
    return None, (Notice("unknown_period", {"value": period, "release": source.id}),)


def _place(
    source: Source, page: PageName, code: str | None, language: Language
) -> tuple[Place | None, tuple[Notice, ...]]:
    choices = rows.offered(source, LEVELS[page])
    if code is None:
        return choices[0] if choices else None, () if choices else (Notice("nothing_offered", {}),)
    place = rows.places(source).get(catalogue.padded(code))
    if place is None:
        return None, (Notice("unknown_area", {"value": code, "release": source.id}),)
    name = spoken(place.name, language)
    if place.level not in LEVELS[page]:
        values = {"area": name, "value": code, "level": place.level}
        return None, (Notice("wrong_level", values, *_instead(source, page, place)),)
    if place not in choices:
        return None, (Notice("no_figures", {"area": name, "release": source.id}),)
    return place, ()


def _instead(source: Source, page: PageName, place: Place) -> tuple[PageName | None, Place | None]:
    """Where an area is shown that a page does not show; a town with its district, on the page itself where that has districts."""
    known = next((other for other, levels in LEVELS.items() if place.level in levels), None)
    above = rows.places(source).get(place.parent)
    if known is not None or above is None:
        return known, place if known else None
    return (page, above) if above.level in LEVELS[page] else _instead(source, page, above)


def counterpart(source: Source, place: Place | None, page: PageName) -> Place | None:
    """The area to open on another page: a district's city, a city's first district with figures."""
    if place is None or place.level in LEVELS[page]:
        return place
    if "city" in LEVELS[page]:
        return rows.places(source).get(place.parent)
    return next((known for known in rows.offered(source, LEVELS[page]) if known.parent == place.code), None)
