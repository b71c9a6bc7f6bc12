"""The same dbt models on DuckDB and on Spark, compared row by row: `python -m benchmarks.spark_parity [--data FOLDER]`.

Without a folder a small demo is made, taken in and built in two goes, a year of it late, so that DuckDB's side is an
incremental build. Spark's side is always a full one, from the same lake, tests and contracts included. Nothing is written
to a given folder. With `--lose-worker` one of the two workers is killed while Spark builds. The exit code is 0 when every
model has the same columns, types and rows on both sides, else 1.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import FrameType
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks import spark_cluster
from pipelines import catalogue, warehouse
from pipelines.settings import PROJECT, UserError, data_root

CASES = 3000
WIDTH_WHEN_PIPED = 140
YEAR_THAT_COMES_LATE = 2024
LOST_AFTER = "measures.coverage"  # models that count cases come next
SECONDS_INTO_THE_NEXT = 3.0
SPARK_TYPES = {
    "BIGINT": "bigint",
    "BLOB": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp_ntz",
    "VARCHAR": "string",
}
# What the models of an edition read: from the measures that Spark itself has built, else from the catalogue.
INPUTS = {
    "measures": "measures.measures_by_period",
    "coverage": "measures.coverage",
    "areas": "catalogue.areas",
    "grid": "catalogue.grid",
    "periods": "catalogue.periods",
}


@dataclass(frozen=True)
class Model:
    """A model as Spark has built it: schema and name, table or view, and how long it took."""

    schema: str
    name: str
    is_view: bool
    seconds: float


@dataclass(frozen=True)
class Parity:
    """A model compared: rows on both sides, rows found on one side only, and whether columns and types are the same."""

    model: str
    rows: int
    rows_on_spark: int
    missing: int
    extra: int
    has_same_columns: bool
    seconds: float

    @property
    def is_equal(self) -> bool:
        return self.has_same_columns and self.rows == self.rows_on_spark and not self.missing and not self.extra


class Loss:
    """A worker killed at its first task some seconds into the model that follows `LOST_AFTER`."""

    def __init__(self, cluster: spark_cluster.Cluster) -> None:
        self._timer = Timer(SECONDS_INTO_THE_NEXT, self._lose, (cluster,))
        self.is_done = False

    def watch(self, text: str) -> None:
        """Take note of a model that is built."""
        _say(text)
        if text.endswith(f" {LOST_AFTER}"):
            self._timer.start()

    def _lose(self, cluster: spark_cluster.Cluster) -> None:
        cluster.lose_worker()
        self.is_done = True
        _say("a worker is killed")


def main() -> int:
    parser = argparse.ArgumentParser(prog="spark_parity", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a data folder that is built; without it a small demo is made")
    parser.add_argument("--cases", type=int, default=CASES, help=f"cases of the demo (default {CASES})")
    parser.add_argument("--lose-worker", action="store_true", help="kill a worker in the middle of the build")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    folder, is_kept = Path(tempfile.mkdtemp(prefix="fengqiao-spark-")), False
    try:
        spark_cluster.spark_home()
        _prepare(folder, options.data.resolve() if options.data else None, options.cases)
        is_kept = True
        is_kept = not _report(compare(folder, lose_worker=options.lose_worker))
        return int(is_kept)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        if is_kept:
            _say(f"What was written is kept in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def compare(folder: Path, *, lose_worker: bool) -> list[Parity]:
    """Build everything on a Spark cluster from the warehouse of the data folder, and compare it model by model.

    Where a worker is to be lost, it is killed while the measures are added up; the other one goes on. `folder` takes all
    that Spark writes. Raises `UserError` when Spark does not start, or when a model or test fails there.
    """
    with spark_cluster.running(_made(folder / "spark")) as cluster:
        _say(f"Spark is up: a master, {spark_cluster.WORKERS} workers, the Thrift server on port {cluster.port}")
        os.environ["FENGQIAO_SPARK_PORT"] = str(cluster.port)
        with _connected(cluster) as spark, _duckdb() as engine:
            _register(engine, spark, _made(folder / "sources"))
            started, before = time.monotonic(), cluster.taken()
            models = _build_on_spark(spark, Loss(cluster) if lose_worker else None)
            spent = f"{cluster.taken().seconds - before.seconds:.0f} s of processor time, {time.monotonic() - started:.0f} s in all"
            _say(f"{len(models)} models built and tested on Spark: {spent}")
            if lose_worker:
                _say(f"Tasks lost with the worker and done anew: {cluster.tasks_lost()}")
            compared = [_compare(engine, spark, cluster.tables, model) for model in models]
        _say(f"Peak memory of Spark: {cluster.taken().memory / 1e9:.1f} GB")
    return compared


def _prepare(folder: Path, given: Path | None, cases: int) -> None:
    """A data folder of our own, with a built warehouse and the internal edition."""
    data = folder / "data"
    os.environ |= {"FENGQIAO_DATA": str(data), "FENGQIAO_KEYS": str(folder / "keys")}
    started = time.monotonic()
    if given is None:
        _make_demo(data, cases)
    else:
        _borrow(given, data)
    warehouse.build_edition("internal")
    _say(f"DuckDB's side is there after {time.monotonic() - started:.0f} s")


def _borrow(given: Path, data: Path) -> None:
    """The warehouse and the lake of a data folder, by links. Raises `UserError` when it is not built by the SQL of today."""
    built = given / "warehouse" / "warehouse.duckdb"
    if not built.exists():
        raise UserError(f"{given} has no warehouse yet. Run `fengqiao build` on it first.")
    with duckdb.connect(str(built), read_only=True) as engine:
        [version] = engine.execute("select code_version from catalogue.build_request").fetchone() or (None,)
    if version != warehouse.code_version():
        raise UserError(f"{given} was built by other SQL than that of this checkout. Run `fengqiao build` on it first.")
    (_made(data / "warehouse") / built.name).symlink_to(built)
    (data / "lake").symlink_to(given / "lake")


def _make_demo(data: Path, cases: int) -> None:
    """Demo exports, taken in and built; then the files of one year, and built again."""
    _fengqiao("keys", "init")
    _fengqiao("demo", "--cases", str(cases))
    files = sorted(path for path in (data / "landing").rglob("*") if path.is_file())
    _fengqiao("intake", *(str(path) for path in files if f"_{YEAR_THAT_COMES_LATE}" not in path.stem))
    warehouse.build(progress=lambda _: None)
    _fengqiao("intake", str(data / "landing"))
    report = warehouse.build(progress=lambda _: None)
    assert not report.full, report.reason
    _say(f"The demo is built; the second build was incremental over {len(report.recomputed_months)} months")


def _fengqiao(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"fengqiao {words[0]}: {done.stderr.strip()}")


@contextmanager
def _connected(cluster: spark_cluster.Cluster) -> Iterator[Any]:
    from pyhive import hive

    connection = hive.connect(host=spark_cluster.HOST, port=cluster.port, auth="NOSASL")
    try:
        yield connection.cursor()
    finally:
        connection.close()


@contextmanager
def _duckdb() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the warehouse and the edition, under these names; it has the memory that a build has."""
    with warehouse.in_memory() as engine:
        for name, path in (("warehouse", warehouse.warehouse_path()), ("edition", warehouse.edition_path("internal"))):
            engine.execute(f"attach {_quoted(path)} as {name} (read_only)")
        yield engine


