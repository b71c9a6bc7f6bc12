"""Dagster's memory: in PostgreSQL by the settings of `deploy/`, on a real one as Debian ships it."""

import os
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from pipelines.settings import PROJECT
from tests.offices import came_to_rest, cases, opened
from tests.postgres import cluster, rows


def test_what_dagster_remembers_lies_in_postgres_where_its_settings_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.definitions import LEDGER, exports, intake

    office = opened(tmp_path, monkeypatch)
    came_to_rest(office.write("first.csv", cases({})))
    home = office.data / "dagster"
    with cluster() as settings:
        for name, value in {**settings, "DAGSTER_HOME": str(home)}.items():
            monkeypatch.setenv(name, value)
        subprocess.run([PROJECT / "deploy" / "dagster-home"], env=os.environ, check=True)
        assert settings["FENGQIAO_POSTGRES_PASSWORD"] not in (home / "dagster.yaml").read_text(encoding="utf-8")
        with dg.DagsterInstance.get() as instance:
            run = dg.materialize([exports, intake], instance=instance)
            [made] = instance.fetch_materializations(LEDGER, limit=1).records
        assert made.asset_materialization is not None
        assert made.asset_materialization.metadata["accepted"].value == 1
        assert rows(settings, "select run_id, status from runs") == [(run.run_id, "SUCCESS")]
        asked = "select count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'"
        assert rows(settings, asked)[0][0] > 10
    assert not list(home.rglob("*.db")), "nothing of it is remembered in SQLite"
