-- grain: one row a coverage, area and period, from the area's first reported month on
with reporting as (select * from {{ ref('reporting') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

periods as (select * from {{ source('catalogue', 'period_months') }}),

related as (
    select area_code as reported_code, ancestor_code as area_code from ancestors
    union
    select ancestor_code as reported_code, area_code from ancestors
),

reported as (
    select distinct reporting.coverage, related.area_code, reporting.area_code as reported_code, reporting.month
    from reporting
    inner join related on reporting.area_code = related.reported_code
),

begun as (
    select coverage, area_code, min(month) as first_month, count(distinct reported_code) as reporters
    from reported
    group by coverage, area_code
),

spans as (
    select period, count(*) as months, max(month) as last_month
    from periods
    group by period
),

delivered as (
    select
        reported.coverage,
        reported.area_code,
        periods.period,
        count(*) as reported_months,
        count(case when periods.is_last then 1 end) as reported_last_months
    from reported
    inner join periods on reported.month = periods.month
    group by reported.coverage, reported.area_code, periods.period
)

select
    begun.coverage,
    begun.area_code,
    spans.period,
    cast(begun.reporters * spans.months as bigint) as expected_months,
    cast(coalesce(delivered.reported_months, 0) as bigint) as reported_months,
    coalesce(delivered.reported_last_months, 0) > 0 as is_reported_at_end
from begun
inner join spans on begun.first_month <= spans.last_month
left join delivered
    on begun.coverage = delivered.coverage
    and begun.area_code = delivered.area_code
    and spans.period = delivered.period
