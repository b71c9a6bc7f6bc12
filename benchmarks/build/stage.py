"""One stage of the benchmark as a process of its own, so that its cost can be told: `python -m benchmarks.build.stage STAGE`.

The data folder is `FENGQIAO_DATA`; the declarations are read from the folder `seeds` beside it. Prints what it did as JSON.
"""

import argparse
import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.build import drawing
from pipelines import warehouse
from pipelines.settings import data_root

# What an incremental build must leave exactly as a full one does.
COMPARED = (
    "measures.measures_by_period",
    "measures.measures_monthly",
    "measures.coverage",
    "core.plausibility",
    "core.data_quality",
    *(f"core.fct_{table}" for table in drawing.SHARES),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.build.stage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stage", choices=["draw", "plain", "full", "daily"])
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--towns", type=int, required=True)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--rows", type=int, default=5000)
    options = parser.parse_args()
    _read_seeds_from(data_root().with_name("seeds"))
    if options.stage == "draw":
        drawing.draw_lake(options.cases, options.towns)
        said: dict[str, Any] = {}
    elif options.stage == "plain":
        said = _plain()
    else:
        changed = 0
        if options.stage == "daily":
            changed = drawing.draw_changes(options.cases, options.towns, options.months, options.rows)
        said = {"rows": changed, **_built(is_full=options.stage == "full")}
    print(json.dumps(said))


def _read_seeds_from(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.catalogue.") and hasattr(module, "SEEDS"):
            module.SEEDS = folder  # type: ignore[attr-defined]


def _plain() -> dict[str, Any]:
    """What a plain script does: the newest version of each case into a table, and nothing more."""
    path = data_root().with_name("plain.duckdb")
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as engine:
        engine.execute("set memory_limit = '3GB'")
        for table in drawing.SHARES:
            parts = str(data_root() / "lake" / table / "*" / "*.parquet")
            engine.execute(
                f"""
                create table {table} as
                select * from read_parquet('{parts}', union_by_name = true)
                qualify row_number() over (
                    partition by case_key order by updated_at desc nulls last, ledger_sequence desc, row_number desc
                ) = 1
                """
            )
    return {"bytes": path.stat().st_size}


def _built(*, is_full: bool) -> dict[str, Any]:
    """Build, and say how long each node took, what dbt took beside them, and what came out."""
    started = time.perf_counter()
    report = warehouse.build(full=is_full)
    wall = time.perf_counter() - started
    assert report.full == is_full, report.reason
    run = json.loads(warehouse.run_results_path("duckdb").read_text(encoding="utf-8"))
    nodes = {node["unique_id"]: float(node["execution_time"]) for node in run["results"]}
    return {
        "wall": wall,
        "engine": sum(nodes.values()),
        "beside": float(run["elapsed_time"]) - _busy(run["results"]),
        "months": len(report.recomputed_months),
        "slowest": sorted(((seconds, name) for name, seconds in nodes.items()), reverse=True)[:12],
        "digests": _digests(),
        "bytes": warehouse.warehouse_path().stat().st_size,
    }


def _busy(results: list[dict[str, Any]]) -> float:
    """Seconds in which at least one node was being executed."""
    spans = sorted(
        (step["started_at"], step["completed_at"])
        for node in results
        for step in node["timing"]
        if step["name"] == "execute"
    )
    busy, until = 0.0, 0.0
    for begins, ends in ((_seconds(first), _seconds(last)) for first, last in spans):
        busy += max(0.0, ends - max(begins, until))
        until = max(until, ends)
    return busy


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp()


def _digests() -> dict[str, list[str]]:
    """Table -> its number of rows and a sum over them that does not depend on their order."""
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as engine:
        engine.execute(f"set memory_limit = '3GB'; set temp_directory = '{os.fspath(data_root() / 'temporary')}'")
        queries = {table: f"select count(*), sum(hash(rows)::hugeint) from {table} as rows" for table in COMPARED}
        return {
            table: [str(value) for value in engine.execute(query).fetchall()[0]] for table, query in queries.items()
        }


if __name__ == "__main__":
    main()
