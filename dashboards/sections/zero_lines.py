"""What should not happen at all (零发生): whether it did in the month, and when it last did."""

from dashboards import markup, rows, wording
from dashboards.markup import Cell, text
from dashboards.rows import Occurrence, occurrences
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import Language, say, spoken


@kept
def zero_lines(subject: Subject) -> Content:
    """The area's zero lines, and the areas below in which something happened in the month."""
    source, language = subject.source, subject.language
    below = [place.code for place in rows.children(source, subject.place.code)]
    found = occurrences(source, (subject.place.code, *below), subject.month)
    if not found:
        return ()
    own = [row for row in found if row.area_code == subject.place.code]
    happened = [row for row in found if row.area_code != subject.place.code and row.occurred]
    month = wording.month_name(subject.month, language)
    title = wording.joined((say("zero_lines.title", language), subject.name, month), language)
    head = [say(f"zero_lines.{name}", language) for name in ("line", "occurred", "last", "since", "where")]
    table = markup.table(head, [_cells(subject, row, happened) for row in own])
    yield text("h2", title) + markup.scrolled(table, title)
    return ()


def _since(months: int, language: Language) -> str:
    return say("zero_lines.months", language, count=str(months)) if months else say("zero_lines.this_month", language)


def _cells(subject: Subject, row: Occurrence, happened: list[Occurrence]) -> list[str | Cell]:
    language, card = subject.language, rows.cards(subject.source)[row.indicator]
    places = rows.places(subject.source)
    where = [spoken(places[one.area_code].name, language) for one in happened if one.indicator == row.indicator]
    last = wording.month_name(f"{row.last_occurred_month:%Y-%m}", language) if row.last_occurred_month else ""
    since = "" if row.months_since is None else _since(row.months_since, language)
    return [
        wording.label(card, language),
        Cell(wording.quantity(float(row.occurred), card, language), kind="worse" if row.occurred else "better"),
        last or say("zero_lines.never", language),
        since or wording.MISSING,
        wording.listed(where, language) or wording.MISSING,
    ]
