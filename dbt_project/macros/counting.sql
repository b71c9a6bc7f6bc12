{# A measure table from the events of a system (area_code, month, measure, bucket, value, cell_number and one column a
   breakdown): the total of every measure, and of the measures named the breakdowns named. The events are read anew for each:
   what is counted is then looked for in the cases, and the events of all cases never lie in memory. `apart`: what is counted
   from the cases (`count_flags`, `count_stocks`). #}
{% macro count_events(events, broken_down=[], apart=[]) -%}
    select
        area_code,
        month,
        measure,
        'total' as breakdown,
        'total' as category,
        cast(bucket as integer) as bucket,
        cast(sum(value) as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    {%- if apart %}
    where measure not in ('{{ apart | map(attribute=0) | join("', '") }}')
    {%- endif %}
    group by area_code, month, measure, bucket
    {%- for measures, breakdowns in broken_down %}
    union all
    {{ count_categories(events, measures, breakdowns) }}
    {%- endfor %}
{%- endmacro %}

{# Of cases, what is counted by flags on their dates (`mediation_flags`): the total of every such measure, and of the measures
   named the breakdowns named. A date's cases are read once, with all their flags beside each other, and once more for the
   categories; only then are the counts put one below the other. Of an incremental build the cases are those that count, by one
   of their months, in what these lake tables touch. #}
{% macro count_flags(cases, flags, broken_down, tables) -%}
    {% set months = flags | map(attribute=1) | unique | list -%}
    {%- set read = 'cases_to_count' if is_incremental() else cases %}
    {%- set touched = touched_for(tables) if is_incremental() %}
    with
    {%- if is_incremental() %}
    cases_to_count as (
        select * from {{ cases }}
        where {% for month in months %}{{ 'or ' if not loop.first }}{{ condition_of_months(month, touched) }} {% endfor %}
    ),
    {%- endif %}
    {%- for month in months %}
    {% set counted = flags | selectattr(1, 'equalto', month) | list -%}
    by_{{ month }} as (
        select area_code, {{ month }} as month, {{ flags_beside_each_other(counted) }}
        from {{ read }}
        group by area_code, {{ month }}
    ){{ ',' if not loop.last }}
    {%- endfor %}
    {%- for measures, breakdowns in broken_down %}
    {%- for month in months %}
    {%- set counted = flags | selectattr(1, 'equalto', month) | selectattr(0, 'in', measures) | list -%}
    {%- if counted %},

    by_{{ month }}_and_{{ breakdowns | join('_') }} as (
        select
            area_code,
            {{ month }} as month,
            {{ breakdown_and_category(breakdowns) }},
            {{ flags_beside_each_other(counted) }}
        from {{ read }}
        group by grouping sets (
            {%- for breakdown in breakdowns %}
            (area_code, {{ month }}, {{ breakdown }}){{ ',' if not loop.last }}
            {%- endfor %}
        )
    )
    {%- endif -%}
    {%- endfor %}
    {%- endfor %}

    {% for month in months -%}
    {{ 'union all' if not loop.first }}
    {{ flags_below('by_' ~ month, flags | selectattr(1, 'equalto', month) | map(attribute=0), "'total'", "'total'") }}
    {% for measures, breakdowns in broken_down -%}
    {%- set counted = flags | selectattr(1, 'equalto', month) | map(attribute=0) | select('in', measures) | list -%}
    {% if counted -%}
    union all
    {{ flags_below('by_' ~ month ~ '_and_' ~ breakdowns | join('_'), counted, 'breakdown', 'category') }}
    {% endif -%}
    {% endfor -%}
    {% endfor -%}
{%- endmacro %}

{# Of cases, how many of them stand in a stock at the end of each month (`mediation_stocks`). A full build does not lay out a
   case by all months in which it stands, which are hundreds where one is never concluded: it takes each as a step up in its
   first month and a step down in the month that it leaves, and adds up the steps of an area in turn. An incremental one lays
   out, by the few months that these lake tables touch, the cases that are open in some of them: what is overdue is open. #}
{% macro count_stocks(cases, stocks, tables) -%}
    {% if is_incremental() -%}
    {% for part in touched_for(tables).parts or [{'months': [], 'districts': none}] -%}
    {{ 'union all' if not loop.first }}
    {{ count_stocks_of_part(cases, stocks, part) }}
    {% endfor -%}
    {%- else -%}
    select {{ columns_of_stocks('value', 'cell_key') }}
    from (
        with
        months as (select month from {{ source('catalogue', 'months') }}),

        calendar as (select min(month) as first_month, max(month) as last_month from months),

        -- cases that come and go in the same months are told by their number, of which there are fewer than of cases
        standing as (
            {% for measure, which, first_month, left_month in stocks -%}
            {{ 'union all' if not loop.first }}
            select
                '{{ measure }}' as measure,
                area_code,
                first_month,
                left_month,
                count(*) as cases,
                {{ sum_of_numbers('cell_number') }} as numbers
            from (
                select
                    area_code,
                    cell_number,
                    greatest({{ first_month }}, calendar.first_month) as first_month,
                    {{ left_month }} as left_month
                from {{ cases }}
                cross join calendar
                where {{ first_month }} <= calendar.last_month{{ ' and ' ~ which if which }}
            ) as cases
            where left_month is null or left_month > first_month
            group by area_code, first_month, left_month
            {% endfor %}
        ),

        steps as (
            select measure, area_code, first_month as month, cases as step, numbers
            from standing
            union all
            select standing.measure, standing.area_code, standing.left_month as month, -standing.cases as step, -standing.numbers as numbers
            from standing
            cross join calendar
            where standing.left_month <= calendar.last_month
            union all
            -- a month without a step has the stock of the month before
            select places.measure, places.area_code, months.month, 0 as step, 0 as numbers
            from (select distinct measure, area_code from standing) as places
            cross join months
        ),

        added_up as (
            {% set in_turn = 'over (partition by measure, area_code order by month)' -%}
            select
                area_code,
                month,
                measure,
                cast(sum(sum(step)) {{ in_turn }} as bigint) as value,
                {{ cell_key('numbers', in_turn) }} as cell_key
            from steps
            group by measure, area_code, month
        )

        select area_code, month, measure, value, cell_key
        from added_up
        where value > 0
    ) as stocks
    {%- endif %}
{%- endmacro %}

{# The same of some months and districts (`touched_for`). #}
{% macro count_stocks_of_part(cases, stocks, part) -%}
    select {{ columns_of_stocks('cast(count(*) as bigint)', cell_key('cell_number')) }}
    from (
        with
        months_of_part as (select month from {{ source('catalogue', 'months') }} where {{ in_months('month', part.months) }}),

        open_cases as (
            select *
            from {{ cases }}
            where {{ in_districts('area_code', part.districts) }}
                {%- if part.months %}
                and (concluded_on is null or concluded_on >= date '{{ part.months | min }}')
                and {{ stocks[0][2] }} <= date '{{ part.months | max }}'
                {%- endif %}
        )

        {{ stock_events('open_cases', stocks, months='months_of_part') }}
    ) as standing
    group by area_code, month, measure
{%- endmacro %}

{# What a measure table holds of a stock: its total. #}
{% macro columns_of_stocks(value, key) -%}
        area_code,
        month,
        measure,
        'total' as breakdown,
        'total' as category,
        cast(null as integer) as bucket,
        {{ value }} as value,
        {{ key }} as cell_key
{%- endmacro %}

{% macro flags_beside_each_other(flags) -%}
    {%- for measure, month, where in flags %}
    count({{ 'case when ' ~ where ~ ' then 1 end' if where else '*' }}) as {{ measure }},
    {{ cell_key('case when ' ~ where ~ ' then cell_number end' if where else 'cell_number') }} as {{ measure }}_key{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The counts of flags that stand beside each other, one below the other. A select for each would say the same, and an engine
   that plans dozens of them plans for longer than it counts what has changed. #}
{% macro flags_below(counted, measures, breakdown, category) -%}
    select
        area_code,
        month,
        measure,
        breakdown,
        category,
        cast(null as integer) as bucket,
        cast(value as bigint) as value,
        cell_key
    from (
        select
            area_code,
            month,
            {{ breakdown }} as breakdown,
            {{ category }} as category,
            {{ one_below_the_other(measures) }}
        from {{ counted }}
    ) as flags
    where value > 0
{%- endmacro %}

{# Of the measures named, their events by the categories of each of the breakdowns, all of them in one reading. #}
{% macro count_categories(events, measures, breakdowns) -%}
    select
        area_code,
        month,
        measure,
        {{ breakdown_and_category(breakdowns) }},
        cast(null as integer) as bucket,
        cast(sum(value) as bigint) as value,
        {{ cell_key('cell_number') }} as cell_key
    from {{ events }}
    where measure in ('{{ measures | join("', '") }}')
    group by grouping sets (
        {%- for breakdown in breakdowns %}
        (area_code, month, measure, {{ breakdown }}){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{% macro breakdown_and_category(breakdowns) -%}
    case
        {%- for breakdown in breakdowns %}
        when grouping({{ breakdown }}) = 0 then '{{ breakdown }}'
        {%- endfor %}
    end as breakdown,
    coalesce({{ breakdowns | join(', ') }}, 'not_stated') as category
{%- endmacro %}

{# What a case is to one measure: an event of a month. `where` says which cases, `bucket` on which day of a histogram,
   `value` what it adds if not one. #}
{% macro event(cases, measure, month, breakdowns=[], where=none, bucket='null', value='1') -%}
    select
        case_key,
        cell_number,
        area_code,
        {{ month }} as month,
        '{{ measure }}' as measure,
        cast({{ bucket }} as integer) as bucket,
        cast({{ value }} as bigint) as value
        {%- for breakdown in breakdowns %},
        {{ breakdown }}
        {%- endfor %}
    from {{ cases }}
    {%- if where %}
    where {{ where }}
    {%- endif %}
{%- endmacro %}

{# The events of stocks: one of each case and month (of all, if none are named) at whose end it stands in a stock. #}
{% macro stock_events(cases, stocks, breakdowns=[], months=none) -%}
    {% for measure, which, first_month, left_month in stocks -%}
    {{ 'union all' if not loop.first }}
    select
        case_key,
        cell_number,
        area_code,
        months.month,
        '{{ measure }}' as measure,
        cast(null as integer) as bucket,
        cast(1 as bigint) as value
        {%- for breakdown in breakdowns %},
        {{ breakdown }}
        {%- endfor %}
    from {{ cases }}
    inner join {{ months or source('catalogue', 'months') }} as months
        on {{ first_month }} <= months.month
        and ({{ left_month }} is null or {{ left_month }} > months.month)
    {%- if which %}
    where {{ which }}
    {%- endif %}
    {% endfor %}
{%- endmacro %}

{# The systems whose counts are set against residents: name, the table that a report is of, and whether it is a flow, which is
   divided by all whose cases it may hold; a stock is by those who stand in it. #}
{% macro systems_of_residents() -%}
    {{ return([
        ('mediation', 'mediation_cases', true),
        ('screening', 'dispute_screenings', true),
        ('petition', 'petition_matters', true),
        ('reconsideration', 'reconsideration_cases', true),
        ('service', 'service_activities', true),
        ('organisation', 'organisations', false)
    ]) }}
{%- endmacro %}

{# One row with a column `<clock>_days` for each of the clocks named of a table's contract. #}
{% macro limits_of(clocks, table, names) -%}
    select
        {%- for name in names %}
        max(case when clock = '{{ name }}' then days end) as {{ name }}_days{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ clocks }}
    where table_name = '{{ table }}'
{%- endmacro %}

{# Histograms cap openly: longer durations stand at this many days. #}
{% macro longest_duration() -%} 1095 {%- endmacro %}

{# For how many days after its beginning a case is followed to its conclusion. #}
{% macro longest_follow_up() -%} 365 {%- endmacro %}

{# The measures of cases that are followed to the last day of the data: of those that are open on it, or not concluded in the time
   for which they are followed, and of those that are seen to conclude. #}
{% macro followed_measures(which) -%}
    {{ return({
        'open': ['mediation_cohort_open_days', 'petition_cohort_open_days'],
        'concluded': ['mediation_cohort_days', 'petition_cohort_days']
    }[which]) }}
{%- endmacro %}

{# A count of a stock stands from the month in which it was taken and for 13 months after it, where no newer one takes its place. #}
{% macro holds_at_month_end(counted_on, months) -%}
    {{ counted_on }} <= {{ months }}.month_end
    and {{ months_between(month_of(counted_on), months ~ '.month') }} <= 14
{%- endmacro %}
