"""What the models read beside each other: the lake as views, and the ledger and the declarations as tables."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipelines import catalogue
from pipelines.catalogue import Area, Correction, Measure, RowCorrection
from pipelines.intake.lake import all_findings, lake_schema
from pipelines.intake.ledger import Delivery
from pipelines.intake.quarantine import reason_words
from pipelines.periods import months_in, period_table
from pipelines.settings import TIME_ZONE, UserError, data_root
from pipelines.warehouse.coverage import coverage_of, delivered_coverage, told_alike
from pipelines.warehouse.running import column, write


def given_areas() -> tuple[Area, ...]:
    """Areas of the lists that intake was given by option."""
    return tuple(
        a for path in sorted((data_root() / "catalogue" / "areas").glob("*.csv")) for a in catalogue.load_areas(path)
    )


def months_reported(deliveries: Iterable[Delivery]) -> list[date]:
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


def write_lake(connection: duckdb.DuckDBPyConnection) -> None:
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


def write_catalogue(connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery], request: dict[str, Any]) -> None:
    calendar = months_reported(deliveries)
    months = pl.DataFrame({"month": calendar}).with_columns(pl.col("month").dt.month_end().alias("month_end"))
    write(connection, "catalogue", "months", months)
    write(connection, "catalogue", "build_request", pl.DataFrame([request], schema=REQUEST))
    write(connection, "catalogue", "ledger", _ledger_table(deliveries))
    standing = _standing_findings(deliveries, calendar)
    write(connection, "catalogue", "findings", _findings_table(standing))
    write(connection, "catalogue", "finding_reasons", _reasons_table(standing))
    write(connection, "catalogue", "delivered_coverage", delivered_coverage(deliveries))
    write(connection, "catalogue", "senders", pl.DataFrame([_sender(s) for s in catalogue.senders()], schema=SENDERS))
    write(connection, "catalogue", "areas", area_table(given_areas()))
    periods = period_table(calendar)
    write(connection, "catalogue", "periods", periods)
    write(connection, "catalogue", "period_months", months_in(periods))
    alike = told_alike(deliveries)
    write(connection, "catalogue", "told_alike", pl.DataFrame([*alike.items()], ["coverage", "standing"], orient="row"))
    write(connection, "catalogue", "measures", measure_table(alike))
    lines = ["measure", "table_name", "item", "category", "breakdown", "measure_category", "sign"]
    write(connection, "catalogue", "form_lines", pl.DataFrame(catalogue.form_lines(), schema=lines, orient="row"))
    write(connection, "catalogue", "grid", grid_table())
    write(connection, "catalogue", "corrections", correction_table())
    days = {"day": pl.Date, "working_day_number": pl.Int32}
    write(connection, "catalogue", "working_days", pl.DataFrame(catalogue.working_days(), schema=days, orient="row"))
    write(connection, "catalogue", "clocks", clock_table())


def clock_table() -> pl.DataFrame:
    """table_name, clock, days: the time limits of the present contracts."""
    clocks = [(t.table, clock.id, clock.days) for t in catalogue.tables().values() for clock in t.clocks]
    schema = {"table_name": pl.String, "clock": pl.String, "days": pl.Int32}
    return pl.DataFrame(clocks, schema=schema, orient="row")


def correction_table() -> pl.DataFrame:
    """correction, table_name, sender, area_code, month, item, category, expected, action, value: the entries of the
    register that stand, a row for each value that an entry expects of its source."""
    schema = {
        "correction": pl.String,
        "table_name": pl.String,
        **{"sender": pl.String, "area_code": pl.String, "month": pl.Date, "item": pl.String, "category": pl.String},
        **{"expected": pl.Int64, "action": pl.String, "value": pl.Int64},
    }
    rows = [
        {"correction": entry.id, "table_name": entry.table, **entry.match.model_dump()}
        | {"expected": expected, "action": entry.action, "value": entry.value}
        for entry in catalogue.corrections().values()
        if isinstance(entry, Correction) and entry.is_standing
        for expected in entry.expect
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def write_row_corrections(connection: duckdb.DuckDBPyConnection) -> None:
    """`catalogue.row_corrections`: correction, table_name, case_key (null where no delivery of the build has the row),
    column_name, data_type, expected, value (both as texts): the entries of the register that stand on columns of cases, a
    row for each value that an entry expects.

    Raises `UserError` where the row that an entry names is not one, or two entries correct the same of a case.
    """
    connection.execute(f"create or replace table catalogue.row_corrections ({ROW_CORRECTIONS})")
    correcting: dict[tuple[str, bytes, str], str] = {}
    for entry in catalogue.corrections().values():
        if not isinstance(entry, RowCorrection) or not entry.is_standing:
            continue
        case = _case_of(connection, entry)
        other = correcting.setdefault((entry.table, case, entry.match.column), entry.id) if case else entry.id
        if other != entry.id:
            raise UserError(
                f"Corrections {other} and {entry.id} correct the same column of one case; keep one of them."
            )
        texts = (entry.as_text(expected) for expected in entry.expect)
        said = (entry.id, entry.table, case, entry.match.column, entry.data_type)
        rows = [(*said, text, entry.as_text(entry.value)) for text in texts]
        connection.executemany("insert into catalogue.row_corrections values (?, ?, ?, ?, ?, ?, ?)", rows)


ROW_CORRECTIONS = (
    "correction varchar, table_name varchar, case_key blob, column_name varchar, data_type varchar, expected varchar, "
    "value varchar"
)


def _case_of(connection: duckdb.DuckDBPyConnection, entry: RowCorrection) -> bytes | None:
    """The case that a row of a received file is of; None where no delivery of this build has it."""
    match = entry.match
    cases = column(
        connection,
        f"""
        select distinct versions.case_key
        from lake.{entry.table} as versions
        inner join catalogue.ledger using (ledger_sequence)
        where versions.row_number = {match.row} and versions.sender = ? and starts_with(ledger.sha256, ?)
        """,
        [match.sender, match.file],
    )
    if len(cases) > 1:
        raise UserError(
            f"Correction {entry.id} names row {match.row} of a file of {len(cases)} cases with that number: name the case by "
            "another file that it came in."
        )
    return cases[0] if cases else None


def grid_table() -> pl.DataFrame:
    """area_level, period_kind, has_breakdowns: what the plan says the internal edition holds; the rest is computed on request."""
    grid = catalogue.publication_plan().internal_grid
    rows = [(level, kind, kind in held.breakdown_periods) for level, held in grid.items() for kind in held.periods]
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
    "months_each": pl.Int64,
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
        "months_each": catalogue.tables()[sender.table].months_each,
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


def write_changes(connection: duckdb.DuckDBPyConnection, deliveries: Iterable[Delivery], *, is_full: bool) -> list[str]:
    """What deliveries since the build before have brought: `catalogue.changed_cases`, all versions of these cases as
    `lake.changed_<table>` (so that the lake is searched for them once), and, added to those known, `catalogue.accepted_rows`;
    and what had been reported until then, to be compared with what is now.

    A full build compares with nothing and changes everything: it gets the rows of all deliveries and no changed case. Returns
    the lake tables that have changed cases, in order.
    """
    deliveries = list(deliveries)
    _write_accepted(connection, deliveries, anew=is_full)
    for name, columns in BEFORE.items():
        if is_full:
            connection.execute(f"create or replace table catalogue.{name}_before ({columns})")
        else:
            connection.execute(f"create or replace table catalogue.{name}_before as select * from core.{name}")
    connection.execute(f"create or replace table catalogue.changed_cases ({CHANGED_CASES})")
    if not is_full:
        _write_changed_cases(connection, deliveries)
    changed = column(connection, "select distinct table_name from catalogue.changed_cases order by 1")
    for table in catalogue.tables():
        versions = f"lake.{table}" if table in changed else f"lake.empty_{table}"
        connection.execute(
            f"""
            create or replace table lake.changed_{table} as
            select * from {versions}
            where case_key in (select case_key from catalogue.changed_cases where table_name = '{table}')
                {_and_by_number(connection, table)}
            """
        )
    return changed


def _and_by_number(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Half the work of a search by keys: all versions of a case have its number, which is read sooner. Of a case that is only
    withdrawn no number is known."""
    of_table = f"from catalogue.changed_cases where table_name = '{table}'"
    if column(connection, f"select 1 {of_table} and cell_number is null limit 1"):
        return ""
    return f"and cell_number in (select cell_number {of_table})"


