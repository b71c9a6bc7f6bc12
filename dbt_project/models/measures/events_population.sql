-- grain: one row a district, month and measure: a year's residents stand in all its months; a district without them is no row of a file
{{ config(materialized='view') }}
{% set systems = systems_of_residents() -%}
with residents as (select * from {{ ref('fct_residents') }}),

reported_districts as (select * from {{ ref('reported_districts') }}),

months as (select * from {{ source('catalogue', 'months') }}),

by_month as (
    select residents.case_key, residents.cell_number, residents.area_code, months.month, residents.residents
    from residents
    inner join months on residents.year = extract(year from months.month)
),

{% for system, table, is_flow in systems -%}
{{ system }}_districts as (
    select distinct reported_districts.area_code, months.month
    from reported_districts
    inner join months
        on reported_districts.month {{ '<=' if is_flow else '=' }} months.month
        and extract(year from reported_districts.month) = extract(year from months.month)
    where reported_districts.table_name = '{{ table }}'
),

{{ system }}_residents as (
    select by_month.*
    from by_month
    inner join {{ system }}_districts
        on by_month.area_code = {{ system }}_districts.area_code
        and by_month.month = {{ system }}_districts.month
),

{{ system }}_reported as (
    select
        cast(null as binary) as case_key,
        cast(0 as bigint) as cell_number,
        reported_districts.area_code,
        reported_districts.month,
        case when by_month.residents is null then 1 else 0 end as lacks_residents
    from reported_districts
    left join by_month
        on reported_districts.area_code = by_month.area_code
        and reported_districts.month = by_month.month
    where reported_districts.table_name = '{{ table }}'
){{ ',' if not loop.last }}

{% endfor -%}
{{ event('by_month', 'population_residents', 'month', value='residents') }}
{% for system, table, is_flow in systems -%}
union all
{{ event(system ~ '_residents', system ~ '_residents', 'month', value='residents') }}
union all
{{ event(system ~ '_reported', system ~ '_without_residents', 'month', value='lacks_residents') }}
{% endfor -%}
