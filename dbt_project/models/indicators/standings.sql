-- grain: one row an indicator, area and period: the total beside its city, its target and the districts of its city
with figures as (select * from {{ ref('figures') }} where breakdown = 'total' and value is not null),

cards as (select * from {{ source('edition', 'cards') }}),

areas as (select * from {{ source('edition', 'areas') }}),

periods as (select * from {{ source('edition', 'periods') }}),

targets as (select * from {{ source('edition', 'targets') }}),

placed as (
    select
        figures.*,
        areas.parent_code as city_code,
        not areas.is_not_assigned and figures.status = '' and cards.better <> 'neither' and cards.kind = 'ratio'
        and figures.denominator >= 30 as is_ranked,
        cards.kind,
        cards.scale,
        case when cards.better = 'lower' then figures.value else -figures.value end as worse_by
    from figures
    inner join areas on figures.area_code = areas.area_code
    inner join cards on figures.indicator = cards.indicator
),

ranked as (
    select
        indicator,
        area_code,
        period,
        rank() over (partition by indicator, city_code, period order by worse_by) as place,
        count(*) over (partition by indicator, city_code, period) as units
    from placed
    where is_ranked and area_level = 'district'
),

aimed as (
    select
        placed.*,
        targets.target,
        targets.direction,
        case when placed.kind = 'ratio' then targets.target * placed.denominator / placed.scale else targets.target end as aim,
        case when placed.kind = 'ratio' then placed.numerator else placed.value end as reached
    from placed
    inner join periods on placed.period = periods.period
    left join targets
        on placed.indicator = targets.indicator
        and placed.area_code = targets.area_code
        and extract(year from periods.last_month) = targets.year
        and extract(year from periods.first_month) = targets.year
        and (placed.kind <> 'count' or periods.period_kind in ('year', 'year_to_date'))
)

select
    aimed.indicator,
    aimed.area_code,
    aimed.period,
    city.value as city_value,
    aimed.value - city.value as difference_to_city,
    aimed.target,
    aimed.direction as target_direction,
    aimed.value - aimed.target as difference_to_target,
    cast(
        case
            when aimed.kind not in ('ratio', 'count', 'stock') then null
            when aimed.direction = 'at_least' then aimed.reached - ceil(aimed.aim - 1e-9)
            when aimed.direction = 'at_most' then floor(aimed.aim + 1e-9) - aimed.reached
        end as bigint
    ) as cases_to_target,
    case
        when aimed.direction = 'at_least' then aimed.value >= aimed.target
        when aimed.direction = 'at_most' then aimed.value <= aimed.target
    end as is_target_met,
    cast(case when ranked.units >= 5 then ranked.place end as integer) as rank,
    cast(case when ranked.units >= 5 then ranked.units end as integer) as ranked_units
from aimed
left join figures as city
    on aimed.area_level = 'district'
    and aimed.indicator = city.indicator
    and aimed.city_code = city.area_code
    and aimed.period = city.period
left join ranked
    on aimed.indicator = ranked.indicator
    and aimed.area_code = ranked.area_code
    and aimed.period = ranked.period
where aimed.area_level = 'district' or aimed.target is not null
