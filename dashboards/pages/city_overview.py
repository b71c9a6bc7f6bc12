"""City overview: what an official needs in the first minute; statistical charts stay on the analysis page."""

from dashboards.pages.frame import Page, show
from dashboards.sections import (
    breakdowns,
    comparing,
    deadlines,
    headline,
    opening,
    reporting,
    targets,
    trends,
    zero_lines,
)

SECTIONS = (
    opening.work,
    headline.headline,
    targets.targets,
    deadlines.overdue,
    zero_lines.zero_lines,
    reporting.not_reported,
    comparing.districts,
    trends.trends,
    breakdowns.types_and_channels,
    reporting.quality,
)

show(Page("city_overview", SECTIONS))
