-- grain: one row a system and month that this build must count again (all months where the build is a full one)
with request as (select * from {{ source('catalogue', 'build_request') }}),

months as (select * from {{ source('catalogue', 'months') }}),

{% for system, table, spans_from, spans_to in [
    ('mediation', 'mediation_cases', 'accepted_on', "case when coalesce(versions.outcome, '') <> 'pending' then versions.concluded_on end"),
    ('screening', 'dispute_screenings', 'found_on', 'versions.found_on'),
    ('petition', 'petition_matters', 'registered_on', 'versions.concluded_on'),
    ('correction', 'correction_monthly', 'month', 'versions.month')
] -%}
{{ system }}_changed as (
    select distinct versions.case_key
    from {{ source('lake', table) }} as versions
    inner join request
        on versions.ledger_sequence > request.previous_sequence and versions.ledger_sequence <= request.sequence
),

{{ system }}_months as (
    select distinct months.month
    from {{ source('lake', table) }} as versions
    inner join {{ system }}_changed on versions.case_key = {{ system }}_changed.case_key
    inner join months
        on months.month_end >= versions.{{ spans_from }}
        {%- if system == 'petition' %}
        and (
            coalesce(versions.concluded_on, months.month_end) >= months.month
            or {{ month_of('coalesce(versions.extended_to, versions.due_on)') }} = months.month
        )
        {%- else %}
        and coalesce({{ spans_to }}, months.month_end) >= months.month
        {%- endif %}
),

{% endfor -%}
systems as (
    select 'mediation' as system
    union all
    select 'screening' as system
    union all
    select 'petition' as system
    union all
    select 'correction' as system
),

whole as (
    select systems.system, months.month
    from systems
    cross join months
    inner join request on request.is_full or months.month > request.previous_last_month
),

changed as (
    select 'mediation' as system, month from mediation_months
    union all
    select 'screening' as system, month from screening_months
    union all
    select 'petition' as system, month from petition_months
    union all
    select 'correction' as system, month from correction_months
    union all
    select system, month from whole
)

select distinct system, month
from changed
