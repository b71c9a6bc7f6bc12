"""The sentence to quote, with which every page opens."""

from collections.abc import Mapping

from dashboards import rows, wording
from dashboards.markup import tag, text
from dashboards.rows import by_key, figures
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import Language, say, spoken, year_to_date

ACCEPTED = "mediation_accepted"
SUCCESS = "mediation_success_rate"
FOUND = "screening_found"
RESOLVED = "screening_resolved_rate"
IN_VILLAGE = "screening_village_resolution_rate"


def quote(sentence: str, language: Language) -> str:
    """A sentence so that it is seen and heard as the one to quote."""
    return tag("blockquote", text("p", sentence), class_="quote", aria_label=say("quote", language))


@kept
def work(subject: Subject) -> Content:
    """Disputes accepted in the month and the year so far, and the success rate beside the city's."""
    source, place, month, city = subject.source, subject.place, subject.month, subject.above
    cards, total = rows.cards(source), year_to_date(month)
    areas = [place.code, *([city.code] if city else [])]
    shown = figures(source, (ACCEPTED, SUCCESS), areas, (month, total))
    found = by_key(shown)
    if ACCEPTED not in cards:
        return ()
    sentence = wording.opening_sentence(
        subject.name,
        (cards[ACCEPTED], found.get((ACCEPTED, place.code, month)), found.get((ACCEPTED, place.code, total))),
        (cards[SUCCESS], found.get((SUCCESS, place.code, total))) if SUCCESS in cards else None,
        found.get((SUCCESS, city.code, total)) if city else None,
        month,
        subject.language,
    )
    yield quote(sentence, subject.language)
    return shown


def one_figure(subject: Subject, indicator: str, period: str) -> Content:
    """One indicator of the area in a period."""
    return several(subject, {indicator: period})


def several(subject: Subject, asked: Mapping[str, str]) -> Content:
    """Some indicators of the area, each in its period, as one sentence; of those that the release has."""
    cards, place = rows.cards(subject.source), subject.place
    known = {indicator: period for indicator, period in asked.items() if indicator in cards}
    if not known:
        return ()
    shown = tuple(
        row
        for indicator, period in known.items()
        for row in figures(subject.source, (indicator,), (place.code,), (period,))
    )
    found = by_key(shown)
    said = [
        (cards[indicator], period, found.get((indicator, place.code, period))) for indicator, period in known.items()
    ]
    yield quote(wording.several_sentence(subject.name, said, subject.language), subject.language)
    return shown


def tiers(subject: Subject) -> Content:
    """Disputes found, the rate at which they were resolved, and how many of these in the village (小事不出村)."""
    cards = rows.cards(subject.source)
    asked = (name for name in (FOUND, RESOLVED, IN_VILLAGE) if name in cards)
    return several(subject, {name: rows.latest(subject.source, cards[name], subject.month) for name in asked})


def release(subject: Subject) -> Content:
    """What the release holds."""
    about, language = rows.metadata(subject.source), subject.language
    cutoff = wording.day_name(str(about.get("data_cutoff") or ""), language)
    systems = dict.fromkeys(card.system for card in rows.ordered_cards(subject.source))
    yield quote(
        say(
            "definitions.opening",
            language,
            release=subject.source.id,
            indicators=str(len(rows.cards(subject.source))),
            systems=wording.listed((say(f"systems.{system}", language) for system in systems), language),
            areas=f"{len(rows.places(subject.source)):,}",
            first=wording.month_name(rows.months(subject.source)[0], language),
            last=wording.month_name(rows.months(subject.source)[-1], language),
            cutoff=cutoff,
        ),
        language,
    )
    return ()


def definition(subject: Subject) -> Content:
    """The definition of the indicator that is looked up."""
    card = rows.cards(subject.source)[subject.options["indicator"]]
    sentence = wording.label(card, subject.language) + wording.colon(subject.language)
    yield quote(sentence + spoken(card.definition, subject.language), subject.language)
    return ()
