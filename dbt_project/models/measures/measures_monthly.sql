-- grain: one row a leaf area, month, measure, breakdown, category and bucket
{{ config(materialized='view') }}
{% set columns = 'area_code, month, measure, breakdown, category, bucket, value, cell_key' -%}
with mediation as (select * from {{ ref('measures_mediation') }}),

screening as (select * from {{ ref('measures_screening') }}),

petition as (select * from {{ ref('measures_petition') }}),

correction as (select * from {{ ref('measures_correction') }})

select {{ columns }} from mediation
union all
select {{ columns }} from screening
union all
select {{ columns }} from petition
union all
select {{ columns }} from correction
