-- grain: one row a mediation case in the book (approved; drafts and void records stay out)
{{ kept_up_to_date('cases', ['mediation_cases'], 'accepted_month') }}

with cases as (
    {{ cases_to_judge('mediation_cases') }}
),

areas as (select * from {{ ref('dim_areas') }}),

clocks as (select * from {{ source('catalogue', 'clocks') }}),

judged as (
    select
        cases.*,
        areas.leaf_code,
        clocks.days as days_allowed,
        coalesce(cases.record_status, 'approved') = 'approved' as is_in_book,
        cases.concluded_on is not null and coalesce(cases.outcome, '') <> 'pending' as is_concluded
    from cases
    inner join areas on cases.area_code = areas.area_code
    left join clocks on clocks.table_name = 'mediation_cases' and clocks.clock = 'mediation'
),

timed as (
    select
        *,
        is_concluded and coalesce(outcome, '') = 'agreed' as is_agreed,
        case when is_concluded then {{ days_between('accepted_on', 'concluded_on') }} end as days_to_conclude
    from judged
    where is_in_book
)

select
    case_key,
    cell_number,
    sender,
    leaf_code as area_code,
    accepted_on,
    {{ month_of('accepted_on') }} as accepted_month,
    case when is_concluded then concluded_on end as concluded_on,
    case when is_concluded then {{ month_of('concluded_on') }} end as concluded_month,
    coalesce(extended_to, {{ days_after('accepted_on', 'days_allowed') }}) as deadline_on,
    {{ month_of('perform_by') }} as perform_by_month,
    {{ month_of('confirmation_requested_on') }} as confirmation_requested_month,
    channel,
    dispute_type,
    tier,
    agreement_amount,
    is_concluded,
    is_agreed,
    is_concluded and coalesce(outcome = 'not_agreed', false) as is_not_agreed,
    is_concluded and coalesce(outcome in ('withdrawn', 'terminated'), false) as is_withdrawn_or_terminated,
    is_agreed and coalesce(agreement_form = 'written', false) as is_written_agreement,
    is_agreed and coalesce(agreement_form = 'written' and confirmation_result = 'confirmed', false) as is_confirmed_agreement,
    is_agreed and perform_by is not null and coalesce(performance, '') <> 'not_due' as is_performance_due,
    is_agreed and coalesce(performance = 'performed', false) as is_performed,
    is_agreed and coalesce(performance = 'partly', false) as is_partly_performed,
    is_agreed and coalesce(tier in ('grid', 'village'), false) as is_agreed_in_village,
    is_agreed and coalesce(tier in ('grid', 'village', 'township'), false) as is_agreed_in_township,
    is_agreed and coalesce(is_reopened, false) as is_reopened_agreement,
    coalesce(is_difficult, false) as is_difficult_case,
    is_concluded and coalesce(has_prevented_escalation, false) as is_escalation_prevented,
    is_concluded and coalesce(has_prevented_group_incident, false) as is_group_incident_prevented,
    coalesce(days_to_conclude between 0 and 30, false) as is_within_30_days,
    is_agreed and coalesce(days_to_conclude between 0 and 60, false) as is_agreed_within_60_days,
    coalesce(days_to_conclude < 0, concluded_on is null and coalesce(outcome, 'pending') <> 'pending') as is_of_unknown_duration,
    days_to_conclude
from timed
