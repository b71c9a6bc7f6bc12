{# A measure table from the events of a system (area_code, month, measure, bucket, value, cell_number and one column a
   breakdown): the total of every measure, and of the measures named the breakdowns named. The events are read anew for each:
   what is counted is then looked for in the cases, and the events of all cases never lie in memory. #}
{% macro count_events(events, broken_down=[]) -%}
    select
        area_code,
        month,
        measure,
        'total' as breakdown,
        'total' as category,
        cast(bucket as integer) as bucket,
        cast(sum(value) as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    group by area_code, month, measure, bucket
    {%- for measures, breakdowns in broken_down %}
    {%- for breakdown in breakdowns %}
    union all
    {{ count_categories(events, measures, breakdown) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{# Of the measures named, their events by the categories of one breakdown. #}
{% macro count_categories(events, measures, breakdown) -%}
    select
        area_code,
        month,
        measure,
        '{{ breakdown }}' as breakdown,
        coalesce({{ breakdown }}, 'not_stated') as category,
        cast(null as integer) as bucket,
        cast(sum(value) as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    where measure in ('{{ measures | join("', '") }}')
    group by area_code, month, measure, coalesce({{ breakdown }}, 'not_stated')
{%- endmacro %}

{# What a case is to one measure: an event of a month. `where` says which cases, `bucket` on which day of a histogram,
   `value` what it adds if not one. #}
{% macro event(cases, measure, month, breakdowns=[], where=none, bucket='null', value='1') -%}
    select
        case_key,
        cell_number,
        area_code,
        {{ month }} as month,
        '{{ measure }}' as measure,
        cast({{ bucket }} as integer) as bucket,
        cast({{ value }} as bigint) as value
        {%- for breakdown in breakdowns %},
        {{ breakdown }}
        {%- endfor %}
    from {{ cases }}
    {%- if where %}
    where {{ where }}
    {%- endif %}
{%- endmacro %}

{# One row with a column `<clock>_days` for each of the clocks named of a table's contract. #}
{% macro limits_of(clocks, table, names) -%}
    select
        {%- for name in names %}
        max(case when clock = '{{ name }}' then days end) as {{ name }}_days{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ clocks }}
    where table_name = '{{ table }}'
{%- endmacro %}

{# Histograms cap openly: longer durations stand at this many days. #}
{% macro longest_duration() -%} 1095 {%- endmacro %}

{# For how many days after its beginning a case is followed to its conclusion. #}
{% macro longest_follow_up() -%} 365 {%- endmacro %}

{# A count of a stock stands from the month in which it was taken and for 13 months after it, where no newer one takes its place. #}
{% macro holds_at_month_end(counted_on, months) -%}
    {{ counted_on }} <= {{ months }}.month_end
    and {{ months_between(month_of(counted_on), months ~ '.month') }} <= 14
{%- endmacro %}
