-- grain: one row an area, month, measure, breakdown and category
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('forms') }}"
) }}

with events as (select * from {{ ref('events_forms') }}),

counted as (
    select
        area_code,
        month,
        measure,
        breakdown,
        category,
        cast(null as integer) as bucket,
        cast(sum(value) as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from events
    group by area_code, month, measure, breakdown, category
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
{{ only_touched_months('forms') }}