def _register(engine: duckdb.DuckDBPyConnection, spark: Any, folder: Path) -> None:
    """Every source of the dbt project as a Spark table: the lake where it lies, the rest as Parquet in `folder`."""
    for schema in ("lake", "catalogue", "inputs", "parity"):
        spark.execute(f"create schema {schema}")
    for table in (*catalogue.tables(), "withdrawals"):
        columns = engine.execute(f"describe warehouse.lake.{table}").fetchall()
        declared = ", ".join(f"{name} {SPARK_TYPES[kind]}" for name, kind, *_ in columns)
        place = data_root() / "lake" / table
        place = place.resolve() if place.is_dir() else _made(folder / "lake" / table)
        options = f"using parquet options (recursiveFileLookup 'true') location {_quoted(place)}"
        spark.execute(f"create table lake.{table} ({declared}) {options}")
    _copy(engine, spark, "warehouse", "lake", {f"changed_{table}" for table in catalogue.tables()}, folder)
    _copy(engine, spark, "warehouse", "catalogue", _tables(engine, "warehouse", "catalogue"), folder)
    _copy(engine, spark, "edition", "inputs", _tables(engine, "edition", "inputs") - INPUTS.keys(), folder)


def _copy(
    engine: duckdb.DuckDBPyConnection, spark: Any, database: str, schema: str, tables: set[str], folder: Path
) -> None:
    for table in sorted(tables):
        place = _made(folder / schema / table)
        engine.execute(f"copy {database}.{schema}.{table} to {_quoted(place / 'rows.parquet')}")
        spark.execute(f"create table {schema}.{table} using parquet location {_quoted(place)}")


def _build_on_spark(spark: Any, loss: Loss | None) -> list[Model]:
    """All models of the project in the order they were built; those of the edition read what Spark itself has measured."""
    models = _dbt_on_spark("staging", "core", "measures", progress=loss.watch if loss else _say)
    if loss and not loss.is_done:
        raise UserError(f"No worker was killed while the measures were built: is {LOST_AFTER} still a model?")
    for table, origin in INPUTS.items():
        spark.execute(f"create table inputs.{table} using parquet as select * from {origin}")
    return models + _dbt_on_spark("indicators", progress=_say)


