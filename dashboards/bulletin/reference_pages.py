"""The pages that explain the others: glossary, whom to ask, downloads, corrections; and the list of releases."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dashboards import wording
from dashboards.bulletin import addresses
from dashboards.bulletin.contents import Contents, Place
from dashboards.bulletin.frame import Page, citation, listing, place_name, section, with_blocks
from dashboards.bulletin.indicator_pages import counts_sentence
from dashboards.bulletin.pieces import Column, linked_place, table
from dashboards.markup import tag, text
from dashboards.wording import Language, escaped, label, label_with_unit, lexicon, say, spoken
from pipelines.catalogue import Card, markers

VERDICTS = ("better", "worse", "flat", "unclear")
KILOBYTE = 1000
BESIDE = ("changes", "data_quality")  # files that are no indicator's
SHOWN = 500  # revised figures on the page; all of them stand in the data files
ABOUT = (
    *("publisher", "authority", "responsible_statistician", "contact", "legal_basis", "population", "geography"),
    *("licence", "issued", "next_release"),
)


def glossary_page(contents: Contents, language: Language) -> Page:
    """Signs, words, periods and areas; the indicators' own words stand on their pages."""
    page = _page(addresses.GLOSSARY, "glossary", counts_sentence(contents, language), language)
    return with_blocks(page, _glossary(contents, language))


def _glossary(contents: Contents, language: Language) -> Iterator[str]:
    signs = [[escaped(f"[{code}]"), escaped(spoken(words, language))] for code, words in markers().items()]
    columns = [Column(say("bulletin.sign", language), "text"), Column(say("bulletin.meaning", language), "text")]
    yield section(say("bulletin.signs", language), table("", columns, signs))
    words = "".join(text("li", say(f"bulletin.{verdict}", language)) for verdict in VERDICTS)
    yield section(say("bulletin.words", language), tag("ul", words))
    period = wording.period_name(contents.period, language)
    yield section(say("bulletin.periods", language), text("p", say("bulletin.period_note", language, period=period)))
    geography = _said(contents, "geography", language)
    note = text("p", say("bulletin.area_note", language, geography=geography)) if geography else ""
    yield section(say("bulletin.areas", language), note)
    yield section(say("bulletin.indicators", language), *_terms(contents, language))


def _terms(contents: Contents, language: Language) -> Iterator[str]:
    """Each indicator with its sentence, under its system."""
    for system, words in lexicon().systems.items():
        pairs = [
            (label(card, language), spoken(card.definition, language))
            for card in contents.cards
            if card.system == system
        ]
        yield section(spoken(words, language), listing(pairs), level="h3")


def contact_page(contents: Contents, language: Language) -> Page:
    """Who publishes, who answers, and what the release says of itself."""
    sentence = say(
        "bulletin.ask_sentence",
        language,
        publisher=_said(contents, "publisher", language),
        period=wording.period_name(contents.period, language),
        contact=_said(contents, "contact", language),
    )
    page = _page(addresses.CONTACT, "contact", sentence, language)
    pairs = [(say(f"bulletin.{key}", language), _about(contents, key, language)) for key in ABOUT]
    return with_blocks(page, [section(say("bulletin.about", language), listing(pairs))])


def _about(contents: Contents, key: str, language: Language) -> str:
    """What the release says of itself under a key, as a person reads it; empty where it does not."""
    if key == "issued":
        return wording.day_name(_said(contents, key, language), language)
    following = contents.release.metadata.get(key)
    if key == "next_release" and isinstance(following, dict):
        period, day = (
            wording.period_name(following["period"], language),
            wording.day_name(following["due_at"], language),
        )
        return wording.joined((period, day), language)
    return _said(contents, key, language)


def _said(contents: Contents, key: str, language: Language) -> str:
    """What the release says of itself under a key, in a language where it says it in two; empty where it does not."""
    about = contents.release.metadata
    return str(about.get(f"{key}_{language}") or about.get(key) or "")


def downloads_page(contents: Contents, files: Sequence[Path], folder: Path, language: Language) -> Page:
    """The data files beside the pages, with their sizes, and how to cite them."""
    period = wording.period_name(contents.period, language)
    sentence = say("bulletin.downloads_sentence", language, period=period, files=str(len(files)))
    page = _page(addresses.DOWNLOADS, "downloads", sentence if files else say("bulletin.no_files", language), language)
    return with_blocks(page, _downloads(contents, page, files, folder))


def _downloads(contents: Contents, page: Page, files: Sequence[Path], folder: Path) -> Iterator[str]:
    language = page.language
    columns = [Column(say("bulletin.file", language), "text"), Column(say("bulletin.size", language))]
    for suffix, title in ((".xlsx", "workbook"), (".csv", "csv_files")):
        rows = [
            [text("a", _content(contents, path, language), href=_link(path, page, folder)), escaped(_size(path))]
            for path in files
            if path.suffix == suffix
        ]
        yield section(say(f"bulletin.{title}", language), table("", columns, rows) if rows else "")
    yield section(say("bulletin.how_to_cite", language), text("p", citation(page.title, contents, language)))


