"""Dagster as in production: what starts a run and what holds one back, what is tried again, what is late, and the public sensors."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from pipelines import warehouse
from pipelines.cli import main
from pipelines.intake import ledger
from pipelines.intake.resting import AT_REST, at_rest
from pipelines.release import publishing
from pipelines.release.calendar import KINDS
from pipelines.settings import PROJECT, UserError, releases
from tests.conftest import FENGQIAO
from tests.offices import FORM, HECHUAN, MEDIATED, Office, built_house, came_to_rest, cases, copied, opened, table
from tests.test_alerts import Robot, declare, robot, webhook
from tests.test_faults import many_cases, small_disk

__all__ = ["robot"]


@pytest.fixture(scope="module")
def hall() -> ModuleType:
    from pipelines import definitions

    return definitions


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return opened(tmp_path, monkeypatch)


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)


def tick(hall: ModuleType, instance: dg.DagsterInstance, cursor: str | None = None, name: str = "landing") -> Any:
    context = dg.build_sensor_context(instance, cursor=cursor, repository_def=hall.defs.get_repository_def())
    return hall.defs.resolve_sensor_def(name).evaluate_tick(context)


def test_a_file_that_has_come_to_rest_is_asked_for_once(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    assert tick(hall, instance).run_requests == [], "an empty landing"
    came_to_rest(office.write("first.csv", cases({})))
    first = tick(hall, instance)
    [asked] = first.run_requests
    assert tick(hall, instance, first.cursor).run_requests == []
    came_to_rest(office.write("second.csv", cases({"调解案件编号": "A2"})), minutes=9_000)
    second = tick(hall, instance, first.cursor)
    assert [request.run_key for request in second.run_requests] != [asked.run_key], "copied with an old date"
    assert len(second.run_requests) == 1


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
@pytest.mark.parametrize("job", ["arrived", "daily", "road", "year_draft"])
def test_no_run_is_asked_for_while_one_waits_or_runs(
    job: str, status: dg.DagsterRunStatus, hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    came_to_rest(office.write("first.csv", cases({})))
    run = instance.create_run_for_job(hall.defs.resolve_job_def(job), status=status)
    held = tick(hall, instance)
    assert held.run_requests == []
    assert held.skip_message == f"1 new file(s) wait: {job} waits or runs."
    instance.report_run_failed(run)
    assert len(tick(hall, instance, held.cursor).run_requests) == 1


def test_a_file_that_is_being_written_is_left_alone(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    growing = office.write("growing.csv", cases({}))
    began = tick(hall, instance)
    assert (began.run_requests, began.asset_events) == ([], [])
    whole = came_to_rest(office.write("whole.csv", cases({"调解案件编号": "A2"})))
    asked = tick(hall, instance, began.cursor)
    assert len(asked.run_requests) == 1
    run = hall.defs.resolve_job_def("arrived").execute_in_process(instance=instance)
    assert [delivery.file for delivery in ledger.deliveries()] == [whole.name]
    told = run.asset_materializations_for_node("intake")[0].metadata
    assert (told["new_files"].value, told["left_alone"].value) == (1, 1)
    came_to_rest(growing)
    assert len(tick(hall, instance, asked.cursor).run_requests) == 1, "however often others were taken in meanwhile"


@pytest.mark.parametrize(
    ("job", "partition"),
    [("daily", None), ("arrived", None), ("road", None), ("sender_intake", HECHUAN), ("month_draft", "2025-05")],
)
def test_whoever_starts_a_run_what_is_being_written_is_left_alone(
    job: str, partition: str | None, hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    came_to_rest(office.write("whole.csv", cases({})))
    office.write("growing.csv", cases({"调解案件编号": "A2"}))
    came_to_rest(office.write("said anew.csv", cases({"调解案件编号": "A3"})))
    office.write("said anew.csv.yml", "period: 2025-03\n")
    taking = hall.intake_of_sender if job == "sender_intake" else hall.intake
    run = hall.defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=partition, asset_selection=[*hall.exports.keys, *taking.keys]
    )
    assert run.success
    assert [delivery.file for delivery in ledger.deliveries()] == ["whole.csv"]


def test_where_all_is_being_written_the_first_intake_says_so_and_waits(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import failing

    monkeypatch.setattr(failing, "FIRST_WAIT", 0.0)
    office.write("first.csv", cases({}))
    run = dg.materialize([hall.exports, hall.intake], instance=instance, raise_on_error=False)
    assert not run.success
    tries = [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert len(tries) == failing.RETRIES
    said = str(run.failure_data_for_node("intake").error)
    assert "1 file(s) changed within the last 60 seconds and may be being written still" in said
    at_once = {"ops": {"intake": {"config": {"at_rest": 0}}}}
    assert dg.materialize([hall.exports, hall.intake], instance=instance, run_config=at_once).success
    assert [delivery.file for delivery in ledger.deliveries()] == ["first.csv"]


def test_a_clock_ahead_of_ours_makes_no_half_file_whole(office: Office) -> None:
    file = office.write("first.csv", cases({}))
    for seconds, rests in ((-AT_REST + 5, False), (-1, False), (1, False), (AT_REST + 1, True), (-AT_REST - 5, True)):
        os.utime(file, (time.time() - seconds,) * 2)
        assert at_rest(file, AT_REST) == rests, seconds


def test_the_timer_of_every_day_leaves_alone_what_is_being_written(office: Office, tmp_path: Path) -> None:
    came_to_rest(office.write("whole.csv", cases({})))
    growing = office.write("growing.csv", cases({"调解案件编号": "A2"}))
    assert f"intake --at-rest {AT_REST} " in (PROJECT / "deploy" / "daily").read_text(), (
        "as long as every run of Dagster"
    )
    only_intake = tmp_path / "fengqiao"
    only_intake.write_text(f'#!/bin/sh\n[ "$1" != intake ] || exec {FENGQIAO} "$@"\n')
    only_intake.chmod(0o755)
    environment = os.environ | {"FENGQIAO_COMMAND": str(only_intake)}
    for taken, moving in ((["whole.csv"], True), (["whole.csv", "growing.csv"], False)):
        done = subprocess.run(
            [PROJECT / "deploy" / "daily"], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert [delivery.file for delivery in ledger.deliveries()] == taken
        assert ("Left alone, for somebody may be writing it still: growing.csv." in done.stdout) == moving
        came_to_rest(growing)


def test_intake_by_hand_takes_all_unless_told_how_long_a_file_must_rest(office: Office) -> None:
    words = ["intake", str(office.write("growing.csv", cases({}))), "--json"]
    waited = CliRunner().invoke(main, [*words, "--at-rest", "60", "--processes", "2"])
    assert (waited.exit_code, json.loads(waited.stdout)) == (0, {"files": [], "left_alone": ["growing.csv"]})
    at_once = json.loads(CliRunner().invoke(main, words).stdout)
    assert [file["outcome"] for file in at_once["files"]] == ["accepted"]
    assert "left_alone" not in at_once
    missing = CliRunner().invoke(main, ["intake", "missing.csv", "--at-rest", "60"])
    assert missing.exit_code == 2 and "missing.csv" in missing.stderr


def test_a_file_that_never_ends_is_told_once_with_whom_to_ask(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(office.data, webhook(robot, monkeypatch))
    office.write("endless.csv", cases({}))
    cursor = tick(hall, instance).cursor
    assert robot.posted == []
    monkeypatch.setattr(hall.daily, "ENDLESS", 0)
    for _ in range(2):
        told = tick(hall, instance, cursor)
        cursor = told.cursor
        [check] = told.asset_events
        assert (check.passed, check.check_name) == (False, hall.ALL_AT_REST)
        assert f"The file endless.csv in landing/{HECHUAN} has been growing" in check.description
        assert "请联系合川区司法局" in check.description
    [(_, body)] = robot.posted
    assert "endless.csv" in str(body["text_zh"])
    came_to_rest(office.data / "landing" / HECHUAN / "endless.csv")
    ended = tick(hall, instance, cursor)
    assert [check.passed for check in ended.asset_events] == [True]
    assert len(ended.run_requests) == 1


def test_alerts_that_are_declared_wrongly_hold_up_no_file(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.write("endless.csv", cases({}))
    came_to_rest(office.write("whole.csv", cases({"调解案件编号": "A2"})))
    (office.data / "alerts.yml").write_text("channels: [\n")
    monkeypatch.setattr(hall.daily, "ENDLESS", 0)
    told = tick(hall, instance)
    assert len(told.run_requests) == 1
    assert [check.passed for check in told.asset_events] == [False]
    declare(office.data, webhook(robot, monkeypatch))
    later = tick(hall, instance, told.cursor)
    [(_, body)] = robot.posted
    assert "endless.csv" in str(body["text_zh"])
    tick(hall, instance, later.cursor)
    assert len(robot.posted) == 1
    (office.data / "alerts.sqlite").unlink()
    tick(hall, instance, later.cursor)
    assert len(robot.posted) == 1, "told once, which the sensor remembers"


def test_a_name_that_is_no_text_stops_no_other_file(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    came_to_rest(office.write("first.csv", cases({})))
    folder = os.fsencode(office.data / "landing" / HECHUAN)
    Path(os.fsdecode(folder + b"/\xb5\xf7\xbd\xe2.csv")).write_text(cases({}))
    (office.data / "landing" / HECHUAN / "nowhere.csv").symlink_to("gone.csv")
    keys: set[str] = set()
    ticked(hall, instance, ticked(hall, instance, None, keys), keys)
    assert taken_in() == ["first.csv"]


def ticked(hall: ModuleType, instance: dg.DagsterInstance, cursor: str | None, keys: set[str]) -> str | None:
    """The cursor after a tick; what it asked for is run as Dagster's daemon does: nothing of a key that had its run."""
    told = tick(hall, instance, cursor)
    for asked in told.run_requests:
        if asked.run_key not in keys:
            keys.add(asked.run_key)
            job = hall.defs.resolve_job_def("arrived")
            assert job.execute_in_process(run_config=asked.run_config, instance=instance).success
    return told.cursor


