-- grain: one row a dispute found by screening
{{ kept_up_to_date('cases', ['dispute_screenings'], 'found_month') }}

with screenings as (
    {{ cases_to_judge('dispute_screenings') }}
),

areas as (select * from {{ ref('dim_areas') }}),

judged as (
    select
        screenings.*,
        areas.leaf_code,
        screenings.screening_status = 'resolved' as is_resolved
    from screenings
    inner join areas on screenings.area_code = areas.area_code
)

select
    case_key,
    cell_number,
    leaf_code as area_code,
    found_on,
    {{ month_of('found_on') }} as found_month,
    event_type,
    tier,
    channel,
    method as screening_method,
    mechanisms,
    screening_status,
    is_resolved,
    is_resolved and coalesce(tier in ('grid', 'village'), false) as is_resolved_in_village,
    is_resolved and coalesce(tier in ('grid', 'village', 'township'), false) as is_resolved_in_township,
    is_resolved
    and coalesce({{ days_between('found_on', 'resolved_on') }} between 0 and 60, false) as is_resolved_within_60_days,
    screening_status = 'eased' as is_eased,
    screening_status = 'to_judicial' as is_to_judicial
from judged
