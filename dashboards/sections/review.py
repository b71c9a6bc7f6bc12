"""The year as a sealed release holds it: targets, documents to take away, and the figures that others have published."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from dashboards import markup, rows, wording
from dashboards.markup import Cell, text
from dashboards.published import compared
from dashboards.rows import Source, by_key, figures, standings
from dashboards.sections import Content, opening
from dashboards.selection import Subject, short
from dashboards.wording import say
from pipelines.catalogue import Card
from pipelines.settings import documents

FORMATS = ("pdf", "docx", "xlsx", "html", "zip")
SIZES = ((1_000_000, "MB"), (1_000, "kB"))


def sentence(subject: Subject) -> Content:
    """How many targets of the year are met; without targets the work of the year."""
    year, language = subject.month[:4], subject.language
    areas = (subject.place.code, *(place.code for place in rows.children(subject.source, subject.place.code)))
    indicators = [card.id for card in rows.ordered_cards(subject.source)]
    held = [row for row in standings(subject.source, indicators, areas, (year,)) if row.is_target_met is not None]
    if not held:
        return (yield from opening.several(subject, {opening.ACCEPTED: year, opening.SUCCESS: year}))
    met = sum(row.is_target_met or False for row in held)
    values = {"year": wording.period_name(year, language), "area": subject.name, "set": len(held), "met": met}
    yield opening.quote(say("assessment.sentence", language, **values), language)
    return ()


def year(subject: Subject) -> Content:
    """The headline figures of the whole year."""
    source, language, period = subject.source, subject.language, subject.month[:4]
    cards = rows.headline_cards(source)
    shown = figures(source, [card.id for card in cards], (subject.place.code,), (period,))
    found = by_key(shown)
    head = [say(name, language) for name in ("indicator", "value", "year_before", "on_year")]
    cells = [
        (
            wording.label_with_unit(card, language),
            wording.shown(row := found.get((card.id, subject.place.code, period)), card, language, exact=True),
            wording.before_text(row, card, language, exact=True),
            wording.signed_change(row, card, language),
        )
        for card in cards
    ]
    title = wording.joined((say("assessment.year", language), wording.period_name(period, language)), language)
    yield text("h2", title) + markup.scrolled(markup.table(head, cells), title)
    return shown


def made(subject: Subject) -> Content:
    """The documents made for the area and this release, to download; how to make them where there are none."""
    language, period = subject.language, subject.month[:4]
    title = say("assessment.documents", language)
    found = list(files_of(subject.source, subject.place.code))
    if not found and subject.source.edition == "public":
        return ()
    if not found:
        command = f"fengqiao review --period {period} --area {short(subject.place.code)}"
        words = text("p", say("assessment.none", language), class_="finding")
        yield text("h2", title) + words + markup.tag("pre", text("code", command), tabindex="0")
        return ()
    head = [say(f"assessment.{name}", language) for name in ("file", "format", "size")]
    cells = [(Cell(path.name, _address(path, subject)), path.suffix[1:].upper(), _size(path)) for path in found]
    yield text("h2", title) + markup.table(head, cells, 2)
    return ()


def _address(path: Path, subject: Subject) -> str:
    return f"api/documents/{quote(path.name)}?{urlencode({'release': subject.source.id})}"


def folder(source: Source) -> Path:
    """Where documents of a release lie that were asked for after it was sealed; those of the public edition apart,
    because two releases of two editions may bear the same id."""
    return documents() / ("public" if source.edition == "public" else "") / source.id


def files_of(source: Source, area: str) -> Iterator[Path]:
    """Documents of a release whose names say the area: six, nine or twelve digits.

    A document tells of all that lies in its area: there is none for a reader who sees the area's own figures only.
    """
    if source.scope is not None and area in source.scope.single - source.scope.whole:
        return
    codes = {area, short(area)}
    for path in sorted(folder(source).glob("*")):
        if path.is_file() and path.suffix[1:] in FORMATS and codes & set(path.stem.split("-")):
            yield path


def _size(path: Path) -> str:
    size = path.stat().st_size
    unit, name = next(((unit, name) for unit, name in SIZES if size >= unit), (1, "B"))
    return f"{wording.rounded(size / unit, 1)} {name}"


@lru_cache(maxsize=64)
def _compared(source: Source, area: str) -> tuple[Mapping[str, Any], ...]:
    below = rows.opened(source).table("area_ancestors").filter(ancestor_code=area)["area_code"]
    cards = rows.cards(source)  # an early release lacks indicators of which others have published since
    return tuple(row for row in compared(rows.opened(source), set(below)) if row["indicator"] in cards)


def published(subject: Subject) -> Content:
    """The figures that others have published of the area, beside ours, each with a verdict."""
    source, language = subject.source, subject.language
    if source.edition != "internal" or not rows.opened(source).computes():
        return ()
    found = _compared(source, subject.place.code)
    title = say("assessment.published", language)
    if not found:
        yield text("h2", title) + text("p", say("assessment.no_published", language), class_="finding")
        return ()
    sources = list(dict.fromkeys(wording.source_of(row, language) for row in found))
    is_by_one = len(sources) == 1
    names = ("place", "period", "indicator", "theirs", "ours", "verdict", "why", *(() if is_by_one else ("source",)))
    head = [say(f"assessment.{name}", language) for name in names]
    cells = [_published(row, subject)[: len(head)] for row in found]
    notes = [say("assessment.published_note", language)]
    notes += [say("review.all_by", language, name=sources[0])] if is_by_one else []
    note = text("p", wording.run(notes, language), class_="finding")
    table = markup.scrolled(markup.table(head, cells, len(head)), title)
    yield text("h2", title) + note + table
    return ()


def _categories(row: Mapping[str, Any], subject: Subject) -> str:
    """The categories a published figure is said of; empty for a total."""
    labels = rows.categories(subject.source).get(row["breakdown"] or "", {})
    codes = (row["category"] or "").split("|")
    return wording.listed(
        (wording.spoken(labels[code], subject.language) for code in codes if code in labels), subject.language
    )


def _bounds(row: Mapping[str, Any], card: Card) -> str:
    """A published figure in English, which was written in Chinese: its value, or the bounds that 余, 以上 and 近 set."""
    ends = [row[end] for end in ("low", "high")]
    low, high = ("" if end is None else wording.bound_text(end, card, "en") for end in ends)
    if low and high:
        return low if low == high else f"{low}–{high}"
    bound = "at_least" if low else "at_most"
    return say(f"bands.{bound}", "en", value=low or high) if low or high else wording.MISSING


def _published(row: Mapping[str, Any], subject: Subject) -> list[str | Cell]:
    language, card = subject.language, rows.cards(subject.source)[row["indicator"]]
    kind = {"agrees": "better", "outside_bounds": "worse"}.get(row["verdict"], "")
    place = rows.places(subject.source).get(row["area_code"])
    return [
        wording.spoken(place.name, language) if place else row["place"],
        Cell(wording.capital(wording.period_name(row["period"], language)), kind="whole"),
        Cell(wording.joined((wording.label(card, language), _categories(row, subject)), language), kind="counted"),
        Cell(row["value_text"], kind="chinese") if language == "zh" else Cell(_bounds(row, card), kind="whole"),
        wording.value_text(row["value"], card, language, exact=True),
        Cell(say(f"compared.{row['verdict']}", language), kind=kind),
        Cell("" if row["verdict"] == "agrees" else row[f"reason_{language}"], kind="reason"),
        wording.source_of(row, language),
    ]
