{# Before a touched month is written again its rows go, in the same transaction: a month that lost all its cases ends up empty. #}
{% macro delete_touched_months(system) -%}
    {% if is_incremental() -%}
        delete from {{ this }}
        where month in (select month from {{ ref('touched_months') }} where system = '{{ system }}')
    {%- endif %}
{%- endmacro %}

{# Named outside the condition, or dbt would not learn while parsing that the model depends on it. #}
{% macro only_touched_months(system) -%}
    {% set touched_months = ref('touched_months') -%}
    {% if is_incremental() -%}
        where month in (select month from {{ touched_months }} where system = '{{ system }}')
    {%- endif %}
{%- endmacro %}
