"""The headline cards: the month and the year so far, the year before, the difference; a district beside its city."""

from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import by_key, figures
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import say, year_to_date


@kept
def headline(subject: Subject) -> Content:
    """A card for each headline indicator; beside a district's rates and durations stands the city's.

    What a public edition does not publish of an area has no card there; inside, its absence is told.
    """
    source, place, month, language = subject.source, subject.place, subject.month, subject.language
    cards, city, total = rows.headline_cards(source), subject.above, year_to_date(month)
    areas = [place.code, *([city.code] if city else [])]
    shown = figures(source, [card.id for card in cards], areas, (month, total))
    found = by_key(shown)
    if source.edition == "public":
        held = {row.indicator for row in shown if row.area_code == place.code}
        cards = tuple(card for card in cards if card.id in held)
    drawn = [
        markup.headline_card(
            card,
            found.get((card.id, place.code, month)),
            found.get((card.id, place.code, total)),
            found.get((card.id, city.code, month)) if city and (card.kind == "ratio" or card.is_quantile) else None,
            month,
            language,
        )
        for card in cards
    ]
    if not drawn:
        return ()
    title = wording.joined((say("headline", language), wording.month_name(month, language)), language)
    yield text("h2", title) + tag("div", "".join(drawn), class_="cards")
    return shown
