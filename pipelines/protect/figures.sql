-- grain: one row a declared figure of the public edition, shown as far as published counts carry it
-- all of it is made of published counts: what is left out is left out because it would mislead, not because it could betray
with figures as (select * from indicators.figures),

cards as (select * from inputs.cards),

periods as (select * from inputs.periods),

rules as (select * from inputs.rate_rules),

bands as (select * from inputs.day_bands),

cells as (select * from inputs.compatible),

declared as (
    select
        figures.* exclude (low, high, value_year_before, value_period_before, change_on_year, change_on_year_percent, change_on_period),
        figures.change_on_year is not null as is_comparable_on_year,
        figures.change_on_period is not null as is_comparable_on_period,
        cards.kind,
        cards.unit,
        cards.scale,
        cards.better,
        cards.decimals as card_decimals,
        cards.kind in ('share', 'ratio') as is_rate,
        over_line.value as over_value,
        over_line.low as over_low,
        over_line.high as over_high,
        over_line.rest_low,
        over_line.rest_high,
        under_line.value as under_value,
        under_line.low as under_low,
        under_line.high as under_high
    from figures
    inner join cards on figures.indicator = cards.indicator
    inner join cells as over_line
        on cards.numerator = over_line.measure
        and figures.area_code = over_line.area_code
        and figures.period = over_line.period
        and over_line.breakdown = case when cards.kind = 'quantile' then 'days' else figures.breakdown end
        and over_line.category = case when cards.kind = 'quantile' then '0' else figures.category end
    left join cells as under_line
        on cards.denominator = under_line.measure
        and figures.area_code = under_line.area_code
        and figures.period = under_line.period
        and under_line.breakdown = case when cards.kind = 'share' then 'total' else figures.breakdown end
        and under_line.category = case when cards.kind = 'share' then 'total' else figures.category end
    where cards.denominator is null or under_line.measure is not null
),

-- the corners of the counts that the published ones may stand for
corners as (
    select
        declared.indicator,
        declared.area_code,
        declared.period,
        declared.breakdown,
        declared.category,
        declared.scale,
        cast(corner.cases as double) as cases,
        cast(least(greatest(
            case when declared.rest_low is null then corner.counted else corner.cases - corner.rest end, 0
        ), corner.cases) as double) / corner.cases as proportion,
        power(1.959963984540054, 2) as z_squared
    from declared
    cross join lateral (
        select counted, cases, rest
        from (select unnest([declared.over_low, declared.over_high]) as counted, unnest([declared.rest_low, declared.rest_high]) as rest)
        cross join (select unnest([declared.under_low, declared.under_high]) as cases)
    ) as corner
    where declared.is_rate and declared.over_value is not null and declared.under_value is not null and corner.cases > 0
),

-- Wilson score interval, 95% (Wilson 1927), at each corner; together they cover what each of them would
scattered as (
    select
        *,
        (proportion + z_squared / (2 * cases)) / (1 + z_squared / cases) as middle,
        sqrt(z_squared * proportion * (1 - proportion) / cases + power(z_squared / (2 * cases), 2)) / (1 + z_squared / cases) as reach
    from corners
),

ranges as (
    select
        indicator,
        area_code,
        period,
        breakdown,
        category,
        min(scale * greatest(middle - reach, 0)) as low,
        max(scale * least(middle + reach, 1)) as high,
        min(scale * proportion) as least_rate,
        max(scale * proportion) as greatest_rate
    from scattered
    group by all
),

judged as (
    select
        declared.*,
        ranges.low as range_low,
        ranges.high as range_high,
        rules.at_most,
        rules.at_least,
        rules.change_from,
        bands.band as days_band,
        bands.first_day,
        bands.last_day,
        case when declared.is_rate then declared.under_value else declared.over_value end as base,
        case when declared.is_rate then ranges.least_rate else declared.scale * declared.over_low end as noise_low,
        case when declared.is_rate then ranges.greatest_rate else declared.scale * declared.over_high end as noise_high,
        cast(case
            when not declared.is_rate then declared.card_decimals
            when declared.under_value >= rules.one_decimal_from then 1
            else 0
        end as integer) as decimals,
        case
            when declared.over_value is null or (declared.denominator is not null and declared.is_rate and declared.under_value is null) then true
            when declared.kind = 'quantile' then declared.denominator < rules.smallest_quantile
            when declared.is_rate then declared.under_value is null or declared.under_value < rules.smallest_denominator
            else declared.over_value = 0 and declared.unit in ('person', 'person_time')
        end as is_hidden
    from declared
    cross join rules
    left join ranges
        on declared.indicator = ranges.indicator
        and declared.area_code = ranges.area_code
        and declared.period = ranges.period
        and declared.breakdown = ranges.breakdown
        and declared.category = ranges.category
    left join bands on declared.kind = 'quantile' and declared.value >= bands.first_day and (declared.value < bands.last_day + 1 or bands.last_day is null)
),

