{# The newest version of each case up to the build's ledger sequence. Newer means source update time, then sequence, then row.
   A case whose newest withdrawal is not older, by sequence, than any of its rows is withdrawn. `each`: of each value of these
   columns the newest version stays. #}
{% macro newest_version(relation, columns, each=[]) -%}
with request as (select * from {{ source('catalogue', 'build_request') }}),

ledger as (select * from {{ source('catalogue', 'ledger') }}),

versions as (select * from {{ relation }}),

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
            partition by versions.case_key{% for column in each %}, versions.{{ column }}{% endfor %}
            order by versions.updated_at desc nulls last, versions.ledger_sequence desc, versions.row_number desc
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
