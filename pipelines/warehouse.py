"""dbt in process: the catalogue goes in as source tables, models come out; one writer at a time.

`build` makes staging, core and measures in `warehouse.duckdb`; `build_edition` makes the indicators of one edition in a
database of its own, from that edition's measures.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipelines import catalogue
from pipelines.catalogue import Area, Card, Measure
from pipelines.intake import ledger
from pipelines.intake.lake import all_findings, generation, lake_schema
from pipelines.intake.ledger import Delivery
from pipelines.periods import month_start, months_in, period_table
from pipelines.settings import DBT_PROJECT, TIME_ZONE, UserError, data_root

LEVELS = ("province", "city", "district", "township")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `outcome`: built or unchanged; `recomputed_months` as YYYY-MM; `reason`: why these months."""

    sequence: int
    outcome: str
    full: bool
    reason: str
    recomputed_months: list[str]
    models: int
    tests: int
    seconds: float


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
            return BuildReport(request["sequence"], "unchanged", False, "nothing new in the ledger", [], 0, 0, 0.0)
        with _connected(warehouse_path()) as connection:
            _write_catalogue(connection, deliveries, request)
            _write_lake(connection)
            _write_accepted(connection, deliveries)
            # gone until this build has ended well: what a stopped build leaves behind is not built upon
            connection.execute("drop table if exists catalogue.watermark")
        results = run_dbt("duckdb", ["build", "--select", "staging", "core", "measures", *_refresh(request)], progress)
        with _connected(warehouse_path()) as connection:
            months = _column(connection, "select distinct strftime(month, '%Y-%m') from core.touched_months order by 1")
            connection.execute("create or replace table catalogue.watermark as select * from catalogue.build_request")
    models, tests = (sum(node.startswith(kind) for node in results) for kind in ("model.", "test."))
    reason = str(request["reason"])
    return BuildReport(
        request["sequence"], "built", request["is_full"], reason, months, models, tests, time.monotonic() - started
    )


def last_month() -> date:
    """The last month of the built data. Raises `UserError` when nothing is built."""
    watermark = _watermark()
    if watermark is None:
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    return watermark["last_month"]


def run_results_path(target: str) -> Path:
    """What the last dbt run on a target said of each node."""
    return _target_path(target) / "run_results.json"


def require_edition(edition: str) -> None:
    """Raises `UserError` for an edition that cannot be made: the public one has no protected measures yet."""
    if edition != "internal":
        raise UserError(
            f"The {edition} edition does not exist yet: its measures are not protected. Only `internal` can be made."
        )


def build_edition(edition: str, progress: Progress = lambda _: None) -> Path:
    """Compute the figures of one edition from its measures, in a new database. Returns its path.

    Raises `UserError` for the public edition, which has no protected measures yet, and when nothing is built.
    """
    require_edition(edition)
    if not warehouse_path().exists():
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    path = edition_path(edition)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ledger.writer_lock():
        path.unlink(missing_ok=True)
        with _connected(path) as connection:
            _write_edition(connection)
        run_dbt("edition", ["build", "--select", "indicators"], progress, edition)
    return path


def write_docs(path: Path) -> None:
    """dbt's own documentation of the models (columns, tests, lineage, SQL) as one HTML file that needs no network.

    Raises `UserError` when nothing is built.
    """
    if not warehouse_path().exists():
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    with ledger.writer_lock():
        run_dbt("duckdb", ["docs", "generate", "--static"], lambda _: None)
    shutil.copyfile(_target_path("duckdb") / "static_index.html", path)


def compiled_sql(target: str, folder: str, model: str) -> str:
    """The SQL of a model as the last run compiled it."""
    return (_target_path(target) / "compiled" / "fengqiao" / "models" / folder / f"{model}.sql").read_text(
        encoding="utf-8"
    )


