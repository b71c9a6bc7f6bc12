"""Dagster's view of the house: one lineage graph, every model and test in it, and a run launched as its page launches it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from pipelines.catalogue import measures, tables
from pipelines.demo import people
from pipelines.intake import archive, keys
from pipelines.settings import PROJECT
from tests.conftest import Road

SECONDS_TO_START = 120
SECONDS_TO_RUN = 300
PERSONAL = "李某某 13800000000"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""
PLACE = "query { repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
STATE = """
query State($run: ID!) {
  runOrError(runId: $run) {
    ... on Run {
      status
      eventConnection { events { __typename ... on ExecutionStepFailureEvent { stepKey error { message } } } }
    }
  }
}
"""
ASSETS = "query { assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } } }"


@pytest.fixture(scope="module")
def hall(road: Road) -> Iterator[ModuleType]:
    """`pipelines.definitions`, loaded on the road's data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(road.data))
        from pipelines import definitions

        yield definitions


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def small(road: Road, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with keys and one export in its landing."""
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FENGQIAO_KEYS", str(tmp_path / "keys"))
    keys.initialise({"mediation", "screening", "petition", "correction"})
    archive.initialise()
    source = next(path for path in road.exports if path.parent.name == "mediation-500117")
    (tmp_path / "data" / "landing" / source.parent.name).mkdir(parents=True)
    shutil.copy(source, tmp_path / "data" / "landing" / source.parent.name)
    return tmp_path / "data"


def models(hall: ModuleType) -> set[dg.AssetKey]:
    nodes = hall.MANIFEST["nodes"].values()
    return {dg.AssetKey([node["schema"], node["name"]]) for node in nodes if node["resource_type"] == "model"}


def test_every_model_is_an_asset_and_every_test_a_check(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    assert models(hall) <= graph.materializable_asset_keys
    tests = [node["name"] for node in hall.MANIFEST["nodes"].values() if node["resource_type"] == "test"]
    assert len(tests) > 20
    assert sorted(tests) == sorted(key.name for key in graph.asset_check_keys if key.name != hall.ALL_TAKEN_IN)


def _staged(table: str) -> dg.AssetKey:
    return dg.AssetKey(["staging", f"stg_{table}"])


def test_one_lineage_leads_from_the_exports_to_the_published_release(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    counted = {measure.table for measure in measures().values()}
    waiting = {key for table in tables() if table not in counted for key in (hall.LAKE[table], _staged(table))}
    upstream = graph.get_ancestor_asset_keys(hall.PUBLISHED) | {hall.PUBLISHED} | waiting
    assert {hall.EXPORTS, hall.LEDGER, hall.DRAFT, hall.SEALED, *hall.LAKE.values(), *models(hall)} <= upstream
    assert upstream == graph.materializable_asset_keys, "an asset leads nowhere"
    made_by_hand = {key for key in upstream if not graph.get(key).parent_keys} - {hall.EXPORTS}
    assert {key.path[0] for key in made_by_hand} <= {"catalogue", "inputs"}


def test_the_road_is_a_job_over_every_asset(hall: ModuleType) -> None:
    job = hall.defs.resolve_job_def("road")
    assert job.asset_layer.executable_asset_keys == hall.defs.resolve_asset_graph().materializable_asset_keys


def test_without_a_name_nothing_is_approved(hall: ModuleType, instance: dg.DagsterInstance, small: Path) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(hall.DRAFT, metadata={"release": "2025-1.0"}))
    run = dg.materialize([hall.approve], instance=instance, raise_on_error=False)
    assert not run.success
    assert "waits for approval" in str(run.failure_data_for_node("releases__sealed").error)


def test_a_wrong_file_fails_its_check_and_nothing_else(
    hall: ModuleType, instance: dg.DagsterInstance, small: Path
) -> None:
    (small / "landing" / "mediation-500117" / "a_letter.csv").write_text("the export follows next week\n")
    run = dg.materialize([hall.exports, hall.intake], instance=instance)
    [check] = run.get_asset_check_evaluations()
    assert not check.passed
    assert "a_letter.csv" in str(check.metadata["refused"].value)
    key = hall.LAKE["mediation_cases"]
    [lake] = [event for event in run.asset_materializations_for_node("intake") if event.asset_key == key]
    assert lake.metadata["dagster/row_count"].value > 0
    assert lake.metadata["first_month"].value <= lake.metadata["last_month"].value


def test_an_empty_landing_says_what_to_do(hall: ModuleType, instance: dg.DagsterInstance, small: Path) -> None:
    shutil.rmtree(small / "landing")
    run = dg.materialize([hall.exports], instance=instance, raise_on_error=False)
    assert "`fengqiao demo` makes some" in str(run.failure_data_for_node("exports__landing").error)


def test_a_failure_leaves_no_value_in_the_log_of_events(
    hall: ModuleType, instance: dg.DagsterInstance, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise ValueError(PERSONAL)

    monkeypatch.setattr(hall, "receive_each", break_down)
    run = dg.materialize([hall.exports, hall.intake], instance=instance, raise_on_error=False)
    assert not run.success
    told = "".join(dg.serialize_value(entry) for entry in instance.all_logs(run.run_id))
    assert "builtins.ValueError" in told
    assert "李" not in told
    assert "1380" not in told


def ask(address: str, query: str, **variables: object) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        told = json.load(answer)
    assert "errors" not in told, told
    return told["data"]


def place(address: str) -> dict[str, str] | None:
    """Where the definitions were loaded, once they are."""
    try:
        nodes = ask(address, PLACE)["repositoriesOrError"].get("nodes")
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    return (
        {"repositoryName": nodes[0]["name"], "repositoryLocationName": nodes[0]["location"]["name"]} if nodes else None
    )


def awaited(question: Callable[[], Any], seconds: float, told: Callable[[], str]) -> Any:
    """The first answer that is not empty; fails with what is told by then."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        pause.wait(0.5)
    raise AssertionError(f"No answer within {seconds} s: {told()}")


@pytest.fixture
def page(small: Path, tmp_path: Path) -> Iterator[str]:
    """The address of `dagster dev` on a small data folder."""
    home, log = small / "dagster", tmp_path / "dagster.log"
    home.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [Path(sys.executable).with_name("dagster"), "dev", "--host", "127.0.0.1", "--port", port]
    environment = os.environ | {"DAGSTER_HOME": str(home)}
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{port}"
        awaited(lambda: place(address), SECONDS_TO_START, log.read_text)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def test_a_run_launched_from_the_page_publishes_a_release(page: str, small: Path) -> None:
    selector = {**(place(page) or {}), "pipelineName": "road"}
    config = {"ops": {"releases__sealed": {"config": {"approved_by": "tester"}}}}
    params = {"selector": selector, "runConfigData": config, "mode": "default"}
    launched = ask(page, LAUNCH, params=params)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = launched["run"]["runId"]

    def ended() -> Any:
        state = ask(page, STATE, run=run)["runOrError"]
        return state if state["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    state = awaited(ended, SECONDS_TO_RUN, lambda: str(ask(page, STATE, run=run)))
    failures = [event for event in state["eventConnection"]["events"] if "stepKey" in event]
    assert state["status"] == "SUCCESS", failures
    assert {made["runId"] for node in ask(page, ASSETS)["assetNodes"] for made in node["assetMaterializations"]} == {
        run
    }
    published = (small / "releases" / "internal" / "current" / "release.json").read_text(encoding="utf-8")
    assert json.loads(published)["approved_by"] == "tester"
    assert_nobody_is_in(path for path in small.rglob("*") if path.is_file() and "landing" not in path.parts)


def assert_nobody_is_in(written: Iterable[Path]) -> None:
    """No name and no address of the demo stands in what was written, Dagster's own storage included."""
    names = [surname + given for surname in people.SURNAMES for given in people.GIVEN_FIRST]
    for path in written:
        content = path.read_bytes()
        assert not [text for text in (*names, *people.STREETS) if text.encode() in content], path
