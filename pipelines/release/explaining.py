"""Where a figure comes from: the files and rows that were counted, read from the warehouse of the last build."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines import catalogue
from pipelines.catalogue import Measure
from pipelines.settings import UserError
from pipelines.warehouse import warehouse_path


@dataclass(frozen=True)
class Contribution:
    """What one received file adds to a measure: `rows` of it were counted and add up to `value`.

    `row_numbers`: their lines (rows of the sheet, for workbooks) in the file, ascending.
    """

    file: str
    sha256: str
    sender: str
    received_at: str
    ledger_sequence: int
    rows: int
    value: int
    row_numbers: tuple[int, ...]


def built_sequence() -> int:
    """The ledger sequence up to which the warehouse is built. Raises `UserError` when nothing is, or a build is running."""
    with _opened(warehouse_path()) as connection:
        found = connection.execute("select sequence from catalogue.watermark").fetchone()
    return int(found[0]) if found else 0


def is_counted_from_files(measure: Measure) -> bool:
    """Whether a measure is made of rows handed in, and not of the list of areas. Raises `UserError` as `built_sequence`."""
    query = f"select count(*) from measures.{_events_of(measure)} where measure = ? and case_key is null"
    with _opened(warehouse_path()) as connection:
        found = connection.execute(query, [measure.id]).fetchone()
    return found is None or found[0] == 0


def contributions(measure: Measure, area: str, months: tuple[date, date]) -> list[Contribution]:
    """The files that were counted into a measure for an area (12 digits, any level) and a span of months, by sequence.

    Of a stock only the month counts at which it stands: the last, or the first. Raises `UserError` as `built_sequence`.
    """
    standing = {"last": (months[1], months[1]), "first": (months[0], months[0])}.get(measure.over_time, months)
    query = _QUERY.format(
        events=_events_of(measure),
        versions=_STANDING_COUNTS if measure.table == "organisations" else f"staging.stg_{measure.table}",
        total="and events.breakdown = 'total'" if _is_of_a_form(measure) else "",
    )
    with _opened(warehouse_path()) as connection:
        rows = connection.execute(
            query, {"measure": measure.id, "area": area, "first": standing[0], "last": standing[1]}
        ).fetchall()
    return [Contribution(*row[:-1], row_numbers=tuple(row[-1])) for row in rows]


def corrections_of(measure: Measure, area: str, months: tuple[date, date]) -> list[str]:
    """Ids of the applied entries of the corrections register that touch a measure of an area and months, in order.

    Of a form those of the measure's lines. Of cases those of a case that is counted, or that as it was sent, or as it is
    corrected, would be of the area and these months: what a correction takes out of a figure touches it too.
    """
    if measure.table not in catalogue.tables() or not any(
        entry.table == measure.table for entry in catalogue.corrections().values()
    ):
        return []
    query = _CORRECTED_LINES if _is_of_a_form(measure) else _CORRECTED_CASES
    since = months[0] if measure.over_time in ("sum", "first") else date.min
    query = query.format(table=measure.table, date=measure.date, events=_events_of(measure))
    said = {"measure": measure.id, "table": measure.table, "area": area, "since": since, "months": list(months)}
    with _opened(warehouse_path()) as connection:
        return [name for (name,) in connection.execute(query, said).fetchall()]


def _is_of_a_form(measure: Measure) -> bool:
    return catalogue.tables()[measure.table].kind == "form"


def _events_of(measure: Measure) -> str:
    return "events_forms" if _is_of_a_form(measure) else f"events_{measure.system}"


# An organisation has a row a count; what was counted is the one that stands in the month.
_STANDING_COUNTS = """(
        select counts.*
        from staging.stg_organisations as counts
        join core.fct_organisation_months as standing
            on counts.case_key = standing.case_key and counts.counted_on = standing.counted_on
        where standing.month = $last
    )"""

_QUERY = """
    with kept as (select distinct area_code, month from measures.measures_monthly where measure = $measure),

    counted as (
        select events.case_key, sum(events.value) as value
        from measures.{events} as events
        join kept on events.area_code = kept.area_code and events.month = kept.month
        join core.area_ancestors as ancestors
            on events.area_code = ancestors.area_code and ancestors.ancestor_code = $area
        where events.measure = $measure and events.month between $first and $last {total}
        group by events.case_key
    )

    select
        ledger.file, ledger.sha256, ledger.sender, ledger.received_at, ledger.ledger_sequence,
        count(distinct versions.row_number), cast(sum(counted.value) as bigint), list_sort(list_distinct(list(versions.row_number)))
    from counted
    join {versions} as versions on counted.case_key = versions.case_key
    join catalogue.ledger as ledger on versions.ledger_sequence = ledger.ledger_sequence
    group by all
    order by ledger.ledger_sequence
"""


_CORRECTED_LINES = """
    select distinct checks.correction
    from core.correction_checks as checks
    join catalogue.corrections as entries on checks.correction = entries.correction
    join catalogue.form_lines as lines
        on entries.table_name = lines.table_name and entries.item = lines.item and entries.category = lines.category
    join core.area_ancestors as ancestors
        on entries.area_code = ancestors.area_code and ancestors.ancestor_code = $area
    where checks.is_applied and lines.measure = $measure and entries.month between $months[1] and $months[2]
        and $since is not null and $table is not null
    order by checks.correction
"""

_CORRECTED_CASES = """
    with applied as (
        select correction, case_key from core.correction_checks where is_applied and table_name = $table
    ),

    places as (
        select case_key, area_code, date_trunc('month', {date}) as month from lake.{table}
        union all
        select case_key, area_code, date_trunc('month', {date}) as month from staging.stg_{table}
        union all
        select case_key, area_code, month from measures.{events} where measure = $measure
    )

    select distinct applied.correction
    from applied
    join places on applied.case_key = places.case_key
    join core.area_ancestors as ancestors
        on places.area_code = ancestors.area_code and ancestors.ancestor_code = $area
    where places.month between $since and $months[2]
    order by applied.correction
"""


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not path.exists():
        raise UserError("Nothing is built yet. Run `fengqiao build` first.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            yield connection
    except duckdb.IOException:
        raise UserError("A build is writing the warehouse; explain again when it has ended.") from None
    except (duckdb.BinderException, duckdb.CatalogException):
        raise UserError("The warehouse was built by another version of this software. Run `fengqiao build`.") from None
