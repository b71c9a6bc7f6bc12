"""What a hostile or broken sender can do with names, cells and files, and what a clock does that jumps: nothing is run, hung or lost."""

import csv
import os
import re
import socket
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.intake import ledger
from pipelines.release.checking import problems
from tests.conftest import FENGQIAO
from tests.offices import CASE, HECHUAN, Office, cases, opened

SECONDS = 60  # a command that hangs fails the test


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    made = opened(tmp_path, monkeypatch)
    (made.data / "landing" / HECHUAN).mkdir(parents=True)
    return made


def intake(office: Office, *words: str) -> subprocess.CompletedProcess[str]:
    command = [FENGQIAO, "intake", str(office.data / "landing"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


def _lay_what_is_no_file(folder: Path, outside: Path) -> list[str]:
    """Everything that is named like an export and is none; the names."""
    (folder / "sidecar.csv").write_bytes(cases({"调解案件编号": "A2"}).encode())
    os.mkfifo(folder / "sidecar.csv.yml")
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket.csv"))
    (folder / "folder.csv").mkdir()
    (folder / "ring.csv").symlink_to("ring.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "keys.csv").symlink_to(outside / "keys")
    (outside / "outside.csv").write_bytes(cases({"调解案件编号": "A3"}).encode())
    (folder / "stranger.csv").symlink_to(outside / "outside.csv")
    return ["sidecar.csv", "pipe.csv", "socket.csv", "folder.csv", "ring.csv", "device.csv", "keys.csv", "stranger.csv"]


def test_what_is_no_file_hangs_no_intake_and_stops_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = office.data / "landing" / HECHUAN
    monkeypatch.chdir(folder)
    names = _lay_what_is_no_file(folder, office.data.parent)
    office.write("sound.csv", cases({}))
    done = intake(office)
    assert done.returncode == 2, done.stderr
    assert [entry.file for entry in ledger.deliveries()] == ["sound.csv"]
    refused = [line for line in done.stderr.splitlines() if not line.endswith(")")]
    assert len(refused) == len(names), done.stderr
    assert all(any(name in line for line in refused) for name in names)
    assert "should not have happened" not in done.stderr
    keys = re.findall("[0-9a-f]{64}", office.data.with_name("keys").read_text())
    assert not [key for key in keys if key in done.stdout + done.stderr]
    assert problems() == []


SIDECARS = {
    "nested": "sheets: " + "[" * 50_000,
    "nested past any stack": "[" * 1_000_000,
    "without an end": "# \n" * 100_000,
    "that doubles itself": "a0: &a0 {k: v}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30)),
    "that is no text": "sender: \ud800",
    "with a key that a terminal would obey": '"\\e[2J\\a": 1',
}


@pytest.mark.parametrize("kind", SIDECARS)
def test_a_hostile_sidecar_costs_its_own_file_and_no_other(kind: str, office: Office) -> None:
    office.write("hostile.csv", cases({"调解案件编号": "A2"}))
    office.write("hostile.csv.yml", SIDECARS[kind].encode("utf-8", "surrogatepass"))
    office.write("sound.csv", cases({}))
    done = intake(office)
    assert done.returncode == 2, done.stderr
    assert [entry.file for entry in ledger.deliveries()] == ["sound.csv"]
    [refused] = [line for line in done.stderr.splitlines() if "hostile.csv" in line and not line.endswith(")")]
    assert refused.isprintable()
    assert "should not have happened" not in done.stderr


def test_a_file_that_grows_for_ever_is_left_for_later(office: Office) -> None:
    file, stop = office.write("growing.csv", cases({})), threading.Event()

    def grow() -> None:
        number = 0
        with file.open("ab", buffering=0) as end:
            while not stop.is_set() and number < 200_000:
                end.write(cases({"调解案件编号": f"G{number}"}).encode().split(b"\n")[1] + b"\n")
                number += 1

    growing = threading.Thread(target=grow)
    growing.start()
    try:
        done = intake(office)
    finally:
        stop.set()
        growing.join()
    assert "Traceback" not in done.stderr
    assert (done.returncode, ledger.deliveries()) in ((2, []), (0, ledger.deliveries()))
    assert intake(office).returncode == 0
    assert office.lake()["case_key"].n_unique() == file.read_bytes().count(b"\n") - 1
    assert problems() == []


NAMES = {
    "a formula": b"=1+cmd.csv",
    "markup": b"<img src=x onerror=alert(1)>.csv",
    "a quotation mark": b"a'; drop table deliveries; --.csv",
    "an escape": b"\x1b[2J\x1b]0;owned\x07.csv",
    "a new line": b"one\ntwo.csv",
    "right to left": "\u202efdp.csv".encode(),
    "another encoding": "调解案件.csv".encode("gb18030"),
    "as long as can be": b"n" * 251 + b".csv",
    "an option": b"--withdraw.csv",
    "dots": b"...csv",
}


def test_a_name_is_a_name_and_nothing_else(office: Office, tmp_path: Path) -> None:
    folder = os.fsencode(office.data / "landing" / HECHUAN)
    for number, name in enumerate(NAMES.values()):
        content = cases({"调解案件编号": f"A{number}"}, {"调解案件编号": f"B{number}", "受理日期": "=1+1"})
        with open(folder + b"/" + name, "wb") as file:
            file.write(content.encode())
    done = intake(office)
    told = done.stdout + done.stderr
    assert done.returncode == 2, told
    assert "in GB18030 it reads 调解案件.csv" in done.stderr
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", told), "a terminal would obey it"
    assert "File name too long" in done.stderr, "its sidecar's name would be"
    assert len(ledger.deliveries()) == len(NAMES) - 3, "what begins with a dot is hidden"
    command = [FENGQIAO, "quarantine", "--reason", "not_a_date", "--out", str(tmp_path / "rows.csv")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("=1+cmd.csv" in cell for cell in cells)
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-[^0-9]", cell)], "a spreadsheet would run it"
    assert problems() == []


CELLS = (
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "+1+1",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "{{7*7}}",
    "%s%n",
    "\x07",
)


@pytest.mark.parametrize("column", ["调解案件编号", "对接方式", "受理日期", "涉及金额(万元)", "所属区划代码"])
def test_a_cell_is_never_kept_as_it_is_unless_its_type_is_right(column: str, office: Office) -> None:
    rows = [{"调解案件编号": f"A{number}", column: cell} for number, cell in enumerate(CELLS)]
    done = office.take(cases(*rows))
    assert done.read == len(CELLS)
    held = b"".join(
        path.read_bytes() for part in ("lake", "quarantine") for path in (office.data / part).rglob("*.parquet")
    )
    for cell in CELLS[:-1]:
        assert cell.encode() not in held, cell


def test_originals_are_written_so_that_a_spreadsheet_runs_nothing(office: Office, tmp_path: Path) -> None:
    office.take(cases(*({"调解案件编号": f"A{n}", "受理日期": cell} for n, cell in enumerate(CELLS[:3]))))
    sha = ledger.deliveries()[0].sha256
    command = [FENGQIAO, "quarantine", "--originals", "--file", sha, "--out", str(tmp_path / "rows.csv")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert {f"'{cell}" for cell in CELLS[:3]} <= set(cells)
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-[^0-9]", cell)]


def test_a_clock_that_goes_back_neither_loses_nor_doubles(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of deliveries is the ledger's sequence, whatever the clock says."""
    changed = {"办结日期": "2025-03-20", "调解结果": "成功"}
    instants = ("2031-01-01T00:00:00.000+00:00", "1999-01-01T00:00:00.000+00:00", datetime.now(UTC).isoformat())
    for number, instant in enumerate(instants):
        monkeypatch.setattr(ledger, "now", lambda instant=instant: instant)
        row = (CASE | changed if number else CASE) | {"更新时间": f"2025-04-0{number + 1} 09:00:00"}
        office.take(cases(row), f"{number}.csv")
    assert [entry.ledger_sequence for entry in ledger.deliveries()] == [1, 2, 3]
    assert office.lake()["ledger_sequence"].to_list() == [1, 2, 3]
    assert office.lake()["case_key"].n_unique() == 1
