"""A district beside its city and its peers, and the same figure by other rules."""

from collections.abc import Sequence
from urllib.parse import urlencode

from dashboards import markup, rows, wording
from dashboards.markup import Cell, text
from dashboards.rows import Standing, by_key, figures, standings
from dashboards.sections import Content, kept
from dashboards.selection import Subject, address
from dashboards.wording import Figure, say, year_to_date
from pipelines.catalogue import Card

BASES = (
    "mediation_accepted",
    "mediation_concluded",
    "mediation_success_rate",
    "screening_found",
    "screening_resolved_rate",
    "petition_matters",
    "petition_on_time_rate",
)


@kept
def against_city(subject: Subject) -> Content:
    """The rates and durations of the year to date beside the city's; the rank where ranks may be given.

    Not those of which the city's is made of this district's cases alone.
    """
    source, language, period = subject.source, subject.language, year_to_date(subject.month)
    cards = {card.id: card for card in rows.ordered_cards(source) if card.kind == "ratio" or card.is_quantile}
    stands = standings(source, cards, (subject.place.code,), (period,))
    shown = figures(source, list(cards), (subject.place.code,), (period,))
    found = by_key(shown)
    of_city = by_key(figures(source, list(cards), (subject.place.parent,), (period,)))
    known = [row for row in stands if (own := found.get((row.indicator, *_key(row)))) and own.value is not None]
    known = [row for row in known if row.city_value is not None and not _is_the_city(row, found, of_city)]
    if not known:
        return ()
    known.sort(key=lambda row: rows.card_order(cards[row.indicator]))
    has_rank = source.edition == "internal" and any(row.rank is not None for row in known)
    names = ("indicator", "own", "city", "difference", *(("rank",) if has_rank else ()))
    head = [say(f"standing.{name}", language) for name in names]
    cells = [_against(subject, row, cards[row.indicator], found, has_rank=has_rank) for row in known]
    title = wording.joined((say("standing.title", language), wording.period_name(period, language)), language)
    note = text("p", say("standing.note", language), class_="finding") if has_rank else ""
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells), title)
    return tuple(found[row.indicator, *_key(row)] for row in known)


def _is_the_city(row: Standing, found: rows.Found, of_city: rows.Found) -> bool:
    own = found[row.indicator, *_key(row)]
    return any(wording.is_of_the_same(whole, own) for whole in of_city.values() if whole.indicator == row.indicator)


def _key(row: Standing) -> tuple[str, str]:
    return row.area_code, row.period


def _against(subject: Subject, row: Standing, card: Card, found: rows.Found, *, has_rank: bool) -> list[str | Cell]:
    language = subject.language
    side = row.difference_to_city or 0.0
    is_better = card.better != "neither" and side != 0 and (side > 0) == (card.better == "higher")
    kind = "" if card.better == "neither" or side == 0 else "better" if is_better else "worse"
    rank = wording.MISSING
    if row.rank is not None:
        rank = say("standing.rank_of", language, rank=str(row.rank), units=str(row.ranked_units))
    return [
        wording.label_with_unit(card, language),
        wording.shown(found.get((row.indicator, *_key(row))), card, language),
        wording.value_text(row.city_value, card, language),
        Cell(wording.signed_amount(row.difference_to_city, card, language), kind=kind),
        *([rank] if has_rank else []),
    ]


@kept
def variants(subject: Subject) -> Content:
    """Indicators beside the same thing by another rule: as counted case by case, as reported upwards, by cohort."""
    source, language, period = subject.source, subject.language, year_to_date(subject.month)
    cards = rows.cards(source)
    families = [_family(cards, base) for base in BASES if base in cards]
    shown = figures(source, [card.id for family in families for card in family], (subject.place.code,), (period,))
    found = by_key(shown)
    names = ("rule", "value", "difference", "year_before", "on_year", "definition")
    head = [say(f"variants.{name}", language) for name in names]
    cells = [row for family in families for row in _family_rows(subject, family, found, period)]
    if not cells:
        return ()
    title = wording.joined((say("variants.title", language), wording.period_name(period, language)), language)
    note = text("p", say("variants.note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells), title)
    return shown


def _family_rows(
    subject: Subject, family: Sequence[Card], found: rows.Found, period: str
) -> Sequence[Sequence[str | Cell]]:
    """An indicator, and below it what the release holds of the same thing by other rules, each with its difference."""
    base, *others = family
    code = subject.place.code
    held = [card for card in others if (row := found.get((card.id, code, period))) and row.value is not None]
    if not held:
        return []
    apart = rows.differences(subject.source, base.id, tuple(card.id for card in held), code, period)
    first = _variant(subject, base, found.get((base.id, code, period)), "")
    return [
        first,
        *(
            _variant(
                subject,
                card,
                found.get((card.id, code, period)),
                wording.signed_amount(apart[card.id], card, subject.language),
            )
            for card in held
        ),
    ]


def _family(cards: rows.Cards, base: str) -> Sequence[Card]:
    """A card and its variants of the same unit."""
    own = cards[base]
    return [own, *(cards[name] for name in own.variants if name in cards and cards[name].unit == own.unit)]


def _variant(subject: Subject, card: Card, figure: Figure | None, difference: str) -> list[str | Cell]:
    """A row; the indicator that the others are held against has no difference of its own."""
    language = subject.language
    return [
        Cell(wording.label_with_unit(card, language), kind="indented" if difference else ""),
        wording.shown(figure, card, language, exact=True),
        difference,
        wording.before_text(figure, card, language, exact=True),
        wording.signed_change(figure, card, language),
        Cell(say("definition", language), f"definitions?{_definition(subject, card)}"),
    ]


def _definition(subject: Subject, card: Card) -> str:
    return urlencode(address(subject, **dict.fromkeys(subject.options, "") | {"indicator": card.id}))
