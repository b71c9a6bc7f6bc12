"""The rooms and the arrows between them: who may import whom, which model may read what, and what every model must say."""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.catalogue import code_lists, measures, tables
from pipelines.intake.lake import lake_schema
from pipelines.settings import DBT_PROJECT, PROJECT
from tests.conftest import Road
from tests.offices import Office, built_house

# A room and the rooms it may import; the hall may import all and is imported by none.
ROOMS: Mapping[str, set[str]] = {
    "pipelines.settings": set(),
    "pipelines.periods": {"pipelines.settings"},
    "pipelines.data_folder": {"pipelines.settings"},
    "pipelines.catalogue": {"pipelines.settings"},
    "pipelines.intake": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue", "pipelines.data_folder"},
    "pipelines.warehouse": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue", "pipelines.intake"},
    "pipelines.signals": set(),
    "pipelines.protect": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue", "pipelines.warehouse"}
    | {"pipelines.intake"},
    "pipelines.audit": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue"},
    "pipelines.release": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue", "pipelines.warehouse"}
    | {"pipelines.intake", "pipelines.signals", "pipelines.protect", "pipelines.audit"},
    "pipelines.alerts": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue", "pipelines.release"},
    "pipelines.keeping": {"pipelines.settings", "pipelines.catalogue", "pipelines.data_folder", "pipelines.intake"},
    "pipelines.demo": {"pipelines.settings", "pipelines.catalogue"},
    "dashboards": {"pipelines.settings", "pipelines.periods", "pipelines.catalogue"},
}
HALL = {
    "cli",
    "cli_bulletin",
    "cli_alert",
    "cli_audit",
    "cli_dictionary",
    "cli_explain",
    "cli_intake",
    "cli_keeping",
    "cli_keys",
    "cli_output",
    "cli_propose",
    "cli_published",
    "cli_quarantine",
    "cli_reading",
    "cli_reconcile",
    "cli_release",
    "cli_senders",
    "cli_slip",
    "cli_review",
    "cli_serve",
    "definitions",
    "failures",
}
# Of a room that may be entered, the only doors that are open.
DOORS: Mapping[tuple[str, str], set[str]] = {
    ("pipelines.warehouse", "pipelines.intake"): {
        "pipelines.intake.ledger",
        "pipelines.intake.lake",
        "pipelines.intake.quarantine",
    },
    ("pipelines.keeping", "pipelines.intake"): {
        "pipelines.intake.archive",
        "pipelines.intake.lake",
        "pipelines.intake.ledger",
    },
    ("pipelines.protect", "pipelines.intake"): {"pipelines.intake.keys"},
    ("pipelines.release", "pipelines.intake"): {
        "pipelines.intake.archive",
        "pipelines.intake.keys",
        "pipelines.intake.lake",
        "pipelines.intake.ledger",
    },
}
# A room of the dbt project and the rooms and sources its models may read.
MODEL_ROOMS: Mapping[str, set[str]] = {
    "staging": {"source lake", "source catalogue"},
    "core": {"staging", "core", "source catalogue"},
    "measures": {"core", "measures", "source catalogue"},
    "indicators": {"indicators", "source edition"},
}
# What must be counted again is read off all versions, and only the lake has them all; of senders that nobody has registered
# the lake is asked for their few rows, where the view would rank everybody's. What a source shows of a cell that is corrected
# stands in the lake alone.
EXCEPTIONS = {
    (model, "source lake") for model in ("touched_months", "touched_areas", "reported_areas", "correction_checks")
}


