"""Publication by itself: from approval to the readers' documents, what is tried again after a failure, and what a failure does not stop."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipelines import warehouse
from pipelines.cli import main
from pipelines.release import audits, drafting, publishing, sealing
from pipelines.settings import PROJECT, documents, releases
from tests.conftest import FENGQIAO, made_once
from tests.offices import Office, built_house, cases, copied
from tests.test_schedule import hall, instance

__all__ = ["hall", "instance"]

FIRST, SECOND = "2025-05-1.0", "2025-05-1.1"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A house with the published release of May 2025, and its public edition approved and not published."""
    base = tmp_path_factory.getbasetemp()

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            copied(built_house(base), folder, patch)
            drafted = drafting.draft("2025-05", "public").release_id
            assert audits.audited(drafted)["passed"]
            sealing.approve(drafted, "public", "tester")

    return copied(Office(made_once(base, "house with a public edition", make) / "data"), tmp_path, monkeypatch)


def fengqiao(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def tick(hall: ModuleType, instance: dg.DagsterInstance, name: str) -> Any:
    context = dg.build_sensor_context(instance, repository_def=hall.defs.get_repository_def())
    return hall.defs.resolve_sensor_def(name).evaluate_tick(context)


def run(hall: ModuleType, instance: dg.DagsterInstance, job: str, period: str | None = None) -> Any:
    return hall.defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=period, raise_on_error=False
    )


def schedule(edition: str, *entries: tuple[str, str]) -> None:
    """Releases with the day, now past, at which each was to be published."""
    said = [{"release_id": release, "publish_at": f"{day}T09:00:00+08:00"} for release, day in entries]
    (releases(edition) / "scheduled.json").write_text(json.dumps(said), encoding="utf-8")


def copy_altered(altered: str = SECOND) -> None:
    """The release once more under another number, in which a file is not as it was sealed."""
    subprocess.run(["cp", "-R", releases("internal") / FIRST, releases("internal") / altered], check=True)
    changes = releases("internal") / altered / "CHANGES.md"
    changes.chmod(0o644)
    changes.write_text("nothing", encoding="utf-8")


def unpublish() -> None:
    for name in ("current", "publications.jsonl"):
        (releases("internal") / name).unlink()


