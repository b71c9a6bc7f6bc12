"""The page of each indicator, and the list of them."""

from collections.abc import Iterator

from dashboards import markup, wording
from dashboards.bulletin import addresses
from dashboards.bulletin.contents import Contents, Place
from dashboards.bulletin.frame import Page, place_name, section, with_blocks
from dashboards.bulletin.pieces import area_table, category_table, is_shown, over_time
from dashboards.markup import tag, text
from dashboards.wording import Figure, Language, escaped, label, label_with_unit, lexicon, say, spoken
from pipelines.catalogue import Card


def indicator_page(contents: Contents, card: Card, language: Language) -> Page:
    """One indicator: what it means, its figures by city and district, over time, by category."""
    page = Page(
        path=addresses.indicator(card.id),
        language=language,
        title=label(card, language),
        sentence=_sentence(contents, card, language),
        trail=(
            (say("bulletin.home", language), addresses.START),
            (say("bulletin.indicators", language), addresses.INDICATORS),
        ),
    )
    return with_blocks(page, _blocks(contents, page, card))


def _sentence(contents: Contents, card: Card, language: Language) -> str:
    """One city with its change, or every city; a share has no total, and speaks by its largest category."""
    if card.kind == "share":
        parts = [(place_name(city, language), _parts(contents, card, city, language)) for city in contents.cities]
        return wording.largest_sentence(card, parts, contents.period, language)
    if len(contents.cities) == 1:
        city = contents.cities[0]
        now, before = (contents.total(card, city, period) for period in (contents.period, contents.year_before))
        return wording.figure_sentence(place_name(city, language), card, now, before, contents.period, language)
    figures = [(place_name(city, language), contents.total(card, city, contents.period)) for city in contents.cities]
    return wording.figures_sentence(card, figures, contents.period, language)


def _parts(contents: Contents, card: Card, city: Place, language: Language) -> dict[str, Figure]:
    """The figures of a city by the label of the category, of the card's first breakdown."""
    breakdown = card.breakdowns[0]
    labels = contents.categories.get(breakdown, {})
    figures = {
        spoken(words, language): contents.part(card, breakdown, category, city, contents.period)
        for category, words in labels.items()
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _blocks(contents: Contents, page: Page, card: Card) -> Iterator[str]:
    language = page.language
    meaning = escaped(spoken(card.definition, language)) + " "
    yield tag("p", meaning + text("a", say("bulletin.in_full", language), href="#definition"))
    period = wording.period_name(contents.period, language)
    for city in contents.cities:
        name = place_name(city, language)
        if not _is_told(contents, card, city):
            yield section(name, text("p", say("bulletin.nothing_shown", language)))
            continue
        caption = wording.joined((label_with_unit(card, language), name, period), language)
        below = [place for place in contents.below[city.code] if contents.total(card, place, contents.period)]
        known = below or contents.total(card, city, contents.period)
        parts = [area_table(contents, page, card, below, city, caption)] if known else []
        parts.append(over_time(contents, page, card, city, say("bulletin.over_time_of", language, area=name)))
        for breakdown in card.breakdowns:
            drawn = category_table(contents, page, card, breakdown, city, caption)
            by = say("bulletin.by_breakdown", language, breakdown=_breakdown(breakdown, language))
            parts.append(section(wording.joined((name, by), language), drawn, level="h3"))
        yield section(name, *parts)
    words = text("h2", say("definition", language)) + markup.definition(card, language) + _related(contents, page, card)
    yield tag("section", words, id="definition")


def _is_told(contents: Contents, card: Card, city: Place) -> bool:
    """Whether anything is shown of an indicator in a city, its districts or its categories."""
    totals = (contents.total(card, place, contents.period) for place in (city, *contents.below[city.code]))
    parts = (
        contents.part(card, breakdown, category, city, contents.period)
        for breakdown in card.breakdowns
        for category in contents.categories.get(breakdown, {})
    )
    return any(is_shown(figure) for figure in (*totals, *parts))


def _breakdown(breakdown: str, language: Language) -> str:
    name = say(f"breakdowns.{breakdown}", language)
    return name if language == "zh" else name[0].lower() + name[1:]


def _related(contents: Contents, page: Page, card: Card) -> str:
    """The variants of the card that the release has."""
    known = [other for other in contents.cards if other.id in card.variants]
    links = (
        tag("li", text("a", label(other, page.language), href=page.link(addresses.indicator(other.id))))
        for other in known
    )
    return text("h3", say("bulletin.related", page.language)) + tag("ul", "".join(links)) if known else ""


def indicators_page(contents: Contents, language: Language) -> Page:
    """Every indicator by system, with its definition."""
    page = Page(
        path=addresses.INDICATORS,
        language=language,
        title=say("bulletin.indicators", language),
        sentence=counts_sentence(contents, language),
        trail=((say("bulletin.home", language), addresses.START),),
    )
    return with_blocks(page, _list(contents, page))


def counts_sentence(contents: Contents, language: Language) -> str:
    """How many indicators for how many areas."""
    return say(
        "bulletin.glossary_sentence",
        language,
        period=wording.period_name(contents.period, language),
        indicators=str(len(contents.cards)),
        areas=str(len(contents.cities) + len(contents.districts)),
    )


def _list(contents: Contents, page: Page) -> Iterator[str]:
    language = page.language
    for system, words in lexicon().systems.items():
        entries = "".join(
            tag(
                "div",
                tag("dt", text("a", label(card, language), href=page.link(addresses.indicator(card.id))))
                + text("dd", spoken(card.definition, language)),
            )
            for card in contents.cards
            if card.system == system
        )
        yield section(spoken(words, language), tag("dl", entries) if entries else "")
