-- grain: one row a survival card, area and period: the first day by which that share of the cases is concluded (Kaplan and Meier 1958)
with measures as (select * from {{ source('edition', 'measures') }} where bucket is not null),

cards as (select * from {{ source('edition', 'cards') }} where kind = 'survival_quantile'),

steps as (
    select cards.indicator, cards.quantile, measures.area_code, measures.period, measures.bucket, measures.value, 1 as ended
    from measures
    inner join cards on measures.measure = cards.numerator
    union all
    select cards.indicator, cards.quantile, measures.area_code, measures.period, measures.bucket, measures.value, 0 as ended
    from measures
    inner join cards on measures.measure = cards.censored
),

by_day as (
    select
        indicator,
        quantile,
        area_code,
        period,
        bucket,
        sum(ended * value) as ended,
        sum(value) as leaving
    from steps
    group by indicator, quantile, area_code, period, bucket
),

at_risk as (
    select
        *,
        sum(leaving) over (
            partition by indicator, area_code, period
            order by bucket desc
            rows between unbounded preceding and current row
        ) as at_risk,
        sum(leaving) over (partition by indicator, area_code, period) as cases
    from by_day
),

-- the share still open is a product; its logarithm is a sum, which every engine adds alike. After the last case it is zero
remaining as (
    select
        *,
        sum(case when ended < at_risk then ln(1 - cast(ended as double) / cast(at_risk as double)) else -1000 end) over (
            partition by indicator, area_code, period
            order by bucket
            rows between unbounded preceding and current row
        ) as log_remaining
    from at_risk
)

select
    indicator,
    area_code,
    period,
    cast(max(cases) as bigint) as cases,
    cast(min(case when log_remaining <= ln(1 - quantile) + 1e-9 then bucket end) as double) as days
from remaining
group by indicator, area_code, period
