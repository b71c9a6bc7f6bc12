-- grain: one row a leaf area, month found, measure, breakdown and category
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('screening') }}"
) }}

with events as (select * from {{ ref('events_screening') }}),

mechanism_parts as (select * from {{ ref('events_screening_mechanisms') }}),

counted as (
    {{ count_events('events', [
        (['screening_found'], ['event_type', 'tier', 'screening_status', 'channel', 'screening_method']),
        (['screening_resolved'], ['event_type', 'tier']),
        (['screening_eased', 'screening_to_judicial'], ['event_type']),
    ]) }}
    union all
    {{ count_categories('mechanism_parts', ['screening_by_mechanism'], 'mechanism') }}
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
