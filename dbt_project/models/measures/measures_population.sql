-- grain: one row a district, month and measure
with events as (select * from {{ ref('events_population') }}),

counted as (
    {{ count_events('events') }}
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
