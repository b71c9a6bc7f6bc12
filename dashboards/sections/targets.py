"""The distance to the targets, in percentage points and in cases."""

from collections.abc import Sequence

from dashboards import markup, rows, wording
from dashboards.markup import Cell, text
from dashboards.rows import Place, Standing, by_key, figures, standings
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import say, spoken, year_to_date


@kept
def targets(subject: Subject) -> Content:
    """Every target of the area and those directly below it, against the year to date."""
    return section(subject, year_to_date(subject.month))


def scorecard(subject: Subject) -> Content:
    """Every target against the whole year."""
    return section(subject, subject.month[:4])


def section(subject: Subject, period: str) -> Content:
    """Targets set for the area and those below, with the figures they are held against; says so where there are none."""
    source, language = subject.source, subject.language
    areas = {place.code: place for place in (subject.place, *rows.children(source, subject.place.code))}
    indicators = [card.id for card in rows.ordered_cards(source)]
    held = [row for row in standings(source, indicators, areas, (period,)) if row.target is not None]
    if not rows.has(source, "standings"):
        return ()
    shown = figures(source, sorted({row.indicator for row in held}), sorted({row.area_code for row in held}), (period,))
    found = by_key(shown)
    title = wording.joined((say("targets.title", language), wording.period_name(period, language)), language)
    if not held:
        yield text("h2", title) + text("p", say("targets.none", language), class_="finding")
        return ()
    ordered = sorted(held, key=lambda row: (row.area_code, row.indicator))
    names = ("area", "indicator", "value", "target", "distance", "in_cases", "verdict")
    head = [say(f"targets.{name}", language) for name in names]
    cells = [_cells(subject, row, areas[row.area_code], found) for row in ordered]
    yield text("h2", title) + markup.scrolled(markup.table(head, cells, 2), title)
    return shown


def _cells(subject: Subject, row: Standing, place: Place, found: rows.Found) -> Sequence[str | Cell]:
    card, language = rows.cards(subject.source)[row.indicator], subject.language
    verdict = "unknown" if row.is_target_met is None else "met" if row.is_target_met else "missed"
    target = wording.value_text(row.target, card, language)
    return (
        spoken(place.name, language),
        wording.label(card, language),
        wording.shown(found.get((row.indicator, row.area_code, row.period)), card, language),
        say(f"targets.{row.target_direction}", language, target=target),
        wording.signed_amount(row.difference_to_target, card, language),
        wording.signed_count(row.cases_to_target),
        Cell(say(f"targets.{verdict}", language), kind={"met": "better", "missed": "worse"}.get(verdict, "")),
    )
