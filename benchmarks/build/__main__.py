"""What a build costs, against a plain script and against a full one: `python -m benchmarks.build`.

A lake of ten years is drawn (with --exports: the files its senders send, which are taken in) and built in full, and a plain
script writes the same facts; then a delivery comes in that changes rows of one month, and another that changes rows of four
months and moves the last day of the data. After both the warehouse must be what a full build makes of the same lake; any
difference, of these or of the plain script's facts from ours, ends the benchmark. The exit code is 0 when every limit is kept,
1 when not, 2 when the benchmark could not be run.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.build import drawing
from benchmarks.intake.measuring import Command, Cost, measure
from pipelines.settings import PROJECT, UserError

CASES, TOWNS, ROWS = 1_000_000, 1500, 5000
JUDGED_FROM = 10_000_000  # with fewer cases than this the share that does not grow with them outweighs the rest
WIDTH_WHEN_PIPED = 120


@dataclass(frozen=True)
class Stage:
    """A stage that has run: what it cost, and what it said of itself."""

    name: str
    cost: Cost
    said: dict[str, Any]


@dataclass(frozen=True)
class Limit:
    """A measured value and the most it may be."""

    what: str
    measured: float
    at_most: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=CASES, help=f"cases of the lake (default {CASES:,})")
    parser.add_argument("--towns", type=int, default=TOWNS, help=f"towns they lie in (default {TOWNS:,})")
    parser.add_argument("--exports", action="store_true", help="draw exports and take them in, year by year")
    parser.add_argument("--every", type=int, default=1, help="ask for the figures of every n-th indicator (default 1)")
    parser.add_argument("--folder", type=Path, help="where the lake is drawn, and kept (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    try:
        with _folder(options.folder) as folder:
            stages = run(folder, options.cases, options.towns, options.every, by_exports=options.exports)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    limits = limits_of(stages)
    is_judged = options.cases >= JUDGED_FROM
    if options.json:
        told = [{"stage": s.name, **vars(s.cost), **s.said} for s in stages.values()]
        print(json.dumps({"processors": os.cpu_count(), "stages": told, "limits": [vars(limit) for limit in limits]}))
    else:
        _show(stages, limits, is_judged=is_judged)
    different = differing(stages)
    if different:
        print(f"What must be alike differs in {', '.join(different)}.", file=sys.stderr)
    return int(bool(different) or (is_judged and any(limit.measured > limit.at_most for limit in limits)))


def run(folder: Path, cases: int, towns: int, every: int, *, by_exports: bool) -> dict[str, Stage]:
    """All stages in order, each a process of its own. Raises `UserError` when one fails."""
    shutil.copytree(PROJECT / "seeds", folder / "seeds")
    drawing.declare_senders(folder / "seeds", towns)
    more = ("--exports",) if by_exports else ()
    words: dict[str, tuple[str, ...]] = {"full": (), "plain": (), "facts": ()}
    words |= {"one month": ("--months", "1", *more), "four months": ("--months", "4", *more)}
    words |= {"digest": (), "release": (), "ask": ("--every", str(every)), "full again": (), "digest again": ()}
    filled = _taken_in(folder, cases, towns) if by_exports else {"draw": _stage(folder, "draw", cases, towns, ())}
    return filled | {name: _stage(folder, name, cases, towns, more) for name, more in words.items()}


def _taken_in(folder: Path, cases: int, towns: int) -> dict[str, Stage]:
    """Draw and take in the exports of one year after the other, so that no more than a year of them takes room at a time."""
    years = [str(year) for year in range(drawing.FIRST_YEAR, drawing.LAST_YEAR + 1)]
    ran: dict[str, list[Stage]] = {"export": [], "intake": []}
    for year in years:
        for name, stages in ran.items():
            stages.append(_stage(folder, name, cases, towns, ("--year", year)))
    return {name: _together(name, stages) for name, stages in ran.items()}


def _together(name: str, stages: list[Stage]) -> Stage:
    costs = [stage.cost for stage in stages]
    cost = Cost(sum(c.wall for c in costs), sum(c.cpu for c in costs), max(c.peak for c in costs))
    rows = sum(stage.said["rows"] for stage in stages)
    return Stage(name, cost, {"rows": rows, "bytes": max(stage.said["bytes"] for stage in stages)})


def _stage(folder: Path, name: str, cases: int, towns: int, more: tuple[str, ...]) -> Stage:
    print(" ".join((name, *more[1:], "…")), file=sys.stderr, flush=True)
    stage = {"one month": "daily", "four months": "daily"}.get(name, name.removesuffix(" again"))
    size = ("--cases", str(cases), "--towns", str(towns), "--rows", str(min(ROWS, cases // 2000)))
    words = (sys.executable, "-m", "benchmarks.build.stage", stage, *size, *more)
    places = {
        "FENGQIAO_DATA": str(folder / "data"),
        "FENGQIAO_KEYS": str(folder / "keys"),
        "FENGQIAO_ARCHIVE": "off",  # the files are drawn, and can be drawn again
    }
    cost, said = measure(Command(name, words, places))
    print(
        f"  {cost.wall:,.0f} s, {cost.cpu:,.0f} s of processor time, {cost.peak / 1e9:.2f} GB",
        file=sys.stderr,
        flush=True,
    )
    return Stage(name, cost, json.loads(said.splitlines()[-1]))


def differing(stages: dict[str, Stage]) -> list[str]:
    """Tables in which the incremental builds and the full one that follows are not alike, or the plain script's facts and ours."""
    left, right = stages["digest"].said["digests"], stages["digest again"].said["digests"]
    return [*stages["facts"].said["different"], *(table for table in left if left[table] != right[table])]


