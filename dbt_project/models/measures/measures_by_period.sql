-- grain: one row an area of any level, period, measure, breakdown, category and bucket: added over areas first, then over months
with monthly as (select * from {{ ref('measures_monthly') }}),

words as (select * from {{ source('catalogue', 'measures') }}),

grid as (select * from {{ source('catalogue', 'grid') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

periods as (select * from {{ source('catalogue', 'period_months') }}),

over_areas as (
    select
        ancestors.ancestor_code as area_code,
        ancestors.ancestor_level as area_level,
        monthly.month,
        monthly.measure,
        monthly.breakdown,
        monthly.category,
        monthly.bucket,
        sum(monthly.value) as value
    from monthly
    inner join ancestors on monthly.area_code = ancestors.area_code
    where monthly.breakdown = 'total' or ancestors.ancestor_level in (select grid.area_level from grid where grid.has_breakdowns)
    group by
        ancestors.ancestor_code,
        ancestors.ancestor_level,
        monthly.month,
        monthly.measure,
        monthly.breakdown,
        monthly.category,
        monthly.bucket
)

select
    over_areas.area_code,
    periods.period,
    over_areas.measure,
    over_areas.breakdown,
    over_areas.category,
    over_areas.bucket,
    cast(sum(over_areas.value) as bigint) as value
from over_areas
inner join words on over_areas.measure = words.measure
inner join grid
    on over_areas.area_level = grid.area_level
    and (over_areas.breakdown = 'total' or grid.has_breakdowns)
inner join periods
    on grid.period_kind = periods.period_kind
    and over_areas.month = periods.month
    and (
        words.over_time in ('sum', 'mean')
        or (words.over_time = 'last' and periods.is_last)
        or (words.over_time = 'first' and periods.is_first)
        or (words.over_time = 'none' and periods.period_kind = 'month')
    )
group by
    over_areas.area_code,
    periods.period,
    over_areas.measure,
    over_areas.breakdown,
    over_areas.category,
    over_areas.bucket
