"""The plain loads that an intake is measured against: `python -m benchmarks.intake.loads duckdb|fastexcel FILE`."""

import json
import sys


def duckdb(path: str) -> None:
    """Every cell as text into a table in memory. Records with another number of cells than the header are left out."""
    import duckdb

    with duckdb.connect() as engine:
        engine.execute("set enable_progress_bar = false")
        engine.execute(
            "create table cases as from read_csv($path, all_varchar = true, ignore_errors = true)", {"path": path}
        )
        [rows] = engine.execute("select count(*) from cases").fetchone() or (0,)
    print(json.dumps({"rows": rows}))


def fastexcel(path: str) -> None:
    """Every cell of the first sheet as text into a Polars table."""
    import fastexcel

    fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()


LOADS = {"duckdb": duckdb, "fastexcel": fastexcel}

if __name__ == "__main__":
    LOADS[sys.argv[1]](sys.argv[2])