def _dbt_on_spark(*rooms: str, progress: Callable[[str], None]) -> list[Model]:
    warehouse.run_dbt("spark", ["build", "--select", *rooms], progress)
    folder = data_root() / "warehouse" / "dbt" / "spark"
    nodes = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    results = json.loads(warehouse.run_results_path("spark").read_text(encoding="utf-8"))["results"]
    built = [(nodes[result["unique_id"]], result["execution_time"]) for result in results]
    return [
        Model(node["schema"], node["name"], node["config"]["materialized"] == "view", seconds)
        for node, seconds in built
        if node["resource_type"] == "model"
    ]


def _compare(engine: duckdb.DuckDBPyConnection, spark: Any, tables: Path, model: Model) -> Parity:
    """All columns of all rows, doubled rows counted, null equal to null, numbers to the last bit."""
    started = time.monotonic()
    schema, name = (model.schema, model.name) if not model.is_view else ("parity", model.name)
    if model.is_view:
        spark.execute(f"create table parity.{name} using parquet as select * from {model.schema}.{name}")
    database = "edition" if model.schema == "indicators" else "warehouse"
    files = tables / f"{schema}.db" / name / "*.parquet"
    here, there = f"from {database}.{model.schema}.{name}", f"from read_parquet({_quoted(files)})"
    has_same_columns = _columns(engine, here) == _columns(engine, there)
    counts = _counts(engine, here, there) if has_same_columns else (_count(engine, here), _count(engine, there), 0, 0)
    if model.is_view:
        spark.execute(f"drop table parity.{name}")
    compared = Parity(f"{model.schema}.{name}", *counts, has_same_columns, model.seconds)
    verdict = "the same" if compared.is_equal else "DIFFERENT"
    _say(f"{compared.model}: {verdict}, {compared.rows:,} rows ({time.monotonic() - started:.0f} s)")
    return compared


def _counts(engine: duckdb.DuckDBPyConnection, here: str, there: str) -> tuple[int, int, int, int]:
    """Rows of both, and those found on one side only. The rows that are alike are put together in one reading of each, which
    holds every row once; to take the one from the other and the other from the one would sort both twice."""
    query = f"""
        select sum(in_here), sum(in_there), sum(greatest(in_here - in_there, 0)), sum(greatest(in_there - in_here, 0))
        from (
            select * exclude (in_here, in_there), sum(in_here) as in_here, sum(in_there) as in_there
            from (select *, 1 as in_here, 0 as in_there {here} union all select *, 0 as in_here, 1 as in_there {there})
            group by all
        )
    """
    rows, rows_on_spark, missing, extra = engine.execute(query).fetchone() or (None,) * 4
    return int(rows or 0), int(rows_on_spark or 0), int(missing or 0), int(extra or 0)


def _report(compared: list[Parity]) -> bool:
    """Print the comparison as a table, and say whether everything is the same."""
    table = Table(title="DuckDB and Spark compared, all columns of all rows", title_justify="left")
    for heading in ("Model", "Rows", "Rows on Spark", "Only on DuckDB", "Only on Spark", "Columns", "Seconds on Spark"):
        table.add_column(heading, justify="left" if heading in ("Model", "Columns") else "right")
    for one in compared:
        counts = (f"{count:,}" for count in (one.rows, one.rows_on_spark, one.missing, one.extra))
        table.add_row(one.model, *counts, "same" if one.has_same_columns else "DIFFERENT", f"{one.seconds:.1f}")
    Console(width=None if sys.stdout.isatty() else WIDTH_WHEN_PIPED).print(table)
    different = [one.model for one in compared if not one.is_equal]
    _say(f"Different: {', '.join(different)}." if different else f"All {len(compared)} models are the same on both.")
    return not different


def _tables(engine: duckdb.DuckDBPyConnection, database: str, schema: str) -> set[str]:
    query = "select table_name from duckdb_tables() where database_name = ? and schema_name = ?"
    return {name for (name,) in engine.execute(query, [database, schema]).fetchall()}


def _columns(engine: duckdb.DuckDBPyConnection, rows: str) -> list[tuple[str, str]]:
    """Names and types."""
    return [(name, kind) for name, kind, *_ in engine.execute(f"describe {rows}").fetchall()]


def _count(engine: duckdb.DuckDBPyConnection, rows: str) -> int:
    [count] = engine.execute(f"select count(*) from ({rows})").fetchone() or (0,)
    return int(count)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _quoted(path: Path) -> str:
    """A path as text in DuckDB's SQL and in Spark's."""
    if set("'\\") & set(str(path)):
        raise UserError(f"{path} has a quote or a backslash in it: use another folder.")
    return f"'{path}'"


def _say(text: str) -> None:
    print(text, flush=True)


def _end(number: int, _: FrameType | None) -> None:
    """A request to end becomes an exception, so that everything started is stopped."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
