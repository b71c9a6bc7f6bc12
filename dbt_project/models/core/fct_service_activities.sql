-- grain: one row a service activity
{{ kept_up_to_date('cases', ['service_activities'], 'held_month') }}

with activities as (
    {{ cases_to_judge('service_activities') }}
),

areas as (select * from {{ ref('dim_areas') }})

select
    activities.case_key,
    activities.cell_number,
    areas.leaf_code as area_code,
    activities.held_on,
    {{ month_of('activities.held_on') }} as held_month,
    activities.activity_type,
    activities.audience,
    activities.activity_sessions,
    activities.attendances,
    activities.persons_served
from activities
inner join areas on activities.area_code = areas.area_code
