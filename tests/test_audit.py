"""The audit finds what an outsider could find: each of these publications must fail, and the one that is made as planned passes."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest

from pipelines.audit import attacks
from pipelines.audit.auditing import Report, audit
from pipelines.audit.bounds import UNBOUNDED, System, propagated, proven
from pipelines.audit.bundle import Bundle, with_rests
from pipelines.audit.relations import Cell, Counts, counts_of, tiling_of
from pipelines.catalogue import PublicationPlan, publication_plan
from pipelines.protect.drawing import rounded_at_random
from pipelines.protect.measures import Protected, published_measures
from pipelines.protect.vintages import Vintages
from tests.city import City, city, counted

SECRET, OTHER_SECRET = b"s" * 32, b"v" * 32
FIRST = Vintages("2023-12", 3)
KEYS = ["measure", "breakdown", "category", "area_code", "period"]


@pytest.fixture(scope="module")
def plan() -> PublicationPlan:
    """The plan of the seeds, of mediation only and without what thins a small city out."""
    whole = publication_plan()
    tables = {
        name: table for name, table in whole.tables.items() if table.system == "mediation" and name != "mediation_days"
    }
    return whole.model_copy(update={"tables": tables, "ladder": tuple(n for n in whole.ladder if n in tables)})


@pytest.fixture(scope="module")
def town() -> City:
    return city(districts=2, towns=3, months=12, cases_a_town_and_month=8.0, seed=3)


@pytest.fixture(scope="module")
def exact(town: City, plan: PublicationPlan) -> pl.DataFrame:
    return counted(town, plan)


def _protected(exact: pl.DataFrame, town: City, plan: PublicationPlan, secret: bytes = SECRET) -> Protected:
    return published_measures(plan, exact, town.parents, secret, FIRST)


@pytest.fixture(scope="module")
def protected(exact: pl.DataFrame, town: City, plan: PublicationPlan) -> Protected:
    return _protected(exact, town, plan)


def _bundle(cells: pl.DataFrame, town: City, figures: pl.DataFrame | None = None) -> Bundle:
    shown = cells.filter(~pl.col("measure").str.contains("-")).select(
        *KEYS, "area_level", "period_kind", "value", (pl.col("origin") != "absent").alias("is_reported")
    )
    above = pl.DataFrame({"area_code": list(town.parents), "parent_code": list(town.parents.values())})
    cards = pl.DataFrame(
        {
            "indicator": ["mediation_success_rate"],
            "kind": ["ratio"],
            "numerator": ["mediation_agreed"],
            "denominator": ["mediation_concluded"],
            "scale": [100.0],
        }
    )
    return Bundle(shown.join(above, on="area_code"), pl.DataFrame() if figures is None else figures, cards)


def _truth(protected: Protected) -> dict[Cell, tuple[int, int]]:
    return {cell: (drawn.count, drawn.cell_key) for cell, drawn in protected.drawn.items()}


def _audited(cells: pl.DataFrame, town: City, plan: PublicationPlan, protected: Protected) -> Report:
    return audit(_bundle(cells, town), plan, _truth(protected), seconds=60)


def _exactly(exact: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """The exact count beside each published cell that is drawn or summed; null for derived periods."""
    counts = exact.select(*KEYS, pl.col("value").alias("count")).unique(KEYS)
    return cells.join(counts, on=KEYS, how="left")


def test_what_is_made_as_planned_passes(town: City, plan: PublicationPlan, protected: Protected) -> None:
    report = _audited(protected.published, town, plan, protected)
    assert report.findings == ()
    assert report.passed
    assert report.cells > 60
    assert report.least_width >= 4
    assert report.greatest_posterior <= 0.75
    assert report.reconstructed <= report.guessed


def test_what_nobody_has_reported_is_a_row_and_no_gap(town: City, plan: PublicationPlan) -> None:
    """A district that stops reporting after September: its last months and quarter stand without a value, and pass."""
    silent = pl.col("area_code").str.starts_with("500102") & (pl.col("month") > "2023-09")
    heard = City(town.districts, town.towns, town.cases.filter(~silent))
    is_silent = pl.col("area_code").str.starts_with("500102") & (pl.col("first_month").dt.month() > 9)
    cells = counted(heard, plan).with_columns(~is_silent.alias("is_reported"))
    protected = _protected(cells, heard, plan)
    absent = protected.published.filter(pl.col("origin") == "absent")
    assert set(absent["period"]) == {"2023-10", "2023-11", "2023-12", "2023-Q4"}
    assert absent["value"].is_null().all()
    assert _audited(protected.published, heard, plan, protected).findings == ()
    gone = protected.published.filter(pl.col("origin") != "absent")
    assert _audited(gone, heard, plan, protected).failures["dense"] >= len(set(absent["area_code"]))


A1 = {
    "w": (30, 47, 64, 89, 230),
    "x": (90, 124, 5, 31, 250),
    "y": (92, 100, 59, 85, 336),
    "z": (800, 991, 651, 685, 3127),
    "total": (1012, 1262, 779, 890, 3943),
}
SUPPRESSED = {"w": "abc", "x": "ac", "y": "bd", "z": "bd"}
PRINTED = {
    "wa": (25, 94), "wb": (47, 47), "wc": (0, 69), "xa": (26, 95), "xc": (0, 69),
    "yb": (0, 185), "yd": (0, 185), "zb": (906, 1091), "zd": (585, 770),
}  # fmt: skip


def _a1(suppressed: dict[str, str] = SUPPRESSED) -> tuple[System, dict[str, int]]:
    names = [row + column for row, column in product((*"wxyz", "total"), (*"abcd", "total"))]
    place = {name: number for number, name in enumerate(names)}
    value = {row + column: A1[row][i] for row in A1 for i, column in enumerate((*"abcd", "total"))}
    hidden = {row + column for row, columns in suppressed.items() for column in columns}
    low = np.array([0.0 if name in hidden else value[name] for name in names])
    high = np.array([UNBOUNDED if name in hidden else value[name] for name in names])
    rows = [(place[f"{row}total"], [place[row + column] for column in "abcd"]) for row in A1]
    rows += [(place[f"total{column}"], [place[row + column] for row in "wxyz"]) for column in (*"abcd", "total")]
    return System(low, high, rows), place


def test_linear_programmes_find_what_propagation_does_not() -> None:
    """Worked example A1 (sdcTable): of the suppressed cells w|b is exactly 47, and plain propagation says 0 to 116."""
    system, place = _a1()
    low, high = propagated(system)
    assert (low[place["wb"]], high[place["wb"]]) == (0, 116)
    wanted = np.array([place[name] for name in PRINTED])
    bounds = proven(system, wanted, UNBOUNDED, time.process_time() + 60)
    found = {name: (round(bounds.low[place[name]]), round(bounds.high[place[name]])) for name in PRINTED}
    assert found == PRINTED


@pytest.mark.parametrize(("hidden_beside", "found"), [("", {("wb", "between 47 and 47")}), ("b", set())])
def test_the_suppressed_table_fails(hidden_beside: str, found: set[tuple[str, str]]) -> None:
    """Counts under 48 are sensitive here: of the suppressed cells only w|b is. With x|b suppressed too nobody knows it."""
    system, place = _a1(SUPPRESSED | {"x": SUPPRESSED["x"] + hidden_beside})
    cells = tuple(("m", "b", name, "a", "2023") for name in place)
    values = np.where(system.low == system.high, system.low, np.nan)
    counts = Counts(cells, values, np.full(len(cells), 5), np.full(len(cells), 48), system)
    said, _ = attacks.attack_by_bounds(counts, time.process_time() + 60)
    hidden = {place for place in np.flatnonzero(np.isnan(values))}
    names = [name for name, number in place.items() if number in hidden]
    assert {(f.cell[2], f.said) for f in said if f.cell and f.cell[2] in names} == found


ALL_SAID = {0: (6.0, 14.0), 1: (11.0, 19.0)}


@pytest.mark.parametrize(
    ("city", "told", "found"),
    [
        (10, {}, {"b": "between 0 and 3", "c": "between 0 and 3"}),
        (10, ALL_SAID, {}),
        (10, {0: (6.0, 14.0)}, {"b": "between 0 and 3", "c": "between 0 and 3"}),
        (25, ALL_SAID | {0: (21.0, 29.0), 3: (0.0, 1.0)}, {"b": "between 1 and 4"}),
    ],
    ids=["this release", "all was said before", "in part", "one case is proven"],
)
def test_a_cell_that_may_be_nought_is_no_finding_where_others_have_said_all_of_it(
    city: int, told: dict[int, tuple[float, float]], found: dict[str, str]
) -> None:
    """A city of three districts, one published as 15, two as 0: a city of 10 leaves each of the two 3 at most."""
    low, high = np.array([city - 4.0, 11, 0, 0]), np.array([city + 4.0, 19, 4, 4])
    high[3] = told.get(3, (0, 4))[1]
    cells = tuple(("m", "b", "x", name, "2023") for name in ("city", "a", "b", "c"))
    system = System(low, high, [(0, [1, 2, 3])])
    counts = Counts(cells, np.array([city, 15.0, 0, 0]), np.full(4, 5), np.full(4, 5), system, told=told)
    said, looked = attacks.attack_by_bounds(counts, time.process_time() + 60)
    assert {f.cell[3]: f.said.replace("-0", "0") for f in said if f.cell} == found
    assert looked.least_width < 4


def _suppressed(cells: pl.DataFrame) -> pl.DataFrame:
    """Exact counts, 1 to 4 hidden."""
    count = pl.col("count")
    return cells.with_columns(pl.when(count.is_between(1, 4)).then(None).otherwise(count).alias("value"))


def _nearest(cells: pl.DataFrame) -> pl.DataFrame:
    count = pl.col("count")
    rounded = ((count + 2) // 5 * 5).cast(pl.Int64)
    return cells.with_columns(pl.when(pl.col("value").is_null()).then(None).otherwise(rounded).alias("value"))


def _sparse(cells: pl.DataFrame) -> pl.DataFrame:
    """Rows of 0 left out of the breakdowns; what is hidden stands."""
    return cells.filter(pl.col("value").ne_missing(0) | (pl.col("breakdown") == "total"))


def _own_half_years(cells: pl.DataFrame) -> pl.DataFrame:
    """Half-years and cumulatives drawn of their own counts, those of the pieces together, by a key of their own."""
    count = {tuple(row[:5]): row[5] for row in cells.select(*KEYS, "count").iter_rows()}
    own = []
    for number, (*cell, kind, value) in enumerate(cells.select(*KEYS, "period_kind", "value").iter_rows()):
        pieces = [count.get((*cell[:4], piece)) for piece in tiling_of(cell[4], is_stock=False)]
        is_own = kind in ("half_year", "year_to_date") and value is not None and None not in pieces
        own.append(rounded_at_random(sum(pieces), number, cell[0], 5, SECRET) if is_own else value)
    return cells.with_columns(pl.Series("value", own, pl.Int64))


def _undeclared(cells: pl.DataFrame) -> pl.DataFrame:
    """A table of towns by month and type beside the declared ones."""
    months = cells.filter(pl.col("table_id") == "mediation_town_types").with_columns(
        pl.lit("2023-03").alias("period"),
        pl.lit("month").alias("period_kind"),
        (pl.col("value") // 60 * 5).alias("value"),
    )
    return pl.concat([cells, months])


# What is published, by which attack it must be found, in which words, and which others may find something of it too.
UNSAFE: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str, str, set[str]]] = {
    "primary suppression alone": (_suppressed, "bounds", "between 1 and 1", {"rounding", "reconstruction"}),
    "deterministic rounding": (_nearest, "rounding", "a remainder of 1 to base 5 always goes down", set()),
    "an undeclared town x month x type table": (_undeclared, "plan", "township by month is not declared", set()),
    "half-years drawn by their own key": (_own_half_years, "regrouping", "not the sum of its published pieces", {"bounds"}),
    "a table without its zeros": (_sparse, "dense", "rows of a district by quarter are missing", {"regrouping", "bounds"}),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "attack", "said", "others"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_publication_fails(
    spoil: Callable[[pl.DataFrame], pl.DataFrame],
    attack: str,
    said: str,
    others: set[str],
    exact: pl.DataFrame,
    town: City,
    plan: PublicationPlan,
    protected: Protected,
) -> None:
    """What is made as planned passes (above); spoilt in one way it fails, by the attack that is meant for this."""
    cells = spoil(_exactly(exact, protected.published)).drop("count")
    report = _audited(cells, town, plan, protected)
    assert not report.passed
    assert said in {finding.said for finding in report.findings if finding.attack == attack}, report.failures
    assert {finding.attack for finding in report.findings} <= {attack, *others}


def test_what_is_found_of_suppressed_cells_is_so(
    exact: pl.DataFrame, town: City, plan: PublicationPlan, protected: Protected
) -> None:
    """Primary suppression alone gives hidden counts away, exactly and rightly; that propagation is not enough A1 shows."""
    hidden = _suppressed(_exactly(exact, protected.published))
    bundle = _bundle(hidden.drop("count"), town)
    report = audit(bundle, plan, _truth(protected), seconds=60)
    real = {tuple(row[:5]): row[5] for row in hidden.select(*KEYS, "count").iter_rows()}
    told = 0
    for finding in report.findings:
        if finding.attack != "bounds" or bundle.values.get(finding.cell, 0) is not None:
            continue
        least, most = (float(number) for number in finding.said.removeprefix("between ").split(" and "))
        assert least <= real[finding.cell] <= most, finding
        told += least == most
    assert told > 5


def test_agreed_and_concluded_drawn_alike_fail(exact: pl.DataFrame, town: City, plan: PublicationPlan) -> None:
    """Drawn by one key each and shown side by side, a difference proves a failure, and a part above its whole how many."""
    apart = plan.model_copy(update={"within": {}})
    protected = published_measures(apart, exact, town.parents, SECRET, FIRST)
    report = _audited(protected.published, town, apart, protected)
    real = {tuple(row[:5]): row[5] for row in exact.select(*KEYS, "value").iter_rows()}
    failures = set()
    for finding in report.findings:
        assert (finding.attack, finding.cell[0]) == ("bounds", "mediation_concluded-mediation_agreed")
        least, most = (int(number) for number in finding.said.removeprefix("between ").split(" and "))
        concluded, agreed = (real[f"mediation_{name}", *finding.cell[1:]] for name in ("concluded", "agreed"))
        assert 1 <= least <= concluded - agreed <= most < 5
        failures.add(finding.cell)
    assert failures


@pytest.mark.parametrize(
    ("rate", "pairs"),
    [(66.7, [(2, 3)]), (75.0, [(3, 4)]), (33.3, [(1, 3)]), (25.0, [(1, 4)]), (50.0, [(1, 2), (2, 4)])],
)
def test_a_rate_of_a_hidden_denominator_gives_both_back(rate: float, pairs: list[tuple[int, int]]) -> None:
    """Worked example A8: under five cases a rate with one decimal leaves one or two pairs."""
    assert attacks.pairs_giving(rate, 1, range(5), range(1, 5)) == pairs


def test_a_rate_beside_a_shown_denominator_gives_the_failures_back() -> None:
    """Worked example A8: 91.9 percent of 37 are 34, and three were not."""
    assert attacks.pairs_giving(91.9, 1, range(38), [37]) == [(34, 37)]


def _figures(cells: pl.DataFrame, rate: str) -> pl.DataFrame:
    wide = cells.filter(
        pl.col("breakdown") == "total", pl.col("measure").is_in(["mediation_agreed", "mediation_concluded"])
    )
    wide = wide.pivot("measure", index=["area_code", "period"], values=["value", "count"]).filter(
        pl.col("value_mediation_concluded") >= 50, pl.col("count_mediation_concluded").is_not_null(),
        pl.col("value_mediation_agreed").is_not_null(),
    )  # fmt: skip
    share = 100 * pl.col(f"{rate}_mediation_agreed") / pl.col(f"{rate}_mediation_concluded")
    return wide.select(
        "area_code", "period", share.round(1).alias("value"), pl.lit("mediation_success_rate").alias("indicator"),
        pl.lit("total").alias("breakdown"), pl.lit("total").alias("category"), pl.lit(1).alias("decimals"),
        pl.lit(None, pl.Float64).alias("change_on_year"), pl.lit(None, pl.Float64).alias("value_year_before"),
        pl.col("value_mediation_agreed").alias("numerator"), pl.col("value_mediation_concluded").alias("denominator"),
    )  # fmt: skip


@pytest.mark.parametrize(("rate", "passes"), [("value", True), ("count", False)])
def test_an_exact_rate_beside_a_rounded_denominator_fails(
    rate: str, passes: bool, exact: pl.DataFrame, town: City, plan: PublicationPlan, protected: Protected
) -> None:
    figures = _figures(_exactly(exact, protected.published), rate)
    assert len(figures) > 5
    bundle = _bundle(protected.published, town, figures)
    report = audit(bundle, plan, _truth(protected), seconds=60)
    assert report.passed == passes
    assert {finding.attack for finding in report.findings} == (set() if passes else {"rates"})


@pytest.mark.parametrize(("mean", "is_found"), [(0.1, True), (4.0, False)])
def test_one_count_that_is_likelier_than_three_quarters_is_found(mean: float, is_found: bool) -> None:
    """A 5 where margins let expect a tenth of a case is nearly always one case; where they let expect four it says little."""
    cell = ("mediation_accepted", "dispute_type", "medical", "500101000000", "2023")
    counts = Counts((cell,), np.array([5.0]), np.array([5]), np.array([5]), System(np.array([1.0]), np.array([9.0])))
    found, greatest, near_certain = attacks.attack_by_likelihood(counts, {cell: mean})
    assert [finding.cell for finding in found] == ([cell] if is_found else [])
    assert (greatest > 0.75) == is_found
    assert near_certain == float(is_found)


def test_a_rotated_secret_fails(exact: pl.DataFrame, town: City, plan: PublicationPlan, protected: Protected) -> None:
    other = _protected(exact, town, plan, OTHER_SECRET)
    earlier = [(_bundle(protected.published, town), _truth(protected))]
    report = audit(_bundle(other.published, town), plan, _truth(other), earlier, 60)
    assert report.failures["changes"] > 20
    assert _audited(other.published, town, plan, other).passed, "by itself it is as good as the first"
    assert audit(_bundle(protected.published, town), plan, _truth(protected), earlier, 60).passed


@pytest.mark.parametrize(
    ("value", "numerator"), [(None, None), (0.1, 0), (0.0, 1)], ids=["published", "value", "count"]
)
def test_a_list_of_exact_changes_fails(
    value: float | None,
    numerator: int | None,
    exact: pl.DataFrame,
    town: City,
    plan: PublicationPlan,
    protected: Protected,
) -> None:
    """A list of published differences passes; one whose value or count before was not published as it stands there does not."""
    figures = _figures(_exactly(exact, protected.published), "value")
    row = figures.row(0, named=True)
    before = row | {"value": row["value"] - 1.0, "numerator": row["numerator"] - 5}
    listed = {key: row[key] for key in ("indicator", *KEYS[1:])} | {"against": "2023-1.0"}
    for name in ("value", "numerator", "denominator"):
        listed |= {f"{name}_before": before[name], f"{name}_after": row[name]}
    listed["value_before"] += value or 0.0
    listed["numerator_before"] += numerator or 0
    held = pl.DataFrame([before], schema=figures.schema).vstack(figures[1:])
    earlier = replace(_bundle(protected.published, town, held), release_id="2023-1.0")
    now = replace(_bundle(protected.published, town, figures), changes=pl.DataFrame([listed]), release_id="2023-1.1")
    report = audit(now, plan, _truth(protected), [(earlier, _truth(protected))], 60)
    assert [finding.attack for finding in report.findings] == ([] if value is None else ["changes"])


def test_the_parts_of_a_system_give_the_answer_of_the_whole(
    town: City, plan: PublicationPlan, protected: Protected
) -> None:
    counts = counts_of(with_rests(_bundle(protected.published, town).cells, plan), plan)
    system = counts.system
    assert len(system.components()) > 1
    wanted = np.flatnonzero((counts.value >= 0) & (counts.value <= 5))[::25]
    together = proven(system, wanted, UNBOUNDED, time.process_time() + 120)
    for places in system.components():
        own = np.flatnonzero(np.isin(places, wanted))
        if len(own):
            apart = proven(system.part(places), own, UNBOUNDED, time.process_time() + 120)
            np.testing.assert_allclose(apart.low[own], together.low[places[own]], atol=1e-6)
            np.testing.assert_allclose(apart.high[own], together.high[places[own]], atol=1e-6)


@pytest.mark.parametrize("cases", [0.7, 2.0, 6.0])
def test_whether_a_value_is_a_draw_or_a_sum_of_parts_is_said_by_published_values(
    cases: float, plan: PublicationPlan
) -> None:
    """So that the limits of a rate, which know which it is, tell nobody more; and so that the attacks know it as well."""
    county = city(districts=3, towns=4, cases_a_town_and_month=cases, seed=3)
    rows = _protected(counted(county, plan), county, plan).published
    counts = counts_of(with_rests(_bundle(rows, county).cells, plan), plan)
    width = dict(zip(counts.cells, counts.system.high - counts.system.low, strict=True))
    drawn = rows.filter(pl.col("value").is_not_null(), pl.col("period_kind").is_in(["month", "quarter", "year"]))
    told = {origin: [] for origin in ("drawn", "sum")}
    for *cell, origin, low, high in drawn.select(*KEYS, "origin", "low", "high").iter_rows():
        if tuple(cell) in width and origin in told:
            told[origin].append((width[tuple(cell)] < UNBOUNDED, high - low))
    assert min(len(cells) for cells in told.values()) > 5
    assert {(is_bounded, width <= 8) for is_bounded, width in told["drawn"]} == {(True, True)}
    assert {is_bounded for is_bounded, _ in told["sum"]} == {False}


def test_late_rows_corrections_and_moved_cases_betray_nothing(
    town: City, plan: PublicationPlan, protected: Protected
) -> None:
    """Three releases: rows that came late and a case that moved town change nothing; the final only what changed much."""
    late = town.cases.sample(3, seed=1).with_columns(pl.col("number") + 1)
    here, there = sorted(set(town.cases["area_code"]))[:2]
    moved = pl.concat([town.cases, late]).with_row_index().with_columns(
        pl.when((pl.col("index") < 40) & (pl.col("area_code") == here)).then(pl.lit(there)).otherwise("area_code").alias("area_code")
    )  # fmt: skip
    second_town = City(town.districts, town.towns, moved.drop("index"))
    cells = counted(second_town, plan)
    second = published_measures(plan, cells, town.parents, SECRET, Vintages("2023-12", 3, protected.drawn))
    assert second.published.equals(protected.published)
    final = published_measures(plan, cells, town.parents, SECRET, Vintages("2024-03", 3, second.drawn))
    changed = {cell for cell in final.drawn if final.drawn[cell].value != protected.drawn[cell].value}
    assert changed
    assert all(abs(final.drawn[cell].count - protected.drawn[cell].count) >= 5 for cell in changed)
    earlier = [(_bundle(second.published, town), _truth(second))]
    report = audit(_bundle(final.published, town), plan, _truth(final), earlier, 60)
    assert report.failures["changes"] == 0
    after = published_measures(plan, cells, town.parents, SECRET, Vintages("2024-06", 3, final.drawn))
    assert after.published.equals(final.published)


def test_a_large_city_is_attacked_in_its_time(plan: PublicationPlan) -> None:
    """Ten districts, 120 towns, 36 months: within fifteen minutes of two cores, here within one."""
    large = city(districts=10, towns=12, months=36, cases_a_town_and_month=5.0)
    protected = _protected(counted(large, plan), large, plan)
    started = time.process_time()
    report = audit(_bundle(protected.published, large), plan, _truth(protected))
    assert report.failures["time"] == 0
    assert report.cells > 1000
    assert time.process_time() - started < 60


def test_an_attack_that_does_not_end_in_its_time_is_a_failure(
    town: City, plan: PublicationPlan, protected: Protected
) -> None:
    report = audit(_bundle(protected.published, town), plan, _truth(protected), seconds=0)
    assert not report.passed
    assert report.failures["time"] == 1
