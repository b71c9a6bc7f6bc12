{# In place of dbt's own: rows are looked for by one number each, as combinations are. #}
{% test unique(model, column_name) -%}
{{ fengqiao.test_unique_combination(model, [column_name]) }}
{%- endtest %}
