-- grain: one row a sender, area, month, item and category of the monthly screening form, its newest version up to the build's ledger sequence
{{ newest_cells('screening_monthly') }}
