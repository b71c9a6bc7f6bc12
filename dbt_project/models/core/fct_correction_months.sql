-- grain: one row a district, month, item and category of the monthly correction form
with forms as (select * from {{ ref('stg_correction_monthly') }})

select
    area_code,
    month,
    item,
    category,
    value,
    cell_number
from forms
