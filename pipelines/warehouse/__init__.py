"""The warehouse: dbt in process, the catalogue goes in as source tables, models come out; one writer at a time.

`build` makes staging, core and measures in `warehouse.duckdb`; `build_edition` makes the indicators of one edition in a
database of its own, from that edition's measures.
"""

from pipelines.warehouse.building import BuildReport, build, last_month, write_docs
from pipelines.warehouse.editions import build_edition
from pipelines.warehouse.running import (
    Progress,
    code_version,
    compile_in_full,
    compiled_sql,
    connected,
    edition_path,
    in_memory,
    manifest_path,
    run_dbt,
    run_results_path,
    warehouse_path,
)

__all__ = [
    "BuildReport",
    "Progress",
    "build",
    "build_edition",
    "code_version",
    "compile_in_full",
    "compiled_sql",
    "connected",
    "edition_path",
    "in_memory",
    "last_month",
    "manifest_path",
    "run_dbt",
    "run_results_path",
    "warehouse_path",
    "write_docs",
]
