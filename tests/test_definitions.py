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
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner
from frictionless import validate

from pipelines.catalogue import measures, tables
from pipelines.cli import main
from pipelines.demo import people
from pipelines.intake import archive, keys
from pipelines.release import publishing
from pipelines.release.calendar import KINDS
from pipelines.settings import PROJECT, drafts, releases
from tests.conftest import Road
from tests.offices import Office, built_house, came_to_rest, copied

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
    came_to_rest(Path(shutil.copy(source, tmp_path / "data" / "landing" / source.parent.name)))
    return tmp_path / "data"


def models(hall: ModuleType) -> set[dg.AssetKey]:
    nodes = hall.MANIFEST["nodes"].values()
    return {dg.AssetKey([node["schema"], node["name"]]) for node in nodes if node["resource_type"] == "model"}


def test_every_model_is_an_asset_and_every_test_a_check(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    assert models(hall) <= graph.materializable_asset_keys
    tests = [node["name"] for node in hall.MANIFEST["nodes"].values() if node["resource_type"] == "test"]
    assert len(tests) > 20
    arriving = {hall.ALL_AT_REST, hall.ALL_TAKEN_IN, hall.NOBODY_IS_LATE}
    others = {*arriving, hall.daily.EVERY_RELEASE_IN_TIME, *hall.calendar.CHECKS}
    assert sorted(tests) == sorted(key.name for key in graph.asset_check_keys if key.name not in others)


def _staged(table: str) -> dg.AssetKey:
    return dg.AssetKey(["staging", f"stg_{table}"])


def test_one_lineage_leads_from_the_exports_to_the_published_release(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    counted = {measure.table for measure in measures().values()}
    waiting = {key for table in tables() if table not in counted for key in (hall.LAKE[table], _staged(table))}
    upstream = graph.get_ancestor_asset_keys(hall.PUBLISHED) | {hall.PUBLISHED} | waiting
    assert {hall.EXPORTS, hall.LEDGER, hall.DRAFT, hall.SEALED, *hall.LAKE.values(), *models(hall)} <= upstream
    of_calendar = {asset.key for asset in hall.calendar.ASSETS}
    assert upstream == graph.materializable_asset_keys - of_calendar - {hall.OF_SENDER}, "an asset leads nowhere"
    for kind in KINDS:
        published = hall.calendar.step(kind, "published")
        assert {hall.EXPORTS, hall.LEDGER, hall.calendar.step(kind, "sealed")} <= graph.get_ancestor_asset_keys(
            published
        )
    made_by_hand = {key for key in upstream if not graph.get(key).parent_keys} - {hall.EXPORTS}
    assert {key.path[0] for key in made_by_hand} <= {"catalogue", "inputs"}


def test_the_road_is_a_job_over_every_asset_but_those_of_the_calendar(hall: ModuleType) -> None:
    job = hall.defs.resolve_job_def("road")
    others = {asset.key for asset in hall.calendar.ASSETS} | {hall.OF_SENDER}
    assert job.asset_layer.executable_asset_keys == hall.defs.resolve_asset_graph().materializable_asset_keys - others


def test_without_a_name_nothing_is_approved(hall: ModuleType, instance: dg.DagsterInstance, small: Path) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(hall.DRAFT, metadata={"release": "2025-1.0"}))
    run = dg.materialize([hall.approve], instance=instance, raise_on_error=False)
    assert not run.success
    assert "waits for approval" in str(run.failure_data_for_node("releases__sealed").error)


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A house with a published release of May 2025."""
    return copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)


def _made(
    hall: ModuleType, instance: dg.DagsterInstance, name: str, period: str, edition: str = "internal"
) -> dg.ExecuteInProcessResult:
    """One step of a month's release, as Dagster runs it."""
    assets = [asset for asset in hall.calendar.ASSETS if asset.key == hall.calendar.step("month", name, edition)]
    return dg.materialize(assets, instance=instance, partition_key=period, raise_on_error=False)


def test_a_month_is_drafted_with_its_checks(hall: ModuleType, instance: dg.DagsterInstance, own: Office) -> None:
    run = _made(hall, instance, "draft", "2025-05")
    [made] = run.asset_materializations_for_node("releases__month_draft")
    assert (made.metadata["release"].value, made.metadata["outcome"].value) == ("2025-05-1.0", "unchanged")
    passed = {check.check_name: check.passed for check in run.get_asset_check_evaluations()}
    assert passed == {hall.calendar.EVERY_REPORT_CAME: False, hall.calendar.EVERY_CHANGE_EXPLAINED: True}
    early = _made(hall, instance, "draft", "2025-06")
    assert "2025-06 is not complete" in str(early.failure_data_for_node("releases__month_draft").error)


def test_a_build_with_nothing_new_has_its_checks_after_a_release_too(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    assert CliRunner().invoke(main, ["release", "--period", "2025-05"]).exit_code == 0
    assert CliRunner().invoke(main, ["dictionary", "--site", str(own.data / "site")]).exit_code == 0
    run = dg.materialize([hall.build], instance=instance, raise_on_error=False)
    assert run.success
    assert {check.passed for check in run.get_asset_check_evaluations()} == {True}


def test_a_draft_waits_until_a_person_has_approved_it(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    nothing = _made(hall, instance, "sealed", "2025-04")
    assert "There is no draft of 2025-04" in str(nothing.failure_data_for_node("releases__month_sealed").error)
    draft = drafts("internal") / "2025-05-1.1"
    shutil.copytree(releases("internal") / "2025-05-1.0", draft)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)
    waits = _made(hall, instance, "sealed", "2025-05")
    assert "`fengqiao approve 2025-05-1.1`" in str(waits.failure_data_for_node("releases__month_sealed").error)
    words = ["approve", "2025-05-1.1", "--name", "张三", "--role", "科长", "--department", "基层科"]
    assert CliRunner().invoke(main, words).exit_code == 0
    run = _made(hall, instance, "sealed", "2025-05")
    [sealed] = run.asset_materializations_for_node("releases__month_sealed")
    told = {name: sealed.metadata[name].value for name in ("approved_by", "approved_role", "approved_department")}
    assert told == {"approved_by": "张三", "approved_role": "科长", "approved_department": "基层科"}
    assert [check.passed for check in run.get_asset_check_evaluations()] == [True]
    assert _made(hall, instance, "published", "2025-05").success
    assert publishing.current("internal") == "2025-05-1.1"


def test_the_reviews_of_districts_and_cities_follow_the_published_release(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office, tmp_path: Path
) -> None:
    run = _made(hall, instance, "reviews", "2025-05")
    [made] = run.asset_materializations_for_node("releases__month_reviews")
    assert (made.metadata["release"].value, made.metadata["areas"].value) == ("2025-05-1.0", 2)
    written = {path.name for path in (own.data / "documents" / "2025-05-1.0").iterdir()}
    assert {f"review-2025-05-{area}-zh.pdf" for area in ("500000", "500117")} <= written
    assert len(written) == made.metadata["files"].value
    by_hand = tmp_path / "by hand"
    words = ["review", "--period", "2025-05", "--release", "2025-05-1.0", "--area", "500117", "--out", str(by_hand)]
    assert CliRunner().invoke(main, words).exit_code == 0
    files = {path.name: path.read_bytes() for path in by_hand.iterdir()}
    assert len(files) == 4
    assert files == {name: (own.data / "documents" / "2025-05-1.0" / name).read_bytes() for name in files}


def test_the_public_edition_is_attacked_waits_for_a_person_and_brings_its_bulletin(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    run = _made(hall, instance, "draft", "2025-05", "public")
    [attacked] = run.get_asset_check_evaluations()
    assert (attacked.check_name, attacked.passed) == (hall.calendar.NO_ATTACK_FINDS_ANYONE, True)
    assert attacked.metadata["cells"].value > 0
    waits = _made(hall, instance, "sealed", "2025-05", "public")
    asked = "`fengqiao approve 2025-05-1.0 --edition public`"
    assert asked in str(waits.failure_data_for_node("public__month_sealed").error)
    unpublished = _made(hall, instance, "bulletin", "2025-05", "public")
    assert "There is no sealed release" in str(unpublished.failure_data_for_node("public__month_bulletin").error)
    words = ["approve", "2025-05-1.0", "--edition", "public", "--name", "张三"]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert _made(hall, instance, "sealed", "2025-05", "public").success
    embargoed = _made(hall, instance, "bulletin", "2025-05", "public")
    assert embargoed.success and not embargoed.asset_materializations_for_node("public__month_bulletin")
    assert not (own.data / "documents" / "bulletin").exists()
    assert _made(hall, instance, "published", "2025-05", "public").success
    assert publishing.current("public") == "2025-05-1.0"
    package = validate(str(releases("public") / "2025-05-1.0" / "datapackage.json"))
    assert package.valid, package.flatten(["title", "note"])[:5]
    assert _made(hall, instance, "bulletin", "2025-05", "public").success
    assert (own.data / "documents" / "bulletin" / "latest" / "index.html").is_file()


def test_what_an_attack_finds_stops_the_run_before_the_gate(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    for kind in KINDS:
        key = dg.AssetCheckKey(hall.calendar.step(kind, "draft", "public"), hall.calendar.NO_ATTACK_FINDS_ANYONE)
        assert graph.get_check_spec(key).blocking


@pytest.mark.parametrize(
    ("kind", "day", "period"),
    [
        ("month", "2025-06-11", None),
        ("month", "2025-07-10", None),
        ("month", "2025-07-11", "2025-06"),
        ("quarter", "2025-07-11", "2025-Q2"),
        ("half_year", "2025-07-11", "2025-H1"),
        ("half_year", "2025-11-11", "2025-H1"),
        ("year", "2025-07-11", "2024"),
    ],
)
def test_a_release_is_drafted_once_its_last_month_is_closed(
    kind: str, day: str, period: str | None, hall: ModuleType, own: Office
) -> None:
    """May 2025 is released; months are closed on the tenth of the month after."""
    schedule = hall.defs.resolve_schedule_def(f"{kind}_release")
    at = datetime.fromisoformat(f"{day}T06:00+08:00")
    told = schedule.evaluate_tick(
        dg.build_schedule_context(scheduled_execution_time=at, repository_def=hall.defs.get_repository_def())
    )
    assert [request.partition_key for request in told.run_requests or []] == ([period] if period else [])
    assert told.run_requests or told.skip_message


def test_what_is_scheduled_is_published_by_the_sensors_run(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    sensor = hall.defs.resolve_sensor_def("scheduled_publication")
    assert "Nothing is scheduled" in str(sensor.evaluate_tick(dg.build_sensor_context(instance)).skip_message)
    (releases("internal") / "current").unlink()
    past = [{"release_id": "2025-05-1.0", "publish_at": "2025-06-12T09:00:00+08:00"}]
    (releases("internal") / "scheduled.json").write_text(json.dumps(past), encoding="utf-8")
    assert len(sensor.evaluate_tick(dg.build_sensor_context(instance)).run_requests or []) == 1
    assert hall.defs.resolve_job_def("publish_due").execute_in_process(instance=instance).success
    assert publishing.current("internal") == "2025-05-1.0"


def test_a_wrong_file_fails_its_check_and_nothing_else(
    hall: ModuleType, instance: dg.DagsterInstance, small: Path
) -> None:
    letter = small / "landing" / "mediation-500117" / "a_letter.csv"
    letter.write_text("the export follows next week\n")
    came_to_rest(letter)
    run = dg.materialize([hall.exports, hall.intake], instance=instance)
    [check] = [check for check in run.get_asset_check_evaluations() if check.check_name == hall.ALL_TAKEN_IN]
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

    monkeypatch.setattr(hall.arriving, "receive_each", break_down)
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


@contextmanager
def dagster_page(data: Path, log: Path, **environment: str) -> Iterator[str]:
    """The address of `dagster dev` on a data folder, its home made as `make dagster` makes it."""
    told = os.environ | {"DAGSTER_HOME": str(data / "dagster")} | environment
    subprocess.run([PROJECT / "deploy" / "dagster-home"], env=told, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [Path(sys.executable).with_name("dagster"), "dev", "--host", "127.0.0.1", "--port", port]
    with log.open("w") as output:
        server = subprocess.Popen(command, cwd=PROJECT, env=told, stdout=output, stderr=output, start_new_session=True)
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


@pytest.fixture
def page(small: Path, tmp_path: Path) -> Iterator[str]:
    """Dagster's page on a small data folder."""
    with dagster_page(small, tmp_path / "dagster.log") as address:
        yield address


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
