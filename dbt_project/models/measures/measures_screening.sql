-- grain: one row a leaf area, month found, measure, breakdown and category
{% call measure_table(['dispute_screenings']) %}
{{ count_flags(ref('fct_dispute_screenings'), screening_flags(), [
    (['screening_found'], ['event_type', 'tier', 'screening_status', 'channel', 'screening_method']),
    (['screening_resolved'], ['event_type', 'tier']),
    (['screening_eased', 'screening_to_judicial'], ['event_type']),
], ['dispute_screenings']) }}
union all
{{ count_categories(ref('events_screening_mechanisms'), ['screening_by_mechanism'], ['mechanism']) }}
{% endcall %}
