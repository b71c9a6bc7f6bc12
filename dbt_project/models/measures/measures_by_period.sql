-- grain: one row an area of any level, period, measure, breakdown, category and bucket: added over areas first, then over months
{{ kept_up_to_date('periods') }}
{% set touched_periods = ref('touched_periods') %}
{% set kinds = 'measure, breakdown, category, bucket' -%}
with monthly as (
    select * from {{ ref('measures_monthly') }}
    {{ only_changed('months_of_periods') }}
),

words as (select * from {{ source('catalogue', 'measures') }}),

grid as (select * from {{ source('catalogue', 'grid') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

periods as (select * from {{ source('catalogue', 'period_months') }}),

placed as (
    select
        ancestors.ancestor_code as area_code,
        ancestors.ancestor_level as area_level,
        monthly.month,
        monthly.measure,
        monthly.breakdown,
        monthly.category,
        monthly.bucket,
        monthly.value
    from monthly
    inner join ancestors on monthly.area_code = ancestors.area_code
    where monthly.breakdown = 'total' or ancestors.ancestor_level in (select grid.area_level from grid where grid.has_breakdowns)
),

-- a township has no parts to add
over_areas as (
    select area_code, area_level, month, {{ kinds }}, value
    from placed
    where area_level = 'township'
    union all
    select area_code, area_level, month, {{ kinds }}, cast(sum(value) as bigint) as value
    from placed
    where area_level <> 'township'
    group by area_code, area_level, month, {{ kinds }}
),

-- nor has a month, in which every measure stands
over_months as (
    select over_areas.area_code, periods.period, {{ kinds }}, over_areas.value
    from over_areas
    inner join grid
        on over_areas.area_level = grid.area_level
        and (over_areas.breakdown = 'total' or grid.has_breakdowns)
    inner join periods
        on grid.period_kind = periods.period_kind
        and over_areas.month = periods.month
    where grid.period_kind = 'month'
    union all
    select over_areas.area_code, periods.period, over_areas.{{ kinds | replace(', ', ', over_areas.') }}, cast(sum(over_areas.value) as bigint) as value
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
        )
    where grid.period_kind <> 'month'
    group by over_areas.area_code, periods.period, over_areas.{{ kinds | replace(', ', ', over_areas.') }}
)

select
    area_code,
    period,
    measure,
    breakdown,
    category,
    bucket,
    value
from over_months
{{ only_changed('periods') }}
