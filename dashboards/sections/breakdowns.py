"""Figures by category: types, channels, mechanisms, tiers."""

from collections.abc import Sequence

from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import figures
from dashboards.sections import Content, Rows, drawing, kept
from dashboards.sections.opening import ACCEPTED
from dashboards.selection import Subject
from dashboards.wording import Language, say, spoken
from pipelines.catalogue import Card

LAST = ("other", "not_stated")


@kept
def types_and_channels(subject: Subject) -> Content:
    """Dispute types and channels of the accepted disputes, the year to date."""
    parts = ((ACCEPTED, "dispute_type"), (ACCEPTED, "channel"))
    return section(subject, say("breakdowns", subject.language), parts)


@kept
def mechanisms_and_tiers(subject: Subject) -> Content:
    """Mechanisms of the disputes found, and at which tier agreements were reached (小事不出村)."""
    parts = (("screening_by_mechanism", "mechanism"), ("mediation_tier_share", "tier"))
    return section(subject, say("mechanisms_and_tiers", subject.language), parts)


def section(subject: Subject, title: str, parts: Sequence[tuple[str, str]]) -> Content:
    """Tables of categories side by side, each an indicator and one of its breakdowns, in its latest period."""
    tables, shown = [], []
    for indicator, breakdown in parts:
        card = rows.cards(subject.source).get(indicator)
        period = rows.latest(subject.source, card, subject.month) if card else ""
        table, rows_of_table = categories(subject, indicator, breakdown, period)
        asked = {"indicator": indicator, "area": subject.place.code, "period": period, "by": breakdown}
        name = by_name(card, breakdown, subject.language) if card else ""
        tables.append(tag("div", table + drawing.take_away(subject, asked, name)) if table else "")
        shown += rows_of_table
    if shown:
        yield text("h2", title) + tag("div", "".join(tables), class_="pair")
    return tuple(shown)


def categories(subject: Subject, indicator: str, breakdown: str, period: str) -> tuple[str, Rows]:
    """The table of an indicator by one of its breakdowns, with shares where the release has them; its rows."""
    source, language = subject.source, subject.language
    card = rows.cards(source).get(indicator)
    if card is None:
        return "", ()
    share = _share_card(rows.ordered_cards(source), card, breakdown)
    wanted = [card.id, *([share.id] if share else [])]
    shown = figures(source, wanted, (subject.place.code,), (period,), breakdown)
    labels = rows.categories(source).get(breakdown, {})
    parts = {row.category: row for row in shown if share and row.indicator == share.id}
    counts = sorted(
        (row for row in shown if row.indicator == card.id),
        key=lambda row: (row.category in LAST, -(row.value or 0.0), row.category),
    )
    named = [
        (
            spoken(labels[row.category], language) if row.category in labels else row.category,
            row,
            parts.get(row.category),
        )
        for row in counts
    ]
    name = say(f"breakdowns.{breakdown}", language)
    title = (by_name(card, breakdown, language), subject.name, wording.period_name(period, language))
    if not named:
        return "", ()
    return markup.categories_table(wording.joined(title, language), name, named, card, share, language), shown


def by_name(card: Card, breakdown: str, language: Language) -> str:
    """What a table by categories shows: a share names its categories itself, and some counts do."""
    label = wording.label(card, language)
    if card.kind == "share" or breakdown == "total":
        return label
    by = wording.in_text(say(f"breakdowns.{breakdown}", language), language)
    if by in label:
        return label
    by = say("by_breakdown", language, breakdown=by)
    return f"{label}（{by}）" if language == "zh" else f"{label} {by}"


def _share_card(cards: Sequence[Card], card: Card, breakdown: str) -> Card | None:
    """The card that gives the shares of the same measure by this breakdown, if the release has one."""
    shares = (other for other in cards if other.kind == "share" and other.numerator == card.numerator)
    return next((other for other in shares if breakdown in other.breakdowns and other.id != card.id), None)
