-- grain: one row a table, sender and area its rows name: what an unregistered sender reports on
{% for table in ['mediation_cases', 'dispute_screenings', 'petition_matters', 'correction_monthly'] -%}
select distinct '{{ table }}' as table_name, sender, area_code
from {{ ref('stg_' ~ table) }}
{% if not loop.last %}union all
{% endif -%}
{% endfor %}
