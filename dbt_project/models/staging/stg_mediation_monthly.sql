-- grain: one row a sender, area, month, item and category of the monthly mediation form, its newest version up to the build's ledger sequence
{{ newest_cells('mediation_monthly') }}
