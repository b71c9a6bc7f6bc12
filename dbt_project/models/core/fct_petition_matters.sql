-- grain: one row a petition matter, placed where the matter arose
with matters as (select * from {{ ref('stg_petition_matters') }}),

areas as (select * from {{ ref('dim_areas') }}),

timed as (
    select
        matters.*,
        areas.leaf_code,
        coalesce(matters.extended_to, matters.due_on) as deadline,
        case
            when matters.concluded_on is not null
                then {{ days_between('matters.registered_on', 'matters.concluded_on') }}
        end as days_to_conclude
    from matters
    inner join areas on matters.area_code = areas.area_code
)

select
    case_key,
    cell_number,
    leaf_code as area_code,
    registered_on,
    {{ month_of('registered_on') }} as registered_month,
    concluded_on,
    {{ month_of('concluded_on') }} as concluded_month,
    deadline as deadline_on,
    {{ month_of('deadline') }} as deadline_month,
    petition_form,
    coalesce(persons, 0) as persons,
    coalesce(first_or_repeat = 'repeat', false) as is_repeat,
    coalesce(route = 'petition_opinion', false) and deadline is not null as has_deadline,
    coalesce(route = 'petition_opinion' and concluded_on <= deadline, false) as is_on_time,
    days_to_conclude
from timed
