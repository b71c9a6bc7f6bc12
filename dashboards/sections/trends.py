"""Month by month: one line a system, with its data below."""

from collections.abc import Sequence

import streamlit as st

from dashboards import charts, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import by_key, figures
from dashboards.sections import Rows, drawing
from dashboards.selection import Subject
from dashboards.wording import Figure, Language, say
from pipelines.catalogue import Card


def trends(subject: Subject) -> Rows:
    """The first headline indicator of each system."""
    source, place, language = subject.source, subject.place, subject.language
    cards, months = rows.trend_cards(source), rows.trend_months(source, subject.month)
    shown = figures(source, [card.id for card in cards], (place.code,), months)
    found = by_key(shown)
    months = since_first(months, shown)
    st.html(text("h2", say("trends", language)) + key(subject.name, language))
    with st.container(key="trends"):
        for card in cards:
            trend(subject, card, months, [found.get((card.id, place.code, one)) for one in months])
    return shown


def since_first(months: Sequence[str], shown: Rows) -> Sequence[str]:
    """The months from the first on in which anything is known; all where nothing is."""
    first = min((row.period for row in shown if row.value is not None), default=months[0])
    return [month for month in months if month >= first]


def key(area: str, language: Language) -> str:
    """What the two lines are."""
    lines = (("stroke chosen", area), ("stroke", say("key_before", language, area=area)))
    drawn = (tag("span", tag("i", "", class_=kind) + text("span", name)) for kind, name in lines)
    return tag("p", "".join(drawn), class_="key")


def trend(subject: Subject, card: Card, months: Sequence[str], points: Sequence[Figure | None]) -> None:
    """The line of an indicator, its data and the ways to take them away."""
    language = subject.language
    drawn = charts.trend(card, subject.name, months, points, language)
    head = [say(name, language) for name in ("month", "value", "year_before", "on_year")]
    cells = [
        (
            wording.month_name(month, language),
            wording.shown(point, card, language, exact=True),
            wording.value_text(point.value_year_before if point else None, card, language, exact=True),
            wording.signed_change(point, card, language),
        )
        for month, point in zip(reversed(months), reversed(points), strict=True)
    ]
    asked = {"indicator": card.id, "area": subject.place.code, "months": f"{months[0]}..{months[-1]}"}
    drawing.draw(subject, drawn, f"trend_{card.id}", wording.unit_of_axis(card, language), head, cells, asked)
