"""The rows of one sealed release that a review of one area and period is made of. Nothing is computed on them here.

What a release does not hold ready (cumulatives and breakdowns of townships) it computes by its own SQL when asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from dashboards import wording
from dashboards.release_reader import Release
from dashboards.rows import as_figures
from dashboards.wording import Figure
from pipelines import catalogue
from pipelines.catalogue import Card, Words
from pipelines.periods import months_of
from pipelines.settings import UserError

LEVELS = ("township", "district", "city")
KINDS = ("month", "quarter", "half_year", "year")
FINER: Mapping[str, int] = {"month": 0, "quarter": 1, "half_year": 1, "year": 3}
YEARS = 5
REPORTED = "_reported"  # ends the ids of what the monthly forms report and case rows count too


@dataclass(frozen=True)
class Place:
    """An area of the release; `parent` is empty where none is published."""

    code: str
    name: Words
    level: str
    parent: str

    @property
    def is_not_assigned(self) -> bool:
        return self.code.endswith(catalogue.NOT_ASSIGNED)


@dataclass(frozen=True)
class Standing:
    """A district beside its city, an area beside its target, in the card's unit; `cases_to_target` in cases."""

    city_value: float | None
    difference_to_city: float | None
    target: float | None
    target_direction: str | None
    cases_to_target: int | None
    is_target_met: bool | None
    rank: int | None
    ranked_units: int | None


