-- grain: one row a leaf area, month, measure, breakdown and category
{% call measure_table(['service_activities']) %}
{{ count_events(ref('events_service'), [
    (
        ['service_activities', 'service_sessions', 'service_attendances', 'service_persons_served'],
        ['activity_type', 'audience']
    ),
]) }}
{% endcall %}
