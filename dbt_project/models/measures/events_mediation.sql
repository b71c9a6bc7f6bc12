-- grain: one row a mediation case and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['dispute_type', 'channel', 'tier'] -%}
with cases as (select * from {{ ref('fct_mediation_cases') }}),

months as (select * from {{ source('catalogue', 'months') }}),

open_cases as (
    select cases.*, months.month, months.month_end
    from cases
    inner join months
        on cases.accepted_on <= months.month_end
        and (cases.concluded_on is null or cases.concluded_on > months.month_end)
),

cutoff as (select max(month_end) as cutoff_on from months),

-- a case is followed from acceptance to its conclusion, to the last day of the data or for a year, whichever comes first
followed as (
    select
        cases.*,
        coalesce(
            cases.concluded_on <= cutoff.cutoff_on and cases.days_to_conclude <= {{ longest_follow_up() }}, false
        ) as is_seen_to_conclude,
        least({{ days_between('cases.accepted_on', 'cutoff.cutoff_on') }}, {{ longest_follow_up() }}) as days_followed
    from cases
    cross join cutoff
    where cases.accepted_on <= cutoff.cutoff_on and not cases.is_of_unknown_duration
)

{% for measure, month, where in [
    ('mediation_accepted', 'accepted_month', none),
    ('mediation_difficult', 'accepted_month', 'is_difficult_case'),
    ('mediation_agreed_within_60_days', 'accepted_month', 'is_agreed_within_60_days'),
    ('mediation_days_unknown', 'accepted_month', 'is_of_unknown_duration'),
    ('mediation_concluded', 'concluded_month', 'is_concluded'),
    ('mediation_agreed', 'concluded_month', 'is_agreed'),
    ('mediation_not_agreed', 'concluded_month', 'is_not_agreed'),
    ('mediation_withdrawn_or_terminated', 'concluded_month', 'is_withdrawn_or_terminated'),
    ('mediation_within_30_days', 'concluded_month', 'is_within_30_days'),
    ('mediation_written', 'concluded_month', 'is_written_agreement'),
    ('mediation_confirmed', 'concluded_month', 'is_confirmed_agreement'),
    ('mediation_agreed_in_village', 'concluded_month', 'is_agreed_in_village'),
    ('mediation_agreed_in_township', 'concluded_month', 'is_agreed_in_township'),
    ('mediation_reopened', 'concluded_month', 'is_reopened_agreement'),
    ('mediation_escalation_prevented', 'concluded_month', 'is_escalation_prevented'),
    ('mediation_group_incident_prevented', 'concluded_month', 'is_group_incident_prevented'),
    ('mediation_confirmation_requested', 'confirmation_requested_month', 'confirmation_requested_month is not null'),
    ('mediation_performance_due', 'perform_by_month', 'is_performance_due'),
    ('mediation_performed', 'perform_by_month', 'is_performance_due and is_performed'),
    ('mediation_partly_performed', 'perform_by_month', 'is_performance_due and is_partly_performed')
] -%}
{{ event('cases', measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event(
    'cases', 'mediation_agreement_amount', 'concluded_month', kinds, 'is_agreed and agreement_amount > 0',
    value='agreement_amount'
) }}
union all
{{ event(
    'cases', 'mediation_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event(
    'followed', 'mediation_cohort_days', 'accepted_month', kinds, 'is_seen_to_conclude', bucket='days_to_conclude'
) }}
union all
{{ event(
    'followed', 'mediation_cohort_open_days', 'accepted_month', kinds, 'not is_seen_to_conclude', bucket='days_followed'
) }}
union all
{{ event('open_cases', 'mediation_open', 'month', kinds) }}
union all
{{ event('open_cases', 'mediation_overdue', 'month', kinds, 'deadline_on < month_end') }}
union all
{{ event(
    'open_cases', 'mediation_soon_overdue', 'month', kinds,
    'deadline_on between month_end and ' ~ days_after('month_end', 7)
) }}
