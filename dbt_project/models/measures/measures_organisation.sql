-- grain: one row a district, month, measure, breakdown and category
{% call measure_table(['organisations'], also_by_reports=true) %}
{{ count_events(ref('events_organisation'), [
    (['organisation_committees', 'organisation_governance_centres'], ['tier']),
    (['organisation_talent_pool'], ['profession']),
]) }}
{% endcall %}
