"""Sentences of a review as an office would write them, each from figures the release carries and from nothing else."""

from collections.abc import Sequence

from dashboards import wording
from dashboards.review.cells import is_of_few
from dashboards.review.facts import REPORTED, Facts, Place, Standing
from dashboards.wording import Figure, Language, say, spoken
from pipelines import catalogue
from pipelines.catalogue import Card, Words

LEADING, FEWEST_LEADING = 3, 2  # categories named; those are not that are as large as the first left out
FEWEST_RANKED = 20  # cases; on fewer no percentage is printed either
UNRANKED = ("other", "not_stated")
FORM = "reported_month"  # the basis of what forms report


def sentence(facts: Facts, indicators: Sequence[str], language: Language, *, opens: bool) -> str:
    """One sentence on some indicators, in their order; those without a value fall away. `opens` names period and area."""
    clauses: list[str] = []
    for name in indicators:
        figure = facts.total(name)
        if figure is not None and name in facts.cards and not _says_nothing(figure, facts.cards[name]):
            clauses.append(_clause(facts, facts.cards[name], figure, language, is_first=not clauses))
    if not clauses:
        return ""
    return (
        (opening(facts, language) if opens else "") + say("review.next_clause", language).join(clauses) + _end(language)
    )


def _says_nothing(figure: Figure, card: Card) -> bool:
    """Whether there is no value, or a count of nought that was nought the year before."""
    return figure.value is None or (is_counted(card) and not figure.value and not figure.value_year_before)


def is_counted(card: Card) -> bool:
    """Whether a card counts something, so that nought means that there was nothing."""
    return card.kind in ("count", "stock")


def opening(facts: Facts, language: Language) -> str:
    return say(
        "review.opening",
        language,
        period=wording.period_name(facts.period, language),
        area=spoken(facts.place.name, language),
    )


def _end(language: Language) -> str:
    return say("sentence.end", language)


def _clause(facts: Facts, card: Card, figure: Figure, language: Language, *, is_first: bool) -> str:
    label = wording.counted_label(card, language, in_text=not is_first)
    text = say("review.clause", language, label=label, value=wording.counted_value(figure.value, card, language))
    few = is_of_few(figure, card)
    if few:
        text += _of_cases(facts, card, figure, language)
    marks = wording.marks(figure, language)
    if marks:
        text += say("review.mark", language, marks=marks)
    standing = facts.standing(card.id)
    target = _beside_target(facts, standing, card, language) if standing else ""
    if few:
        return text + target
    phrase = wording.on_year(figure, card, language)
    if not phrase and "b" in figure.status:
        phrase = say("review.not_comparable", language)
    return text + phrase + (_beside_city(standing, card, language) if standing else "") + target


def _of_cases(facts: Facts, card: Card, figure: Figure, language: Language) -> str:
    of = catalogue.units()[facts.measures[card.denominator or card.numerator][1]]
    parts = catalogue.units()[facts.measures[card.numerator][1]]
    whole = wording.with_unit(figure.denominator or 0, of, language)
    part = (
        wording.with_unit(figure.numerator or 0, parts, language) if language == "zh" else f"{figure.numerator or 0:,}"
    )
    return say("review.of_cases", language, denominator=whole, numerator=part)


def _beside_city(standing: Standing, card: Card, language: Language) -> str:
    """How far a percentage lies from the city's, as both are printed."""
    if card.unit != "percent" or standing.difference_to_city is None:
        return ""
    difference = wording.rounded(standing.difference_to_city, card.decimals)
    if not difference:
        return say("review.city_same", language)
    way = "city_higher" if difference > 0 else "city_lower"
    return say(f"review.{way}", language, amount=f"{abs(difference):,f}")


