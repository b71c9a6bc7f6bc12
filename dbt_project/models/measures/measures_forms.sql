-- grain: one row an area, month, measure, breakdown and category
{% call measure_table(forms()) %}
select
    area_code,
    month,
    measure,
    breakdown,
    category,
    cast(null as integer) as bucket,
    cast(sum(value) as bigint) as value,
    {{ cell_key('cell_number') }} as cell_key
from {{ ref('events_forms') }}
group by area_code, month, measure, breakdown, category
{% endcall %}
