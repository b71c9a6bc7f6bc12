-- grain: one row a service activity and measure it counts in
{{ config(materialized='view') }}
{% set kinds = ['activity_type', 'audience'] -%}
{#- read in each of its places: what is looked for there is then looked for in the table itself -#}
{% set activities = ref('fct_service_activities') -%}
{% set counted = [
    ('service_publicity_sessions', "activity_type = 'law_lecture'", 'activity_sessions'),
    ('service_publicity_attendances', "activity_type = 'law_lecture'", 'attendances'),
    ('service_consultations', "activity_type = 'legal_advice'", 'attendances'),
    ('service_legal_aid_cases', "activity_type = 'legal_aid'", '1'),
    ('service_enterprise_check_ups', "activity_type = 'enterprise_check_up'", 'activity_sessions'),
    ('service_psychology_lectures', "activity_type = 'psychology_lecture'", 'activity_sessions'),
    ('service_counselling', "activity_type = 'counselling'", 'attendances'),
    ('service_correction_education', "activity_type = 'education' and audience = 'correction_subject'", 'persons_served'),
    ('service_aftercare_education', "activity_type = 'education' and audience = 'resettlement'", 'attendances'),
    ('service_training', "activity_type = 'training'", 'attendances'),
    ('service_relief', "activity_type = 'relief'", 'persons_served'),
    ('service_job_placements', "activity_type = 'job_placement'", 'persons_served'),
    ('service_plans_made', "activity_type = 'plan_made'", '1'),
    ('service_plans_revised', "activity_type = 'plan_revised'", '1'),
    ('service_drills', "activity_type = 'drill'", 'activity_sessions'),
    ('service_messages', "activity_type = 'message'", 'attendances'),
] -%}

{{ event(activities, 'service_activities', 'held_month', kinds) }}
{% for measure, value in [
    ('service_sessions', 'activity_sessions'),
    ('service_attendances', 'attendances'),
    ('service_persons_served', 'persons_served')
] -%}
union all
{{ event(activities, measure, 'held_month', kinds, value ~ ' > 0', value=value) }}
{% endfor -%}
{% for measure, condition, value in counted -%}
union all
{{ event(activities, measure, 'held_month', kinds, condition ~ (' and ' ~ value ~ ' > 0' if value != '1' else ''), value=value) }}
{% endfor -%}
