-- grain: one row an entry of the corrections register that stands: whether its source still shows what it expects
{{ made_of() }}
{% set cell = ['sender', 'area_code', 'month', 'item', 'category'] -%}
{% set tables = ['mediation_cases', 'dispute_screenings', 'petition_matters', 'reconsideration_cases', 'service_activities',
    'organisations', 'population', 'correction_cases', 'correction_events', 'resettlement_cases'] -%}
{% set corrected = {} -%}
{% for table in rows_corrected(tables) -%}
    {% do corrected.update({table: corrected_columns(table)}) -%}
{% endfor -%}
{% set corrected_forms = tables_corrected(forms()) -%}
with corrections as (select * from {{ source('catalogue', 'corrections') }}),

row_corrections as (select * from {{ source('catalogue', 'row_corrections') }})
{%- for table in corrected %},

{{ table }}_cases as (
    {{ newest_version(
        table, only="select case_key from row_corrections where table_name = '" ~ table ~ "'", as_sent=true
    ) }}
)
{%- endfor %}
{%- for form in corrected_forms %},

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
    {{ newest_version(form, cell + ['case_key', 'value'], only='select case_key from ' ~ form ~ '_keys') }}
)
{%- endfor %},

cells as (
    {% for form in corrected_forms -%}
    {{ 'union all' if not loop.first }}
    select '{{ form }}' as table_name, {{ cell | join(', ') }}, case_key, value from {{ form }}_cells
    {% else -%}
    select table_name, {{ cell | join(', ') }}, cast(null as binary) as case_key, expected as value from corrections where false
    {% endfor %}
),

checked as (
    select
        corrections.correction,
        corrections.table_name,
        cells.case_key,
        cells.value = corrections.expected as is_expected
    from corrections
    left join cells
        on corrections.table_name = cells.table_name
        {%- for column in cell %}
        and corrections.{{ column }} = cells.{{ column }}
        {%- endfor %}
    union all
    -- no delivery has the row that is named
    select correction, table_name, case_key, false as is_expected
    from row_corrections
    where case_key is null
    {%- for table, columns in corrected.items() %}
    {%- for column, type in columns.items() %}
    union all
    select
        row_corrections.correction,
        row_corrections.table_name,
        cases.case_key,
        cases.{{ column }} is not distinct from cast(row_corrections.expected as {{ type }}) as is_expected
    from row_corrections
    left join {{ table }}_cases as cases on row_corrections.case_key = cases.case_key
    where row_corrections.case_key is not null
        and row_corrections.table_name = '{{ table }}'
        and row_corrections.column_name = '{{ column }}'
    {%- endfor %}
    {%- endfor %}
)

select
    correction,
    table_name,
    max(case_key) as case_key,
    count(case_key) > 0 as is_found,
    count(case when case_key is not null and is_expected then 1 end) > 0 as is_applied
from checked
group by correction, table_name
