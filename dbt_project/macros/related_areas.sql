{# Which areas a report says something of: its own, what lies in it and what lies around it. #}
{% macro related_areas(ancestors, areas) -%}
    select ancestor_code as reported_code, area_code from {{ ancestors }}
    union
    select area_code as reported_code, ancestor_code as area_code from {{ ancestors }}
    union
    -- what is not assigned to a district of a city is known as far as the city is
    select {{ ancestors }}.area_code as reported_code, {{ areas }}.area_code
    from {{ ancestors }}
    inner join {{ areas }} on {{ ancestors }}.ancestor_code = {{ areas }}.parent_code
    where {{ areas }}.is_not_assigned and {{ areas }}.level = 'district'
{%- endmacro %}
