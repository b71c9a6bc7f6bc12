"""How senders kept what they owe: who has not reported for the month, and the record of the year to date."""

from collections.abc import Mapping, Sequence

from dashboards import markup, rows, wording
from dashboards.markup import text
from dashboards.rows import Kept
from dashboards.sections import Content, kept
from dashboards.sections.opening import quote
from dashboards.selection import Subject
from dashboards.wording import Language, say, spoken, year_to_date
from pipelines import catalogue

COUNTS = ("owed", "reported", "late", "refused", "contradictions")


@kept
def not_reported(subject: Subject) -> Content:
    """The senders that owe reports for the month and have not handed in all of them."""
    language = subject.language
    kept = rows.quality(subject.source, subject.place.code, subject.month, subject.month)
    if not kept:
        return ()
    month = wording.month_name(subject.month, language)
    title = wording.joined((say("quality.not_reported", language), month), language)
    silent = [row for row in kept if row.reported < row.owed]
    if not silent:
        words = say("quality.all_reported", language, senders=str(len(kept)))
        yield text("h2", title) + text("p", words, class_="finding")
        return ()
    head = [say(f"quality.{name}", language) for name in ("sender", "owed", "reported")]
    cells = [(_name(row, language), f"{row.owed:,}", f"{row.reported:,}") for row in silent]
    yield text("h2", title) + markup.scrolled(markup.table(head, cells), title)
    return ()


@kept
def quality(subject: Subject) -> Content:
    """The record of the year to date, folded; nothing where the release has none."""
    kept, period = _of_the_year(subject)
    if not kept:
        return ()
    language = subject.language
    summary = wording.joined((say("quality.by_sender", language), wording.period_name(period, language)), language)
    yield (
        text("h2", say("quality.title", language))
        + text("p", _finding(kept, period, language), class_="finding")
        + markup.plain_table(_head(language), _cells(kept, language), summary)
    )
    return ()


def opening(subject: Subject) -> Content:
    """The record of the year to date as the sentence of a page."""
    kept, period = _of_the_year(subject)
    language = subject.language
    if subject.source.edition == "public":
        yield quote(_bands_sentence(subject), language)
    else:
        yield quote(_finding(kept, period, language) if kept else say("quality.nothing", language), language)
    return ()


def by_sender(subject: Subject) -> Content:
    """The record of the year to date, sender by sender."""
    kept, period = _of_the_year(subject)
    if not kept:
        return ()
    language = subject.language
    title = wording.joined((say("quality.by_sender", language), wording.period_name(period, language)), language)
    table = markup.scrolled(markup.table(_head(language), _cells(kept, language)), title)
    note = say("quality.whole_only", language) if any(row.late is None for row in kept) else ""
    yield text("h2", title) + (text("p", note, class_="finding") if note else "") + table
    return ()


def bands(subject: Subject) -> Content:
    """How much of the year was reported, by district and register: what a public edition says of its senders."""
    found, language = _bands(subject), subject.language
    if not found:
        return ()
    places, tables = rows.places(subject.source), catalogue.tables()
    areas, registers = list(dict.fromkeys(area for area, _ in found)), sorted({table for _, table in found})
    head = [say("area", language)]
    head += [spoken(tables[name].label, language) if name in tables else name for name in registers]
    cells = [
        [spoken(places[area].name, language), *(_band(found.get((area, table)), language) for table in registers)]
        for area in areas
    ]
    year = wording.period_name(subject.month[:4], language)
    title = wording.joined((say("books.bands", language), year), language)
    note = text("p", say("books.bands_note", language), class_="finding")
    table = markup.table(head, cells, len(head), is_matrix=True)
    yield text("h2", title) + note + markup.scrolled(table, title)
    return ()


def _band(band: str | None, language: Language) -> str:
    return wording.MISSING if band is None else say(f"books.band_{band}", language)


def _bands(subject: Subject) -> Mapping[tuple[str, str], str]:
    """Of a city the bands of its districts, of a district its own; by area and register."""
    below = rows.children(subject.source, subject.place.code) if subject.place.level == "city" else ()
    areas = tuple(area.code for area in (below or (subject.place,)) if not area.code.endswith(rows.NOT_ASSIGNED))
    found = rows.reporting_bands(subject.source, areas, subject.month[:4])
    return dict(sorted(found.items(), key=lambda pair: (areas.index(pair[0][0]), pair[0][1])))


def _bands_sentence(subject: Subject) -> str:
    found, language = _bands(subject), subject.language
    values = {"year": wording.period_name(subject.month[:4], language), "area": subject.name}
    if not found:
        return say("books.bands_none", language, **values)
    if subject.place.level == "city":
        areas = {area for area, _ in found}
        whole = areas - {area for (area, _), band in found.items() if band != "all"}
        return say("books.bands_sentence", language, **values, districts=len(areas), whole=len(whole))
    complete = [band for band in found.values() if band == "all"]
    return say("books.bands_sentence_of_district", language, **values, registers=len(found), whole=len(complete))


def _of_the_year(subject: Subject) -> tuple[Sequence[Kept], str]:
    total = year_to_date(subject.month)
    return rows.quality(subject.source, subject.place.code, total[:7], subject.month), total


def _finding(kept: Sequence[Kept], period: str, language: Language) -> str:
    sums = {name: f"{sum(getattr(row, name) or 0 for row in kept):,}" for name in COUNTS}
    period = wording.period_name(period, language)
    return say("quality.finding", language, period=period, senders=str(len(kept)), **sums)


def _head(language: Language) -> list[str]:
    return [say("quality.sender", language), *(say(f"quality.{name}", language) for name in COUNTS)]


def _cells(kept: Sequence[Kept], language: Language) -> list[list[str]]:
    counts = ([getattr(row, name) for name in COUNTS] for row in kept)
    return [
        [_name(row, language), *(wording.MISSING if count is None else f"{count:,}" for count in of_row)]
        for row, of_row in zip(kept, counts, strict=True)
    ]


def _name(row: Kept, language: Language) -> str:
    return wording.joined((spoken(row.sender, language), spoken(row.table, language)), language)
