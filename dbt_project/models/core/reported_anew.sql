-- grain: one row a coverage, area and month reported now and not at the build before, or then and no longer
{{ made_of() }}
with reporting as (select * from {{ ref('reporting') }}),

reporting_before as (select * from {{ source('catalogue', 'reporting_before') }})

select
    coalesce(reporting.coverage, reporting_before.coverage) as coverage,
    coalesce(reporting.area_code, reporting_before.area_code) as area_code,
    coalesce(reporting.month, reporting_before.month) as month
from reporting
full outer join reporting_before
    on reporting.coverage = reporting_before.coverage
    and reporting.area_code = reporting_before.area_code
    and reporting.month = reporting_before.month
where reporting.coverage is null or reporting_before.coverage is null
