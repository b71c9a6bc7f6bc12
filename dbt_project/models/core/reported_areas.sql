-- grain: one row a table, sender that is not registered for it and area its rows name: what it reports on
{{ made_of() }}
{% set tables = [
    'mediation_cases', 'dispute_screenings', 'petition_matters', 'reconsideration_cases', 'service_activities',
    'organisations', 'population'
] + forms() -%}
{#- of registered senders it is known what they report on: only the tables that others send are looked through -#}
{% set looked_through = tables_of_unregistered_senders(tables) -%}
with ledger as (select * from {{ source('catalogue', 'ledger') }}),

senders as (select * from {{ source('catalogue', 'senders') }}),

unregistered as (
    select distinct ledger.table_name, ledger.sender
    from ledger
    left join senders
        on ledger.table_name = senders.table_name
        and ledger.sender = senders.sender
    where senders.sender is null
){% for table in looked_through -%},

{{ table }}_keys as (
    select versions.case_key
    from {{ source('lake', table) }} as versions
    where versions.sender in (select unregistered.sender from unregistered where unregistered.table_name = '{{ table }}')
),

{{ table }}_rows as (
    {{ newest_version(table, ['sender', 'area_code'], only='select case_key from ' ~ table ~ '_keys') }}
)
{%- endfor %}

{% for table in looked_through -%}
{{ 'union all' if not loop.first }}
select distinct '{{ table }}' as table_name, rows.sender, rows.area_code
from {{ table }}_rows as rows
inner join unregistered on rows.sender = unregistered.sender
where unregistered.table_name = '{{ table }}'
{% else -%}
select table_name, sender, cast(null as string) as area_code
from unregistered
where false
{% endfor %}
