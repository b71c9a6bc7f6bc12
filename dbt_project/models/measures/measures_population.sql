-- grain: one row a district, month and measure
{% call measure_table(['population'], also_by_reports=true) %}
{{ count_events(ref('events_population')) }}
{% endcall %}
