-- grain: one row a leaf area, month, measure, breakdown and category, and days for the histograms
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('petition') }}"
) }}

with events as (select * from {{ ref('events_petition') }}),

counted as (
    {{ count_events('events', [
        (['petition_matters'], ['petition_form', 'petition_route']),
        (['petition_persons'], ['petition_form']),
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
{{ only_touched_months('petition') }}
