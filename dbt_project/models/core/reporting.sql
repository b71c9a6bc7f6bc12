-- grain: one row a coverage (a table, or a table with certain columns), reported area and month: what senders have delivered, zero reports included
{{ made_of() }}
with request as (select * from {{ source('catalogue', 'build_request') }}),

ledger as (select * from {{ source('catalogue', 'ledger') }}),

delivered_coverage as (select * from {{ source('catalogue', 'delivered_coverage') }}),

months as (select * from {{ source('catalogue', 'months') }}),

senders as (select * from {{ source('catalogue', 'senders') }}),

seen_areas as (select * from {{ ref('reported_areas') }}),

organisations as (select * from {{ ref('stg_organisations') }}),

population as (select * from {{ ref('stg_population') }}),

-- a report speaks for its months, a count of organisations as long as it holds, people for the months of their year
delivered as (
    select delivered_coverage.coverage, ledger.table_name, ledger.sender, months.month
    from ledger
    inner join request on ledger.ledger_sequence <= request.sequence
    inner join delivered_coverage on ledger.ledger_sequence = delivered_coverage.ledger_sequence
    inner join months on months.month >= ledger.first_month and months.month <= ledger.last_month
    where ledger.table_name not in ('organisations', 'population')
    union all
    select delivered_coverage.coverage, 'organisations' as table_name, organisations.sender, months.month
    from organisations
    inner join delivered_coverage on organisations.ledger_sequence = delivered_coverage.ledger_sequence
    inner join months on {{ holds_at_month_end('organisations.counted_on', 'months') }}
    union all
    select delivered_coverage.coverage, 'population' as table_name, population.sender, months.month
    from population
    inner join delivered_coverage on population.ledger_sequence = delivered_coverage.ledger_sequence
    inner join months on population.year = extract(year from months.month)
)

select distinct
    delivered.coverage,
    coalesce(senders.area_code, seen_areas.area_code) as area_code,
    delivered.month
from delivered
left join senders
    on delivered.sender = senders.sender
    and delivered.table_name = senders.table_name
left join seen_areas
    on senders.sender is null
    and delivered.sender = seen_areas.sender
    and delivered.table_name = seen_areas.table_name
where coalesce(senders.area_code, seen_areas.area_code) is not null
