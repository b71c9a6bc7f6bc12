-- grain: one row a dispute found and measure it counts in
{{ config(materialized='view') }}
{% set kinds = ['event_type', 'tier', 'screening_status', 'channel', 'screening_method'] -%}
with screenings as (select * from {{ ref('fct_dispute_screenings') }})

{% for measure, where in [
    ('screening_found', none),
    ('screening_resolved', 'is_resolved'),
    ('screening_resolved_within_60_days', 'is_resolved_within_60_days'),
    ('screening_resolved_in_village', 'is_resolved_in_village'),
    ('screening_resolved_in_township', 'is_resolved_in_township'),
    ('screening_eased', 'is_eased'),
    ('screening_to_judicial', 'is_to_judicial'),
    ('screening_by_mechanism', 'mechanisms is not null')
] -%}
{{ 'union all' if not loop.first }}
{{ event('screenings', measure, 'found_month', kinds, where) }}
{% endfor %}
