-- grain: one row an event in a correction case, its newest version up to the build's ledger sequence
{{ newest_version('correction_events', [
    'case_key',
    'cell_number',
    'ledger_sequence',
    'row_number',
    'sender',
    'register',
    'area_code',
    'correction_event',
    'happened_month',
    'move_direction',
    'discipline',
    'termination_type',
    'discharge_type',
    'updated_at',
    'correction_case_key'
]) }}
