-- grain: one row a district, month, measure, breakdown and category
{% call measure_table(['reconsideration_cases']) %}
{{ count_events(ref('events_reconsideration'), [
    (['reconsideration_concluded'], ['reconsideration_decision']),
    (['reconsideration_settled'], ['reconsideration_settlement']),
]) }}
{% endcall %}
