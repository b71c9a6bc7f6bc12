-- grain: one row a table, sender and area its rows name: what an unregistered sender reports on
{% for table in [
    'mediation_cases', 'dispute_screenings', 'petition_matters', 'reconsideration_cases', 'service_activities',
    'organisations', 'population', 'mediation_monthly', 'screening_monthly', 'correction_monthly', 'resettlement_monthly',
    'petition_monthly'
] -%}
select distinct '{{ table }}' as table_name, sender, area_code
from {{ ref('stg_' ~ table) }}
{% if not loop.last %}union all
{% endif -%}
{% endfor %}
