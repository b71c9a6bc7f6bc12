"""Several processes at many files: the same ledger, lake and answers as one that takes them one by one."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from pipelines.intake import ledger
from pipelines.release.checking import problems
from tests.conftest import FENGQIAO
from tests.offices import HECHUAN, Office, cases, copied, opened
from tests.test_faults import contents, entries, filled

PROCESSES = 3
SECONDS = 120


def _with_surprises(office: Office) -> Office:
    """Every kind of file, among them some that do not become an entry: refused, known already, held."""
    filled(office)
    office.write("1-wrong.csv", "nobody,knows\n1,2\n")
    office.write("1-zero.csv", cases({}).splitlines()[0] + "\n")
    same = office.data / "landing" / HECHUAN / "1-windows_2025-03..2025-05.csv"
    office.write("1-windows-again_2025-03..2025-05.csv", same.read_bytes())
    office.write("3-gone.csv", cases({"调解案件编号": "C1"})).with_suffix(".csv.yml").write_text(
        "mode: snapshot\ntaken_at: 2025-07-01\n"
    )
    return office


def _intake(office: Office, *words: str) -> subprocess.CompletedProcess[str]:
    command = [FENGQIAO, "intake", str(office.data / "landing"), "--json", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _shared(words: tuple[str, ...] = ()) -> tuple[str, ...]:
    return (*words, "--processes", str(PROCESSES))


@pytest.mark.parametrize(
    ("words", "kinds"), [((), {"accepted", "already_received", "refused"}), (("--dry-run",), {"dry_run", "refused"})]
)
def test_several_processes_give_what_one_gives(
    words: tuple[str, ...], kinds: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = _with_surprises(opened(tmp_path, monkeypatch))
    other = copied(office, tmp_path / "other", monkeypatch)
    found = []
    for place, own in ((office, words), (other, _shared(words))):
        monkeypatch.setenv("FENGQIAO_DATA", str(place.data))
        done = _intake(place, *own)
        again = _intake(place, *own)
        assert problems() == []
        said = [part.replace(str(place.data), "") for part in (done.stdout, done.stderr, again.stdout, again.stderr)]
        found.append((done.returncode, said, contents(place), entries() if ledger.ledger_path().exists() else []))
    assert found[0] == found[1]
    assert kinds <= {line.split('"')[3] for line in found[0][1][0].splitlines() if '"outcome"' in line}


def test_killed_it_leaves_nothing_half_done_and_the_next_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = _with_surprises(opened(tmp_path, monkeypatch))
    whole = copied(office, tmp_path / "whole", monkeypatch)
    assert _intake(whole).returncode == 2
    expected = contents(whole), entries()
    monkeypatch.setenv("FENGQIAO_DATA", str(office.data))
    command = [FENGQIAO, "intake", str(office.data / "landing"), "--json", *_shared()]
    leader = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for_entries(3)
    leader.kill()
    leader.wait()
    assert _intake(office, *_shared()).returncode == 2
    assert problems() == []
    assert (contents(office), entries()) == expected


def _wait_for_entries(many: int) -> None:
    pause, deadline = threading.Event(), time.monotonic() + SECONDS
    while not ledger.ledger_path().exists() or len(ledger.deliveries()) < many:
        assert time.monotonic() < deadline
        pause.wait(0.01)