def test_a_bulletin_that_could_not_be_written_is_written_by_the_next_run(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    schedule("public", (FIRST, "2025-06-12"))
    site = documents() / "bulletin"
    site.parent.mkdir(exist_ok=True)
    site.write_text("where the site belongs lies a file")
    assert not run(hall, instance, "publish_due").success
    assert (publishing.current("public"), publishing.scheduled("public")) == (FIRST, [])
    site.unlink()
    [asked] = tick(hall, instance, "scheduled_publication").run_requests
    assert f"bulletin of {FIRST}" in asked.run_key
    assert run(hall, instance, "publish_due").success
    assert (site / "latest").readlink() == Path(FIRST)
    assert (site / "latest" / "index.html").is_file()
    assert "Nothing is scheduled" in tick(hall, instance, "scheduled_publication").skip_message


def test_no_bulletin_is_asked_for_while_the_run_that_published_writes_it(
    hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    publishing.publish(FIRST, "public")
    writing = instance.create_run_for_job(
        hall.defs.resolve_job_def("month_public_publish"), status=dg.DagsterRunStatus.STARTED
    )
    assert not tick(hall, instance, "scheduled_publication").run_requests
    instance.report_run_failed(writing)
    assert len(tick(hall, instance, "scheduled_publication").run_requests) == 1


def day_of(office: Office) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FENGQIAO_COMMAND": str(FENGQIAO), "FENGQIAO_DATA": str(office.data)}
    return subprocess.run(
        [PROJECT / "deploy" / "daily"], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def test_the_day_writes_the_bulletin_that_the_day_before_could_not(own: Office) -> None:
    for path in (own.data / "landing").rglob("*.csv"):
        path.unlink()
    site = documents() / "bulletin"
    quiet = day_of(own)
    assert (quiet.returncode, quiet.stderr) == (0, ""), "nothing public is published yet"
    assert not site.exists()
    schedule("public", (FIRST, "2025-06-12"))
    site.parent.mkdir(exist_ok=True)
    site.write_text("where the site belongs lies a file")
    assert day_of(own).returncode != 0
    assert publishing.current("public") == FIRST
    site.unlink()
    assert day_of(own).returncode == 0
    assert (site / "latest").readlink() == Path(FIRST)
    told = json.loads(fengqiao("bulletin", "--due", "--json").stdout)
    assert (told["release"], told["latest"]) == (None, FIRST), "it is not written again"
    (site / FIRST / "index.html").unlink()
    assert json.loads(fengqiao("bulletin", "--due", "--json").stdout)["release"] == FIRST, "a site that is not whole"


def test_due_names_no_release_for_its_bulletin(own: Office) -> None:
    done = fengqiao("bulletin", "--due", "--release", FIRST)
    assert (done.exit_code, "give --due alone" in done.stderr) == (2, True)


def test_an_altered_release_holds_up_none_that_was_scheduled_after_it(own: Office) -> None:
    unpublish()
    copy_altered()
    schedule("internal", (SECOND, "2025-06-12"), (FIRST, "2025-06-13"), ("2025-05-1.2", "2099-01-01"))
    done = fengqiao("publish", "--due")
    assert (done.exit_code, publishing.current("internal")) == (2, FIRST)
    assert f"{SECOND} was altered" in done.stderr and f"Published all the same: {FIRST}" in done.stderr
    assert [entry.release_id for entry in publishing.scheduled("internal")] == ["2025-05-1.2"]
    assert fengqiao("publish", "--due").exit_code == 0, "readers are not taken back to the earlier one"


def test_an_altered_release_stays_scheduled_until_one_after_it_is_published(own: Office) -> None:
    unpublish()
    copy_altered()
    schedule("internal", (FIRST, "2025-06-12"), (SECOND, "2025-06-13"))
    for _ in range(2):
        done = fengqiao("publish", "--due")
        assert (done.exit_code, publishing.current("internal")) == (2, FIRST)
        assert f"{SECOND} was altered" in done.stderr
        assert [entry.release_id for entry in publishing.scheduled("internal")] == [SECOND]


@pytest.mark.parametrize("wrong", ["an altered release", "a list that is none"])
def test_what_is_wrong_with_one_edition_holds_up_no_other_and_is_tried_again_each_hour(
    wrong: str, hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    copy_altered()
    schedule("internal", (SECOND, "2025-06-12"))
    if wrong == "a list that is none":
        (releases("internal") / "scheduled.json").write_text("{")
    before = f"{datetime.now(UTC):%Y-%m-%dT%H}"
    [alone] = tick(hall, instance, "scheduled_publication").run_requests
    schedule("public", (FIRST, "2025-06-12"))
    [both] = tick(hall, instance, "scheduled_publication").run_requests
    assert alone.run_key != both.run_key, "one that comes due is asked for at once"
    assert before <= alone.run_key[:13] <= both.run_key[:13] <= f"{datetime.now(UTC):%Y-%m-%dT%H}"
    done = run(hall, instance, "publish_due")
    told = str(done.failure_data_for_node("publish_scheduled").error)
    assert (f"{SECOND} was altered" if wrong == "an altered release" else "scheduled.json cannot be read") in told
    assert (publishing.current("public"), publishing.current("internal")) == (FIRST, FIRST)
    assert (documents() / "bulletin" / "latest" / "index.html").is_file()
    [again] = tick(hall, instance, "scheduled_publication").run_requests
    assert again.run_key[13:] == alone.run_key[13:]
    instance.create_run_for_job(hall.defs.resolve_job_def("publish_due"), status=dg.DagsterRunStatus.STARTED)
    assert tick(hall, instance, "scheduled_publication").skip_message == "publish_due waits or runs."


@pytest.mark.parametrize(
    ("sensor", "job"),
    [
        ("month_approved", "month_publish"),
        ("month_public", "month_public_draft"),
        ("month_public_approved", "month_public_publish"),
    ],
)
def test_what_failed_is_asked_for_again_the_next_day(
    sensor: str,
    job: str,
    hall: ModuleType,
    instance: dg.DagsterInstance,
    own: Office,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if sensor == "month_approved":
        unpublish()
    if sensor == "month_public":
        (releases("public") / FIRST).rename(own.data / "put aside")

    def asked(day: int) -> list[Any]:
        monkeypatch.setattr(hall.calendar, "_today", lambda: date(2025, 6, day))
        return list(tick(hall, instance, sensor).run_requests)

    [first], [same], [next_day] = asked(12), asked(12), asked(13)
    assert first.run_key == same.run_key != next_day.run_key
    assert first.partition_key == next_day.partition_key == "2025-05"
    instance.create_run_for_job(hall.defs.resolve_job_def(job), status=dg.DagsterRunStatus.STARTED)
    assert asked(14) == [], "it goes on still"


def test_a_quarter_goes_from_its_draft_to_reviews_and_bulletin_with_two_approvals(
    hall: ModuleType,
    instance: dg.DagsterInstance,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Dagster does it: the schedule's job, a person, the job that each sensor asks for."""
    copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    monkeypatch.setattr(hall.calendar, "_today", lambda: date(2025, 4, 12))
    release = "2025-Q1-1.0"

    def follow(sensor: str) -> Any:
        [asked] = tick(hall, instance, sensor).run_requests
        done = run(hall, instance, hall.defs.resolve_sensor_def(sensor).job_name, asked.partition_key)
        assert done.success
        return done

    drafted = run(hall, instance, "quarter_draft", "2025-Q1")
    assert drafted.success
    [made] = drafted.asset_materializations_for_node("releases__quarter_draft")
    assert (made.partition, made.metadata["release"].value) == ("2025-Q1", release)
    assert not tick(hall, instance, "quarter_approved").run_requests
    assert fengqiao("approve", release, "--name", "张三").exit_code == 0
    published = follow("quarter_approved")
    assert publishing.current("internal") == release
    [reviews] = published.asset_materializations_for_node("releases__quarter_reviews")
    assert reviews.metadata["files"].value == len(list((documents() / release).iterdir())) > 0
    follow("quarter_public")
    assert fengqiao("approve", release, "--edition", "public", "--name", "张三").exit_code == 0
    follow("quarter_public_approved")
    assert publishing.current("public") == release
    assert (documents() / "bulletin" / "latest" / "index.html").resolve().parent.name == release


@pytest.mark.parametrize("manual", ["README.md", "README.zh-CN.md", "deploy/README.md"])
def test_the_first_year_that_a_manual_catches_up_is_a_partition_for_years_to_come(
    manual: str, hall: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = re.findall(r" -j year_draft --from (\d{4}) ", (PROJECT / manual).read_text(encoding="utf-8"))
    monkeypatch.setattr(hall.calendar, "_today", lambda: date(2035, 12, 31))
    hall.calendar._partitions.cache_clear()
    years = hall.calendar.release_assets("year")[0].partitions_def.get_partition_keys()
    hall.calendar._partitions.cache_clear()
    assert first in years
    assert f"{first}-H1" in hall.calendar.periods_of("half_year", date(2035, 12, 31))


def drafted_again(hall: ModuleType, instance: dg.DagsterInstance, step: str) -> Mapping[str, Any]:
    """What Dagster is told of a draft of May 2025, by the road or by the calendar."""
    if step == "releases__month_draft":
        assets = [asset for asset in hall.calendar.ASSETS if asset.key == hall.calendar.step("month", "draft")]
        done = dg.materialize(assets, instance=instance, partition_key="2025-05")
    else:
        config = {"ops": {"release_draft": {"config": {"period": "2025-05"}}}}
        done = dg.materialize([hall.draft], instance=instance, run_config=config)
    [made] = [
        event for event in done.asset_materializations_for_node(step) if event.asset_key.path[-1].endswith("draft")
    ]
    return {name: value.value for name, value in made.metadata.items()}


@pytest.mark.parametrize("step", ["releases__month_draft", "release_draft"])
def test_a_second_draft_says_how_many_cells_it_changes(
    step: str, hall: ModuleType, instance: dg.DagsterInstance, own: Office
) -> None:
    changed = {"办结日期": "2025-03-25", "调解结果": "不成功", "更新时间": "2025-06-01"}
    own.take(cases(changed), "again_2025-03..2025-05.csv")
    warehouse.build()
    told = drafted_again(hall, instance, step)
    assert (told["release"], told["outcome"]) == (SECOND, "drafted")
    listed = pl.read_parquet(own.data / "releases" / "drafts" / "internal" / SECOND / "changes.parquet")
    assert told["changed_cells"] == {FIRST: len(listed)}
    assert len(listed) > 0
