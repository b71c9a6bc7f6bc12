-- grain: one row a monthly form, area, month, item and category
{{ kept_up_to_date('cases', forms(), 'month') }}
{% set columns = 'case_key, cell_number, sender, area_code, month, item, category, value' -%}
with areas as (select * from {{ ref('dim_areas') }}),

{% for form in forms() -%}
{{ form }} as (
    {{ cases_to_judge(form) }}
),

{% endfor -%}
lines as (
    {% for form in forms() -%}
    {{ 'union all' if not loop.first }}
    select '{{ form }}' as table_name, {{ columns }} from {{ form }}
    {% endfor %}
)

select
    lines.table_name,
    lines.case_key,
    lines.cell_number,
    lines.sender,
    lines.area_code,
    areas.leaf_code,
    lines.month,
    lines.item,
    lines.category,
    lines.value
from lines
inner join areas on lines.area_code = areas.area_code
