"""dbt's models and tests as assets and checks, and what its last run did. dbt runs in this process, through `pipelines.warehouse`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from pipelines import warehouse
from pipelines.release.sealing import metadata_of
from pipelines.release.tables import TABLE_WORDS
from pipelines.settings import TIME_ZONE

Events = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


class Rooms(DagsterDbtTranslator):
    """dbt's nodes as assets: the key is schema and table, the group of a model is its room, the folder under `models/`."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return dbt_resource_props["fqn"][1]


MANIFEST: Mapping[str, Any] = json.loads(warehouse.manifest_path().read_text(encoding="utf-8"))
ROOMS = Rooms()


def room_specs(rooms: str, source: str, upstream: Mapping[str, str]) -> list[dg.AssetSpec]:
    """The models of some rooms and the tables of a dbt source, which the same run writes before them; in order of lineage.

    `upstream`: for a table of the source, the asset (`schema.table`) it is made of.
    """
    written = [
        dg.AssetSpec(
            ROOMS.get_asset_key(node),
            deps=[upstream[node["name"]].split(".")] if node["name"] in upstream else [],
            group_name=source,
            description=node["description"],
        )
        for node in MANIFEST["sources"].values()
        if node["source_name"] == source
    ]
    specs = [*written, *build_dbt_asset_specs(manifest=MANIFEST, dagster_dbt_translator=ROOMS, select=rooms)]
    by_key = {spec.key: spec for spec in specs}
    order = TopologicalSorter({key: sorted(dep.asset_key for dep in spec.deps) for key, spec in sorted(by_key.items())})
    return [by_key[key] for key in order.static_order() if key in by_key]


def checks_of(specs: Iterable[dg.AssetSpec]) -> list[dg.AssetCheckSpec]:
    """dbt's tests of these assets, as checks. A failing one stops the build itself."""
    keys = {spec.key for spec in specs}
    tests = (node for node in MANIFEST["nodes"].values() if node["resource_type"] == "test")
    return [dg.AssetCheckSpec(test["name"], asset=key) for test in tests if (key := _tested(test)) in keys]


def _tested(test: Mapping[str, Any]) -> dg.AssetKey:
    """The asset a test is about: what it is attached to, or the first it reads where it stands alone."""
    node = test["attached_node"] or test["depends_on"]["nodes"][0]
    return ROOMS.get_asset_key(MANIFEST["nodes"].get(node) or MANIFEST["sources"][node])


def dbt_events(
    context: dg.AssetExecutionContext,
    specs: Iterable[dg.AssetSpec],
    target: str,
    database: Path,
    told: Mapping[str, Any],
) -> Events:
    """What the last dbt run on a target did: every asset with its rows and months, every test as a check."""
    results, contents = run_results(target), _contents(database)
    for key in (spec.key for spec in specs):
        result = results.get(f"model.fengqiao.{key.path[-1]}")
        seconds = {"seconds": round(result["execution_time"], 3)} if result else {}
        yield dg.MaterializeResult(asset_key=key, metadata={**told, **contents.get(".".join(key.path), {}), **seconds})
    yield from check_events(context, results)
    yield from _checks_that_stand(context, results)


def _checks_that_stand(context: dg.AssetExecutionContext, results: Mapping[str, Mapping[str, Any]]) -> Events:
    """The tests of what a build left as it was. They passed when it was written: only what passes is built upon."""
    ran = {MANIFEST["nodes"][node]["name"] for node in results if node in MANIFEST["nodes"]}
    for check in sorted(context.selected_asset_check_keys, key=lambda check: check.name):
        if check.name not in ran:
            yield dg.AssetCheckResult(
                asset_key=check.asset_key, check_name=check.name, passed=True, metadata={"status": "as before"}
            )


def check_events(context: dg.AssetExecutionContext, results: Mapping[str, Mapping[str, Any]]) -> Events:
    for unique_id, result in results.items():
        test = MANIFEST["nodes"].get(unique_id)
        if test is None or test["resource_type"] != "test" or result["status"] == "skipped":
            continue
        check = dg.AssetCheckKey(_tested(test), test["name"])
        if check in context.selected_asset_check_keys:
            metadata = {"status": result["status"], "failing_rows": result["failures"] or 0}
            passed = result["status"] == "pass"
            yield dg.AssetCheckResult(
                asset_key=check.asset_key, check_name=check.name, passed=passed, metadata=metadata
            )


