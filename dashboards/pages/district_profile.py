"""District profile: the sentence, the month and the year so far against city and neighbours, towns, types, channels."""

from dashboards import selection
from dashboards.pages import frame, sections
from dashboards.selection import View
from dashboards.wording import say


def show(view: View) -> None:
    """Draw the page of a district and month; nothing where the address names none that exists."""
    source, district, month, language = view.source, view.place, view.month, view.language
    if not (source and district and month):
        return
    city = selection.places(source).get(district.parent)
    rows = sections.opening(source, district, month, language, city)
    rows += sections.headline(source, district, month, language, city)
    rows += sections.trends(source, district, month, language)
    if city:
        peers = selection.children(source, city.code)
        rows += sections.areas_compared(view, source, city, say("districts_compared", language), month, peers)
    towns = selection.children(source, district.code)
    rows += sections.areas_compared(view, source, district, say("towns", language), month, towns)
    rows += sections.breakdowns(source, district, month, language)
    sections.quality(source, district, month, language)
    frame.foot(view, source, rows)


show(frame.head("district_profile"))
