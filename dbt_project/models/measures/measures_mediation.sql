-- grain: one row a leaf area, month, measure, breakdown and category, and days for the histograms
{% call measure_table(['mediation_cases']) %}
{{ count_events(ref('events_mediation'), [
    (['mediation_accepted', 'mediation_concluded', 'mediation_agreed'], ['dispute_type', 'channel', 'tier']),
]) }}
{% endcall %}
