"""Map: the districts of a city as tiles or as shapes of the office's approved map, the table beside it."""

from dashboards.pages.frame import Page, show
from dashboards.sections import mapping

show(Page("map", (mapping.sentence, mapping.districts), mapping.OPTIONS))
