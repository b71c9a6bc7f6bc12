-- grain: one row a district, month, measure, breakdown and category
with events as (select * from {{ ref('events_reconsideration') }}),

counted as (
    {{ count_events('events', [
        (['reconsideration_concluded'], ['reconsideration_decision']),
        (['reconsideration_settled'], ['reconsideration_settlement']),
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
