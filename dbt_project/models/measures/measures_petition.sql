-- grain: one row a leaf area, month, measure, breakdown and category, and days for the histograms
{% call measure_table(['petition_matters']) %}
{{ count_flags(ref('fct_petition_matters'), petition_flags(), [
    (['petition_matters'], ['petition_form', 'petition_route']),
], ['petition_matters']) }}
union all
{{ count_events(ref('events_petition'), [
    (['petition_persons'], ['petition_form']),
], petition_flags() + petition_stocks()) }}
union all
{{ count_stocks(ref('fct_petition_matters'), petition_stocks(), ['petition_matters']) }}
{% endcall %}