def _write_changed_cases(connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery]) -> None:
    for table, parts in _parts(deliveries).items():
        connection.execute(
            f"insert into catalogue.changed_cases select distinct '{table}', case_key, cell_number from read_parquet(?)",
            [parts],
        )
    sequences = [delivery.ledger_sequence for delivery in deliveries]
    connection.execute(
        """
        insert into catalogue.changed_cases
        select distinct table_name, case_key, null from lake.withdrawals
        where list_contains(?, ledger_sequence)
            and (table_name, case_key) not in (select (table_name, case_key) from catalogue.changed_cases)
        """,
        [sequences],
    )


CHANGED_CASES = "table_name varchar, case_key blob, cell_number bigint"
BEFORE = {
    "reporting": "coverage varchar, area_code varchar, month date",
    "reported_until": "coverage varchar, area_code varchar, last_month date",
}


def _parts(deliveries: Iterable[Delivery]) -> dict[str, list[str]]:
    """Lake table -> the files that these deliveries brought into it."""
    found: dict[str, list[str]] = {}
    for delivery in deliveries:
        if delivery.folder is not None:
            folder = data_root() / "lake" / delivery.table_name / delivery.folder
            found.setdefault(delivery.table_name, []).extend(str(part) for part in sorted(folder.glob("*.parquet")))
    return found


