"""Staging, core and measures brought up to the ledger: what is to be built, why, and that only one builds."""

import hashlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import catalogue
from pipelines.intake import ledger
from pipelines.intake.lake import generation
from pipelines.intake.ledger import Delivery
from pipelines.settings import TIME_ZONE, UserError, data_root
from pipelines.warehouse.inputs import (
    months_reported,
    write_catalogue,
    write_changes,
    write_lake,
    write_row_corrections,
)
from pipelines.warehouse.running import (
    Progress,
    code_version,
    column,
    connected,
    run_dbt,
    target_path,
    warehouse_path,
)


@dataclass(frozen=True)
class Touched:
    """Months (YYYY-MM, ascending) of a lake table that a build counted again for one cause (those of `touched_months`)."""

    table: str
    cause: str
    months: list[str]


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `outcome`: built or unchanged; `recomputed_months` as YYYY-MM; `reason`: why these months, and
    `touched`: table by table, where the build was not a full one; `expired`: a sentence for each entry of the corrections
    register that is not applied."""

    sequence: int
    outcome: str
    full: bool
    reason: str
    recomputed_months: list[str]
    touched: list[Touched]
    models: int
    tests: int
    seconds: float
    expired: list[str]


def build(*, full: bool = False, as_of: str | None = None, progress: Progress = lambda _: None) -> BuildReport:
    """Bring staging, core and measures up to the ledger (or to an earlier instant).

    Raises `UserError` when nothing has been taken in yet, and when a dbt test fails, naming the test.
    """
    started = time.monotonic()
    with ledger.writer_lock():
        ledger.heal()
        deliveries = _deliveries_until(as_of)
        request = _request(deliveries, full)
        if request["sequence"] == request["previous_sequence"] and not request["is_full"]:
            reason = "nothing new in the ledger"
            return BuildReport(request["sequence"], "unchanged", False, reason, [], [], 0, 0, 0.0, _expired())
        with connected(warehouse_path()) as connection:
            write_catalogue(connection, deliveries, request)
            write_lake(connection)
            write_row_corrections(connection)
            since = [d for d in deliveries if d.ledger_sequence > request["previous_sequence"] or request["is_full"]]
            changed = write_changes(connection, since, is_full=request["is_full"])
            # gone until this build has ended well: what a stopped build leaves behind is not built upon
            connection.execute("drop table if exists catalogue.watermark")
        results = run_dbt("duckdb", ["build", *_selected(request, changed)], progress)
        with connected(warehouse_path()) as connection:
            touched = connection.execute(TOUCHED).fetchall()
            connection.execute("create or replace table catalogue.watermark as select * from catalogue.build_request")
    models, tests = (sum(node.startswith(kind) for node in results) for kind in ("model.", "test."))
    return BuildReport(
        sequence=request["sequence"],
        outcome="built",
        full=request["is_full"],
        reason=str(request["reason"]),
        recomputed_months=sorted({month for *_, months in touched for month in months}),
        touched=[] if request["is_full"] else [Touched(*row) for row in touched],
        models=models,
        tests=tests,
        seconds=time.monotonic() - started,
        expired=_expired(),
    )


TOUCHED = """
    select table_name, cause, list(strftime(month, '%Y-%m') order by month)
    from core.touched_months group by table_name, cause order by table_name, cause
