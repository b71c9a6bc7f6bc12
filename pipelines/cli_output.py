"""What the command line prints: tables with Chinese and English labels, JSON, progress.

What draws tables and words figures is imported where it is used: most commands print plain lines or JSON.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from pipelines.catalogue import Card
    from pipelines.cli_reading import Selection

WIDTH_WHEN_PIPED = 200
MISSING = "—"
# What a terminal obeys or that turns the order of letters round; a new line and a tab may stand.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """A text for a terminal: names of files may hold what a terminal would obey, or bytes that are no text."""
    return CONTROLS.sub("\ufffd", text)


def console(*, to_stderr: bool = False) -> "Console":
    """Standard output, or error; what is piped gets room for every column and no colours."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    return Console(width=None if stream.isatty() else WIDTH_WHEN_PIPED, highlight=False, stderr=to_stderr)


def print_json(value: object) -> None:
    """One JSON document on standard output; text as it is, dates in ISO form."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def say(text: str) -> None:
    """A plain line, neither wrapped nor read as markup."""
    sys.stdout.write(harmless(text) + "\n")


def print_table(
    title: str,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[object]],
    note: str | None = None,
    *,
    to_stderr: bool = False,
) -> None:
    """A table. `columns` are (heading, `left` or `right`); `note` stands below it."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for heading, side in columns:
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(MISSING if cell is None else harmless(str(cell))) for cell in row))
    console(to_stderr=to_stderr).print(table)
    if note:
        say(note)


@contextmanager
def working(text: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Steps of unknown number on standard error: a spinner on a terminal, else a line each; nothing when `quiet`."""
    if quiet:
        yield lambda _: None
    elif not sys.stderr.isatty():
        yield lambda step: print(step, file=sys.stderr, flush=True)
    else:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(text)
            yield lambda step: progress.update(task, description=step)


@contextmanager
def counting(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Progress (what, done, of how many) on standard error: a bar on a terminal, else a line a tenth; or `quiet`."""
    if quiet:
        yield lambda what, done, total: None
    elif not sys.stderr.isatty():
        yield _say_each_tenth
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=None)
            yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _say_each_tenth(what: str, done: int, total: int) -> None:
    if total >= 10 and done * 10 // total > (done - 1) * 10 // total:
        print(f"{what} ({done}/{total})", file=sys.stderr, flush=True)


def print_figures(selection: "Selection", rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of `figures --json` for reading: values rounded as the card says, the release and its cutoff below."""
    from dashboards import wording

    card = selection.card
    unit = " ".join(dict.fromkeys(wording.unit_of_axis(card, language) for language in wording.LANGUAGES))
    points = ("（百分点）", " (points)") if card.unit == "percent" else ("", "")
    columns = [("地区\nArea", "left"), ("代码\nCode", "left"), ("期间\nPeriod", "left")]
    columns += [("类别\nCategory", "left")] if selection.breakdown != "total" else []
    columns += [(f"数值\nValue ({unit})", "right")]
    columns += [("分子\nNumerator", "right"), ("分母\nDenominator", "right")] if card.denominator is not None else []
    columns += [(f"同比{points[0]}\nOn year{points[1]}", "right"), ("同比%\nOn year, %", "right")]
    columns += [(f"环比{points[0]}\nOn period{points[1]}", "right"), ("标记\nStatus", "left")]
    note = f"发布 Release {selection.release}（{selection.edition}），数据截至 data as of {selection.data_cutoff}"
    print_table(
        f"{card.label.zh} {card.label.en}", columns, (_figure_cells(row, card, selection) for row in rows), note
    )


def _figure_cells(row: Mapping[str, Any], card: "Card", selection: "Selection") -> list[object]:
    from dashboards import wording
    from pipelines.catalogue import markers

    if row.get("decimals") is not None:
        card = card.model_copy(update={"decimals": row["decimals"]})
    names = selection.area_names[row["area"]]
    cells: list[object] = [" ".join(names), row["area"], row["period"]]
    if selection.breakdown != "total":
        cells.append("合计 Total" if row["category"] is None else selection.category_labels[row["category"]])
    band = _band(row)
    cells.append(wording.value_text(row["value"], card, "en", exact=True) if band is None else band)
    if card.denominator is not None:
        cells += [_whole(row["numerator"]), _whole(row["denominator"])]
    cells += [_signed(row["change_on_year"], card.decimals), _signed(row["change_on_year_percent"], 1)]
    cells += [_signed(row["change_on_period"], card.decimals)]
    marks = markers()
    return [
        *cells,
        "、".join(f"{marks[code].zh} {marks[code].en}" if code in marks else code for code in row["status"]),
    ]


def _band(row: Mapping[str, Any]) -> str | None:
    """What the public edition shows in place of a value: a rate near none or all, or the days in which a quantile lies."""
    band = row.get("band")
    if band == "at_least":
        return f"≥{row['low']:g}%"
    return f"≤{row['high']:g}%" if band == "at_most" else band


def _whole(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _signed(value: float | None, decimals: int) -> str:
    if value is None:
        return MISSING
    from dashboards import wording

    difference = wording.rounded(value, decimals)
    return f"{difference:+,f}" if difference else f"{abs(difference):f}"
