"""Dagster: every room as assets of one lineage graph, and `road`, the job from exports to a published release.

dbt runs in this process, through `pipelines.warehouse`; its models are assets, its tests asset checks.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, build_dbt_asset_specs

from pipelines import failures, warehouse
from pipelines.catalogue import tables
from pipelines.intake import ledger
from pipelines.intake.identifying import Request, export_files
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.release import drafting, publishing, sealing
from pipelines.release.tables import TABLE_WORDS
from pipelines.settings import UserError, landing, releases

EDITION = "internal"
EXPORTS = dg.AssetKey(["exports", "landing"])
LEDGER = dg.AssetKey(["ledger", "deliveries"])
LAKE = {table: dg.AssetKey(["lake", table]) for table in tables()}
WITHDRAWALS = dg.AssetKey(["lake", "withdrawals"])
DRAFT, SEALED, PUBLISHED = (dg.AssetKey(["releases", step]) for step in ("draft", "sealed", "published"))
ALL_TAKEN_IN = "every_file_was_taken_in"

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


@contextmanager
def discreetly() -> Iterator[None]:
    """Failures as Dagster may keep them: the sentence of a `UserError`, else types and places, never values."""
    try:
        yield
    except UserError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        raise dg.Failure("\n".join(failures.places(error)), allow_retries=False) from None


@dg.asset(key=EXPORTS, group_name="exports")
def exports() -> dg.MaterializeResult:
    """Export files in `landing/<sender>/`, as the source systems wrote them."""
    with discreetly():
        files = _landed()
        senders = {file.parent.name for file in files}
        size = sum(file.stat().st_size for file in files)
        return dg.MaterializeResult(metadata={"files": len(files), "senders": len(senders), "bytes": size})


def _landed() -> list[Path]:
    try:
        return export_files([landing()] if landing().is_dir() else [])
    except UserError:
        raise UserError(
            f"No export lies in {landing()}/<sender>/. Put one there; `fengqiao demo` makes some."
        ) from None


@dg.multi_asset(
    name="intake",
    specs=[
        dg.AssetSpec(
            LEDGER, deps=[EXPORTS], group_name="intake", description="One entry a delivery, in the order they came."
        ),
        *(
            dg.AssetSpec(
                key,
                deps=[EXPORTS],
                group_name="lake",
                description=f"{contract.label.zh} {contract.label.en}: typed rows.",
            )
            for key, contract in zip(LAKE.values(), tables().values(), strict=True)
        ),
        dg.AssetSpec(
            WITHDRAWALS, deps=[EXPORTS], group_name="lake", description="Cases that a snapshot of their sender has not."
        ),
    ],
    check_specs=[dg.AssetCheckSpec(ALL_TAKEN_IN, asset=LEDGER, description="No file was refused as a whole.")],
)
def intake() -> Events:
    """Each file through the door; a wrong one is named by the check and stops no other."""
    with discreetly():
        outcomes, refused = _taken_in()
        yield from _intake_events(outcomes, refused)


def _taken_in() -> tuple[list[Outcome], list[str]]:
    outcomes: list[Outcome] = []
    refused: list[str] = []
    with ledger.writer_lock():
        ledger.heal()
        for file in _landed():
            for became in receive_each(file, Request()):
                if isinstance(became, Refused):
                    refused.append(became.sentence)
                    continue
                outcomes.append(became)
                if became.outcome == "held":
                    refused.append(str(became.note))
    return outcomes, refused


def _intake_events(outcomes: Sequence[Outcome], refused: Sequence[str]) -> Events:
    new = [outcome for outcome in outcomes if outcome.outcome == "accepted"]
    counts = {
        name: sum(getattr(o, name) for o in new)
        for name in ("read", "accepted", "quarantined", "duplicate", "not_data")
    }
    reasons = sum((Counter(outcome.reasons) for outcome in new), Counter())
    metadata = {
        "new_files": len(new),
        "already_received": sum(outcome.outcome == "already_received" for outcome in outcomes),
        "refused_files": len(refused),
        **counts,
    }
    yield dg.MaterializeResult(asset_key=LEDGER, metadata={**metadata, "reasons": dict(reasons.most_common())})
    deliveries = ledger.deliveries()
    for table, key in LAKE.items():
        of_table = [d for d in deliveries if d.table_name == table]
        months = sorted(month for d in of_table for month in (d.first_month, d.last_month) if month)
        lake = {"dagster/row_count": sum(d.accepted for d in of_table), "deliveries": len(of_table)}
        yield dg.MaterializeResult(asset_key=key, metadata=lake | _span(months))
    withdrawn = {"dagster/row_count": sum(d.withdrawn for d in deliveries)}
    yield dg.MaterializeResult(asset_key=WITHDRAWALS, metadata=withdrawn)
    yield dg.AssetCheckResult(
        asset_key=LEDGER, check_name=ALL_TAKEN_IN, passed=not refused, metadata={"refused": list(refused)}
    )


def _span(months: Sequence[str]) -> dict[str, str]:
    return {"first_month": months[0], "last_month": months[-1]} if months else {}


def _room_specs(rooms: str, source: str, upstream: Mapping[str, str]) -> list[dg.AssetSpec]:
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


def _test_specs(specs: Iterable[dg.AssetSpec]) -> list[dg.AssetCheckSpec]:
    """dbt's tests of these assets, as checks. A failing one stops the build itself."""
    keys = {spec.key for spec in specs}
    tests = (node for node in MANIFEST["nodes"].values() if node["resource_type"] == "test")
    return [dg.AssetCheckSpec(test["name"], asset=key) for test in tests if (key := _tested(test)) in keys]


