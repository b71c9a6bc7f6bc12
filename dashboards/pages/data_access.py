"""Data and interface: every table as a file, the read-only HTTP interface, how to ask in SQL."""

from dashboards.pages.frame import Page, show
from dashboards.sections import opening, taking

show(Page("data_access", (opening.release, taking.tables, taking.interface, taking.sql)))
