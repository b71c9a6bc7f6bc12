"""Definitions: the dictionary with search, lineage, legal basis, releases."""

from dashboards.pages.frame import Page, show
from dashboards.sections import dictionary, explaining

SECTIONS = (
    dictionary.sentence,
    dictionary.entries,
    explaining.of_chosen,
    dictionary.legal_basis,
    dictionary.glossary,
    dictionary.releases,
)

show(Page("definitions", SECTIONS, dictionary.OPTIONS))
