-- grain: one row an application for reconsideration and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['reconsideration_decision', 'reconsideration_settlement'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set cases = ref('fct_reconsideration_cases') -%}
{% for measure, month, where in reconsideration_flags() -%}
{{ event(cases, measure, month, kinds, where) }}
union all
{% endfor -%}
{{ stock_events(cases, reconsideration_stocks(), kinds) }}
