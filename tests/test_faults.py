"""Killed at any moment, out of space, two at once: no row is lost or doubled, and the next run heals."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines import warehouse
from pipelines.intake import ledger
from pipelines.release.checking import problems
from pipelines.settings import PROJECT, UserError, releases
from tests.conftest import FENGQIAO
from tests.intake.drawn import Drawn, draw
from tests.offices import (
    DISPUTE,
    FORM,
    MATTER,
    MEDIATED,
    PETITIONED,
    SCREENED,
    Office,
    built_house,
    cases,
    copied,
    opened,
    release,
    table,
)

BOROUGHS = "Unique Key,Created Date,Closed Date,Borough\n12345678,3/4/2025 9:00,,BRONX\n"
FILES = 7
LEAST_KILLS = 100
LIMIT = 40_000  # bytes that are left, or that a file may have


def filled(office: Office) -> Office:
    """An export of each kind, in the order in which they are taken in."""
    office.write("0.csv", cases(*MEDIATED, {}, {"调解案件编号": "A9", "受理日期": "?"}))
    office.write("1-windows_2025-03..2025-05.csv", many_cases(200))
    state = office.write("2-snapshot.csv", cases({}, *({"调解案件编号": f"B{number}"} for number in range(195))))
    state.with_name("2-snapshot.csv.yml").write_text("mode: snapshot\ntaken_at: 2025-06-01\n")
    office.write("3_2025-03..2025-05.json", json.dumps([DISPUTE | row for row in SCREENED]), "screening-500000")
    with zipfile.ZipFile(office.write("4.zip", "", "petition-500000"), "w") as archive:
        archive.writestr("first_2025-03..2025-05.csv", table(MATTER | row for row in PETITIONED))
        archive.writestr("second.csv", table([MATTER | {"信访件编号": "X3"}]))
    form = Drawn([["社区矫正月报表"], [*FORM], [*FORM.values()]])
    draw(office.write("5_2025-03..2025-05.xlsx", "", "correction-500000"), {"月报": form})
    office.write("6-requests.csv", BOROUGHS, "nyc311")
    return office


def entries() -> list[tuple[object, ...]]:
    """The ledger but for the instants."""
    with sqlite3.connect(ledger.ledger_path()) as connection:
        names = [row[1] for row in connection.execute("pragma table_info(deliveries)") if row[1] != "received_at"]
        return connection.execute(f"select {', '.join(names)} from deliveries order by 1").fetchall()


def contents(office: Office) -> dict[str, str]:
    return {name: digest for name, digest in office.contents().items() if not name.startswith("ledger.sqlite")}


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, copies = filled(opened(tmp_path, monkeypatch)), tmp_path / "copies"
    command = [sys.executable, "-m", "tests.intake.killed", str(whole.data), str(copies)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    states = {path.name.partition("-")[0]: _state(path, monkeypatch) for path in copies.glob("*-whole")}
    assert len(states) == FILES
    killed = [path for path in copies.iterdir() if not path.name.endswith("-whole")]
    assert len(killed) > LEAST_KILLS
    for copy in killed:
        assert _state(copy, monkeypatch) == states[copy.name.partition("-")[0]], copy.name
    assert len({len(entries) for _, entries in states.values()}) == FILES
    _require_equal_releases([copies / "5-whole", copies / "5-instant-0"], monkeypatch)


def _require_equal_releases(copies: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was killed and healed gives the same data files as what was not, byte for byte."""
    built = []
    for copy in copies:
        monkeypatch.setenv("FENGQIAO_DATA", str(copy))
        warehouse.build()
        folder = releases("internal") / release()
        data = (path for path in folder.rglob("*") if path.suffix in (".parquet", ".csv"))
        built.append({path.relative_to(folder): path.read_bytes() for path in data})
    assert len(built[0]) > 1
    assert built[0] == built[1]


def _state(data: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Mapping[str, str], list[tuple[object, ...]]]:
    """What lies in a data folder, and what its ledger says."""
    monkeypatch.setenv("FENGQIAO_DATA", str(data))
    assert problems() == [], data.name
    return contents(Office(data)), entries()


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


def many_cases(rows: int = 3000) -> str:
    days = (f"2025-03-{number % 28 + 1:02d}" for number in range(rows))
    return cases(*({"调解案件编号": f"B{number}", "受理日期": day} for number, day in enumerate(days)))


