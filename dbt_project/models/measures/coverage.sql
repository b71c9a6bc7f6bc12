-- grain: one row a coverage, area and period, from the area's first reported month on
{{ kept_up_to_date('coverage') }}

{% set touched = ref('touched_coverage') %}
with reporting as (select * from {{ ref('reporting') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

areas as (select * from {{ ref('dim_areas') }}),

grid as (select * from {{ source('catalogue', 'grid') }}),

periods as (select * from {{ source('catalogue', 'period_months') }}),

related as (
    {{ related_areas('ancestors', 'areas') }}
),

reported as (
    select distinct reporting.coverage, related.area_code, reporting.area_code as reported_code, reporting.month
    from reporting
    inner join related on reporting.area_code = related.reported_code
    {% if is_incremental() -%}
    where (reporting.coverage, related.area_code) in (select touched.coverage, touched.area_code from {{ touched }} as touched)
    {%- endif %}
),

begun as (
    select coverage, area_code, min(month) as first_month, count(distinct reported_code) as reporters
    from reported
    group by coverage, area_code
),

spans as (
    select period, period_kind, count(*) as months, max(month) as last_month
    from periods
    group by period, period_kind
),

delivered as (
    select
        reported.coverage,
        reported.area_code,
        periods.period,
        count(*) as reported_months,
        count(distinct reported.reported_code) as reporters,
        count(case when periods.is_last then 1 end) as reported_last_months
    from reported
    inner join periods on reported.month = periods.month
    group by reported.coverage, reported.area_code, periods.period
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
