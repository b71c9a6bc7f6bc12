"""A data folder of an earlier version: brought up with nothing lost and the same figures; one of a newer version is left alone.

`earlier/version-1.tar.xz` holds the ledger, lake and quarantine that release 0.1.0 of this software wrote from ten
make-believe rows (its keys are the digests below, its instants were set to June 2025), the figures it made of them, and
the release of May 2025 that it sealed and published.
`earlier/version-2.tar.xz` holds the same of a later software, which kept what public values were drawn from with the build: the
rows and keys are those of `offices.built_house`, and of its public release 2025-05-1.0 there are figures, measures and words.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import get_args

import polars as pl
import pytest
from click.testing import CliRunner, Result
from streamlit.testing.v1 import AppTest

from dashboards.selection import PageName
from pipelines import data_folder
from pipelines.cli import main
from pipelines.data_folder import VERSION
from pipelines.intake import archive, ledger
from pipelines.settings import PROJECT
from tests.offices import MEDIATED, Office, cases, opened, write_keys

KEYS = ("cell_number", "correction", "mediation", "petition", "screening")
FIGURE = ["indicator", "area_code", "period", "breakdown", "category"]
PARTS = ["value", "numerator", "denominator"]
PUBLIC = "2025-05-1.0"


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A data folder as the first release left it, with its keys and those that came later; its figures lie beside it."""
    with tarfile.open(PROJECT / "tests" / "earlier" / "version-1.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    keys = {name: hashlib.sha256(f"make-believe {name}".encode()).hexdigest() for name in KEYS}
    (tmp_path / "keys").write_text("".join(f"{name} = {key}\n" for name, key in keys.items()))
    (tmp_path / "keys").chmod(0o600)
    return opened(tmp_path, monkeypatch)


def fengqiao(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_a_folder_of_the_first_release_is_brought_up_to_the_same_figures(first: Office, tmp_path: Path) -> None:
    deliveries, rows = ledger.deliveries(), first.lake().height
    assert "is of version 1: the next intake or build brings it to version" in fengqiao("doctor").stdout
    assert fengqiao("build").exit_code == 0
    assert (data_folder.version(), ledger.deliveries(), first.lake().height) == (VERSION, deliveries, rows)
    drafted = json.loads(fengqiao("release", "--json").stdout)
    now = pl.read_parquet(Path(drafted["folder"]) / "figures.parquet")
    then = pl.read_csv(
        tmp_path / "figures.csv", schema_overrides={name: now.schema[name] for name in (*FIGURE, *PARTS)}
    )
    assert len(then) > 500
    both = then.join(now, on=FIGURE, how="left", suffix="_now", nulls_equal=True)
    differ = pl.any_horizontal(pl.col(part).ne_missing(pl.col(f"{part}_now")) for part in PARTS)
    assert both.filter(differ).rows() == []
    assert json.loads(fengqiao("doctor", "--json").stdout)["problems"] == []


def test_a_release_of_the_first_version_is_read_as_it_was_sealed(first: Office, tmp_path: Path) -> None:
    asked = ("--indicator", "mediation_accepted", "--area", "500117", "--period", "2025-05")
    held = json.loads(fengqiao("figures", *asked, "--json").stdout)
    then = pl.read_csv(tmp_path / "figures.csv", schema_overrides={"area_code": pl.String}).filter(
        indicator="mediation_accepted", area_code="500117000000", period="2025-05", breakdown="total"
    )
    assert [figure["value"] for figure in held] == then["value"].to_list() != []
    written = fengqiao("bulletin", "--edition", "internal")
    assert written.exit_code == 0, written.stderr
    for words, said in (
        ("figures --indicator mediation_accepted --area 500117 --period 2025-03..2025-04", "made before others were"),
        ("review --area 500117 --period 2025-05", "made before reviews were written"),
        ("quality --period 2025-05", "made before data quality was recorded"),
    ):
        done = fengqiao(*words.split())
        assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("page", get_args(PageName))
def test_each_page_opens_on_a_release_of_the_first_version(
    page: PageName, first: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGQIAO_EDITION", "internal")
    app = AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=120).run()
    for area in ("500117", "500000"):
        if page != "city_overview":
            app.switch_page(f"{page}.py")
        app.query_params.clear()
        app.query_params.update({"area": area, "period": "2025-05", "lang": "en"})
        app.run()
        assert not app.exception
        assert "2025-05-1.0" in "".join(element.proto.body for element in app.get("html"))


def test_its_successor_supersedes_it_and_it_stays(first: Office) -> None:
    sealed = first.data / "releases" / "internal" / "2025-05-1.0"
    before = {path: path.read_bytes() for path in sealed.rglob("*") if path.is_file()}
    assert fengqiao("build").exit_code == 0
    drafted = json.loads(fengqiao("release", "--json").stdout)["release"]
    assert drafted != sealed.name
    for words in (("approve", drafted, "--name", "demo"), ("publish", drafted)):
        done = fengqiao(*words)
        assert done.exit_code == 0, done.stderr
    assert (sealed.parent / "current").resolve().name == drafted
    assert {path: path.read_bytes() for path in sealed.rglob("*") if path.is_file()} == before
    assert json.loads(fengqiao("doctor", "--json").stdout)["problems"] == []
    assert fengqiao("rollback").exit_code == 0
    assert (sealed.parent / "current").resolve() == sealed


def test_what_comes_after_the_upgrade_meets_what_came_before_it(first: Office) -> None:
    again = first.take(cases(*MEDIATED, {"调解案件编号": "A9", "受理日期": "?"}), "mediation_2025-03..2025-05.csv")
    assert (again.outcome, again.accepted, again.quarantined) == ("already_received", 3, 1)
    before = first.lake().filter(pl.col("ledger_sequence") == 1)["case_key"].to_list()
    first.take(cases(MEDIATED[1] | {"调解结果": "成功"}), "changed_2025-05.csv")
    assert first.lake()["case_key"].to_list()[-1] == before[1]


def test_an_upgrade_that_was_cut_off_goes_on(first: Office) -> None:
    (first.data / "warehouse").mkdir()
    (first.data / "warehouse" / "warehouse.duckdb").write_bytes(b"what the first release computed")
    for step in data_folder.STEPS.values():
        step(first.data)
    assert data_folder.version() == 1
    with ledger.writer_lock():
        assert data_folder.version() == VERSION
    assert not (first.data / "warehouse").exists()
    assert [path.name for path in first.data.glob(".version*")] == []


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A data folder of version 2 with a published public release, and its keys."""
    with tarfile.open(PROJECT / "tests" / "earlier" / "version-2.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    write_keys(tmp_path / "keys")
    return opened(tmp_path, monkeypatch)


def test_what_was_drawn_goes_to_the_releases_and_still_stands(second: Office) -> None:
    drawn = second.data / "warehouse" / "drawn" / f"{PUBLIC}.parquet"
    before = drawn.read_bytes()
    assert fengqiao("build").exit_code == 0
    assert data_folder.version() == VERSION
    kept = second.data / "releases" / "drawn" / drawn.name
    assert (kept.read_bytes(), drawn.parent.exists()) == (before, False)
    assert (kept.parent.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    done = fengqiao("release", "--edition", "public", "--period", "2025-05", "--json")
    assert done.exit_code == 0, done.stderr
    again = kept.with_name(f"{Path(json.loads(done.stdout)['folder']).name}.parquet")
    cell = ["measure", "breakdown", "category", "area_code", "period"]
    both = pl.read_parquet(kept).join(pl.read_parquet(again), on=cell, suffix="_now")
    assert both.height > 100
    assert both.filter(pl.col("value") != pl.col("value_now")).rows() == [], "the same counts stand as they were drawn"


def test_a_move_of_what_was_drawn_that_was_cut_off_goes_on(second: Office) -> None:
    before, now = second.data / "warehouse" / "drawn", second.data / "releases" / "drawn"
    now.mkdir()
    (now / f"{PUBLIC}.parquet").write_bytes(b"moved already")
    (before / "2025-04-1.0.parquet").write_bytes(b"not yet")
    for _ in range(2):
        data_folder.STEPS[2](second.data)
    assert {path.name: path.read_bytes() for path in now.iterdir()} == {
        f"{PUBLIC}.parquet": b"moved already",
        "2025-04-1.0.parquet": b"not yet",
    }
    assert not before.exists()


@pytest.mark.parametrize(
    "words",
    ["intake landing", "build", "release", "approve 2025-1.0", "publish 2025-1.0", "sql", "tidy", "backup", "doctor"],
)
def test_no_command_works_in_a_folder_of_a_newer_version(words: str, first: Office) -> None:
    (first.data / "version").write_text(f"{VERSION + 1}\n")
    before = first.contents()
    done = fengqiao(*words.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"is of version {VERSION + 1}; this software knows versions up to {VERSION}" in done.stderr
    assert first.contents() == before


def test_a_version_that_is_none_is_refused(first: Office) -> None:
    (first.data / "version").write_text("two\n")
    assert "holds no version of a data folder" in fengqiao("build").stderr


def test_a_new_folder_gets_the_present_version_with_its_first_entry(first: Office) -> None:
    shutil.rmtree(first.data)
    archive.initialise()
    assert data_folder.version() is None
    first.take(cases({}))
    assert (first.data / "version").read_text() == f"{VERSION}\n"
    with closing(sqlite3.connect(ledger.ledger_path())) as connection:
        assert connection.execute("select count(*) from deliveries").fetchone() == (1,)
