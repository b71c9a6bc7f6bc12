"""Three tiers: where disputes are found, resolved and passed up, and the work of the governance centres."""

from dashboards.pages.frame import Page, show
from dashboards.sections import opening, tiers

show(Page("three_tiers", (opening.tiers, tiers.found, tiers.mediated, tiers.stayed, tiers.centres)))
