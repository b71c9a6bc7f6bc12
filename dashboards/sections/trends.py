"""Month by month: one line a system, with its data below."""

from collections.abc import Sequence

from dashboards import rows, wording
from dashboards.drawing import as_image, axis_of, line
from dashboards.markup import tag, text, titled
from dashboards.rows import by_key, figures
from dashboards.sections import Content, Rows, drawing, kept
from dashboards.selection import Subject
from dashboards.wording import Figure, Language, say
from pipelines.catalogue import Card


@kept
def trends(subject: Subject) -> Content:
    """The first headline indicator of each system of which the release has months."""
    source, place, language = subject.source, subject.place, subject.language
    cards, months = rows.trend_cards(source), rows.trend_months(source, subject.month)
    shown = figures(source, [card.id for card in cards], (place.code,), months)
    found = by_key(shown)
    months = _since_first(months, shown)
    yield text("h2", say("trends", language)) + _key(subject.name, language)
    points = {card.id: [found.get((card.id, place.code, one)) for one in months] for card in cards}
    known = [card for card in cards if any(point and point.value is not None for point in points[card.id])]
    yield tag("div", "".join(_trend(subject, card, months, points[card.id]) for card in known), class_="trends")
    return shown


def _since_first(months: Sequence[str], shown: Rows) -> Sequence[str]:
    """The months from the first on in which anything is known; all where nothing is."""
    first = min((row.period for row in shown if row.value is not None), default=months[0])
    return [month for month in months if month >= first]


def _key(area: str, language: Language) -> str:
    """What the two lines are."""
    lines = (("stroke chosen", area), ("stroke", say("key_before", language, area=area)))
    drawn = (tag("span", tag("i", "", class_=kind) + text("span", name)) for kind, name in lines)
    return tag("p", "".join(drawn), class_="key")


def _trend(subject: Subject, card: Card, months: Sequence[str], points: Sequence[Figure | None]) -> str:
    """The line of an indicator over that of the year before, its data and the ways to take them away."""
    language = subject.language
    title = wording.joined(
        (wording.label(card, language), subject.name, wording.span_name(months[0], months[-1], language)), language
    )
    head = [say(name, language) for name in ("month", "value", "year_before", "on_year")]
    cells = [_row(month, point, card, language) for month, point in zip(months, points, strict=True)]
    hints = [f"{name} {value}, {say('year_before', language)} {ago}" for name, value, ago, _ in cells]
    finding = wording.series_finding(card, subject.name, months, points, language)
    picture = _picture(card, title, finding, months, points, language)
    over = tag("div", "".join(text("i", "", title=hint) for hint in hints), class_="hints", aria_hidden="true")
    asked = {"indicator": card.id, "area": subject.place.code, "months": f"{months[0]}..{months[-1]}"}
    unit = say("unit", language, unit=wording.unit_of_axis(card, language))
    table = drawing.data_table(head, cells[::-1], title, language)
    taken = drawing.take_away(subject, asked, title, f"trend-{card.id}", unit)
    parts = (titled(title), text("p", unit, class_="finding"), tag("div", picture + over, class_="drawn"), table, taken)
    return tag("section", "".join(parts), class_=f"trend trend-{card.id}")


def _picture(
    card: Card, title: str, finding: str, months: Sequence[str], points: Sequence[Figure | None], language: Language
) -> str:
    now = [drawing.drawn_value(point, card) if point else None for point in points]
    before = [
        drawing.drawn_value(point._replace(value=point.value_year_before), card) if point else None for point in points
    ]
    axis = axis_of([*now, *before], card, language, exact=True)
    years = [(place, month[:4]) for place, month in enumerate(months) if month.endswith("-01")]
    return as_image(line(now, axis, years, title, finding, f"trend-{card.id}", before=before), finding)


def _row(month: str, point: Figure | None, card: Card, language: Language) -> tuple[str, str, str, str]:
    return (
        wording.month_name(month, language),
        wording.shown(point, card, language, exact=True),
        wording.before_text(point, card, language, exact=True),
        wording.signed_change(point, card, language),
    )
