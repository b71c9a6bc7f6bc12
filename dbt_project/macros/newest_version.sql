{# The newest version of each case of a lake table up to the build's ledger sequence. Newer means source update time (of a form,
   the day it was reported), then sequence, then row. A case whose newest withdrawal is not older, by sequence, than any of its
   rows is withdrawn. Of an organisation the newest version of each day of counting stays. `only`: a query of the keys of the
   cases that are looked at, where not all are; `changed`: only those are that have changed since the build before. Without
   columns a case comes with all that its version says. What the corrections register knows to be wrong in a case is put right,
   unless it is asked `as_sent`. #}
{% macro newest_version(table, columns=['*'], only=none, changed=false, as_sent=false) -%}
{% set corrected = {} if as_sent else corrected_columns(table) -%}
{% set updated = {'organisations': 'counted_on', 'population': 'published_on'}.get(table, 'reported_on' if table in forms() else 'updated_at') -%}
with request as (select * from {{ source('catalogue', 'build_request') }}),

ledger as (select * from {{ source('catalogue', 'ledger') }}),

versions as (
    select versions.*
    from {{ source('lake', 'changed_' ~ table) if changed else source('lake', table) }} as versions
    inner join ledger on versions.ledger_sequence = ledger.ledger_sequence
    inner join request on versions.ledger_sequence <= request.sequence
    {%- if only %}
    where versions.case_key in ({{ only }})
    {%- endif %}
),

withdrawals as (select * from {{ source('lake', 'withdrawals') }}),

withdrawn as (
    select withdrawals.case_key, max(withdrawals.ledger_sequence) as withdrawn_sequence
    from withdrawals
    inner join ledger on withdrawals.ledger_sequence = ledger.ledger_sequence
    inner join request on withdrawals.ledger_sequence <= request.sequence
    group by withdrawals.case_key
),

-- few cases have more than one version: only theirs are put in an order, which takes longer than all the rest. They are looked
-- for by a number made of the key, which now and then is that of another case too
several as (
    select {{ row_number_of(['case_key']) }} as case_hash
    from versions
    group by {{ row_number_of(['case_key']) }}
    having count(*) > 1
),

numbered as (
    select versions.*, versions.ledger_sequence as last_sequence, 1 as version_rank
    from versions
    left join several on {{ row_number_of(['versions.case_key']) }} = several.case_hash
    where several.case_hash is null
    union all
    select
        versions.*,
        max(versions.ledger_sequence) over (partition by versions.case_key) as last_sequence,
        row_number() over (
            partition by versions.case_key{{ ', versions.counted_on' if table == 'organisations' }}
            order by versions.{{ updated }} desc nulls last, versions.ledger_sequence desc, versions.row_number desc
        ) as version_rank
    from versions
    inner join several on {{ row_number_of(['versions.case_key']) }} = several.case_hash
)

select
    {% for column in columns -%}
    {% if column in corrected -%}
    {{ corrected_value('numbered', column, corrected[column]) }} as {{ column }}
    {%- elif column == '*' and corrected -%}
    numbered.* replace (
        {%- for name, type in corrected.items() %}{{ corrected_value('numbered', name, type) }} as {{ name }}{{ ', ' if not loop.last }}{% endfor -%}
    )
    {%- else -%}
    numbered.{{ column }}
    {%- endif %}{{ ',' if not loop.last }}
    {% endfor -%}
from numbered
left join withdrawn on numbered.case_key = withdrawn.case_key
{%- for name, type in corrected.items() %}
{{ join_corrections('left', table, 'numbered', name, type) }}
{%- endfor %}
where numbered.version_rank = 1
    and (withdrawn.withdrawn_sequence is null or withdrawn.withdrawn_sequence < numbered.last_sequence)
{%- endmacro %}

{# Columns of a table of cases of which the corrections register corrects some case, each with its type: looked up when the
   SQL is made, so that where nothing is to be corrected nothing is looked for. #}
{% macro corrected_columns(table) -%}
    {% set found = {} -%}
    {% if execute and table not in forms() -%}
        {% set rows = run_query("select distinct column_name, data_type from catalogue.row_corrections where table_name = '" ~ table ~ "' order by 1") -%}
        {% for row in rows.rows -%}
            {% do found.update({row[0]: api.Column.translate_type(row[1])}) -%}
        {% endfor -%}
    {% endif -%}
    {{ return(found) }}
{%- endmacro %}

{# Of these monthly forms those of which the corrections register corrects some cell; all where nobody can say. #}
{% macro tables_corrected(tables) -%}
    {% if not execute -%}
        {{ return(tables) }}
    {%- endif %}
    {% set found = run_query('select distinct table_name from catalogue.corrections').columns[0].values() -%}
    {{ return(tables | select('in', found) | list) }}
{%- endmacro %}

{# Of these tables of cases those of which the corrections register corrects some case; none where nobody can say. #}
{% macro rows_corrected(tables) -%}
    {% if not execute -%}
        {{ return([]) }}
    {%- endif %}
    {% set found = run_query('select distinct table_name from catalogue.row_corrections').columns[0].values() -%}
    {{ return(tables | select('in', found) | list) }}
{%- endmacro %}

{% macro join_corrections(kind, table, cases, column, type) -%}
    {{ kind }} join {{ source('catalogue', 'row_corrections') }} as corrected_{{ column }}
        on corrected_{{ column }}.table_name = '{{ table }}'
        and corrected_{{ column }}.column_name = '{{ column }}'
        and {{ cases }}.case_key = corrected_{{ column }}.case_key
        and {{ cases }}.{{ column }} is not distinct from cast(corrected_{{ column }}.expected as {{ type }})
{%- endmacro %}

{% macro corrected_value(cases, column, type) -%}
    case
        when corrected_{{ column }}.correction is null then {{ cases }}.{{ column }}
        else cast(corrected_{{ column }}.value as {{ type }})
    end
{%- endmacro %}

{# All versions of the changed cases of a table, each also as the register corrects it: what a case counted in may have
   been a corrected value, and may be one now. Of a full build there are none. #}
{% macro versions_of_changed(table) -%}
    select * from {{ source('lake', 'changed_' ~ table) }}
{%- for column, type in corrected_columns(table).items() if incremental_or_table() == 'incremental' %}
    union all by name
    select versions.* replace (cast(corrected_{{ column }}.value as {{ type }}) as {{ column }})
    from {{ source('lake', 'changed_' ~ table) }} as versions
    {{ join_corrections('inner', table, 'versions', column, type) }}
{%- endfor %}
{%- endmacro %}

{# The newest versions of the cells of a monthly form, those that the corrections register knows to be wrong put right as long
   as the source shows what the entry expects. `only` and `changed` as above. #}
{% macro newest_cells(form, only=none, changed=false) -%}
{% set columns = ['case_key', 'cell_number', 'ledger_sequence', 'row_number', 'sender', 'area_code', 'month', 'item', 'category'] -%}
with newest as (
    {{ newest_version(form, columns + ['value', 'reported_on'], only=only, changed=changed) }}
),

corrections as (select * from {{ source('catalogue', 'corrections') }} where table_name = '{{ form }}')

select
    {% for column in columns -%}
    newest.{{ column }},
    {% endfor -%}
    case when corrections.action = 'override' then corrections.value else newest.value end as value,
    newest.reported_on
from newest
left join corrections
    on newest.sender = corrections.sender
    and newest.area_code = corrections.area_code
    and newest.month = corrections.month
    and newest.item = corrections.item
    and newest.category = corrections.category
    and newest.value = corrections.expected
where corrections.action is null or corrections.action <> 'drop'
{%- endmacro %}