def manifest_path() -> Path:
    """dbt's manifest; parsed when it is missing or older than the project."""
    path = _target_path("duckdb") / "manifest.json"
    newest = max(p.stat().st_mtime for p in DBT_PROJECT.rglob("*") if p.suffix in (".sql", ".yml", ".md"))
    if not path.exists() or path.stat().st_mtime < newest:
        run_dbt("duckdb", ["parse"], lambda _: None)
    return path


def run_dbt(target: str, arguments: list[str], progress: Progress, edition: str = "internal") -> dict[str, str]:
    """Run dbt in this process; node id -> status. Raises `UserError` naming the first failing node, without data."""
    environment = {
        "FENGQIAO_WAREHOUSE": str(warehouse_path()),
        "FENGQIAO_EDITION_DATABASE": str(edition_path(edition)),
        "DO_NOT_TRACK": "1",
    }
    os.environ.update(environment)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    where = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target", target]
    where += ["--target-path", str(_target_path(target)), "--log-path", str(data_root() / "logs")]
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
    return (
        f"The build stops at {first.node.name}{rows}: {first.status}. {len(failing)} node(s) failed; nothing was released. "
        f"See {data_root() / 'logs' / 'dbt.log'}."
    )


def _refresh(request: dict[str, Any]) -> list[str]:
    return ["--full-refresh"] if request["is_full"] else []


def _target_path(target: str) -> Path:
    return data_root() / "warehouse" / "dbt" / target


@contextmanager
def _connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path))
    except duckdb.IOException:
        raise UserError(
            f"{path} is open elsewhere or cannot be written. Close what reads it; releases are for reading."
        ) from None
    try:
        yield connection
    finally:
        connection.close()


def _column(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query).fetchall()]


def _deliveries_until(as_of: str | None) -> list[Delivery]:
    deliveries = ledger.deliveries()
    if as_of is not None:
        try:
            instant = datetime.fromisoformat(as_of)
        except ValueError:
            raise UserError(f"{as_of} is not an instant. Write 2026-01-31 or 2026-01-31T18:00+08:00.") from None
        instant = instant if instant.tzinfo else instant.replace(tzinfo=ZoneInfo(TIME_ZONE))
        deliveries = [d for d in deliveries if datetime.fromisoformat(d.received_at) <= instant]
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
    calendar = _calendar(deliveries)
    for name, month in (("first_month", calendar[0]), ("last_month", calendar[-1])):
        request[name] = month
        request[f"previous_{name}"] = None if before is None else before.get(name)
    return request


