-- grain: one row a district, month and measure
{% call measure_table() %}
{{ count_events(ref('events_population')) }}
{% endcall %}
