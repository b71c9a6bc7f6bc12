-- grain: one row a sender, district, month, item and category of the monthly correction form, its newest version up to the build's ledger sequence
{{ newest_cells('correction_monthly') }}
