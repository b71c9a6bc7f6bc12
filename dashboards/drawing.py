"""Small drawings as inline SVG: a line over time, a bar in a table's row, a sparkline. No script, no style sheet, no font.

A drawing is made of what is displayed and of nothing finer: callers pass values as they are shown (`wording.rounded`),
and coordinates are written to a tenth of a unit. Beside each drawing stands the table it is drawn from.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from dashboards import wording
from dashboards.markup import tag, text
from dashboards.wording import Language, escaped
from pipelines.catalogue import Card

BLUE = "#0B5CAB"
GREY = "#6B7785"
INK = "#4A5563"
HAIRLINE = "#DDE2E8"
WIDTH, HEIGHT = 380, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 12, 24
DARK = (
    "@media (prefers-color-scheme: dark) {"
    ' text { fill: #aab4bf } [stroke="#0B5CAB"] { stroke: #6fb1f0 } [stroke="#6B7785"] { stroke: #98a4b1 }'
    ' [stroke="#DDE2E8"] { stroke: #3a424c } circle { fill: #6fb1f0 } }'
)
INTERVALS = 4  # of the vertical axis, at most
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))

Values = Sequence[Decimal | None]


class Axis(NamedTuple):
    """The lines of a vertical axis, lowest first, and their labels."""

    ticks: tuple[Decimal, ...]
    labels: tuple[str, ...]


def ticks(values: Values, *, from_nought: bool, whole: bool) -> tuple[Decimal, ...]:
    """Round numbers that hold all values between them; without values, nought and one.

    `from_nought`: the axis starts at 0, as lengths must; else it is cut close to the values. `whole`: no fractions.
    """
    known = [value for value in values if value is not None] or [Decimal(0), Decimal(1)]
    low, high = (Decimal(0) if from_nought else min(known)), max(known)
    step = _step((high - low) / INTERVALS, whole=whole)
    first = (low / step).to_integral_value("ROUND_FLOOR") * step
    last = max((high / step).to_integral_value("ROUND_CEILING") * step, first + step)
    return tuple(first + step * place for place in range(int((last - first) / step) + 1))


def _step(least: Decimal, *, whole: bool) -> Decimal:
    """The smallest step of 1, 2, 2.5 or 5 times a power of ten that is no smaller than `least`."""
    if least <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(least.adjusted())
    step = next(power * one for one in STEPS if power * one >= least)
    return max(step.to_integral_value("ROUND_CEILING"), Decimal(1)) if whole else step


def axis_of(values: Values, card: Card, language: Language, *, exact: bool = False) -> Axis:
    """From nought for what is counted; cut close for percentages, which would all lie at its upper end.

    `exact`: labels of digits only, also where Chinese counts in ten thousands.
    """
    lines = ticks(values, from_nought=card.unit != "percent", whole=card.decimals == 0)
    sign = "%" if card.unit == "percent" else ""
    decimals = max(-int(tick.normalize().as_tuple().exponent) for tick in (*lines, Decimal(1)))
    labels = (wording.number(float(tick), decimals, language, exact=exact, trim=True) for tick in lines)
    return Axis(lines, tuple(label + sign for label in labels))


def line(
    values: Values,
    axis: Axis,
    marks: Sequence[tuple[int, str]],
    title: str,
    finding: str,
    name: str,
    *,
    before: Values = (),
) -> str:
    """A line over equal spans of time, blue; a missing value is a gap, a value between two gaps a dot.

    `marks`: where a label stands below the line, as the place of a value and its words. `title` and `finding` are what a
    screen reader says; `name` is an id that no other drawing of the page has. `before`: the same spans a year earlier, a
    thinner grey line below the blue one.
    """
    count = len(values)
    parts = [
        text("title", title, id=f"{name}-title"),
        text("desc", finding, id=f"{name}-desc"),
        *_axis_lines(axis),
        *_marks(marks, count),
        *(_run(run, axis, count, GREY, "1.25") for run in _runs(before)),
        *(_run(run, axis, count, BLUE, "2") for run in _runs(values)),
    ]
    return tag(
        "svg",
        "".join(parts),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=str(WIDTH),
        height=str(HEIGHT),
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        font_size="12",
        fill=INK,
    )


def as_image(drawing: str, finding: str) -> str:
    """A drawing as an image that carries itself: the pages' frame lets no drawing stand in a page.

    On a dark ground its colours are lighter. No font of the page reaches into it, so it must hold digits only.
    """
    start = '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif"'
    whole = drawing.replace("<svg", start, 1).replace("</title>", "</title>" + tag("style", DARK), 1)
    return f'<img src="data:image/svg+xml,{quote(whole, safe=" =/:;,()[]")}" alt="{escaped(finding)}">'


def sparkline(values: Values) -> str:
    """A line without axes for a table's row, cut close to its values; nothing to a screen reader, which has the row."""
    if sum(len(run) for run in _runs(values)) < 2:
        return ""
    axis = Axis(ticks(values, from_nought=False, whole=False), ())
    width, height = 96, 22
    lines = [
        _polyline(
            [(_x(at, len(values), 2, width - 4), _y(value, axis, 2, height - 4)) for at, value in run], BLUE, "1.5"
        )
        for run in _runs(values)
        if len(run) > 1
    ]
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    return tag("svg", "".join(lines), aria_hidden="true", **size)


