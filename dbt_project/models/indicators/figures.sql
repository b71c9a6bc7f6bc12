-- grain: one row an indicator, area, period, breakdown and category, beside the periods it is compared to
-- what all have reported is compared with what all have reported, never with a part of it
with figure_values as (select * from {{ ref('figure_values') }}),

periods as (select * from {{ source('edition', 'periods') }}),

compared as (
    select
        figure_values.*,
        periods.period_kind,
        year_before.value as value_year_before,
        period_before.value as value_period_before,
        not figure_values.is_provisional and not year_before.is_provisional as is_comparable_on_year,
        not figure_values.is_provisional and not period_before.is_provisional as is_comparable_on_period
    from figure_values
    inner join periods on figure_values.period = periods.period
    left join figure_values as year_before
        on periods.year_before = year_before.period
        and figure_values.indicator = year_before.indicator
        and figure_values.area_code = year_before.area_code
        and figure_values.breakdown = year_before.breakdown
        and figure_values.category = year_before.category
    left join figure_values as period_before
        on periods.period_before = period_before.period
        and figure_values.indicator = period_before.indicator
        and figure_values.area_code = period_before.area_code
        and figure_values.breakdown = period_before.breakdown
        and figure_values.category = period_before.category
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
        when is_provisional then 'p'
        else ''
    end as status
from compared
