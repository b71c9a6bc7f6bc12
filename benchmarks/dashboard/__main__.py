"""What the pages cost: processor time of a full rerun, latency under fifty readers, memory, bytes.

Three servers in one run: the city page, a bare page served the same way, and the city page as a plain script that
counts the cases with DuckDB on every rerun. Needs a data folder with a published release (`make run`). With `--beside`,
the city page of another folder, of a tenth of the cases say, is measured too: what the pages cost must hardly depend on
them. Of latencies under load and in the browser the medians are compared there, which a busy moment does not move. The exit
code is 0 when every limit is kept, 1 when not, 2 when the benchmark could not be run.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

from benchmarks.dashboard import browser, sessions
from benchmarks.dashboard.servers import HERE, Server, serving
from benchmarks.dashboard.sessions import Answer
from dashboards.release_reader import open_release
from pipelines.settings import PROJECT, UserError, data_root

THINK = 5.0
PAGES_EACH = 4
WARM = 12
HELD = 20
ENDED = 128  # sessions that Streamlit keeps for two minutes after their end, at most
LASTING = 100  # reruns of a session, of those that show whether memory stays
CHOICES = 40
CITY_PAGE = PROJECT / "dashboards" / "app.py"
CITY = "city page"
FEWER = "city page of fewer cases"


@dataclass(frozen=True)
class Cost:
    """What a page costs: milliseconds of processor time a rerun and of latency, kilobytes a rerun, megabytes."""

    cpu: float
    rerun: float
    p50: float
    p95: float
    size: float
    process: float
    session: float


@dataclass(frozen=True)
class Seen:
    """What a browser makes of a page: megabytes of a first view, milliseconds from each choice to its chart redrawn."""

    size: float
    choices: list[float]


@dataclass(frozen=True)
class Limit:
    """A ratio or figure that must not be exceeded."""

    name: str
    found: float
    most: float

    @property
    def is_kept(self) -> bool:
        return self.found <= self.most


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.dashboard", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reruns", type=int, default=200, help="reruns of each page by one reader (default 200)")
    parser.add_argument("--readers", type=int, default=50, help="readers at once (default 50)")
    parser.add_argument(
        "--lasting", type=int, default=10_000, help="reruns over which memory must stay (default 10000)"
    )
    parser.add_argument("--area", default="420500", help="the city (default 420500)")
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="a data folder of fewer cases to measure beside")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    try:
        months = sorted(open_release().periods().filter(period_kind="month")["period"])[-WARM:]
        beside = options.beside.resolve() if options.beside else None
        if beside is not None and not (beside / "releases" / "internal" / "current").exists():
            raise UserError(f"{beside} holds no published release. Run `make run` with FENGQIAO_DATA={beside}.")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    queries = [urlencode({"area": options.area, "period": month, "lang": "zh"}) for month in months]
    servers: list[tuple[str, Path, Path]] = [
        ("bare page", HERE / "bare.py", data_root()),
        (CITY, CITY_PAGE, data_root()),
        ("plain script", HERE / "plain.py", data_root()),
    ]
    servers += [(FEWER, CITY_PAGE, beside)] if beside else []
    found: dict[str, Cost] = {}
    seen: dict[str, Seen] = {}
    for name, script, data in servers:
        environment = {"FENGQIAO_EDITION": "internal", "FENGQIAO_DATA": str(data), "PYTHONPATH": str(PROJECT)}
        environment |= {"BENCH_LAKE": str(data / "lake"), "BENCH_CITY": options.area[:4]}
        with serving(script, environment) as server:
            found[name] = asyncio.run(measured(server, queries, options.reruns, options.readers))
            if script == CITY_PAGE:
                with browser.chromium() as chromium:
                    seen[name] = Seen(
                        browser.first_view(chromium, server.port, queries[-1]),
                        browser.redrawn(chromium, server.port, options.area, months, CHOICES),
                    )
            if name == CITY:
                part = asyncio.run(part_of(server, f"{queries[-1]}&view=wall", options.reruns))
                lasting = asyncio.run(growth(server, queries, options.lasting))
    limits = [*compared(found, seen), *limits_of(found, part, seen[CITY].choices, lasting)]
    told = {name: asdict(cost) for name, cost in found.items()}
    if options.json:
        limits_told = [asdict(limit) for limit in limits]
        print(json.dumps({"costs": told, "first_view_mb": seen[CITY].size, "limits": limits_told}))
    else:
        tell(found, limits)
        print(f"first view of the city page without a proxy in front: {seen[CITY].size:.2f} MB")
    return 0 if all(limit.is_kept for limit in limits) else 1


async def measured(server: Server, queries: Sequence[str], reruns: int, readers: int) -> Cost:
    """One server, from the quiet to the busy."""
    asked = list(queries)
    await sessions.one_after_another(server.port, asked)
    repeated = [asked[place % len(asked)] for place in range(reruns)]
    cpu = server.cpu()
    quiet = await sessions.one_after_another(server.port, repeated)
    cpu = (server.cpu() - cpu) / (reruns + 1)
    busy = await sessions.thinking(server.port, asked, readers, PAGES_EACH, THINK)
    process = server.memory()
    held: list[float] = []

    async def look() -> None:
        held.append(server.memory())

    await sessions.holding(server.port, asked, HELD, look)
    return Cost(
        cpu=1000 * cpu,
        rerun=1000 * statistics.median(answer.seconds for answer in quiet),
        p50=1000 * quantile(busy, 0.5),
        p95=1000 * quantile(busy, 0.95),
        size=statistics.median(answer.size for answer in quiet) / 1000,
        process=process,
        session=max(held[0] - process, 0.0) / HELD,
    )


async def growth(server: Server, queries: Sequence[str], reruns: int) -> float:
    """The memory after many reruns as a multiple of that before, both with as many ended sessions as are kept."""
    asked = list(queries)
    for _ in range(ENDED):
        await sessions.one_after_another(server.port, asked[:1])
    before = server.memory()
    for _ in range(0, reruns, LASTING):
        await sessions.one_after_another(server.port, (asked * LASTING)[:LASTING])
    return server.memory() / before


async def part_of(server: Server, query: str, reruns: int) -> float:
    """Milliseconds of processor time that the wall takes to look again: the part of a page that runs by itself."""
    await sessions.one_part(server.port, query, WARM)
    cpu = server.cpu()
    await sessions.one_part(server.port, query, reruns)
    return 1000 * (server.cpu() - cpu) / (reruns + 1)


def quantile(answers: Sequence[Answer], share: float) -> float:
    """The smallest latency that this share of answers does not exceed."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def compared(found: Mapping[str, Cost], seen: Mapping[str, Seen]) -> list[Limit]:
    """What the city page costs as multiples of what it costs with fewer cases; nothing where those were not measured."""
    if FEWER not in found:
        return []
    pairs = [
        (name, getattr(found[CITY], field), getattr(found[FEWER], field))
        for field, name in (
            ("cpu", "processor time"),
            ("rerun", "latency"),
            ("p50", "latency under load"),
            ("size", "bytes"),
            ("process", "memory"),
        )
    ]
    pairs.append(("bytes of a first view", seen[CITY].size, seen[FEWER].size))
    pairs.append(("choice to chart", *(statistics.median(seen[name].choices) for name in (CITY, FEWER))))
    return [Limit(f"city page, {name} times that of fewer cases", more / fewer, 1.2) for name, more, fewer in pairs]


