"""Drawings as SVG: lines over time, bars of categories, points of areas, a bar in a table's row, a sparkline. No script, no
style sheet.

A drawing is made of what is displayed and of nothing finer: callers pass values as they are shown (`wording.rounded`),
and coordinates are written to a tenth of a unit, so that the same values and words give the same text. Beside each
drawing stands the table it is drawn from.
"""

import re
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
SIZE = 12  # of the letters
DARK = (
    "@media (prefers-color-scheme: dark) {"
    ' text { fill: #aab4bf } [stroke="#0B5CAB"] { stroke: #6fb1f0 } [stroke="#6B7785"] { stroke: #98a4b1 }'
    ' [stroke="#DDE2E8"] { stroke: #3a424c } circle { fill: #6fb1f0 } }'
)
INTERVALS = 4  # of the vertical axis, at most
STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
SERIES = ((BLUE, "2.5"), (GREY, "1.5"))  # this year and the year before: colour and width of their lines
FAMILY = "Fengqiao Sans, Noto Sans SC, sans-serif"  # of drawings that stand in no page
SPACE = "http://www.w3.org/2000/svg"
BAR, GAP, MOST_NAME, VALUE = 24, 8, 300, 70  # of a chart of bars: a row, between name and bar, the widest name, a value
HEADING, NOTE = 14, 10  # of the letters above a picture and below it
# What a line may not be broken within: a word, a Chinese character with the signs that open and close it.
UNBROKEN = re.compile(r"[（《“]*[\u2e80-\uffef][，。；：、）》”！？]*\s*|[^\s\u2e80-\uffef]+\s*")
NARROW = frozenset("iljtfrI.,:;'|()[]·-–− ")
WIDE = frozenset("mwMW%—+÷@&")

Values = Sequence[Decimal | None]
Points = Sequence[tuple[str, str]]


class Axis(NamedTuple):
    """The lines of a vertical axis, lowest first, and their labels."""

    ticks: tuple[Decimal, ...]
    labels: tuple[str, ...]


