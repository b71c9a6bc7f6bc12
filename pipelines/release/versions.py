"""What cases counted in at an earlier ledger sequence and count in now: the difference between two books, case by case.

The SQL that counts is the warehouse's own, as its last build compiled it; only the lake before it is cut down to the
cases that moved, and to their versions up to a sequence.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines import catalogue, warehouse

# Table of cases or form, and the models that lead from its staged rows to the measures it counts in.
COUNTED_BY: dict[str, tuple[str, ...]] = {
    "mediation_cases": ("fct_mediation_cases", "events_mediation"),
    "dispute_screenings": ("fct_dispute_screenings", "events_screening", "events_screening_mechanisms"),
    "petition_matters": ("fct_petition_matters", "events_petition"),
    "reconsideration_cases": ("fct_reconsideration_cases", "events_reconsideration"),
    "service_activities": ("fct_service_activities", "events_service"),
}
FORMS = ("mediation_monthly", "screening_monthly", "correction_monthly", "resettlement_monthly", "petition_monthly")
FORMS_COUNTED_BY = ("fct_form_months", "events_forms")
# Counts that stand until a newer one comes: what moved is said of the whole table, not case by case.
STANDING = ("organisations", "population")
CASE_COLUMNS = {"case_key", "cell_number", "area_code", "month", "measure", "bucket", "value"}
DECLARED = ("ledger", "clocks", "working_days", "months", "form_lines", "measures", "corrections")


@contextmanager
def opened() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse of the last build as `live` (read-only), with an empty database `warehouse` beside it."""
    with warehouse.in_memory() as connection:
        connection.execute(f"attach '{_quoted(warehouse.warehouse_path())}' as live (read_only)")
        connection.execute("attach ':memory:' as warehouse")
        for schema in ("lake", "catalogue", "staging", "core", "measures"):
            connection.execute(f"create schema warehouse.{schema}")
        for table in DECLARED:
            connection.execute(f"create view warehouse.catalogue.{table} as select * from live.catalogue.{table}")
        connection.execute("create view warehouse.core.dim_areas as select * from live.core.dim_areas")
        connection.execute(
            "create table warehouse.catalogue.build_request as select * from live.catalogue.build_request"
        )
        yield connection