def _beside_target(facts: Facts, standing: Standing, card: Card, language: Language) -> str:
    if standing.target is None or standing.is_target_met is None:
        return ""
    target = wording.short_value(standing.target, card, language)
    is_least = standing.target_direction == "at_least"
    if standing.is_target_met:
        return say("review.target_reached" if is_least else "review.target_kept", language, target=target)
    if not standing.cases_to_target:
        return ""
    unit = catalogue.units()[facts.measures[card.numerator][1]]
    cases = wording.with_unit(abs(standing.cases_to_target), unit, language)
    way = "target_missed_least" if is_least else "target_missed_most"
    return say(f"review.{way}", language, target=target, cases=cases)


def leading(
    card: Card,
    breakdown: str,
    counts: Sequence[tuple[Words, Figure, Figure | None]],
    language: Language,
) -> str:
    """The largest categories of a count with their shares; empty where fewer than three have any case,
    or all together have so few that their order is chance.

    `counts`: the category's words, its count and its share.
    """
    known = [row for row in counts if row[1].value and row[1].category not in UNRANKED]
    ordered = sorted(known, key=lambda row: -(row[1].value or 0))
    first_left_out = ordered[LEADING][1].value if len(ordered) > LEADING else None
    ranked = [row for row in ordered[:LEADING] if row[1].value != first_left_out]
    if len(ordered) < LEADING or len(ranked) < FEWEST_LEADING or _sum(counts) < FEWEST_RANKED:
        return ""
    parts = []
    for words, count, share in ranked:
        values = {"category": spoken(words, language), "value": wording.counted_value(count.value, card, language)}
        if share is None or share.value is None:
            parts.append(say("review.leading_one", language, **values))
        else:
            said = f"{wording.number(share.value, 1, language)}%"
            parts.append(say("review.leading_share", language, **values, share=said))
    name = say(f"breakdowns.{breakdown}", language)
    return say(
        "review.leading",
        language,
        breakdown=name if language == "zh" else name.lower(),
        label=wording.counted_label(card, language),
        categories=wording.listed(parts, language),
    )


def _sum(counts: Sequence[tuple[Words, Figure, Figure | None]]) -> float:
    return sum(count.value or 0 for _, count, _ in counts)


def reporting(facts: Facts) -> list[Place]:
    """Of a city: its districts that hand in forms."""
    if facts.place.level != "city":
        return []
    forms = [name for name in facts.cards if name.endswith(REPORTED)]
    return [
        place
        for place in facts.children
        if not place.is_not_assigned
        and any((row := facts.total(name, area=place.code)) and row.value is not None for name in forms)
    ]


def reported_by(facts: Facts, cards: Sequence[Card], language: Language) -> str:
    """Of a city: the districts whose forms make the reported figures; without them the two cannot be held together."""
    places = reporting(facts) if any(card.id.endswith(REPORTED) for card in cards) else []
    return say("review.reported_by", language, areas=_names(places, language)) if places else ""


def formed_by(facts: Facts, cards: Sequence[Card], language: Language) -> str:
    """Of a city: which of these only forms tell of, handed in by some of its districts, and by which."""
    others = [card for card in cards if card.basis == FORM and not card.id.endswith(REPORTED)]
    known: dict[tuple[Place, ...], list[Card]] = {}
    for card in others:
        known.setdefault(_told_by(facts, card), []).append(card)
    return "".join(
        say(
            "review.formed_by",
            language,
            labels=wording.listed((wording.label(card, language) for card in found), language),
            areas=_names(places, language),
        )
        for places, found in known.items()
        if places
    )


def _told_by(facts: Facts, card: Card) -> tuple[Place, ...]:
    """Of a city: the districts that a card has a row of, where it has none of others."""
    if facts.place.level != "city":
        return ()
    districts = [place for place in facts.children if not place.is_not_assigned]
    found = tuple(place for place in districts if facts.total(card.id, area=place.code) is not None)
    return found if len(found) < len(districts) else ()


def _names(places: Sequence[Place], language: Language) -> str:
    return wording.listed((spoken(place.name, language) for place in places), language)
