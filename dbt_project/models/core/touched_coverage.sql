-- grain: one row a coverage, area and period of which something else has been reported or is expected than before this build (none where it is a full one)
{{ made_of() }}
with request as (select * from {{ source('catalogue', 'build_request') }}),

reporting as (select * from {{ ref('reporting') }}),

reporting_before as (select * from {{ source('catalogue', 'reporting_before') }}),

ancestors as (select * from {{ ref('area_ancestors') }}),

areas as (select * from {{ ref('dim_areas') }}),

related as (
    {{ related_areas('ancestors', 'areas') }}
),

periods as (select * from {{ source('catalogue', 'period_months') }}),

reported_anew as (select * from {{ ref('reported_anew') }}),

first_reports as (select coverage, area_code, min(month) as first_month from reporting group by coverage, area_code),

first_reports_before as (select coverage, area_code, min(month) as first_month from reporting_before group by coverage, area_code),

-- whom reports are expected of, and from when on, has changed: so have all periods
begun_anew as (
    select
        coalesce(first_reports.coverage, first_reports_before.coverage) as coverage,
        coalesce(first_reports.area_code, first_reports_before.area_code) as area_code
    from first_reports
    full outer join first_reports_before
        on first_reports.coverage = first_reports_before.coverage
        and first_reports.area_code = first_reports_before.area_code
    where first_reports.first_month is distinct from first_reports_before.first_month
),

-- a month that is new to the calendar stands in new periods, for all that are expected to report
extended as (
    select periods.period
    from periods
    inner join request
        on periods.month < request.previous_first_month
        or periods.month > request.previous_last_month
),

touched as (
    select begun_anew.coverage, begun_anew.area_code, periods.period
    from begun_anew
    cross join periods
    union
    select reported_anew.coverage, reported_anew.area_code, periods.period
    from reported_anew
    inner join periods on reported_anew.month = periods.month
    union
    select first_reports.coverage, first_reports.area_code, extended.period
    from first_reports
    cross join extended
)

select distinct touched.coverage, related.area_code, touched.period
from touched
inner join related on touched.area_code = related.reported_code
inner join request on not request.is_full
