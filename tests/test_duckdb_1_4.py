"""A release's database opens in DuckDB 1.4, in an environment of its own that `make test` sets up."""

import json
import subprocess

import polars as pl

from pipelines.release.tables import TABLES
from pipelines.settings import PROJECT
from tests.conftest import Road

CLIENT = PROJECT / ".cache" / "duckdb-1.4" / "bin" / "python"
ASKED = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps({
    "version": duckdb.__version__,
    "rows": {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in json.loads(sys.argv[2])},
    "comment": connection.execute(
        "select comment from duckdb_columns() where table_name = 'figures' and column_name = 'area_code'"
    ).fetchone()[0],
    "value": connection.execute(
        "select value from figures where indicator = 'mediation_accepted' and area_code = '500117000000'"
        " and period = '2025' and breakdown = 'total'"
    ).fetchone()[0],
}))
"""


def test_an_earlier_client_reads_every_table_of_a_release(road: Road) -> None:
    assert CLIENT.exists(), f"There is no {CLIENT}. Run `make duckdb-1.4`."
    asked = [str(CLIENT), "-c", ASKED, str(road.release / "fengqiao.duckdb"), json.dumps(sorted(TABLES))]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["version"].startswith("1.4.")
    written = {
        name: pl.scan_parquet(road.release / f"{name}.parquet").select(pl.len()).collect().item() for name in TABLES
    }
    assert said["rows"] == written
    assert said["comment"].startswith("Area, 12 digits")
    assert said["value"] > 0