def _write_accepted(connection: duckdb.DuckDBPyConnection, deliveries: Iterable[Delivery], *, anew: bool) -> None:
    """`catalogue.accepted_rows`: how many rows a delivery brought of each month; of a form's rows also of which area."""
    if anew:
        connection.execute("create or replace table catalogue.accepted_rows (" + ACCEPTED_ROWS + ")")
    for table, parts in _parts(deliveries).items():
        contract = catalogue.tables()[table]
        is_form = contract.kind == "form"
        area, rows = ("area_code", "count(distinct row_number)") if is_form else ("null", "count(*)")
        connection.execute(
            f"""
            insert into catalogue.accepted_rows
            select ledger_sequence, {area} as area_code, cast(date_trunc('month', {contract.dated_by}) as date) as month, {rows}
            from (from lake.empty_{table} union all by name from read_parquet(?, union_by_name = true))
            group by all
            """,
            [parts],
        )


ROW_OF_A_FINDING = ("ledger_sequence", "sheet", "row_number")
ACCEPTED_ROWS = "ledger_sequence bigint, area_code varchar, month date, accepted bigint"


def _standing_findings(deliveries: list[Delivery], calendar: list[date]) -> pl.DataFrame:
    """The failing checks that still count: ledger_sequence, contract, month, sheet, row_number, severity, reason.

    A row counts as refused as long as it is; of rows that were read again, what they broke before is gone. Without a
    month that can be, a row counts in the delivery's last month; where the delivery has none, in the month before it came.
    Raises `UserError` when the quarantine cannot be read.
    """
    read_again = {d.retry_of for d in deliveries}
    of_delivery = pl.DataFrame(
        [
            (d.folder, d.ledger_sequence, d.contract, _last_month_of(d), d.ledger_sequence in read_again)
            for d in deliveries
            if d.folder
        ],
        schema={
            "folder": pl.String,
            "ledger_sequence": pl.Int64,
            "contract": pl.String,
            "last_month": pl.Date,
            "is_read_again": pl.Boolean,
        },
        orient="row",
    )
    is_refused = (pl.col("severity") == "refuse").any().over(*ROW_OF_A_FINDING)
    month = pl.when(pl.col("month").is_in(calendar)).then("month").otherwise("last_month").alias("month")
    standing = (
        all_findings()
        .join(of_delivery.lazy(), on="folder")
        .filter(~(pl.col("is_read_again") & is_refused))
        .select(*ROW_OF_A_FINDING[:1], "contract", month, *ROW_OF_A_FINDING[1:], "severity", "reason")
    )
    try:
        return standing.collect()
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"{data_root() / 'quarantine'} cannot be read. Restore it from a backup.") from None


def _findings_table(standing: pl.DataFrame) -> pl.DataFrame:
    """ledger_sequence, month, quarantined, warned (rows) and inconsistencies (failing checks that rows fail together)."""
    severity, reason = pl.col("severity"), pl.col("reason")
    rows = standing.group_by(*ROW_OF_A_FINDING, "month").agg(
        (severity == "refuse").any().alias("quarantined"),
        (severity == "warn").all().alias("warned"),
        reason.is_in(catalogue.consistency_reasons()).sum().cast(pl.Int64).alias("inconsistencies"),
    )
    counts = pl.col("quarantined", "warned", "inconsistencies").sum().cast(pl.Int64)
    return rows.group_by("ledger_sequence", "month").agg(counts).sort("ledger_sequence", "month")


def _reasons_table(standing: pl.DataFrame) -> pl.DataFrame:
    """ledger_sequence, month, severity, reason, its words in both languages, failing_rows: each row once a reason."""
    key = ["ledger_sequence", "contract", "month", "severity", "reason"]
    rows = standing.unique([*ROW_OF_A_FINDING, *key]).group_by(key).agg(pl.len().cast(pl.Int64).alias("failing_rows"))
    known = standing.select("contract", "reason").unique().sort("contract", "reason")
    words = [reason_words(catalogue.contracts().get(contract), reason) for contract, reason in known.iter_rows()]
    said = known.with_columns(
        pl.Series("reason_zh", [one.zh for one in words], pl.String),
        pl.Series("reason_en", [one.en for one in words], pl.String),
    )
    return rows.join(said, on=["contract", "reason"]).drop("contract").sort("ledger_sequence", "month", "reason")


def _last_month_of(delivery: Delivery) -> date:
    if delivery.last_month is not None:
        return date.fromisoformat(f"{delivery.last_month}-01")
    return (_received_on(delivery).replace(day=1) - timedelta(days=1)).replace(day=1)


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
