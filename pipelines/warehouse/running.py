"""dbt in this process: where its databases lie, how it is run, what it compiled."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.settings import DBT_PROJECT, UserError, data_root

Progress = Callable[[str], None]
MEMORY = "3GB"  # of the engine; what does not fit is written to disk
DISK_FULL = "No space left on device"  # the system's words, which DuckDB and dbt hand on


def warehouse_path() -> Path:
    return data_root() / "warehouse" / "warehouse.duckdb"


def edition_path(edition: str) -> Path:
    return data_root() / "warehouse" / edition / "edition.duckdb"


def code_version() -> str:
    """Digest of the dbt project, 12 hexadecimal digits: changed SQL makes a build start anew."""
    digest = hashlib.sha256()
    for path in sorted(p for p in DBT_PROJECT.rglob("*") if p.suffix in (".sql", ".yml", ".md")):
        digest.update(path.relative_to(DBT_PROJECT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def run_results_path(target: str) -> Path:
    """What the last build on a target said of each node; what dbt says of compiling or of its docs stands elsewhere."""
    return target_path(target) / "built.json"


def compile_in_full() -> None:
    """Compile the models as a full build does: a release carries the SQL of the measures and counts cases anew by that of
    the facts, and an incremental build has written only the part that changed."""
    words = ["compile", "--full-refresh", "--select", "staging", "core", "measures", "--exclude", "resource_type:test"]
    run_dbt("duckdb", words, lambda _: None)


def compiled_sql(target: str, folder: str, model: str) -> str:
    """The SQL of a model as the last run compiled it."""
    return (target_path(target) / "compiled" / "fengqiao" / "models" / folder / f"{model}.sql").read_text(
        encoding="utf-8"
    )


def manifest_path() -> Path:
    """dbt's manifest; parsed when it is missing or older than the project."""
    path = target_path("duckdb") / "manifest.json"
    newest = max(p.stat().st_mtime for p in DBT_PROJECT.rglob("*") if p.suffix in (".sql", ".yml", ".md"))
    if not path.exists() or path.stat().st_mtime < newest:
        run_dbt("duckdb", ["parse"], lambda _: None)
    return path


def run_dbt(target: str, arguments: list[str], progress: Progress, edition: str = "internal") -> dict[str, str]:
    """Run dbt in this process; node id -> status. Raises `UserError` naming the first failing node, without data."""
    environment = {
        "FENGQIAO_WAREHOUSE": str(warehouse_path()),
        "FENGQIAO_EDITION_DATABASE": str(edition_path(edition)),
        "FENGQIAO_ENGINE_MEMORY": MEMORY,
        "DO_NOT_TRACK": "1",
    }
    os.environ.update(environment)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    where = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target", target]
    where += ["--target-path", str(target_path(target)), "--log-path", str(data_root() / "logs")]
    flags = [
        "--log-level",
        "none",
        "--log-level-file",
        "info",
        "--no-use-colors",
        "--no-version-check",
        "--no-send-anonymous-usage-stats",
    ]
    if arguments[0] == "build":
        arguments = [*arguments, "--exclude-resource-type", "unit_test"]
    try:
        result = dbtRunner(callbacks=[_announcer(progress)]).invoke([*flags, *arguments, *where])
    finally:
        DuckDBConnectionManager.close_all_connections()
    said = target_path(target) / "run_results.json"
    if arguments[0] == "build" and said.exists():
        said.replace(run_results_path(target))
    if arguments[0] in ("parse", "docs") and result.success:
        return {}
    nodes = {r.node.unique_id: str(r.status) for r in getattr(result.result, "results", [])}
    if not result.success:
        raise UserError(_failure(result, target))
    return nodes


def _announcer(progress: Progress) -> Callable[[Any], None]:
    def announce(event: Any) -> None:
        if event.info.name == "LogModelResult":
            progress(str(event.data.description))

    return announce


def _failure(result: Any, target: str) -> str:
    failing = [r for r in getattr(result.result, "results", []) if str(r.status) in ("error", "fail")]
    if not failing:
        return f"dbt could not run on target {target}: {type(result.exception).__name__}. See {data_root() / 'logs' / 'dbt.log'}."
    first = failing[0]
    rows = f" ({first.failures} rows)" if getattr(first, "failures", None) else ""
    rows += f" ({DISK_FULL})" if DISK_FULL in str(first.message) else ""
    return (
        f"The build stops at {first.node.name}{rows}: {first.status}. {len(failing)} node(s) failed; nothing was released. "
        f"See {data_root() / 'logs' / 'dbt.log'}."
    )


def target_path(target: str) -> Path:
    return data_root() / "warehouse" / "dbt" / target


@contextmanager
def connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path))
    except duckdb.IOException:
        raise UserError(
            f"{path} is open elsewhere or cannot be written. Close what reads it; releases are for reading."
        ) from None
    try:
        connection.execute(f"set memory_limit = '{MEMORY}'; set preserve_insertion_order = false")
        yield connection
    finally:
        connection.close()


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, with the engine's limit: what does not fit is written into the data folder, never where somebody
    happens to stand."""
    folder = data_root() / "warehouse" / "temporary"
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder)}) as connection:
        yield connection


def column(connection: duckdb.DuckDBPyConnection, query: str, given: Sequence[Any] = ()) -> list[Any]:
    return [row[0] for row in connection.execute(query, given).fetchall()]


def write(connection: duckdb.DuckDBPyConnection, schema: str, table: str, rows: pl.DataFrame) -> None:
    connection.execute(f"create schema if not exists {schema}")
    connection.register("written_rows", rows.to_arrow())
    connection.execute(f"create or replace table {schema}.{table} as select * from written_rows")
    connection.unregister("written_rows")
