-- grain: one row an application for reconsideration, placed in the district of the body that received it
{{ kept_up_to_date('cases', ['reconsideration_cases'], 'received_month') }}

with cases as (
    {{ cases_to_judge('reconsideration_cases') }}
),

areas as (select * from {{ ref('dim_areas') }}),

clocks as (select * from {{ source('catalogue', 'clocks') }}),

working_days as (select * from {{ source('catalogue', 'working_days') }}),

limits as (
    {{ limits_of('clocks', 'reconsideration_cases', ['examination', 'decision', 'decision_summary']) }}
),

-- an application that is not accepted ends with its examination
judged as (
    select
        cases.*,
        areas.district_leaf_code,
        coalesce(cases.accepted_on, case when cases.decision = 'not_accepted' then cases.concluded_on end) as examined_on,
        cases.concluded_on is not null and coalesce(cases.decision, '') <> 'not_accepted' as is_concluded,
        case
            when cases.accepted_on is not null and cases.procedure = 'ordinary'
                then coalesce(cases.extended_to, {{ days_after('cases.accepted_on', 'limits.decision_days') }})
            when cases.procedure = 'summary' then {{ days_after('cases.accepted_on', 'limits.decision_summary_days') }}
        end as deadline_on,
        limits.examination_days
    from cases
    inner join areas on cases.area_code = areas.area_code
    cross join limits
),

timed as (
    select
        judged.*,
        examined.working_day_number - received.working_day_number as working_days_to_examine,
        judged.is_concluded
        and judged.has_later_litigation is not null
        and judged.has_later_petition is not null as is_followed_up
    from judged
    left join working_days as received on judged.received_on = received.day
    left join working_days as examined on judged.examined_on = examined.day
)

select
    case_key,
    cell_number,
    district_leaf_code as area_code,
    received_on,
    {{ month_of('received_on') }} as received_month,
    accepted_on,
    {{ month_of('accepted_on') }} as accepted_month,
    {{ month_of('examined_on') }} as examined_month,
    working_days_to_examine,
    concluded_on,
    case when is_concluded then {{ month_of('concluded_on') }} end as concluded_month,
    deadline_on,
    {{ month_of('deadline_on') }} as deadline_month,
    decision as reconsideration_decision,
    settled_by as reconsideration_settlement,
    examined_on is not null as is_examined,
    coalesce(working_days_to_examine <= examination_days, false) as is_examined_in_time,
    is_concluded,
    is_concluded and settled_by is not null as is_settled,
    is_concluded and coalesce(decision in ('revoked', 'modified', 'unlawful'), false) as is_corrected,
    deadline_on is not null as has_deadline,
    coalesce(concluded_on <= deadline_on, false) as is_on_time,
    is_followed_up,
    is_followed_up and not has_later_litigation and not has_later_petition as is_without_later_dispute
from timed
