{# What a build writes again. A first build, a full one and every build on Spark write all; else DuckDB deletes and writes,
   in one transaction, the part that has changed since the build before: of facts the changed cases (`catalogue.changed_cases`),
   of what is counted the months or coverage that they touch. So a month that lost all its cases ends up empty. #}

{# The monthly forms. #}
{% macro forms() -%}
    {{ return(['mediation_monthly', 'screening_monthly', 'correction_monthly', 'resettlement_monthly', 'petition_monthly']) }}
{%- endmacro %}

{# How a model is kept up to date: by `cases`, `months`, `books` or `coverage` (`condition_of`) of these lake tables; cases have a
   `month` that is among those touched by a changed case, in which alone it is looked for. #}
{% macro kept_up_to_date(by, tables=[], month=none) -%}
    {{ config(
        materialized=incremental_or_table(),
        incremental_strategy='append' if target.type == 'duckdb' else none,
        on_schema_change='fail' if target.type == 'duckdb' else 'ignore',
        pre_hook="{{ delete_changed('" ~ by ~ "', ['" ~ tables | join("', '") ~ "'], '" ~ (month or '') ~ "') }}",
        meta={'by': by, 'tables': tables}
    ) }}
    {#- built before it; a unit test has nothing built before #}
    {%- set touched_months = ref('touched_months') if month and model.resource_type == 'model' %}
    {{- made_of(tables) }}
{%- endmacro %}

{# Of which lake tables a table is made that is written again only where they have changed, or the calendar has; without tables
   it is written at every build. The build selects tables by these tags. Views stay, as their SQL is that of the build before. #}
{% macro made_of(tables=[]) -%}
    {{ config(tags=tables or ['every_build']) }}
{%- endmacro %}

{% macro delete_changed(by, tables, month) -%}
    {% if is_incremental() -%}
        delete from {{ this }} where {{ condition_of(by, tables) }}
        {%- if month %} and {{ month }} in ({{ dates_in(touched_for(tables).changed) or 'null' }}){% endif %}
    {%- endif %}
{%- endmacro %}

{% macro only_changed(by, tables=[]) -%}
    {% if is_incremental() -%}
        where {{ condition_of(by, tables) }}
    {%- endif %}
{%- endmacro %}

{# Which rows belong to what has changed. Months and districts stand there as they are, because only so does the engine look for
   nothing but them in all that is added up. Where cases have changed, their districts are counted again, and where the last day
   of the data has moved, what is followed to it; all else is of all areas. #}
{% macro condition_of(by, tables) -%}
    {% set listed = "('" ~ tables | join("', '") ~ "')" -%}
    {% if by == 'cases' -%}
        case_key in (select case_key from catalogue.changed_cases where table_name in {{ listed }})
    {%- elif by == 'months' -%}
        ({{ condition_of_months('month', tables) }}
        {%- if touched_for(tables).followed %}
        or (month >= date '{{ followed_since() }}' and measure in ('{{ followed_measures() | join("', '") }}'))
        {%- endif %})
    {%- elif by == 'books' -%}
        {% set touched = {} -%}
        {% for row in run_query('select distinct table_name, month from core.touched_months where table_name in ' ~ listed ~ ' order by all').rows -%}
            {% set months = touched.setdefault(row[0], []) -%}
            {% do months.extend(["date '" ~ row[1] ~ "'", first_of_next_month("date '" ~ row[1] ~ "'")]) -%}
        {% endfor -%}
        (false{% for table, months in touched.items() %} or (table_name = '{{ table }}' and month in ({{ months | join(', ') }})){% endfor %})
    {%- elif by == 'coverage' -%}
        (coverage, area_code, period) in (select coverage, area_code, period from core.touched_coverage)
    {%- endif %}
{%- endmacro %}

{# The same of cases by one of their months; what is followed is counted from events. Where months are touched in some areas only,
   nothing but months and areas stands there: the engine then looks for them before it reads anything else. #}
{% macro condition_of_months(month, tables) -%}
    {% set touched, conditions = touched_for(tables), [] -%}
    {% if touched.everywhere -%}
        {% do conditions.append(month ~ ' in (' ~ dates_in(touched.everywhere) ~ ')') -%}
    {%- endif %}
    {%- if touched.changed and touched.districts -%}
        {% do conditions.append(
            '(' ~ month ~ ' in (' ~ dates_in(touched.changed) ~ ") and area_code between '" ~ touched.districts | first ~ "000000' and '"
            ~ touched.districts | last ~ "999999' and substr(area_code, 1, 6) in ('" ~ touched.districts | join("', '") ~ "'))"
        ) -%}
    {%- endif %}
    {{- conditions | join(' or ') or 'false' }}
{%- endmacro %}

{# The months that these lake tables touch in the areas of changed cases, everywhere, and for what is followed; of the areas the
   six digits of their districts, which are looked for sooner than all their towns (and the span of codes sooner still). What is only shown anew, or no longer
   (`revealed`), has been counted before. #}
{% macro touched_for(tables) -%}
    {% set of_tables = "where table_name in ('" ~ tables | join("', '") ~ "')" -%}
    {% set touched = {'everywhere': [], 'changed': [], 'followed': []} -%}
    {% for row in run_query('select distinct cause, month from core.touched_months ' ~ of_tables ~ " and cause <> 'revealed' order by all").rows -%}
        {% do touched[row[0] if row[0] in touched else 'everywhere'].append(row[1]) -%}
    {% endfor -%}
    {% set found = run_query('select distinct substr(area_code, 1, 6) from core.touched_areas ' ~ of_tables ~ ' order by all') -%}
    {% set districts = found.columns[0].values() -%}
    {{ return(dict(touched, districts=districts)) }}
{%- endmacro %}

{# The first month of which a case may still be followed when the last day of the data moves. It may lie before the first month that
   anybody has reported: cases do. #}
{% macro followed_since() -%}
    {% set since = month_of(days_after('last_day(previous_last_month)', '-' ~ longest_follow_up())) -%}
    {{ return(run_query('select ' ~ since ~ ' from catalogue.build_request').columns[0].values()[0]) }}
{%- endmacro %}

{% macro dates_in(months) -%}
    {% for month in months %}date '{{ month }}'{{ ', ' if not loop.last }}{% endfor %}
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
    {{ cases_of(table, changed=true) }}
{%- endmacro %}

{% macro cases_of(table, only=none, changed=false) -%}
    {{ newest_cells(table, only, changed) if table in forms() else newest_version(table, only=only, changed=changed) }}
{%- endmacro %}

{# A measure table: what its `caller` counts, of the months that these lake tables touch; without tables all, at each build. #}
{% macro measure_table(tables=[]) -%}
    {% if tables -%}
        {{ kept_up_to_date('months', tables) }}
        {%- set touched_months, touched_areas = ref('touched_months'), ref('touched_areas') -%}
    {%- else -%}
        {{ made_of() }}
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
    {% if not execute or target.name != 'duckdb' -%}
        {% do return(relation) %}
    {%- endif %}
    {% set name, test = relation.identifier, model.test_metadata -%}
    {% set is_of_cases = name.startswith('stg_') and name not in ['stg_organisations', 'stg_population'] -%}
    {% set kept = graph.nodes.values() | selectattr('name', 'equalto', name) | map(attribute='config.meta') | selectattr('by', 'defined') | first -%}
    {% if run_query('select is_full from catalogue.build_request').columns[0].values()[0] -%}
        {% if is_of_cases and test.name in ['filled', 'relationships'] -%}
            {% do return('(' ~ cases_of(name[4:], only=suspects_of(name[4:], test)) ~ ') as part') %}
        {%- elif kept and kept.by == 'months' and test.name == 'unique_combination' -%}
            {% do return('(' ~ last_year_of(relation) ~ ') as part') %}
        {%- endif %}
        {% do return(relation) %}
    {%- endif %}
    {% if kept and kept.by == 'months' and test.name == 'relationships' -%}
        {#- the names of measures stand in the SQL and the declarations, of which a change builds, and tests, everything -#}
        {% do return('(select * from ' ~ relation ~ ' where false) as part') %}
    {%- elif kept and not (kept.by == 'cases' and test.name == 'unique_combination') -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ condition_of(kept.by, kept.tables) ~ ') as part') %}
    {%- elif is_of_cases -%}
        {% do return('(' ~ changed_cases_of(name[4:]) ~ ') as part') %}
    {%- endif %}
    {% do return(relation) %}
{%- endmacro %}

{# Where all measures are counted, twins are looked for among those of the last year. Each measure is grouped by all that must
   not be alike, so that only what is counted in two places has twins, and has them in every year. #}
{% macro last_year_of(measures) -%}
    select * from {{ measures }}
    where month > (select {{ days_after('max(month)', -365) }} from {{ source('catalogue', 'months') }})
{%- endmacro %}

{# The cases that can fail a test of staged rows, where all are looked at: those that have some version that does, and those that
   the corrections register corrects. The versions of no others need be ranked. #}
{% macro suspects_of(table, test) -%}
    select case_key from lake.{{ table }}
    {% if test.name == 'filled' -%}
    where {{ test.kwargs.columns | join(' is null or ') }} is null
    {%- else -%}
    where {{ test.kwargs.column_name }} not in (select areas.{{ test.kwargs.field }} from catalogue.areas)
    {%- endif %}
    union all
    select case_key from catalogue.row_corrections where table_name = '{{ table }}' and case_key is not null
{%- endmacro %}

{# Of these lake tables those of which some delivery is by a sender that is not registered for them; all where nobody can say. #}
{% macro tables_of_unregistered_senders(tables) -%}
    {% if not execute -%}
        {% do return(tables) %}
    {%- endif %}
    {% set found = run_query(
        'select distinct ledger.table_name from catalogue.ledger left join catalogue.senders '
        ~ 'on ledger.table_name = senders.table_name and ledger.sender = senders.sender where senders.sender is null'
    ).columns[0].values() -%}
    {% do return(tables | select('in', found) | list) %}
{%- endmacro %}
