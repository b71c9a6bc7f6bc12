{# What a build writes again. A first build, a full one and every build on Spark write all; else DuckDB deletes and writes,
   in one transaction, the part that has changed since the build before: of facts the changed cases (`catalogue.changed_cases`),
   of what is counted the months, periods or coverage that they touch. So a month that lost all its cases ends up empty. #}

{# The monthly forms. #}
{% macro forms() -%}
    {{ return(['mediation_monthly', 'screening_monthly', 'correction_monthly', 'resettlement_monthly', 'petition_monthly']) }}
{%- endmacro %}

{# How a model is kept up to date: by `cases`, `months`, `periods`, ... (`condition_of`) of these lake tables. #}
{% macro kept_up_to_date(by, tables=[]) -%}
    {{ config(
        materialized=incremental_or_table(),
        incremental_strategy='append' if target.type == 'duckdb' else none,
        on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
        pre_hook="{{ delete_changed('" ~ by ~ "', ['" ~ tables | join("', '") ~ "']) }}",
        meta={'by': by, 'tables': tables}
    ) }}
{%- endmacro %}

{% macro delete_changed(by, tables) -%}
    {% if is_incremental() -%}
        delete from {{ this }} where {{ condition_of(by, tables) }}
    {%- endif %}
{%- endmacro %}

{% macro only_changed(by, tables=[]) -%}
    {% if is_incremental() -%}
        where {{ condition_of(by, tables) }}
    {%- endif %}
{%- endmacro %}

{# Which rows belong to what has changed. Months stand there as they are, because only so does the engine look for nothing but
   them in all that is added up. #}
{% macro condition_of(by, tables) -%}
    {% set listed = "('" ~ tables | join("', '") ~ "')" -%}
    {% if by == 'cases' -%}
        case_key in (select case_key from catalogue.changed_cases where table_name in {{ listed }})
    {%- elif by == 'months' -%}
        {% set months = run_query('select distinct month from core.touched_months where table_name in ' ~ listed).columns[0].values() -%}
        month in (null{% for month in months %}, date '{{ month }}'{% endfor %})
    {%- elif by == 'books' -%}
        {% set months = run_query('select distinct month from core.touched_months where table_name in ' ~ listed).columns[0].values() -%}
        month in (null{% for month in months %}, date '{{ month }}', {{ first_of_next_month("date '" ~ month ~ "'") }}{% endfor %})
    {%- elif by == 'months_of_periods' -%}
        {% set touched = 'from core.touched_periods inner join catalogue.period_months using (period)' -%}
        {% set months = run_query('select distinct month ' ~ touched).columns[0].values() -%}
        month in (null{% for month in months %}, date '{{ month }}'{% endfor %})
        and measure in (select measure from core.touched_periods)
    {%- elif by == 'periods' -%}
        (measure, period) in (select measure, period from core.touched_periods)
    {%- elif by == 'coverage' -%}
        (coverage, area_code, period) in (select coverage, area_code, period from core.touched_coverage)
    {%- endif %}
{%- endmacro %}

{# The cases of a table that a build judges. Of an incremental build it ranks the versions of the changed cases only, where
   the view of the newest versions would rank those of all. #}
{% macro cases_to_judge(table) -%}
    {% if is_incremental() -%}
        {{ changed_cases_of(table) }}
    {%- else -%}
        select * from {{ ref('stg_' ~ table) }}
    {%- endif %}
{%- endmacro %}

{% macro changed_cases_of(table) -%}
    {{ newest_cells(table, changed=true) if table in forms() else newest_version(table, changed=true) }}
{%- endmacro %}

{# A measure table: what its `caller` counts, of the months that these lake tables touch; without tables all, at each build. #}
{% macro measure_table(tables=[]) -%}
    {% if tables -%}
        {{ kept_up_to_date('months', tables) }}
        {%- set touched_months = ref('touched_months') -%}
    {%- endif -%}
with counted as (
    {{ caller() }}
)

select
    area_code,
    month,
    measure,
    breakdown,
    category,
    bucket,
    value,
    cell_key
from counted
{{ only_changed('months', tables) if tables }}
{%- endmacro %}

{# The tests of a build look at what it has written again; the rest has passed them before. Whether a changed case stands where
   another does is asked of all cases: the other need not have changed. #}
{% macro get_where_subquery(relation) -%}
    {% if not execute or target.name != 'duckdb' or run_query('select is_full from catalogue.build_request').columns[0].values()[0] -%}
        {% do return(relation) %}
    {%- endif %}
    {% set name = relation.identifier -%}
    {% set kept = graph.nodes.values() | selectattr('name', 'equalto', name) | map(attribute='config.meta') | selectattr('by', 'defined') | first -%}
    {% if kept and not (kept.by == 'cases' and model.test_metadata.name == 'unique_combination') -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ condition_of(kept.by, kept.tables) ~ ') as part') %}
    {%- elif name.startswith('stg_') and name not in ['stg_organisations', 'stg_population'] -%}
        {% do return('(' ~ changed_cases_of(name[4:]) ~ ') as part') %}
    {%- endif %}
    {% do return(relation) %}
{%- endmacro %}
