-- grain: one row a leaf area, month, measure, breakdown and category, and days to conclude for the histogram
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('mediation') }}"
) }}

with cases as (select * from {{ ref('fct_mediation_cases') }}),

months as (select * from {{ source('catalogue', 'months') }}),

flows as (
    select
        area_code, accepted_month as month, 'mediation_accepted' as measure, dispute_type, channel, tier, cell_number
    from cases
    union all
    select
        area_code, concluded_month as month, 'mediation_concluded' as measure, dispute_type, channel, tier, cell_number
    from cases
    where is_concluded
    union all
    select
        area_code, concluded_month as month, 'mediation_agreed' as measure, dispute_type, channel, tier, cell_number
    from cases
    where is_agreed
),

timed as (
    select area_code, concluded_month as month, 'mediation_within_30_days' as measure, cell_number
    from cases
    where is_within_30_days
),

durations as (
    select
        area_code,
        concluded_month as month,
        'mediation_days_to_conclude' as measure,
        least(days_to_conclude, {{ longest_duration() }}) as days,
        cell_number
    from cases
    where days_to_conclude >= 0
),

stocks as (
    select cases.area_code, months.month, 'mediation_open' as measure, cases.cell_number
    from cases
    inner join months
        on cases.accepted_on <= months.month_end
        and (cases.concluded_on is null or cases.concluded_on > months.month_end)
),

counted as (
    {{ count_events('flows', ['dispute_type', 'channel', 'tier']) }}
    union all
    {{ count_events('timed', []) }}
    union all
    {{ count_events('durations', [], bucket='days') }}
    union all
    {{ count_events('stocks', []) }}
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
{{ only_touched_months('mediation') }}
