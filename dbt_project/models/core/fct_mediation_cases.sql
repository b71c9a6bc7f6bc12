-- grain: one row a mediation case in the book (approved; drafts and void records stay out)
with cases as (select * from {{ ref('stg_mediation_cases') }}),

areas as (select * from {{ ref('dim_areas') }}),

judged as (
    select
        cases.*,
        areas.leaf_code,
        coalesce(cases.record_status, 'approved') = 'approved' as is_in_book,
        cases.concluded_on is not null and coalesce(cases.outcome, '') <> 'pending' as is_concluded
    from cases
    inner join areas on cases.area_code = areas.area_code
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
    leaf_code as area_code,
    accepted_on,
    {{ month_of('accepted_on') }} as accepted_month,
    case when is_concluded then concluded_on end as concluded_on,
    case when is_concluded then {{ month_of('concluded_on') }} end as concluded_month,
    channel,
    dispute_type,
    tier,
    is_concluded,
    is_agreed,
    coalesce(days_to_conclude between 0 and 30, false) as is_within_30_days,
    days_to_conclude
from timed
