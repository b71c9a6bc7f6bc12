-- grain: one row a dispute found by screening
with screenings as (select * from {{ ref('stg_dispute_screenings') }}),

areas as (select * from {{ ref('dim_areas') }})

select
    screenings.case_key,
    screenings.cell_number,
    areas.leaf_code as area_code,
    screenings.found_on,
    {{ month_of('screenings.found_on') }} as found_month,
    screenings.event_type,
    screenings.tier,
    screenings.screening_status,
    screenings.screening_status = 'resolved' as is_resolved,
    screenings.screening_status = 'eased' as is_eased,
    screenings.screening_status = 'to_judicial' as is_to_judicial
from screenings
inner join areas on screenings.area_code = areas.area_code
