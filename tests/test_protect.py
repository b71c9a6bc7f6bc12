"""What is published of exact cells: unbiased draws that stay, dense tables, sums by one tiling, nothing exact anywhere."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import duckdb
import openpyxl
import polars as pl
import pytest

from pipelines.catalogue import Card, PublicationPlan, publication_plan
from pipelines.protect.drawing import rounded_at_random
from pipelines.protect.measures import Protected, published_measures
from pipelines.protect.vintages import Cell, Drawn, Vintages
from pipelines.release import drafting, sealing
from pipelines.release.open_workbook import sheet_names
from pipelines.settings import UserError, keys_path
from tests.city import City, city, counted
from tests.conftest import Road
from tests.offices import built_house, copied

SECRET = b"s" * 32
FIRST = Vintages("2023-12", 3)
CELL = ["measure", "breakdown", "category", "area_code", "period"]


def test_seventeen_to_base_three_is_fifteen_with_one_third() -> None:
    """Worked example A5 (Statistics New Zealand): 17 becomes 15 with 1/3 and 18 with 2/3; multiples stay."""
    drawn = Counter(rounded_at_random(17, key, "cases", 3, SECRET) for key in range(30_000))
    assert drawn.keys() == {15, 18}
    assert abs(Fraction(drawn[15], 30_000) - Fraction(1, 3)) < Fraction(1, 100)
    assert abs(sum(value * times for value, times in drawn.items()) / 30_000 - 17) < 0.03
    assert {rounded_at_random(value, key, "cases", 3, SECRET) for value in (0, 3, 30) for key in range(50)} == {
        0,
        3,
        30,
    }


@pytest.mark.parametrize("base", [5, 10])
def test_the_draw_is_unbiased_for_every_remainder(base: int) -> None:
    for value in range(2 * base):
        drawn = [rounded_at_random(value, key, "cases", base, SECRET) for key in range(10_000)]
        assert {number // base * base for number in drawn} == set(drawn)
        assert abs(sum(drawn) / len(drawn) - value) < 0.2


def test_the_same_cases_have_the_same_value_and_other_measures_another_draw() -> None:
    draws = [
        [rounded_at_random(7, key, measure, 5, SECRET) for key in range(200)] for measure in ("agreed", "concluded")
    ]
    assert draws[0] == [rounded_at_random(7, key, "agreed", 5, SECRET) for key in range(200)]
    assert draws[0] != draws[1]
    assert draws[0] != [rounded_at_random(7, key, "agreed", 5, b"t" * 32) for key in range(200)]


@pytest.fixture(scope="module")
def town() -> City:
    return city(districts=3, towns=4, months=12)


@pytest.fixture(scope="module")
def exact(town: City) -> pl.DataFrame:
    return counted(town, publication_plan())


@pytest.fixture(scope="module")
def published(town: City, exact: pl.DataFrame) -> pl.DataFrame:
    return published_measures(publication_plan(), exact, town.parents, SECRET, FIRST).published


def test_every_declared_cell_is_a_row(exact: pl.DataFrame, published: pl.DataFrame) -> None:
    declared = exact.select(CELL).unique()
    shown = published.filter(pl.col("period_kind").is_in(["month", "quarter", "year"]))
    assert declared.join(shown, on=CELL, how="anti").is_empty()
    assert published.select("table_id", *CELL).is_duplicated().sum() == 0


def test_values_are_multiples_of_the_base_and_stand_for_the_count(exact: pl.DataFrame, published: pl.DataFrame) -> None:
    both = exact.join(published, on=["table_id", *CELL], suffix="_published").filter(
        pl.col("value_published").is_not_null()
    )
    assert len(both) > 300
    assert (both["value_published"] % 5 == 0).all()
    assert both.filter(~pl.col("value").is_between(pl.col("low"), pl.col("high"))).is_empty()
    assert (both["value"] != both["value_published"]).mean() > 0.5


def test_the_rest_of_a_whole_is_drawn_and_the_part_follows(published: pl.DataFrame) -> None:
    totals = published.filter(pl.col("breakdown") == "total")
    cells = {name: dict(((a, p), v) for a, p, v in rows.select("area_code", "period", "value").iter_rows())
             for (name,), rows in totals.group_by(["measure"])}  # fmt: skip
    rest = cells["mediation_concluded-mediation_agreed"]
    shown = [place for place, value in rest.items() if value is not None]
    assert shown
    for place in shown:
        assert cells["mediation_agreed"][place] == max(cells["mediation_concluded"][place] - rest[place], 0)


@pytest.mark.parametrize("cases", [0.7, 2.0, 6.0])
def test_what_is_shown_depends_on_no_count_but_the_draws(cases: float) -> None:
    """Design section 7, rules 1 and 2: whatever is hidden, summed, nought or said to lie between, the draws alone decide it.

    A city whose counts are the draws of another, each a multiple of the base and so drawn as it is, publishes the same.
    """
    plan = publication_plan()
    county = city(districts=3, towns=4, cases_a_town_and_month=cases, seed=5)
    exact = counted(county, plan)
    first = published_measures(plan, exact, county.parents, SECRET, FIRST)
    drawn = {cell: found.value for cell, found in first.drawn.items()}
    rests = {part: (whole, f"{whole}-{part}") for part, whole in plan.within.items()}
    counts = []
    for measure, *at in exact.select("measure", "breakdown", "category", "area_code", "period").iter_rows():
        whole, rest = rests.get(measure, (measure, None))
        counts.append(drawn[whole, *at] - (drawn[rest, *at] if rest else 0))
    other = exact.with_columns(value=pl.Series(counts, dtype=pl.Int64))
    assert (other["value"] != exact["value"]).mean() > 0.2
    assert published_measures(plan, other, county.parents, b"u" * 32, FIRST).published.equals(first.published)


def test_half_years_and_cumulatives_are_sums_by_the_coarsest_tiling(published: pl.DataFrame) -> None:
    district = published.filter(
        pl.col("area_code") == "500101000000", pl.col("measure") == "mediation_accepted", pl.col("breakdown") == "total"
    )
    value = dict(district.select("period", "value").iter_rows())
    assert value["2023-H1"] == value["2023-Q1"] + value["2023-Q2"]
    assert value["2023-01..2023-10"] == value["2023-Q1"] + value["2023-Q2"] + value["2023-Q3"] + value["2023-10"]
    assert value["2023-01..2023-02"] == value["2023-01"] + value["2023-02"]
    assert value["2023-01..2023-12"] == value["2023"]


def test_parts_of_a_small_total_are_not_shown() -> None:
    sparse = city(districts=2, towns=4, months=12, cases_a_town_and_month=2.0)
    plan = publication_plan()
    rows = published_measures(plan, counted(sparse, plan), sparse.parents, SECRET, FIRST).published
    years = rows.filter(pl.col("table_id") == "mediation_totals", pl.col("period_kind") == "year")
    small = years.filter(pl.col("area_level") == "township", pl.col("value").is_between(1, 49))
    assert len(small) == 8
    parts = rows.join(small, on="area_code", how="semi").filter(
        (pl.col("period_kind") == "quarter") | (pl.col("table_id") == "mediation_town_types")
    )
    assert len(parts) > 20
    assert parts["value"].is_null().all()


def test_what_was_published_stands_when_the_plan_drops_what_it_was_the_sum_of() -> None:
    """Design section 7, rule 5: without k changed cases a value stays, of a city a sum of districts that are shown no more too."""
    county = city(districts=3, towns=3, cases_a_town_and_month=2.0)
    plan = publication_plan()
    tables = dict(plan.tables)
    for name in ("mediation_types", "mediation_channels"):
        levels = {level: kinds for level, kinds in tables[name].levels.items() if level != "district"}
        tables[name] = tables[name].model_copy(update={"levels": levels})
    coarser = plan.model_copy(update={"tables": tables})

    def published(of: PublicationPlan, standing: Mapping[Cell, Drawn], reached: str) -> Protected:
        return published_measures(of, counted(county, of), county.parents, SECRET, Vintages(reached, 3, standing))

    first = published(plan, {}, "2023-12")
    final = published(coarser, first.drawn, "2024-03")
    assert _moved(first, final).is_empty()
    back = published(plan, final.drawn, "2024-06")
    assert _moved(first, back).is_empty()
    forgotten = published(coarser, {cell: Drawn(*drawn[:4]) for cell, drawn in first.drawn.items()}, "2024-03")
    assert not _moved(first, forgotten).is_empty(), "nothing here would have moved anyway"


def _moved(before: Protected, after: Protected) -> pl.DataFrame:
    """Cells that two releases show with two values."""
    both = before.published.join(after.published, on=["table_id", *CELL], suffix="_after")
    return both.filter(pl.col("value") != pl.col("value_after"))


def test_a_part_that_stands_is_not_shown_where_its_total_has_become_nought() -> None:
    """A 5 that stands under a 0 that was drawn anew would be proven to be 1 to 4."""
    plan = publication_plan()
    county = city(districts=2, towns=4, cases_a_town_and_month=6.0)
    first = published_measures(plan, counted(county, plan), county.parents, SECRET, FIRST)
    few = [
        cell
        for cell, drawn in first.drawn.items()
        if drawn.published == 5 and drawn.count < 5 and cell[1] == "dispute_type"
    ]
    village = next(area for *_, area, period in few if county.level(area) == "township" and period == "2023")
    emptied = City(county.districts, county.towns, county.cases.filter(pl.col("area_code") != village))
    final = published_measures(
        plan, counted(emptied, plan), county.parents, SECRET, Vintages("2024-03", 3, first.drawn)
    )
    parts = final.published.filter(pl.col("area_code") == village, pl.col("period").str.starts_with("2023"))
    assert set(parts["value"]) == {0, None}


@pytest.fixture
def public(public_release: Path) -> Path:
    return public_release


def test_without_a_passed_audit_nothing_is_published(road: Road) -> None:
    assert "has not been audited" in road.log["publish without an audit"]


def test_the_public_folder_is_read_by_the_same_commands(public: Path, road: Road) -> None:
    words = ("--indicator", "mediation_accepted", "--area", "500000", "--period", "2025", "--edition", "public")
    (shown,) = road.ask("figures", *words)
    (internal,) = road.ask("figures", *words[:-2])
    assert shown["value"] % 5 == 0
    assert abs(shown["value"] - internal["value"]) < 5
    assert (shown["edition"], shown["release"]) == ("public", public.name)
    (counted_rows,) = road.ask(
        "sql", "select count(*) as n from figures where value is null and status = ''", "--edition", "public"
    )
    assert counted_rows["n"] == 0


def test_the_release_says_who_answers_for_it_and_by_which_plan(public: Path) -> None:
    said = sealing.metadata_of(public)
    plan = publication_plan()
    assert (said["authority_zh"], said["plan_version"]) == (plan.authority.zh, plan.version)
    assert re.fullmatch(r"[0-9a-f]{12}", said["plan_hash"])
    assert not {"sources", "ingest_watermark", "ledger_sequence"} & said.keys()


@pytest.mark.parametrize("period", ["2025-02..2025-04", "2024-10..2025-03"])
def test_a_range_that_no_tiling_has_is_not_answered(period: str, public: Path, road: Road) -> None:
    """Design section 7, rule 3: no arbitrary ranges of months, whoever asks."""
    asked = ("--indicator", "mediation_accepted", "--area", "500000", "--period", period)
    [figure] = road.ask("figures", *asked, "--edition", "public")
    assert (figure["value"], figure["status"]) == (None, ["x"])
    assert period not in set(pl.read_parquet(public / "periods.parquet")["period"])


def test_reporting_is_told_in_words_and_no_figure_is_taken_apart(public: Path, road: Road) -> None:
    """Design section 7, rule 6: no row counts, hashes or receipt times; `explain` ends at the card."""
    reporting = pl.read_parquet(public / "reporting.parquet")
    assert reporting.columns == ["table_name", "area_code", "period", "reporting_band"]
    assert set(reporting["reporting_band"]) <= {"all", "most", "half", "few"}
    assert reporting["area_code"].str.ends_with("000000").any()
    assert not (public / "data_quality.parquet").exists() and not (public / "senders.parquet").exists()
    asked = ("--indicator", "mediation_accepted", "--area", "500000", "--period", "2025")
    refused = road.fengqiao("explain", *asked, "--edition", "public")
    assert refused.returncode != 0 and "--edition" in refused.stderr


def _tables(folder: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every table in every file of a folder."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.suffix == ".parquet":
            yield path.name, pl.read_parquet(path)
        elif path.suffix == ".csv":
            yield path.name, pl.read_csv(path, infer_schema_length=None)
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, name in connection.execute(
                    "select schema_name, table_name from duckdb_tables()"
                ).fetchall():
                    yield f"{path.name}: {schema}.{name}", connection.sql(f'select * from {schema}."{name}"').pl()


NUMBERS = ("value", "numerator", "denominator", "value_year_before", "value_period_before")


def test_no_table_of_the_public_edition_holds_an_exact_measure(public: Path, road: Road) -> None:
    """Counts of cases are multiples of 5, of persons of 10, in the folder and in the database it was made in."""
    seen = 0
    edition = road.data / "warehouse" / "public"
    for name, rows in (*_tables(public), *_tables(edition)):
        assert not {"cell_key", "cell_number", "received_at", "sha256", "ledger_sequence", "accepted"} & set(
            rows.columns
        ), name
        counts = rows
        if {"indicator", "value"} <= set(rows.columns):
            counts = rows.filter(~pl.col("indicator").str.contains("rate|share|days"))
        for column in set(NUMBERS) & set(counts.columns):
            if counts[column].dtype.is_numeric() and {"indicator", "measure"} & set(counts.columns):
                numbers = counts[column].drop_nulls()
                seen += len(numbers)
                assert (numbers % 5 == 0).all(), (name, column)
    assert seen > 50_000


def test_the_workbook_of_the_public_edition_holds_published_counts_only(public: Path) -> None:
    """Every number on the sheet of a count: what is written into a cell, not how it is displayed."""
    offered = [Card.model_validate(card) for card in json.loads((public / "cards.json").read_text(encoding="utf-8"))]
    sheets = sheet_names(offered)
    counted = [card for card in offered if card.kind in ("count", "stock")]
    workbook = openpyxl.load_workbook(public / f"fengqiao-{public.name}.xlsx", read_only=True)
    numbers = 0
    for card in counted:
        rows = iter(workbook[sheets[card.id]].iter_rows(values_only=True))
        next(row for row in rows if "area_code" in str(row[0]))
        for cell in (cell for row in rows for cell in row if isinstance(cell, int | float)):
            assert cell % (10 if card.unit == "person" else 5) == 0, card.id
            numbers += 1
    assert numbers > 1000


def test_the_public_edition_speaks_of_itself(public: Path, road: Road) -> None:
    """Descriptions in the database, the files and the metadata are true of this edition, and name no table that it has not."""
    with duckdb.connect(str(public / "fengqiao.duckdb"), read_only=True) as connection:
        tables = dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall())
        columns = connection.execute("select table_name, column_name, comment from duckdb_columns()").fetchall()
    assert tables["measures"].startswith("One row an area, period, measure")
    internal = duckdb.connect(str(road.release / "fengqiao.duckdb"), read_only=True)
    gone = {name for (name,) in internal.execute("select table_name from duckdb_tables()").fetchall()} - tables.keys()
    internal.close()
    package = json.loads((public / "datapackage.json").read_text(encoding="utf-8"))
    titles = {r["path"].removesuffix(".parquet"): r["title"] for r in package["resources"] if "title" in r}
    assert titles == tables
    said = sealing.metadata_of(public)
    texts = [*tables.values(), *(comment for *_, comment in columns if comment), said["quality_zh"], said["quality_en"]]
    names = [name for name in gone if "_" in name] + ["leaf area", "additive", "control", "process interval"]
    assert not [(name, text) for text in texts for name in names if name in text]
    told = {
        table: [c for t, c, comment in columns if t == table and not comment]
        for table in ("figures", "measures", "reporting")
    }
    assert told == {"figures": [], "measures": [], "reporting": []}
    assert not [
        word
        for word in ("信访", "排查", "petition", "screening")
        if word in said["population_zh"] + said["population_en"]
    ]
    bands = pl.read_parquet(public / "measures.parquet")["bucket"].drop_nulls().unique()
    assert set(bands) == set(publication_plan().days.bands)
    assert "First day of a band" in dict((f"{t}.{c}", comment) for t, c, comment in columns)["measures.bucket"]


def test_no_byte_of_the_public_folder_names_what_came_in(public: Path, road: Road) -> None:
    senders = {path.parent.name for path in road.exports}
    hashes = {path.name.removesuffix(".age") for path in (road.data / "archive").glob("*.age")}
    assert hashes
    for path in (p for p in public.rglob("*") if p.is_file()):
        content = path.read_bytes().decode("latin-1")
        assert not any(name in content for name in senders | hashes), path.name


def test_without_the_key_of_the_publication_nothing_is_drafted(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    lines = keys_path().read_text().splitlines()
    keys_path().write_text("\n".join(line for line in lines if not line.startswith("publication")) + "\n")
    with pytest.raises(UserError, match="There is no key for publication"):
        drafting.draft(edition="public")
