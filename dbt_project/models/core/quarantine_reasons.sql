-- grain: one row a table, sender, month, severity and reason for which rows are refused or warned of
{{ made_of() }}
with request as (select * from {{ source('catalogue', 'build_request') }}),

months as (select * from {{ source('catalogue', 'months') }}),

ledger as (
    select entries.*
    from {{ source('catalogue', 'ledger') }} as entries
    inner join request on entries.ledger_sequence <= request.sequence
),

reasons as (select * from {{ source('catalogue', 'finding_reasons') }})

select
    ledger.table_name,
    ledger.sender,
    reasons.month,
    reasons.severity,
    reasons.reason,
    reasons.reason_zh,
    reasons.reason_en,
    cast(sum(reasons.failing_rows) as bigint) as failing_rows
from reasons
inner join ledger on reasons.ledger_sequence = ledger.ledger_sequence
inner join months on reasons.month = months.month
group by
    ledger.table_name, ledger.sender, reasons.month, reasons.severity, reasons.reason, reasons.reason_zh, reasons.reason_en
