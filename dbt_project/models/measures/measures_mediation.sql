-- grain: one row a leaf area, month, measure, breakdown and category, and days for the histograms
{% call measure_table(['mediation_cases']) %}
{{ count_flags(ref('fct_mediation_cases'), mediation_flags(), [
    (['mediation_accepted', 'mediation_concluded', 'mediation_agreed'], ['dispute_type', 'channel', 'tier']),
], ['mediation_cases']) }}
union all
{{ count_events(ref('events_mediation'), apart=mediation_flags() + mediation_stocks()) }}
union all
{{ count_stocks(ref('fct_mediation_cases'), mediation_stocks(), ['mediation_cases']) }}
{% endcall %}
