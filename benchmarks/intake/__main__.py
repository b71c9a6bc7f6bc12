"""The whole intake against a plain load of the same file, and beside other tools: `python -m benchmarks.intake`.

First the outputs are compared, row by row, with the truth of the file and with a second intake written in SQL; any
difference ends the benchmark. Then all commands run in turn, each as a process of its own. The exit code is 0 when the
outputs are right and every limit is kept, 1 when not, 2 when the benchmark could not be run.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from benchmarks.intake import parts
from benchmarks.intake.comparing import Fate
from benchmarks.intake.parts import Bench, Different, Limit, Part
from pipelines.settings import UserError

ROWS = 1_000_000
RUNS = 5
# From here on the one thing measured is the peak of memory, in one run.
LONG_FROM = 5_000_000
WIDTH_WHEN_PIPED = 150
PARTS: dict[str, Callable[[Bench, int], Part]] = {
    "speed": parts.speed,
    "workbook": parts.workbook,
    "help": lambda bench, _: parts.help_text(bench),
    "peers": parts.peers,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.intake", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the export (default {ROWS:,})")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"runs of each command (default {RUNS})")
    parser.add_argument("--folder", type=Path, help="keeps the exports for the next time (default: a temporary one)")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="this part; may be said several times")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.rows < 1 or options.runs < 1:
        parser.error("rows and runs begin at 1")
    signal.signal(signal.SIGTERM, _end)
    chosen = [parts.long] if options.rows >= LONG_FROM else [PARTS[name] for name in options.only or PARTS]
    try:
        with parts.opened(options.folder, options.runs, _say) as bench:
            found = [part(bench, options.rows) for part in chosen]
    except UserError as error:
        _say(str(error))
        return 2
    except Different as error:
        _say(str(error))
        return 1
    if options.json:
        report = {"processors": os.cpu_count(), "parts": [_as_json(part) for part in found]}
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show(found)
    return int(any(limit.is_missed for part in found for limit in part.limits))


def _show(found: list[Part]) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WHEN_PIPED)
    headings = ("Wall s", "median", "CPU s", "median", "Peak MB", "Instructions", "Wall", "CPU", "Peak")
    for part in found:
        table = Table(title=part.title, title_justify="left")
        for heading in ("", *headings):
            table.add_column(heading, justify="right" if heading else "left")
        base = part.runs.get(part.base or "")
        for name, runs in part.runs.items():
            own = (f"{runs.wall:.2f}", f"{runs.median_wall:.2f}", f"{runs.cpu:.2f}", f"{runs.median_cpu:.2f}")
            counted = "" if runs.instructions is None else f"{runs.instructions / 1e9:.2f}e9"
            pairs = ((runs.wall, base.wall), (runs.cpu, base.cpu), (runs.peak, base.peak)) if base else ()
            ratios = tuple(f"{one / other:.2f}x" for one, other in pairs) or ("", "", "")
            table.add_row(name, *own, f"{runs.peak / 1e6:,.0f}", counted, *ratios)
        console.print(table)
        for note in part.notes:
            console.print(note)
        if part.fates:
            _show_fates(console, part.fates)
    console.print("Times and multiples are of the best run, memory is the largest of all runs.")
    for limit in (limit for part in found for limit in part.limits):
        measured, at_most = (_figure(value, limit.unit) for value in (limit.measured, limit.at_most))
        console.print(f"{_verdict(limit):<11} {limit.what}: {measured}, at most {at_most}")


def _show_fates(console: Console, fates: tuple[Fate, ...]) -> None:
    table = Table(title="What became of the rows", title_justify="left")
    headings = ("Stored", "Good rows lost", "Bad rows stored", "Left out, unsaid", "Bad rows named by line")
    for heading in ("", *headings):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_column("Stored as")
    for one in fates:
        counts = (f"{count:,}" for count in (one.stored, one.lost, one.let_in, one.unsaid))
        types = ", ".join(f"{name}: {kind}" for name, kind in one.types.items())
        table.add_row(one.tool, *counts, f"{one.named:,} of {one.wrong:,}", types or one.ended)
    console.print(table)


def _verdict(limit: Limit) -> str:
    return "MISSED" if limit.is_missed else "kept" if limit.is_judged else "not judged"


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} MB" if unit == "MB" else f"{value:.2f} {unit}"


def _as_json(part: Part) -> dict[str, object]:
    verdicts = [{**asdict(limit), "verdict": _verdict(limit)} for limit in part.limits]
    return {**asdict(part), "limits": verdicts}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(number: int, _: FrameType | None) -> None:
    """A request to end becomes an exception, so that what was made is removed."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
