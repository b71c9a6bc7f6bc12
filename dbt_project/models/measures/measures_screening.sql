-- grain: one row a leaf area, month found, measure, breakdown and category
{% call measure_table(['dispute_screenings']) %}
{{ count_events(ref('events_screening'), [
    (['screening_found'], ['event_type', 'tier', 'screening_status', 'channel', 'screening_method']),
    (['screening_resolved'], ['event_type', 'tier']),
    (['screening_eased', 'screening_to_judicial'], ['event_type']),
]) }}
union all
{{ count_categories(ref('events_screening_mechanisms'), ['screening_by_mechanism'], 'mechanism') }}
{% endcall %}
