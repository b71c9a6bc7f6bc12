-- grain: one row an area and one of its ancestors, itself included
with areas as (select * from {{ ref('dim_areas') }}),

first_step as (select area_code, area_code as ancestor_code, parent_code as next_code from areas),

{% for step, before in [('second_step', 'first_step'), ('third_step', 'second_step'), ('fourth_step', 'third_step')] -%}
{{ step }} as (
    select {{ before }}.area_code, areas.area_code as ancestor_code, areas.parent_code as next_code
    from {{ before }}
    inner join areas on {{ before }}.next_code = areas.area_code
),

{% endfor -%}
steps as (
    select * from first_step
    union all
    select * from second_step
    union all
    select * from third_step
    union all
    select * from fourth_step
)

select
    steps.area_code,
    steps.ancestor_code,
    areas.level as ancestor_level
from steps
inner join areas on steps.ancestor_code = areas.area_code
