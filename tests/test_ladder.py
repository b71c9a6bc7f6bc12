"""The ladder: whatever the key, what is published passes the audit, in a large city with nearly all tables, in a hamlet with few."""

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from pipelines.audit.attacks import Finding
from pipelines.audit.auditing import audit, rungs
from pipelines.audit.bundle import Bundle, cells_of
from pipelines.audit.relations import Cell
from pipelines.catalogue import PublicationPlan, publication_plan, published_figures
from pipelines.protect.edition import Unprotected
from pipelines.protect.measures import Dropped, Protected
from pipelines.protect.vintages import Vintages
from pipelines.release.protecting import made_safe
from pipelines.settings import SEEDS
from tests.city import City, city, counted, of_the_demo
from tests.conftest import read_seeds_from

FIRST = Vintages("2023-12", 3)
KEYS = range(8)


def _unprotected(of: City, plan: PublicationPlan, key: int) -> Unprotected:
    """What the draws start from, with the areas and periods of a make-believe city."""
    exact = counted(of, plan)
    year_ends = pl.col("period_kind").ne("year") | pl.col("last_month").dt.month().eq(12)
    exact = exact.filter(year_ends)  # a year that is not over has no row yet
    areas = pl.DataFrame(
        {"area_code": list(of.parents), "level": map(of.level, of.parents), "parent_code": list(of.parents.values())}
    )
    kinds: dict[str, str] = {}
    for y in (2023, 2024):
        kinds |= {f"{y}": "year", f"{y}-H1": "half_year", f"{y}-H2": "half_year"}
        kinds |= {f"{y}-Q{q}": "quarter" for q in range(1, 5)}
        kinds |= {f"{y}-{m:02d}": "month" for m in range(1, 13)}
        kinds |= {f"{y}-01..{y}-{m:02d}": "year_to_date" for m in range(1, 13)}
    periods = pl.DataFrame({"period": list(kinds), "period_kind": list(kinds.values())})
    return Unprotected(plan, exact, areas, periods, hashlib.sha256(f"key {key}".encode()).digest())


def _published(of: City, plan: PublicationPlan, key: int) -> tuple[Unprotected, Protected, set[Dropped]]:
    exact = _unprotected(of, plan, key)
    return (exact, *made_safe(exact, FIRST, lambda _: None))


def _bundle(exact: Unprotected, protected: Protected) -> Bundle:
    return Bundle(cells_of(*exact.public_tables(protected)), pl.DataFrame(), pl.DataFrame())


def _truth(protected: Protected) -> dict[Cell, tuple[int, int]]:
    return {cell: (drawn.count, drawn.cell_key) for cell, drawn in protected.drawn.items()}


def _passes(exact: Unprotected, protected: Protected) -> bool:
    return audit(_bundle(exact, protected), exact.plan, _truth(protected)).passed


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("cases", [0.5, 2.0])
def test_a_small_county_publishes_something_with_every_key(key: int, cases: float) -> None:
    county = city(districts=3, towns=3, cases_a_town_and_month=cases, seed=key)
    exact, protected, _ = _published(county, publication_plan(), key)
    assert _passes(exact, protected)
    shown = protected.published.filter(pl.col("value").is_not_null())
    assert not shown.filter(pl.col("area_level") == "city", pl.col("period_kind") == "year").is_empty()


def test_a_careless_plan_ends_with_few_tables_and_not_with_none() -> None:
    """Parts of the smallest totals declared: what the attacks find is dropped until they find nothing."""
    plan = publication_plan()
    tables = {name: table.model_copy(update={"floor": 5}) for name, table in plan.tables.items()}
    careless = plan.model_copy(update={"tables": tables, "thinnest": 0.001})
    county = city(districts=3, towns=3, cases_a_town_and_month=1.0)
    exact, protected, dropped = _published(county, careless, 0)
    assert dropped
    assert _passes(exact, protected)
    assert protected.published["value"].is_not_null().any()


