"""`fengqiao published`: the figures that others have published beside ours, each with a verdict."""

from typing import TYPE_CHECKING

from dashboards import wording
from dashboards.published import compared
from pipelines import cli_output as output

if TYPE_CHECKING:
    from dashboards.release_reader import Release

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
        [row[key] for key in _SHOWN] + [_short(row["value"]), _said(row["verdict"]), row["reason_zh"]] for row in shown
    )
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in wording.lexicon().compared}
    note = "，".join(f"{_said(verdict)} {count}" for verdict, count in counts.items() if count)
    output.print_table("已发布数对照 Published figures", columns, cells, note)


def _said(verdict: str) -> str:
    words = wording.lexicon().compared[verdict]
    return f"{words.zh} {words.en}"


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")