def run_results(target: str, since: float = 0.0) -> dict[str, dict[str, Any]]:
    """Results of the last dbt run on a target by node id; none when it ended before `since` (seconds of the epoch)."""
    path = warehouse.run_results_path(target)
    if not path.exists() or path.stat().st_mtime < since:
        return {}
    return {result["unique_id"]: result for result in json.loads(path.read_text(encoding="utf-8"))["results"]}


def _contents(database: Path) -> dict[str, dict[str, Any]]:
    """`schema.table` -> rows, and the first and last month where it has months; views are not counted."""
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name || '.' || table_name, bool_or(column_name = 'month' and data_type = 'DATE')"
            " from duckdb_columns() inner join duckdb_tables() using (schema_name, table_name) group by all"
        ).fetchall()
        return {name: _content(connection, name, has_month) for name, has_month in columns}


def _content(connection: duckdb.DuckDBPyConnection, table: str, has_month: bool) -> dict[str, Any]:
    months = "strftime(min(month), '%Y-%m'), strftime(max(month), '%Y-%m')" if has_month else "null, null"
    rows, first, last = connection.execute(f"select count(*), {months} from {table}").fetchone() or (0, None, None)
    return {"dagster/row_count": rows} | (span([first, last]) if first else {})


def figures_in(release: Path) -> dict[str, int]:
    """How many rows, and rows that have a value, the figures of a release have."""
    values = pl.scan_parquet(release / "figures.parquet").select(pl.len(), pl.col("value").count().alias("of"))
    rows, figures = values.collect().row(0)
    return {"dagster/row_count": rows, "figures": figures}


def changes_in(release: Path) -> dict[str, dict[str, int]]:
    """How many cells of a release differ from each earlier one that it is set against; empty for the first."""
    changed = {revision["against"]: revision["cells"] for revision in metadata_of(release)["revisions"]}
    return {"changed_cells": changed} if changed else {}


def span(months: Sequence[str]) -> dict[str, str]:
    return {"first_month": months[0], "last_month": months[-1]} if months else {}


# Taken in and built each morning: what did not happen between five and nine is late.
EACH_MORNING = dg.FreshnessPolicy.cron("0 9 * * *", timedelta(hours=4), TIME_ZONE)
READ = {upstream for node in MANIFEST["nodes"].values() for upstream in node["depends_on"]["nodes"]}
OF_CHANGED = "changed_"  # views of the lake's tables that a build makes for the cases it counts again
WAREHOUSE = [
    dg.AssetSpec(
        ROOMS.get_asset_key(node),
        deps=[["lake", node["name"].removeprefix(OF_CHANGED)]],
        group_name="catalogue",
        description=node["description"],
    )
    for unique_id, node in MANIFEST["sources"].items()
    if node["source_name"] == "lake" and node["name"].startswith(OF_CHANGED) and unique_id in READ
] + [
    spec.replace_attributes(freshness_policy=EACH_MORNING) if spec.key.path[0] == "measures" else spec
    for spec in room_specs("staging core measures", "catalogue", {"ledger": "ledger.deliveries"})
]
FIGURES = room_specs(
    "indicators",
    "edition",
    {
        "measures": "measures.measures_by_period",
        "coverage": "measures.coverage",
        "areas": "catalogue.areas",
        "grid": "catalogue.grid",
    },
)
SIGNALS = [
    dg.AssetSpec(
        dg.AssetKey(["signals", table]),
        deps=[dg.AssetKey(["indicators", "figures"])],
        group_name="signals",
        description=TABLE_WORDS[table],
    )
    for table in ("signals", "funnels")
]
DRAFTED_FROM = [spec.key for spec in (*FIGURES, *SIGNALS)] + [
    dg.AssetKey(["measures", "measures_monthly"]),
    dg.AssetKey(["measures", "events_screening"]),  # by which the cases behind a change are told, as by those of others
    dg.AssetKey(["core", "reporting"]),
    dg.AssetKey(["core", "data_quality"]),
    dg.AssetKey(["core", "quarantine_reasons"]),
    dg.AssetKey(["core", "plausibility"]),
    dg.AssetKey(["core", "correction_checks"]),  # whose expired entries the build tells before anybody drafts
]
