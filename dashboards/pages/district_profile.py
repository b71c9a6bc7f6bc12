"""District profile: against city and peers, by other rules, by type, channel, mechanism and tier, its towns, its days."""

from dashboards.pages.frame import Page, show
from dashboards.sections import (
    books,
    breakdowns,
    comparing,
    deadlines,
    durations,
    headline,
    opening,
    reporting,
    standing,
    targets,
    trends,
)

SECTIONS = (
    opening.work,
    headline.headline,
    targets.targets,
    standing.against_city,
    comparing.districts,
    standing.variants,
    books.reported_and_counted,
    breakdowns.types_and_channels,
    breakdowns.mechanisms_and_tiers,
    comparing.towns,
    durations.durations,
    deadlines.overdue,
    trends.trends,
    reporting.quality,
)

show(Page("district_profile", SECTIONS))
