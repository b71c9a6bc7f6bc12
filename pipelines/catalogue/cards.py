"""Cards: one indicator each, and the targets set for them."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.catalogue.areas import published_areas
from pipelines.catalogue.codes import units
from pipelines.catalogue.declaring import Declared, LegalBasis, Words, declare, line_of, read_rows, read_yaml
from pipelines.catalogue.measures import FINEST_FIRST, measures
from pipelines.settings import SEEDS, UserError


class Card(Declared):
    """An indicator (design: cards hold words, SQL holds logic). `numerator` and `denominator` are measure ids.

    `denominator_with`: a measure added to the denominator. `censored`: of a survival quantile, the histogram of the cases
    still open. `void_where`: a measure that must be 0, else there is no figure.
    """

    id: str
    label: Words
    kind: Literal["count", "stock", "share", "ratio", "quantile", "survival_quantile"]
    system: str
    numerator: str
    denominator: str | None = None
    denominator_with: str | None = None
    censored: str | None = None
    void_where: str | None = None
    quantile: float | None = Field(default=None, gt=0, lt=1)
    unit: str
    decimals: int = Field(ge=0, le=4)
    better: Literal["higher", "lower", "neither"]
    basis: str
    definition: Words
    includes: tuple[Words, ...] = ()
    excludes: tuple[Words, ...] = ()
    legal_basis: tuple[LegalBasis, ...] = ()
    deadline: Words | None = None
    breakdowns: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    breaks: tuple[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")], ...] = ()  # first months of a new series
    caution: Words | None = None
    matures_after: int | None = Field(default=None, ge=0)
    finest_period: Literal["month", "quarter", "year"] = "month"
    lowest_level: Literal["township", "district", "city", "province"] | None = None  # that of its numerator if not said
    is_zero_line: bool = False  # it should not occur at all: the last time it did is told
    basis_status: str
    headline: bool = False

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> "Card":
        if (self.kind in ("share", "ratio")) != (self.denominator is not None):
            raise ValueError(f"kind {self.kind} and denominator do not fit: only share and ratio have a denominator")
        if self.denominator_with is not None and self.denominator is None:
            raise ValueError("`denominator_with` is added to a denominator, and there is none")
        if self.is_quantile != (self.quantile is not None):
            raise ValueError(f"kind {self.kind} and quantile do not fit: only quantiles have one")
        if (self.kind == "survival_quantile") != (self.censored is not None):
            raise ValueError(f"kind {self.kind} and censored do not fit: only a survival quantile has one")
        if self.kind == "share" and not self.breakdowns:
            raise ValueError("a share needs a breakdown: its numerator is a category, its denominator the total")
        return self

    @property
    def is_quantile(self) -> bool:
        """Whether it is read from a histogram of days."""
        return self.kind in ("quantile", "survival_quantile")

    @property
    def measures(self) -> tuple[str, ...]:
        """Every measure it is made of, the numerator first."""
        used = (self.numerator, self.denominator, self.denominator_with, self.censored, self.void_where)
        return tuple(name for name in used if name is not None)


@cache
def cards() -> Mapping[str, Card]:
    """Cards by id. Raises `UserError` on an unknown measure, breakdown, variant or unit."""
    paths = sorted((SEEDS / "indicators").glob("*.yml"))
    return {path.stem: _load_card(path, {other.stem for other in paths}) for path in paths}


def _load_card(path: Path, cards: set[str]) -> Card:
    values, text = read_yaml(path)
    card: Card = declare(Card, {"id": path.stem, **values}, path, lambda place: line_of(text, place))
    wrong = next(((key, what) for key, what in _unfitting(card, cards) if what), None)
    if wrong:
        raise UserError(f"{path}, line {line_of(text, (wrong[0],))}: {wrong[0]}: {wrong[1]}.")
    return card


def _unfitting(card: Card, cards: set[str]) -> Iterator[tuple[str, str]]:
    """Key of a card and what is wrong with it, empty where nothing is."""
    for key in ("numerator", "denominator", "denominator_with", "censored", "void_where"):
        name = getattr(card, key)
        if name is None:
            continue
        yield key, "" if name in measures() else f"{name} is not a measure of seeds/measures"
        is_histogram = measures()[name].bucket == "days"
        fits = is_histogram == (card.is_quantile and key != "void_where")
        yield key, "" if fits else f"{name} does not fit kind {card.kind}"
        if key == "numerator" or (card.kind == "ratio" and key in ("denominator", "denominator_with")):
            unknown = set(card.breakdowns) - set(measures()[name].breakdowns)
            yield "breakdowns", f"{name} has no breakdown {sorted(unknown)}" if unknown else ""
    coarse = FINEST_FIRST.index(card.lowest_level or "township") < FINEST_FIRST.index(
        measures()[card.numerator].lowest_level
    )
    yield (
        "lowest_level",
        f"{card.numerator} is counted by district at the finest" if card.lowest_level and coarse else "",
    )
    yield "unit", "" if card.unit in units() else f"{card.unit} is not a unit of seeds/tables/units.csv"
    yield "variants", "" if set(card.variants) <= cards else f"no card {sorted(set(card.variants) - cards)}"


class Target(Declared):
    """What an area is to reach in a year, in the card's unit."""

    indicator: str
    area_code: str
    year: int
    target: float
    direction: Literal["at_least", "at_most"]
    source: str


@cache
def targets() -> tuple[Target, ...]:
    """Targets. Raises `UserError` with the line of an unknown card or area, or of a second target for the same year."""
    path = SEEDS / "tables" / "targets.csv"
    rows = enumerate(read_rows(path), 2)
    found: dict[int, Target] = {line: declare(Target, row, path, lambda _, line=line: line) for line, row in rows}
    published = {area.area_code for area in published_areas()}
    seen: set[tuple[str, str, int]] = set()
    for line, target in found.items():
        key = (target.indicator, target.area_code, target.year)
        if target.indicator not in cards() or target.area_code not in published or key in seen:
            raise UserError(
                f"{path}, line {line}: {target.indicator}, {target.area_code}, {target.year}: expected a card, a published"
                " area, and one target for each year."
            )
        seen.add(key)
    return tuple(found.values())
