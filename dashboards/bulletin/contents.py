"""What the bulletin of a release shows: its indicators, areas and periods, and their figures by key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from dashboards import wording
from dashboards.release_reader import Release
from dashboards.rows import KINDS, as_figures
from dashboards.wording import CONFIDENTIAL, Figure, lexicon
from pipelines.catalogue import NOT_ASSIGNED, Card, Words
from pipelines.periods import months_of
from pipelines.settings import UserError

YEARS = 3
TELLING = 10  # a published count below is mostly rounding: months of such go up and down by chance
TOTAL = "total"
PARTS_OF_A_YEAR: Mapping[str, tuple[str, ...]] = {
    "month": tuple(f"-{month:02d}" for month in range(1, 13)),
    "quarter": tuple(f"-Q{quarter}" for quarter in range(1, 5)),
    "year": ("",),
}

Key = tuple[str, str, str]
CategoryKey = tuple[str, str, str, str, str]


class Place(NamedTuple):
    """A published area. `code` has 12 digits, `short` is what stands in addresses."""

    code: str
    name: Words
    level: str
    parent: str

    @property
    def short(self) -> str:
        return self.code[:6]

    @property
    def is_not_assigned(self) -> bool:
        return self.code.endswith(NOT_ASSIGNED)


class Series(NamedTuple):
    """Periods of one kind (month, quarter or year): each year with each part, which is what stands behind the year."""

    kind: str
    years: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Contents:
    """One release as the bulletin shows it.

    `cards` in the order in which systems and kinds are named everywhere. `cities` are those with a figure, `below` their
    districts by city and towns by district, not-assigned last. `compared`: the period and the same period of the years
    before it, oldest first. `totals` by (indicator, area, period), `parts` by (indicator, breakdown, category, area, period).
    """

    release: Release
    cards: tuple[Card, ...]
    cities: tuple[Place, ...]
    below: Mapping[str, tuple[Place, ...]]
    compared: tuple[str, ...]
    categories: Mapping[str, Mapping[str, Words]]
    totals: Mapping[Key, Figure]
    parts: Mapping[CategoryKey, Figure]

    @property
    def period(self) -> str:
        return self.compared[-1]

    @property
    def year_before(self) -> str | None:
        return self.compared[-2] if len(self.compared) > 1 else None

    @property
    def districts(self) -> tuple[Place, ...]:
        """Every district with a page, in the order of its city."""
        return tuple(place for city in self.cities for place in self.below[city.code] if not place.is_not_assigned)

    @property
    def headline(self) -> tuple[Card, ...]:
        return tuple(card for card in self.cards if card.headline)

    @property
    def leading(self) -> tuple[Card, ...]:
        """The first headline card of each system: the one that says how much there is."""
        first: dict[str, Card] = {}
        for card in self.headline:
            first.setdefault(card.system, card)
        return tuple(first.values())

    @property
    def counted(self) -> Card:
        """The card that every area opens with: the first of all, a count."""
        return (*self.headline, *self.cards)[0]

    @property
    def rated(self) -> Card | None:
        """The first headline rate of the same system."""
        rates = (card for card in self.headline if card.kind == "ratio" and card.system == self.counted.system)
        return next(rates, None)

    @property
    def shares(self) -> tuple[Card, ...]:
        """The cards that give the shares of `counted` by its breakdowns."""
        measured = self.counted.numerator
        return tuple(card for card in self.cards if card.kind == "share" and card.numerator == measured)

    def total(self, card: Card, place: Place, period: str | None) -> Figure | None:
        return self.totals.get((card.id, place.code, period or ""))

    def part(self, card: Card, breakdown: str, category: str, place: Place, period: str | None) -> Figure | None:
        return self.parts.get((card.id, breakdown, category, place.code, period or ""))

    def series(self, card: Card, place: Place) -> Series:
        """The finest periods of the last years for which the release has figures; of published counts those that mostly are
        more than what rounding makes of them."""
        last = int(months_of(self.period)[1][:4])
        years = tuple(str(year) for year in range(last - YEARS + 1, last + 1))
        for kind, parts in PARTS_OF_A_YEAR.items():
            known = [year for year in years if any((card.id, place.code, year + part) in self.totals for part in parts)]
            if known and (
                kind == "year" or self._tells(card, place, [year + part for year in known for part in parts])
            ):
                return Series(kind, tuple(known), parts)
        return Series("year", years, PARTS_OF_A_YEAR["year"])

    def _tells(self, card: Card, place: Place, periods: Sequence[str]) -> bool:
        if self.release.edition != "public" or card.denominator is not None:
            return True
        figures = (self.totals.get((card.id, place.code, period)) for period in periods)
        values = [figure.value for figure in figures if figure is not None and figure.value is not None]
        return bool(values) and median(values) >= TELLING


def read_contents(release: Release) -> Contents:
    """Choose and read what the bulletin shows. Raises `UserError` where the release has no figure for any city."""
    cards = tuple(sorted(release.cards.values(), key=_place_of_card))
    compared = _compared(release)
    places = _places(release)
    towns = [place for place in places.values() if place.level == "township"]
    wide = [place for place in places.values() if place.level in ("city", "district")]
    totals = _by_key(release, cards, wide, (*_series_periods(compared[-1]), *compared))
    totals |= _by_key(release, [card for card in cards if card.headline], towns, compared)
    known = {row.area_code for row in totals.values() if row.value or CONFIDENTIAL in row.status}
    cities = _listed(places.values(), known, level="city", parent=None)
    if not cities:
        raise UserError(f"Release {release.id} has no figure for any city; there is nothing to write a bulletin of.")
    below = {city.code: _listed(places.values(), known, level="district", parent=city.code) for city in cities}
    below |= {
        district.code: _listed(places.values(), known, level="township", parent=district.code)
        for districts in tuple(below.values())
        for district in districts
    }
    made = Contents(release, cards, cities, below, compared, _categories(release), totals, {})
    parts = _parts(release, cards, cities, compared)
    return replace(made, parts=parts | _parts(release, [made.counted, *made.shares], made.districts, compared))


def _place_of_card(card: Card) -> tuple[int, int, str]:
    systems = tuple(lexicon().systems)
    system = systems.index(card.system) if card.system in systems else len(systems)
    return system, KINDS.index(card.kind), card.id


def _compared(release: Release) -> tuple[str, ...]:
    """The release's period and the same period of the years before it, as far as the release goes back; oldest first."""
    before = dict(release.periods().select("period", "year_before").iter_rows())
    chain = [str(release.metadata["reference_period"])]
    while len(chain) < YEARS and before.get(chain[-1]) in before:
        chain.append(str(before[chain[-1]]))
    return tuple(reversed(chain))


