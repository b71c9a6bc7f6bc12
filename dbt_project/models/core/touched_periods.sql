-- grain: one row a measure and period that holds a touched month
with touched_months as (select * from {{ ref('touched_months') }}),

words as (select * from {{ source('catalogue', 'measures') }}),

periods as (select * from {{ source('catalogue', 'period_months') }})

select distinct words.measure, periods.period
from touched_months
inner join periods on touched_months.month = periods.month
inner join words
    on touched_months.table_name = words.table_name
    -- who lacks residents is counted with them
    or (touched_months.table_name = 'population' and words.system = 'population')
