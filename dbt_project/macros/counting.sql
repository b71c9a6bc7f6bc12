{# A measure table from the events of a system (area_code, month, measure, bucket, value, cell_number and one column a
   breakdown): the total of every measure, and of the measures named the breakdowns named. #}
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
    {%- endfor %}
    {%- endfor %}
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

{# Histograms cap openly: longer durations stand at this many days. #}
{% macro longest_duration() -%} 1095 {%- endmacro %}
