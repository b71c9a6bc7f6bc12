-- grain: one row a zero-occurrence card, area and month: when it last occurred, seen from that month
with figures as (
    select * from {{ ref('figures') }}
    where breakdown = 'total' and period_kind = 'month'
),

cards as (select * from {{ source('edition', 'cards') }} where is_zero_line),

periods as (select * from {{ source('edition', 'periods') }}),

counted as (
    select figures.indicator, figures.area_code, figures.period, periods.first_month as month, figures.numerator
    from figures
    inner join cards on figures.indicator = cards.indicator
    inner join periods on figures.period = periods.period
),

remembered as (
    select
        indicator,
        area_code,
        period,
        month,
        numerator as occurred,
        max(case when numerator > 0 then month end) over (
            partition by indicator, area_code
            order by month
            rows between unbounded preceding and current row
        ) as last_occurred_month
    from counted
    where numerator is not null
)

select
    indicator,
    area_code,
    period,
    occurred,
    last_occurred_month,
    case
        when last_occurred_month is not null then {{ months_between('last_occurred_month', 'month') }} - 1
    end as months_since
from remembered