def _series_periods(period: str) -> list[str]:
    last = int(months_of(period)[1][:4])
    return [
        f"{year}{part}"
        for year in range(last - YEARS + 1, last + 1)
        for parts in PARTS_OF_A_YEAR.values()
        for part in parts
    ]


def _places(release: Release) -> dict[str, Place]:
    rows = release.areas().select("area_code", "name_zh", "name_en", "level", "parent_code").iter_rows()
    return {code: Place(code, Words(zh=zh, en=en or zh), level, parent or "") for code, zh, en, level, parent in rows}


def _listed(places: Iterable[Place], known: set[str], *, level: str, parent: str | None) -> tuple[Place, ...]:
    """Areas of a level with a figure that is not nought, by code; the not-assigned last, and no not-assigned city."""
    found = [
        place
        for place in places
        if place.code in known
        and place.level == level
        and (place.parent == parent if parent else not place.is_not_assigned)
    ]
    return tuple(sorted(found, key=lambda place: (place.is_not_assigned, place.code)))


def _categories(release: Release) -> Mapping[str, Mapping[str, Words]]:
    """Labels of the categories by breakdown, in their declared order."""
    found: dict[str, dict[str, Words]] = {}
    frame = release.categories().sort("breakdown", "sort", "category")
    for breakdown, category, zh, en in frame.select("breakdown", "category", "label_zh", "label_en").iter_rows():
        found.setdefault(breakdown, {})[category] = Words(zh=zh, en=en)
    return found


def _by_key(
    release: Release, cards: Sequence[Card], places: Sequence[Place], periods: Sequence[str]
) -> dict[Key, Figure]:
    names, codes = [card.id for card in cards], [place.code for place in places]
    frame = release.figures(names, codes, list(dict.fromkeys(periods)))
    return {(row.indicator, row.area_code, row.period): row for row in as_figures(frame)}


def _parts(
    release: Release, cards: Sequence[Card], places: Sequence[Place], periods: Sequence[str]
) -> dict[CategoryKey, Figure]:
    """Figures by category, of every breakdown that a card has."""
    codes, found = [place.code for place in places], {}
    for breakdown in sorted({breakdown for card in cards for breakdown in card.breakdowns}):
        names = [card.id for card in cards if breakdown in card.breakdowns]
        for row in as_figures(release.figures(names, codes, list(periods), breakdown)):
            found[row.indicator, breakdown, row.category, row.area_code, row.period] = row
    return found


def rounded(figure: Figure | None, card: Card) -> Decimal | None:
    """The value as it is displayed, for a drawing; None where there is none."""
    if figure is None or figure.value is None:
        return None
    return wording.rounded(figure.value, wording.as_carried(card, figure).decimals)