def moved_since(connection: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """`moved` for `write_differences`: every case of which anything came in after a ledger sequence, up to the build's."""
    selects = [
        f"""
        select '{table}' as table_name, case_key, case_key as book_key, cast(null as date) as book_month, {sequence} as until
        from (
            select case_key, ledger_sequence from live.lake.{table}
            union all
            select gone.case_key, gone.ledger_sequence
            from live.lake.withdrawals as gone semi join live.lake.{table} using (case_key)
        )
        where ledger_sequence > {sequence} and ledger_sequence <= (select sequence from live.catalogue.build_request)
        group by case_key
        """
        for table in (*COUNTED_BY, *FORMS)
    ]
    connection.execute(f"create or replace temp table moved as {' union all '.join(selects)}")


def write_differences(connection: duckdb.DuckDBPyConnection, totals_of: Collection[str] = ()) -> None:
    """`differences`: what moved cases add to or take from measures, against what they counted in at their sequence `until`;
    of the measures named the totals only, of none all measures and categories.

    Columns: table_name, area_code (leaf), month, measure, breakdown, category, cause (late_rows, correction, withdrawal), delta.
    Needs a temporary table `moved`: table_name, case_key, book_key (the case, once for each of its rows here), book_month
    (only what counts in this month matters; null for all months), until.
    """
    for book, until in (("before", "moved.until"), ("now", "(select sequence from live.catalogue.build_request)")):
        _count(connection, book, until, totals_of)
    heard = " union all ".join(
        f"select case_key, min(ledger_sequence) as first_sequence from live.lake.{table} semi join moved using (case_key) group by case_key"
        for table in (*COUNTED_BY, *FORMS)
    )
    connection.execute(
        f"""
        create or replace temp table differences as
        with heard as ({heard}),

        counted as (
            select * from counted_now union all
            select * replace (-value as value) from counted_before
        ),

        changed as (
            select book_key, area_code, month, measure, breakdown, category, bucket, sum(value) as delta
            from counted group by all having sum(value) <> 0
        )

        select
            moved.table_name, changed.area_code, changed.month, changed.measure, changed.breakdown, changed.category,
            case
                when heard.first_sequence > moved.until then 'late_rows'
                when standing.case_key is null then 'withdrawal'
                else 'correction'
            end as cause,
            cast(sum(changed.delta) as bigint) as delta
        from changed
        join moved using (book_key)
        join heard on moved.case_key = heard.case_key
        left join (select distinct case_key from standing_now) as standing on changed.book_key = standing.case_key
        where moved.book_month is null or moved.book_month = changed.month
        group by all
        """
    )


def _count(connection: duckdb.DuckDBPyConnection, book: str, until: str, totals_of: Collection[str]) -> None:
    """`counted_<book>` (book_key, area_code, month, measure, breakdown, category, bucket, value) and `standing_<book>`:
    the moved cases by the measures they count in, and those that stand, with what had come in up to a sequence."""
    tables = (*COUNTED_BY, *FORMS)
    for table in (*tables, "withdrawals"):
        connection.execute(
            f"""
            create or replace table warehouse.lake.{table} as
            select versions.* replace (moved.book_key as case_key)
            from live.lake.{table} as versions join moved on versions.case_key = moved.case_key
            where versions.ledger_sequence <= {until}
            """
        )
    connection.execute(
        """
        create or replace table warehouse.catalogue.row_corrections as
        select entries.* replace (moved.book_key as case_key)
        from live.catalogue.row_corrections as entries join moved on entries.case_key = moved.case_key
        """
    )
    events = []
    for table in tables:
        _make(connection, "staging", f"stg_{table}")
    for models in (*COUNTED_BY.values(), FORMS_COUNTED_BY):
        _make(connection, "core", models[0])
        for model in models[1:]:
            _make(connection, "measures", model, kind="view")
            events += _long(connection, model)
    named = ", ".join(f"'{measure}'" for measure in sorted(totals_of))
    only = f"where breakdown = 'total' and measure in ({named})" if totals_of else ""
    connection.execute(
        f"create or replace temp table counted_{book} as select * from ({' union all '.join(events)}) {only}"
    )
    standing = " union all ".join(f"select case_key from warehouse.staging.stg_{table}" for table in tables)
    connection.execute(f"create or replace temp table standing_{book} as {standing}")


def _make(connection: duckdb.DuckDBPyConnection, room: str, model: str, kind: str = "table") -> None:
    """A model of the warehouse here. As a view, of which only what is asked for is counted, or as a table."""
    sql = warehouse.compiled_sql("duckdb", room, model)
    connection.execute(f"create or replace {kind} warehouse.{room}.{model} as {sql}")


def _long(connection: duckdb.DuckDBPyConnection, model: str) -> Iterator[str]:
    """One select for the total of an events model and one for each of its breakdowns."""
    described = connection.execute(f"describe warehouse.measures.{model}").fetchall()
    breakdowns = [name for name, *_ in described if name not in CASE_COLUMNS]
    columns = "case_key as book_key, area_code, month, measure"
    if "breakdown" in breakdowns:
        yield f"select {columns}, breakdown, category, cast(null as integer) as bucket, value from warehouse.measures.{model}"
        return
    yield f"select {columns}, 'total' as breakdown, 'total' as category, bucket, value from warehouse.measures.{model}"
    for breakdown in breakdowns:
        yield (
            f"select {columns}, '{breakdown}' as breakdown, coalesce({breakdown}, 'not_stated') as category, bucket, value "
            f"from warehouse.measures.{model}"
        )


def is_form(table: str) -> bool:
    return catalogue.tables()[table].kind == "form"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
