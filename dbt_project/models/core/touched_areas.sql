-- grain: one row a counted lake table and area in which a changed case counts or has counted (none where the build is a full one)
{{ made_of() }}
{% set tables = [
    ('mediation_cases', ['area_code']),
    ('dispute_screenings', ['area_code']),
    ('petition_matters', ['area_code', 'registration_area_code']),
    ('reconsideration_cases', ['area_code']),
    ('service_activities', ['area_code'])
] -%}
with areas as (select * from {{ ref('dim_areas') }}),

{% for table, places in tables -%}
{{ table }}_versions as (
    {{ versions_of_changed(table) }}
),

{% endfor -%}
{% for form in forms() -%}
{{ form }}_versions as (
    {{ versions_of_changed(form) }}
),

{% endfor -%}
named as (
    {% for table, places in tables -%}
    {% set first = loop.first -%}
    {% for place in places -%}
    {{ 'union' if not (first and loop.first) }}
    select '{{ table }}' as table_name, {{ place }} as area_code from {{ table }}_versions
    {% endfor -%}
    {% endfor -%}
    {% for form in forms() -%}
    union
    select '{{ form }}' as table_name, area_code from {{ form }}_versions
    {% endfor -%}
)

-- a measure counts at the area that is named, at what is not assigned in it, or at its district
select named.table_name, named.area_code
from named
union
select named.table_name, areas.leaf_code as area_code
from named
inner join areas on named.area_code = areas.area_code
union
select named.table_name, areas.district_leaf_code as area_code
from named
inner join areas on named.area_code = areas.area_code