class Frame(NamedTuple):
    """The size of a drawing and the room that its axes leave. `is_banded`: a value stands in the middle of its span."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    is_banded: bool = False

    def x(self, place: int, count: int) -> str:
        room = self.width - self.left - self.right
        if self.is_banded:
            return f"{self.left + room * (place + 0.5) / count:.1f}"
        return f"{self.left + room * place / max(count - 1, 1):.1f}"

    def y(self, value: Decimal, axis: Axis) -> str:
        low, high = axis.ticks[0], axis.ticks[-1]
        return f"{self.top + (self.height - self.top - self.bottom) * (high - value) / (high - low):.1f}"


SCREEN = Frame(380, 200, 52, 10, 12, 24)
PAPER = Frame(640, 216, 52, 16, 34, 28, is_banded=True)
SPARK = Frame(96, 22, 2, 2, 2, 2)


def ems(words: str) -> float:
    """About how wide a text is, in the height of its letters: a Chinese character is as wide as it is high."""
    return sum(1.0 if ord(one) > 0x2E7F else 0.36 if one in NARROW else 0.9 if one in WIDE else 0.6 for one in words)


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
    ends = ticks(values, from_nought=card.unit != "percent", whole=card.decimals == 0)
    sign = "%" if card.unit == "percent" else ""
    decimals = max(-int(tick.normalize().as_tuple().exponent) for tick in (*ends, Decimal(1)))
    labels = (wording.number(float(tick), decimals, language, exact=exact, trim=True) for tick in ends)
    return Axis(ends, tuple(label + sign for label in labels))


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
    parts = [
        text("title", title, id=f"{name}-title"),
        text("desc", finding, id=f"{name}-desc"),
        *_axis_lines(axis, SCREEN),
        *_marks(marks, len(values), SCREEN),
        *(_run(run, GREY, "1.25") for run in _runs(before, axis, SCREEN)),
        *(_run(run, BLUE, "2") for run in _runs(values, axis, SCREEN)),
    ]
    return tag(
        "svg",
        "".join(parts),
        viewBox=f"0 0 {SCREEN.width} {SCREEN.height}",
        width=str(SCREEN.width),
        height=str(SCREEN.height),
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        font_size=str(SIZE),
        fill=INK,
    )


def as_image(drawing: str, finding: str) -> str:
    """A drawing as an image that carries itself: the pages' frame lets no drawing stand in a page.

    On a dark ground its colours are lighter. No font of the page reaches into it, so it must hold digits only.
    """
    start = f'<svg xmlns="{SPACE}" font-family="sans-serif"'
    whole = drawing.replace("<svg", start, 1).replace("</title>", "</title>" + tag("style", DARK), 1)
    return f'<img src="data:image/svg+xml,{quote(whole, safe=" =/:;,()[]")}" alt="{escaped(finding)}">'


def lines(
    series: Sequence[tuple[str, Values]], axis: Axis, labels: Sequence[str], unit: str, title: str, finding: str
) -> str:
    """Up to two named series over the same labels, the first before the second; each known value has a dot.

    For a document: it names its typeface and stands alone. A missing value is a gap.
    """
    parts = [
        text("text", unit, x=str(PAPER.left), y="16", text_anchor="start", fill=GREY),
        *_axis_lines(axis, PAPER),
        *_marks(list(enumerate(labels)), len(labels), PAPER),
    ]
    for (_, values), (colour, width) in reversed(list(zip(series, SERIES, strict=False))):
        for run in _runs(values, axis, PAPER):
            parts += [_run(run, colour, width)] if len(run) > 1 else []
            parts += [_dot(point, colour, width) for point in run]
    return _alone("".join([*parts, *_key([name for name, _ in series])]), PAPER.height, title, finding)


def _key(names: Sequence[str]) -> list[str]:
    """What each line is, in the upper right corner, the first the rightmost."""
    parts, x = [], float(PAPER.width - PAPER.right)
    for name, (colour, width) in zip(names, SERIES, strict=False):
        parts.append(text("text", name, x=f"{x:.1f}", y="16", text_anchor="end"))
        x -= ems(name) * SIZE + 6
        parts.append(
            tag("line", "", x1=f"{x - 22:.1f}", x2=f"{x:.1f}", y1="12", y2="12", stroke=colour, stroke_width=width)
        )
        x -= 36
    return parts


class Body(NamedTuple):
    """What is drawn within a picture, as wide as a page, and how high it is."""

    drawn: str
    height: int


Bars = Sequence[tuple[str, Decimal | None, str]]  # a name, its value, how that is written; what is not shown has no bar


def bars(rows: Bars, unit: str, title: str, finding: str) -> str:
    """A horizontal bar a category, from nought: its name, its value and how that is written. For a document."""
    return _alone(*bar_rows(rows, unit), title, finding)


def bar_rows(rows: Bars, unit: str) -> Body:
    """A horizontal bar a row, from nought. A row without a value has its words only."""
    longest = max((value for _, value, _ in rows if value is not None), default=Decimal(0)) or Decimal(1)
    left = _left(rows)
    parts = [text("text", unit, x=f"{left:.1f}", y="14", text_anchor="start", fill=GREY)]
    for place, (name, value, written) in enumerate(rows):
        y = BAR * place + BAR
        length = (PAPER.width - left - VALUE) * float((value or 0) / longest)
        parts.append(_row_name(name, left, y))
        if value is not None:
            parts.append(
                tag("rect", "", x=f"{left:.1f}", y=str(y + 3), width=f"{length:.1f}", height=str(BAR - 9), fill=BLUE)
            )
        parts.append(text("text", written, x=f"{left + length + 6:.1f}", y=str(y + 14), text_anchor="start"))
    return Body("".join(parts), BAR * (len(rows) + 1) + 4)


def point_rows(rows: Bars, reference: Decimal | None, axis: Axis) -> Body:
    """A point a row between the ends of the axis, its value written at the right; the reference as an upright line."""
    left = _left(rows)
    right = PAPER.width - PAPER.right - max((ems(written) for *_, written in rows), default=0) * SIZE - 2 * GAP
    bottom = BAR * (len(rows) + 1)

    def x(value: Decimal) -> str:
        return (
            f"{left + 4 + (right - left - 8) * float((value - axis.ticks[0]) / (axis.ticks[-1] - axis.ticks[0])):.1f}"
        )

    parts = []
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        parts.append(tag("line", "", x1=x(tick), x2=x(tick), y1=str(BAR - 4), y2=str(bottom), stroke=HAIRLINE))
        parts.append(text("text", label, x=x(tick), y="14", text_anchor="middle", fill=GREY))
    if reference is not None:
        where = {"x1": x(reference), "x2": x(reference), "y1": str(BAR - 4), "y2": str(bottom)}
        parts.append(tag("line", "", **where, stroke=GREY, stroke_width="1.5"))
    for place, (name, value, written) in enumerate(rows):
        y = BAR * place + BAR
        parts.append(_row_name(name, left, y))
        parts += [_dot((x(value), str(y + 10)), BLUE, "4.5")] if value is not None else []
        parts.append(text("text", written, x=str(PAPER.width - PAPER.right), y=str(y + 14), text_anchor="end"))
    return Body("".join(parts), bottom + 4)


def _left(rows: Bars) -> float:
    """Where bars and points begin: beside the longest name."""
    return min(max((ems(name) * SIZE for name, _, _ in rows), default=0) + GAP, MOST_NAME) + GAP


def _row_name(name: str, left: float, y: int) -> str:
    shown = shortened(name, left - GAP)
    return text("text", shown, x=f"{left - GAP:.1f}", y=str(y + 14), text_anchor="end")


def picture(body: Body, title: str, finding: str, notes: Sequence[str]) -> bytes:
    """A drawing as a file of its own: its title above it, below it what must be known to read it. White, as paper is."""
    heads = wrapped(title, HEADING)
    top = 20 * len(heads) + 8
    drawn = [tag("rect", "", width="100%", height="100%", fill="#FFFFFF")]
    drawn += [
        text("text", line, x="8", y=str(20 * place + 20), font_size=str(HEADING), fill="#000000")
        for place, line in enumerate(heads)
    ]
    drawn.append(tag("g", body.drawn, transform=f"translate(4 {top})"))
    below = [line for note in notes for line in wrapped(note, NOTE)]
    drawn += [
        text("text", line, x="8", y=str(top + body.height + 14 * place + 18), font_size=str(NOTE))
        for place, line in enumerate(below)
    ]
    return _alone("".join(drawn), top + body.height + 14 * len(below) + 16, title, finding).encode()


def wrapped(words: str, size: int, room: float = PAPER.width - 16) -> list[str]:
    """Words in lines no wider than the room, broken between words and between Chinese characters."""
    lines = [""]
    for part in UNBROKEN.findall(words):
        if lines[-1] and ems((lines[-1] + part).rstrip()) * size > room:
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines]


def shortened(name: str, room: float, size: int = SIZE) -> str:
    """A name that fits beside its bar or line; the table beside it has it whole."""
    if ems(name) * size <= room:
        return name
    while ems(f"{name}…") * size > room:
        name = name[:-1]
    return name.rstrip() + "…"


def sparkline(values: Values) -> str:
    """A line without axes for a table's row, cut close to its values; nothing to a screen reader, which has the row."""
    axis = Axis(ticks(values, from_nought=False, whole=False), ())
    runs = _runs(values, axis, SPARK)
    if sum(map(len, runs)) < 2:
        return ""
    drawn = [_polyline(run, BLUE, "1.5") for run in runs if len(run) > 1]
    size = {"viewBox": f"0 0 {SPARK.width} {SPARK.height}", "width": str(SPARK.width), "height": str(SPARK.height)}
    return tag("svg", "".join(drawn), aria_hidden="true", **size)