def _link(path: Path, page: Page, folder: Path) -> str:
    return addresses.link(path.relative_to(folder).as_posix(), source=page.place)


def _content(contents: Contents, path: Path, language: Language) -> str:
    """What a data file holds: the figures of the indicator it is named after, or one of the tables beside; else its own name."""
    card = contents.release.cards.get(path.stem)
    if path.stem in BESIDE:
        return say(f"access.table_{path.stem}", language)
    return label(card, language) if card else path.name


def _size(path: Path) -> str:
    return f"{max(1, round(path.stat().st_size / KILOBYTE)):,} kB"


def corrections_page(contents: Contents, language: Language) -> Page:
    """Figures that differ from earlier releases, breaks in series, and how revisions are made."""
    revised = _revisions(contents)
    key = "bulletin.corrections_sentence" if revised else "bulletin.no_corrections"
    sentence = say(key, language, release=contents.release.id, figures=f"{len(revised):,}")
    page = _page(addresses.CORRECTIONS, "corrections", sentence, language)
    return with_blocks(page, _corrections(contents, page, revised))


class Revision(NamedTuple):
    """A total that an earlier release gave otherwise; None where one of the two does not show it."""

    card: Card
    place: Place
    period: str
    before: float | None
    after: float | None
    reason: str


def _revisions(contents: Contents) -> list[Revision]:
    """What the release says it changed of the totals of cities and districts, the newest periods first."""
    if not contents.release.has("changes"):
        return []
    places = {place.code: place for place in (*contents.cities, *contents.districts)}
    changes = contents.release.table("changes").filter(breakdown="total").sort("period", descending=True)
    columns = ("indicator", "area_code", "period", "value_before", "value_after", "reason")
    return [
        Revision(contents.release.cards[indicator], places[code], *rest)
        for indicator, code, *rest in changes.select(columns).iter_rows()
        if indicator in contents.release.cards and code in places
    ]


def _corrections(contents: Contents, page: Page, revised: Sequence[Revision]) -> Iterator[str]:
    language = page.language
    policy = _said(contents, "revision_policy", language)
    yield section(say("bulletin.revision_policy", language), text("p", policy) if policy else "")
    yield section(say("bulletin.revised", language), _revised(contents, page, revised[:SHOWN]))
    breaks = _breaks(contents, page)
    yield section(say("bulletin.breaks", language), breaks or text("p", say("bulletin.no_breaks", language)))


def _revised(contents: Contents, page: Page, revised: Sequence[Revision]) -> str:
    language = page.language
    columns = [Column(say(key, language), "text") for key in ("bulletin.indicator", "area", "bulletin.period")]
    columns += [Column(say(key, language)) for key in ("bulletin.before_revision", "bulletin.after_revision")]
    columns.append(Column(say("bulletin.reason", language), "text"))
    rows = [
        [
            text("a", label_with_unit(one.card, language), href=page.link(addresses.indicator(one.card.id))),
            linked_place(one.place, page),
            escaped(wording.period_name(one.period, language)),
            *(escaped(wording.value_text(value, one.card, language, exact=True)) for value in (one.before, one.after)),
            escaped(_reasons(contents, one.reason, language)),
        ]
        for one in revised
    ]
    return table("", columns, rows) if rows else ""


def _reasons(contents: Contents, codes: str, language: Language) -> str:
    """Why a figure was revised, in the words that the release carries for its codes."""
    known = contents.release.metadata.get("reasons", {})
    return wording.listed((known.get(code, {}).get(language, code) for code in codes.split(",")), language)


def _breaks(contents: Contents, page: Page) -> str:
    """First months from which an indicator, or an area, is not compared with before."""
    if not contents.release.has("breaks"):
        return ""
    language = page.language
    places = {place.code: place for place in (*contents.cities, *contents.districts)}
    rows = []
    for indicator, code, month in (
        contents.release.table("breaks").select("indicator", "area_code", "month").iter_rows()
    ):
        card, place = contents.release.cards.get(indicator or ""), places.get(code or "")
        if card or place:
            what = label(card, language) if card else place_name(place, language) if place else ""
            rows.append([escaped(what), escaped(wording.month_name(f"{month:%Y-%m}", language))])
    columns = [Column(say("bulletin.term", language), "text"), Column(say("bulletin.from_month", language), "text")]
    return table("", columns, rows) if rows else ""


def _page(path: str, key: str, sentence: str, language: Language) -> Page:
    home = (say("bulletin.home", language), addresses.START)
    return Page(path=path, language=language, title=say(f"bulletin.{key}", language), sentence=sentence, trail=(home,))
