"""City overview: the sentence, the month and the year so far, the districts side by side, types and channels."""

from dashboards import selection
from dashboards.pages import frame, sections
from dashboards.selection import View
from dashboards.wording import say


def show(view: View) -> None:
    """Draw the page of a city and month; nothing where the address names none that exists."""
    source, city, month, language = view.source, view.place, view.month, view.language
    if not (source and city and month):
        return
    rows = sections.opening(source, city, month, language, None)
    rows += sections.headline(source, city, month, language, None)
    rows += sections.trends(source, city, month, language)
    below = selection.children(source, city.code)
    rows += sections.areas_compared(view, source, city, say("districts_compared", language), month, below)
    rows += sections.breakdowns(source, city, month, language)
    sections.quality(source, city, month, language)
    frame.foot(view, source, rows)


show(frame.head("city_overview"))
