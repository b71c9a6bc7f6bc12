{# The only macros that may know which engine runs. #}

{# What a cell is known by: the sum of the numbers of its cases, of which 63 bits stay. `over`: a window over which groups are
   added up in turn. #}
{% macro cell_key(cell_number, over='') -%}
    {{ return(adapter.dispatch('cell_key')(cell_number, over)) }}
{%- endmacro %}

{% macro default__cell_key(cell_number, over) -%}
    {% set number = 'cast(' ~ cell_number ~ ' as decimal(38, 0))' -%}
    cast(sum({{ 'cast(sum(' ~ number ~ ') as decimal(38, 0))' if over else number }}) {{ over }} % cast(9223372036854775808 as decimal(38, 0)) as bigint)
{%- endmacro %}

{# The same remainder, as cell numbers are never negative; a division of such long numbers takes ten times as long. #}
{% macro duckdb__cell_key(cell_number, over) -%}
    cast(sum({{ 'sum(' ~ cell_number ~ ')' if over else cell_number }}) {{ over }} & cast(9223372036854775807 as hugeint) as bigint)
{%- endmacro %}

{# The sum of the numbers of cases, all of it: what a cell is known by is made of such sums. #}
{% macro sum_of_numbers(cell_number) -%}
    {{ return(adapter.dispatch('sum_of_numbers')(cell_number)) }}
{%- endmacro %}

{% macro default__sum_of_numbers(cell_number) -%}
    sum(cast({{ cell_number }} as decimal(38, 0)))
{%- endmacro %}

{% macro duckdb__sum_of_numbers(cell_number) -%}
    sum({{ cell_number }})
{%- endmacro %}

{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro days_between(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__days_between(first_day, last_day) -%}
    cast(datediff({{ last_day }}, {{ first_day }}) as integer)
{%- endmacro %}

{% macro duckdb__days_between(first_day, last_day) -%}
    cast({{ last_day }} - {{ first_day }} as integer)
{%- endmacro %}

{% macro days_after(day, days) -%}
    {{ return(adapter.dispatch('days_after')(day, days)) }}
{%- endmacro %}

{% macro default__days_after(day, days) -%}
    date_add({{ day }}, cast({{ days }} as integer))
{%- endmacro %}

{% macro duckdb__days_after(day, days) -%}
    cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{# One row for each code of a column that holds several, comma-joined. #}
{% macro each_code(codes) -%}
    {{ return(adapter.dispatch('each_code')(codes)) }}
{%- endmacro %}

{% macro default__each_code(codes) -%}
    explode(split({{ codes }}, ','))
{%- endmacro %}

{% macro duckdb__each_code(codes) -%}
    unnest(string_split({{ codes }}, ','))
{%- endmacro %}

{# A row for each of these measures, of which a row has the count and its key beside each other: measure, value and cell_key. #}
{% macro one_below_the_other(measures) -%}
    {{ return(adapter.dispatch('one_below_the_other')(measures)) }}
{%- endmacro %}

{% macro default__one_below_the_other(measures) -%}
    inline(array(
        {%- for measure in measures %}
        named_struct('measure', '{{ measure }}', 'value', {{ measure }}, 'cell_key', {{ measure }}_key){{ ',' if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}

{% macro duckdb__one_below_the_other(measures) -%}
    unnest([
        {%- for measure in measures %}
        {'measure': '{{ measure }}', 'value': {{ measure }}, 'cell_key': {{ measure }}_key}{{ ',' if not loop.last }}
        {%- endfor %}
    ], max_depth := 2)
{%- endmacro %}

{# Months from one first of a month to another, both counted. #}
{% macro months_between(first_month, last_month) -%}
    cast(
        12 * (extract(year from {{ last_month }}) - extract(year from {{ first_month }}))
        + extract(month from {{ last_month }}) - extract(month from {{ first_month }}) + 1
        as integer
    )
{%- endmacro %}

{# A month begins within 31 days of the one before. #}
{% macro first_of_next_month(month) -%}
    {{ month_of(days_after(month, 31)) }}
{%- endmacro %}

{# Incremental on DuckDB, always full on Spark. #}
{% macro incremental_or_table() -%}
    {{ return('incremental' if target.type == 'duckdb' else 'table') }}
{%- endmacro %}

{# A number made of some columns of a row: alike where they are, and elsewhere hardly ever. #}
{% macro row_number_of(columns) -%}
    {{ return(adapter.dispatch('row_number_of')(columns)) }}
{%- endmacro %}

{% macro default__row_number_of(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{% macro duckdb__row_number_of(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{# The keys of cases are as good as random: to look for what might be left out of them takes a quarter of the time in which a
   table of cases is written, and finds nothing. #}
{% macro duckdb__get_table_columns_and_constraints() -%}
    {{ return(modules.re.sub('(case_key \\w+)', '\\1 using compression uncompressed', table_columns_and_constraints())) }}
{%- endmacro %}
