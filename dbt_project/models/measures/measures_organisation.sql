-- grain: one row a district, month, measure, breakdown and category
with events as (select * from {{ ref('events_organisation') }}),

counted as (
    {{ count_events('events', [
        (['organisation_committees', 'organisation_governance_centres'], ['tier']),
        (['organisation_talent_pool'], ['profession']),
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
