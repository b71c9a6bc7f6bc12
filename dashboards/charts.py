"""Charts, each from a card and its rows: none without a definition, a title and a text that states the finding."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards import wording
from dashboards.wording import Figure, Language, say
from pipelines.catalogue import Card

BLUE = "#0B5CAB"
GREY = "#6B7785"
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
HEIGHT = 220
TICKS = {"color": "#5C6775", "size": 12}
FEW = 5  # below it an axis of whole cases would carry fractions


class Trend(NamedTuple):
    """A drawn series: the figure, its title, and its finding as text."""

    figure: go.Figure
    title: str
    finding: str


def trend(card: Card, area: str, months: Sequence[str], points: Sequence[Figure | None], language: Language) -> Trend:
    """Month by month, in blue over the same months of the year before in grey. One point a month; None leaves a gap."""
    period = wording.span_name(months[0], months[-1], language)
    title = wording.joined((wording.label(card, language), area, period), language)
    before = [point.value_year_before if point else None for point in points]
    now = [point.value if point else None for point in points]
    lines = [
        _line(months, before, card, GREY, 1.5, say("year_before", language), language),
        _line(months, now, card, BLUE, 2.5, say("this_month", language), language),
    ]
    known = [value for value in (*now, *before) if value is not None]
    # Given whole: setting the layout part by part takes Plotly ten times as long.
    figure = go.Figure({"data": lines, "layout": _layout(months, known, card, language)})
    return Trend(figure, title, wording.series_finding(card, area, months, points, language))


def _line(
    months: Sequence[str],
    values: Sequence[float | None],
    card: Card,
    colour: str,
    width: float,
    name: str,
    language: Language,
) -> dict[str, object]:
    hover = [
        f"{wording.month_name(month, language)}<br>{name} {wording.quantity(value, card, language, exact=True)}"
        for month, value in zip(months, values, strict=True)
    ]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(months),
        "y": list(values),
        "connectgaps": False,
        "line": {"color": colour, "width": width},
        "name": name,
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _layout(months: Sequence[str], values: Sequence[float], card: Card, language: Language) -> dict[str, object]:
    starts = [month for month in months if month.endswith("-01")] or [months[0]]
    axis: dict[str, object] = {"rangemode": "tozero", "tickformat": ",d", "nticks": 5}
    if card.unit == "percent":
        axis = {"tickformat": ".4~g", "ticksuffix": "%", "nticks": 5}
    elif values and max(values) < FEW:
        axis |= {"dtick": 1}
    fixed = {"fixedrange": True, "automargin": True, "tickfont": TICKS}
    return {
        "height": HEIGHT,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": fixed
        | {
            "type": "category",
            "tickvals": starts,
            "ticktext": [f"{month[:4]}年1月" if language == "zh" else f"Jan {month[:4]}" for month in starts],
            "showgrid": False,
        },
        "yaxis": fixed | axis | {"zeroline": False},
    }
