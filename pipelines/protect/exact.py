"""The exact cells of the plan, read from the warehouse and kept nowhere: what the draws start from."""

import polars as pl

from pipelines.catalogue import PublicationPlan, code_lists
from pipelines.catalogue.publication import DAYS
from pipelines.protect.drawing import KEY_SPACE
from pipelines.warehouse import in_memory, warehouse_path

NOT_STATED = "not_stated"
TOTAL = "total"

# Dense: every area from its first report on, every period, every category; what nobody counted where reports came is 0.
_CELLS = """
with declared as (select * from given_tables),

reported as (
    select declared.*, coverage.area_code, coverage.period, periods.first_month, periods.last_month, words.over_time,
        case when words.over_time = 'last' then coverage.is_reported_at_end else coverage.reported_months > 0 end as is_reported
    from declared
    join warehouse.catalogue.measures as words using (measure)
    join warehouse.measures.coverage as coverage using (coverage)
    join warehouse.catalogue.areas as areas on coverage.area_code = areas.area_code and areas.level = declared.area_level
    join warehouse.catalogue.periods as periods on coverage.period = periods.period and periods.period_kind = declared.period_kind
    where periods.last_month <= $last_month
),

counted as (
    select
        declared.table_id, declared.measure, ancestors.ancestor_code as area_code, months.period,
        coalesce(bands.category, monthly.category) as category,
        sum(monthly.value) as value, sum(cast(monthly.cell_key as hugeint)) as cell_key
    from warehouse.measures.measures_monthly as monthly
    join declared
        on monthly.measure = declared.measure
        and monthly.breakdown = case when declared.breakdown = 'days' then 'total' else declared.breakdown end
    join warehouse.catalogue.measures as words on monthly.measure = words.measure
    join warehouse.core.area_ancestors as ancestors
        on monthly.area_code = ancestors.area_code and ancestors.ancestor_level = declared.area_level
    join warehouse.catalogue.period_months as months
        on monthly.month = months.month and months.period_kind = declared.period_kind
        and (words.over_time = 'sum' or months.is_last)
    left join given_categories as bands
        on declared.breakdown = 'days' and bands.breakdown = 'days' and monthly.bucket between bands.first_day and bands.last_day
    group by all
)

select
    reported.table_id, reported.measure, reported.breakdown, reported.area_code, reported.area_level, reported.period,
    reported.period_kind, reported.first_month, reported.last_month, reported.over_time, reported.is_reported,
    categories.category,
    cast(coalesce(counted.value, 0) as bigint) as value,
    cast(coalesce(counted.cell_key, 0) % cast($key_space as hugeint) as bigint) as cell_key
from reported
join given_categories as categories on reported.breakdown = categories.breakdown
left join counted
    on reported.table_id = counted.table_id and reported.measure = counted.measure
    and reported.area_code = counted.area_code and reported.period = counted.period and categories.category = counted.category
order by all
"""


def exact_cells(plan: PublicationPlan, last_month: str) -> pl.DataFrame:
    """One row a table of the plan, measure, area, period and category, up to a month (YYYY-MM).

    Columns: table_id, measure, breakdown (`total`, `days` or that of the table), area_code, area_level, period,
    period_kind, first_month, last_month, over_time, is_reported, category (of `days` the band's first day), value, cell_key.
    """
    with in_memory() as connection:
        connection.execute(f"attach '{str(warehouse_path()).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
        connection.register("given_tables", _declared(plan).to_arrow())
        connection.register("given_categories", _categories(plan).to_arrow())
        asked = {"last_month": f"{last_month}-01", "key_space": KEY_SPACE}
        return connection.sql(_CELLS.replace("$last_month", "cast($last_month as date)"), params=asked).pl()


def _declared(plan: PublicationPlan) -> pl.DataFrame:
    """table_id, measure, breakdown, area_level, period_kind: the cells of the plan, but for areas and periods."""
    rows = [
        (table.id, measure, table.breakdown or TOTAL, level, kind)
        for table in plan.tables.values()
        for measure in table.measures
        for level, kinds in table.levels.items()
        for kind in kinds
    ]
    return pl.DataFrame(rows, schema=["table_id", "measure", "breakdown", "area_level", "period_kind"], orient="row")


def _categories(plan: PublicationPlan) -> pl.DataFrame:
    """breakdown, category, first_day and last_day (of the bands of days only)."""
    rows: list[tuple[str, str, int | None, int | None]] = [(TOTAL, TOTAL, None, None)]
    for breakdown in sorted({t.breakdown for t in plan.tables.values() if t.breakdown not in (None, DAYS)}):
        codes = [code.code for code in code_lists()[str(breakdown)]]
        rows += [(str(breakdown), code, None, None) for code in (*codes, NOT_STATED)]
    ends = [first - 1 for first in plan.days.bands[1:]] + [2**31 - 1]
    rows += [(DAYS, str(first), first, end) for first, end in zip(plan.days.bands, ends, strict=True)]
    schema = {"breakdown": pl.String, "category": pl.String, "first_day": pl.Int32, "last_day": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")
