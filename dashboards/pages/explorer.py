"""Indicator explorer: any indicator, set of areas, period and breakdown, with its definition and where it comes from."""

from dashboards.pages.frame import Page, show
from dashboards.sections import explaining, explorer

show(Page("explorer", (explorer.sentence, explorer.answer, explaining.panel), explorer.OPTIONS))
