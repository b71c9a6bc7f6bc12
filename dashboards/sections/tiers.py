"""Three tiers (village, town, district): where disputes are found and resolved, what is passed up, the centres' work."""

from collections.abc import Sequence

from dashboards import markup, rows, wording
from dashboards.markup import text
from dashboards.rows import by_key, figures
from dashboards.sections import Content, breakdowns
from dashboards.selection import Subject
from dashboards.wording import MISSING, say
from pipelines.catalogue import Card

WHERE = (("screening_found", "tier"), ("screening_tier_share", "tier"))
MEDIATED = (("mediation_accepted", "tier"), ("mediation_tier_share", "tier"))
STAYED = (
    "screening_village_resolution_rate",
    "screening_township_resolution_rate",
    "mediation_village_resolution_rate",
    "mediation_township_resolution_rate",
    "screening_resolved_rate",
    "screening_eased_share",
    "screening_to_judicial_share",
)
# What a governance centre does with a matter, step by step, and the indicators that count it.
CENTRES = (
    ("registered", ("screening_found", "petition_matters")),
    ("routed", ("screening_to_judicial_share", "petition_forwarded_in_time_rate", "petition_informed_in_time_rate")),
    ("concluded", ("screening_resolved", "petition_concluded", "petition_leader_case_concluded_rate")),
    ("supervised", ("petition_supervised", "petition_proposals", "petition_proposals_adopted_rate")),
    ("called_back", ("petition_unit_rating_participation_rate", "petition_satisfaction_with_unit_rate")),
)


def found(subject: Subject) -> Content:
    """Disputes found by tier, and the tier that resolved them."""
    return breakdowns.section(subject, say("tiers.found", subject.language), WHERE)


def mediated(subject: Subject) -> Content:
    """Disputes accepted by tier, and the tier at which agreement was reached."""
    return breakdowns.section(subject, say("tiers.mediated", subject.language), MEDIATED)


def stayed(subject: Subject) -> Content:
    """Resolved without leaving village or town, passed on to the courts: the area and those below it."""
    source, language = subject.source, subject.language
    known_cards = [rows.cards(source)[name] for name in STAYED if name in rows.cards(source)]
    cards = [(card, rows.latest(source, card, subject.month)) for card in known_cards]
    areas = [subject.place, *rows.children(source, subject.place.code)]
    codes = [area.code for area in areas]
    shown = tuple(row for card, period in cards for row in figures(source, (card.id,), codes, (period,)))
    known = by_key(shown)
    has_value = {
        row.area_code for row in shown if wording.shown(row, rows.cards(source)[row.indicator], language) != MISSING
    }
    drawn = [area for area in areas if area.code in has_value]
    if not drawn:
        return ()
    periods = {period for _, period in cards}
    head = [say("area", language), *(_head(card, period, len(periods) > 1, language) for card, period in cards)]
    cells = [
        [wording.spoken(area.name, language)]
        + [wording.shown(known.get((card.id, area.code, period)), card, language) for card, period in cards]
        for area in drawn
    ]
    of_all = wording.period_name(periods.pop(), language) if len(periods) == 1 else ""
    title = wording.joined((say("tiers.stayed", language), of_all), language)
    yield text("h2", title) + markup.scrolled(markup.table(head, cells, is_matrix=True), title)
    return shown


def _head(card: Card, period: str, has_own_period: bool, language: wording.Language) -> str:
    """An indicator, over its period where not all have the same: some have figures by year only."""
    name = wording.label(card, language)
    return f"{name}\n{wording.capital(wording.period_name(period, language))}" if has_own_period else name


def centres(subject: Subject) -> Content:
    """What the centres did with what came in, the year to date or the last year that has figures."""
    source, language, code = subject.source, subject.language, subject.place.code
    cards = rows.cards(source)
    wanted = [name for _, names in CENTRES for name in names if name in cards]
    if not wanted:
        return ()
    periods = {name: rows.latest(source, cards[name], subject.month) for name in wanted}
    shown = tuple(row for name, period in periods.items() for row in figures(source, (name,), (code,), (period,)))
    known = {row.indicator: row for row in shown}
    names_of_head = ("step", "indicator", "period", "value", "year_before", "on_year")
    head = [say(f"tiers.{name}", language) for name in names_of_head]
    cells = [
        _step(subject, say(f"tiers.{step}", language), cards[name], periods[name], known.get(name))
        for step, names in CENTRES
        for name in names
        if name in cards
    ]
    title = say("tiers.centres", language)
    note = text("p", say("tiers.centres_note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells, 3), title)
    return shown


def _step(subject: Subject, step: str, card: Card, period: str, figure: wording.Figure | None) -> Sequence[str]:
    language = subject.language
    unit = wording.unit_text(figure.value if figure else None, card, language)
    return (
        step,
        wording.label(card, language),
        wording.capital(wording.period_name(period, language)),
        wording.shown(figure, card, language) + unit,
        wording.before_text(figure, card, language),
        wording.signed_change(figure, card, language),
    )
