"""Month by month: one line a system, with its data below."""

from collections.abc import Sequence
from functools import lru_cache

import streamlit as st

from dashboards import charts, rows, wording
from dashboards.charts import Drawn
from dashboards.markup import tag, text
from dashboards.rows import Source, by_key, figures
from dashboards.sections import Rows, drawing
from dashboards.selection import Subject
from dashboards.wording import Figure, Language, say
from pipelines.catalogue import Card


def trends(subject: Subject) -> Rows:
    """The first headline indicator of each system of which the release has months."""
    source, place, language = subject.source, subject.place, subject.language
    cards, months = rows.trend_cards(source), rows.trend_months(source, subject.month)
    shown = figures(source, [card.id for card in cards], (place.code,), months)
    found = by_key(shown)
    months = since_first(months, shown)
    st.html(text("h2", say("trends", language)) + key(subject.name, language))
    with st.container(key="trends"):
        for card in cards:
            points = tuple(found.get((card.id, place.code, one)) for one in months)
            if any(point and point.value is not None for point in points):
                trend(subject, card, tuple(months), points)
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


def trend(subject: Subject, card: Card, months: tuple[str, ...], points: tuple[Figure | None, ...]) -> None:
    """The line of an indicator, its data and the ways to take them away."""
    chart, table = _drawn(subject.source, card.id, subject.name, months, points, subject.language)
    asked = {"indicator": card.id, "area": subject.place.code, "months": f"{months[0]}..{months[-1]}"}
    unit = wording.unit_of_axis(card, subject.language)
    drawing.draw(subject, chart, f"trend_{card.id}", unit, table, asked)


@lru_cache(maxsize=512)
def _drawn(
    source: Source,
    indicator: str,
    area: str,
    months: tuple[str, ...],
    points: tuple[Figure | None, ...],
    language: Language,
) -> tuple[Drawn, str]:
    """The chart and its table: the dearest part of a page, and the same for every reader of the same months."""
    card = rows.cards(source)[indicator]
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
    return charts.trend(card, area, months, points, language), drawing.data_table(head, cells, language)