def _watermark() -> dict[str, Any] | None:
    if not warehouse_path().exists():
        return None
    with _connected(warehouse_path()) as connection:
        if not _column(
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


def given_areas() -> tuple[Area, ...]:
    """Areas of the lists that intake was given by option."""
    return tuple(
        a for path in sorted((data_root() / "catalogue" / "areas").glob("*.csv")) for a in catalogue.load_areas(path)
    )


def _calendar(deliveries: Iterable[Delivery]) -> list[date]:
    """All months from the first to the last that anybody reported, in the tables that are counted.

    Population is none of them: its figures are published after the year they are of, and no work is reported by them.
    """
    counted = {measure.table for measure in catalogue.measures().values()} - {"population"}
    deliveries = [d for d in deliveries if d.table_name in counted]
    first = min((d.first_month for d in deliveries if d.first_month), default=None)
    last = max((d.last_month for d in deliveries if d.last_month), default=None)
    if first is None or last is None:
        raise UserError(
            "No row has been accepted yet: there is no month to count. See `fengqiao doctor` and the quarantine."
        )
    start, end = date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01")
    return pl.date_range(start, end, "1mo", eager=True).to_list()


def _write_lake(connection: duckdb.DuckDBPyConnection) -> None:
    """One view a lake table over its Parquet files, earlier ones with fewer columns among them; an empty typed one where
    nothing has come in."""
    connection.execute("create schema if not exists lake")
    for table in (*catalogue.tables(), "withdrawals"):
        empty = pl.DataFrame(schema=lake_schema(table))
        connection.register("empty_rows", empty.to_arrow())
        connection.execute(f"create or replace table lake.empty_{table} as select * from empty_rows")
        connection.unregister("empty_rows")
        folder = data_root() / "lake" / table
        rows = f"select * from lake.empty_{table}"
        if any(folder.glob("*/*.parquet")):
            parts = f"{str(folder).replace(chr(39), chr(39) * 2)}/*/*.parquet"
            rows += f" union all by name select * from read_parquet('{parts}', union_by_name = true)"
        connection.execute(f"create or replace view lake.{table} as {rows}")


def _write_catalogue(
    connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery], request: dict[str, Any]
) -> None:
    calendar = _calendar(deliveries)
    months = pl.DataFrame({"month": calendar}).with_columns(pl.col("month").dt.month_end().alias("month_end"))
    _write(connection, "catalogue", "months", months)
    _write(connection, "catalogue", "build_request", pl.DataFrame([request], schema=REQUEST))
    _write(connection, "catalogue", "ledger", _ledger_table(deliveries))
    _write(connection, "catalogue", "findings", _findings_table(deliveries, calendar))
    _write(connection, "catalogue", "delivered_coverage", _delivered_coverage(deliveries))
    _write(connection, "catalogue", "senders", pl.DataFrame([_sender(s) for s in catalogue.senders()], schema=SENDERS))
    _write(connection, "catalogue", "areas", area_table(given_areas()))
    periods = period_table(calendar)
    _write(connection, "catalogue", "periods", periods)
    _write(connection, "catalogue", "period_months", months_in(periods))
    alike = told_alike(deliveries)
    _write(
        connection, "catalogue", "told_alike", pl.DataFrame([*alike.items()], ["coverage", "standing"], orient="row")
    )
    _write(connection, "catalogue", "measures", measure_table(alike))
    lines = ["measure", "table_name", "item", "category", "breakdown", "measure_category", "sign"]
    _write(connection, "catalogue", "form_lines", pl.DataFrame(catalogue.form_lines(), schema=lines, orient="row"))
    _write(connection, "catalogue", "grid", grid_table())
    days = {"day": pl.Date, "working_day_number": pl.Int32}
    _write(connection, "catalogue", "working_days", pl.DataFrame(catalogue.working_days(), schema=days, orient="row"))
    _write(connection, "catalogue", "clocks", clock_table())


def clock_table() -> pl.DataFrame:
    """table_name, clock, days: the time limits of the present contracts."""
    clocks = [(t.table, clock.id, clock.days) for t in catalogue.tables().values() for clock in t.clocks]
    schema = {"table_name": pl.String, "clock": pl.String, "days": pl.Int32}
    return pl.DataFrame(clocks, schema=schema, orient="row")


def grid_table() -> pl.DataFrame:
    """area_level, period_kind, has_breakdowns: what is materialised; the rest is computed on request.

    Townships carry totals of months, quarters, half-years and years; all above carry cumulatives and breakdowns too.
    """
    kinds = ("month", "quarter", "half_year", "year", "year_to_date")
    pairs = [(level, kind) for level in LEVELS for kind in kinds if (level, kind) != ("township", "year_to_date")]
    rows = [(level, kind, level != "township") for level, kind in pairs]
    return pl.DataFrame(rows, schema=["area_level", "period_kind", "has_breakdowns"], orient="row")


REQUEST = {
    "sequence": pl.Int64,
    "previous_sequence": pl.Int64,
    "first_month": pl.Date,
    "last_month": pl.Date,
    "previous_first_month": pl.Date,
    "previous_last_month": pl.Date,
    "is_full": pl.Boolean,
    "reason": pl.String,
    "code_version": pl.String,
    "seeds_version": pl.String,
}
SENDERS = {
    "sender": pl.String,
    "table_name": pl.String,
    "area_code": pl.String,
    "name_zh": pl.String,
    "name_en": pl.String,
    "due_day": pl.Int64,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}


