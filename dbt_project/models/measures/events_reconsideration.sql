-- grain: one row an application for reconsideration and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['reconsideration_decision', 'reconsideration_settlement'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set cases = ref('fct_reconsideration_cases') -%}
with months as (select * from {{ source('catalogue', 'months') }}),

open_cases as (
    select cases.*, months.month
    from {{ cases }} as cases
    inner join months
        on cases.accepted_on <= months.month_end
        and (cases.concluded_on is null or cases.concluded_on > months.month_end)
)

{% for measure, month, where in reconsideration_flags() -%}
{{ event(cases, measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event('open_cases', 'reconsideration_open', 'month', kinds) }}
