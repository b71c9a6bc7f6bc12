-- grain: one row a petition matter and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['petition_form'] -%}
with matters as (select * from {{ ref('fct_petition_matters') }}),

months as (select * from {{ source('catalogue', 'months') }}),

open_matters as (
    select matters.*, months.month
    from matters
    inner join months
        on matters.registered_on <= months.month_end
        and (matters.concluded_on is null or matters.concluded_on > months.month_end)
)

{{ event('matters', 'petition_matters', 'registered_month', kinds) }}
union all
{{ event('matters', 'petition_persons', 'registered_month', kinds, 'persons > 0', value='persons') }}
union all
{{ event('matters', 'petition_repeat', 'registered_month', kinds, 'is_repeat') }}
union all
{{ event('matters', 'petition_concluded', 'concluded_month', kinds, 'concluded_on is not null') }}
union all
{{ event('matters', 'petition_due', 'deadline_month', kinds, 'has_deadline') }}
union all
{{ event('matters', 'petition_on_time', 'deadline_month', kinds, 'has_deadline and is_on_time') }}
union all
{{ event(
    'matters', 'petition_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event('open_matters', 'petition_open', 'month', kinds) }}
