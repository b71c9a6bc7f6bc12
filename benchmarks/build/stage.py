"""One stage of the benchmark as a process of its own, so that its cost can be told: `python -m benchmarks.build.stage STAGE`.

The data folder is `FENGQIAO_DATA`; the declarations are read from the folder `seeds` beside it. Prints what it did as JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.build import drawing
from benchmarks.build.engine import dbt_told_apart
from pipelines import catalogue, warehouse
from pipelines import cli_reading as reading
from pipelines.cli_intake import take_in
from pipelines.cli_keys import systems
from pipelines.intake import keys
from pipelines.intake.identifying import Request
from pipelines.release import drafting, publishing, sealing
from pipelines.settings import UserError, data_root, landing, releases

# What an incremental build must leave exactly as a full one does; all else is made of it.
COMPARED = (
    "measures.measures_monthly",
    "measures.coverage",
    "core.plausibility",
    "core.data_quality",
    *(f"core.fct_{table}" for table in drawing.SHARES),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.build.stage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "stage", choices=["draw", "export", "intake", "plain", "facts", "full", "daily", "digest", "release", "ask"]
    )
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--towns", type=int, required=True)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--year", type=int, default=drawing.FIRST_YEAR)
    parser.add_argument("--exports", action="store_true")
    options = parser.parse_args()
    _read_seeds_from(data_root().with_name("seeds"))
    if options.stage == "draw":
        drawing.draw_lake(options.cases, options.towns)
        said: dict[str, Any] = {}
    elif options.stage == "export":
        keys.initialise(systems())
        said = {"rows": drawing.draw_exports(options.cases, options.towns, options.year), "bytes": _size(landing())}
    elif options.stage == "intake":
        said = _taken_in()
    elif options.stage == "plain":
        said = _plain()
    elif options.stage == "facts":
        said = _compared_facts()
    elif options.stage == "release":
        said = _released()
    elif options.stage == "digest":
        said = {"digests": _digests()}
    elif options.stage == "ask":
        said = _asked(options.every)
    else:
        changed = 0
        if options.stage == "daily":
            changed = drawing.draw_changes(
                options.cases, options.towns, options.months, options.rows, as_export=options.exports
            )
            if options.exports:
                _taken_in()
        said = {"rows": changed, **_built(is_full=options.stage == "full")}
    print(json.dumps(said))


def _read_seeds_from(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.catalogue.") and hasattr(module, "SEEDS"):
            module.SEEDS = folder  # type: ignore[attr-defined]


def _taken_in() -> dict[str, Any]:
    """Take in what lies in the landing folder, and remove it. Raises `UserError` when a row or a file does not get in."""
    outcomes, refused = take_in([landing()], Request(), quiet=True)
    left_out = sum(outcome.read - outcome.accepted for outcome in outcomes)
    if refused or left_out:
        raise UserError(f"{left_out:,} rows were not taken in. {' '.join(list(refused.values())[:1])}")
    shutil.rmtree(landing())
    return {
        "rows": sum(outcome.accepted for outcome in outcomes),
        "files": len(outcomes),
        "bytes": _size(data_root() / "lake"),
    }


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _plain() -> dict[str, Any]:
    """What a plain script does: the newest version of each case into the fact tables, and nothing more. How a case is judged is
    the SQL of the full build before it, whose views of the lake and areas are read."""
    path = _plain_path()
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as engine:
        engine.execute("set memory_limit = '3GB'; set preserve_insertion_order = false")
        engine.execute(f"attach '{warehouse.warehouse_path()}' as warehouse (read_only)")
        for table in drawing.SHARES:
            engine.execute(
                f"""
                create view newest_{table} as
                select * from warehouse.lake.{table}
                qualify row_number() over (
                    partition by case_key order by updated_at desc nulls last, ledger_sequence desc, row_number desc
                ) = 1
                """
            )
            judged = warehouse.compiled_sql("duckdb", "core", f"fct_{table}")
            judged = judged.replace(f'"warehouse"."staging"."stg_{table}"', f"newest_{table}")
            engine.execute(f"create table fct_{table} as {judged}")
    return {"bytes": path.stat().st_size}


def _plain_path() -> Path:
    return data_root().with_name("plain.duckdb")


def _compared_facts() -> dict[str, Any]:
    """Fact tables in which the plain script and the full build are not alike."""
    with duckdb.connect(config={"memory_limit": "3GB", "temp_directory": str(data_root() / "temporary")}) as engine:
        engine.execute(f"attach '{warehouse.warehouse_path()}' as built (read_only)")
        engine.execute(f"attach '{_plain_path()}' as plain (read_only)")
        tables = [f"fct_{table}" for table in drawing.SHARES]
        unlike = [
            table for table in tables if _digest(engine, f"built.core.{table}") != _digest(engine, f"plain.{table}")
        ]
    return {"different": unlike}


def _built(*, is_full: bool) -> dict[str, Any]:
    """Build, and say how long each node took, what dbt took beside them, and what came out."""
    spent = dbt_told_apart()
    started = time.perf_counter()
    report = warehouse.build(full=is_full)
    wall = time.perf_counter() - started
    assert report.full == is_full, report.reason
    run = json.loads(warehouse.run_results_path("duckdb").read_text(encoding="utf-8"))
    nodes = {node["unique_id"]: float(node["execution_time"]) for node in run["results"]}
    return {
        "wall": wall,
        "engine": spent.engine,
        "beside": spent.beside,
        "reason": report.reason,
        "months": len(report.recomputed_months),
        "slowest": sorted(((seconds, name) for name, seconds in nodes.items()), reverse=True)[:12],
        "bytes": warehouse.warehouse_path().stat().st_size,
    }


def _released() -> dict[str, Any]:
    """Draft, approve and publish the internal edition; rows and bytes of its measures and figures."""
    drafted = drafting.draft()
    sealing.approve(drafted.release_id, "internal", "benchmark")
    publishing.publish(drafted.release_id, "internal")
    folder = releases("internal") / drafted.release_id
    told: dict[str, Any] = {"bytes": _size(folder)}
    for name in ("measures", "figures"):
        path = folder / f"{name}.parquet"
        rows = duckdb.sql(f"select count(*) from read_parquet('{path}')").fetchall()[0][0]
        told |= {f"{name} rows": rows, f"{name} bytes": path.stat().st_size}
    return told


def _asked(every: int) -> dict[str, Any]:
    """What `fengqiao figures` does after it has started, for every (n-th) indicator at every level and kind of period: how long it
    took, in passed and in processor time. `slowest`: seconds and what was asked, of the longest by processor time."""
    release = reading.opened("internal")
    places = release.areas().filter(~pl.col("is_not_assigned")).sort("area_code", descending=True)
    asked: list[tuple[float, float, str]] = []
    for card in list(release.cards.values())[::every]:
        for level in catalogue.LEVELS:
            area = places.filter(pl.col("level") == level)["area_code"][0]
            for period in (*PERIODS, "2024-05..2025-04"):
                wall, processor = time.perf_counter(), time.process_time()
                opened = reading.opened("internal")
                by = card.breakdowns[0] if card.breakdowns else None
                reading.figures(opened, reading.select(opened, card.id, area, period, by))
                took = time.perf_counter() - wall, time.process_time() - processor
                asked.append((took[1], took[0], f"{card.id} {level} {period}"))
    asked.sort(reverse=True)
    return {
        "rows": len(asked),
        "longest": max(wall for _, wall, _ in asked),
        "longest cpu": asked[0][0],
        "median": statistics.median(wall for _, wall, _ in asked),
        "median cpu": statistics.median(processor for processor, _, _ in asked),
        "slowest": [(processor, what) for processor, _, what in asked[:12]],
    }


PERIODS = ("2025-10", "2025-Q3", "2025-H1", "2024", "2025-01..2025-10")


def _digests() -> dict[str, list[str]]:
    """Table -> its number of rows and a sum over them that does not depend on their order."""
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as engine:
        engine.execute(f"set memory_limit = '3GB'; set temp_directory = '{os.fspath(data_root() / 'temporary')}'")
        return {table: _digest(engine, table) for table in COMPARED}


def _digest(engine: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    query = f"select count(*), sum(hash(rows)::hugeint) from {table} as rows"
    return [str(value) for value in engine.execute(query).fetchall()[0]]


if __name__ == "__main__":
    main()