banded as (
    select
        *,
        case
            when is_hidden then null
            when kind = 'quantile' then days_band
            when is_rate and unit = 'percent' and value >= at_least then 'at_least'
            when is_rate and unit = 'percent' and value <= at_most then 'at_most'
        end as band
    from judged
),

shown as (
    select
        * exclude (value),
        case when not is_hidden and band is null then round(value, decimals) end as value
    from banded
)

select
    shown.indicator,
    shown.area_code,
    shown.area_level,
    shown.period,
    shown.period_kind,
    shown.breakdown,
    shown.category,
    shown.value,
    cast(case when shown.kind <> 'quantile' and not (shown.is_hidden and shown.unit in ('person', 'person_time')) then shown.over_value end as bigint) as numerator,
    cast(case
        when shown.kind = 'quantile' and not shown.is_hidden then shown.denominator
        when shown.is_rate then shown.under_value
    end as bigint) as denominator,
    cast(case
        when shown.is_hidden then null
        when shown.kind = 'quantile' then shown.first_day
        when shown.band = 'at_least' then shown.at_least
        when shown.band = 'at_most' then 0
        when shown.is_rate then round(shown.range_low, shown.decimals)
    end as double) as low,
    cast(case
        when shown.is_hidden then null
        when shown.kind = 'quantile' then shown.last_day
        when shown.band = 'at_least' then 100
        when shown.band = 'at_most' then shown.at_most
        when shown.is_rate then round(shown.range_high, shown.decimals)
    end as double) as high,
    year_before.value as value_year_before,
    period_before.value as value_period_before,
    case
        when shown.is_comparable_on_year and year_before.base >= shown.change_from
            then round(shown.value - year_before.value, shown.decimals)
    end as change_on_year,
    case
        when shown.is_comparable_on_year and shown.kind in ('count', 'stock') and year_before.base >= shown.change_from
            then round(100 * (shown.value - year_before.value) / year_before.value, 0)
    end as change_on_year_percent,
    case
        when shown.is_comparable_on_period and period_before.base >= shown.change_from
            then round(shown.value - period_before.value, shown.decimals)
    end as change_on_period,
    case
        when shown.value is null and shown.status <> 'x' then array_to_string(list_filter(['c', nullif(replace(replace(shown.status, 'z', ''), 'x', ''), '')], lambda code: code is not null), ',')
        else shown.status
    end as status,
    shown.decimals,
    shown.band,
    case
        when shown.value is null or year_before.value is null or not shown.is_comparable_on_year or year_before.base < shown.change_from then null
        when shown.noise_low <= year_before.noise_high and year_before.noise_low <= shown.noise_high then 'cannot_tell'
        when shown.value = year_before.value then 'cannot_tell' -- the decimals that are shown do not tell which is more
        when shown.better = 'neither' then case when shown.value > year_before.value then 'higher' else 'lower' end
        when (shown.value > year_before.value) = (shown.better = 'higher') then 'improved'
        else 'worsened'
    end as change_word
from shown
inner join periods on shown.period = periods.period
left join shown as year_before
    on periods.year_before = year_before.period
    and shown.indicator = year_before.indicator
    and shown.area_code = year_before.area_code
    and shown.breakdown = year_before.breakdown
    and shown.category = year_before.category
left join shown as period_before
    on periods.period_before = period_before.period
    and shown.indicator = period_before.indicator
    and shown.area_code = period_before.area_code
    and shown.breakdown = period_before.breakdown
    and shown.category = period_before.category
