-- grain: one row an indicator, area, period, breakdown and category: the only division
with measures as (select * from {{ source('edition', 'measures') }} where bucket is null),

cards as (select * from {{ source('edition', 'cards') }}),

card_breakdowns as (select * from {{ source('edition', 'card_breakdowns') }}),

categories as (select * from {{ source('edition', 'categories') }}),

areas as (select * from {{ source('edition', 'areas') }}),

grid as (select * from {{ source('edition', 'grid') }}),

periods as (select * from {{ source('edition', 'periods') }}),

coverage as (select * from {{ source('edition', 'coverage') }}),

quantiles as (select * from {{ ref('quantiles') }}),

survival_quantiles as (select * from {{ ref('survival_quantiles') }}),

days as (
    select indicator, area_code, period, cases, days from quantiles
    union all
    select indicator, area_code, period, cases, days from survival_quantiles
),

totals as (
    select measure, area_code, period, value
    from measures
    where breakdown = 'total'
),

spine as (
    select
        cards.*,
        coverage.area_code,
        areas.level as area_level,
        coverage.period,
        card_breakdowns.breakdown,
        categories.category,
        categories.is_dense,
        -- an average over months is one over those reported, by each area that reported any
        cast(coalesce(other_coverage.reported_months, coverage.reported_months) as double)
        / nullif(coalesce(other_coverage.reporters, coverage.reporters), 0) as averaged_months,
        coverage.reported_months < coverage.expected_months
        or coalesce(last_day(periods.last_month) > cards.mature_until, false) as is_provisional,
        case
            when cards.over_time = 'last' then coverage.is_reported_at_end
            else coverage.reported_months > 0
        end
        and (cards.other_coverage is null or coalesce(other_coverage.reported_months > 0, false))
        and coalesce(voids.value, 0) = 0 as is_reported
    from cards
    inner join coverage on cards.coverage = coverage.coverage
    inner join areas on coverage.area_code = areas.area_code
    inner join periods on coverage.period = periods.period
    left join coverage as other_coverage
        on cards.other_coverage = other_coverage.coverage
        and coverage.area_code = other_coverage.area_code
        and coverage.period = other_coverage.period
    left join totals as voids
        on cards.void_where = voids.measure
        and coverage.area_code = voids.area_code
        and coverage.period = voids.period
    inner join card_breakdowns on cards.indicator = card_breakdowns.indicator
    inner join categories on card_breakdowns.breakdown = categories.breakdown
    inner join grid
        on areas.level = grid.area_level
        and periods.period_kind = grid.period_kind
        and (card_breakdowns.breakdown = 'total' or grid.has_breakdowns)
    where (
            cards.lowest_level = 'township'
            or (cards.lowest_level = 'district' and areas.level <> 'township')
            or (cards.lowest_level = 'city' and areas.level in ('city', 'province'))
            or (cards.lowest_level = 'province' and areas.level = 'province')
        )
        and (
            cards.finest_period = 'month'
            or (cards.finest_period = 'quarter' and periods.period_kind in ('quarter', 'half_year', 'year', 'range'))
            or (cards.finest_period = 'year' and periods.period_kind = 'year')
        )
),

counted as (
    select
        spine.*,
        -- what nobody counted is 0; what stands there without a value is not shown, and nothing is made of it
        case when spine.is_reported and over_line.measure is null then 0 when spine.is_reported then over_line.value end as counted_numerator,
        case when spine.is_reported then
            case when under_line.measure is null then 0 else under_line.value end
            + case when under_too.measure is null then 0 else under_too.value end
        end as counted_denominator,
        over_line.value is not null or under_line.value is not null as is_counted
    from spine
    left join measures as over_line
        on spine.numerator = over_line.measure
        and spine.area_code = over_line.area_code
        and spine.period = over_line.period
        and spine.breakdown = over_line.breakdown
        and spine.category = over_line.category
    left join measures as under_line
        on spine.denominator = under_line.measure
        and spine.area_code = under_line.area_code
        and spine.period = under_line.period
        and under_line.breakdown = case when spine.kind = 'share' then 'total' else spine.breakdown end
        and under_line.category = case when spine.kind = 'share' then 'total' else spine.category end
    left join measures as under_too
        on spine.denominator_with = under_too.measure
        and spine.area_code = under_too.area_code
        and spine.period = under_too.period
        and under_too.breakdown = case when spine.kind = 'share' then 'total' else spine.breakdown end
        and under_too.category = case when spine.kind = 'share' then 'total' else spine.category end
)

select
    counted.indicator,
    counted.area_code,
    counted.area_level,
    counted.period,
    counted.breakdown,
    counted.category,
    counted.kind,
    counted.is_provisional,
    counted.is_reported,
    case
        when counted.kind in ('count', 'stock') then counted.scale * cast(counted.counted_numerator as double)
        when counted.kind in ('quantile', 'survival_quantile') then case when counted.is_reported then days.days end
        when counted.is_average_denominator
            then
                counted.scale * cast(counted.counted_numerator as double) * counted.averaged_months
                / nullif(cast(counted.counted_denominator as double), 0)
        else
            counted.scale * cast(counted.counted_numerator as double)
            / nullif(cast(counted.counted_denominator as double), 0)
    end as value,
    cast(
        case when counted.kind not in ('quantile', 'survival_quantile') then counted.counted_numerator end as bigint
    ) as numerator,
    cast(case
        when counted.kind in ('share', 'ratio') then counted.counted_denominator
        when counted.kind in ('quantile', 'survival_quantile') and counted.is_reported then coalesce(days.cases, 0)
    end as bigint) as denominator
from counted
left join days
    on counted.indicator = days.indicator
    and counted.area_code = days.area_code
    and counted.period = days.period
where counted.is_dense or (counted.is_counted and counted.counted_numerator > 0)