def _modules() -> Iterator[tuple[str, Path]]:
    for folder in ("pipelines", "dashboards"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            yield ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"), path


def _imported(path: Path) -> Iterator[str]:
    """Every module or name of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(name: str) -> str | None:
    if name.split(".")[0] == "dashboards":
        return "dashboards"
    return ".".join(name.split(".")[:2]) if name.startswith("pipelines.") else None


MODULES = dict(_modules())


def test_every_module_stands_in_a_room_or_in_the_hall() -> None:
    rooms = {_room(name) for name in MODULES if name != "pipelines"}
    assert rooms <= ROOMS.keys() | {f"pipelines.{name}" for name in HALL}


@pytest.mark.parametrize("module", [name for name in MODULES if _room(name) in ROOMS])
def test_a_room_imports_only_what_lies_before_it(module: str) -> None:
    own = _room(module)
    assert own is not None
    for name in _imported(MODULES[module]):
        room = _room(name)
        if room is None or room == own:
            continue
        assert room in ROOMS[own], f"{module} imports {name}"
        doors = DOORS.get((own, room))
        assert doors is None or any(name == door or name.startswith(f"{door}.") for door in doors), f"{module}: {name}"


def test_no_database_in_memory_spills_where_somebody_happens_to_stand() -> None:
    bare = [name for name, path in MODULES.items() if "duckdb.connect()" in path.read_text(encoding="utf-8")]
    assert [name for name in bare if name.startswith("pipelines.")] == []


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def manifest(house: Office) -> dict[str, Any]:
    path = house.data / "warehouse" / "dbt" / "duckdb" / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


def _reads(node: dict[str, Any], manifest: dict[str, Any]) -> set[str]:
    read = set()
    for name in node["depends_on"]["nodes"]:
        parent = manifest["sources"].get(name) or manifest["nodes"][name]
        read.add(f"source {parent['source_name']}" if parent["resource_type"] == "source" else parent["fqn"][1])
    return read


def test_models_read_only_what_lies_before_them(models: dict[str, dict[str, Any]], manifest: dict[str, Any]) -> None:
    assert {node["fqn"][1] for node in models.values()} == MODEL_ROOMS.keys()
    for name, node in models.items():
        allowed = MODEL_ROOMS[node["fqn"][1]] | {read for model, read in EXCEPTIONS if model == name}
        assert _reads(node, manifest) <= allowed, name


def test_no_staging_model_joins_sources(models: dict[str, dict[str, Any]], manifest: dict[str, Any]) -> None:
    for name, node in models.items():
        if node["fqn"][1] == "staging":
            sources = [manifest["sources"][key] for key in node["depends_on"]["nodes"]]
            lake = {source["name"] for source in sources if source["source_name"] == "lake"}
            assert len(lake - {"withdrawals"}) == 1, f"{name}: a withdrawal is a version too, another table is not"


def test_every_model_says_its_grain_its_columns_and_its_types(models: dict[str, dict[str, Any]]) -> None:
    assert len(models) >= 20
    for name, node in models.items():
        assert node["raw_code"].startswith("-- grain: one row "), name
        assert node["contract"]["enforced"], name
        assert node["description"], name
        assert node["columns"], name
        for column in node["columns"].values():
            assert column["description"].strip(), f"{name}.{column['name']}"
            assert column["data_type"], f"{name}.{column['name']}"


def test_no_two_descriptions_of_a_column_of_one_name(models: dict[str, dict[str, Any]]) -> None:
    """Same meaning, same name."""
    said: dict[str, set[str]] = {}
    for node in models.values():
        for column in node["columns"].values():
            said.setdefault(column["name"], set()).add(column["description"])
    assert [name for name, texts in said.items() if len(texts) > 1] == []


def test_staging_has_every_lake_table_and_all_its_columns(models: dict[str, dict[str, Any]]) -> None:
    for table, contract in tables().items():
        told = {column["name"] for column in models[f"stg_{table}"]["columns"].values()}
        assert told == lake_schema(table).keys() - ({"register"} if contract.kind == "form" else set()), table


def test_every_table_of_cases_is_tested_for_its_grain(manifest: dict[str, Any]) -> None:
    """Staged cases that are all judged are asked once, as facts: there they stand, and need not be ranked anew."""
    tested = {
        node["attached_node"].rpartition(".")[2]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node["attached_node"]
        and node["test_metadata"]["name"] in ("unique", "unique_combination")
    }
    tested |= {name.replace("fct_", "stg_", 1) for name in tested}
    rooms = {node: body["fqn"][1] for node, body in manifest["nodes"].items() if body["resource_type"] == "model"}
    assert {node.rpartition(".")[2] for node, room in rooms.items() if room in ("staging", "core")} - tested == set()


def test_only_engine_macros_know_the_engine() -> None:
    for path in (DBT_PROJECT / "models").rglob("*.sql"):
        text = path.read_text(encoding="utf-8").lower()
        assert "adapter." not in text, path.name
        assert "select *\nfrom read_parquet" not in text, path.name


@pytest.fixture(scope="module")
def counted(road: Road) -> pl.DataFrame:
    """The measures of the demo, in which every measure and every breakdown occurs."""
    return pl.read_parquet(road.release / "measures.parquet")


def test_sql_counts_the_declared_measures_and_no_other(counted: pl.DataFrame) -> None:
    assert set(counted["measure"]) == measures().keys()


def test_sql_counts_the_declared_breakdowns_and_no_other(counted: pl.DataFrame) -> None:
    pairs = counted.select("measure", "breakdown").unique().rows()
    assert sorted(pairs) == sorted((name, b) for name, m in measures().items() for b in ("total", *m.breakdowns))


def test_only_histograms_have_buckets(counted: pl.DataFrame) -> None:
    histograms = {name for name, measure in measures().items() if measure.bucket == "days"}
    assert set(counted.filter(pl.col("bucket").is_not_null())["measure"]) == histograms
    assert counted.filter(pl.col("bucket").is_null(), pl.col("measure").is_in(sorted(histograms))).is_empty()


def test_categories_are_codes_of_their_lists(counted: pl.DataFrame) -> None:
    for breakdown, category in counted.select("breakdown", "category").unique().iter_rows():
        known = {"total"} if breakdown == "total" else {code.code for code in code_lists()[breakdown]} | {"not_stated"}
        assert category in known, breakdown


def test_measures_stand_at_their_lowest_level(counted: pl.DataFrame, road: Road) -> None:
    areas = pl.read_parquet(road.release / "areas.parquet")
    # What a city has not assigned to a district stands beside its districts.
    of_city = pl.col("is_not_assigned") & (pl.col("level") == "district")
    levels = counted.join(areas.filter(~of_city), on="area_code").select("measure", "level").unique()
    assert sorted(levels.rows()) == sorted((name, measure.lowest_level) for name, measure in measures().items())
