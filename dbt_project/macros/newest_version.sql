{# The newest version of each case up to the build's ledger sequence. Newer means source update time, then sequence, then row. #}
{% macro newest_version(relation, columns) -%}
with request as (select * from {{ source('catalogue', 'build_request') }}),

ledger as (select * from {{ source('catalogue', 'ledger') }}),

versions as (select * from {{ relation }}),

numbered as (
    select
        versions.*,
        row_number() over (
            partition by versions.case_key
            order by versions.updated_at desc nulls last, versions.ledger_sequence desc, versions.row_number desc
        ) as version_rank
    from versions
    inner join ledger on versions.ledger_sequence = ledger.ledger_sequence
    inner join request on versions.ledger_sequence <= request.sequence
)

select
    {{ columns | join(',\n    ') }}
from numbered
where version_rank = 1
{%- endmacro %}
