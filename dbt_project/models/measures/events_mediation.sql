-- grain: one row a mediation case and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['dispute_type', 'channel', 'tier'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set cases = ref('fct_mediation_cases') -%}
{#- a case is followed from acceptance to its conclusion, to the last day of the data or for a year, whichever comes first -#}
{% set followed -%}
(
    select
        cases.*,
        coalesce(
            cases.concluded_on <= cutoff.cutoff_on and cases.days_to_conclude <= {{ longest_follow_up() }}, false
        ) as is_seen_to_conclude,
        least({{ days_between('cases.accepted_on', 'cutoff.cutoff_on') }}, {{ longest_follow_up() }}) as days_followed
    from {{ cases }} as cases
    cross join cutoff
    where cases.accepted_on <= cutoff.cutoff_on and not cases.is_of_unknown_duration
) as followed
{%- endset -%}
with months as (select * from {{ source('catalogue', 'months') }}),

cutoff as (select max(month_end) as cutoff_on from months)

{% for measure, month, where in mediation_flags() -%}
{{ event(cases, measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event(
    cases, 'mediation_agreement_amount', 'concluded_month', kinds, 'is_agreed and agreement_amount > 0',
    value='agreement_amount'
) }}
union all
{{ event(
    cases, 'mediation_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event(
    followed, 'mediation_cohort_days', 'accepted_month', kinds, 'is_seen_to_conclude', bucket='days_to_conclude'
) }}
union all
{{ event(
    followed, 'mediation_cohort_open_days', 'accepted_month', kinds, 'not is_seen_to_conclude', bucket='days_followed'
) }}
union all
{{ stock_events(cases, mediation_stocks(), kinds) }}
