-- grain: one row an area, year and basis, its newest version up to the build's ledger sequence
{{ newest_version('population', [
    'case_key',
    'cell_number',
    'ledger_sequence',
    'row_number',
    'sender',
    'register',
    'area_code',
    'year',
    'residents',
    'registered_residents',
    'published_on',
    'basis'
]) }}