@pytest.mark.parametrize("key", KEYS)
def test_quarters_by_type_and_channel_stand_for_every_district(key: int) -> None:
    """Of districts as small as the demo's smallest in 60,000 cases, whatever the key: single categories go, no table."""
    county = city(districts=6, towns=3, cases_a_town_and_month=3.6, seed=key)
    exact, protected, dropped = _published(county, publication_plan(), key)
    assert _passes(exact, protected)
    assert not [rung for rung in dropped if rung[3] is None]
    quarters = protected.published.filter(pl.col("area_level") == "district", pl.col("period_kind") == "quarter")
    quarters = quarters.filter(pl.col("breakdown").is_in(["dispute_type", "channel"]))
    shown = quarters.group_by("breakdown", "area_code", "period").agg(pl.col("value").is_not_null().mean())
    assert len(shown) == 2 * 6 * 4
    assert shown["value"].min() > 0.3


@pytest.mark.parametrize("area_code", ["420300000000", "420500000000", "421000000000", "430300000000", "500000000000"])
def test_quarters_by_type_and_channel_stand_for_every_district_of_the_demo(area_code: str) -> None:
    """Of the cases that `make run` draws, whole cities by themselves: each quarter of each district, all types and channels
    declared, shows what its cases can carry."""
    drawn = of_the_demo(area_code, 2023, cases=75_000, years=5)
    exact, protected, dropped = _published(drawn, publication_plan(), 1)
    assert _passes(exact, protected)
    assert not [rung for rung in dropped if rung[3] is None], "no table goes"
    quarters = protected.published.filter(pl.col("area_level") == "district", pl.col("period_kind") == "quarter")
    quarters = quarters.filter(pl.col("breakdown").is_in(["dispute_type", "channel"]))
    shown = quarters.group_by("breakdown", "area_code", "period").agg(pl.col("value").is_not_null().mean())
    assert len(shown) == 2 * drawn.districts * 4
    assert shown["value"].min() > 0.15


def test_what_the_area_above_says_of_a_category_is_dropped_there_before_a_table_is() -> None:
    """A district's few cases that its city's value leaves: the category goes in the district, then in the city, then the table."""
    plan, district, above = publication_plan(), "500101000000", "500000000000"
    areas = [(above, "city", None), (district, "district", above)]
    cells = pl.DataFrame(areas, schema=["area_code", "area_level", "parent_code"], orient="row")
    cell = ("mediation_accepted", "dispute_type", "medical", district, "2023-Q1")
    found, dropped = [Finding("bounds", cell, "between 0 and 3")], []
    for _ in range(3):
        [rung] = rungs(found, plan, cells, dropped)
        dropped.append(rung)
    assert dropped == [
        ("mediation_types", district, "2023", "medical"),
        ("mediation_types", above, "2023", "medical"),
        ("mediation_types", district, "2023", None),
    ]


def test_what_others_leave_open_of_a_table_that_adds_nothing_is_not_its_failure(
    telling: Callable[[pl.DataFrame], None],
) -> None:
    """Told the channels that nearly all cases come by, one knows of each other that it has few, whatever is published of it."""
    county = city(districts=3, towns=3, cases_a_town_and_month=6.0)
    cases = county.cases.filter(~pl.col("channel").is_in(["application", "not_stated"]))
    exact = _unprotected(City(3, 3, cases), publication_plan(), 3)
    years = exact.exact.filter(pl.col("area_code") == "500103000000", pl.col("period") == "2023")
    telling(years.filter(pl.col("table_id") == "mediation_channels", pl.col("value") > 0))
    protected, dropped = made_safe(exact, FIRST, lambda _: None)
    assert not [rung for rung in dropped if rung[0] == "mediation_channels"]
    assert _passes(exact, protected)


def _shown_at(protected: Protected, level: str, year: str) -> pl.DataFrame:
    rows = protected.published.filter(pl.col("area_level") == level, pl.col("period").str.starts_with(year))
    return rows.filter(pl.col("value").is_not_null())


@pytest.mark.parametrize("key", KEYS)
def test_before_the_first_year_is_over_only_the_city_is_shown(key: int) -> None:
    """Without a total of the year nobody can say whether a town's quarter has the cases to be shown."""
    county = city(districts=2, towns=3, months=6, cases_a_town_and_month=1.0, seed=key)
    exact, protected, _ = _published(county, publication_plan(), key)
    assert _passes(exact, protected)
    assert not _shown_at(protected, "city", "2023").is_empty()
    assert _shown_at(protected, "district", "2023").is_empty()
    assert _shown_at(protected, "township", "2023").is_empty()