def bar(value: Decimal | None, longest: Decimal) -> str:
    """A bar from nought in a table's row; nothing to a screen reader, which has the row."""
    if value is None or longest <= 0:
        return ""
    width = f"{100 * max(value, Decimal(0)) / longest:.1f}"
    drawn = tag("rect", "", x="0", y="0", width=width, height="10", fill=BLUE)
    box = {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "width": "100%", "height": "10"}
    return tag("svg", drawn, aria_hidden="true", **box)


def _axis_lines(axis: Axis) -> list[str]:
    parts = []
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        y = _y(tick, axis, TOP, HEIGHT - TOP - BOTTOM)
        parts.append(tag("line", "", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, stroke=HAIRLINE))
        parts.append(text("text", label, x=str(LEFT - 6), y=y, dy="4", text_anchor="end"))
    return parts


def _marks(marks: Sequence[tuple[int, str]], count: int) -> list[str]:
    parts = []
    for place, label in marks:
        x = _x(place, count, LEFT, WIDTH - LEFT - RIGHT)
        bottom = str(HEIGHT - BOTTOM)
        parts.append(tag("line", "", x1=x, x2=x, y1=bottom, y2=str(HEIGHT - BOTTOM + 4), stroke=GREY))
        parts.append(text("text", label, x=x, y=str(HEIGHT - 6), text_anchor="middle" if place else "start"))
    return parts


def _runs(values: Values) -> list[list[tuple[int, Decimal]]]:
    """Values with their places, in runs without a gap."""
    runs: list[list[tuple[int, Decimal]]] = []
    for (_, before), (place, value) in pairwise([(-1, None), *enumerate(values)]):
        if value is None:
            continue
        if before is None:
            runs.append([])
        runs[-1].append((place, value))
    return runs


def _run(run: Sequence[tuple[int, Decimal]], axis: Axis, count: int, colour: str, width: str) -> str:
    points = [
        (_x(place, count, LEFT, WIDTH - LEFT - RIGHT), _y(value, axis, TOP, HEIGHT - TOP - BOTTOM))
        for place, value in run
    ]
    if len(points) == 1:
        return tag("circle", "", cx=points[0][0], cy=points[0][1], r="2.5", fill=colour)
    return _polyline(points, colour, width)


def _polyline(points: Sequence[tuple[str, str]], colour: str, width: str) -> str:
    where = " ".join(f"{x},{y}" for x, y in points)
    return tag("polyline", "", points=where, fill="none", stroke=colour, stroke_width=width, stroke_linejoin="round")


def _x(place: int, count: int, left: int, width: int) -> str:
    return f"{left + width * place / max(count - 1, 1):.1f}"


def _y(value: Decimal, axis: Axis, top: int, height: int) -> str:
    low, high = axis.ticks[0], axis.ticks[-1]
    return f"{top + height * (high - value) / (high - low):.1f}"
