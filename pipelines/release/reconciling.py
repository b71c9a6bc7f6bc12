"""Reported against counted (对账): each month's form beside the case rows of the same districts, and what explains the difference.

Two books are shown. The closed book is what had come in when the month was closed; the current book is what has come in
since. A sender's month is closed at the end of its closing day (`closes_on`), or of the day on which the sender first
reported it, where that was later: what nobody had handed in yet cannot be late to its own book.
"""

from dataclasses import dataclass
from datetime import date
from math import ceil

import duckdb
import polars as pl
import pyarrow as pa

from pipelines import catalogue
from pipelines.catalogue import Measure
from pipelines.release import versions

REPORTED = "_reported"


def pairs() -> dict[str, Measure | None]:
    """Measure of a form's lines -> the measure that counts the same from case rows: of the same name, without `_reported`.

    None of what no case rows can count; such a measure says why (`uncounted`).
    """
    known = catalogue.measures()
    of_forms = (name for name, measure in known.items() if versions.is_form(measure.table) and name.endswith(REPORTED))
    found = {name: known.get(name.removesuffix(REPORTED)) for name in of_forms}
    counted = {name: measure for name, measure in found.items() if measure and measure.table in versions.COUNTED_BY}
    return {name: counted.get(name) for name in found if name in counted or known[name].uncounted}


