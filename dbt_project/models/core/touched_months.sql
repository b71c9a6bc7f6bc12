-- grain: one row a system and month that this build must count again (all months where the build is a full one)
with request as (select * from {{ source('catalogue', 'build_request') }}),

months as (select * from {{ source('catalogue', 'months') }}),

clocks as (select * from {{ source('catalogue', 'clocks') }}),

limits as (
    {{ limits_of('clocks', 'petition_matters', ['forwarding', 'informing']) }}
),

withdrawn as (
    select withdrawals.case_key
    from {{ source('lake', 'withdrawals') }} as withdrawals
    inner join request
        on withdrawals.ledger_sequence > request.previous_sequence and withdrawals.ledger_sequence <= request.sequence
),

{% for system, table, events, open_between in [
    ('mediation', 'mediation_cases', ['accepted_on', 'concluded_on', 'perform_by', 'confirmation_requested_on'], [
        'accepted_on', "case when coalesce(outcome, '') <> 'pending' then concluded_on end"
    ]),
    ('screening', 'dispute_screenings', ['found_on'], none),
    ('petition', 'petition_matters', [
        'registered_on', 'concluded_on', 'coalesce(extended_to, due_on)', days_after('registered_on', 'forwarding_days'),
        days_after('coalesce(exchanged_on, registered_on)', 'informing_days')
    ], ['registered_on', 'concluded_on']),
    ('mediation_form', 'mediation_monthly', ['month'], none),
    ('screening_form', 'screening_monthly', ['month'], none),
    ('correction_form', 'correction_monthly', ['month'], none),
    ('resettlement_form', 'resettlement_monthly', ['month'], none),
    ('petition_form', 'petition_monthly', ['month'], none)
] -%}
{{ system }}_changed as (
    select versions.case_key
    from {{ source('lake', table) }} as versions
    inner join request
        on versions.ledger_sequence > request.previous_sequence and versions.ledger_sequence <= request.sequence
    union
    select case_key from withdrawn
),

{{ system }}_versions as (
    select versions.*, limits.forwarding_days, limits.informing_days
    from {{ source('lake', table) }} as versions
    inner join {{ system }}_changed on versions.case_key = {{ system }}_changed.case_key
    cross join limits
),

{{ system }}_months as (
    {% for event in events -%}
    {{ 'union all' if not loop.first }}
    select {{ month_of(event) }} as month
    from {{ system }}_versions
    where {{ event }} is not null
    {% endfor -%}
    {% if open_between -%}
    union all
    select months.month
    from {{ system }}_versions
    inner join months
        on months.month_end >= {{ open_between[0] }}
        and coalesce({{ open_between[1] }}, months.month_end) >= months.month
    {% endif -%}
),

{% endfor -%}
systems as (
    select 'mediation' as system
    union all
    select 'screening' as system
    union all
    select 'petition' as system
    union all
    select 'forms' as system
),

whole as (
    select systems.system, months.month
    from systems
    cross join months
    inner join request
        on request.is_full
        or months.month < request.previous_first_month
        or months.month > request.previous_last_month
),

-- what is open on the last day of the data is followed to that day: when it moves, so do the cohorts not yet followed to their end
followed as (
    select systems.system, months.month
    from systems
    cross join months
    inner join request
        on systems.system in ('mediation', 'petition')
        and request.last_month > request.previous_last_month
        and {{ days_after('months.month_end', longest_follow_up()) }} > last_day(request.previous_last_month)
),

changed as (
    select 'mediation' as system, month from mediation_months
    union all
    select 'screening' as system, month from screening_months
    union all
    select 'petition' as system, month from petition_months
    union all
    {% for form in ['mediation', 'screening', 'correction', 'resettlement', 'petition'] -%}
    select 'forms' as system, month from {{ form }}_form_months
    union all
    {% endfor -%}
    select system, month from followed
    union all
    select system, month from whole
)

select distinct system, month
from changed
