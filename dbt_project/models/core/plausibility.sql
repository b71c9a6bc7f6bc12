-- grain: one row a check of the books, table, sender and month: in how many cases (towns, lines) of how many it was so
{% set tables = ['mediation_cases', 'petition_matters'] + forms() -%}
{{ kept_up_to_date('books', tables) }}
{% set touched_months = ref('touched_months') %}
with mediation as (select * from {{ ref('fct_mediation_cases') }}),

petition as (select * from {{ ref('fct_petition_matters') }}),

forms as (select * from {{ ref('fct_form_months') }}),

concluded as (
    select
        'mediation_cases' as table_name,
        sender,
        area_code,
        concluded_month as month,
        concluded_on,
        days_to_conclude,
        case when is_agreed then 1 else 0 end as agreed
    from mediation
    where is_concluded {{ and_in_books('mediation_cases', 'concluded_month') }}
    union all
    select
        'petition_matters' as table_name,
        sender,
        area_code,
        concluded_month as month,
        concluded_on,
        days_to_conclude,
        cast(null as integer) as agreed
    from petition
    where concluded_on is not null {{ and_in_books('petition_matters', 'concluded_month') }}
),

-- the cases are read once: what is found in them is put below each other when there is a row for each town only
by_town as (
    select
        table_name,
        sender,
        month,
        count(*) as concluded,
        count(case when days_to_conclude = 0 then 1 end) as on_the_same_day,
        count(case when {{ days_after('concluded_on', 3) }} >= {{ first_of_next_month('month') }} then 1 end) as in_the_last_days,
        sum(agreed) as agreed
    from concluded
    group by table_name, sender, area_code, month
),

repeated_lines as (
    select
        later.table_name,
        later.sender,
        later.month,
        case when later.value = earlier.value then 1 else 0 end as is_found
    from forms as later
    inner join forms as earlier
        on later.table_name = earlier.table_name
        and later.sender = earlier.sender
        and later.area_code = earlier.area_code
        and later.item = earlier.item
        and later.category = earlier.category
        and later.month = {{ first_of_next_month('earlier.month') }}
    where later.value >= 10
),

checked as (
    select 'concluded_on_the_same_day' as book_check, table_name, sender, month, on_the_same_day as found, concluded as checked
    from by_town
    union all
    select 'concluded_in_the_last_three_days' as book_check, table_name, sender, month, in_the_last_days as found, concluded as checked
    from by_town
    union all
    select
        'town_with_all_agreed' as book_check,
        table_name,
        sender,
        month,
        case when agreed = concluded then 1 else 0 end as found,
        1 as checked
    from by_town
    where agreed is not null and concluded >= 10
    union all
    select 'line_as_in_the_month_before' as book_check, table_name, sender, month, is_found as found, 1 as checked
    from repeated_lines
    {{ only_changed('books', forms()) }}
)

select
    book_check,
    table_name,
    sender,
    month,
    cast(sum(found) as bigint) as found,
    cast(sum(checked) as bigint) as checked
from checked
group by book_check, table_name, sender, month
