-- grain: one row an area of any level, period, measure, breakdown, category and bucket: added over areas first, then over months
-- a view: a build counts months, and an edition adds them up for its figures once
{{ config(materialized='view') }}
with monthly as (select * from {{ ref('measures_monthly') }}),

words as (select * from {{ source('catalogue', 'measures') }}),

grid as (select * from {{ source('catalogue', 'grid') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

periods as (select * from {{ source('catalogue', 'period_months') }}),

counted as (select distinct measure, breakdown, category from monthly),

-- a number in the place of three texts: what is added up millions of times is put together by numbers
kinds as (
    select
        row_number() over (order by counted.measure, counted.breakdown, counted.category) as kind,
        counted.measure,
        counted.breakdown,
        counted.category,
        words.over_time
    from counted
    inner join words on counted.measure = words.measure
),

leaves as (
    select
        monthly.area_code,
        monthly.month,
        kinds.kind,
        kinds.breakdown = 'total' as is_total,
        monthly.bucket,
        monthly.value
    from monthly
    inner join kinds
        on monthly.measure = kinds.measure
        and monthly.breakdown = kinds.breakdown
        and monthly.category = kinds.category
),

districts as (
    select
        ancestors.ancestor_code as area_code,
        ancestors.ancestor_level as area_level,
        leaves.month,
        leaves.kind,
        leaves.is_total,
        leaves.bucket,
        cast(sum(leaves.value) as bigint) as value
    from leaves
    inner join ancestors on leaves.area_code = ancestors.area_code
    where ancestors.ancestor_level = 'district'
    group by
        ancestors.ancestor_code, ancestors.ancestor_level, leaves.month, leaves.kind, leaves.is_total, leaves.bucket
),

-- a city is its districts and what is assigned to none of them
parts_of_cities as (
    select area_code, month, kind, is_total, bucket, value
    from districts
    union all
    select leaves.area_code, leaves.month, leaves.kind, leaves.is_total, leaves.bucket, leaves.value
    from leaves
    left join ancestors on leaves.area_code = ancestors.area_code and ancestors.ancestor_level = 'district'
    where ancestors.area_code is null
),

over_areas as (
    -- a township has no parts to add
    select
        ancestors.ancestor_code as area_code,
        ancestors.ancestor_level as area_level,
        leaves.month,
        leaves.kind,
        leaves.is_total,
        leaves.bucket,
        leaves.value
    from leaves
    inner join ancestors on leaves.area_code = ancestors.area_code
    where ancestors.ancestor_level = 'township'
        and (leaves.is_total or ancestors.ancestor_level in (select grid.area_level from grid where grid.has_breakdowns))
    union all
    select area_code, area_level, month, kind, is_total, bucket, value
    from districts
    union all
    select
        ancestors.ancestor_code as area_code,
        ancestors.ancestor_level as area_level,
        parts_of_cities.month,
        parts_of_cities.kind,
        parts_of_cities.is_total,
        parts_of_cities.bucket,
        cast(sum(parts_of_cities.value) as bigint) as value
    from parts_of_cities
    inner join ancestors on parts_of_cities.area_code = ancestors.area_code
    where ancestors.ancestor_level in ('city', 'province')
    group by
        ancestors.ancestor_code, ancestors.ancestor_level, parts_of_cities.month, parts_of_cities.kind,
        parts_of_cities.is_total, parts_of_cities.bucket
),

spans as (
    select grid.area_level, grid.has_breakdowns, periods.period_kind, periods.period, periods.month, periods.is_first, periods.is_last
    from grid
    inner join periods on grid.period_kind = periods.period_kind
),

over_months as (
    -- nor has a month, in which every measure stands
    select over_areas.area_code, spans.period, over_areas.kind, over_areas.bucket, over_areas.value
    from over_areas
    inner join spans
        on over_areas.area_level = spans.area_level
        and over_areas.month = spans.month
        and (over_areas.is_total or spans.has_breakdowns)
    where spans.period_kind = 'month'
    union all
    select
        over_areas.area_code,
        spans.period,
        over_areas.kind,
        over_areas.bucket,
        cast(sum(over_areas.value) as bigint) as value
    from over_areas
    inner join kinds on over_areas.kind = kinds.kind
    inner join spans
        on over_areas.area_level = spans.area_level
        and over_areas.month = spans.month
        and (over_areas.is_total or spans.has_breakdowns)
        and (
            kinds.over_time in ('sum', 'mean')
            or (kinds.over_time = 'last' and spans.is_last)
            or (kinds.over_time = 'first' and spans.is_first)
        )
    where spans.period_kind <> 'month'
    group by over_areas.area_code, spans.period, over_areas.kind, over_areas.bucket
)

select
    over_months.area_code,
    over_months.period,
    kinds.measure,
    kinds.breakdown,
    kinds.category,
    over_months.bucket,
    over_months.value
from over_months
inner join kinds on over_months.kind = kinds.kind
