"""Analysis: control charts, real changes against noise, funnels, ranks under their rules."""

from dashboards.pages.frame import Page, show
from dashboards.sections import analysis

SECTIONS = (analysis.sentence, analysis.control, analysis.changes, analysis.areas_in_funnel, analysis.ranks)

show(Page("analysis", SECTIONS, analysis.OPTIONS))
