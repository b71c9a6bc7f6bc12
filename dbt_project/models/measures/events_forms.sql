-- grain: one row a line of a monthly form and measure it counts in; a line may be part of a measure's total and of a category
{{ config(materialized='view') }}
with forms as (select * from {{ ref('fct_form_months') }}),

form_lines as (select * from {{ source('catalogue', 'form_lines') }}),

words as (select * from {{ source('catalogue', 'measures') }})

select
    forms.case_key,
    forms.cell_number,
    case when words.lowest_level = 'township' then forms.leaf_code else forms.area_code end as area_code,
    forms.month,
    form_lines.measure,
    form_lines.breakdown,
    form_lines.measure_category as category,
    forms.value * form_lines.sign as value
from forms
inner join form_lines
    on forms.table_name = form_lines.table_name
    and forms.item = form_lines.item
    and forms.category = form_lines.category
inner join words on form_lines.measure = words.measure