def _sender(sender: catalogue.Sender) -> dict[str, Any]:
    return {
        "sender": sender.sender,
        "table_name": sender.table,
        "area_code": sender.area_code,
        "name_zh": sender.name_zh,
        "name_en": sender.name_en,
        "due_day": sender.due_day,
        "valid_from": sender.valid_from,
        "valid_to": sender.valid_to,
    }


def _ledger_table(deliveries: list[Delivery]) -> pl.DataFrame:
    names = ("ledger_sequence", "sha256", "file", "sender", "contract", "contract_version", "table_name", "received_at")
    counts = ("read", "not_data", "accepted", "quarantined", "duplicate")
    rows = [{name: value for name, value in asdict(d).items() if name in names + counts} for d in deliveries]
    months = {
        name: [date.fromisoformat(f"{getattr(d, name)}-01") if getattr(d, name) else None for d in deliveries]
        for name in ("first_month", "last_month")
    }
    forms = [catalogue.tables()[d.table_name].kind == "form" for d in deliveries]
    return pl.DataFrame(rows).with_columns(
        *(pl.Series(name, values, pl.Date) for name, values in months.items()),
        pl.Series("received_on", [_received_on(d) for d in deliveries], pl.Date),
        pl.Series("is_form", forms, pl.Boolean),
    )


def _received_on(delivery: Delivery) -> date:
    return datetime.fromisoformat(delivery.received_at).astimezone(ZoneInfo(TIME_ZONE)).date()


def _write_accepted(connection: duckdb.DuckDBPyConnection, deliveries: Iterable[Delivery]) -> None:
    """`catalogue.accepted_rows`: how many rows a delivery brought of each month; of a form's rows also of which area."""
    connection.execute("create or replace table catalogue.accepted_rows (" + ACCEPTED_ROWS + ")")
    for table in sorted({delivery.table_name for delivery in deliveries}):
        contract = catalogue.tables()[table]
        is_form = contract.kind == "form"
        area, rows = ("area_code", "count(distinct row_number)") if is_form else ("null", "count(*)")
        connection.execute(
            f"""
            insert into catalogue.accepted_rows
            select rows.ledger_sequence, {area} as area_code, cast(date_trunc('month', rows.{contract.dated_by}) as date) as month,
                {rows}
            from lake.{table} as rows join catalogue.ledger as entries using (ledger_sequence)
            group by all
            """
        )


ACCEPTED_ROWS = "ledger_sequence bigint, area_code varchar, month date, accepted bigint"


def _findings_table(deliveries: list[Delivery], calendar: list[date]) -> pl.DataFrame:
    """ledger_sequence, month, quarantined, warned (rows) and inconsistencies (failing checks that rows fail together).

    A row counts as refused as long as it is; of rows that were read again, what they broke before is gone. Without a
    month that can be, a row counts in the delivery's last month; where the delivery has none, in the month before it came.
    Raises `UserError` when the quarantine cannot be read.
    """
    read_again = {d.retry_of for d in deliveries}
    of_delivery = pl.DataFrame(
        [
            (d.folder, d.ledger_sequence, _last_month_of(d), d.ledger_sequence in read_again)
            for d in deliveries
            if d.folder
        ],
        schema={"folder": pl.String, "ledger_sequence": pl.Int64, "last_month": pl.Date, "is_read_again": pl.Boolean},
        orient="row",
    )
    severity, reason = pl.col("severity"), pl.col("reason")
    rows = (
        all_findings()
        .join(of_delivery.lazy(), on="folder")
        .group_by("ledger_sequence", "last_month", "is_read_again", "sheet", "row_number", "month")
        .agg(
            (severity == "refuse").any().alias("quarantined"),
            (severity == "warn").all().alias("warned"),
            reason.is_in(catalogue.consistency_reasons()).sum().cast(pl.Int64).alias("inconsistencies"),
        )
        .filter(~(pl.col("quarantined") & pl.col("is_read_again")))
        .with_columns(pl.when(pl.col("month").is_in(calendar)).then("month").otherwise("last_month").alias("month"))
    )
    counts = pl.col("quarantined", "warned", "inconsistencies").sum().cast(pl.Int64)
    try:
        return rows.group_by("ledger_sequence", "month").agg(counts).sort("ledger_sequence", "month").collect()
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"{data_root() / 'quarantine'} cannot be read. Restore it from a backup.") from None


