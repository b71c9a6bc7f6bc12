"""Charts, each from a card and its rows: none without a definition, a title and a text that states the finding."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from dashboards import drawing, wording
from dashboards.rows import Funnel, Signal
from dashboards.wording import Language, say
from pipelines.catalogue import Card

BLUE = "#0B5CAB"
ORANGE = "#D55E00"
GREY = "#6B7785"
PALE = "#A9B2BC"
PALETTE = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", GREY)
BAND = "rgba(107, 119, 133, 0.18)"
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
HEIGHT = 220
TICKS = {"color": "#5C6775", "size": 12}
SPOT = 7  # pixels: a value between two gaps, of which no line can be drawn
NAME = {"color": "#5C6775", "size": 11}  # of a line at its end
MOST_NAMED = 16  # lines that have room for their names
LONGEST_NAME = 112  # pixels
WIDEST_LABEL = 84  # pixels, on a map
LEAD = 14  # pixels from the end of a line to its name
NAMED_AXIS = 46  # pixels of such a chart that its axis and margins take from its height
FEW = 5  # below it an axis of whole cases would carry fractions


class Drawn(NamedTuple):
    """A chart: the figure, its title, and its finding as text."""

    figure: go.Figure
    title: str
    finding: str


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
        f"{wording.period_name(month, language)}<br>{name} {wording.quantity(value, card, language, exact=True)}"
        for month, value in zip(months, values, strict=True)
    ]
    around = zip((None, *values), values, (*values[1:], None), strict=False)
    alone = [SPOT if value is not None and before is None and after is None else 0 for before, value, after in around]
    return {
        "type": "scatter",
        "mode": "lines+markers" if any(alone) else "lines",
        "marker": {"size": alone, "color": colour, "opacity": 1, "line": {"width": 0}},
        "x": list(months),
        "y": list(values),
        "connectgaps": False,
        "cliponaxis": False,
        "line": {"color": colour, "width": width},
        "name": name,
        "text": hover,
        "hovertemplate": "%{text}<extra></extra>",
    }


class Series(NamedTuple):
    """One of several lines of a chart; the chosen one is drawn in blue over the others in grey."""

    name: str
    values: Sequence[float | None]
    is_chosen: bool = False


def several(
    card: Card,
    title: str,
    periods: Sequence[str],
    lines: Sequence[Series],
    breaks: Sequence[str],
    language: Language,
    *,
    is_coloured: bool,
) -> Drawn:
    """Lines of areas (one in blue, all else grey, each with its name at its end) or of categories (each in a colour of its
    own); breaks as upright lines."""
    drawn = []
    for place, line in enumerate(lines):
        colour = PALETTE[place % len(PALETTE)] if is_coloured else BLUE if line.is_chosen else PALE
        width = 2.5 if is_coloured or line.is_chosen else 1.25
        drawn.append(_line(periods, line.values, card, colour, width, line.name, language))
    known = [value for line in lines for value in line.values if value is not None]
    layout = _layout(periods, known, card, language) | {"height": 340, "showlegend": is_coloured}
    if is_coloured:
        layout |= {"height": 400, "legend": {"orientation": "h", "y": -0.15, "font": {"size": 12}}}
    elif 1 < len(lines) <= MOST_NAMED and known:
        _name_ends(layout, periods, lines, known)
    layout["shapes"] = [_upright(first) for month in breaks if (first := _first_from(month, periods))]
    ordered = sorted(drawn, key=lambda line: line["line"]["color"] == BLUE) if not is_coloured else drawn
    return Drawn(
        go.Figure({"data": ordered, "layout": layout}), title, _several_said(card, title, periods, lines, language)
    )


def _name_ends(layout: dict[str, Any], periods: Sequence[str], lines: Sequence[Series], known: Sequence[float]) -> None:
    """The name of each line beside its end, the names as far apart as letters are high, each led to from its value."""
    is_cut = layout["yaxis"].get("ticksuffix") == "%"
    low, high = (min(known) if is_cut else 0.0), max(known)
    room = (high - low) * 0.05 or 1.0
    span = (low - room if is_cut else low, high + room)
    layout["yaxis"] |= {"range": span}
    layout["xaxis"] |= {"range": (0, len(periods) - 1)}  # or it would hold the names too
    pixel = (span[1] - span[0]) / (layout["height"] - NAMED_AXIS)
    ordered = sorted(_ends(lines), key=lambda end: end[1])
    places = _spread([value for _, value, _ in ordered], NAME["size"] * 1.25 * pixel, span[1])
    layout["annotations"] = [
        {
            "x": place_in_time,
            "y": value,
            "ax": LEAD,
            "ay": (value - place) / pixel,
            "text": drawing.shortened(line.name, LONGEST_NAME, NAME["size"]),
            "xanchor": "left",
            "arrowhead": 0,
            "arrowwidth": 0.75,
            "arrowcolor": PALE,
            "font": NAME | ({"color": BLUE} if line.is_chosen else {}),
        }
        for place, (place_in_time, value, line) in zip(places, ordered, strict=True)
    ]
    widest = max(drawing.ems(note["text"]) for note in layout["annotations"])
    layout["margin"] |= {"r": round(widest * NAME["size"]) + LEAD + 8}


def _ends(lines: Sequence[Series]) -> Iterator[tuple[int, float, Series]]:
    """Where along the axis each line has its last value, and the value."""
    for line in lines:
        known = [(place, value) for place, value in enumerate(line.values) if value is not None]
        if known:
            yield *known[-1], line


def _spread(values: Sequence[float], apart: float, top: float) -> Sequence[float]:
    """Places for rising values, none closer to the next than `apart` and none above `top`, near their values."""
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + apart) if places else value)
    for row in range(len(places) - 1, -1, -1):
        highest = top if row == len(places) - 1 else places[row + 1] - apart
        places[row] = min(places[row], highest)
    return places


def _several_said(card: Card, title: str, periods: Sequence[str], lines: Sequence[Series], language: Language) -> str:
    """The last value of each line."""
    last = [(line.name, line.values[-1]) for line in lines]
    words = [f"{name} {wording.quantity(value, card, language)}" for name, value in last]
    period = wording.period_name(periods[-1], language)
    return say("finding.several", language, title=title, period=period, values=wording.listed(words, language))


def control(
    card: Card, title: str, points: Sequence[Signal], breaks: Sequence[str], finding: str, language: Language
) -> Drawn:
    """A control chart: the points over the band of ordinary variation, those outside it marked, breaks as lines."""
    months = [f"{point.month:%Y-%m}" for point in points]
    hover = [wording.period_name(point.period, language) for point in points]
    limits = ("lower", "upper")
    lower, upper = ([getattr(point, limit) for point in points] for limit in limits)
    edge = {"type": "scatter", "mode": "lines", "x": months, "line": {"width": 0}, "hoverinfo": "skip"}
    values = [point.value for point in points]
    marked = [point.value if point.signal != "none" else None for point in points]
    texts = [
        f"{name}<br>{wording.value_text(value, card, language)}" for name, value in zip(hover, values, strict=True)
    ]
    given = {"x": months, "text": texts, "hovertemplate": "%{text}<extra></extra>", "type": "scatter"}
    data = [
        edge | {"y": lower},
        edge | {"y": upper, "fill": "tonexty", "fillcolor": BAND},
        edge | {"y": [point.centre for point in points], "line": {"color": GREY, "width": 1.25, "dash": "dot"}},
        given | {"mode": "lines+markers", "y": values, "line": {"color": BLUE, "width": 1.5}, "marker": {"size": 5}},
        given
        | {
            "mode": "markers",
            "y": marked,
            "marker": {"size": 10, "symbol": "diamond-open", "color": ORANGE, "line": {"width": 2}},
        },
    ]
    known = [value for value in (*values, *lower, *upper) if value is not None]
    layout = _layout(months, known, card, language) | {"height": 320}
    layout["yaxis"].pop("rangemode", None)  # what is read is the distance from the band, not the height above nought
    layout["shapes"] = [_upright(first) for month in breaks if (first := _first_from(month, months))]
    return Drawn(go.Figure({"data": data, "layout": layout}), title, finding)


def _first_from(month: str, months: Sequence[str]) -> str | None:
    """The first point of a series that begins in a month, which may have none of its own: January stands with February."""
    return next((known for known in months if known >= month), None) if months and month > months[0] else None


def _upright(month: str) -> dict[str, object]:
    """The line before the first month of a new series."""
    line = {"color": ORANGE, "width": 1.5, "dash": "dash"}
    return {"type": "line", "x0": month, "x1": month, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def funnel(
    card: Card,
    title: str,
    points: Sequence[Funnel],
    names: Mapping[str, str],
    chosen: str,
    finding: str,
    language: Language,
) -> Drawn:
    """Areas from few to many cases, each with the range that chance sets for its cases against the rest of its city.

    The ranges narrow as cases grow, which is the funnel; they are drawn one by one because each area has its own rest.
    """
    short = {code: drawing.shortened(name, LONGEST_NAME) for code, name in names.items()}
    rows = [f"{short[point.area_code]}  {point.cases:,}" for point in points]
    data: list[dict[str, object]] = []
    for low, high, width in (("lower_998", "upper_998", 6), ("lower_95", "upper_95", 12)):
        x = [edge for point in points for edge in (getattr(point, low), getattr(point, high), None)]
        y = [edge for row in rows for edge in (row, row, None)]
        line = {"color": "rgba(107, 119, 133, 0.35)", "width": width}
        data.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip"})
    said = [
        f"{names[point.area_code]}<br>{wording.value_text(point.value, card, language)}<br>"
        + say("analysis.cases", language, cases=f"{point.cases:,}")
        for point in points
    ]
    colours = [BLUE if point.area_code == chosen else GREY if point.signal == "none" else ORANGE for point in points]
    marker = {"size": 10, "color": colours}
    dots = {"x": [point.value for point in points], "y": rows, "text": said, "marker": marker}
    data.append({"type": "scatter", "mode": "markers", "hovertemplate": "%{text}<extra></extra>", **dots})
    layout = _layout(rows, [], card, language) | {"height": 80 + 26 * len(rows)}
    value_axis = {name: part for name, part in layout["yaxis"].items() if name != "rangemode"}
    layout["xaxis"] = value_axis
    layout["yaxis"] = {"type": "category", "fixedrange": True, "automargin": True, "tickfont": TICKS}
    return Drawn(go.Figure({"data": data, "layout": layout}), title, finding)


class Shape(NamedTuple):
    """An area of a map: its rings, outer ones clockwise and holes the other way, the value's shade, its name and value."""

    rings: Sequence[Sequence[tuple[float, float]]]
    shade: str
    is_dark: bool
    name: str
    value: str


