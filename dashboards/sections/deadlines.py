"""What is overdue and what soon will be, by town where the register says the town, else by district."""

from collections.abc import Sequence

from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import Place, by_key, figures
from dashboards.sections import Content, Rows, kept
from dashboards.selection import Subject
from dashboards.wording import say, spoken

# Open, overdue, overdue within seven days: by system.
CLOCKS = (
    ("mediation_overdue", "mediation_soon_overdue", "mediation_open"),
    ("petition_overdue", "petition_soon_overdue", "petition_open"),
)
SHOWN = 12


@kept
def overdue(subject: Subject) -> Content:
    """A table a system: the areas in which something is overdue or soon will be, the worst first."""
    drawn = [_table(subject, clock) for clock in CLOCKS if all(name in rows.cards(subject.source) for name in clock)]
    if not drawn:
        return ()
    month = wording.month_name(subject.month, subject.language)
    title = wording.joined((say("overdue.title", subject.language), month), subject.language)
    yield text("h2", title) + tag("div", "".join(table for table, _ in drawn), class_="pair")
    return tuple(row for _, shown in drawn for row in shown)


def _table(subject: Subject, clock: Sequence[str]) -> tuple[str, Rows]:
    """The table of one system and the figures behind it."""
    source, language, month = subject.source, subject.language, subject.month
    areas = _finest(subject, clock[0])
    shown = figures(source, clock, dict.fromkeys((subject.place.code, *(area.code for area in areas))), (month,))
    found = by_key(shown)
    late = [area for area in areas if any(_count(found, name, area, month) for name in clock[:2])]
    late.sort(key=lambda area: (*(-_count(found, name, area, month) for name in clock), area.code))
    cards = [rows.cards(source)[name] for name in clock]
    title = wording.joined((wording.label(cards[0], language), subject.name), language)
    if not late:
        return markup.block(title, "", say("overdue.none", language)), shown
    head = [say("area", language), *(wording.label(card, language) for card in cards)]
    cells = [
        [_name(subject, area)]
        + [wording.shown(found.get((card.id, area.code, month)), card, language, exact=True) for card in cards]
        for area in late
    ]
    rest = markup.plain_table(head, cells[SHOWN:], say("overdue.more", language, count=str(len(cells[SHOWN:]))))
    whole = [found.get((card.id, subject.place.code, month)) for card in cards[:2]]
    counts = [
        wording.stated(row, card, language) or wording.MISSING for row, card in zip(whole, cards[:2], strict=True)
    ]
    finding = say("overdue.finding", language, overdue=counts[0], soon=counts[1], count=str(len(late)))
    table = markup.scrolled(markup.table(head, cells[:SHOWN]), title)
    return markup.block(title, table + (rest if cells[SHOWN:] else ""), finding), shown


def _finest(subject: Subject, indicator: str) -> Sequence[Place]:
    """The towns of the area where the release knows them, else its districts, else the area itself."""
    source, place = subject.source, subject.place
    below = rows.children(source, place.code)
    towns = (
        below if place.level == "district" else [town for area in below for town in rows.children(source, area.code)]
    )
    for areas in (towns, below):
        if figures(source, (indicator,), [area.code for area in areas], (subject.month,)):
            return areas
    return (place,)


def _count(found: rows.Found, indicator: str, area: Place, month: str) -> float:
    row = found.get((indicator, area.code, month))
    return (row.value or 0.0) if row else 0.0


def _name(subject: Subject, area: Place) -> str:
    """A town with its district, where the page shows several districts."""
    language, district = subject.language, rows.places(subject.source).get(area.parent)
    if area.level != "township" or subject.place.level == "district" or district is None:
        return spoken(area.name, language)
    names = (district.name, area.name) if language == "zh" else (area.name, district.name)
    return wording.joined((spoken(name, language) for name in names), language)
