-- grain: one row a leaf area, month found, measure, breakdown and category
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('screening') }}"
) }}

with screenings as (select * from {{ ref('fct_dispute_screenings') }}),

found as (
    select
        area_code, found_month as month, 'screening_found' as measure, event_type, tier, screening_status, cell_number
    from screenings
),

outcomes as (
    select area_code, found_month as month, 'screening_resolved' as measure, event_type, cell_number
    from screenings
    where is_resolved
    union all
    select area_code, found_month as month, 'screening_eased' as measure, event_type, cell_number
    from screenings
    where is_eased
    union all
    select area_code, found_month as month, 'screening_to_judicial' as measure, event_type, cell_number
    from screenings
    where is_to_judicial
),

counted as (
    {{ count_events('found', ['event_type', 'tier', 'screening_status']) }}
    union all
    {{ count_events('outcomes', ['event_type']) }}
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
