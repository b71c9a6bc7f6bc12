"""Releases: the same data give the same bytes, what is sealed stays as it is, and readers always find one."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from dashboards.release_reader import Release, open_release
from pipelines import warehouse
from pipelines.cli import main
from pipelines.intake import ledger
from pipelines.release import drafting, publishing, sealing
from pipelines.release.checking import problems
from pipelines.release.tables import TABLES
from pipelines.settings import SEEDS, UserError, drafts, releases
from tests.conftest import Road, read_seeds_from
from tests.offices import FORM, Office, built_house, cases, copied, table

FIRST = "2025-05-1.0"
TOWN_LINE = "nbs2023,500117001000,合阳城街道,Heyangcheng Subdistrict,township"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture
def own(house: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return copied(house, tmp_path, monkeypatch)


def _bytes(release_id: str) -> dict[str, bytes]:
    """Content of every data file of a release by name; metadata and the database carry instants, changes another release."""
    folder = releases("internal") / release_id
    kinds = (".parquet", ".csv", ".sql", ".yml")
    files = (path for path in folder.rglob("*") if path.suffix in kinds and path.stem != "changes")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _unlocked(path: Path) -> Path:
    """Made writable, as only somebody who means it can."""
    for part in (path.parent, path):
        if part.exists():
            part.chmod(0o755)
    return path


def test_a_release_is_revised_and_an_earlier_state_comes_back_byte_for_byte(own: Office) -> None:
    """One road: a case more, then as it was before that case came."""
    before = ledger.deliveries()[-1].received_at
    own.take(cases({"调解案件编号": "A4"}), "late_2025-03..2025-05.csv")
    assert not warehouse.build().full
    second = drafting.draft()
    assert (second.release_id, second.outcome) == ("2025-05-1.1", "drafted")
    sealing.approve(second.release_id, "internal", "tester")
    publishing.publish(second.release_id, "internal")
    accepted = [
        open_release(release=name).figures("mediation_accepted", ["500117"], ["2025-03"])
        for name in (FIRST, "2025-05-1.1")
    ]
    assert [figures["value"].to_list() for figures in accepted] == [[3], [4]]
    assert warehouse.build(as_of=before).reason == "an earlier state was asked for"
    third = drafting.draft()
    sealing.approve(third.release_id, "internal", "tester")
    assert _bytes(third.release_id) == _bytes(FIRST) != _bytes("2025-05-1.1")
    assert problems() == []


@pytest.fixture
def redeclared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Changes declarations: the success rate is of what was accepted, a town has come to another district, a card is new."""
    copy = tmp_path / "seeds"

    def change() -> None:
        shutil.copytree(SEEDS, copy)
        for name, said, now in (
            (
                "indicators/mediation_success_rate.yml",
                "denominator: mediation_concluded",
                "denominator: mediation_accepted",
            ),
            ("tables/areas.csv", f"{TOWN_LINE},500117000000", f"{TOWN_LINE},500112000000"),
        ):
            text = (copy / name).read_text(encoding="utf-8")
            assert text.count(said) == 1, name
            (copy / name).write_text(text.replace(said, now), encoding="utf-8")
        share = (copy / "indicators" / "mediation_withdrawn_share.yml").read_text(encoding="utf-8")
        (copy / "indicators" / "mediation_not_agreed_share.yml").write_text(
            share.replace("mediation_withdrawn_or_terminated", "mediation_not_agreed"), encoding="utf-8"
        )
        read_seeds_from(copy, monkeypatch)
        monkeypatch.setattr(drafting, "SEEDS", copy)
        _forget()

    yield change
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    """Let all declarations be read anew."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.catalogue"):
            for known in vars(module).values():
                getattr(known, "cache_clear", lambda: None)()


def test_a_changed_definition_is_a_major_version_and_a_moved_town_is_named(
    own: Office, redeclared: Callable[[], None]
) -> None:
    redeclared()
    warehouse.build()
    second = drafting.draft()
    assert second.release_id == "2025-05-2.0"
    sealing.approve(second.release_id, "internal", "tester")
    told = open_release(release=second.release_id).changes()
    reasons = {row[0]: set(row[1]) for row in told.group_by("indicator").agg("reason").iter_rows()}
    assert reasons["mediation_success_rate"] == {"definition"}
    assert reasons["mediation_accepted"] == {"area"}
    assert reasons["mediation_not_agreed_share"] == {"added"}
    new = open_release(release=second.release_id).figures("mediation_not_agreed_share", ["500117"], ["2025-04"])
    assert "r" not in new["status"][0], "what is new revises nothing"
    moved = set(told.filter(indicator="mediation_accepted", breakdown="total", period="2025-03")["area_code"])
    assert moved >= {"500117000000", "500117001000"}, "the district that the town has left, and the town"
    assert "500117002000" not in moved
    said = (releases("internal") / second.release_id / "CHANGES.md").read_text(encoding="utf-8")
    assert all(word in said for word in ("口径变更", "changed definition", "区划变更", "changed area"))


def test_what_a_stopped_build_left_behind_is_not_built_upon(own: Office) -> None:
    """A second sender reports the same district and month: the build stops, though the case beside it is counted."""
    before = ledger.deliveries()[-1].received_at
    own.take(cases({"调解案件编号": "A4"}), "late_2025-03..2025-05.csv")
    own.take(table([FORM]), "again.csv", "correction-420300")
    with pytest.raises(UserError, match="The build stops at unique_combination_fct_form_months") as stopped:
        warehouse.build()
    assert "nothing was released" in str(stopped.value)
    assert warehouse.build(as_of=before).outcome == "built"
    assert drafting.draft() == drafting.Draft(FIRST, releases("internal") / FIRST, "unchanged")


def test_a_sealed_release_says_who_what_and_when(house: Office) -> None:
    said = open_release_of(house).metadata
    assert (said["release_id"], said["status"], said["approved_by"]) == (FIRST, "final", "tester")
    assert (said["reference_period"], said["data_cutoff"]) == ("2025-05", "2025-05-31")
    assert {row["table_name"]: row["accepted"] for row in said["sources"]} == {
        "mediation_cases": 3,
        "dispute_screenings": 3,
        "petition_matters": 2,
        "correction_monthly": 1,
    }
    assert set(said["files"]) >= {f"{name}.parquet" for name in TABLES} | {"fengqiao.duckdb", "cards.json"}


SAYS_OF_ITSELF = """
release_id dataset_id version permalink title_zh title_en publisher_zh publisher_en responsible_statistician_zh
responsible_statistician_en contact legal_basis_zh legal_basis_en survey_approval issued embargo_until next_release frequency
reference_period period_kind data_cutoff ingest_watermark geography area_code_list area_hierarchy code_lists population_zh
population_en rounding_base seasonal_adjustment_zh seasonal_adjustment_en standard_population sources coverage_rate
late_arrival_percent imputation_percent quality_zh quality_en comparability_breaks revision_policy_id vintage status
supersedes reason revised_cells largest_revision disclosure_control pre_release_access licence files signature
ledger_sequence code_version seeds_version approved_by approved_at
"""
OF_A_FIGURE = (
    "unit",
    "decimals",
    "kind",
    "basis",
    "numerator",
    "denominator",
    "definition",
    "includes",
    "excludes",
    "legal_basis",
)


def test_a_release_says_all_that_a_quoted_figure_needs(house: Office) -> None:
    release = open_release_of(house)
    assert set(SAYS_OF_ITSELF.split()) <= release.metadata.keys()
    told = json.loads((release.folder / "cards.json").read_text(encoding="utf-8"))
    assert len(told) > 100
    assert [card for card in told if not set(OF_A_FIGURE) <= card.keys()] == []


def open_release_of(house: Office) -> Release:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(house.data))
        return open_release()


def test_a_sealed_release_is_read_only(house: Office) -> None:
    folder = house.data / "releases" / "internal" / FIRST
    for path in (folder, *folder.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o222, path


def _reworded(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    _unlocked(path).write_text(text.replace('"approved_by": "tester"', '"approved_by": "somebody"'), encoding="utf-8")


SPOILT: dict[str, Callable[[Path], object]] = {
    "figures.parquet altered": lambda folder: _unlocked(folder / "figures.parquet").write_bytes(b"PAR1"),
    "a download altered": lambda folder: _unlocked(folder / "csv" / "mediation_accepted.csv").write_bytes(b"9999"),
    "a file added": lambda folder: _unlocked(folder / "extra.csv").touch(),
    "a file removed": lambda folder: _unlocked(folder / "measures.parquet").unlink(),
    "its metadata altered": lambda folder: _reworded(folder / "release.json"),
    "its metadata gone": lambda folder: _unlocked(folder / "release.json").unlink(),
    "its metadata cut short": lambda folder: _unlocked(folder / "release.json").write_bytes(b"{"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_was_altered_is_found_and_not_published(how: str, own: Office) -> None:
    assert problems() == []
    SPOILT[how](releases("internal") / FIRST)
    assert problems() == [f"Release {FIRST} differs from its seal: a file was altered, added or removed."]
    with pytest.raises(UserError, match="altered after it was sealed"):
        publishing.publish(FIRST, "internal")


def test_what_is_wrong_with_the_lake_is_found(own: Office) -> None:
    first, second, third, _ = (own.data / "lake" / d.table_name / str(d.folder) for d in ledger.deliveries())
    (first / "part-00000.parquet").write_bytes(b"PAR1")
    shutil.rmtree(second)
    pl.read_parquet(third).head(1).write_parquet(third / "part-00000.parquet")
    (own.data / "lake" / "mediation_cases" / "00000009-0123456789ab").mkdir()
    found = problems()
    assert [sentence.partition(":")[0].partition(" (")[0] for sentence in found[:3]] == [
        f"Delivery {n}" for n in (1, 2, 3)
    ]
    assert "cannot be read" in found[0]
    assert "missing from the lake" in found[1]
    assert "the ledger says 2 rows, the lake has 1" in found[2]
    assert "00000009-0123456789ab has no entry" in found[3]


def test_a_draft_is_not_published_and_a_seal_is_not_broken(own: Office) -> None:
    with pytest.raises(UserError, match="is not sealed"):
        publishing.publish("2025-05-1.1", "internal")
    with pytest.raises(UserError, match="is sealed already"):
        sealing.approve(FIRST, "internal", "tester")
    with pytest.raises(UserError, match="There is no draft"):
        sealing.approve("2024-1.0", "internal", "tester")


def test_what_a_release_says_of_itself_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    sealing.write_metadata(tmp_path, {"status": "draft"})
    with pytest.raises(UnicodeEncodeError):
        sealing.write_metadata(tmp_path, {"status": "\ud800"})  # stops in the middle, as a kill would
    assert sealing.metadata_of(tmp_path) == {"status": "draft"}


def test_an_approval_that_was_cut_off_is_given_again(own: Office) -> None:
    draft = drafts("internal") / "2025-05-1.1"
    shutil.copytree(releases("internal") / FIRST, draft)
    draft.chmod(0o755)
    (draft / sealing.UNFINISHED).write_text("{")
    sealed = sealing.approve(draft.name, "internal", "tester")
    assert sealing.is_intact(sealed)
    assert not (sealed / sealing.UNFINISHED).exists()


@pytest.mark.parametrize("name", ["current", "..", "", "2025-05-1.0/cards"])
def test_only_a_release_can_be_published(name: str, own: Office) -> None:
    with pytest.raises(UserError):
        publishing.publish(name, "internal")
    assert open_release().id == FIRST


def test_a_period_that_is_not_over_is_not_released(own: Office) -> None:
    with pytest.raises(UserError, match="2025-H1 is not complete: the data end with 2025-05"):
        drafting.draft("2025-H1")
    assert list((own.data / "releases" / "drafts" / "internal").iterdir()) == []


def test_publishing_twice_notes_it_once(own: Office) -> None:
    noted = (releases("internal") / "publications.jsonl").read_text()
    publishing.publish(FIRST, "internal")
    assert (releases("internal") / "publications.jsonl").read_text() == noted
    assert noted.count("\n") == 1


def test_the_database_of_a_release_opens_and_explains_itself(house: Office) -> None:
    path = house.data / "releases" / "internal" / FIRST / "fengqiao.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall())
        columns = connection.execute("select table_name, column_name, comment from duckdb_columns()").fetchall()
        value = connection.execute(
            "select value from figures where indicator = 'mediation_accepted' and area_code = '500117000000'"
            " and period = '2025-03' and breakdown = 'channel' and category = 'police'"
        ).fetchall()
    assert set(tables) == set(TABLES)
    assert all(tables.values())
    silent = {
        f"{table}.{column}" for table, column, comment in columns if not comment and table in ("figures", "measures")
    }
    assert silent == set()
    assert value == [(2,)]


def test_a_release_answers_while_a_build_holds_the_warehouse(own: Office) -> None:
    query = "select value from figures where indicator = 'mediation_accepted' and period = '2025-03' and area_code = '500117000000'"
    with ledger.writer_lock(), duckdb.connect(str(warehouse.warehouse_path())) as building:
        building.execute("begin; create table catalogue.half_done as select 1")
        done = CliRunner().invoke(main, ["sql", f"{query} and breakdown = 'total'", "--json"])
        building.execute("rollback")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [{"value": 3.0}])


def test_downloads_have_a_byte_order_mark_and_the_words_of_both_languages(house: Office) -> None:
    path = house.data / "releases" / "internal" / FIRST / "csv" / "mediation_accepted.csv"
    assert path.read_bytes().startswith("\ufeff".encode())
    rows = pl.read_csv(path, schema_overrides={"area_code": pl.String, "period": pl.String})
    hechuan = rows.filter(pl.col("area_code") == "500117000000", pl.col("period") == "2025-03")
    assert hechuan.select("area_zh", "area_en", "value").rows() == [("合川区", "Hechuan District", 3.0)]


def test_no_part_of_a_draft_remains_when_it_cannot_be_written(own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(own.data / "warehouse")
    with pytest.raises(UserError, match="Nothing is built yet"):
        drafting.draft()
    assert not list((own.data / "releases" / "drafts" / "internal").glob(".writing-*"))


SAMPLE = [
    (indicator, area, period, breakdown)
    for indicator, breakdown in (
        ("mediation_accepted", "channel"),
        ("mediation_success_rate", "total"),
        ("mediation_type_share", "dispute_type"),
        ("mediation_days_to_conclude_median", "total"),
        ("screening_resolved_rate", "event_type"),
        ("petition_open", "total"),
        ("petition_on_time_rate", "total"),
        ("correction_caseload", "correction_category"),
    )
    for area, period in (
        ("500117", "2025-10"),
        ("420500", "2024-Q3"),
        ("420000", "2023"),
        ("430300", "2025-01..2025-05"),
    )
]


@pytest.mark.parametrize("indicator", sorted({indicator for indicator, *_ in SAMPLE}))
def test_what_is_computed_on_request_is_what_was_written(indicator: str, road: Road) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(road.data))
        release = open_release()
    for name, area, period, breakdown in SAMPLE:
        if name == indicator:
            written = release.figures(indicator, [area], [period], breakdown)
            assert not written.is_empty(), (area, period)
            assert_frame_equal(release.compute(indicator, area, period, breakdown), written, abs_tol=1e-9)


def test_a_townships_breakdown_and_any_range_come_on_request(house: Office) -> None:
    release = open_release_of(house)
    assert release.figures("mediation_accepted", ["500117001"], None, "channel").is_empty()
    town = release.compute("mediation_accepted", "500117001", "2025-03..2025-04", "channel")
    assert {c: v for c, v in town.select("category", "value").iter_rows() if v} == {"police": 2}
    assert release.compute("mediation_open", "500117", "2025-03..2025-04")["value"].to_list() == [1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("mediation_acepted", "500117", "2025-03"), "is not an indicator of release"),
        (("mediation_accepted", "500999", "2025-03"), "is not an area of release"),
        (("mediation_accepted", "500117", "2025-03", "colour"), "has no breakdown colour"),
        (("mediation_accepted", "500117", "2025-13"), "is not a period"),
        (("mediation_accepted", "500117", "2025-06"), "ends after the data"),
    ],
)
def test_what_is_not_there_is_refused_by_name(asked: tuple[str, ...], said: str, house: Office) -> None:
    with pytest.raises(UserError, match=said):
        open_release_of(house).compute(*asked)


def test_doctor_says_what_was_altered(own: Office, capsys: pytest.CaptureFixture[str]) -> None:
    SPOILT["figures.parquet altered"](releases("internal") / FIRST)
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    assert ended.value.code == 1
    assert f"Release {FIRST} differs from its seal" in capsys.readouterr().out
    assert os.readlink(releases("internal") / "current") == FIRST
