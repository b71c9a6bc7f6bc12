"""Figures by category: types, channels, mechanisms, tiers."""

from collections.abc import Iterable, Sequence

from dashboards import drawing as svg
from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import Place, Source, figures
from dashboards.sections import Content, Rows, drawing, kept
from dashboards.sections.opening import ACCEPTED
from dashboards.selection import Subject
from dashboards.wording import Figure, Language, say, spoken
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
        tables.append(table)
        shown += rows_of_table
    if shown:
        yield text("h2", title) + tag("div", "".join(tables), class_="pair")
    return tuple(shown)


def categories(subject: Subject, indicator: str, breakdown: str, period: str) -> tuple[str, Rows]:
    """The table of an indicator by one of its breakdowns, with shares where the release has them and the ways to take it
    away; its rows.
    """
    source, language = subject.source, subject.language
    card = rows.cards(source).get(indicator)
    if card is None:
        return "", ()
    share = _share_card(rows.ordered_cards(source), card, breakdown)
    wanted = [card.id, *([share.id] if share else [])]
    shown = figures(source, wanted, (subject.place.code,), (period,), breakdown)
    parts = {row.category: row for row in shown if share and row.indicator == share.id}
    counts = _in_order(row for row in shown if row.indicator == card.id)
    if not counts:
        return "", ()
    named = [(_category(source, row, language), row, parts.get(row.category)) for row in counts]
    name = say(f"breakdowns.{breakdown}", language)
    title = _title(card, breakdown, subject.place, period, language)
    finding = _finding(source, card, counts, language)
    table = markup.categories_table(title, finding, name, named, card, share, language)
    asked = {"indicator": card.id, "area": subject.place.code, "period": period, "by": breakdown}
    return tag("div", table + drawing.take_away(subject, asked, title, has_bars=True)), shown


def picture(source: Source, card: Card, place: Place, shown: Rows, period: str, language: Language) -> bytes:
    """The same table drawn: a bar a category, from nought."""
    counts = _in_order(shown)
    bars = [
        (
            _category(source, row, language),
            drawing.drawn_value(row, card),
            wording.shown(row, card, language, exact=True),
        )
        for row in counts
    ]
    body = svg.bar_rows(bars, wording.unit_of_axis(card, language))
    said = [f"{name} {written}" for name, _, written in bars]
    alternative = wording.run((_finding(source, card, counts, language), wording.listed(said, language)), language)
    title = _title(card, shown[0].breakdown, place, period, language)
    return svg.picture(body, title, alternative, drawing.words(source, card, language))


def _in_order(shown: Iterable[Figure]) -> Sequence[Figure]:
    """From the largest to the smallest, what is other or not stated last."""
    return sorted(shown, key=lambda row: (row.category in LAST, -(row.value or 0.0), row.category))


def _category(source: Source, row: Figure, language: Language) -> str:
    label = rows.categories(source).get(row.breakdown, {}).get(row.category)
    return spoken(label, language) if label else row.category


def _title(card: Card, breakdown: str, place: Place, period: str, language: Language) -> str:
    names = (by_name(card, breakdown, language), spoken(place.name, language), wording.period_name(period, language))
    return wording.joined(names, language)


def _finding(source: Source, card: Card, counts: Sequence[Figure], language: Language) -> str:
    """The largest of the categories, and of how many."""
    first = next((row for row in counts if row.value is not None and row.category not in LAST), None)
    if first is None:
        return say("finding.none_shown", language)
    alike = [row for row in counts if row.value == first.value and row.category not in LAST]
    name = wording.listed((_category(source, row, language) for row in alike), language)
    value = wording.quantity(first.value, wording.as_carried(card, first), language, exact=True)
    return say("finding.largest" if len(alike) == 1 else "finding.largest_alike", language, name=name, value=value)


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
