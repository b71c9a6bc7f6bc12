-- grain: one row a dispute found and measure it counts in
{{ config(materialized='view') }}
{% set kinds = ['event_type', 'tier', 'screening_status'] -%}
with screenings as (select * from {{ ref('fct_dispute_screenings') }})

{{ event('screenings', 'screening_found', 'found_month', kinds) }}
union all
{{ event('screenings', 'screening_resolved', 'found_month', kinds, 'is_resolved') }}
union all
{{ event('screenings', 'screening_eased', 'found_month', kinds, 'is_eased') }}
union all
{{ event('screenings', 'screening_to_judicial', 'found_month', kinds, 'is_to_judicial') }}