def limits_of(found: Mapping[str, Cost], part: float, choices: Sequence[float], lasting: float) -> list[Limit]:
    bare, city = found["bare page"], found[CITY]
    return [
        Limit("bare rerun, ms of processor time", bare.cpu, 15),
        Limit("city page, times a bare rerun", city.cpu / bare.cpu, 6),
        Limit("the wall's own part, times a bare rerun", part / bare.cpu, 3),
        Limit("city page under load, times the bare p95", city.p95 / bare.p95, 3),
        Limit("choice to chart redrawn in Chromium, p95 in ms", sorted(choices)[int(0.95 * len(choices))], 500),
        Limit("MB a process", city.process, 400),
        Limit("MB a session", city.session, 1),
        Limit("memory after many reruns, times that before", lasting, 1.02),
    ]


def tell(found: Mapping[str, Cost], limits: Sequence[Limit]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(title=f"The pages on {os.cpu_count()} processors")
    heads = ("", "CPU ms", "rerun ms", "p50 ms", "p95 ms", "kB", "MB a process", "MB a session")
    for head in heads:
        table.add_column(head, justify="right" if head else "left")
    for name, cost in found.items():
        table.add_row(name, *(f"{value:,.1f}" for value in asdict(cost).values()))
    console.print(table)
    for limit in limits:
        console.print(
            f"{'kept  ' if limit.is_kept else 'missed'} {limit.name}: {limit.found:.2f} (at most {limit.most})"
        )


if __name__ == "__main__":
    raise SystemExit(main())