def _last_month_of(delivery: Delivery) -> date:
    if delivery.last_month is not None:
        return date.fromisoformat(f"{delivery.last_month}-01")
    return (_received_on(delivery).replace(day=1) - timedelta(days=1)).replace(day=1)


def coverage_of(table: str, needs: Iterable[str]) -> str:
    """Id of what a measure needs to have been delivered: a table, or a table with certain columns."""
    columns = sorted(set(needs))
    return f"{table}:{'+'.join(columns)}" if columns else table


def _needs(names: Iterable[str]) -> tuple[str, set[str]]:
    used = [catalogue.measures()[name] for name in names]
    return used[0].table, {column for measure in used for column in measure.needs}


def _coverages() -> dict[str, tuple[str, set[str]]]:
    """Coverage id -> table and needed columns, for all measures and cards."""
    groups = [_needs([name]) for name in catalogue.measures()]
    groups += [group for card in catalogue.cards().values() for group in _card_needs(card)]
    return {coverage_of(table, needs): (table, needs) for table, needs in groups}


def _card_needs(card: Card) -> list[tuple[str, set[str]]]:
    """What a card needs to have been delivered: its numerator's table, and its denominator's where that is another."""
    table = catalogue.measures()[card.numerator].table
    own = [name for name in card.measures if catalogue.measures()[name].table == table]
    return [_needs(own), *([_needs(other)] if (other := [n for n in card.measures if n not in own]) else [])]


