"""The second opinion: every measure and indicator counted again from the export files, in Polars.

Shares nothing with pipelines/ or dbt_project/ but the declarations under seeds/ (contracts' headings, code lists,
areas, senders, cards' numerator and denominator). What a row, a month or a rate is, is decided here anew.
"""
