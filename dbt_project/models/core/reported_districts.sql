-- grain: one row a table, district and month for which somebody has reported on the district, a part of it or all around it
{{ made_of() }}
with reporting as (select * from {{ ref('reporting') }}),

areas as (select * from {{ ref('dim_areas') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

districts as (
    select parent_code as area_code, count(*) as townships
    from areas
    where level = 'township' and not is_not_assigned
    group by parent_code
),

related as (
    select area_code as reported_code, ancestor_code as district_code from ancestors
    union
    select ancestor_code as reported_code, area_code as district_code from ancestors
)

select distinct
    reporting.coverage as table_name,
    districts.area_code,
    reporting.month,
    districts.townships
from reporting
inner join related on reporting.area_code = related.reported_code
inner join districts on related.district_code = districts.area_code
where reporting.coverage not like '%:%'
