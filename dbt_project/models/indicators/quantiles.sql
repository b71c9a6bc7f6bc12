-- grain: one row a quantile card, area and period; linear interpolation between the two nearest days, as percentile_cont
with measures as (select * from {{ source('edition', 'measures') }}),

cards as (select * from {{ source('edition', 'cards') }}),

buckets as (
    select
        cards.indicator,
        cards.quantile,
        measures.area_code,
        measures.period,
        measures.bucket,
        sum(measures.value) over (
            partition by cards.indicator, measures.area_code, measures.period
            order by measures.bucket
            rows between unbounded preceding and current row
        ) as cases_up_to,
        sum(measures.value) over (partition by cards.indicator, measures.area_code, measures.period) as cases
    from measures
    inner join cards on measures.measure = cards.numerator and cards.kind = 'quantile'
    where measures.bucket is not null and measures.value is not null
),

positions as (
    select
        *,
        quantile * (cases - 1) as position
    from buckets
),

neighbours as (
    select
        indicator,
        area_code,
        period,
        max(cases) as cases,
        max(position) as position,
        min(case when cases_up_to > floor(position) then bucket end) as lower_days,
        min(case when cases_up_to > ceil(position) then bucket end) as upper_days
    from positions
    group by indicator, area_code, period
)

select
    indicator,
    area_code,
    period,
    cast(cases as bigint) as cases,
    cast(lower_days + (upper_days - lower_days) * (position - floor(position)) as double) as days
from neighbours
