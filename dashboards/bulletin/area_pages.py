"""The pages of the city and of each district, and the one that opens the site."""

from collections.abc import Iterator

from dashboards import wording
from dashboards.bulletin import addresses
from dashboards.bulletin.contents import Contents, Place
from dashboards.bulletin.frame import Page, place_name, section, with_blocks
from dashboards.bulletin.pieces import area_table, category_table, indicator_table, linked_place, over_time
from dashboards.markup import tag, text
from dashboards.wording import Language, label, lexicon, say, spoken
from pipelines.catalogue import Card


def start_page(contents: Contents, language: Language) -> Page:
    """Every city by the figure that the bulletin opens with, and what the site is."""
    card = contents.counted
    figures = [(place_name(city, language), contents.total(card, city, contents.period)) for city in contents.cities]
    name = wording.period_name(contents.period, language)
    page = Page(
        path=addresses.START,
        language=language,
        title=say("bulletin.title_of_period", language, period=name),
        sentence=wording.figures_sentence(card, figures, contents.period, language),
    )
    return with_blocks(page, _start_blocks(contents, page))


def _start_blocks(contents: Contents, page: Page) -> Iterator[str]:
    language = page.language
    yield text("p", say("bulletin.unlike", language))
    for card in contents.headline:
        caption = wording.period_name(contents.period, language)
        tables = area_table(contents, page, card, contents.cities, None, caption)
        yield section(wording.label_with_unit(card, language), tables)
    lists = [_district_list(contents, page, city) for city in contents.cities]
    yield section(say("bulletin.districts", language), *lists)


def _district_list(contents: Contents, page: Page, city: Place) -> str:
    links = [linked_place(place, page) for place in contents.below[city.code] if not place.is_not_assigned]
    entries = "".join(tag("li", link) for link in links)
    return tag("h3", linked_place(city, page)) + tag("ul", entries, class_="areas") if links else ""


def area_page(contents: Contents, place: Place, language: Language) -> Page:
    """A city or a district: its sentence, headline figures, lines, areas below it, types and channels, all indicators."""
    city = next((city for city in contents.cities if city.code == place.parent), None)
    trail = [(say("bulletin.home", language), addresses.START)]
    trail += [(place_name(city, language), addresses.area(city.short))] if city else []
    page = Page(
        path=addresses.area(place.short),
        language=language,
        title=wording.joined((place_name(place, language), wording.period_name(contents.period, language)), language),
        sentence=_sentence(contents, place, city, language),
        trail=tuple(trail),
    )
    return with_blocks(page, _area_blocks(contents, page, place, city))


def _sentence(contents: Contents, place: Place, city: Place | None, language: Language) -> str:
    def of(card: Card) -> tuple[Card, wording.Figure | None, wording.Figure | None]:
        return card, contents.total(card, place, contents.period), contents.total(card, place, contents.year_before)

    rate = of(contents.rated) if contents.rated else None
    of_city = contents.total(contents.rated, city, contents.period) if contents.rated and city else None
    return wording.period_sentence(
        place_name(place, language), of(contents.counted), rate, of_city, contents.period, language
    )


def _area_blocks(contents: Contents, page: Page, place: Place, city: Place | None) -> Iterator[str]:
    language = page.language
    period = wording.period_name(contents.period, language)

    def captioned(*names: str) -> str:
        return wording.joined((*names, place_name(place, language), period), language)

    headline = say("bulletin.headline", language)
    yield section(headline, indicator_table(contents, page, contents.headline, place, captioned(), with_lines=True))
    lines = [over_time(contents, page, card, place, label(card, language)) for card in contents.leading]
    yield section(say("bulletin.over_time", language), *lines)
    below = contents.below.get(place.code, ())
    compared = [card for card in (contents.counted, contents.rated) if card]
    tables = [
        area_table(contents, page, card, below, place, captioned(wording.label_with_unit(card, language)))
        for card in compared
        if any(contents.total(card, area, contents.period) for area in below)
    ]
    yield section(say("bulletin.districts" if city is None else "bulletin.towns", language), *tables)
    card = contents.counted
    for breakdown in card.breakdowns:
        named = say(f"breakdowns.{breakdown}", language)
        caption = captioned(wording.label_with_unit(card, language))
        yield section(named, category_table(contents, page, card, breakdown, place, caption))
    yield section(say("bulletin.every_indicator", language), *_systems(contents, page, place))


def _systems(contents: Contents, page: Page, place: Place) -> Iterator[str]:
    """A table for each system, of the indicators that have a figure or a reason for none."""
    language = page.language
    for system, words in lexicon().systems.items():
        cards = [
            card
            for card in contents.cards
            if card.system == system and contents.total(card, place, contents.period) is not None
        ]
        name = spoken(words, language)
        caption = wording.joined((name, place_name(place, language)), language)
        yield section(name, indicator_table(contents, page, cards, place, caption), level="h3")
