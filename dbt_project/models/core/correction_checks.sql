-- grain: one row an entry of the corrections register that stands: whether its source still shows what it expects
{% set cell = ['sender', 'area_code', 'month', 'item', 'category'] -%}
with corrections as (select * from {{ source('catalogue', 'corrections') }})
{%- for form in forms() %},

{{ form }}_keys as (
    select versions.case_key
    from {{ source('lake', form) }} as versions
    inner join corrections
        on corrections.table_name = '{{ form }}'
        {%- for column in cell %}
        and versions.{{ column }} = corrections.{{ column }}
        {%- endfor %}
),

{{ form }}_cells as (
    {{ newest_version(form, cell + ['value'], only='select case_key from ' ~ form ~ '_keys') }}
)
{%- endfor %},

cells as (
    {% for form in forms() -%}
    {{ 'union all' if not loop.first }}
    select '{{ form }}' as table_name, {{ cell | join(', ') }}, value from {{ form }}_cells
    {% endfor %}
)

select
    corrections.correction,
    corrections.table_name,
    count(cells.sender) > 0 as is_found,
    count(case when cells.value = corrections.expected then 1 end) > 0 as is_applied
from corrections
left join cells
    on corrections.table_name = cells.table_name
    {%- for column in cell %}
    and corrections.{{ column }} = cells.{{ column }}
    {%- endfor %}
group by corrections.correction, corrections.table_name
