-- grain: one row an indicator, area, period, breakdown and category, beside the periods it is compared to
-- what all have reported is compared with what all have reported, never with a part of it, and nothing across a break
with figure_values as (select * from {{ ref('figure_values') }}),

periods as (select * from {{ source('edition', 'periods') }}),

broken_comparisons as (select * from {{ ref('broken_comparisons') }}),

broken as (
    select
        figure_values.*,
        coalesce(of_card.is_broken_on_year, false) or coalesce(of_area.is_broken_on_year, false) as is_broken_on_year,
        coalesce(of_card.is_broken_on_period, false) or coalesce(of_area.is_broken_on_period, false) as is_broken_on_period
    from figure_values
    left join broken_comparisons as of_card
        on figure_values.indicator = of_card.indicator
        and figure_values.period = of_card.period
    left join broken_comparisons as of_area
        on figure_values.area_code = of_area.area_code
        and figure_values.period = of_area.period
),

compared as (
    select
        broken.*,
        periods.period_kind,
        year_before.value as value_year_before,
        period_before.value as value_period_before,
        not broken.is_provisional and not year_before.is_provisional and not broken.is_broken_on_year
        as is_comparable_on_year,
        not broken.is_provisional and not period_before.is_provisional and not broken.is_broken_on_period
        as is_comparable_on_period
    from broken
    inner join periods on broken.period = periods.period
    left join figure_values as year_before
        on periods.year_before = year_before.period
        and broken.indicator = year_before.indicator
        and broken.area_code = year_before.area_code
        and broken.breakdown = year_before.breakdown
        and broken.category = year_before.category
    left join figure_values as period_before
        on periods.period_before = period_before.period
        and broken.indicator = period_before.indicator
        and broken.area_code = period_before.area_code
        and broken.breakdown = period_before.breakdown
        and broken.category = period_before.category
)

select
    indicator,
    area_code,
    area_level,
    period,
    period_kind,
    breakdown,
    category,
    value,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator,
    cast(null as double) as low,
    cast(null as double) as high,
    value_year_before,
    value_period_before,
    case when is_comparable_on_year then value - value_year_before end as change_on_year,
    case
        when is_comparable_on_year and kind in ('count', 'stock') and value_year_before >= 20
            then 100 * (value - value_year_before) / value_year_before
    end as change_on_year_percent,
    case when is_comparable_on_period then value - value_period_before end as change_on_period,
    case
        when value is null and is_reported then 'z'
        when value is null then 'x'
        when is_provisional and is_broken_on_year then 'b,p'
        when is_provisional then 'p'
        when is_broken_on_year then 'b'
        else ''
    end as status
from compared
