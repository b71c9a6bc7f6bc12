-- grain: one row a card or area (the other is null) and period that lies on another side of a break than what it is compared with
with breaks as (select * from {{ source('edition', 'breaks') }}),

periods as (select * from {{ source('edition', 'periods') }}),

paired as (
    select
        breaks.indicator,
        breaks.area_code,
        periods.period,
        breaks.month > year_before.first_month and breaks.month <= periods.last_month as is_broken_on_year,
        breaks.month > period_before.first_month and breaks.month <= periods.last_month as is_broken_on_period
    from periods
    inner join breaks on breaks.month <= periods.last_month
    left join periods as year_before on periods.year_before = year_before.period
    left join periods as period_before on periods.period_before = period_before.period
)

select
    indicator,
    area_code,
    period,
    coalesce(max(case when is_broken_on_year then 1 end), 0) = 1 as is_broken_on_year,
    coalesce(max(case when is_broken_on_period then 1 end), 0) = 1 as is_broken_on_period
from paired
where is_broken_on_year or is_broken_on_period
group by indicator, area_code, period
