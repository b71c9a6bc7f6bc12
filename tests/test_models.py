"""The dbt project's own unit tests (tables of a few rows beside the models), run in process on a small built warehouse."""

from pathlib import Path

import pytest
import yaml

from pipelines import warehouse
from pipelines.settings import DBT_PROJECT
from tests.offices import Office, built_house, copied

UNIT_TESTS = {
    room: [test["name"] for path in sorted((DBT_PROJECT / "models" / room).glob("*_unit_tests.yml"))
           for test in yaml.safe_load(path.read_text(encoding="utf-8"))["unit_tests"]]
    for room in ("staging", "core", "measures", "indicators")
}  # fmt: skip


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("target", "rooms"), [("duckdb", ["staging", "core", "measures"]), ("edition", ["indicators"])]
)
def test_unit_tests_of_the_models_hold(target: str, rooms: list[str], house: Office) -> None:
    words = ["test", "--select", *(f"test_type:unit,{room}" for room in rooms)]
    results = warehouse.run_dbt(target, words, lambda _: None)
    assert set(results.values()) == {"pass"}
    assert {node.rpartition(".")[2] for node in results} == {name for room in rooms for name in UNIT_TESTS[room]}
