"""Charts as SVG text, drawn without a browser: lines over months, bars of categories. Title and description stand inside.

The same values and words give the same text, byte for byte.
"""

from collections.abc import Sequence
from math import floor, log10

from dashboards.wording import escaped

BLUE, GREY, RULE, INK = "#0B5CAB", "#6B7785", "#D9DEE4", "#1F2933"
FAMILY = "Fengqiao Sans, Noto Sans SC, sans-serif"
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 28
BAR, NAME_WIDTH, VALUE_WIDTH = 24, 196, 70
TICKS = 4
SIZE = 12


def lines(
    title: str,
    alt: str,
    unit: str,
    labels: Sequence[str],
    names: Sequence[str],
    values: Sequence[Sequence[float | None]],
) -> str:
    """Up to two series over the same labels, the first in blue, the second (the year before) in grey; None is a gap."""
    step, top = _scale([value for series in values for value in series if value is not None])
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    across = [LEFT + width * (place + 0.5) / len(labels) for place in range(len(labels))]
    parts = [_text(LEFT, 16, unit, "start", GREY)]
    for tick in range(round(top / step) + 1):
        y = TOP + height * (1 - tick * step / top)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick * step:,g}", "end", GREY))
    parts += [_text(x, HEIGHT - 8, label, "middle", GREY) for x, label in zip(across, labels, strict=True)]
    for series, colour, stroke in reversed(list(zip(values, (BLUE, GREY), (2.5, 1.5), strict=False))):
        points = [
            None if value is None else (x, TOP + height * (1 - value / top))
            for x, value in zip(across, series, strict=True)
        ]
        parts += _strokes(points, colour, stroke)
    parts += _key(names)
    return _picture(title, alt, HEIGHT, parts)


def _scale(values: Sequence[float]) -> tuple[float, float]:
    """A round step and the top of the axis, for at most a handful of ticks from zero; whole numbers below five."""
    highest = max(values, default=0) or 1
    raw = highest / TICKS
    power = 10 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    step = max(step, 1)
    return step, step * -(-highest // step)


def _strokes(points: Sequence[tuple[float, float] | None], colour: str, stroke: float) -> list[str]:
    """The runs of a line between its gaps; a point without neighbours is a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            runs.append([])
        else:
            runs[-1].append(point)
    drawn = []
    for run in filter(None, runs):
        if len(run) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{stroke}"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{stroke:g}" fill="{colour}"/>' for x, y in run]
    return drawn


def _key(names: Sequence[str]) -> list[str]:
    """What each line is, in the upper right corner, the first the rightmost."""
    parts, x = [], float(WIDTH - RIGHT)
    for name, colour, stroke in zip(names, (BLUE, GREY), (2.5, 1.5), strict=False):
        parts.append(_text(x, 16, name, "end", INK))
        x -= _width(name) + 6
        parts.append(
            f'<line x1="{x - 22:.1f}" x2="{x:.1f}" y1="12" y2="12" stroke="{colour}" stroke-width="{stroke}"/>'
        )
        x -= 36
    return parts


def bars(title: str, alt: str, unit: str, labels: Sequence[str], values: Sequence[float], texts: Sequence[str]) -> str:
    """A horizontal bar a category, its value written beside it."""
    highest = max(values, default=0) or 1
    room = WIDTH - NAME_WIDTH - VALUE_WIDTH
    parts = [_text(NAME_WIDTH, 14, unit, "start", GREY)]
    for place, (label, value, text) in enumerate(zip(labels, values, texts, strict=True)):
        y = 24 + BAR * place
        length = room * value / highest
        parts.append(_text(NAME_WIDTH - 8, y + 14, _shortened(label), "end", INK))
        parts.append(f'<rect x="{NAME_WIDTH}" y="{y + 3}" width="{length:.1f}" height="{BAR - 9}" fill="{BLUE}"/>')
        parts.append(_text(NAME_WIDTH + length + 6, y + 14, text, "start", INK))
    return _picture(title, alt, 28 + BAR * len(labels), parts)


def _width(text: str) -> float:
    """How wide a text is drawn, about: a Chinese character is as wide as it is high, others little more than half."""
    return sum(SIZE if ord(character) > 0x2E7F else SIZE * 0.56 for character in text)


def _shortened(label: str) -> str:
    """A label that fits before its bar; the table beside it has it whole."""
    if _width(label) <= NAME_WIDTH - 12:
        return label
    while _width(label) > NAME_WIDTH - 24:
        label = label[:-1]
    return label.rstrip() + "…"


def _text(x: float, y: float, content: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escaped(content)}</text>'


def _picture(title: str, alt: str, height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="{FAMILY}" font-size="{SIZE}">'
    )
    return f"{head}<title>{escaped(title)}</title><desc>{escaped(alt)}</desc>{''.join(parts)}</svg>"
