"""Backfills from command line and page, on PostgreSQL, as years are caught up: run one by one by Dagster's own daemon."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipelines.intake import ledger
from pipelines.settings import PROJECT, drafts
from tests.offices import HECHUAN, Office, cases, copied
from tests.postgres import cluster, rows
from tests.test_definitions import ask, awaited, dagster_page

DAGSTER = Path(sys.executable).with_name("dagster")
SECONDS = 600
MONTHS = ("2025-03", "2025-04")
SENDERS = (HECHUAN, "mediation-500118")
LAUNCH = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename ... on PythonError { message } }
}
"""


def test_backfills_from_command_line_and_page_run_one_by_one_and_are_remembered_in_postgres(
    house: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = copied(house, tmp_path, monkeypatch)
    own.write("new.csv", cases({"调解案件编号": "N1"}))
    own.write("other.csv", cases({"调解案件编号": "N2"}), SENDERS[1])
    log = tmp_path / "dagster.log"
    with cluster() as postgres, dagster_page(own.data, log, **postgres) as page:
        # as README has it
        command = [DAGSTER, "job", "backfill", "-m", "pipelines.definitions", "-j", "month_draft", "--noprompt"]
        command += ["--from", MONTHS[0], "--to", MONTHS[1]]
        environment = os.environ | {"DAGSTER_HOME": str(own.data / "dagster")} | postgres
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        params = {"assetSelection": [{"path": ["ledger", "deliveries_of_sender"]}], "partitionNames": list(SENDERS)}
        launched = ask(page, LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def ended() -> list[tuple[Any, ...]]:
            found = rows(postgres, "select status, partition, start_time, end_time from runs order by start_time")
            over = [run for run in found if run[0] in ("SUCCESS", "FAILURE", "CANCELED")]
            return over if len(over) == len(MONTHS) + len(SENDERS) else []

        runs = awaited(
            ended, SECONDS, lambda: f"{rows(postgres, 'select status, partition from runs')} {log.read_text()}"
        )
        made = rows(postgres, "select count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'")
    assert sorted((status, partition) for status, partition, *_ in runs) == [
        ("SUCCESS", partition) for partition in sorted((*MONTHS, *SENDERS))
    ]
    assert all(before[3] <= after[2] for before, after in pairwise(runs)), "two wrote at once"
    assert {path.name for path in drafts("internal").iterdir()} == {f"{month}-1.0" for month in MONTHS}
    assert {"new.csv", "other.csv"} <= {delivery.file for delivery in ledger.deliveries()}
    assert made[0][0] > 100
