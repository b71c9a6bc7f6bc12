-- grain: one row an area for which figures are published
with areas as (select * from {{ source('catalogue', 'areas') }})

select
    area_code,
    name_zh,
    name_en,
    level,
    parent_code,
    is_not_assigned,
    case
        when is_not_assigned or level = 'township' then area_code
        else not_assigned_code
    end as leaf_code,
    case level
        when 'township' then parent_code
        when 'district' then area_code
        else not_assigned_code
    end as district_leaf_code
from areas