def _tested(test: Mapping[str, Any]) -> dg.AssetKey:
    """The asset a test is about: what it is attached to, or the first it reads where it stands alone."""
    node = test["attached_node"] or test["depends_on"]["nodes"][0]
    return ROOMS.get_asset_key(MANIFEST["nodes"].get(node) or MANIFEST["sources"][node])


def _dbt_events(
    context: dg.AssetExecutionContext,
    specs: Iterable[dg.AssetSpec],
    target: str,
    database: Path,
    told: Mapping[str, Any],
) -> Events:
    """What the last dbt run on a target did: every asset with its rows and months, every test as a check."""
    results, contents = _run_results(target), _contents(database)
    for key in (spec.key for spec in specs):
        result = results.get(f"model.fengqiao.{key.path[-1]}")
        seconds = {"seconds": round(result["execution_time"], 3)} if result else {}
        yield dg.MaterializeResult(asset_key=key, metadata={**told, **contents.get(".".join(key.path), {}), **seconds})
    yield from _check_events(context, results)


def _check_events(context: dg.AssetExecutionContext, results: Mapping[str, Mapping[str, Any]]) -> Events:
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


def _run_results(target: str, since: float = 0.0) -> dict[str, dict[str, Any]]:
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
    return {"dagster/row_count": rows} | (_span([first, last]) if first else {})


WAREHOUSE = _room_specs("staging core measures", "catalogue", {"ledger": "ledger.deliveries"})
FIGURES = _room_specs(
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
    dg.AssetKey(["core", "reporting"]),
    dg.AssetKey(["core", "data_quality"]),
    dg.AssetKey(["core", "plausibility"]),
]


@dg.multi_asset(name="warehouse", specs=WAREHOUSE, check_specs=_test_specs(WAREHOUSE))
def build(context: dg.AssetExecutionContext) -> Events:
    """Staging, core and measures, brought up to the ledger."""
    started = time.time()
    with discreetly():
        try:
            report = warehouse.build(progress=context.log.info)
        except UserError:
            yield from _check_events(context, _run_results("duckdb", started))
            raise
        told = {"outcome": report.outcome, "reason": report.reason, "ledger_sequence": report.sequence}
        told |= {"recomputed_months": len(report.recomputed_months)}
        yield from _dbt_events(context, WAREHOUSE, "duckdb", warehouse.warehouse_path(), told)


class Drafting(dg.Config):
    """`period`: the last period of the release, such as 2025 or 2025-Q3; empty for the longest that ends with the data."""

    period: str = ""


@dg.multi_asset(
    name="release_draft",
    specs=[
        *FIGURES,
        *SIGNALS,
        dg.AssetSpec(DRAFT, deps=DRAFTED_FROM, group_name="releases", description="A release, not yet approved."),
    ],
    check_specs=_test_specs(FIGURES),
)
def draft(context: dg.AssetExecutionContext, config: Drafting) -> Events:
    """The internal edition: its measures, the indicators and signals from them, and the draft of a release."""
    started = time.time()
    with discreetly():
        try:
            made = drafting.draft(config.period or None, EDITION, context.log.info)
        except UserError:
            yield from _check_events(context, _run_results("edition", started))
            raise
        told = {"release": made.release_id, "outcome": made.outcome}
        yield from _dbt_events(context, [*FIGURES, *SIGNALS], "edition", warehouse.edition_path(EDITION), told)
        yield dg.MaterializeResult(asset_key=DRAFT, metadata={**told, "folder": str(made.folder)})


class Approval(dg.Config):
    """`approved_by`: the person who approves; without a name nothing is sealed. Default: FENGQIAO_APPROVED_BY."""

    approved_by: str = os.environ.get("FENGQIAO_APPROVED_BY", "")


@dg.asset(key=SEALED, deps=[DRAFT], group_name="releases")
def approve(context: dg.AssetExecutionContext, config: Approval) -> dg.MaterializeResult:
    """The release as approved by a person, hashed and never changed again."""
    with discreetly():
        release = _release_of(context, DRAFT)
        folder = releases(EDITION) / release
        if not folder.is_dir():
            if not config.approved_by.strip():
                raise UserError(
                    f"Release {release} is drafted and waits for approval. Launch again with the approver's name "
                    "(run config approved_by, or FENGQIAO_APPROVED_BY)."
                )
            folder = sealing.approve(release, EDITION, config.approved_by)
        return dg.MaterializeResult(
            metadata={"release": release, "approved_by": sealing.metadata_of(folder)["approved_by"]}
        )


@dg.asset(key=PUBLISHED, deps=[SEALED], group_name="releases")
def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The release that readers see."""
    with discreetly():
        release = _release_of(context, SEALED)
        folder = publishing.publish(release, EDITION)
        return dg.MaterializeResult(metadata={"release": release, "folder": str(folder)})


def _release_of(context: dg.AssetExecutionContext, step: dg.AssetKey) -> str:
    """The release that a step before this one last made."""
    event = context.instance.get_latest_materialization_event(step)
    if event is None or event.asset_materialization is None:
        raise UserError(f"There is no {step.to_user_string()} yet; materialise it first.")
    return str(event.asset_materialization.metadata["release"].value)


defs = dg.Definitions(
    assets=[exports, intake, build, draft, approve, publish],
    jobs=[dg.define_asset_job("road", selection=dg.AssetSelection.all())],
    executor=dg.in_process_executor,
)
