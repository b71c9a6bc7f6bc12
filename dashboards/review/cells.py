"""Cells: figures as they are printed in a table and kept as numbers in a workbook, and what stands where there is none."""

from dashboards import wording
from dashboards.review.document import Cell
from dashboards.wording import Figure, Language, say
from pipelines import catalogue
from pipelines.catalogue import Card

NOT_AVAILABLE = "x"
FEW = 20  # cases, below which a single one moves a percentage far
SMALLEST_SHOWN = 2  # decimals of a change in percent that would read 0.0


def none(language: Language) -> Cell:
    return Cell(say("review.none", language))


def marker(status: tuple[str, ...], language: Language) -> Cell:
    """Why there is no value, as the release says."""
    return Cell(say(f"review.marker_{status[0] if status else NOT_AVAILABLE}", language))


def number_form(decimals: int) -> str:
    return "#,##0" + (f".{'0' * decimals}" if decimals else "")


def signed_form(decimals: int, unit: str = "") -> str:
    """A sign before, a unit after; nought has neither."""
    number = number_form(decimals) + (f'"{unit}"' if unit else "")
    return f'+{number};"−"{number};0'


def quantity(value: float, card: Card, language: Language) -> Cell:
    """A bare number; its unit stands in the head or beside it."""
    text = wording.number(value, card.decimals, language, exact=True, trim=_is_trimmed(value, card))
    return Cell(text, value, number_form(len(text.partition(".")[2])))


def _is_trimmed(value: float, card: Card) -> bool:
    """Idle zeros: kept in rates, so that they stand in line; a half day is rare, and nought is nought."""
    return card.unit == "day" or not value


def value(figure: Figure | None, card: Card, language: Language) -> Cell:
    if figure is None or figure.value is None:
        return marker(figure.status if figure else (), language)
    return quantity(figure.value, card, language)


def year_before(figure: Figure | None, before: Figure | None, card: Card, language: Language) -> Cell:
    """The value that a figure is compared with; where there is none, `before`, its own row, says why."""
    if figure is None or figure.value_year_before is None:
        return marker(before.status if before and before.value is None else (), language)
    return quantity(figure.value_year_before, card, language)


def difference(figure: Figure | None, card: Card, language: Language) -> Cell:
    """The change on the year before: signed, in percentage points where the unit is percent; 持平 where both read alike.

    None of a percentage of few cases, unless both are the same.
    """
    way = wording.direction(figure, card) if figure else None
    if figure is not None and way != "flat" and is_of_few(figure, card):
        return none(language)
    if figure is None or way is None or figure.change_on_year is None:
        return Cell(say("review.not_comparable_mark", language)) if figure and "b" in figure.status else none(language)
    return Cell(say("changes.flat", language)) if way == "flat" else apart(figure.change_on_year, card, language)


def is_of_few(figure: Figure, card: Card) -> bool:
    """Whether a percentage is one of so few cases that it is told with them, and compared with none."""
    return card.unit == "percent" and figure.denominator is not None and figure.denominator < FEW


def growth(figure: Figure | None, card: Card, language: Language) -> Cell:
    """The change in percent; none for percentages, on a base under 20, and where nothing changed."""
    percent = figure.change_on_year_percent if figure else None
    if figure is None or percent is None or wording.direction(figure, card) == "flat":
        return none(language)
    decimals = 1 if wording.rounded(percent, 1) else SMALLEST_SHOWN
    if not wording.rounded(percent, decimals):
        return Cell(say("review.growth_tiny", language))
    return Cell(wording.signed(percent, decimals), percent, signed_form(decimals))


def bare(value: float | None, card: Card, language: Language) -> Cell:
    return none(language) if value is None else quantity(value, card, language)


def apart(difference: float | None, card: Card, language: Language) -> Cell:
    """How far a figure lies from another; level where both read alike."""
    if difference is None:
        return none(language)
    text = wording.signed(difference, card.decimals, trim=card.unit == "day")
    if not wording.rounded(difference, card.decimals):
        return Cell(say("changes.flat", language))
    decimals = len(text.partition(".")[2])
    if card.unit != "percent":
        return Cell(text, difference, signed_form(decimals))
    unit = say("review.points", language, amount="")
    return Cell(text + unit, difference, signed_form(decimals, unit))


def distance(cases: int | None, language: Language) -> Cell:
    """How many cases lie beyond a target; negative is what is missing, or too many."""
    return none(language) if cases is None else Cell(wording.signed(cases, 0), cases, signed_form(0))


def rank(place: int | None, units: int | None, language: Language) -> Cell:
    return none(language) if place is None else Cell(say("review.rank_of", language, rank=place, units=units))


def count(number: int | None, language: Language) -> Cell:
    """A whole number as it is; what may be negative has its sign."""
    form = number_form(0)
    return none(language) if number is None else Cell(wording.whole(number), number, f'{form};"−"{form}')


def remark(figure: Figure | None, language: Language) -> Cell:
    """Marks of a figure that has a value; of one without, they stand in its place already."""
    marks = figure.status if figure and figure.value is not None else ()
    texts = [say(f"review.marker_{code}", language) for code in marks]
    return Cell(wording.listed(texts, language)) if texts else none(language)


def unit(card: Card, language: Language) -> Cell:
    return Cell(catalogue.units()[card.unit][f"symbol_{language}"])
