-- grain: one row a leaf area, month, measure, breakdown and category
with events as (select * from {{ ref('events_service') }}),

counted as (
    {{ count_events('events', [
        (
            ['service_activities', 'service_sessions', 'service_attendances', 'service_persons_served'],
            ['activity_type', 'audience']
        ),
    ]) }}
)

select
    area_code,
    month,
    measure,
    breakdown,
    category,
    bucket,
    value,
    cell_key
from counted
