-- grain: one row a coverage and area: the last month that somebody has reported of it or of all around it
{{ made_of() }}
with reporting as (select * from {{ ref('reporting') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

told_alike as (select * from {{ source('catalogue', 'told_alike') }}),

last_reports as (
    select coverage, area_code, max(month) as last_month
    from reporting
    group by coverage, area_code
)

select
    told_alike.coverage,
    ancestors.area_code,
    max(last_reports.last_month) as last_month
from last_reports
inner join told_alike on last_reports.coverage = told_alike.standing
inner join ancestors on last_reports.area_code = ancestors.ancestor_code
group by told_alike.coverage, ancestors.area_code