def taken_in() -> list[str]:
    return [delivery.file for delivery in ledger.deliveries()]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the clock on, or back."""
    instant = time.time
    monkeypatch.setattr(time, "time", lambda: instant() + seconds)


def test_a_file_written_while_another_came_with_an_old_date_is_taken_in_as_soon_as_it_rests(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: set[str] = set()
    office.write("growing.csv", cases({}))
    came_to_rest(office.write("moved.csv", cases({"调解案件编号": "A2"})), minutes=9_000)
    cursor = ticked(hall, instance, None, keys)
    cursor = ticked(hall, instance, cursor, keys)
    assert (taken_in(), len(keys)) == (["moved.csv"], 1)
    later(monkeypatch, 2 * AT_REST)
    ticked(hall, instance, cursor, keys)
    assert taken_in() == ["moved.csv", "growing.csv"]


def test_what_is_older_than_the_last_file_is_taken_in_after_the_clock_was_set_back(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: set[str] = set()
    older = came_to_rest(office.write("older.csv", cases({"调解案件编号": "B1"}), "mediation-500118"), minutes=9_000)
    folder = older.parent.rename(office.data / "elsewhere")
    came_to_rest(office.write("first.csv", cases({})), minutes=9_000)
    cursor = ticked(hall, instance, None, keys)
    assert taken_in() == ["first.csv"]
    later(monkeypatch, -86_400)
    folder.rename(older.parent)
    ticked(hall, instance, cursor, keys)
    assert taken_in() == ["first.csv", "older.csv"]


def test_a_sidecar_that_comes_after_its_export_is_heard(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    keys: set[str] = set()
    name = "cases_2025-03..2025-05.csv"
    came_to_rest(office.write(name, cases(*MEDIATED)))
    cursor = ticked(hall, instance, None, keys)
    assert taken_in() == [name]
    came_to_rest(office.write(f"{name}.yml", "mode: snapshot\n"))
    ticked(hall, instance, cursor, keys)
    assert [delivery.mode for delivery in ledger.deliveries()] == ["changes", "snapshot"]


def test_a_clock_that_goes_back_hides_no_file(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = came_to_rest(office.write("from the future.csv", cases({})), minutes=-600)
    cursor = json.dumps({"taken_until": int((time.time() + 3600) * 1e9), "growing": {}, "told": []})
    assert len(tick(hall, instance, cursor).run_requests) == 1
    run = dg.materialize([hall.exports, hall.intake], instance=instance)
    assert run.success
    assert [delivery.file for delivery in ledger.deliveries()] == [ahead.name]


def test_a_step_waits_for_another_writer_and_tries_again(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import failing

    came_to_rest(office.write("first.csv", cases({})))
    monkeypatch.setattr(failing, "FIRST_WAIT", 0.5)
    holding, freed = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger.writer_lock():
            holding.set()
            freed.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    assert holding.wait(60)
    busy = failing._busy

    def noticed() -> None:
        freed.set()
        busy()

    monkeypatch.setattr(failing, "_busy", noticed)
    run = dg.materialize([hall.exports, hall.intake], instance=instance, raise_on_error=False)
    other.join()
    tries = [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert run.success
    assert 1 <= len(tries) <= failing.RETRIES
    waits = [event.step_retry_data.seconds_to_wait for event in tries]
    assert waits == [0.5 * 2**number for number in range(len(tries))]
    assert "Another intake, build or release is going on" in str(tries[0].step_retry_data.error.cause)


def test_what_never_passes_fails_at_last_and_bad_input_at_once(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import failing

    monkeypatch.setattr(failing, "FIRST_WAIT", 0.0)
    for wrong, tried in (
        (OSError(28, "No space left on device"), failing.RETRIES),
        (UserError("The data folder does not take the rows: No space left on device."), failing.RETRIES),
        (UserError("A month is missing."), 0),
        (ValueError("13800000000"), 0),
    ):

        @dg.op
        def step(context: dg.OpExecutionContext, wrong: Exception = wrong) -> None:
            with failing.discreetly(context):
                raise wrong

        run = dg.GraphDefinition("failing", node_defs=[step]).execute_in_process(
            instance=instance, raise_on_error=False
        )
        tries = [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
        assert (run.success, len(tries)) == (False, tried), wrong
        assert "13800000000" not in "".join(dg.serialize_value(entry) for entry in instance.all_logs(run.run_id))


def test_a_disk_that_is_full_for_a_while_is_tried_again(
    hall: ModuleType, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import arriving, failing

    with small_disk(tmp_path / "data") as mounted:
        office = opened(tmp_path, monkeypatch)
        came_to_rest(office.write("a.csv", cases({"调解案件编号": "C1"})))
        came_to_rest(office.write("b.csv", many_cases()))
        monkeypatch.setattr(failing, "FIRST_WAIT", 0.5)
        filler = office.data / "filler"
        disk = os.statvfs(office.data)
        filler.write_bytes(b"\0" * (disk.f_bavail * disk.f_bsize - 60_000 if mounted else 1))
        may_pass = failing.may_pass

        def noticed(error: BaseException | str) -> bool:
            filler.unlink(missing_ok=True)
            return may_pass(error)

        monkeypatch.setattr(arriving, "may_pass", noticed)
        run = dg.materialize([hall.exports, hall.intake], instance=instance)
        assert run.success
        tries = [event for event in run.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
        assert bool(tries) == mounted
        assert sorted(delivery.accepted for delivery in ledger.deliveries()) == [1, 3000]


def test_every_step_that_writes_is_in_the_pool_of_which_one_runs(hall: ModuleType) -> None:
    repository = hall.defs.get_repository_def()
    pools = {
        definition.op.name: definition.op.pool
        for definition in repository.assets_defs_by_key.values()
        if isinstance(definition, dg.AssetsDefinition) and definition.is_executable
    }
    writers = {name for name, pool in pools.items() if pool == "writer"}
    drafts = {f"releases__{kind}_draft" for kind in KINDS} | {f"public__{kind}_draft" for kind in KINDS}
    assert (
        writers == {"intake", "ledger__deliveries_of_sender", "warehouse", "release_draft", "releases__sealed"} | drafts
    )
    settings = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}


def test_a_sender_is_a_partition_and_brings_its_own_files_only(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    name = "cases_2025-03..2025-05.csv"
    came_to_rest(office.write(name, cases(*MEDIATED, {"调解案件编号": "A9", "受理日期": "?"})))
    office.write("others.csv", cases({"调解案件编号": "B1"}), "mediation-500118")
    run = dg.materialize([hall.intake_of_sender], instance=instance, partition_key=HECHUAN, selection=[hall.OF_SENDER])
    [made] = run.asset_materializations_for_node("ledger__deliveries_of_sender")
    told = {name: made.metadata[name].value for name in ("new_files", "read", "accepted", "quarantined")}
    assert (made.partition, told) == (HECHUAN, {"new_files": 1, "read": 4, "accepted": 3, "quarantined": 1})
    assert made.metadata["reasons"].value
    assert all("合川区司法局" in sentence for sentence in made.metadata["late"].value)
    assert [delivery.sender for delivery in ledger.deliveries()] == [HECHUAN]


def test_the_morning_says_in_plain_words_what_is_late_and_whom_to_ask(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    run = dg.materialize(
        [hall.exports, hall.intake, *hall.daily.LATE_CHECKS],
        instance=instance,
        raise_on_error=False,
        selection=dg.AssetSelection.checks(*hall.daily.LATE_CHECKS),
    )
    said = {check.check_name: (check.passed, check.description) for check in run.get_asset_check_evaluations()}
    passed, senders = said[hall.NOBODY_IS_LATE]
    assert not passed
    assert "尚未收到。请联系" in senders and "fengqiao senders --late" in senders
    passed, late = said[hall.daily.EVERY_RELEASE_IN_TIME]
    assert not passed
    assert "internal edition: due on" in late and "Ask Example head of statistics (stats@example.invalid)." in late


def test_no_release_is_late_before_its_day(hall: ModuleType, own: Office) -> None:
    """May 2025 is published; its month is closed on 10 June and June is due in July."""
    late = hall.daily.late_releases(datetime(2025, 6, 30, tzinfo=UTC))
    assert not [sentence for sentence in late if sentence.startswith("2025-05, internal")]
    assert [sentence for sentence in late if sentence.startswith("2025-05, public edition: due on 2025-06-")]
    later = hall.daily.late_releases(datetime(2025, 7, 30, tzinfo=UTC))
    assert [sentence for sentence in later if sentence.startswith("2025-06, internal") and "is not drafted" in sentence]


def test_what_should_be_new_each_morning_says_so_to_dagster(hall: ModuleType) -> None:
    graph = hall.defs.resolve_asset_graph()
    measures = dg.AssetKey(["measures", "measures_monthly"])
    for key in (hall.LEDGER, measures):
        policy = graph.get(key).freshness_policy
        assert (policy.deadline_cron, policy.timezone) == ("0 9 * * *", "Asia/Shanghai")
    assert graph.get(hall.calendar.step("month", "published")).freshness_policy.fail_window.days == 62


def test_a_run_that_fails_is_told_to_whoever_is_on_duty(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(office.data, webhook(robot, monkeypatch))
    sensor = hall.defs.resolve_sensor_def("failed_runs")
    for _ in range(2):
        run = hall.defs.resolve_job_def("daily").execute_in_process(instance=instance, raise_on_error=False)
        assert not run.success
        failure = next(event for event in run.all_events if event.event_type_value == "PIPELINE_FAILURE")
        context = dg.build_run_status_sensor_context("failed_runs", failure, instance, run.dagster_run)
        sensor(context.for_run_failure())
    [(_, body)] = robot.posted
    assert "排程任务 daily 未能完成" in str(body["text_zh"]), "told once, however often it fails"


def test_what_a_stopped_service_left_behind_holds_up_nothing(hall: ModuleType, instance: dg.DagsterInstance) -> None:
    from deploy.ending import end_unfinished

    daily = hall.defs.resolve_job_def("daily")
    left = instance.create_run_for_job(daily, status=dg.DagsterRunStatus.STARTED)
    waits = instance.create_run_for_job(daily, status=dg.DagsterRunStatus.NOT_STARTED)
    assert end_unfinished(instance) == 1
    assert instance.get_run_by_id(left.run_id).status == dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(waits.run_id).status == dg.DagsterRunStatus.NOT_STARTED


def test_schedules_and_sensors_start_by_themselves_under_the_service_only(hall: ModuleType) -> None:
    assert {one.default_status.value for one in (*hall.defs.schedules, *hall.defs.sensors)} == {"STOPPED"}
    said = "import pipelines.definitions as hall; print({one.default_status.value for one in [*hall.defs.schedules, *hall.defs.sensors]})"
    environment = os.environ | {"FENGQIAO_SCHEDULES": "on"}
    command = [sys.executable, "-c", said]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'RUNNING'}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_edition_is_drafted_once_the_internal_one_stands_before_its_readers(
    kind: str, hall: ModuleType, instance: dg.DagsterInstance, own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hall.calendar, "_today", lambda: datetime(2025, 6, 12).date())
    told = tick(hall, instance, name=f"{kind}_public")
    if kind == "month":
        [asked] = told.run_requests
        assert (asked.partition_key, asked.run_key) == ("2025-05", "public:2025-05-1.0:2025-06-12")
    else:
        assert told.run_requests == []
        assert "publicly" in told.skip_message


def test_no_public_edition_is_drafted_of_what_is_not_published(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hall.calendar, "_today", lambda: datetime(2025, 6, 12).date())
    (releases("internal") / "current").unlink()
    (releases("internal") / "publications.jsonl").unlink()
    told = tick(hall, instance, name="month_public")
    assert told.run_requests == []
    assert told.skip_message == "2025-05 is sealed internally and due publicly."
    publishing.publish("2025-05-1.0", "internal")
    assert len(tick(hall, instance, name="month_public").run_requests) == 1
    draft = releases("internal").with_name("drafts") / "public" / "2025-05-1.0"
    draft.mkdir(parents=True)
    (draft / "release.json").write_text("{}")
    assert tick(hall, instance, name="month_public").run_requests == [], "it is drafted already"


def test_the_daily_run_that_its_schedule_asks_for_takes_in_and_builds(
    hall: ModuleType, instance: dg.DagsterInstance, office: Office
) -> None:
    came_to_rest(office.write("mediation_2025-03..2025-05.csv", cases(*MEDIATED)))
    came_to_rest(office.write("correction_2025-03..2025-05.csv", table([FORM]), "correction-500000"))
    at = datetime(2025, 6, 11, 5, tzinfo=ZoneInfo("Asia/Shanghai"))
    context = dg.build_schedule_context(instance, at, repository_def=hall.defs.get_repository_def())
    [asked] = hall.defs.resolve_schedule_def("daily").evaluate_tick(context).run_requests
    schedule = hall.defs.resolve_schedule_def("daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "Asia/Shanghai")
    job = hall.defs.resolve_job_def(schedule.job_name)
    run = job.execute_in_process(run_config=asked.run_config, instance=instance)
    assert run.success
    assert sorted(taken_in()) == ["correction_2025-03..2025-05.csv", "mediation_2025-03..2025-05.csv"]
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as built:
        counted = built.execute(
            "select measure, sum(value) from measures.measures_monthly where breakdown = 'total'"
            " and measure in ('mediation_accepted', 'mediation_agreed') group by all order by all"
        ).fetchall()
    assert counted == [("mediation_accepted", 3), ("mediation_agreed", 1)]
    failed = {check.check_name for check in run.get_asset_check_evaluations() if not check.passed}
    assert failed <= {hall.NOBODY_IS_LATE, hall.daily.EVERY_RELEASE_IN_TIME}


@pytest.mark.parametrize(
    ("taken_in_at", "state"),
    [("2025-06-11T05:10", "PASS"), ("2025-06-11T09:20", "PASS"), ("2025-06-10T09:20", "FAIL")],
)
def test_a_morning_on_which_nothing_was_taken_in_is_late_to_dagster(
    taken_in_at: str, state: str, hall: ModuleType, instance: dg.DagsterInstance
) -> None:
    for key in (hall.LEDGER, dg.AssetKey(["measures", "measures_monthly"])):
        with freeze_time(datetime.fromisoformat(f"{taken_in_at}+08:00")):
            instance.report_runless_asset_event(dg.AssetMaterialization(key))
        node = hall.defs.resolve_asset_graph().get(key)
        with freeze_time(datetime.fromisoformat("2025-06-11T09:30+08:00")):
            asked = CronFreshnessPolicyEvaluator().evaluate_freshness(LoadingContextForTest(instance), node)
            assert asyncio.run(asked).value == state, key
