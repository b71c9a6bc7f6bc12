"""Ten years caught up by command and in the page, as `deploy/` runs Dagster: its code server, daemon and page, on PostgreSQL, one
run after the other."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deploy.installing import free_port
from pipelines import warehouse
from pipelines.intake import ledger
from pipelines.settings import PROJECT, drafts
from tests.conftest import FENGQIAO
from tests.offices import HECHUAN, Office, came_to_rest, cases, copied
from tests.postgres import cluster, rows
from tests.test_definitions import ask, awaited, place

DAGSTER, PAGE = (Path(sys.executable).with_name(name) for name in ("dagster", "dagster-webserver"))
WORKSPACE = PROJECT / "deploy" / "workspace.yaml"
SECONDS_TO_START, SECONDS = 300, 3600  # with much other work 14 runs took 26 minutes
THIS_YEAR = datetime.now(UTC).year
YEARS = [str(year) for year in range(THIS_YEAR - 10, THIS_YEAR)]
BY_PAGE = YEARS[-2:]
OF_PAGE = "__ASSET_JOB"  # what Dagster calls the job of assets that somebody chose
ARRIVED = "arrived"
SENDERS_DELIVERIES, YEARS_DRAFT = {"path": ["ledger", "deliveries_of_sender"]}, {"path": ["releases", "year_draft"]}
SENDERS = (HECHUAN, "mediation-500118")
LAUNCH = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename ... on PythonError { message } }
}
"""


def test_ten_years_are_caught_up_by_command_and_page_run_by_run_and_remembered_in_postgres(
    house: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = copied(house, tmp_path, monkeypatch)
    accepted = [
        {"调解案件编号": f"Y{year}", "受理日期": f"{year}-03-03", "更新时间": f"{year}-04-01"} for year in YEARS
    ]
    own.take(cases(*accepted), f"years_{YEARS[0]}-01..{YEARS[-1]}-12.csv")
    warehouse.build()
    came_to_rest(own.write("new.csv", cases({"调解案件编号": "N1"})))
    came_to_rest(own.write("other.csv", cases({"调解案件编号": "N2"}), SENDERS[1]))
    log = tmp_path / "dagster.log"
    with cluster() as postgres, scheduled(own.data, log, postgres) as (page, told):
        by_command(told)
        by_page(page, assetSelection=[SENDERS_DELIVERIES], partitionNames=list(SENDERS))
        years = {"range": {"start": BY_PAGE[0], "end": BY_PAGE[-1]}}
        by_page(page, partitionsByAssets=[{"assetKey": YEARS_DRAFT, "partitions": years}])
        expected = [("year_draft", year) for year in YEARS] + [(OF_PAGE, name) for name in (*SENDERS, *BY_PAGE)]
        runs = awaited(lambda: ended(postgres, len(expected)), SECONDS, lambda: f"{begun(postgres)} {log.read_text()}")
        made = rows(postgres, "select count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'")
    assert [run for run in runs if run[0] != "SUCCESS"] == []
    assert sorted((job, partition) for _, job, partition, *_ in runs if job != ARRIVED) == sorted(expected)
    assert all(before[4] <= after[3] for before, after in pairwise(runs)), "two wrote at once"
    said = [json.loads(path.read_text(encoding="utf-8")) for path in drafts("internal").glob("*/release.json")]
    assert sorted(draft["release_id"] for draft in said) == [f"{year}-1.0" for year in YEARS]
    assert len({draft["data_hash"] for draft in said}) == len(YEARS), "each ends with its own year"
    assert {"new.csv", "other.csv"} <= {delivery.file for delivery in ledger.deliveries()}
    assert made[0][0] > 100


@contextmanager
def scheduled(data: Path, log: Path, postgres: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What `fengqiao-schedule` runs and the page before it, as deploy/README.md has them: the page's address, the environment."""
    with tempfile.TemporaryDirectory() as folder, log.open("w") as output:
        told = os.environ | {"DAGSTER_HOME": str(data / "dagster"), "FENGQIAO_CODE": f"{folder}/code.sock"} | postgres
        told["FENGQIAO_COMMAND"] = str(FENGQIAO)
        subprocess.run([PROJECT / "deploy" / "dagster-home"], env=told, check=True)
        port = str(free_port())
        serve: list[str | Path] = [PAGE, "-w", WORKSPACE, "--host", "127.0.0.1", "--port", port]
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for command in ([PROJECT / "deploy" / "schedule"], serve):
                processes.append(
                    subprocess.Popen(
                        command, cwd=PROJECT, env=told, stdout=output, stderr=output, start_new_session=True
                    )
                )
                awaited(Path(told["FENGQIAO_CODE"]).exists, SECONDS_TO_START, log.read_text)
            address = f"http://127.0.0.1:{port}"
            awaited(lambda: place(address), SECONDS_TO_START, log.read_text)
            yield address, told
        finally:
            for process in processes:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """It and all it has started; by force where it ignores a word, as what a shell's background job starts may do."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, word)
            process.wait(timeout=60)


def by_command(told: Mapping[str, str]) -> None:
    """As deploy/README.md has it."""
    command = [DAGSTER, "job", "backfill", "-w", WORKSPACE, "-j", "year_draft", "--noprompt"]
    command += ["--from", YEARS[0], "--to", YEARS[-1]]
    done = subprocess.run(command, cwd=PROJECT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def by_page(page: str, **params: Any) -> None:
    """What the page asks for when somebody chooses an asset, Materialize, and partitions."""
    launched = ask(page, LAUNCH, params=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched


def begun(postgres: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Status, job, partition, start and end of all runs so far, in the order in which they started."""
    return rows(postgres, "select status, pipeline_name, partition, start_time, end_time from runs order by start_time")


def ended(postgres: Mapping[str, str], expected: int) -> list[tuple[Any, ...]]:
    """The same, once so many have ended; the sensor of landing may have asked for a run too, before the first of them."""
    over = [run for run in begun(postgres) if run[0] in ("SUCCESS", "FAILURE", "CANCELED")]
    return over if sum(run[1] != ARRIVED for run in over) >= expected else []
