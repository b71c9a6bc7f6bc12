-- grain: one row a dispute found by screening, its newest version up to the build's ledger sequence
{{ newest_version(source('lake', 'dispute_screenings'), [
    'case_key',
    'cell_number',
    'ledger_sequence',
    'row_number',
    'sender',
    'register',
    'area_code',
    'occurred_on',
    'found_on',
    'resolve_by',
    'event_type',
    'scale',
    'persons_involved',
    'amount',
    'method',
    'mechanisms',
    'resolved_on',
    'tier',
    'screening_status',
    'updated_at'
]) }}
