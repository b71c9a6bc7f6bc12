"""The figures that others have published beside a release's own, each with a verdict; never averaged in, never replaced."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from dashboards.release_reader import Release
from pipelines.catalogue import PublishedFigure, published_figures
from pipelines.settings import UserError

NOTHING_REPORTED = ("本库没有该地区该期间的数", "We hold no figure of that area and period")
WITHOUT_OURS = ("not_comparable", "not_recomputable", "not_published")


def compared(release: Release, areas: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """One row a published figure (of these areas, 12 digits), in the order of the tables: the figure, its bounds, ours,
    the verdict and its reason.

    Ours is computed from the release wherever a card counts the same thing; it is never averaged with theirs nor put in
    their place.
    """
    for published in published_figures():
        if areas is not None and published.area_code not in areas:
            continue
        values = _ours(release, published) if published.indicator else []
        verdict, reasons = _verdict(published, values)
        yield {
            **published.model_dump(include={"row_id", "source", "place", "area_code", "period", "unit", "value_text"}),
            **published.model_dump(include={"low", "high", "indicator", "breakdown", "category"}),
            "value": min(values, default=None),
            "verdict": verdict,
            "reason_zh": reasons[0],
            "reason_en": reasons[1],
            "release": release.id,
        }


def _ours(release: Release, published: PublishedFigure) -> list[float]:
    """Our value, or that of each category where the figure is said of several; empty where there is none."""
    breakdown = published.breakdown or "total"
    try:
        rows = release.answer(published.indicator, published.area_code, published.period, breakdown)
    except UserError:  # a period that the release does not hold, or an area that another release had
        return []
    wanted = published.category.split("|") if published.category else ["total"]
    values = dict(zip(rows["category"], rows["value"], strict=True))
    known = [values[category] for category in wanted if category in values]
    return [value for value in known if value is not None] if len(known) == len(wanted) else []


def _verdict(published: PublishedFigure, values: Sequence[float]) -> tuple[str, tuple[str, str]]:
    if published.verdict in WITHOUT_OURS:
        return published.verdict, (published.reason_zh, published.reason_en)
    if not values:
        return "not_recomputable", NOTHING_REPORTED
    agrees = all(_lies_between(value, published.low, published.high) for value in values)
    return "agrees" if agrees else "outside_bounds", (published.reason_zh, published.reason_en)


def _lies_between(value: float, low: float | None, high: float | None) -> bool:
    """Whether a value, rounded as a bound is printed, keeps it."""
    keeps_low = low is None or round(value, _decimals(low)) >= low
    return keeps_low and (high is None or round(value, _decimals(high)) <= high)


def _decimals(bound: float) -> int:
    return len(repr(bound).partition(".")[2].rstrip("0"))