def shapes(title: str, areas: Sequence[Shape], stretch: float, finding: str) -> Drawn:
    """Areas as filled shapes; `stretch` is how much longer a degree of latitude is than one of longitude there."""
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [x for ring in area.rings for x in (*(point[0] for point in ring), None)],
            "y": [y for ring in area.rings for y in (*(point[1] for point in ring), None)],
            "fill": "toself",
            "fillcolor": area.shade,
            "line": {"color": "#FFFFFF", "width": 1},
            "text": f"{area.name} {area.value}",
            "hoverinfo": "text",
            "hoveron": "fills",
        }
        for area in areas
    ]
    data += [_label(area) for area in areas]
    bare = {"visible": False, "fixedrange": True}
    layout = {
        "height": 460,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "showlegend": False,
        "dragmode": False,
        "xaxis": bare,
        "yaxis": bare | {"scaleanchor": "x", "scaleratio": stretch},
    }
    return Drawn(go.Figure({"data": data, "layout": layout}), title, finding)


def _label(area: Shape) -> dict[str, Any]:
    """Name and value in the middle of an area's largest ring."""
    ring = max(area.rings, key=lambda ring: _span(ring, 0) * _span(ring, 1))
    x, y = (sum((max, min)[end](point[side] for point in ring) for end in (0, 1)) / 2 for side in (0, 1))
    name = drawing.shortened(area.name, WIDEST_LABEL, NAME["size"])
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x],
        "y": [y],
        "text": [f"{name}<br><b>{area.value}</b>"],
        "textfont": {"size": NAME["size"], "color": "#FFFFFF" if area.is_dark else "#10243A"},
        "hoverinfo": "skip",
    }


def _span(ring: Sequence[tuple[float, float]], side: int) -> float:
    return max(point[side] for point in ring) - min(point[side] for point in ring)


def _layout(months: Sequence[str], values: Sequence[float], card: Card, language: Language) -> dict[str, Any]:
    starts = _year_starts(months)
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
            "ticktext": [wording.period_name(period[:4], language) for period in starts],
            "tickangle": 0,
            "showgrid": False,
        },
        "yaxis": fixed | axis | {"zeroline": False},
    }


def _year_starts(periods: Sequence[str]) -> list[str]:
    """The first period of each year; that of a year begun before the chart would stand too close to the next one."""
    starts = [period for before, period in zip(("", *periods), periods, strict=False) if before[:4] != period[:4]]
    is_whole = len(starts) < 2 or starts[0][4:] in ("", "-01", "-02", "-Q1")
    return starts if is_whole else starts[1:]
