-- grain: one row a service activity, its newest version up to the build's ledger sequence
{{ newest_version('service_activities', [
    'case_key',
    'cell_number',
    'ledger_sequence',
    'row_number',
    'sender',
    'register',
    'area_code',
    'activity_type',
    'held_on',
    'audience',
    'activity_mode',
    'activity_sessions',
    'attendances',
    'persons_served',
    'activity_amount',
    'updated_at'
]) }}
