-- grain: one row an application for reconsideration and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['reconsideration_decision', 'reconsideration_settlement'] -%}
with cases as (select * from {{ ref('fct_reconsideration_cases') }}),

months as (select * from {{ source('catalogue', 'months') }}),

open_cases as (
    select cases.*, months.month
    from cases
    inner join months
        on cases.accepted_on <= months.month_end
        and (cases.concluded_on is null or cases.concluded_on > months.month_end)
)

{% for measure, month, where in [
    ('reconsideration_received', 'received_month', none),
    ('reconsideration_accepted', 'accepted_month', 'accepted_on is not null'),
    ('reconsideration_examined', 'examined_month', 'is_examined'),
    ('reconsideration_examined_in_known_time', 'examined_month', 'working_days_to_examine is not null'),
    ('reconsideration_examined_in_time', 'examined_month', 'is_examined_in_time'),
    ('reconsideration_concluded', 'concluded_month', 'is_concluded'),
    ('reconsideration_settled', 'concluded_month', 'is_settled'),
    ('reconsideration_corrected', 'concluded_month', 'is_corrected'),
    ('reconsideration_followed_up', 'concluded_month', 'is_followed_up'),
    ('reconsideration_without_later_dispute', 'concluded_month', 'is_without_later_dispute'),
    ('reconsideration_due', 'deadline_month', 'has_deadline'),
    ('reconsideration_on_time', 'deadline_month', 'is_on_time')
] -%}
{{ event('cases', measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event('open_cases', 'reconsideration_open', 'month', kinds) }}
