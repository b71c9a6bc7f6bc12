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

{# Whether this build counts all of it; the database of an edition and Spark know of no other. #}
{% macro is_full_build() -%}
    {% if target.name != 'duckdb' -%}
        {{ return(true) }}
    {%- endif -%}
    {{ return(run_query('select is_full from catalogue.build_request').columns[0].values()[0]) }}
{%- endmacro %}

{# What the contract says of a model's columns is compared with its SQL where all is built: changed SQL is always built so, and
   to ask again has the engine plan every model twice. Whatever is built, the engine writes into columns of the contract's types. #}
{% macro duckdb__get_assert_columns_equivalent(sql) -%}
    {{ return(assert_columns_equivalent(sql) if is_full_build() else '') }}
{%- endmacro %}

{% macro delete_changed(by, tables, month) -%}
    {% if is_incremental() -%}
        delete from {{ this }} where {{ condition_of(by, tables) }}
        {%- if month %} and {{ in_months(month, touched_for(tables).changed) }}{% endif %}
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
    {% if by == 'cases' -%}
        case_key in (select case_key from catalogue.changed_cases where table_name in {{ listed(tables) }})
    {%- elif by == 'months' -%}
        {% set touched = touched_for(tables) -%}
        {% set cohorts = followed_cohorts() if touched.followed else [] -%}
        {{ between_the_first_and_last_of(touched.parts | map(attribute='months') | sum(start=[]) + cohorts | map(attribute='month') | list) }}
        and ({{ condition_of_months('month', touched) }}{{ ' or ' ~ condition_of_cohorts(cohorts) if cohorts }})
    {%- elif by == 'books' -%}
        {{ condition_of_books(tables) }}
    {%- elif by == 'coverage' -%}
        (coverage, area_code, period) in (select coverage, area_code, period from core.touched_coverage)
    {%- endif %}
{%- endmacro %}

{# The same of cases by one of their months, given what is touched (`touched_for`); what is followed is counted from events. #}
{% macro condition_of_months(month, touched) -%}
    {% set conditions = [] -%}
    {% for part in touched.parts -%}
        {% do conditions.append('(' ~ in_months(month, part.months) ~ ' and ' ~ in_districts('area_code', part.districts) ~ ')') -%}
    {%- endfor %}
    {{- conditions | join(' or ') or 'false' }}
{%- endmacro %}

{# Looked for in the table itself, before anything else is asked of a row. #}
{% macro between_the_first_and_last_of(months) -%}
    {% if months -%}
        month between date '{{ months | min }}' and date '{{ months | max }}'
    {%- else -%}
        false
    {%- endif %}
{%- endmacro %}

{# What is counted again because the last day of the data has moved: where cases are open, whatever is followed; of those seen to
   conclude, of each month the days on which a case of it may have been concluded since the day with which the data ended before. #}
{% macro condition_of_cohorts(cohorts) -%}
    (month >= date '{{ cohorts[0].month }}' and measure in {{ listed(followed_measures('open')) }})
    or (measure in {{ listed(followed_measures('concluded')) }} and (
        {%- for cohort in cohorts -%}
        {{ ' or ' if not loop.first }}(month = date '{{ cohort.month }}' and bucket between {{ cohort.first_day }} and {{ cohort.last_day }})
        {%- endfor -%}
    ))
{%- endmacro %}

{# The months of which a case may still be followed when the last day of the data moves, and of each the first and last day after
   its beginning on which a case may be concluded between the two last days. They may begin before the first month that anybody
   has reported: cases do. #}
{% macro followed_cohorts() -%}
    {% set since = month_of(days_after('last_day(previous_last_month)', '-' ~ longest_follow_up())) -%}
    {% set ends = 'last_day(previous_last_month), last_day(last_month)' -%}
    {% set first, ended, ends = run_query('select ' ~ since ~ ', ' ~ ends ~ ' from catalogue.build_request').rows[0] -%}
    {% set cohorts, months = [], [first] -%}
    {% for _ in range(12 * (ends.year - first.year) + ends.month - first.month + 1) -%}
        {% set month = months.pop() -%}
        {% do months.append((month + modules.datetime.timedelta(31)).replace(day=1)) -%}
        {% do cohorts.append({
            'month': month, 'first_day': (ended - months[0]).days + 2, 'last_day': (ends - month).days
        }) -%}
    {%- endfor %}
    {{ return(cohorts) }}
{%- endmacro %}

{# The rows of books that have changed. #}
{% macro condition_of_books(tables) -%}
    {% set conditions = [] -%}
    {% for table, months in months_of_books(tables).items() -%}
        {% do conditions.append("(table_name = '" ~ table ~ "' and " ~ in_months('month', months) ~ ')') -%}
    {%- endfor %}
    {{- '(' ~ (conditions | join(' or ') or 'false') ~ ')' }}
{%- endmacro %}

{# Of an increment the cases of a table, or lines of a form, that books of changed months are made of; of a full build all. #}
{% macro and_in_books(table, month) -%}
    {% if is_incremental() -%}
        and {{ in_months(month, months_of_books([table]).get(table, [])) }}
    {%- endif %}
{%- endmacro %}

{# Of these lake tables the months whose books are checked again, by table. A line of a form is compared with that of the month before,
   so that it also changes what is said of the next. #}
{% macro months_of_books(tables) -%}
    {% set months = {} -%}
    {% set touched = " from core.touched_months where cause in ('changed', 'whole') and table_name in " -%}
    {% set found = run_query(
        'select table_name, month' ~ touched ~ listed(tables) ~ ' union select table_name, ' ~ first_of_next_month('month')
        ~ touched ~ listed(tables | select('in', forms())) ~ ' order by all'
    ) -%}
    {% for row in found.rows -%}
        {% do months.setdefault(row[0], []).append(row[1]) -%}
    {%- endfor %}
    {{ return(months) }}
{%- endmacro %}

{# What these lake tables touch, for whatever is counted by month: `changed`, the months of changed cases, and `parts`, each of
   months and the districts in which they are counted again (none: everywhere). `followed` says whether the last day of the data
   has moved for them. What is only shown anew, or no longer (`revealed`), has been counted before. #}
{% macro touched_for(tables) -%}
    {% set months = {'everywhere': [], 'changed': [], 'followed': []} -%}
    {% for row in run_query(
        'select distinct cause, month from core.touched_months where table_name in ' ~ listed(tables)
        ~ " and cause <> 'revealed' order by all"
    ).rows -%}
        {% do months[row[0] if row[0] in months else 'everywhere'].append(row[1]) -%}
    {%- endfor %}
    {% set parts = [] -%}
    {% if months.everywhere -%}
        {% do parts.append({'months': months.everywhere, 'districts': none}) -%}
    {%- endif %}
    {% set changed = months.changed | reject('in', months.everywhere) | list -%}
    {% set districts = districts_of_changed(tables) if changed else [] -%}
    {% if districts -%}
        {% do parts.append({'months': changed, 'districts': districts}) -%}
    {%- endif %}
    {{ return({'changed': months.changed, 'parts': parts, 'followed': months.followed != []}) }}
{%- endmacro %}

{# The districts in which changed cases of these tables count, each with its place among all districts, in order. #}
{% macro districts_of_changed(tables) -%}
    {{ return(run_query(
        'with districts as ('
        ~ 'select district, row_number() over (order by district) as place '
        ~ 'from (select distinct substr(area_code, 1, 6) as district from core.dim_areas)) '
        ~ 'select distinct districts.district, districts.place from districts '
        ~ 'inner join core.touched_areas on districts.district = substr(touched_areas.area_code, 1, 6) '
        ~ 'where touched_areas.table_name in ' ~ listed(tables) ~ ' order by all'
    ).rows) }}
{%- endmacro %}

{# More spans than these take longer to compare with than the list that they are made of. #}
{% macro few_spans() -%}
    {{ return(8) }}
{%- endmacro %}

{# Months in a column, as spans of months that follow each other: an engine looks for a span at once, and for a list row by row. #}
{% macro in_months(column, months) -%}
    {% set numbered = [] -%}
    {% for month in months | unique | sort -%}
        {% do numbered.append((month, 12 * month.year + month.month)) -%}
    {%- endfor %}
    {% set spans = spans_of(numbered) -%}
    {% if not spans -%}
        false
    {%- elif spans | length > few_spans() -%}
        {{ column }} in (date '{{ numbered | map(attribute=0) | join("', date '") }}')
    {%- else -%}
        (
        {%- for first, last in spans -%}
        {{ column }} between date '{{ first }}' and date '{{ last }}'{{ ' or ' if not loop.last }}
        {%- endfor -%}
        )
    {%- endif %}
{%- endmacro %}

{# Areas of these districts (`districts_of_changed`; none: of all), as spans of districts that follow each other. #}
{% macro in_districts(column, districts) -%}
    {% set spans = spans_of(districts or []) -%}
    {% if districts is none -%}
        true
    {%- elif spans | length > few_spans() -%}
        substr({{ column }}, 1, 6) in {{ listed(districts | map(attribute=0)) }}
    {%- else -%}
        (
        {%- for first, last in spans -%}
        {{ column }} between '{{ first }}000000' and '{{ last }}999999'{{ ' or ' if not loop.last }}
        {%- endfor -%}
        )
    {%- endif %}
{%- endmacro %}

{# Of values in order, each with its number, the first and last of those whose numbers follow each other. #}
{% macro spans_of(numbered) -%}
    {% set spans = [] -%}
    {% for value, number in numbered -%}
        {% set first = spans.pop()[0] if not loop.first and number == loop.previtem[1] + 1 else value -%}
        {% do spans.append((first, value)) -%}
    {%- endfor %}
    {{ return(spans) }}
{%- endmacro %}

{% macro listed(names) -%}
    ('{{ names | join("', '") }}')
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

{# The lake tables of which a case has changed, so that nothing is looked for in those of others; all where nobody can say, or
   a test brings its own. #}
{% macro tables_with_changes() -%}
    {% if not execute or target.type != 'duckdb' or model.resource_type != 'model' -%}
        {{ return(forms() + [
            'mediation_cases', 'dispute_screenings', 'petition_matters', 'reconsideration_cases', 'service_activities'
        ]) }}
    {%- endif -%}
    {{ return(run_query('select distinct table_name from catalogue.changed_cases order by all').columns[0].values()) }}
{%- endmacro %}

{# A measure table: what its `caller` counts, of the months that these lake tables touch; where it also depends on who has
   reported, it is looked at in each build. #}
{% macro measure_table(tables, also_by_reports=false) -%}
    {{ kept_up_to_date('months', tables) }}
    {{- made_of() if also_by_reports }}
    {%- set touched_months, touched_areas = ref('touched_months'), ref('touched_areas') -%}
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
{{ only_changed('months', tables) }}
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
    {% if is_full_build() -%}
        {% if is_of_cases and test.name in ['filled', 'relationships'] -%}
            {% do return('(' ~ cases_of(name[4:], only=suspects_of(name[4:], test)) ~ ') as part') %}
        {%- elif kept and kept.by == 'months' and test.name == 'unique_combination' -%}
            {% do return('(' ~ last_year_of(relation) ~ ') as part') %}
        {%- endif %}
        {% do return(relation) %}
    {%- endif %}
    {% if kept and kept.by == 'cases' and test.name == 'unique' -%}
        {% do return('(' ~ changed_cases_alike(relation, kept.tables) ~ ') as part') %}
    {%- elif kept and not (kept.by == 'cases' and test.name == 'unique_combination') -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ condition_of(kept.by, kept.tables) ~ ') as part') %}
    {%- elif is_of_cases -%}
        {% do return('(' ~ changed_cases_of(name[4:]) ~ ') as part') %}
    {%- endif %}
    {% do return(relation) %}
{%- endmacro %}

{# The changed cases of these lake tables that share their number with another row: who stands twice does, and numbers are read
   sooner than keys. #}
{% macro changed_cases_alike(relation, tables) -%}
    select * from {{ relation }} where cell_number in (
        select cell_number from {{ relation }}
        where cell_number in (
            {%- for table in tables %}{{ ' union all ' if not loop.first }}select cell_number from lake.changed_{{ table }}{% endfor -%}
        )
        group by cell_number
        having count(*) > 1
    )
{%- endmacro %}

{# Whether a test looks at a part of a table. #}
{% macro is_part(model) -%}
    {{ return((model | string).endswith(') as part') and not is_full_build()) }}
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