@dataclass(frozen=True)
class Facts:
    """A release seen from one area and period."""

    release: Release
    place: Place
    period: str
    kind: str
    _categories: dict[tuple[str, str], tuple[Figure, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def cards(self) -> Mapping[str, Card]:
        return self.release.cards

    @cached_property
    def months(self) -> tuple[str, ...]:
        """The months from January to the last of the period."""
        last = months_of(self.period)[1]
        return tuple(f"{last[:4]}-{month:02d}" for month in range(1, int(last[5:]) + 1))

    @property
    def year_to_date(self) -> str | None:
        """The cumulative period that ends with this one; None where this one begins in January itself."""
        first, last = months_of(self.period)
        return None if first.endswith("-01") else f"{last[:4]}-01..{last}"

    @property
    def last_quarter(self) -> str | None:
        """The last quarter of a year or half-year; None of what is no longer than a quarter."""
        year, last = months_of(self.period)[1].split("-")
        return f"{year}-Q{int(last) // 3}" if self.kind in ("year", "half_year") else None

    @cached_property
    def year_before(self) -> str:
        return str(self.release.periods().filter(pl.col("period") == self.period)["year_before"][0])

    @cached_property
    def years(self) -> tuple[str, ...]:
        """Up to five whole years that lie within the release and end no later than the period."""
        last = months_of(self.period)[1]
        held = self.release.periods().filter(pl.col("period_kind") == "year")["period"].sort().to_list()
        return tuple(year for year in held if f"{year}-12" <= last)[-YEARS:]

    def concerns(self, period: str) -> bool:
        """Whether what others published of a period belongs beside this one: what ends in it, of a year all that came before.

        A cumulative figure of January to October stands beside October; one without a period, beside a year only.
        """
        first, last = months_of(self.period)
        ends = months_of(period)[1] if period else ""
        return ends <= last and (self.kind == "year" or ends >= first)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        columns = ("area_code", "name_zh", "name_en", "level", "parent_code")
        rows = self.release.areas().select(columns).iter_rows()
        return {code: Place(code, Words(zh=zh, en=en or zh), level, above or "") for code, zh, en, level, above in rows}

    @cached_property
    def parent(self) -> Place | None:
        """The city of a district, the district of a town; None above."""
        above = self.places.get(self.place.parent)
        return above if self.place.level in ("district", "township") else None

    @property
    def full_name(self) -> Words:
        """The name as a title says it: a town's with its district's, for many towns bear the same name."""
        name = self.place.name
        if self.place.level != "township" or self.parent is None:
            return name
        above = self.parent.name
        return Words(zh=f"{above.zh}{name.zh}", en=f"{name.en}, {above.en}")

    @cached_property
    def children(self) -> tuple[Place, ...]:
        """The areas directly below, by code; the not-assigned one last."""
        below = [place for place in self.places.values() if place.parent == self.place.code]
        return tuple(sorted(below, key=lambda place: (place.is_not_assigned, place.code)))

    @cached_property
    def _totals(self) -> Mapping[tuple[str, str, str], Figure]:
        """Totals of the area and its parent in the period, its last quarter, its months, the cumulative one and five years."""
        areas = [self.place.code, *([self.parent.code] if self.parent else [])]
        periods = {self.period, self.year_before, *self.months, *self.years}
        periods |= {period for period in (self.year_to_date, self.last_quarter) if period}
        return self._by_key(self.release.figures(list(self.cards), areas, sorted(periods)))

    @cached_property
    def _below(self) -> Mapping[tuple[str, str, str], Figure]:
        areas = [place.code for place in self.children]
        return self._by_key(self.release.figures(list(self.cards), areas, [self.period])) if areas else {}

    @staticmethod
    def _by_key(frame: pl.DataFrame) -> Mapping[tuple[str, str, str], Figure]:
        return {(row.indicator, row.area_code, row.period): row for row in as_figures(frame)}

    def total(self, indicator: str, period: str | None = None, area: str | None = None) -> Figure | None:
        """The total of an indicator, here and now unless said; None where the release has no row."""
        code, when = area or self.place.code, period or self.period
        if code == self.place.code and indicator in self._of_district_only:
            return None
        if code not in (self.place.code, self.parent.code if self.parent else ""):
            return self._below.get((indicator, code, when))
        if when == self.year_to_date and code == self.place.code and self.place.level == "township":
            return self._cumulatives.get(indicator)
        return self._totals.get((indicator, code, when))

    @cached_property
    def _of_district_only(self) -> frozenset[str]:
        """Of a town: what a form reports of its district as a whole, so that nought is said of each town and means nothing.

        All that such a form counts stands with the district's cases that are assigned to no town.
        """
        above = self.parent if self.place.level == "township" else None
        if above is None:
            return frozenset()
        names = [name for name in self.cards if name.endswith(REPORTED)]
        rest = next(
            (place.code for place in self.places.values() if place.parent == above.code and place.is_not_assigned), ""
        )
        rows = self._by_key(self.release.figures(names, [rest], [self.period]))
        pairs = (
            (name, self._totals.get((name, above.code, self.period)), rows.get((name, rest, self.period)))
            for name in names
        )
        return frozenset(
            name
            for name, whole, part in pairs
            if whole and part and whole.numerator and whole.numerator == part.numerator
        )

    def categories(self, indicator: str, breakdown: str) -> tuple[Figure, ...]:
        """The categories of an indicator here and now, in the order of their list."""
        key = (indicator, breakdown)
        if key not in self._categories:
            self._categories[key] = as_figures(self._read(indicator, breakdown))
        rows = self._categories[key]
        order = list(self.category_words.get(breakdown, {}))
        return tuple(sorted(rows, key=lambda row: order.index(row.category)))

    def _read(self, indicator: str, breakdown: str) -> pl.DataFrame:
        """Rows of a breakdown; of a township or half-year they are computed, where anything is counted there at all."""
        card = self.cards[indicator]
        is_counted = self.place.level != "township" or self.lowest_level(card.numerator) == "township"
        is_ready = self.place.level != "township" and self.kind != "half_year"
        if is_counted and not is_ready and not is_coarser(card, self.kind):
            return self.release.compute(indicator, self.place.code, self.period, breakdown)
        return self.release.figures(indicator, [self.place.code], [self.period], breakdown)

    @cached_property
    def _cumulatives(self) -> Mapping[str, Figure]:
        """The cumulative totals of a township by indicator, computed at once."""
        names = [name for name, code, period in self._totals if (code, period) == (self.place.code, self.period)]
        if not names or self.year_to_date is None:
            return {}
        rows = as_figures(self.release.compute(names, self.place.code, self.year_to_date))
        return {row.indicator: row for row in rows}

    @cached_property
    def category_words(self) -> Mapping[str, Mapping[str, Words]]:
        """Labels of the categories by breakdown, in their declared order."""
        found: dict[str, dict[str, Words]] = {}
        frame = self.release.categories().sort("breakdown", "sort")
        for breakdown, category, zh, en in frame.select("breakdown", "category", "label_zh", "label_en").iter_rows():
            found.setdefault(breakdown, {})[category] = Words(zh=zh.translate(wording.FULL_WIDTH), en=en)
        return found

    @cached_property
    def _standings(self) -> Mapping[str, Standing]:
        frame = self._of_here("standings").filter(pl.col("period") == self.period)
        columns = [pl.col(name) for name in Standing.__dataclass_fields__]
        return {name: Standing(*values) for name, *values in frame.select("indicator", *columns).iter_rows()}

    def standing(self, indicator: str) -> Standing | None:
        return self._standings.get(indicator)

    def _of_here(self, table: str) -> pl.DataFrame:
        path = self.release.folder / f"{table}.parquet"
        return pl.scan_parquet(path).filter(pl.col("area_code") == self.place.code).collect()

    @cached_property
    def _lowest_levels(self) -> Mapping[str, str]:
        return dict(self.release.table("measure_words").select("measure", "lowest_level").iter_rows())

    def lowest_level(self, measure: str) -> str:
        """The finest level at which a measure is counted."""
        return self._lowest_levels[measure]

    @cached_property
    def measures(self) -> Mapping[str, tuple[Words, str]]:
        """Label and unit of each measure."""
        frame = self.release.table("measure_words").select("measure", "label_zh", "label_en", "unit")
        return {name: (Words(zh=zh, en=en), unit) for name, zh, en, unit in frame.iter_rows()}

    def occurrences(self) -> Mapping[str, tuple[str | None, int | None]]:
        """By indicator that should not occur: its last month (YYYY-MM) and how many months ago, at the period's end."""
        frame = self._of_here("occurrences").filter(pl.col("period") == self.months[-1])
        month = pl.col("last_occurred_month").dt.to_string("%Y-%m")
        return {name: (last, ago) for name, last, ago in frame.select("indicator", month, "months_since").iter_rows()}

    def kept(self) -> pl.DataFrame:
        """How senders kept what they owe for this area, those in it and those around it: `Release.kept` over the period."""
        return self.release.kept(self.place.code, *months_of(self.period), is_around=True)

    def refused(self) -> Sequence[tuple[Words, str, str, int]]:
        """Why rows of this area's own senders were refused or warned of: `Release.refused` over the period."""
        rows = self.release.refused(self.place.code, *months_of(self.period)).iter_rows()
        return tuple((Words(zh=zh, en=en), table, severity, count) for _, zh, en, table, severity, count in rows)

    def unreported(self) -> tuple[tuple[Place, str, int, int], ...]:
        """Areas here and directly below with months that were owed and not reported: area, table, owed, reported."""
        known = catalogue.tables()
        codes = [self.place.code, *(child.code for child in self.children)]
        missing = pl.scan_parquet(self.release.folder / "coverage.parquet").filter(
            pl.col("area_code").is_in(codes),
            pl.col("period") == self.period,
            pl.col("coverage").is_in(list(known)),
            pl.col("reported_months") < pl.col("expected_months"),
        )
        columns = ("area_code", "coverage", "expected_months", "reported_months")
        rows = missing.sort("area_code", "coverage").select(columns).collect().iter_rows()
        return tuple((self.places[code], table, owed, done) for code, table, owed, done in rows)

    def changes(self) -> Sequence[Mapping[str, Any]] | None:
        """Revised totals of this area in the period; None where there is no earlier release to compare with."""
        if not self.release.metadata.get("revisions") or not self.release.has("changes"):
            return None
        rows = self._of_here("changes").filter(pl.col("period") == self.period, pl.col("breakdown") == "total")
        return rows.sort("indicator").to_dicts()

    def reconciled(self) -> Sequence[Mapping[str, Any]]:
        """Forms beside case rows over the months of the period: `Release.reconciled`."""
        return self.release.reconciled(self.place.code, *months_of(self.period)).to_dicts()


def facts(release: Release, area: str, period: str) -> Facts:
    """A release seen from an area and period. Raises `UserError` for an area or period that no review is made of."""
    code = catalogue.padded(area)
    rows = release.areas().filter(pl.col("area_code") == code).select("name_zh", "name_en", "level", "parent_code")
    if rows.is_empty():
        raise UserError(f"{area} is not an area of release {release.id}. Write a code of 6, 9 or 12 digits.")
    zh, en, level, parent = rows.row(0)
    place = Place(code, Words(zh=zh, en=en or zh), level, parent or "")
    if level not in LEVELS or place.is_not_assigned:
        raise UserError(f"{area} ({zh}) is neither a town nor a district nor a city; reviews are made of these.")
    if level == "township" and release.edition != "internal":
        raise UserError(f"{area} ({zh}) is a town; reviews of towns are made of the internal edition only.")
    months_of(period)
    kinds = release.periods().filter(pl.col("period") == period)["period_kind"].to_list()
    if not kinds or kinds[0] not in KINDS:
        raise UserError(
            f"Release {release.id} holds no year, half-year, quarter or month {period}."
            " Write 2025, 2025-H1, 2025-Q3 or 2025-10, up to the period of the release."
        )
    return Facts(release, place, period, kinds[0])


def districts(release: Release, period: str) -> tuple[str, ...]:
    """The districts in which anything was counted in the period, by code."""
    headline = [card.id for card in release.cards.values() if card.headline]
    figures = release.figures(headline, None, [period]).filter(pl.col("area_level") == "district", pl.col("value") > 0)
    assigned = figures.filter(~pl.col("area_code").str.ends_with(catalogue.NOT_ASSIGNED))
    return tuple(assigned["area_code"].unique().sort())


def is_coarser(card: Card, kind: str) -> bool:
    """Whether a card begins at a longer period than this kind."""
    return FINER[card.finest_period] > FINER[kind]
