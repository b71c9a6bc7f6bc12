-- grain: one row an organisation and month at whose end it stands, by its newest count up to then
{{ made_of(['organisations']) }}
with counts as (select * from {{ ref('stg_organisations') }}),

areas as (select * from {{ ref('dim_areas') }}),

months as (select * from {{ source('catalogue', 'months') }}),

ordered as (
    select
        *,
        lead(counted_on) over (partition by case_key order by counted_on) as next_counted_on
    from counts
),

standing as (
    select
        ordered.*,
        months.month,
        areas.leaf_code,
        case when leaves.level = 'township' then leaves.parent_code else leaves.area_code end as district_code,
        leaves.level = 'township' and not leaves.is_not_assigned as is_in_township,
        coalesce(
            ordered.organisation_type = 'governance_centre' and ordered.organisation_level = 'township', false
        ) as is_township_centre
    from ordered
    inner join areas on ordered.area_code = areas.area_code
    inner join areas as leaves on areas.leaf_code = leaves.area_code
    inner join months
        on {{ holds_at_month_end('ordered.counted_on', 'months') }}
        and (ordered.next_counted_on is null or ordered.next_counted_on > months.month_end)
    where (ordered.founded_on is null or ordered.founded_on <= months.month_end)
        and (ordered.abolished_on is null or ordered.abolished_on > months.month_end)
        and (coalesce(ordered.organisation_status, 'active') <> 'abolished' or ordered.abolished_on > months.month_end)
)

select
    case_key,
    cell_number,
    leaf_code as area_code,
    district_code,
    month,
    counted_on,
    organisation_type,
    organisation_level as tier,
    coalesce(organisation_type = 'mediation_committee', false) as is_committee,
    coalesce(organisation_type = 'mediation_committee' and industry <> 'none', false) as is_industry_committee,
    is_in_township and is_township_centre and row_number() over (
        partition by month, leaf_code, is_township_centre
        order by case_key
    ) = 1 as is_first_centre_of_township,
    is_in_township and organisation_type = 'judicial_office' and row_number() over (
        partition by month, leaf_code, organisation_type
        order by case_key
    ) = 1 as is_first_office_of_township,
    coalesce(mediators, full_time_mediators + part_time_mediators) as mediators,
    full_time_mediators,
    experts,
    function_rooms,
    resident_departments,
    medical_staff,
    psychotherapists,
    counsellors,
    psychology_teachers,
    social_workers,
    registered_social_organisations,
    community_social_organisations
from standing