def test_a_year_that_is_not_over_is_judged_by_the_last_that_is() -> None:
    county = city(districts=2, towns=3, months=18, cases_a_town_and_month=8.0)
    exact, protected, _ = _published(county, publication_plan(), 1)
    assert _passes(exact, protected)
    totals = protected.published.filter(pl.col("table_id") == "mediation_totals", pl.col("area_level") == "township")
    large = set(totals.filter(pl.col("period") == "2023", pl.col("value") >= 50)["area_code"])
    shown = set(totals.filter(pl.col("period") == "2024-Q1", pl.col("value").is_not_null())["area_code"])
    assert shown == large
    assert not _shown_at(protected, "district", "2024").filter(pl.col("breakdown") == "dispute_type").is_empty()


def test_a_second_release_with_late_rows_is_attacked_with_the_first_in_hand() -> None:
    """Each release by itself betrays nothing, the two side by side a cell: what one hides the other shows."""
    plan = publication_plan()
    before = city(districts=3, towns=3, cases_a_town_and_month=1.5, seed=1)
    late = city(districts=3, towns=3, cases_a_town_and_month=0.5, seed=101)
    exact, first, _ = _published(before, plan, 1)
    held = _bundle(exact, first)
    later = _unprotected(City(3, 3, pl.concat([before.cases, late.cases])), plan, 1)
    final = Vintages("2024-03", 3, first.drawn)
    alone, dropped = made_safe(later, final, lambda _: None)
    assert _passes(later, alone)
    both = audit(_bundle(later, alone), plan, _truth(alone), [(held, _truth(first))])
    assert both.failures["bounds"] > 0
    together, more_dropped = made_safe(later, final, lambda _: None, [held])
    assert more_dropped > dropped
    assert audit(_bundle(later, together), plan, _truth(together), [(held, _truth(first))]).passed


@pytest.fixture
def telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Let somebody else publish counts: rows of exact cells of `mediation_accepted`."""
    shutil.copytree(SEEDS, tmp_path / "seeds")
    read_seeds_from(tmp_path / "seeds", monkeypatch)
    path = tmp_path / "seeds" / "tables" / "published_figures.csv"

    def tell(cells: pl.DataFrame) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            names = csv.DictReader(file).fieldnames or []
        with path.open("a", encoding="utf-8", newline="") as file:
            for number, cell in enumerate(cells.iter_rows(named=True)):
                row = {name: cell[name] for name in ("area_code", "period", "breakdown", "category")}
                row |= {"row_id": f"X{number}", "indicator": "mediation_accepted", "source": "县志", "place": "某县"}
                counted = dict.fromkeys(("value_text", "low", "high"), cell["value"])
                csv.DictWriter(file, names).writerow(row | counted | {"unit": "件", "version": "1", "reliability": "A"})
        published_figures.cache_clear()

    yield tell
    monkeypatch.undo()
    published_figures.cache_clear()


def test_what_others_publish_is_in_the_attackers_hands(telling: Callable[[pl.DataFrame], None]) -> None:
    """Told all types of a district but one, and of the total how much there is, one knows how little is left."""
    county = city(districts=3, towns=3, cases_a_town_and_month=6.0)
    exact, protected, _ = _published(county, publication_plan(), 0)
    assert _passes(exact, protected)
    years = exact.exact.filter(pl.col("area_code") == "500103000000", pl.col("period") == "2023")
    types = years.filter(pl.col("table_id") == "mediation_types")
    telling(types.filter(pl.col("category") != "not_stated"))
    report = audit(_bundle(exact, protected), exact.plan, _truth(protected))
    found = {finding.cell[2:] for finding in report.findings if finding.cell}
    assert ("not_stated", "500103000000", "2023") in found
    again, dropped = made_safe(exact, FIRST, lambda _: None)
    assert ("mediation_types", "500103000000", "2023", "not_stated") in dropped
    assert _passes(exact, again)
    assert not again.published.filter(pl.col("table_id") == "mediation_totals", pl.col("value") > 0).is_empty()
