"""Areas side by side under the area above them: districts of a city, towns of a district."""

from collections.abc import Sequence
from urllib.parse import urlencode

from dashboards import drawing as svg
from dashboards import markup, rows, wording
from dashboards.markup import Bar, tag, text
from dashboards.rows import NOT_ASSIGNED, Found, Place, Source, by_key, figures
from dashboards.sections import Content, Rows, drawing, kept
from dashboards.sections.opening import ACCEPTED, SUCCESS
from dashboards.selection import Subject, address, short
from dashboards.wording import Figure, Language, ending_with, say, spoken, year_to_date
from pipelines.catalogue import Card

COMPARED = (ACCEPTED, SUCCESS)
FEWEST_RANKED = 5
FEWEST_CASES = 30


@kept
def districts(subject: Subject) -> Content:
    """The districts of the city, or those beside the district."""
    city = subject.above or subject.place
    return _areas(subject, city, say("districts_compared", subject.language), rows.children(subject.source, city.code))


@kept
def towns(subject: Subject) -> Content:
    """The towns and subdistricts of the district."""
    below = rows.children(subject.source, subject.place.code)
    return _areas(subject, subject.place, say("towns", subject.language), below)


def _areas(subject: Subject, parent: Place, title: str, below: Sequence[Place]) -> Content:
    """Areas below `parent` against its line, from high to low; by code where ranks are not published.

    Districts by the year to date; towns, for which a release holds no cumulative figures, by the longest standard
    period that ends with the month.
    """
    source, language = subject.source, subject.language
    is_of_towns = any(area.level == "township" for area in below)
    period = ending_with(subject.month) if is_of_towns else year_to_date(subject.month)
    cards = rows.headline_cards(source)
    shown = figures(source, [card.id for card in cards], (parent.code, *(area.code for area in below)), (period,))
    found = by_key(shown)
    drawn = [area for area in below if _is_shown(area, found, period)]
    if not drawn:
        return ()
    known = rows.cards(source)
    tables = "".join(
        ranked(subject, known[name], parent, drawn, found, period)
        for name in COMPARED
        if any((name, area.code, period) in found for area in drawn)
    )
    counted = [card for card in cards if any((card.id, area.code, period) in found for area in drawn)]
    silent = [area for area in below if area not in drawn and not area.code.endswith(NOT_ASSIGNED)]
    yield (
        text("h2", title)
        + tag("div", tables, class_="pair")
        + _all_indicators(counted, (parent, *drawn), found, period, language)
        + (text("p", say("silent", language, count=str(len(silent))), class_="finding") if silent else "")
    )
    return shown


def _is_shown(area: Place, found: Found, period: str) -> bool:
    """Areas with a compared figure, be it nought; the not-assigned one only where something is counted in it."""
    own = [row for name in COMPARED if (row := found.get((name, area.code, period)))]
    return any(row.value for row in own) if area.code.endswith(NOT_ASSIGNED) else bool(own)


def ranked(
    subject: Subject,
    card: Card,
    parent: Place,
    below: Sequence[Place],
    found: Found,
    period: str,
) -> str:
    """A table of areas with bars or points, the parent's line first, and the ways to take it away."""
    language = subject.language
    ordered = _in_order(subject.source, card, below, found, period)
    bars = [Bar(spoken(parent.name, language), found.get((card.id, parent.code, period)), is_reference=True)]
    for area in ordered:
        is_chosen = area.code == subject.place.code
        is_linked = area.level == "district" and not is_chosen and not area.code.endswith(NOT_ASSIGNED)
        link = "district?" + urlencode(_district_address(subject, area)) if is_linked else ""
        bars.append(Bar(spoken(area.name, language), found.get((card.id, area.code, period)), link, is_chosen))
    title = _title(card, parent, period, language)
    finding = _finding(subject.source, card, parent, ordered, found, period, language)
    table = markup.ranked_table(card, bars, title, finding, say("area", language), language)
    codes = ",".join(area.code for area in (parent, *ordered))
    asked = {"indicator": card.id, "area": codes, "period": period}
    has_bars = card.unit != "percent" or bars[0].figure is None or bars[0].figure.value is not None
    return tag("div", table + drawing.take_away(subject, asked, title, has_bars=has_bars))


