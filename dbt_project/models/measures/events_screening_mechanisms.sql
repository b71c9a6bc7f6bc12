-- grain: one row a dispute found and mechanism it is worked on under; a dispute may have several, so these are parts and no total
{{ config(materialized='view') }}
with screenings as (select * from {{ ref('fct_dispute_screenings') }}),

worked_on as (
    select *, {{ each_code('mechanisms') }} as mechanism
    from screenings
    where mechanisms is not null
)

{{ event('worked_on', 'screening_by_mechanism', 'found_month', ['mechanism']) }}