"""


def _expired() -> list[str]:
    """What is said of the entries of the corrections register that were not applied."""
    with connected(warehouse_path()) as connection:
        checks = connection.sql("from core.correction_checks where not is_applied order by correction").pl()
    return [
        f"Correction {row['correction']} is not applied: the newest {row['table_name']} shows something else than it "
        "expects. If its source is mended, set its status to fixed_upstream."
        if row["is_found"]
        else f"Correction {row['correction']} is not applied: {row['table_name']} has nothing where it says."
        for row in checks.iter_rows(named=True)
    ]


def last_month() -> date:
    """The last month of the built data. Raises `UserError` when nothing is built."""
    watermark = _watermark()
    if watermark is None:
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    return watermark["last_month"]


def write_docs(path: Path) -> None:
    """dbt's own documentation of the models (columns, tests, lineage, SQL) as one HTML file that needs no network.

    Raises `UserError` when nothing is built.
    """
    if not warehouse_path().exists():
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    with ledger.writer_lock():
        run_dbt("duckdb", ["docs", "generate", "--static"], lambda _: None)
    shutil.copyfile(target_path("duckdb") / "static_index.html", path)


def _selected(request: dict[str, Any], changed: Iterable[str]) -> list[str]:
    """What dbt builds: all; or what is made at every build and what is made of the changed lake tables, whose staged rows are
    tested (their views are as they were). A calendar that has grown or shrunk changes whatever is counted by month. The names of
    measures stand in the SQL and the declarations, of which a change builds, and tests, everything."""
    if request["is_full"]:
        return ["--select", "staging", "core", "measures", "--full-refresh"]
    has_moved = any(request[name] != request[f"previous_{name}"] for name in ("first_month", "last_month"))
    made_anew = [f"tag:{table}" for table in (catalogue.tables() if has_moved else changed)]
    staged = [f"stg_{table},resource_type:test" for table in changed]
    return ["--select", "tag:every_build", *made_anew, *staged, "--exclude", "measures,test_name:relationships"]


def _deliveries_until(as_of: str | None) -> list[Delivery]:
    """All entries up to the last that was received by then: where a clock was set back in between, their order counts."""
    deliveries = ledger.deliveries()
    if as_of is not None:
        try:
            instant = datetime.fromisoformat(as_of)
        except ValueError:
            raise UserError(f"{as_of} is not an instant. Write 2026-01-31 or 2026-01-31T18:00+08:00.") from None
        instant = instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(TIME_ZONE))
        by_then = [d.ledger_sequence for d in deliveries if datetime.fromisoformat(d.received_at) <= instant]
        deliveries = [d for d in deliveries if d.ledger_sequence <= max(by_then, default=0)]
    if not deliveries:
        raise UserError("Nothing has been taken in yet. Run `fengqiao intake PATH` first.")
    return deliveries


def _request(deliveries: list[Delivery], full: bool) -> dict[str, Any]:
    """The one row that tells the models what to build."""
    request: dict[str, Any] = {
        "sequence": deliveries[-1].ledger_sequence,
        "code_version": code_version(),
        "seeds_version": catalogue_version(),
    }
    before = _watermark()
    reasons = {
        "asked for in full": full,
        "the first build, or the build before did not end well": before is None,
        "the declarations or the SQL changed": before is not None
        and any(before[name] != request[name] for name in ("code_version", "seeds_version")),
        "an earlier state was asked for": before is not None and before["sequence"] > request["sequence"],
    }
    why = next((reason for reason, holds in reasons.items() if holds), None)
    request["is_full"] = why is not None
    request["reason"] = why or "months touched by deliveries since the build before"
    request["previous_sequence"] = 0 if before is None else before["sequence"]
    calendar = months_reported(deliveries)
    for name, month in (("first_month", calendar[0]), ("last_month", calendar[-1])):
        request[name] = month
        request[f"previous_{name}"] = None if before is None else before.get(name)
    return request


def _watermark() -> dict[str, Any] | None:
    if not warehouse_path().exists():
        return None
    with connected(warehouse_path()) as connection:
        if not column(
            connection,
            "select 1 from information_schema.tables where table_schema = 'catalogue' and table_name = 'watermark'",
        ):
            return None
        return connection.sql("select * from catalogue.watermark").pl().row(0, named=True)


def catalogue_version() -> str:
    """Digest of the seeds, of what intake was given by option, and of the lake's generation: all pseudonyms change with it."""
    digest = hashlib.sha256(f"{catalogue.seeds_version()}{generation().number}".encode())
    for path in sorted(p for p in (data_root() / "catalogue").rglob("*") if p.suffix in (".yml", ".csv")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
