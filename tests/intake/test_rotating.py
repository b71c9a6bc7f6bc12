"""Rotation: every case gets a new pseudonym and stays the same case; figures stay; a kill loses nothing."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines import warehouse
from pipelines.intake import keys, ledger, rotating
from pipelines.intake.lake import Generation, generation
from pipelines.release.checking import problems
from pipelines.settings import PROJECT, UserError, keys_path
from tests.conftest import FENGQIAO
from tests.offices import MATTER, Office, built_house, cases, copied, opened, table

KILLS = 12
FIRST = cases({}, {"调解案件编号": "A2"}, {"调解案件编号": "A3"})
LATER = cases({"办结日期": "2025-04-09", "调解结果": "成功", "更新时间": "2025-05-01"}, {"调解案件编号": "A4"})


def _rotate(*systems: str) -> rotating.Rotation:
    with ledger.writer_lock():
        ledger.heal()
        return rotating.rotate(systems)


def _filled(office: Office) -> Office:
    office.take(FIRST, "first.csv")
    office.take(table([MATTER, MATTER | {"信访件编号": "X2"}]), "matters.csv", "petition-500000")
    return office


def _keys_of(office: Office, name: str = "mediation_cases") -> set[bytes]:
    return set(office.lake(name)["case_key"])


def test_every_case_has_a_new_pseudonym_and_all_else_stays(office: Office) -> None:
    before = _filled(office).lake()
    done = _rotate("mediation")
    after = office.lake()
    assert not _keys_of(office) & set(before["case_key"])
    assert after.drop("case_key").equals(before.drop("case_key"))
    assert after.schema == before.schema
    assert set(after["case_key"].bin.size()) == {16}
    assert after["case_key"].n_unique() == before["case_key"].n_unique() == 3
    assert (done.generation, done.rotated, done.pseudonyms) == (generation(), ("mediation",), 3)
    assert generation() == Generation(2, {"mediation": 2})
    assert problems() == []


def test_other_systems_keep_their_pseudonyms(office: Office) -> None:
    before = _keys_of(_filled(office), "petition_matters")
    _rotate("mediation")
    assert _keys_of(office, "petition_matters") == before
    _rotate("petition")
    assert not _keys_of(office, "petition_matters") & before
    assert generation() == Generation(3, {"mediation": 2, "petition": 2})


def test_an_export_sent_after_a_rotation_brings_new_versions_of_the_same_cases(office: Office) -> None:
    _filled(office)
    _rotate("mediation")
    _rotate("mediation")
    office.take(LATER, "later.csv")
    rows = office.lake()
    assert rows.height == 5
    assert rows["case_key"].n_unique() == rows["cell_number"].n_unique() == 4
    assert rows.n_unique(["case_key", "cell_number"]) == 4
    assert office.take(FIRST, "first.csv").outcome == "already_received"
    assert generation().links == {"mediation": 3}
    assert [name for name in sorted(keys.load()) if name.startswith("mediation")] == [
        "mediation",
        "mediation.2",
        "mediation.3",
    ]


def test_rotated_before_or_after_a_delivery_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened(tmp_path / "after", monkeypatch)
    office.take(FIRST, "first.csv")
    _rotate("mediation")
    rekeyed = office.lake()
    other = tmp_path / "before"
    monkeypatch.setenv("FENGQIAO_DATA", str(other / "data"))
    (other / "data" / "lake").mkdir(parents=True)
    shutil.copy(office.data / "lake" / "generation.json", other / "data" / "lake" / "generation.json")
    shutil.copytree(office.data / "archive", other / "data" / "archive")
    keyed = Office(other / "data")
    keyed.take(FIRST, "first.csv")
    assert keyed.lake().equals(rekeyed)


def test_withdrawals_and_references_to_other_cases_are_rekeyed_like_the_cases(office: Office) -> None:
    first = _filled(office).lake().head(1)
    withdrawn = pl.concat(
        rows.select("ledger_sequence", pl.lit(name).alias("table_name"), "sender", "register", "case_key")
        for name, rows in (("mediation_cases", first), ("petition_matters", office.lake("petition_matters").head(1)))
    )
    entry = ledger.deliveries()[0]
    folder = office.data / "lake" / "withdrawals" / str(entry.folder)
    folder.mkdir(parents=True)
    withdrawn.write_parquet(folder / "part-00000.parquet")
    part = office.data / "lake" / "mediation_cases" / str(entry.folder) / "part-00000.parquet"
    pl.read_parquet(part).with_columns(pl.col("case_key").reverse().alias("origin_key")).write_parquet(part)
    _rotate("mediation")
    rows, after = pl.read_parquet(part), pl.read_parquet(folder / "part-00000.parquet")
    assert rows["origin_key"].reverse().to_list() == rows["case_key"].to_list()
    assert after["case_key"][0] == rows["case_key"][0]
    assert after["case_key"][1] == withdrawn["case_key"][1], "petitions were not rotated"
    assert after.drop("case_key").equals(withdrawn.drop("case_key"))


def test_the_key_of_the_cells_is_never_rotated(office: Office) -> None:
    before = _filled(office).contents()
    with pytest.raises(UserError, match="never rotated"):
        _rotate("cell_number")
    assert office.contents() == before
    assert generation() == Generation()


def test_a_lake_at_a_link_that_is_lost_takes_nothing_in(office: Office) -> None:
    _filled(office)
    _rotate("mediation")
    lines = keys_path().read_text().splitlines()
    keys_path().write_text("\n".join(line for line in lines if not line.startswith("mediation.2")) + "\n")
    with pytest.raises(UserError, match=r"rotated to mediation\.2, and mediation\.2 is neither in"):
        office.take(LATER, "later.csv")


def test_a_link_given_by_the_environment_is_the_one_used(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    _filled(office)
    monkeypatch.setenv("FENGQIAO_KEY_MEDIATION_2", "d" * 64)
    _rotate("mediation")
    assert "mediation.2" not in keys_path().read_text()
    assert "d" * 64 not in keys_path().read_text()
    monkeypatch.delenv("FENGQIAO_KEY_MEDIATION_2")
    with pytest.raises(UserError, match="FENGQIAO_KEY_MEDIATION_2"):
        office.take(LATER, "later.csv")


def test_a_lake_with_nothing_in_it_may_be_rotated(office: Office) -> None:
    assert _rotate("mediation").pseudonyms == 0
    _filled(office)
    assert office.take(LATER, "later.csv").accepted == 2
    assert office.lake()["case_key"].n_unique() == 4


def _measured(house: Office) -> Mapping[str, list[tuple[object, ...]]]:
    """All measures with their cell keys, and the keys of the cases."""
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'measures'"
            ).fetchall()
        ]
        return {
            name: sorted(connection.execute(f"select * from measures.{name}").fetchall(), key=str) for name in names
        }


def test_figures_and_cell_keys_stay_and_the_warehouse_is_built_anew(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    before, were = _measured(house), _keys_of(house)
    _rotate("mediation", "petition", "screening", "correction")
    report = warehouse.build()
    assert (report.outcome, report.full) == ("built", True)
    assert _measured(house) == before
    assert sum(map(len, before.values())) > 100
    assert not _keys_of(house) & were
    assert warehouse.build().outcome == "unchanged"


def _run(data: Path, last: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FENGQIAO_DATA": str(data), "FENGQIAO_KEYS": str(data.with_name("keys"))}
    command = [sys.executable, "-m", "tests.intake.killed_rotating", str(data), str(last)]
    return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_killed_at_any_moment_no_case_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _filled(opened(tmp_path / "whole", monkeypatch))
    before = whole.lake()
    copies = [tmp_path / f"killed-{number}" for number in range(KILLS)]
    for copy in copies:
        shutil.copytree(whole.data.parent, copy)
    done = _run(whole.data, 0)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    moments = [1 + number * (steps - 1) // (KILLS - 1) for number in range(KILLS)]
    with ThreadPoolExecutor(2) as pool:
        killed = list(pool.map(_run, [copy / "data" for copy in copies], moments))
    assert {run.returncode for run in killed} == {-signal.SIGKILL}
    ends = set()
    for copy, moment in zip(copies, moments, strict=True):
        office = opened(copy, monkeypatch)
        later = office.take(LATER, "later.csv")
        assert later.accepted == 2, moment
        assert office.lake()["case_key"].n_unique() == office.lake()["cell_number"].n_unique() == 4, moment
        assert office.lake().head(3).drop("case_key").equals(before.drop("case_key")), moment
        assert problems() == [], moment
        left = {path.name for path in office.data.iterdir() if path.name.startswith("lake")}
        assert left == {"lake"}, moment
        ends.add(generation().number)
        _rotate("mediation")
        links = generation().links["mediation"]
        assert keys.load().chain("mediation")[-1] == keys.load()[f"mediation.{links}"]
        assert f"mediation.{links + 1}" not in keys.load(), "a link that nothing used is used by the next rotation"
    assert ends == {1, 2}, "kills before and after the new generation was whole"


def test_the_command_says_what_it_did(office: Office) -> None:
    _filled(office)

    def fengqiao(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([FENGQIAO, "keys", *words], capture_output=True, text=True, check=False)

    done = fengqiao("rotate", "mediation")
    assert done.returncode == 0, done.stderr
    assert "Generation 2 of the lake is in place: 3 rows went through mediation.2." in " ".join(done.stdout.split())
    assert fengqiao("rotate").returncode == 0
    assert generation().number == 3
    assert generation().links["mediation"] == 3
    fixed = [(name, "never rotated") for name in ("cell_number", "publication")]
    for name, said in (*fixed, ("mediaton", "mediaton is no system; name one of")):
        refused = fengqiao("rotate", name)
        assert refused.returncode == 2
        assert said in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