def bar(value: Decimal | None, longest: Decimal) -> str:
    """A bar from nought in a table's row; nothing to a screen reader, which has the row."""
    if value is None or longest <= 0:
        return ""
    width = f"{100 * max(value, Decimal(0)) / longest:.1f}"
    drawn = tag("rect", "", x="0", y="0", width=width, height="10", fill=BLUE)
    box = {"viewBox": "0 0 100 10", "preserveAspectRatio": "none", "width": "100%", "height": "10"}
    return tag("svg", drawn, aria_hidden="true", **box)


def _alone(drawn: str, height: int, title: str, finding: str) -> str:
    """A drawing as wide as a page that says itself what it is and how it is lettered."""
    return tag(
        "svg",
        text("title", title) + text("desc", finding) + drawn,
        xmlns=SPACE,
        viewBox=f"0 0 {PAPER.width} {height}",
        width=str(PAPER.width),
        height=str(height),
        role="img",
        font_family=FAMILY,
        font_size=str(SIZE),
        fill=INK,
    )


def _axis_lines(axis: Axis, frame: Frame) -> list[str]:
    parts = []
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        y = frame.y(tick, axis)
        parts.append(
            tag("line", "", x1=str(frame.left), x2=str(frame.width - frame.right), y1=y, y2=y, stroke=HAIRLINE)
        )
        parts.append(text("text", label, x=str(frame.left - 6), y=y, dy="4", text_anchor="end"))
    return parts


def _marks(marks: Sequence[tuple[int, str]], count: int, frame: Frame) -> list[str]:
    parts = []
    for place, label in marks:
        x = frame.x(place, count)
        bottom = str(frame.height - frame.bottom)
        parts.append(tag("line", "", x1=x, x2=x, y1=bottom, y2=str(frame.height - frame.bottom + 4), stroke=GREY))
        at_the_edge = {count - 1: "end", 0: "start"} if not frame.is_banded else {}
        anchor = at_the_edge.get(place, "middle")
        parts.append(text("text", label, x=x, y=str(frame.height - 6), text_anchor=anchor))
    return parts


def _runs(values: Values, axis: Axis, frame: Frame) -> list[Points]:
    """Where values lie, in runs without a gap."""
    runs: list[list[tuple[str, str]]] = []
    for (_, before), (place, value) in pairwise([(-1, None), *enumerate(values)]):
        if value is None:
            continue
        if before is None:
            runs.append([])
        runs[-1].append((frame.x(place, len(values)), frame.y(value, axis)))
    return list(runs)


def _run(run: Points, colour: str, width: str) -> str:
    return _polyline(run, colour, width) if len(run) > 1 else _dot(run[0], colour, "2.5")


def _dot(point: tuple[str, str], colour: str, radius: str) -> str:
    return tag("circle", "", cx=point[0], cy=point[1], r=radius, fill=colour)


def _polyline(points: Points, colour: str, width: str) -> str:
    where = " ".join(f"{x},{y}" for x, y in points)
    return tag("polyline", "", points=where, fill="none", stroke=colour, stroke_width=width, stroke_linejoin="round")
