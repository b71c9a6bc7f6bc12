{# The measures that count cases by a flag on a date, system by system: measure, month of the case's table in which it counts,
   and the condition on the case (none: all cases). And those that count what stands in a stock at the end of a month: measure,
   condition on the case (none: all cases), the first month at whose end it stands in it, and the first at whose end it no longer
   does. What else is counted stands in the events of the system. #}

{% macro mediation_flags() -%}
    {{ return([
        ('mediation_accepted', 'accepted_month', none),
        ('mediation_difficult', 'accepted_month', 'is_difficult_case'),
        ('mediation_agreed_within_60_days', 'accepted_month', 'is_agreed_within_60_days'),
        ('mediation_days_unknown', 'accepted_month', 'is_of_unknown_duration'),
        ('mediation_concluded', 'concluded_month', 'is_concluded'),
        ('mediation_agreed', 'concluded_month', 'is_agreed'),
        ('mediation_not_agreed', 'concluded_month', 'is_not_agreed'),
        ('mediation_withdrawn_or_terminated', 'concluded_month', 'is_withdrawn_or_terminated'),
        ('mediation_within_30_days', 'concluded_month', 'is_within_30_days'),
        ('mediation_written', 'concluded_month', 'is_written_agreement'),
        ('mediation_confirmed', 'concluded_month', 'is_confirmed_agreement'),
        ('mediation_agreed_in_village', 'concluded_month', 'is_agreed_in_village'),
        ('mediation_agreed_in_township', 'concluded_month', 'is_agreed_in_township'),
        ('mediation_reopened', 'concluded_month', 'is_reopened_agreement'),
        ('mediation_escalation_prevented', 'concluded_month', 'is_escalation_prevented'),
        ('mediation_group_incident_prevented', 'concluded_month', 'is_group_incident_prevented'),
        ('mediation_confirmation_requested', 'confirmation_requested_month', 'confirmation_requested_month is not null'),
        ('mediation_performance_due', 'perform_by_month', 'is_performance_due'),
        ('mediation_performed', 'perform_by_month', 'is_performance_due and is_performed'),
        ('mediation_partly_performed', 'perform_by_month', 'is_performance_due and is_partly_performed')
    ]) }}
{%- endmacro %}

{% macro mediation_stocks() -%}
    {{ return(stocks_of('mediation', 'accepted_on', 'deadline_on is not null')) }}
{%- endmacro %}

{% macro petition_flags() -%}
    {{ return([
        ('petition_matters', 'registered_month', none),
        ('petition_online', 'registered_month', "petition_form = 'online'"),
        ('petition_repeat', 'registered_month', 'is_repeat'),
        ('petition_first_here', 'registered_month', 'is_first_here'),
        ('petition_first_nationwide', 'registered_month', 'is_first_nationwide'),
        ('petition_collective_visits', 'registered_month', 'is_collective_visit'),
        ('petition_skip_level_visits', 'registered_month', 'is_skip_level_visit'),
        ('petition_taken_up_by_leader', 'registered_month', 'is_taken_up_by_leader'),
        ('petition_taken_up_by_leader_concluded', 'registered_month', 'is_taken_up_by_leader and concluded_on is not null'),
        ('petition_concluded_within_60_days', 'registered_month', 'is_concluded_within_60_days'),
        ('petition_forwarding_due', 'forward_by_month', 'forward_by_month is not null'),
        ('petition_forwarded_in_time', 'forward_by_month', 'is_forwarded_in_time'),
        ('petition_informing_due', 'inform_by_month', none),
        ('petition_informed_in_time', 'inform_by_month', 'is_informed_in_time'),
        ('petition_due', 'deadline_month', 'has_deadline'),
        ('petition_on_time', 'deadline_month', 'has_deadline and is_on_time'),
        ('petition_concluded', 'concluded_month', 'concluded_on is not null'),
        ('petition_to_rate', 'concluded_month', 'is_to_rate'),
        ('petition_office_rated', 'concluded_month', 'is_office_rated'),
        ('petition_satisfied_with_office', 'concluded_month', 'is_satisfied_with_office'),
        ('petition_unit_rated', 'concluded_month', 'is_unit_rated'),
        ('petition_satisfied_with_unit', 'concluded_month', 'is_satisfied_with_unit')
    ]) }}
{%- endmacro %}

{% macro petition_stocks() -%}
    {{ return(stocks_of('petition', 'registered_on', 'has_deadline')) }}
{%- endmacro %}

{% macro reconsideration_flags() -%}
    {{ return([
        ('reconsideration_received', 'received_month', none),
        ('reconsideration_accepted', 'accepted_month', 'accepted_on is not null'),
        ('reconsideration_examined', 'examined_month', 'is_examined'),
        ('reconsideration_examined_in_known_time', 'examined_month', 'working_days_to_examine is not null'),
        ('reconsideration_examined_in_time', 'examined_month', 'is_examined_in_time'),
        ('reconsideration_concluded', 'concluded_month', 'is_concluded'),
        ('reconsideration_settled', 'concluded_month', 'is_settled'),
        ('reconsideration_corrected', 'concluded_month', 'is_corrected'),
        ('reconsideration_followed_up', 'concluded_month', 'is_followed_up'),
        ('reconsideration_without_later_dispute', 'concluded_month', 'is_without_later_dispute'),
        ('reconsideration_due', 'deadline_month', 'has_deadline'),
        ('reconsideration_on_time', 'deadline_month', 'is_on_time')
    ]) }}
{%- endmacro %}

{% macro reconsideration_stocks() -%}
    {{ return([('reconsideration_open', none, month_of('accepted_on'), month_of('concluded_on'))]) }}
{%- endmacro %}

{# Open is a case until the day of its conclusion, overdue while it is open after its deadline, and soon overdue where the
   deadline is the last day of the month or one of the seven days after it. #}
{% macro stocks_of(system, opened_on, has_deadline) -%}
    {% set opened, concluded = month_of(opened_on), month_of('concluded_on') -%}
    {% set overdue, soon = month_of(days_after('deadline_on', 1)), month_of(days_after('deadline_on', -7)) -%}
    {{ return([
        (system ~ '_open', none, opened, concluded),
        (system ~ '_overdue', has_deadline, 'greatest(' ~ opened ~ ', ' ~ overdue ~ ')', concluded),
        (system ~ '_soon_overdue', has_deadline, 'greatest(' ~ opened ~ ', ' ~ soon ~ ')', 'least(' ~ concluded ~ ', ' ~ overdue ~ ')')
    ]) }}
{%- endmacro %}

{% macro screening_flags() -%}
    {{ return([
        ('screening_found', 'found_month', none),
        ('screening_resolved', 'found_month', 'is_resolved'),
        ('screening_resolved_within_60_days', 'found_month', 'is_resolved_within_60_days'),
        ('screening_resolved_in_village', 'found_month', 'is_resolved_in_village'),
        ('screening_resolved_in_township', 'found_month', 'is_resolved_in_township'),
        ('screening_eased', 'found_month', 'is_eased'),
        ('screening_to_judicial', 'found_month', 'is_to_judicial'),
        ('screening_by_mechanism', 'found_month', 'mechanisms is not null')
    ]) }}
{%- endmacro %}
