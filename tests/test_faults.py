"""Killed at any moment, out of space, two at once: no row is lost or doubled, and the next run heals."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.intake import ledger
from pipelines.release.checking import problems
from pipelines.settings import PROJECT
from tests.conftest import FENGQIAO
from tests.intake.killed import take_all
from tests.offices import MATTER, Office, cases, opened, table

BOROUGHS = "Unique Key,Created Date,Closed Date,Borough\n12345678,3/4/2025 9:00,,BRONX\n"
KILLS = 15
LIMIT = 40_000  # bytes that are left, or that a file may have


def _filled(office: Office) -> Office:
    office.write("march.csv", cases({}, {"调解案件编号": "A2", "受理日期": "?"}, {"调解案件编号": "A3"}, {}))
    office.write("april.csv", cases({"更新时间": "2025-05-01"}, {"调解案件编号": "A4", "办结日期": "2025-03-09"}))
    state = office.write("state.csv", cases({"调解案件编号": "A3"}, {"调解案件编号": "A5"}))
    state.with_name("state.csv.yml").write_text("mode: snapshot\ntaken_at: 2025-06-01\n")
    office.write("matters.csv", table([MATTER]), "petition-500000")
    office.write("requests.csv", BOROUGHS, "nyc311")
    return office


def _entries() -> list[tuple[object, ...]]:
    """The ledger but for the instants."""
    with sqlite3.connect(ledger.ledger_path()) as connection:
        names = [row[1] for row in connection.execute("pragma table_info(deliveries)") if row[1] != "received_at"]
        return connection.execute(f"select {', '.join(names)} from deliveries order by 1").fetchall()


def _contents(office: Office) -> dict[str, str]:
    return {name: digest for name, digest in office.contents().items() if not name.startswith("ledger.sqlite")}


def _run(data: Path, last: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FENGQIAO_DATA": str(data)}
    command = [sys.executable, "-m", "tests.intake.killed", str(data), str(last)]
    return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _filled(opened(tmp_path, monkeypatch))
    copies = [tmp_path / f"killed-{number}" for number in range(KILLS)]
    for copy in copies:
        shutil.copytree(whole.data, copy)
    done = _run(whole.data, 0)
    assert done.returncode == 0, done.stderr
    expected, entries = _contents(whole), _entries()
    steps = int(done.stdout)
    moments = [1 + number * (steps - 1) // (KILLS - 1) for number in range(KILLS)]
    assert len(set(moments)) == KILLS
    with ThreadPoolExecutor(2) as pool:
        killed = list(pool.map(_run, copies, moments))
    assert {(run.returncode, run.stderr) for run in killed} == {(-signal.SIGKILL, "")}
    for copy, moment in zip(copies, moments, strict=True):
        monkeypatch.setenv("FENGQIAO_DATA", str(copy))
        take_all(copy)
        left = {name: digest for name, digest in _contents(Office(copy)).items() if not name.endswith(".unfinished")}
        assert left == expected, moment
        assert _entries() == entries, moment
        assert problems() == [], moment


def test_two_at_once_take_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened(tmp_path, monkeypatch)
    for number in range(12):
        office.write(f"part-{number}.csv", cases({"调解案件编号": f"A{number}"}))
    command = [FENGQIAO, "intake", str(office.data / "landing"), "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    outcomes = [output.count('"outcome": "accepted"') for output, _ in said]
    assert sum(outcomes) == len(ledger.deliveries()) == 12
    assert sum(output.count('"outcome": "already_received"') for output, _ in said) == 12
    assert sorted(office.lake()["ledger_sequence"]) == list(range(1, 13))
    assert office.lake()["case_key"].n_unique() == 12
    assert problems() == []


def _many() -> str:
    return cases(
        *({"调解案件编号": f"A{number}", "受理日期": f"2025-03-{number % 28 + 1:02d}"} for number in range(3000))
    )


def _refused(command: list[str], data: Path, limit: int | None = None) -> str:
    """The one sentence a command says that must fail by exit code 2; with a limit, no file may grow beyond it."""

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    environment = os.environ | {"FENGQIAO_DATA": str(data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, preexec_fn=limited)
    sentences = [line for line in done.stderr.splitlines() if not line.endswith(")")]
    assert (done.returncode, len(sentences)) == (2, 1), done.stderr
    return sentences[0]


def test_a_file_too_large_for_the_disk_is_not_counted_and_comes_in_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened(tmp_path, monkeypatch)
    office.take(cases({"调解案件编号": "B1"}), "first.csv")
    file, before = office.write("many.csv", _many()), office.contents()
    said = _refused([str(FENGQIAO), "intake", str(file)], office.data, LIMIT)
    assert "does not take the rows: File too large" in said
    assert office.contents() == before
    assert office.hand_in(file).accepted == 3000
    assert problems() == []


def test_a_ledger_that_cannot_be_read_stops_the_intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened(tmp_path, monkeypatch)
    office.take(cases({}), "first.csv")
    ledger.ledger_path().write_bytes(b"no ledger " * 1000)
    file, before = office.write("second.csv", cases({"调解案件编号": "A2"})), office.contents()
    said = _refused([str(FENGQIAO), "intake", str(file)], office.data)
    assert "ledger.sqlite cannot be read or written: file is not a database" in said
    assert office.contents() == before, "above all no folder of the lake is taken for what a kill left behind"


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A disk of 600 kB in a folder; False where this machine lets nobody mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mediation-500117" / "many.csv"
    file.parent.mkdir()
    file.write_text(_many(), encoding="utf-8")
    with _small_disk(tmp_path / "data") as mounted:
        office = opened(tmp_path, monkeypatch)
        office.take(cases({"调解案件编号": "B1"}), "first.csv")
        before, filler = office.contents(), office.data / "filler"
        if mounted:
            disk = os.statvfs(office.data)
            filler.write_bytes(b"\0" * (disk.f_bavail * disk.f_bsize - LIMIT))
        said = _refused([str(FENGQIAO), "intake", str(file)], office.data, None if mounted else LIMIT)
        assert "does not take the rows" in said
        filler.unlink(missing_ok=True)
        assert office.contents() == before
        assert office.hand_in(file).accepted == 3000
        assert problems() == []


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _small_disk(tmp_path / "data") as mounted:
        office = opened(tmp_path, monkeypatch)
        file = office.write("first.csv", cases({}))
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(office.data)], check=True)
            said = _refused([str(FENGQIAO), "intake", str(file)], office.data)
            assert "cannot be written: Read-only file system" in said
        assert "cannot be written: Not a directory" in _refused([str(FENGQIAO), "intake", str(file)], file / "below")
        assert office.contents() == {}
