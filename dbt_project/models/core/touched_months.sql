-- grain: one row a counted lake table, month that this build must count again and cause (all months where the build is a full one)
{{ made_of() }}
with request as (select * from {{ source('catalogue', 'build_request') }}),

months as (select * from {{ source('catalogue', 'months') }}),

clocks as (select * from {{ source('catalogue', 'clocks') }}),

changed_cases as (select * from {{ source('catalogue', 'changed_cases') }}),

words as (select * from {{ source('catalogue', 'measures') }}),

reported_anew as (select * from {{ ref('reported_anew') }}),

reported_until as (select * from {{ ref('reported_until') }}),

reported_until_before as (select * from {{ source('catalogue', 'reported_until_before') }}),

counted_tables as (select distinct table_name from words),

limits as (
    {{ limits_of('clocks', 'petition_matters', ['forwarding', 'informing']) }}
),

limits_of_decision as (
    {{ limits_of('clocks', 'reconsideration_cases', ['decision', 'decision_summary']) }}
),

{% set tables = [
    ('mediation_cases', ['accepted_on', 'concluded_on', 'perform_by', 'confirmation_requested_on'], [
        'accepted_on', "case when coalesce(outcome, '') <> 'pending' then concluded_on end"
    ]),
    ('dispute_screenings', ['found_on'], none),
    ('petition_matters', [
        'registered_on', 'concluded_on', 'coalesce(extended_to, due_on)', days_after('registered_on', 'forwarding_days'),
        days_after('coalesce(exchanged_on, registered_on)', 'informing_days')
    ], ['registered_on', 'concluded_on']),
    ('reconsideration_cases', [
        'received_on', 'accepted_on', 'concluded_on', 'extended_to', days_after('accepted_on', 'decision_days'),
        days_after('accepted_on', 'decision_summary_days')
    ], ['accepted_on', 'concluded_on']),
    ('service_activities', ['held_on'], none),
    ('mediation_monthly', ['month'], none),
    ('screening_monthly', ['month'], none),
    ('correction_monthly', ['month'], none),
    ('resettlement_monthly', ['month'], none),
    ('petition_monthly', ['month'], none)
] -%}
{% set with_changes = tables_with_changes() -%}
{% for table, events, open_between in tables if table in with_changes -%}
{{ table }}_versions as (
    select versions.*, limits.*, limits_of_decision.*
    from (
    {{ versions_of_changed(table) }}
    ) as versions
    cross join limits
    cross join limits_of_decision
),

{% endfor -%}
-- a changed case touches the months of all its versions on every date, and those at whose end one of them is open
changed as (
    select table_name, cast(null as date) as month
    from changed_cases
    where false
    {% for table, events, open_between in tables if table in with_changes -%}
    {% for event in events -%}
    union all
    select '{{ table }}' as table_name, {{ month_of(event) }} as month
    from {{ table }}_versions
    where {{ event }} is not null
    {% endfor -%}
    {% if open_between -%}
    union all
    select '{{ table }}' as table_name, months.month
    from {{ table }}_versions
    inner join months
        on months.month_end >= {{ open_between[0] }}
        and coalesce({{ open_between[1] }}, months.month_end) >= months.month
    {% endif -%}
    {% endfor -%}
),

whole as (
    select counted_tables.table_name, months.month
    from counted_tables
    cross join months
    inner join request
        on request.is_full
        or months.month < request.previous_first_month
        or months.month > request.previous_last_month
),

-- what is open on the last day of the data is followed to that day: when it moves, so do the cohorts not yet followed to their end
followed as (
    select counted_tables.table_name, months.month
    from counted_tables
    cross join months
    inner join request
        on counted_tables.table_name in ('mediation_cases', 'petition_matters')
        and request.last_month > request.previous_last_month
        and {{ days_after('months.month_end', longest_follow_up()) }} > last_day(request.previous_last_month)
),

-- what lies after an area's last report is not shown: when that moves, what is between is shown, or no longer
moved as (
    select distinct
        coalesce(reported_until.coverage, reported_until_before.coverage) as coverage,
        reported_until.last_month,
        reported_until_before.last_month as last_month_before
    from reported_until
    full outer join reported_until_before
        on reported_until.coverage = reported_until_before.coverage
        and reported_until.area_code = reported_until_before.area_code
    where reported_until.last_month is distinct from reported_until_before.last_month
),

revealed as (
    select split_part(moved.coverage, ':', 1) as table_name, months.month
    from moved
    inner join months
        on (moved.last_month is null or months.month <= moved.last_month)
        <> (moved.last_month_before is null or months.month <= moved.last_month_before)
),

-- a count of organisations holds for months, a figure of residents for a year and wherever somebody has reported in it
held as (
    select changed_cases.table_name, months.month
    from changed_cases
    cross join months
    where changed_cases.table_name in ('organisations', 'population')
    union all
    select 'population' as table_name, months.month
    from reported_anew
    inner join months on extract(year from reported_anew.month) = extract(year from months.month)
    where reported_anew.coverage in {{ listed(systems_of_residents() | map(attribute=1)) }}
    union all
    select 'organisations' as table_name, month
    from reported_anew
    where coverage = 'organisations'
),

touched as (
    select table_name, month, 'changed' as cause from changed
    union all
    select table_name, month, 'whole' as cause from whole
    union all
    select table_name, month, 'followed' as cause from followed
    union all
    select table_name, month, 'revealed' as cause from revealed
    union all
    select table_name, month, 'held' as cause from held
)

select distinct table_name, month, cause
from touched
