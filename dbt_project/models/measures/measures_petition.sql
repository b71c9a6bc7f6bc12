-- grain: one row a leaf area, month, measure, breakdown and category, and days to conclude for the histogram
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('petition') }}"
) }}

with matters as (select * from {{ ref('fct_petition_matters') }}),

months as (select * from {{ source('catalogue', 'months') }}),

registered as (
    select area_code, registered_month as month, 'petition_matters' as measure, petition_form, cell_number
    from matters
),

single as (
    select area_code, registered_month as month, 'petition_repeat' as measure, cell_number
    from matters
    where is_repeat
    union all
    select area_code, concluded_month as month, 'petition_concluded' as measure, cell_number
    from matters
    where concluded_on is not null
    union all
    select area_code, deadline_month as month, 'petition_due' as measure, cell_number
    from matters
    where has_deadline
    union all
    select area_code, deadline_month as month, 'petition_on_time' as measure, cell_number
    from matters
    where has_deadline and is_on_time
    union all
    select matters.area_code, months.month, 'petition_open' as measure, matters.cell_number
    from matters
    inner join months
        on matters.registered_on <= months.month_end
        and (matters.concluded_on is null or matters.concluded_on > months.month_end)
),

durations as (
    select
        area_code,
        concluded_month as month,
        'petition_days_to_conclude' as measure,
        least(days_to_conclude, {{ longest_duration() }}) as days,
        cell_number
    from matters
    where days_to_conclude >= 0
),

person_times as (
    select
        area_code, registered_month as month, 'petition_persons' as measure, petition_form, persons, cell_number
    from matters
    where persons > 0
),

counted as (
    {{ count_events('registered', ['petition_form']) }}
    union all
    {{ count_events('single', []) }}
    union all
    {{ count_events('durations', [], bucket='days') }}
    union all
    {{ count_events('person_times', ['petition_form'], value='sum(persons)') }}
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
