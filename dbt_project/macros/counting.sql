{# The total and each breakdown of a set of events (area_code, month, measure, cell_number and one column a breakdown);
   `value` adds something else than the events themselves. #}
{% macro count_events(events, breakdowns, bucket=none, value='count(*)') -%}
    select
        area_code,
        month,
        measure,
        'total' as breakdown,
        'total' as category,
        cast({{ bucket or 'null' }} as integer) as bucket,
        cast({{ value }} as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    group by area_code, month, measure{{ ', ' ~ bucket if bucket else '' }}
    {%- for breakdown in breakdowns %}
    union all
    select
        area_code,
        month,
        measure,
        '{{ breakdown }}' as breakdown,
        coalesce({{ breakdown }}, 'not_stated') as category,
        cast(null as integer) as bucket,
        cast({{ value }} as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    group by area_code, month, measure, coalesce({{ breakdown }}, 'not_stated')
    {%- endfor %}
{%- endmacro %}

{# Histograms cap openly: longer durations stand at this many days. #}
{% macro longest_duration() -%} 1095 {%- endmacro %}
