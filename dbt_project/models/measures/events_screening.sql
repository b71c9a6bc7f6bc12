-- grain: one row a dispute found and measure it counts in
{{ config(materialized='view') }}
{% set kinds = ['event_type', 'tier', 'screening_status', 'channel', 'screening_method'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set screenings = ref('fct_dispute_screenings') -%}
{% for measure, month, where in screening_flags() -%}
{{ 'union all' if not loop.first }}
{{ event(screenings, measure, month, kinds, where) }}
{% endfor %}
