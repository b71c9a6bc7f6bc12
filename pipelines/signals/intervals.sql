-- grain: one row a figure; shares and rates of counts within counts have the interval `low` to `high`
-- Wilson score interval, 95% (Wilson 1927; Newcombe 1998, method 3); 1.959963984540054 is the normal quantile of 0.975
-- the count is exact: the interval says how far the same process would scatter, not how far a sample errs
with figures as (select * from edition.indicators.figures),

cards as (select * from edition.inputs.cards),

proportions as (
    select
        figures.*,
        cards.scale,
        power(1.959963984540054, 2) as z_squared,
        figures.numerator / figures.denominator as proportion,
        cards.is_proportion
        and figures.value is not null
        and figures.denominator > 0
        and figures.numerator between 0 and figures.denominator as has_interval
    from figures
    inner join cards on figures.indicator = cards.indicator
),

centred as (
    select
        *,
        (proportion + z_squared / (2 * denominator)) / (1 + z_squared / denominator) as middle,
        sqrt(z_squared * proportion * (1 - proportion) / denominator + power(z_squared / (2 * denominator), 2))
        / (1 + z_squared / denominator) as reach
    from proportions
)

select
    * exclude (scale, z_squared, proportion, has_interval, middle, reach)
    replace (
        case when has_interval then scale * greatest(middle - reach, 0) end as low,
        case when has_interval then scale * least(middle + reach, 1) end as high
    )
from centred
