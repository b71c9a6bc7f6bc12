-- grain: one row a district, month, measure, breakdown and category
{% call measure_table(['reconsideration_cases']) %}
{{ count_flags(ref('fct_reconsideration_cases'), reconsideration_flags(), [
    (['reconsideration_concluded'], ['reconsideration_decision']),
    (['reconsideration_settled'], ['reconsideration_settlement']),
], ['reconsideration_cases']) }}
union all
{{ count_events(ref('events_reconsideration'), apart=reconsideration_flags() + reconsideration_stocks()) }}
union all
{{ count_stocks(ref('fct_reconsideration_cases'), reconsideration_stocks(), ['reconsideration_cases']) }}
{% endcall %}
