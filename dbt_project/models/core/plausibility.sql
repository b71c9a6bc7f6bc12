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
    where is_concluded
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
    where concluded_on is not null
),

towns as (
    select table_name, sender, area_code, month, count(*) as concluded, sum(agreed) as agreed
    from concluded
    where agreed is not null
    group by table_name, sender, area_code, month
    having count(*) >= 10
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
    select
        'concluded_on_the_same_day' as book_check,
        table_name,
        sender,
        month,
        case when days_to_conclude = 0 then 1 else 0 end as is_found
    from concluded
    union all
    select
        'concluded_in_the_last_three_days' as book_check,
        table_name,
        sender,
        month,
        case when {{ days_after('concluded_on', 3) }} >= {{ first_of_next_month('month') }} then 1 else 0 end as is_found
    from concluded
    union all
    select
        'town_with_all_agreed' as book_check,
        table_name,
        sender,
        month,
        case when agreed = concluded then 1 else 0 end as is_found
    from towns
    union all
    select 'line_as_in_the_month_before' as book_check, table_name, sender, month, is_found
    from repeated_lines
)

select
    book_check,
    table_name,
    sender,
    month,
    cast(sum(is_found) as bigint) as found,
    cast(count(*) as bigint) as checked
from checked
{{ only_changed('books', tables) }}
group by book_check, table_name, sender, month