def write_reconciliation(connection: duckdb.DuckDBPyConnection) -> None:
    """`temp.reconciliation`, one row a form, sender, district (or city without districts), month and measure.

    Columns: table_name (of the form), sender, area_code, month, measure (of the case rows; of the form where no case rows
    count it, and then all but reported is null), reported, counted_at_closing, counted, late (cases first received after
    the closing), corrected (what corrections and withdrawals after it made of those received before), refused (rows in
    quarantine of the senders of case rows for the district, an upper bound where one sender reports for several),
    unexplained: what is left of reported less counted.

    counted = counted_at_closing + late + corrected. Of the difference, what moved after the closing is taken first, then
    refused rows, each no further than it goes. Counted is what lies in the areas that the form names, and what the district
    has not assigned to a township. Needs the views of `release_tables`.
    """
    matched = pairs()
    forms = {name: catalogue.measures()[name].table for name in matched}
    rows = [
        (name, counted.id, forms[name], counted.table) if counted else (name, name, forms[name], None)
        for name, counted in matched.items()
    ]
    schema = ["reported_measure", "measure", "form", "table_name"]
    connection.register("given_pairs", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
    compared = [(forms[name], counted) for name, counted in matched.items() if counted]
    connection.register("given_movements", _movements(compared))
    connection.execute(f"create or replace temp table reconciliation as {_RECONCILED}")
    connection.unregister("given_pairs")
    connection.unregister("given_movements")


# Cases, once for each month in which they moved, that are counted in two books at a time: memory holds all that is known of
# them. Where registers send a year at once, all of it came in after its months were closed.
AT_A_TIME = 1_000_000


@dataclass(frozen=True)
class Batch:
    """Moved cases that are counted together: those of some months, or of a month one part of several."""

    months: list[date]
    part: int = 0
    parts: int = 1


def _movements(compared: list[tuple[str, Measure]]) -> pa.Table:
    """area_code, month, measure, cause, delta: what came in after the closings of months of which a form says something, by the
    measures it counts in. `compared`: form and measure of the case rows that it is compared with."""
    measures = [measure for _, measure in compared]
    with versions.opened() as books:
        months = [month for (month,) in books.execute("select month from live.catalogue.months").fetchall()]
        closings = pl.DataFrame({"month": months, "closes_on": [catalogue.closes_on(month) for month in months]})
        books.register("closing_days", closings.to_arrow())
        rows = sorted({(form, measure.table) for form, measure in compared})
        books.register("given_forms", pl.DataFrame(rows, schema=["form", "table_name"], orient="row").to_arrow())
        books.execute(_CLOSINGS)
        books.execute(_NONE_MOVED)
        for (table,) in books.execute("select distinct table_name from closings order by 1").fetchall():
            books.execute(f"insert into moved_in_all {_moved_after_closing(table)}")
        counts = books.execute(
            "select book_month, count(*) from moved_in_all group by book_month order by 1"
        ).fetchall()
        found = []
        for batch in _batches(counts) or [Batch([])]:
            books.execute(_MOVED, [batch.months, batch.parts, batch.part])
            versions.write_differences(books, {measure.id for measure in measures})
            found.append(books.sql("select area_code, month, measure, cause, delta from differences").to_arrow_table())
        return pa.concat_tables(found)


def _batches(counts: list[tuple[date, int]]) -> list[Batch]:
    """Months that follow each other with no more cases than can be counted at a time; a month that has more by itself, in parts."""
    together: list[list[date]] = []
    cases = 0
    for month, count in counts:
        if not together or cases + count > AT_A_TIME:
            together.append([])
            cases = 0
        together[-1].append(month)
        cases += count
    sizes = dict(counts)
    parts = [ceil(sum(sizes[month] for month in months) / AT_A_TIME) for months in together]
    return [Batch(months, part, of) for months, of in zip(together, parts, strict=True) for part in range(of)]


_MOVED = """
    create or replace temp table moved as
    select *, case_key || encode(strftime(book_month, '%Y-%m')) as book_key
    from moved_in_all
    where list_contains(?::date[], book_month) and hash(case_key) % ? = ?
"""
_NONE_MOVED = "create temp table moved_in_all (table_name varchar, case_key blob, book_month date, until bigint)"
_CLOSINGS = """
    create temp table closings as
    with reported as (
        select entries.table_name, entries.sender, months.month, greatest(min(entries.received_on), months.closes_on) as closed_on
        from live.catalogue.ledger as entries
        join closing_days as months on months.month between entries.first_month and entries.last_month
        group by entries.table_name, entries.sender, months.month, months.closes_on
    )

    select reported.table_name, reported.sender, reported.month, max(entries.ledger_sequence) as closing_sequence
    from reported
    semi join (
        select given_forms.table_name, lines.month
        from live.core.fct_form_months as lines join given_forms on lines.table_name = given_forms.form
    ) as compared using (table_name, month)
    join live.catalogue.ledger as entries on entries.received_on <= reported.closed_on
    group by all
"""


def _moved_after_closing(table: str) -> str:
    """The cases of a table of which anything came in after a month was closed, once for each such month since they began."""
    dated_by = catalogue.tables()[table].dated_by
    return f"""
        select
            '{table}' as table_name, known.case_key, closings.month as book_month, closings.closing_sequence as until
        from (
            select
                versions.case_key, arg_max(versions.sender, versions.ledger_sequence) as sender,
                cast(date_trunc('month', min(versions.{dated_by})) as date) as first_month,
                greatest(max(versions.ledger_sequence), coalesce(max(gone.ledger_sequence), 0)) as last_sequence
            from live.lake.{table} as versions
            left join live.lake.withdrawals as gone on versions.case_key = gone.case_key
            group by versions.case_key
        ) as known
        join closings
            on closings.table_name = '{table}' and closings.sender = known.sender
            and closings.month >= known.first_month and closings.closing_sequence < known.last_sequence
    """


_RECONCILED = """
    with districts as (
        select
            area_code,
            coalesce(
                max(case when ancestor_level = 'district' then ancestor_code end),
                max(case when ancestor_level = 'city' then ancestor_code end)
            ) as district_code
        from temp.area_ancestors
        group by area_code
    ),

    lines as (
        select
            forms.table_name, forms.sender, forms.area_code, districts.district_code, events.month,
            given_pairs.measure, given_pairs.table_name as cases_table, sum(events.value) as reported
        from warehouse.measures.events_forms as events
        join warehouse.core.fct_form_months as forms on events.case_key = forms.case_key
        join given_pairs on events.measure = given_pairs.reported_measure
        join districts on forms.area_code = districts.area_code
        where events.breakdown = 'total' and events.month <= (select max(last_month) from temp.periods)
        group by all
    ),

    reported as (
        select table_name, sender, district_code, month, measure, cases_table, sum(reported) as reported
        from lines
        group by all
    ),

    named as (
        select lines.table_name, lines.sender, lines.district_code, lines.month, lines.measure, below.area_code
        from lines
        join temp.area_ancestors as below on lines.area_code = below.ancestor_code
        union
        select lines.table_name, lines.sender, lines.district_code, lines.month, lines.measure, areas.area_code
        from lines
        join temp.areas as areas on lines.district_code = areas.parent_code and areas.is_not_assigned
    ),

    counted as (
        select named.table_name, named.sender, named.district_code, named.month, named.measure, sum(measures.value) as counted
        from named
        join temp.measures as measures
            on named.area_code = measures.area_code and named.month = measures.month and named.measure = measures.measure
        where measures.breakdown = 'total' and measures.bucket is null
        group by all
    ),

    moved as (
        select
            named.table_name, named.sender, named.district_code, named.month, named.measure,
            sum(case when movements.cause = 'late_rows' then movements.delta else 0 end) as late,
            sum(case when movements.cause = 'late_rows' then 0 else movements.delta end) as corrected
        from named
        join given_movements as movements
            on named.area_code = movements.area_code and named.month = movements.month and named.measure = movements.measure
        group by all
    ),

    related as (
        select area_code as sender_area, ancestor_code as district_code from temp.area_ancestors
        union
        select ancestor_code, area_code from temp.area_ancestors
    ),

    refused as (
        select quality.table_name as cases_table, owing.district_code, quality.month, sum(quality.quarantined) as refused
        from temp.data_quality as quality
        join (
            select distinct senders.table_name, senders.sender, related.district_code
            from temp.senders as senders join related on senders.area_code = related.sender_area
        ) as owing using (table_name, sender)
        group by all
    ),

    books as (
        select
            reported.table_name, reported.sender, reported.district_code as area_code, reported.month, reported.measure,
            reported.reported,
            case when cases_table is not null then coalesce(counted.counted, 0) end as counted,
            case when cases_table is not null then coalesce(moved.late, 0) end as late,
            case when cases_table is not null then coalesce(moved.corrected, 0) end as corrected,
            case when cases_table is not null then coalesce(refused.refused, 0) end as refused,
            case when cases_table is not null then reported.reported - coalesce(counted.counted, 0) end as difference
        from reported
        left join counted using (table_name, sender, district_code, month, measure)
        left join moved using (table_name, sender, district_code, month, measure)
        left join refused using (cases_table, district_code, month)
    ),

    without_movement as (
        select
            *,
            case
                when difference > 0 then difference - least(difference, greatest(-late - corrected, 0))
                else difference + least(-difference, greatest(late + corrected, 0))
            end as remaining
        from books
    )

    select
        table_name, sender, area_code, month, measure,
        cast(reported as bigint) as reported,
        cast(counted - late - corrected as bigint) as counted_at_closing,
        cast(counted as bigint) as counted,
        cast(late as bigint) as late,
        cast(corrected as bigint) as corrected,
        cast(refused as bigint) as refused,
        cast(case when remaining > 0 then greatest(remaining - refused, 0) else remaining end as bigint) as unexplained
    from without_movement
"""
