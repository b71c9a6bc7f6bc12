-- grain: one row an indicator, area, period, breakdown and category, beside the periods it is compared to
with figure_values as (select * from {{ ref('figure_values') }}),

periods as (select * from {{ source('edition', 'periods') }}),

compared as (
    select
        figure_values.*,
        periods.period_kind,
        year_before.value as value_year_before,
        period_before.value as value_period_before
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
    value - value_year_before as change_on_year,
    case
        when kind in ('count', 'stock') and value_year_before >= 20
            then 100 * (value - value_year_before) / value_year_before
    end as change_on_year_percent,
    value - value_period_before as change_on_period,
    case
        when value is null and is_reported then 'z'
        when value is null then 'x'
        when is_partial then 'p'
        else ''
    end as status
from compared
