-- grain: one row a sender, district, month, item and category of the monthly resettlement form, its newest version up to the build's ledger sequence
{{ newest_version(source('lake', 'resettlement_monthly'), [
    'case_key',
    'cell_number',
    'ledger_sequence',
    'row_number',
    'sender',
    'area_code',
    'month',
    'item',
    'category',
    'value',
    'reported_on'
]) | replace('updated_at', 'reported_on') }}
