{# Before a touched month is written again its rows go, in the same transaction: a month that lost all its cases ends up empty. #}
{% macro delete_touched_months(system) -%}
    {% if is_incremental() -%}
        delete from {{ this }}
        where month in (select month from {{ ref('touched_months') }} where system = '{{ system }}')
    {%- endif %}
{%- endmacro %}

{% macro only_touched_months(system) -%}
    {% if is_incremental() -%}
        where month in (select month from {{ ref('touched_months') }} where system = '{{ system }}')
    {%- endif %}
{%- endmacro %}