class _Appending:
    """Appends a row to a file just before it is opened for the n-th time; counts how often it is opened."""

    def __init__(self) -> None:
        self.file, self.row, self.last, self.opened = Path(), "", 0, 0
        sys.addaudithook(self._watch)

    def begin(self, file: Path, row: str = "", last: int = 0) -> None:
        self.file, self.row, self.last, self.opened = file, row, last, 0

    def _watch(self, event: str, words: tuple[object, ...]) -> None:
        if event == "open" and str(words[0]) == str(self.file):
            self.opened += 1
            if self.opened == self.last:
                with self.file.open("a", encoding="utf-8") as file:
                    file.write(self.row)


def test_a_file_that_changes_while_it_is_read_is_not_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whichever of its openings: either the change was there from the beginning, or nothing is taken in."""
    office, appending = opened(tmp_path, monkeypatch), _Appending()
    file = office.write("0.csv", cases({}))
    appending.begin(file)
    office.hand_in(file)
    times, changed = appending.opened, 0
    for number in range(1, times + 1):
        row = {"调解案件编号": f"N{number}"}
        file, before = office.write(f"{number}.csv", cases(row)), office.contents()
        appending.begin(file, cases({"调解案件编号": f"M{number}"}).splitlines()[1] + "\n", number)
        try:
            assert office.hand_in(file).accepted == 2, number
        except UserError as refused:
            changed += 1
            assert f"{file.name} changed while it was read" in str(refused)
            assert office.contents() == before, number
        appending.begin(Path())
        assert problems() == []
    assert times > changed > 3


def refused(command: list[str], data: Path, limit: int | None = None) -> str:
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
    office.take(cases({"调解案件编号": "C1"}), "first.csv")
    file, before = office.write("many.csv", many_cases()), office.contents()
    said = refused([str(FENGQIAO), "intake", str(file)], office.data, LIMIT)
    assert "does not take the rows: File too large" in said
    assert office.contents() == before
    assert office.hand_in(file).accepted == 3000
    assert problems() == []


def test_a_ledger_that_cannot_be_read_stops_the_intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened(tmp_path, monkeypatch)
    office.take(cases({}), "first.csv")
    ledger.ledger_path().write_bytes(b"no ledger " * 1000)
    file, before = office.write("second.csv", cases({"调解案件编号": "A2"})), office.contents()
    said = refused([str(FENGQIAO), "intake", str(file)], office.data)
    assert "ledger.sqlite cannot be read or written: file is not a database" in said
    assert office.contents() == before, "above all no folder of the lake is taken for what a kill left behind"


@pytest.mark.parametrize("command", ["build", "release"])
def test_a_disk_that_is_full_stops_the_day_with_a_sentence_and_loses_nothing(
    command: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    if command == "build":
        office.take(cases({"调解案件编号": "N1"}), "new.csv")
    published = (releases("internal") / "current").resolve()
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    said = refused([str(FENGQIAO), command], office.data, LIMIT)
    assert f"The disk of {office.data} is full" in said
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    assert problems() == []
    if command == "build":
        assert warehouse.build().outcome == "built"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
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
    file.write_text(many_cases(), encoding="utf-8")
    with small_disk(tmp_path / "data") as mounted:
        office = opened(tmp_path, monkeypatch)
        office.take(cases({"调解案件编号": "C1"}), "first.csv")
        before, filler = office.contents(), office.data / "filler"
        if mounted:
            disk = os.statvfs(office.data)
            filler.write_bytes(b"\0" * (disk.f_bavail * disk.f_bsize - LIMIT))
        said = refused([str(FENGQIAO), "intake", str(file)], office.data, None if mounted else LIMIT)
        assert "does not take the rows" in said
        filler.unlink(missing_ok=True)
        assert office.contents() == before
        assert office.hand_in(file).accepted == 3000
        assert problems() == []


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "data") as mounted:
        office = opened(tmp_path, monkeypatch)
        file = office.write("first.csv", cases({}))
        if mounted:
            subprocess.run(["mount", "-o", "remount,ro", str(office.data)], check=True)
            said = refused([str(FENGQIAO), "intake", str(file)], office.data)
            assert "cannot be written: Read-only file system" in said
        assert "cannot be written: Not a directory" in refused([str(FENGQIAO), "intake", str(file)], file / "below")
        assert office.contents() == {}
