"""Annual review: the year against its targets, documents to download, reconciliation with published figures."""

from dashboards.pages.frame import Page, show
from dashboards.sections import review, targets

show(Page("annual_review", (review.sentence, targets.scorecard, review.year, review.made, review.published)))
