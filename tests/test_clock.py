"""A clock that was set back or ahead: nothing is published early, releases and deliveries keep their order, no backup is lost."""

import json
import os
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import warehouse
from pipelines.cli import main
from pipelines.intake import ledger
from pipelines.release import drafting, publishing
from pipelines.settings import PROJECT, releases
from tests.offices import Office, built_house, cases, copied

FIRST, SECOND = "2025-05-1.0", "2025-05-1.1"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A house with the published release of May 2025, and the same sealed a second time under the next number."""
    office = copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    subprocess.run(["cp", "-R", releases("internal") / FIRST, releases("internal") / SECOND], check=True)
    return office


def fengqiao(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_what_was_published_at_an_instant_to_come_does_not_reorder_what_follows(own: Office) -> None:
    """The first release was published while the clock was a year ahead."""
    path = releases("internal") / "publications.jsonl"
    ahead = (datetime.now(UTC) + timedelta(days=365)).isoformat(timespec="seconds")
    path.write_text(json.dumps({"release_id": FIRST, "published_at": ahead, "act": "published"}) + "\n")
    assert fengqiao("publish", SECOND, "--early").exit_code == 0
    assert [move["release_id"] for move in publishing.publications("internal")] == [FIRST, SECOND]
    newest = drafting.newest("2025-05", "internal")
    assert newest is not None and newest.name == SECOND
    assert fengqiao("rollback").exit_code == 0
    assert publishing.current("internal") == FIRST


def test_a_clock_set_back_publishes_nothing_before_its_day(own: Office) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    assert fengqiao("publish", SECOND, "--at", at.isoformat()).exit_code == 0
    for now in (at - timedelta(days=400), at - timedelta(seconds=1)):
        assert publishing.publish_due("internal", now) == []
    assert fengqiao("publish", "--due").exit_code == 0
    assert publishing.current("internal") == FIRST
    assert publishing.publish_due("internal", at) == [SECOND]
    assert publishing.publish_due("internal", at - timedelta(days=400)) == [], "once, whatever the clock says then"


def test_as_of_an_instant_is_the_last_entry_received_by_then_whatever_the_clock_said_in_between(own: Office) -> None:
    """Five deliveries; the third was entered while the clock was ten years ahead."""
    own.take(cases({"调解案件编号": "Z1"}), "after.csv")
    days = ("2025-06-01", "2025-06-02", "2035-06-03", "2025-06-04", "2025-06-05")
    with closing(sqlite3.connect(ledger.ledger_path())) as connection, connection:
        for number, day in enumerate(days, 1):
            said = (f"{day}T08:00:00.000+00:00", number)
            connection.execute("update deliveries set received_at = ? where ledger_sequence = ?", said)
    report = warehouse.build(as_of="2025-06-04T18:00+08:00")
    assert report.sequence == 4
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
        known = connection.execute("select count(*) from catalogue.ledger").fetchone()
        petitions = connection.execute("select count(*) from core.fct_petition_matters").fetchone()
    assert known == (4,)
    assert petitions is not None and petitions[0] > 0, "the third delivery is among them"


def test_the_backup_of_the_night_stays_however_its_clock_dated_it(tmp_path: Path) -> None:
    """A clock without a battery says 1970; beside it lie twenty backups of other nights."""
    backups, command = tmp_path / "backups", tmp_path / "fengqiao"
    backups.mkdir()
    for day in range(1, 21):
        (backups / f"fengqiao-202903{day:02d}-023000.tar.zst").touch()
        (backups / f"seeds-202903{day:02d}-023000.tar.gz").touch()
    command.write_text('#!/bin/sh\n[ "$1" = restore ] || touch "$3"\n')
    command.chmod(0o755)
    told = {"FENGQIAO_COMMAND": str(command), "FENGQIAO_BACKUPS": str(backups)}
    subprocess.run([PROJECT / "deploy" / "nightly-backup"], env=os.environ | told, check=True)
    for kind, ending in (("fengqiao", "tar.zst"), ("seeds", "tar.gz")):
        kept = sorted(path.name for path in backups.glob(f"{kind}-*"))
        assert len(kept) == 14
        assert f"{kind}-{datetime.now():%Y%m%d}" in kept[0]
        assert kept[1] == f"{kind}-20290308-023000.{ending}"
    with tarfile.open(next(backups.glob(f"seeds-{datetime.now():%Y%m%d}*"))) as declared:
        assert "seeds/tables/senders.csv" in declared.getnames()
