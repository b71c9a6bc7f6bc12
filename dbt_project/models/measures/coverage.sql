-- grain: one row a coverage, area and period, from the area's first reported month on
{{ kept_up_to_date('coverage') }}

{% set touched = ref('touched_coverage') %}
with reporting as (
    select * from {{ ref('reporting') }}
    {% if is_incremental() -%}
    where coverage in (select touched.coverage from {{ touched }} as touched)
    {%- endif %}
),

ancestors as (select * from {{ ref('area_ancestors') }}),

areas as (select * from {{ ref('dim_areas') }}),

grid as (select * from {{ source('catalogue', 'grid') }}),

periods as (
    select * from {{ source('catalogue', 'period_months') }}
    {% if is_incremental() -%}
    where period in (select touched.period from {{ touched }} as touched)
    {%- endif %}
),

related as (
    {{ related_areas('ancestors', 'areas') }}
),

first_reports as (
    select coverage, area_code as reported_code, min(month) as first_month
    from reporting
    group by coverage, area_code
),

-- months are put together where they were reported, before what is told of them is told of all related areas
reported as (
    select
        reporting.coverage,
        reporting.area_code as reported_code,
        periods.period,
        count(*) as months,
        count(case when periods.is_last then 1 end) as last_months
    from reporting
    inner join periods on reporting.month = periods.month
    group by reporting.coverage, reporting.area_code, periods.period
),

begun as (
    select
        first_reports.coverage,
        related.area_code,
        min(first_reports.first_month) as first_month,
        count(*) as reporters
    from first_reports
    inner join related on first_reports.reported_code = related.reported_code
    {% if is_incremental() -%}
    where (first_reports.coverage, related.area_code) in (select touched.coverage, touched.area_code from {{ touched }} as touched)
    {%- endif %}
    group by first_reports.coverage, related.area_code
),

spans as (
    select period, period_kind, count(*) as months, max(month) as last_month
    from periods
    group by period, period_kind
),

delivered as (
    select
        reported.coverage,
        related.area_code,
        reported.period,
        sum(reported.months) as reported_months,
        count(*) as reporters,
        sum(reported.last_months) as reported_last_months
    from reported
    inner join related on reported.reported_code = related.reported_code
    {% if is_incremental() -%}
    where (reported.coverage, related.area_code, reported.period)
        in (select touched.coverage, touched.area_code, touched.period from {{ touched }} as touched)
    {%- endif %}
    group by reported.coverage, related.area_code, reported.period
),

counted as (
    select
        begun.coverage,
        begun.area_code,
        spans.period,
        cast(begun.reporters * spans.months as bigint) as expected_months,
        cast(coalesce(delivered.reported_months, 0) as bigint) as reported_months,
        cast(coalesce(delivered.reporters, 0) as bigint) as reporters,
        coalesce(delivered.reported_last_months, 0) > 0 as is_reported_at_end
    from begun
    inner join areas on begun.area_code = areas.area_code
    inner join spans on begun.first_month <= spans.last_month
    inner join grid on areas.level = grid.area_level and spans.period_kind = grid.period_kind
    left join delivered
        on begun.coverage = delivered.coverage
        and begun.area_code = delivered.area_code
        and spans.period = delivered.period
)

select
    coverage,
    area_code,
    period,
    expected_months,
    reported_months,
    reporters,
    is_reported_at_end
from counted
{{ only_changed('coverage') }}
