"""The sections that pages share: the sentence, the headline cards, trends, areas compared, types and channels.

Each draws itself and returns the rows it showed, for the download.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

from dashboards import charts, markup, selection, wording
from dashboards.markup import Bar, tag, text
from dashboards.selection import Place, Source, View, by_key, figures
from dashboards.wording import Figure, Language, ending_with, say, spoken, year_to_date
from pipelines.catalogue import Card

ACCEPTED = "mediation_accepted"
SUCCESS = "mediation_success_rate"
COMPARED = (ACCEPTED, SUCCESS)
BREAKDOWNS = ("dispute_type", "channel")
LAST = "other"
QUALITY = ("owed", "reported", "late", "refused", "contradictions")
FEWEST_RANKED = 5
FEWEST_CASES = 30

Rows = tuple[Figure, ...]
Found = Mapping[tuple[str, str, str], Figure]


def opening(source: Source, place: Place, month: str, language: Language, city: Place | None) -> Rows:
    """The sentence to quote."""
    cards = selection.cards(source)
    areas = [place.code, *([city.code] if city else [])]
    rows = figures(source, COMPARED, areas, (month, year_to_date(month)))
    found = by_key(rows)
    total = year_to_date(month)
    sentence = wording.opening_sentence(
        spoken(place.name, language),
        (cards[ACCEPTED], found.get((ACCEPTED, place.code, month)), found.get((ACCEPTED, place.code, total))),
        (cards[SUCCESS], found.get((SUCCESS, place.code, total))),
        found.get((SUCCESS, city.code, total)) if city else None,
        month,
        language,
    )
    st.html(tag("blockquote", text("p", sentence), class_="quote", aria_label=say("quote", language)))
    return rows


def headline(source: Source, place: Place, month: str, language: Language, city: Place | None) -> Rows:
    """A card for each headline indicator; beside a district's rates and durations stands the city's."""
    cards = selection.headline_cards(source)
    total = year_to_date(month)
    areas = [place.code, *([city.code] if city else [])]
    rows = figures(source, [card.id for card in cards], areas, (month, total))
    found = by_key(rows)
    drawn = [
        markup.headline_card(
            card,
            found.get((card.id, place.code, month)),
            found.get((card.id, place.code, total)),
            found.get((card.id, city.code, month)) if city and (card.kind == "ratio" or card.is_quantile) else None,
            month,
            language,
        )
        for card in cards
    ]
    title = wording.joined((say("headline", language), wording.month_name(month, language)), language)
    st.html(text("h2", title) + tag("div", "".join(drawn), class_="cards"))
    return rows


def trends(source: Source, place: Place, month: str, language: Language) -> Rows:
    """One line a system, with its data below."""
    cards, months = selection.trend_cards(source), selection.trend_months(source, month)
    rows = figures(source, [card.id for card in cards], (place.code,), months)
    found = by_key(rows)
    months = _since_first(months, rows)
    st.html(text("h2", say("trends", language)) + _key(spoken(place.name, language), language))
    with st.container(key="trends"):
        for card in cards:
            points = [found.get((card.id, place.code, one)) for one in months]
            _trend(card, spoken(place.name, language), months, points, language)
    return rows


def _since_first(months: Sequence[str], rows: Rows) -> Sequence[str]:
    """The months from the first on in which anything is known; all where nothing is."""
    first = min((row.period for row in rows if row.value is not None), default=months[0])
    return [month for month in months if month >= first]


def _key(area: str, language: Language) -> str:
    lines = (("stroke chosen", area), ("stroke", say("key_before", language, area=area)))
    return tag(
        "p", "".join(tag("span", tag("i", "", class_=kind) + text("span", name)) for kind, name in lines), class_="key"
    )


def _trend(card: Card, area: str, months: Sequence[str], points: Sequence[Figure | None], language: Language) -> None:
    drawn = charts.trend(card, area, months, points, language)
    unit = say("unit", language, unit=wording.unit_of_axis(card, language))
    head = [say(key, language) for key in ("month", "value", "year_before", "on_year")]
    cells = [
        (
            wording.month_name(month, language),
            wording.value_text(point.value if point else None, card, language, exact=True),
            wording.value_text(point.value_year_before if point else None, card, language, exact=True),
            wording.signed_change(point, card, language),
        )
        for month, point in zip(reversed(months), reversed(points), strict=True)
    ]
    with st.container(key=f"trend_{card.id}"):
        st.html(text("h3", drawn.title) + text("p", unit, class_="finding"))
        st.plotly_chart(drawn.figure, key=f"chart_{card.id}", config=charts.CONFIG, alt=drawn.finding)
        st.html(markup.plain_table(head, cells, say("data_table", language)))


def areas_compared(view: View, source: Source, parent: Place, title: str, month: str, below: Sequence[Place]) -> Rows:
    """Areas below `parent`, ranked, against the parent's line; the chosen one in blue.

    Districts by the year to date; towns, for which a release holds no cumulative figures, by the longest standard
    period that ends with the month.
    """
    language = view.language
    period = ending_with(month) if any(area.level == "township" for area in below) else year_to_date(month)
    cards = selection.headline_cards(source)
    rows = figures(source, [card.id for card in cards], (parent.code, *(area.code for area in below)), (period,))
    found = by_key(rows)
    shown = [area for area in below if _is_shown(area, found, period)]
    chosen = view.place.code if view.place else ""
    tables = "".join(
        _ranked(view, selection.cards(source)[name], parent, shown, found, period, chosen) for name in COMPARED
    )
    counted = [card for card in cards if any((card.id, area.code, period) in found for area in shown)]
    silent = [area for area in below if area not in shown and not area.code.endswith(selection.NOT_ASSIGNED)]
    st.html(
        text("h2", title)
        + tag("div", tables, class_="pair")
        + _all_indicators(counted, (parent, *shown), found, period, language)
        + (text("p", say("silent", language, count=str(len(silent))), class_="finding") if silent else "")
    )
    return rows


def _is_shown(area: Place, found: Found, total: str) -> bool:
    """Areas with a compared figure, be it nought; the not-assigned one only where something is counted in it."""
    own = [row for name in COMPARED if (row := found.get((name, area.code, total)))]
    return any(row.value for row in own) if area.code.endswith(selection.NOT_ASSIGNED) else bool(own)


def _ranked(
    view: View,
    card: Card,
    parent: Place,
    below: Sequence[Place],
    found: Found,
    total: str,
    chosen: str,
) -> str:
    language = view.language
    known = [area for area in below if (card.id, area.code, total) in found]
    ranked = sorted(known, key=lambda area: _rank(found.get((card.id, area.code, total)), area))
    bars = [Bar(spoken(parent.name, language), found.get((card.id, parent.code, total)), is_reference=True)]
    for area in ranked:
        address = (
            "district?" + urlencode(selection.address(view, area=selection.short(area.code)))
            if area.level == "district"
            else ""
        )
        linked = address if area.code != chosen and not area.code.endswith(selection.NOT_ASSIGNED) else ""
        bars.append(
            Bar(spoken(area.name, language), found.get((card.id, area.code, total)), linked, area.code == chosen)
        )
    names = (wording.label(card, language), spoken(parent.name, language), wording.period_name(total, language))
    title = wording.joined(names, language)
    return markup.ranked_table(
        card, bars, title, _extremes(card, ranked, found, total, language), say("area", language), language
    )


def _rank(figure: Figure | None, area: Place) -> tuple[bool, bool, float, str]:
    """High to low; areas without a figure, then the not-assigned one, at the end."""
    value = figure.value if figure else None
    return area.code.endswith(selection.NOT_ASSIGNED), value is None, -(value or 0.0), area.code


def _extremes(card: Card, ranked: Sequence[Place], found: Found, total: str, language: Language) -> str:
    """Who stands highest and lowest; nothing below five areas, or where a rate rests on fewer than thirty cases."""
    known = [(area, found[card.id, area.code, total]) for area in ranked if (card.id, area.code, total) in found]
    known = [pair for pair in known if pair[1].value is not None and not pair[0].code.endswith(selection.NOT_ASSIGNED)]
    is_rate = card.denominator is not None
    if len(known) < FEWEST_RANKED or any(is_rate and (row.denominator or 0) < FEWEST_CASES for _, row in known):
        return ""
    (high, high_value), (low, low_value) = (_extreme(known, place, card, language) for place in (0, -1))
    return say("finding.ranked", language, high=high, high_value=high_value, low=low, low_value=low_value)


def _extreme(known: Sequence[tuple[Place, Figure]], place: int, card: Card, language: Language) -> tuple[str, str]:
    """Name and value of the first or last of a ranking; where others show the same value, the name says so."""
    shown = [wording.quantity(row.value, card, language, exact=True) for _, row in known]
    name = spoken(known[place][0].name, language)
    if shown.count(shown[place]) > 1:
        name = say("finding.and_others", language, name=name)
    return name, shown[place]


def _all_indicators(
    cards: Sequence[Card],
    areas: Sequence[Place],
    found: Found,
    total: str,
    language: Language,
) -> str:
    head = [say("area", language), *(wording.label_with_unit(card, language) for card in cards)]
    cells = [
        [spoken(area.name, language)]
        + [
            wording.value_text(
                figure.value if (figure := found.get((card.id, area.code, total))) else None, card, language, exact=True
            )
            for card in cards
        ]
        for area in areas
    ]
    summary = wording.joined((say("all_indicators", language), wording.period_name(total, language)), language)
    return markup.plain_table(head, cells, summary)


def breakdowns(source: Source, place: Place, month: str, language: Language) -> Rows:
    """Dispute types and channels of the accepted disputes, the year to date."""
    card, total = selection.cards(source)[ACCEPTED], year_to_date(month)
    tables, shown = [], []
    for breakdown in BREAKDOWNS:
        share = _share_card(source, card, breakdown)
        wanted = [card.id, *([share.id] if share else [])]
        rows = figures(source, wanted, (place.code,), (total,), breakdown)
        tables.append(_categories(source, card, share, breakdown, rows, place, total, language))
        shown += rows
    st.html(text("h2", say("breakdowns", language)) + tag("div", "".join(tables), class_="pair"))
    return tuple(shown)


def _share_card(source: Source, card: Card, breakdown: str) -> Card | None:
    """The card that gives the shares of the same measure by this breakdown, if the release has one."""
    shares = (
        other
        for other in selection.cards(source).values()
        if other.kind == "share" and other.numerator == card.numerator
    )
    return next((other for other in shares if breakdown in other.breakdowns), None)


def _categories(
    source: Source,
    card: Card,
    share: Card | None,
    breakdown: str,
    rows: Rows,
    place: Place,
    total: str,
    language: Language,
) -> str:
    labels = selection.categories(source).get(breakdown, {})
    parts = {row.category: row for row in rows if share and row.indicator == share.id}
    counts = sorted(
        (row for row in rows if row.indicator == card.id),
        key=lambda row: (row.category == LAST, -(row.value or 0.0), row.category),
    )
    named = [
        (
            spoken(labels[row.category], language) if row.category in labels else row.category,
            row,
            parts.get(row.category),
        )
        for row in counts
    ]
    name, period = say(f"breakdowns.{breakdown}", language), wording.period_name(total, language)
    title = wording.joined((wording.label(card, language), name, spoken(place.name, language), period), language)
    return markup.categories_table(title, name, named, card, share, language)


def quality(source: Source, place: Place, month: str, language: Language) -> None:
    """How the area's senders kept what they owe, the year to date; nothing where the release does not say."""
    total = year_to_date(month)
    kept = selection.quality(source, place.code, total[:7], month)
    if not kept:
        return
    sums = {name: f"{sum(getattr(row, name) for row in kept):,}" for name in QUALITY}
    period = wording.period_name(total, language)
    finding = say("quality.finding", language, period=period, senders=str(len(kept)), **sums)
    head = [say("quality.sender", language), *(say(f"quality.{name}", language) for name in QUALITY)]
    cells = [
        [wording.joined((spoken(row.sender, language), spoken(row.table, language)), language)]
        + [f"{getattr(row, name):,}" for name in QUALITY]
        for row in kept
    ]
    summary = wording.joined((say("quality.by_sender", language), period), language)
    st.html(
        text("h2", say("quality.title", language))
        + text("p", finding, class_="finding")
        + markup.plain_table(head, cells, summary)
    )
