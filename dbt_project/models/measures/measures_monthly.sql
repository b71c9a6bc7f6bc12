-- grain: one row a leaf area, month, measure, breakdown, category and bucket, up to the last month reported for the area
{{ config(materialized='view') }}
{% set columns = 'area_code, month, measure, breakdown, category, bucket, value, cell_key' -%}
with mediation as (select * from {{ ref('measures_mediation') }}),

screening as (select * from {{ ref('measures_screening') }}),

petition as (select * from {{ ref('measures_petition') }}),

reconsideration as (select * from {{ ref('measures_reconsideration') }}),

forms as (select * from {{ ref('measures_forms') }}),

service as (select * from {{ ref('measures_service') }}),

organisation as (select * from {{ ref('measures_organisation') }}),

population as (select * from {{ ref('measures_population') }}),

words as (select * from {{ source('catalogue', 'measures') }}),

-- what is due after an area's last report is not due yet, and stocks after it are not known
reported_until as (select * from {{ ref('reported_until') }}),

counted as (
    select {{ columns }} from mediation
    union all
    select {{ columns }} from screening
    union all
    select {{ columns }} from petition
    union all
    select {{ columns }} from reconsideration
    union all
    select {{ columns }} from forms
    union all
    select {{ columns }} from service
    union all
    select {{ columns }} from organisation
    union all
    select {{ columns }} from population
)

select
    counted.area_code,
    counted.month,
    counted.measure,
    counted.breakdown,
    counted.category,
    counted.bucket,
    counted.value,
    counted.cell_key
from counted
inner join words on counted.measure = words.measure
left join reported_until
    on words.coverage = reported_until.coverage
    and counted.area_code = reported_until.area_code
where reported_until.last_month is null or counted.month <= reported_until.last_month
