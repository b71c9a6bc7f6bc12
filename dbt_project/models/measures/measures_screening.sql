-- grain: one row a leaf area, month found, measure, breakdown and category
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('screening') }}"
) }}

with events as (select * from {{ ref('events_screening') }}),

counted as (
    {{ count_events('events', [
        (['screening_found'], ['event_type', 'tier', 'screening_status']),
        (['screening_resolved', 'screening_eased', 'screening_to_judicial'], ['event_type']),
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
{{ only_touched_months('screening') }}
