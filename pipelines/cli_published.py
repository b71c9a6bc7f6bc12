"""`fengqiao published`: the figures that others have published beside ours, each with a verdict."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipelines import cli_output as output
from pipelines import cli_reading as reading
from pipelines.catalogue import PublishedFigure, published_figures
from pipelines.settings import UserError

if TYPE_CHECKING:
    from dashboards.release_reader import Release

VERDICTS = {
    "agrees": ("一致", "agrees"),
    "outside_bounds": ("超出范围", "outside bounds"),
    "not_comparable": ("不可比", "not comparable"),
    "not_recomputable": ("不能重算", "not recomputable"),
    "not_published": ("不发布", "not published"),
}
NOTHING_REPORTED = ("本库没有该地区该期间的数", "We hold no figure of that area and period")


def compared(release: "Release", areas: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
    """One row a published figure, in the order of the tables: the figure, its bounds, ours, the verdict and its reason.

    Ours is computed from the release wherever a card counts the same thing; it is never averaged with theirs nor put in
    their place. `areas`: only figures of areas with these codes.
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


def _ours(release: "Release", published: PublishedFigure) -> list[float]:
    """Our value, or that of each category where the figure is said of several; empty where there is none."""
    try:
        selection = reading.select(
            release, published.indicator, published.area_code, published.period, published.breakdown or None
        )
    except UserError:  # a period that the release does not hold, or an area that another release had
        return []
    wanted = published.category.split("|") if published.category else [None]
    rows = [row for row in reading.figures(release, selection) if row["category"] in wanted]
    return [row["value"] for row in rows if row["value"] is not None] if len(rows) == len(wanted) else []


def _verdict(published: PublishedFigure, values: Sequence[float]) -> tuple[str, tuple[str, str]]:
    if published.verdict in ("not_comparable", "not_recomputable", "not_published"):
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


_SHOWN = ("row_id", "place", "period", "indicator", "value_text")


def print_published(release: "Release", *, as_json: bool) -> None:
    """Print every published figure with its verdict; as a table those that a card counts, and how many there are of each verdict."""
    rows = list(compared(release))
    if as_json:
        output.print_json(rows)
        return
    columns = [("行\nRow", "left"), ("地区\nPlace", "left"), ("期间\nPeriod", "left"), ("指标\nIndicator", "left")]
    columns += [
        ("已发布\nPublished", "right"),
        ("本库\nOurs", "right"),
        ("结论\nVerdict", "left"),
        ("说明\nWhy", "left"),
    ]
    shown = [row for row in rows if row["indicator"]]
    cells = (
        [row[key] for key in _SHOWN] + [_short(row["value"]), " ".join(VERDICTS[row["verdict"]]), row["reason_zh"]]
        for row in shown
    )
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    note = "，".join(f"{' '.join(VERDICTS[verdict])} {count}" for verdict, count in counts.items() if count)
    output.print_table("已发布数对照 Published figures", columns, cells, note)


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")