def told_alike(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Coverage id -> the one that stands for it: of all that the very same deliveries feed, the one that needs least.

    What is reported is laid out by area and period once for each, and most columns come with their table.
    """
    fed = _fed_by(deliveries)
    standing: dict[tuple[str, tuple[int, ...]], str] = {}
    for coverage, (table, _) in sorted(_coverages().items(), key=lambda item: (len(item[1][1]), item[0])):
        standing.setdefault((table, fed[coverage]), coverage)
    return {coverage: standing[table, fed[coverage]] for coverage, (table, _) in _coverages().items()}


def _fed_by(deliveries: Iterable[Delivery]) -> dict[str, tuple[int, ...]]:
    """Coverage id -> ledger sequences of the deliveries that carry what it needs."""
    columns = [(d.ledger_sequence, d.table_name, set(d.columns)) for d in deliveries]
    return {
        coverage: tuple(sequence for sequence, name, held in columns if name == table and needs <= held)
        for coverage, (table, needs) in _coverages().items()
    }


def _delivered_coverage(deliveries: list[Delivery]) -> pl.DataFrame:
    fed, standing = _fed_by(deliveries), sorted(set(told_alike(deliveries).values()))
    pairs = [(sequence, coverage) for coverage in standing for sequence in fed[coverage]]
    return pl.DataFrame(pairs, schema={"ledger_sequence": pl.Int64, "coverage": pl.String}, orient="row")


def area_table(extra: Iterable[Area] = ()) -> pl.DataFrame:
    """Published areas, each with the area at which its cases without a smaller area are counted; missing ones are added.

    Columns: area_code, name_zh, name_en, level, parent_code (null at the top), is_not_assigned, not_assigned_code.
    """
    published = catalogue.published_areas(extra)
    rows = {area.area_code: _area_row(area) for area in published}
    below = {"province": "city", "city": "district", "district": "township"}
    townships = {area.parent_code for area in published if area.level == "township"}
    for area in published:
        code = f"{area.area_code[:6]}{catalogue.NOT_ASSIGNED}"
        if area.level in below and not rows[area.area_code]["is_not_assigned"] and code not in rows:
            level = "township" if area.area_code in townships else below[area.level]
            names = {"name_zh": "未落实到下级区划", "name_en": "Not assigned"}
            rows[code] = {
                "area_code": code,
                **names,
                "level": level,
                "parent_code": area.area_code,
                "is_not_assigned": True,
            }
    table = [{**row, "not_assigned_code": f"{row['area_code'][:6]}{catalogue.NOT_ASSIGNED}"} for row in rows.values()]
    return pl.DataFrame(table).sort("area_code")


def _area_row(area: Area) -> dict[str, Any]:
    named = {"area_code": area.area_code, "name_zh": area.name_zh, "name_en": area.name_en, "level": area.level}
    not_assigned = area.area_code.endswith(catalogue.NOT_ASSIGNED)
    return {**named, "parent_code": area.parent_code or None, "is_not_assigned": not_assigned}


def measure_table(alike: Mapping[str, str]) -> pl.DataFrame:
    """measure, over_time, lowest_level, system, table_name, coverage (the one that stands for it), unit, labels."""
    return pl.DataFrame([_measure_row(measure, alike) for measure in catalogue.measures().values()])


def _measure_row(measure: Measure, alike: Mapping[str, str]) -> dict[str, str]:
    return {
        "measure": measure.id,
        "label_zh": measure.label.zh,
        "label_en": measure.label.en,
        "unit": measure.unit,
        "over_time": measure.over_time,
        "lowest_level": measure.lowest_level,
        "system": measure.system,
        "table_name": measure.table,
        "coverage": alike[coverage_of(measure.table, measure.needs)],
    }


def card_table(cutoff: date, alike: Mapping[str, str]) -> pl.DataFrame:
    """One row a card: indicator, its words and parts, and of its measures over_time, lowest_level and coverage.

    `is_proportion`: what is counted above the line is among what is counted below it, so that the figure lies between
    none and all: a share or percentage of the same things, on the same date and over the same time.
    `mature_until`: periods that end later than this day are provisional, because at the data's `cutoff` their cases have
    not had the days of the card's `matures_after`; null where a card has none.
    """
    rows = [_card_row(card, cutoff, alike) for card in catalogue.cards().values()]
    texts = dict.fromkeys(("denominator", "denominator_with", "censored", "void_where", "other_coverage"), pl.String)
    return pl.DataFrame(rows, schema_overrides={**texts, "quantile": pl.Float64, "mature_until": pl.Date})


def _card_row(card: Card, cutoff: date, alike: Mapping[str, str]) -> dict[str, Any]:
    measure = catalogue.measures()[card.numerator]
    coverages = [alike[coverage_of(*needs)] for needs in _card_needs(card)]
    return {
        "indicator": card.id,
        "label_zh": card.label.zh,
        "label_en": card.label.en,
        "system": card.system,
        "kind": card.kind,
        "numerator": card.numerator,
        "denominator": card.denominator,
        "denominator_with": card.denominator_with,
        "is_average_denominator": bool(card.denominator)
        and catalogue.measures()[str(card.denominator)].over_time == "mean",
        "censored": card.censored,
        "void_where": card.void_where,
        "quantile": card.quantile,
        "unit": card.unit,
        "scale": float(catalogue.units()[card.unit]["scale"]),
        "is_proportion": card.unit == "percent" and _is_counted_alike(card),
        "decimals": card.decimals,
        "better": card.better,
        "over_time": measure.over_time,
        "lowest_level": card.lowest_level or measure.lowest_level,
        "finest_period": card.finest_period,
        "is_zero_line": card.is_zero_line,
        "coverage": coverages[0],
        "other_coverage": coverages[1] if len(coverages) > 1 else None,
        "mature_until": None if card.matures_after is None else cutoff - timedelta(days=card.matures_after),
    }


def _is_counted_alike(card: Card) -> bool:
    """Whether numerator and denominator count (sums of money are no counts) the same things in the same way."""
    parts = [card.numerator, card.denominator, card.denominator_with]
    used = [catalogue.measures()[name] for name in parts if name]
    is_money = float(catalogue.units()[used[0].unit]["scale"]) != 1
    return not is_money and len({(m.table, m.unit, m.date, m.over_time) for m in used}) == 1


def card_breakdown_table() -> pl.DataFrame:
    """indicator, breakdown: the total of every card but a share, and its breakdowns."""
    pairs = [
        (card.id, breakdown)
        for card in catalogue.cards().values()
        for breakdown in (*(() if card.kind == "share" else ("total",)), *card.breakdowns)
    ]
    return pl.DataFrame(pairs, schema=["indicator", "breakdown"], orient="row")


def category_table() -> pl.DataFrame:
    """breakdown, category, label_zh, label_en, sort, is_dense: every code of every breakdown, the total, and not stated."""
    used = sorted({breakdown for measure in catalogue.measures().values() for breakdown in measure.breakdowns})
    rows: list[tuple[str, str, str, str, int, bool]] = [("total", "total", "合计", "Total", 0, True)]
    for breakdown in used:
        codes = catalogue.code_lists()[breakdown]
        rows += [(breakdown, code.code, code.label_zh, code.label_en, code.sort, True) for code in codes]
        rows.append((breakdown, "not_stated", "未填", "Not stated", 999, False))
    names = ["breakdown", "category", "label_zh", "label_en", "sort", "is_dense"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _write_edition(connection: duckdb.DuckDBPyConnection) -> None:
    """The source tables of the internal edition: exact measures, and the words they are joined to."""
    connection.execute(f"attach '{str(warehouse_path()).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
    connection.execute("create schema inputs")
    copies = {"measures": "measures.measures_by_period", "coverage": "measures.coverage", "areas": "catalogue.areas"}
    copies |= {"grid": "catalogue.grid", "periods": "catalogue.periods"}
    for name, origin in copies.items():
        connection.execute(f"create table inputs.{name} as select * from warehouse.{origin}")
    cutoff = _column(connection, "select last_day(last_month) from warehouse.catalogue.build_request")[0]
    alike = dict(connection.execute("select coverage, standing from warehouse.catalogue.told_alike").fetchall())
    connection.execute("detach warehouse")
    _write(connection, "inputs", "cards", card_table(cutoff, alike))
    _write(connection, "inputs", "card_breakdowns", card_breakdown_table())
    _write(connection, "inputs", "categories", category_table())
    _write(connection, "inputs", "breaks", break_table())
    _write(connection, "inputs", "targets", target_table())


def break_table() -> pl.DataFrame:
    """indicator or area_code (the other is null), month: the first month after which figures are not compared with those
    before it."""
    of_cards = [(card.id, None, month_start(month)) for card in catalogue.cards().values() for month in card.breaks]
    of_areas = [(None, change.area_code, change.month) for change in catalogue.area_changes()]
    schema = {"indicator": pl.String, "area_code": pl.String, "month": pl.Date}
    return pl.DataFrame([*of_cards, *of_areas], schema=schema, orient="row")


def target_table() -> pl.DataFrame:
    """indicator, area_code, year, target (in the card's unit), direction (at_least or at_most), source."""
    rows = [target.model_dump() for target in catalogue.targets()]
    schema = {"indicator": pl.String, "area_code": pl.String, "year": pl.Int64, "target": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, "direction": pl.String, "source": pl.String})


def _write(connection: duckdb.DuckDBPyConnection, schema: str, table: str, rows: pl.DataFrame) -> None:
    connection.execute(f"create schema if not exists {schema}")
    connection.register("written_rows", rows.to_arrow())
    connection.execute(f"create or replace table {schema}.{table} as select * from written_rows")
    connection.unregister("written_rows")
