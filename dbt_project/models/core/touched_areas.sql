-- grain: one row a counted lake table and area in which a changed case counts or has counted (none where the build is a full one)
{{ made_of() }}
{% set tables = [
    ('mediation_cases', ['area_code']),
    ('dispute_screenings', ['area_code']),
    ('petition_matters', ['area_code', 'registration_area_code']),
    ('reconsideration_cases', ['area_code']),
    ('service_activities', ['area_code'])
] -%}
{% set with_changes = tables_with_changes() -%}
with areas as (select * from {{ ref('dim_areas') }}),

{% for table, places in tables if table in with_changes -%}
{{ table }}_versions as (
    {{ versions_of_changed(table) }}
),

{% endfor -%}
{% for form in forms() if form in with_changes -%}
{{ form }}_versions as (
    {{ versions_of_changed(form) }}
),

{% endfor -%}
named as (
    select cast(null as string) as table_name, cast(null as string) as area_code
    from areas
    where false
    {% for table, places in tables if table in with_changes -%}
    {% for place in places -%}
    union
    select '{{ table }}' as table_name, {{ place }} as area_code from {{ table }}_versions
    {% endfor -%}
    {% endfor -%}
    {% for form in forms() if form in with_changes -%}
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