def picture(
    source: Source, card: Card, parent: Place, below: Sequence[Place], shown: Rows, period: str, language: Language
) -> bytes:
    """The same table drawn: bars of counts from nought, points of rates against the parent's line."""
    found = by_key(shown)
    ordered = _in_order(source, card, below, found, period)
    figures_of = [found.get((card.id, area.code, period)) for area in (parent, *ordered)]
    written = [wording.shown(figure, card, language, exact=True) for figure in figures_of]
    names = [spoken(area.name, language) for area in (parent, *ordered)]
    values = [None if figure is None else drawing.drawn_value(figure, card) for figure in figures_of]
    if card.unit == "percent":
        axis = svg.axis_of(values, card, language, exact=True)
        body = svg.point_rows(list(zip(names, [None, *values[1:]], written, strict=True)), values[0], axis)
    else:
        unit = wording.unit_of_axis(card, language)
        body = svg.bar_rows(list(zip(names, [None, *values[1:]], written, strict=True)), unit)
    finding = _finding(source, card, parent, ordered, found, period, language)
    title = _title(card, parent, period, language)
    said = map(" ".join, zip(names, written, strict=True))
    alternative = wording.run((finding, wording.listed(said, language)), language)
    return svg.picture(body, title, alternative, drawing.words(source, card, language))


def _title(card: Card, parent: Place, period: str, language: Language) -> str:
    names = (wording.label(card, language), spoken(parent.name, language), wording.period_name(period, language))
    return wording.joined(names, language)


def _in_order(source: Source, card: Card, below: Sequence[Place], found: Found, period: str) -> Sequence[Place]:
    """Those of the areas that have a row, from high to low; by code where ranks are not published."""
    known = [area for area in below if (card.id, area.code, period) in found]
    order = _rank if source.edition == "internal" else _by_code
    return sorted(known, key=lambda area: order(found.get((card.id, area.code, period)), area))


def _finding(
    source: Source,
    card: Card,
    parent: Place,
    ordered: Sequence[Place],
    found: Found,
    period: str,
    language: Language,
) -> str:
    """Who stands highest and lowest; where that may not be said, what the line is that the others are held against."""
    ends = _extremes(card, ordered, found, period, language) if source.edition == "internal" else ""
    whole = wording.figure_of_area(
        spoken(parent.name, language), card, found.get((card.id, parent.code, period)), language
    )
    return ends or whole + say("sentence.end", language)


def finding(subject: Subject, card: Card, below: Sequence[Place], found: Found, period: str) -> str:
    """What stands above the table of the areas below the subject's, for a map of the same figures."""
    ordered = _in_order(subject.source, card, below, found, period)
    return _finding(subject.source, card, subject.place, ordered, found, period, subject.language)


def _district_address(subject: Subject, area: Place) -> dict[str, str]:
    """The address of a district's profile, without what only this page chooses."""
    own = dict.fromkeys(subject.options, "")
    return address(subject, **own | {"area": short(area.code)})


def _rank(figure: Figure | None, area: Place) -> tuple[bool, bool, float, str]:
    """High to low; areas without a figure, then the not-assigned one, at the end."""
    value = figure.value if figure else None
    return area.code.endswith(NOT_ASSIGNED), value is None, -(value or 0.0), area.code


def _by_code(_: Figure | None, area: Place) -> tuple[bool, bool, float, str]:
    """The order of the codes, in which no value shows."""
    return area.code.endswith(NOT_ASSIGNED), False, 0.0, area.code


def _extremes(card: Card, ordered: Sequence[Place], found: Found, period: str, language: Language) -> str:
    """Who stands highest and lowest; nothing below five areas, or where a rate rests on fewer than thirty cases."""
    known = [(area, found[card.id, area.code, period]) for area in ordered if (card.id, area.code, period) in found]
    known = [pair for pair in known if pair[1].value is not None and not pair[0].code.endswith(NOT_ASSIGNED)]
    is_rate = card.denominator is not None
    if len(known) < FEWEST_RANKED or any(is_rate and (row.denominator or 0) < FEWEST_CASES for _, row in known):
        return ""
    (high, high_value), (low, low_value) = (_extreme(known, place, card, language) for place in (0, -1))
    return say("finding.ranked", language, high=high, high_value=high_value, low=low, low_value=low_value)


def _extreme(known: Sequence[tuple[Place, Figure]], place: int, card: Card, language: Language) -> tuple[str, str]:
    """Name and value of the first or last of a ranking; where others show the same value, the name says so."""
    values = [wording.quantity(row.value, card, language, exact=True) for _, row in known]
    name = spoken(known[place][0].name, language)
    if values.count(values[place]) > 1:
        name = say("finding.and_others", language, name=name)
    return name, values[place]


def _all_indicators(
    cards: Sequence[Card], areas: Sequence[Place], found: Found, period: str, language: Language
) -> str:
    head = [say("area", language), *(wording.label_with_unit(card, language) for card in cards)]
    cells = [
        [spoken(area.name, language)]
        + [wording.shown(found.get((card.id, area.code, period)), card, language, exact=True) for card in cards]
        for area in areas
    ]
    summary = wording.joined((say("all_indicators", language), wording.period_name(period, language)), language)
    return markup.plain_table(head, cells, summary)
