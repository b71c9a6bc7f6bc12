-- grain: one row a mediation case and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['dispute_type', 'channel', 'tier'] -%}
with cases as (select * from {{ ref('fct_mediation_cases') }}),

months as (select * from {{ source('catalogue', 'months') }}),

open_cases as (
    select cases.*, months.month
    from cases
    inner join months
        on cases.accepted_on <= months.month_end
        and (cases.concluded_on is null or cases.concluded_on > months.month_end)
)

{{ event('cases', 'mediation_accepted', 'accepted_month', kinds) }}
union all
{{ event('cases', 'mediation_concluded', 'concluded_month', kinds, 'is_concluded') }}
union all
{{ event('cases', 'mediation_agreed', 'concluded_month', kinds, 'is_agreed') }}
union all
{{ event('cases', 'mediation_within_30_days', 'concluded_month', kinds, 'is_within_30_days') }}
union all
{{ event(
    'cases', 'mediation_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event('open_cases', 'mediation_open', 'month', kinds) }}
