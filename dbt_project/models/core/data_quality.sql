-- grain: one row a table, sender and month in which the sender owed a report or was heard of
{{ made_of() }}
with request as (select * from {{ source('catalogue', 'build_request') }}),

months as (select * from {{ source('catalogue', 'months') }}),

senders as (select * from {{ source('catalogue', 'senders') }}),

frequencies as (
    select table_name, max(months_each) as months_each
    from senders
    group by table_name
),

accepted_rows as (select * from {{ source('catalogue', 'accepted_rows') }}),

findings as (select * from {{ source('catalogue', 'findings') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

ledger as (
    select entries.*
    from {{ source('catalogue', 'ledger') }} as entries
    inner join request on entries.ledger_sequence <= request.sequence
),

-- a file of cases speaks for all its months and areas, a form only for those of its lines, unless it says zero
told as (
    select ledger.table_name, ledger.sender, ledger.received_on, months.month, accepted_rows.area_code
    from ledger
    inner join months on months.month >= ledger.first_month and months.month <= ledger.last_month
    left join accepted_rows
        on ledger.ledger_sequence = accepted_rows.ledger_sequence
        and months.month = accepted_rows.month
    where not ledger.is_form or ledger.read = 0 or accepted_rows.month is not null
),

-- what is owed once in several months is owed for their last, and brought by what speaks for any of them
spoken_for as (
    select told.table_name, told.sender, told.received_on, told.month, told.area_code
    from told
    left join frequencies on told.table_name = frequencies.table_name
    where coalesce(frequencies.months_each, 1) = 1
    union all
    select told.table_name, told.sender, told.received_on, coalesce(ends.month, told.month) as month, told.area_code
    from told
    inner join frequencies on told.table_name = frequencies.table_name
    left join months as ends
        on extract(month from ends.month) % frequencies.months_each = 0
        and {{ months_between('told.month', 'ends.month') }} between 1 and frequencies.months_each
    where frequencies.months_each > 1
),

begun as (select table_name, min(month) as first_month from spoken_for group by table_name),

owed as (
    select
        senders.table_name,
        senders.sender,
        senders.area_code,
        months.month,
        {{ days_after(first_of_next_month('months.month'), 'least(senders.due_day, 28) - 1') }} as report_due_on
    from senders
    left join begun on senders.table_name = begun.table_name
    inner join months
        on months.month >= {{ month_of('coalesce(senders.valid_from, begun.first_month)') }}
        and (senders.valid_to is null or months.month <= senders.valid_to)
        and extract(month from months.month) % coalesce(senders.months_each, 1) = 0
),

brought as (
    select distinct owed.table_name, owed.sender, owed.area_code, owed.month
    from owed
    inner join spoken_for
        on owed.table_name = spoken_for.table_name
        and owed.sender = spoken_for.sender
        and owed.month = spoken_for.month
    left join ancestors
        on spoken_for.area_code = ancestors.area_code
        and owed.area_code = ancestors.ancestor_code
    where spoken_for.area_code is null or ancestors.area_code is not null
),

facts as (
    select
        table_name, sender, month, 1 as areas_owed, 0 as areas_reported, report_due_on, cast(null as date) as received_on,
        0 as accepted, 0 as quarantined, 0 as warned, 0 as inconsistencies
    from owed
    union all
    select
        table_name, sender, month, 0 as areas_owed, 1 as areas_reported, null as report_due_on, null as received_on,
        0 as accepted, 0 as quarantined, 0 as warned, 0 as inconsistencies
    from brought
    union all
    select
        table_name, sender, month, 0 as areas_owed, 0 as areas_reported, null as report_due_on, received_on,
        0 as accepted, 0 as quarantined, 0 as warned, 0 as inconsistencies
    from spoken_for
    union all
    select
        ledger.table_name, ledger.sender, accepted_rows.month, 0 as areas_owed, 0 as areas_reported, null as report_due_on,
        null as received_on, accepted_rows.accepted, 0 as quarantined, 0 as warned, 0 as inconsistencies
    from accepted_rows
    inner join ledger on accepted_rows.ledger_sequence = ledger.ledger_sequence
    union all
    select
        ledger.table_name, ledger.sender, findings.month, 0 as areas_owed, 0 as areas_reported, null as report_due_on,
        null as received_on, 0 as accepted, findings.quarantined, findings.warned, findings.inconsistencies
    from findings
    inner join ledger on findings.ledger_sequence = ledger.ledger_sequence
),

summed as (
    select
        facts.table_name,
        facts.sender,
        facts.month,
        sum(facts.areas_owed) as areas_owed,
        sum(facts.areas_reported) as areas_reported,
        min(facts.report_due_on) as report_due_on,
        min(facts.received_on) as first_received_on,
        sum(facts.accepted) as accepted,
        sum(facts.quarantined) as quarantined,
        sum(facts.warned) as warned,
        sum(facts.inconsistencies) as inconsistencies
    from facts
    inner join months on facts.month = months.month
    group by facts.table_name, facts.sender, facts.month
)

select
    table_name,
    sender,
    month,
    cast(areas_owed as integer) as areas_owed,
    cast(areas_reported as integer) as areas_reported,
    report_due_on,
    first_received_on,
    first_received_on > report_due_on as is_late,
    case
        when first_received_on > report_due_on then {{ days_between('report_due_on', 'first_received_on') }}
        when first_received_on <= report_due_on then 0
    end as days_late,
    cast(accepted as bigint) as accepted,
    cast(quarantined as bigint) as quarantined,
    cast(warned as bigint) as warned,
    cast(inconsistencies as bigint) as inconsistencies
from summed
