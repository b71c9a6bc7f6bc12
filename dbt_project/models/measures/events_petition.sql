-- grain: one row a petition matter and measure it counts in; of stocks one a month
{{ config(materialized='view') }}
{% set kinds = ['petition_form', 'petition_route'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set matters = ref('fct_petition_matters') -%}
{#- a matter is followed from registration to its conclusion, to the last day of the data or for a year, whichever comes first -#}
{% set followed -%}
(
    select
        matters.*,
        coalesce(
            matters.concluded_on <= cutoff.cutoff_on and matters.days_to_conclude <= {{ longest_follow_up() }}, false
        ) as is_seen_to_conclude,
        least({{ days_between('matters.registered_on', 'cutoff.cutoff_on') }}, {{ longest_follow_up() }}) as days_followed
    from {{ matters }} as matters
    cross join cutoff
    where matters.registered_on <= cutoff.cutoff_on and coalesce(matters.days_to_conclude, 0) >= 0
) as followed
{%- endset -%}
with months as (select * from {{ source('catalogue', 'months') }}),

by_registration as (
    select case_key, cell_number, registration_district_code as area_code, registered_month, petition_form, petition_route
    from {{ matters }}
    where registration_district_code is not null
),

cutoff as (select max(month_end) as cutoff_on from months)

{% for measure, month, where in petition_flags() -%}
{{ event(matters, measure, month, kinds, where) }}
union all
{% endfor -%}
{{ event(matters, 'petition_persons', 'registered_month', kinds, 'persons > 0', value='persons') }}
union all
{{ event(
    matters, 'petition_collective_persons', 'registered_month', kinds, 'is_collective_visit and persons > 0', value='persons'
) }}
union all
{{ event('by_registration', 'petition_matters_by_registration', 'registered_month', kinds) }}
union all
{{ event(
    matters, 'petition_days_to_conclude', 'concluded_month', kinds, 'days_to_conclude >= 0',
    bucket='least(days_to_conclude, ' ~ longest_duration() ~ ')'
) }}
union all
{{ event(
    followed, 'petition_cohort_days', 'registered_month', kinds, 'is_seen_to_conclude', bucket='days_to_conclude'
) }}
union all
{{ event(
    followed, 'petition_cohort_open_days', 'registered_month', kinds, 'not is_seen_to_conclude', bucket='days_followed'
) }}
union all
{{ stock_events(matters, petition_stocks(), kinds) }}
