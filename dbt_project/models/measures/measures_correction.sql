-- grain: one row a district, month, measure, breakdown and category
{{ config(
    materialized=incremental_or_table(),
    incremental_strategy='append' if target.type == 'duckdb' else none,
    on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
    pre_hook="{{ delete_touched_months('correction') }}"
) }}

with forms as (select * from {{ ref('fct_correction_months') }}),

named as (
    select
        area_code,
        month,
        case item
            when 'closing' then 'correction_caseload'
            when 'received' then 'correction_received'
            when 'discharged' then 'correction_discharged'
            when 'terminated' then 'correction_terminated'
            when 'checks_due' then 'correction_checks_due'
            when 'checks_done' then 'correction_checks_done'
        end as measure,
        case when category = 'total' then 'total' else 'correction_category' end as breakdown,
        category,
        value,
        cell_number
    from forms
),

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
    from named
    where measure is not null
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
{{ only_touched_months('correction') }}
