-- grain: one row a petition matter and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['petition_form', 'petition_route'] -%}
with matters as (select * from {{ ref('fct_petition_matters') }}),

months as (select * from {{ source('catalogue', 'months') }}),

by_registration as (
    select case_key, cell_number, registration_district_code as area_code, registered_month, petition_form, petition_route
    from matters
    where registration_district_code is not null
),

open_matters as (
    select matters.*, months.month, months.month_end
    from matters
    inner join months
        on matters.registered_on <= months.month_end
        and (matters.concluded_on is null or matters.concluded_on > months.month_end)
),

cutoff as (select max(month_end) as cutoff_on from months),

-- a matter is followed from registration to its conclusion, to the last day of the data or for a year, whichever comes first
followed as (
    select
        matters.*,
        coalesce(
            matters.concluded_on <= cutoff.cutoff_on and matters.days_to_conclude <= {{ longest_follow_up() }}, false
        ) as is_seen_to_conclude,
        least({{ days_between('matters.registered_on', 'cutoff.cutoff_on') }}, {{ longest_follow_up() }}) as days_followed
    from matters
    cross join cutoff
    where matters.registered_on <= cutoff.cutoff_on and coalesce(matters.days_to_conclude, 0) >= 0
)

{% for measure, month, where in [
    ('petition_matters', 'registered_month', none),
    ('petition_online', 'registered_month', "petition_form = 'online'"),
    ('petition_repeat', 'registered_month', 'is_repeat'),
    ('petition_first_here', 'registered_month', 'is_first_here'),
    ('petition_first_nationwide', 'registered_month', 'is_first_nationwide'),
    ('petition_collective_visits', 'registered_month', 'is_collective_visit'),
    ('petition_skip_level_visits', 'registered_month', 'is_skip_level_visit'),
    ('petition_taken_up_by_leader', 'registered_month', 'is_taken_up_by_leader'),
    ('petition_taken_up_by_leader_concluded', 'registered_month', 'is_taken_up_by_leader and concluded_on is not null'),
    ('petition_concluded_within_60_days', 'registered_month', 'is_concluded_within_60_days'),
    ('petition_forwarding_due', 'forward_by_month', 'forward_by_month is not null'),
    ('petition_forwarded_in_time', 'forward_by_month', 'is_forwarded_in_time'),
    ('petition_informing_due', 'inform_by_month', none),
    ('petition_informed_in_time', 'inform_by_month', 'is_informed_in_time'),
    ('petition_due', 'deadline_month', 'has_deadline'),
    ('petition_on_time', 'deadline_month', 'has_deadline and is_on_time'),
    ('petition_concluded', 'concluded_month', 'concluded_on is not null'),
    ('petition_to_rate', 'concluded_month', 'is_to_rate'),
    ('petition_office_rated', 'concluded_month', 'is_office_rated'),
    ('petition_satisfied_with_office', 'concluded_month', 'is_satisfied_with_office'),
    ('petition_unit_rated', 'concluded_month', 'is_unit_rated'),
    ('petition_satisfied_with_unit', 'concluded_month', 'is_satisfied_with_unit')
] -%}
{{ event('matters', measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event('matters', 'petition_persons', 'registered_month', kinds, 'persons > 0', value='persons') }}
union all
{{ event(
    'matters', 'petition_collective_persons', 'registered_month', kinds, 'is_collective_visit and persons > 0', value='persons'
) }}
union all
{{ event('by_registration', 'petition_matters_by_registration', 'registered_month', kinds) }}
union all
{{ event(
    'matters', 'petition_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event(
    'followed', 'petition_cohort_days', 'registered_month', kinds, 'is_seen_to_conclude', bucket='days_to_conclude'
) }}
union all
{{ event(
    'followed', 'petition_cohort_open_days', 'registered_month', kinds, 'not is_seen_to_conclude', bucket='days_followed'
) }}
union all
{{ event('open_matters', 'petition_open', 'month', kinds) }}
union all
{{ event('open_matters', 'petition_overdue', 'month', kinds, 'has_deadline and deadline_on < month_end') }}
union all
{{ event(
    'open_matters', 'petition_soon_overdue', 'month', kinds,
    'has_deadline and deadline_on between month_end and ' ~ days_after('month_end', 7)
) }}
