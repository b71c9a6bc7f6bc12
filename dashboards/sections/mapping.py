"""The districts of a city as tiles, or as shapes where the office has an approved map; the table beside it."""

from collections.abc import Mapping, Sequence

from dashboards import charts, maps, markup, rows, wording
from dashboards.charts import Shape
from dashboards.markup import tag, text
from dashboards.rows import NOT_ASSIGNED, Found, Place, by_key, figures
from dashboards.sections import Beside, Chart, Content, comparing, drawing, explorer, opening
from dashboards.sections.opening import SUCCESS
from dashboards.selection import Option, Subject
from dashboards.wording import Figure, say, spoken, year_to_date
from pipelines.catalogue import Card
from pipelines.settings import UserError

# Five steps of one blue, dark enough apart to be told by everyone; white letters on the darker two.
SHADES = ("#DCE9F5", "#B3D0EA", "#7FB0DA", "#2874B5", "#0B4A8C")
DARK = SHADES[3:]
UNKNOWN = "#E4E7EB"


def _names(subject: Subject) -> Mapping[str, str]:
    cards = rows.cards(subject.source)
    names = explorer.indicator_names(subject)
    return {
        code: name
        for code, name in names.items()
        if cards[code].kind != "share" and cards[code].finest_period == "month"
    }


OPTIONS = (Option("indicator", "indicator", _names, SUCCESS),)


def sentence(subject: Subject) -> Content:
    """The city's figure of the year to date."""
    return opening.one_figure(subject, explorer.card_of(subject).id, year_to_date(subject.month))


def districts(subject: Subject) -> Content:
    """The picture and the table of the same figures beside it."""
    card, period, language = explorer.card_of(subject), year_to_date(subject.month), subject.language
    places = [
        area for area in rows.children(subject.source, subject.place.code) if not area.code.endswith(NOT_ASSIGNED)
    ]
    shown = figures(subject.source, (card.id,), [subject.place.code, *(place.code for place in places)], (period,))
    found = by_key(shown)
    names = (wording.label(card, language), subject.name, wording.period_name(period, language))
    title = wording.joined(names, language)
    yield text("h2", say("map.districts", language))
    table = comparing.ranked(subject, card, subject.place, places, found, period)
    yield Beside(_picture(subject, card, places, found, title), table)
    return shown


def _picture(subject: Subject, card: Card, places: Sequence[Place], found: Found, title: str) -> str | Chart:
    """The approved map; tiles where there is none, it lacks a district, or it cannot be read, which is then said."""
    language, period = subject.language, year_to_date(subject.month)
    own = [found.get((card.id, place.code, period)) for place in places]
    asked = {"indicator": card.id, "area": ",".join(place.code for place in places), "period": period}
    unit = say("unit", language, unit=wording.unit_of_axis(card, language))
    shades, legend = _shades(own), _legend(subject, card, own)
    fault = ""
    try:
        approved = maps.approved_map()
    except UserError as error:
        fault, approved = text("p", str(error), role="alert"), None
    if approved is None or any(place.code not in approved.rings for place in places):
        note = text("p", say("map.not_geography", language), class_="finding")
        tiles = _tiles(subject, card, places, found, shades, title)
        finding = comparing.finding(subject, card, places, found, period)
        block = markup.block(title, tiles + legend + note, finding, class_="tile-map")
        return fault + tag("div", block + drawing.take_away(subject, asked, title, "tile-map", unit))
    areas = [
        Shape(
            approved.rings[place.code],
            shade,
            shade in DARK,
            spoken(place.name, language),
            wording.shown(figure, card, language),
        )
        for place, shade, figure in zip(places, shades, own, strict=True)
    ]
    finding = wording.listed((f"{area.name} {area.value}" for area in areas), language)
    drawn = charts.shapes(title, areas, maps.stretch([ring for area in areas for ring in area.rings]), finding)
    number = say("map.approval", language, number=approved.approval_number)
    above = markup.titled(title) + text("p", number, class_="finding")
    return Chart("map", above, drawn, legend + drawing.take_away(subject, asked, title, "st-key-map", unit))


def _shades(shown: Sequence[Figure | None]) -> Sequence[str]:
    """A shade for each figure: five equal steps from the smallest to the largest value."""
    values = [_placed(row) for row in shown]
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return [UNKNOWN if value is None else _shade(value, low, high) for value in values]


def _placed(figure: Figure | None) -> float | None:
    """Where a figure lies among the others: its value, or the end that its band names."""
    if figure is None:
        return None
    return {"at_least": figure.low, "at_most": figure.high}.get(figure.band or "", figure.value)


def _shade(value: float, low: float, high: float) -> str:
    if high <= low:
        return SHADES[2]
    return SHADES[min(int((value - low) / (high - low) * len(SHADES)), len(SHADES) - 1)]


def _tiles(
    subject: Subject, card: Card, places: Sequence[Place], found: Found, shades: Sequence[str], title: str
) -> str:
    period, language = year_to_date(subject.month), subject.language
    tiles = "".join(
        tag(
            "li",
            text("span", spoken(place.name, language))
            + text("b", wording.shown(found.get((card.id, place.code, period)), card, language)),
            class_="dark" if shade in DARK else "light",
            style=f"background:{shade}",
        )
        for place, shade in zip(places, shades, strict=True)
    )
    return tag("ul", tiles, class_="tiles", aria_label=title)


def _legend(subject: Subject, card: Card, shown: Sequence[Figure | None]) -> str:
    """The shades between the smallest and the largest figure, and what is drawn where there is none."""
    known = sorted((value, place) for place, row in enumerate(shown) if (value := _placed(row)) is not None)
    steps = "".join(tag("i", "", style=f"background:{shade}") for shade in SHADES)
    ends = [wording.stated(shown[place], card, subject.language) or "" for _, place in (known[:1] + known[-1:])]
    low, high = (text("span", words) for words in ends) if ends else ("", "")
    gap = tag("i", "", style=f"background:{UNKNOWN}") + text("span", say("map.unknown", subject.language))
    return tag("p", (low + steps + high if known else "") + (gap if len(known) < len(shown) else ""), class_="shades")