def limits_of(stages: dict[str, Stage]) -> list[Limit]:
    full, plain = stages["full"], stages["plain"]
    return [
        Limit("full rebuild, of the plain script's processor time", full.cost.cpu / plain.cost.cpu, 3),
        Limit("full rebuild, memory in GB", full.cost.peak / 1e9, 4),
        Limit("one month, engine time in percent of the full", _share(stages, "one month"), 2),
        Limit("four months, engine time in percent of the full", _share(stages, "four months"), 5),
        Limit("one month, seconds of dbt and Python beside the engine", stages["one month"].said["beside"], 6),
        Limit("figures on request, seconds of the longest answer", stages["ask"].said["longest cpu"], 0.5),
    ]


def _share(stages: dict[str, Stage], name: str) -> float:
    return 100 * float(stages[name].said["engine"]) / float(stages["full"].said["engine"])


def _show(stages: dict[str, Stage], limits: list[Limit], *, is_judged: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WHEN_PIPED)
    table = Table()
    for heading in ("", "Wall s", "CPU s", "Peak MB", "Engine s", "dbt beside s", "Rows", "Months", "Database MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for stage in stages.values():
        said = stage.said
        told = (f"{said[name]:,.1f}" if name in said else "" for name in ("engine", "beside"))
        counts = (f"{said[name]:,}" if name in said else "" for name in ("rows", "months"))
        size = f"{said['bytes'] / 1e6:,.0f}" if "bytes" in said else ""
        cost = (f"{stage.cost.wall:,.1f}", f"{stage.cost.cpu:,.1f}", f"{stage.cost.peak / 1e6:,.0f}")
        table.add_row(stage.name, *cost, *told, *counts, size)
    console.print(table)
    for stage in stages.values():
        slowest = (
            f"{name.removeprefix('model.fengqiao.')} {seconds:.2f} s"
            for seconds, name in stage.said.get("slowest", [])[:5]
        )
        console.print(
            f"{stage.name}: {', '.join(slowest)}" if "slowest" in stage.said else "",
            end="\n" if "slowest" in stage.said else "",
        )
    release, ask = stages["release"].said, stages["ask"].said
    for name in ("measures", "figures"):
        console.print(f"{name}: {release[f'{name} rows']:,} rows, {release[f'{name} bytes'] / 1e6:,.1f} MB")
    console.print(
        f"{ask['rows']:,} figures asked for: longest {ask['longest']:.2f} s ({ask['longest cpu']:.2f} s of processor time), "
        f"median {ask['median']:.2f} s ({ask['median cpu']:.2f} s)"
    )
    for limit in limits:
        verdict = "not judged" if not is_judged else "MISSED" if limit.measured > limit.at_most else "kept"
        console.print(f"{verdict:<11} {limit.what}: {limit.measured:.2f}, at most {limit.at_most}")


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """An empty folder. Raises `UserError` when the given one is not."""
    if given is not None:
        if given.exists() and any(given.iterdir()):
            raise UserError(f"{given} is not empty. Name a folder that is new.")
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="fengqiao-build-") as temporary:
        yield Path(temporary)


if __name__ == "__main__":
    sys.exit(main())
