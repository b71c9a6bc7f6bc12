-- grain: one row a petition matter, placed where the matter arose
{{ kept_up_to_date('cases', ['petition_matters'], 'registered_month') }}

with matters as (
    {{ cases_to_judge('petition_matters') }}
),

areas as (select * from {{ ref('dim_areas') }}),

clocks as (select * from {{ source('catalogue', 'clocks') }}),

limits as (
    {{ limits_of('clocks', 'petition_matters', ['forwarding', 'informing']) }}
),

timed as (
    select
        matters.*,
        areas.leaf_code,
        registered_in.district_leaf_code as registration_district_code,
        coalesce(matters.registering_body_type, 'petition_office') = 'petition_office' as has_forwarding_limit,
        {{ days_after('matters.registered_on', 'limits.forwarding_days') }} as forward_by,
        {{ days_after('coalesce(matters.exchanged_on, matters.registered_on)', 'limits.informing_days') }} as inform_by,
        coalesce(matters.extended_to, matters.due_on) as deadline,
        matters.concluded_on is not null and coalesce(matters.first_or_repeat = 'first', false) as is_to_rate,
        case
            when matters.concluded_on is not null
                then {{ days_between('matters.registered_on', 'matters.concluded_on') }}
        end as days_to_conclude
    from matters
    inner join areas on matters.area_code = areas.area_code
    left join areas as registered_in on matters.registration_area_code = registered_in.area_code
    cross join limits
)

select
    case_key,
    cell_number,
    sender,
    leaf_code as area_code,
    registration_district_code,
    registered_on,
    {{ month_of('registered_on') }} as registered_month,
    case when has_forwarding_limit then {{ month_of('forward_by') }} end as forward_by_month,
    {{ month_of('inform_by') }} as inform_by_month,
    concluded_on,
    {{ month_of('concluded_on') }} as concluded_month,
    deadline as deadline_on,
    {{ month_of('deadline') }} as deadline_month,
    petition_form,
    route as petition_route,
    coalesce(persons, 0) as persons,
    coalesce(first_or_repeat = 'repeat', false) as is_repeat,
    coalesce(is_first_here, false) as is_first_here,
    coalesce(is_first_nationwide, false) as is_first_nationwide,
    coalesce(petition_form = 'visit' and is_collective, false) as is_collective_visit,
    coalesce(petition_form = 'visit' and not is_step_by_step, false) as is_skip_level_visit,
    coalesce(is_taken_up_by_leader, false) as is_taken_up_by_leader,
    has_forwarding_limit and coalesce(exchanged_on <= forward_by, false) as is_forwarded_in_time,
    coalesce(informed_on <= inform_by, false) as is_informed_in_time,
    coalesce(route = 'petition_opinion', false) and deadline is not null as has_deadline,
    coalesce(route = 'petition_opinion' and concluded_on <= deadline, false) as is_on_time,
    coalesce(days_to_conclude between 0 and 60, false) as is_concluded_within_60_days,
    is_to_rate,
    is_to_rate and coalesce(satisfaction_with_office <> 'not_rated', false) as is_office_rated,
    is_to_rate and coalesce(satisfaction_with_office in ('satisfied', 'fairly_satisfied'), false) as is_satisfied_with_office,
    is_to_rate and coalesce(satisfaction_with_unit <> 'not_rated', false) as is_unit_rated,
    is_to_rate and coalesce(satisfaction_with_unit in ('satisfied', 'fairly_satisfied'), false) as is_satisfied_with_unit,
    days_to_conclude
from timed
