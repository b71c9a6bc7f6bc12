"""Data quality: senders, completeness, timeliness, refused rows, plausibility of the books, revisions."""

from dashboards.pages.frame import Page, show
from dashboards.sections import books, reporting

SECTIONS = (
    reporting.opening,
    reporting.not_reported,
    reporting.by_sender,
    reporting.bands,
    books.coverage,
    books.refused,
    books.plausibility,
    books.revisions,
)

show(Page("data_quality", SECTIONS))
