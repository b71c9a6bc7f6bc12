{# The newest version of each case of a lake table up to the build's ledger sequence. Newer means source update time (of a form,
   the day it was reported), then sequence, then row. A case whose newest withdrawal is not older, by sequence, than any of its
   rows is withdrawn. Of an organisation the newest version of each day of counting stays. `only`: a query of the keys of the
   cases that are looked at, where not all are. Without columns a case comes with all that its version says. #}
{% macro newest_version(table, columns=['*'], only=none) -%}
{% set updated = {'organisations': 'counted_on', 'population': 'published_on'}.get(table, 'reported_on' if table in forms() else 'updated_at') -%}
with request as (select * from {{ source('catalogue', 'build_request') }}),

ledger as (select * from {{ source('catalogue', 'ledger') }}),

versions as (
    select * from {{ source('lake', table) }}
    {%- if only %}
    where case_key in ({{ only }})
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

numbered as (
    select
        versions.*,
        max(versions.ledger_sequence) over (partition by versions.case_key) as last_sequence,
        row_number() over (
            partition by versions.case_key{{ ', versions.counted_on' if table == 'organisations' }}
            order by versions.{{ updated }} desc nulls last, versions.ledger_sequence desc, versions.row_number desc
        ) as version_rank
    from versions
    inner join ledger on versions.ledger_sequence = ledger.ledger_sequence
    inner join request on versions.ledger_sequence <= request.sequence
)

select
    {% for column in columns -%}
    numbered.{{ column }}{{ ',' if not loop.last }}
    {% endfor -%}
from numbered
left join withdrawn on numbered.case_key = withdrawn.case_key
where numbered.version_rank = 1
    and (withdrawn.withdrawn_sequence is null or withdrawn.withdrawn_sequence < numbered.last_sequence)
{%- endmacro %}

{# The newest versions of the cells of a monthly form, those that the corrections register knows to be wrong put right as long
   as the source shows what the entry expects. `only` as above. #}
{% macro newest_cells(form, only=none) -%}
{% set columns = ['case_key', 'cell_number', 'ledger_sequence', 'row_number', 'sender', 'area_code', 'month', 'item', 'category'] -%}
with newest as (
    {{ newest_version(form, columns + ['value', 'reported_on'], only) }}
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
