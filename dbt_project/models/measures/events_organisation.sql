-- grain: one row an organisation, month and measure it counts in; of the talent pool one a profession; of township-level units one a district
{{ config(materialized='view') }}
{% set kinds = ['tier', 'profession'] -%}
with standing as (select * from {{ ref('fct_organisation_months') }}),

reported_districts as (select * from {{ ref('reported_districts') }} where table_name = 'organisations'),

organisations as (
    select
        case_key, cell_number, district_code as area_code, month, tier, cast(null as string) as profession, organisation_type,
        is_committee, is_industry_committee, is_first_centre_of_township, is_first_office_of_township, mediators,
        full_time_mediators, experts, function_rooms, resident_departments, social_workers, registered_social_organisations,
        community_social_organisations
    from standing
),

pool as (
    {% for column, profession in [
        ('medical_staff', 'medical_staff'),
        ('psychotherapists', 'psychotherapist'),
        ('counsellors', 'counsellor'),
        ('psychology_teachers', 'psychology_teacher')
    ] -%}
    {{ 'union all' if not loop.first }}
    select case_key, cell_number, district_code as area_code, month, tier, '{{ profession }}' as profession, {{ column }} as persons
    from standing
    where organisation_type = 'talent_pool' and {{ column }} > 0
    {% endfor -%}
),

townships as (
    select
        cast(null as binary) as case_key, cast(0 as bigint) as cell_number, area_code, month, cast(null as string) as tier,
        cast(null as string) as profession, townships
    from reported_districts
)

{% for measure, condition in [
    ('organisation_committees', 'is_committee'),
    ('organisation_industry_committees', 'is_industry_committee'),
    ('organisation_governance_centres', "organisation_type = 'governance_centre'"),
    ('organisation_judicial_offices', "organisation_type = 'judicial_office'"),
    ('organisation_employment_bases', "organisation_type = 'employment_base'"),
    ('organisation_townships_with_centre', 'is_first_centre_of_township'),
    ('organisation_townships_with_office', 'is_first_office_of_township')
] -%}
{{ event('organisations', measure, 'month', kinds, condition) }}
union all
{% endfor -%}
{% for measure, condition, column in [
    ('organisation_mediators', 'is_committee', 'mediators'),
    ('organisation_mediators_by_time', 'is_committee and full_time_mediators is not null', 'mediators'),
    ('organisation_full_time_mediators', 'is_committee', 'full_time_mediators'),
    ('organisation_industry_full_time_mediators', 'is_industry_committee', 'full_time_mediators'),
    ('organisation_experts', 'is_committee', 'experts'),
    ('organisation_centre_rooms', "organisation_type = 'governance_centre'", 'function_rooms'),
    ('organisation_centre_departments', "organisation_type = 'governance_centre'", 'resident_departments'),
    ('organisation_social_workers', "organisation_type = 'governance_centre'", 'social_workers'),
    ('organisation_social_organisations', "organisation_type = 'governance_centre'", 'registered_social_organisations'),
    ('organisation_community_organisations', "organisation_type = 'governance_centre'", 'community_social_organisations')
] -%}
{{ event('organisations', measure, 'month', kinds, condition ~ ' and ' ~ column ~ ' > 0', value=column) }}
union all
{% endfor -%}
{{ event('pool', 'organisation_talent_pool', 'month', kinds, value='persons') }}
union all
{{ event('townships', 'organisation_townships', 'month', kinds, value='townships') }}
