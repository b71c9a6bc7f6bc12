"""The audit of an office without internet: a copy of the OSV database against the locks, through the command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from deploy.advisories import is_affected
from deploy.audit import FAULTY, NOT_ASKED, PASSED
from pipelines.settings import PROJECT

Record = dict[str, Any]


def record(name: str, advisory: str, events: list[dict[str, str]], modified: str, **more: Any) -> Record:
    """An advisory as OSV writes it. Those of urllib3 and pyarrow are real, without their texts (CC BY 4.0, pypa/advisory-database)."""
    affected: Record = {"package": {"ecosystem": "PyPI", "name": name}, "versions": more.pop("versions", [])}
    affected["ranges"] = [{"type": "ECOSYSTEM", "events": events}] if events else []
    return {"id": advisory, "modified": modified, "affected": [affected], **more}


URLLIB3 = record(
    "urllib3",
    "PYSEC-2023-192",
    [{"introduced": "2.0.0"}, {"fixed": "2.0.6"}, {"introduced": "0"}, {"fixed": "1.26.17"}],
    "2023-10-10T14:28:19Z",
)
# A fault of the sources: what stands in a range of commits says nothing of versions.
COMMITS: Record = {"type": "GIT", "repo": "https://example.org", "events": [{"introduced": "0"}]}
COPY = (
    URLLIB3,
    record("PyArrow", "PYSEC-2023-238", [{"introduced": "0.14.0"}, {"fixed": "14.0.1"}], "2023-11-29T02:13:55Z"),
    record("ctx", "MAL-2022-7426", [], "2022-05-24T00:00:00Z", versions=["0.1.2-1", "0.2.2", "not sortable"]),
    record("left", "PYSEC-1", [{"introduced": "1.0"}, {"last_affected": "1.4"}], "2024-01-01T00:00:00Z"),
    record("taken-back", "PYSEC-2", [{"introduced": "0"}], "2026-01-01T00:00:00Z", withdrawn="2026-01-02T00:00:00Z"),
    record("odd", "PYSEC-3", [{"introduced": "0"}, {"fixed": "2.x"}], "2024-01-01T00:00:00Z"),
    URLLIB3 | {"id": "GO-1", "affected": [{"package": {"ecosystem": "Go", "name": "requests"}}]},
    URLLIB3
    | {"id": "PYSEC-4", "affected": [{"package": {"ecosystem": "PyPI", "name": "requests"}, "ranges": [COMMITS]}]},
)


def audit(folder: Path, records: tuple[Record, ...], *pins: str) -> subprocess.CompletedProcess[str]:
    """What the command says of these pins and a copy of these advisories."""
    packed, lock = folder / "all.zip", folder / "requirements.lock"
    with ZipFile(packed, "w") as copy:
        for one in records:
            copy.writestr(f"{one['id']}.json", json.dumps(one))
    lock.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins), encoding="ascii")
    return asked(lock, packed)


def asked(lock: Path, copy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.audit", str(lock), "--advisories", str(copy)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ("urllib3==1.26.16", "urllib3 1.26.16: PYSEC-2023-192, mended in 1.26.17, 2.0.6"),
        ("urllib3==2.0.5", "urllib3 2.0.5: PYSEC-2023-192, mended in 1.26.17, 2.0.6"),
        ("pyarrow==14.0.0", "pyarrow 14.0.0: PYSEC-2023-238, mended in 14.0.1"),
        ("left==1.4", "left 1.4: PYSEC-1, mended in no version yet"),
        ("ctx==0.1.2.post1", "ctx 0.1.2.post1: MAL-2022-7426, mended in no version yet"),
    ],
)
def test_a_package_with_a_known_fault_does_not_pass(tmp_path: Path, pin: str, said: str) -> None:
    done = audit(tmp_path, COPY, "click==8.3.0", pin)
    assert (done.returncode, done.stderr) == (FAULTY, "")
    assert said in done.stdout.splitlines()
    assert "2 of 2 packages were looked up." in done.stdout


def test_packages_without_one_pass_and_the_copy_says_its_day(tmp_path: Path) -> None:
    pins = (
        "urllib3==1.26.17",
        "urllib3[socks]==2.0.6",
        "pyarrow==0.13.0",
        "left==1.5",
        "taken-back==1",
        "requests==2.0",
    )
    done = audit(tmp_path, COPY, *pins)
    assert (done.returncode, done.stderr) == (PASSED, "")
    assert done.stdout.splitlines() == [
        "The copy holds 6 advisories; the newest was changed on 2024-01-01.",
        "6 of 6 packages were looked up.",
    ]


def test_what_an_advisory_does_not_say_clearly_has_not_passed(tmp_path: Path) -> None:
    done = audit(tmp_path, COPY, "click==8.3.0", "odd==1.0")
    assert done.returncode == NOT_ASKED
    assert "Not looked up, so not audited: odd." in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"not a zip"])
def test_a_file_that_is_no_copy_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    lock, copy = tmp_path / "requirements.lock", tmp_path / "all.zip"
    lock.write_text("click==8.3.0\n", encoding="ascii")
    if content is not None:
        copy.write_bytes(content)
    done = asked(lock, copy)
    assert (done.returncode, done.stdout) == (NOT_ASKED, "")
    assert done.stderr == f"{copy} cannot be read as a zip of advisories in JSON. Nothing was audited.\n"


def test_a_copy_for_another_language_is_refused(tmp_path: Path) -> None:
    done = audit(tmp_path, COPY[6:7], "click==8.3.0")
    assert done.returncode == NOT_ASKED
    assert "holds no advisory for Python packages" in done.stderr


def test_the_locks_can_be_looked_up(tmp_path: Path) -> None:
    audit(tmp_path, COPY, "click==8.3.0")
    done = asked(PROJECT / "requirements.lock", tmp_path / "all.zip")
    assert (done.returncode, done.stderr) == (PASSED, "")


versions = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))


@given(versions, versions, versions, st.sampled_from(["fixed", "last_affected"]))
def test_a_range_is_what_a_specifier_of_it_is(introduced: str, end: str, version: str, kind: str) -> None:
    """By the rule of versions itself (PEP 440). Where a range ends at its beginning, the schema says not which of both comes first."""
    introduced, end = sorted((introduced, end), key=Version)
    assume(Version(introduced) != Version(end) or kind == "last_affected")
    affected = {"ranges": [{"type": "ECOSYSTEM", "events": [{kind: end}, {"introduced": introduced}]}]}
    within = SpecifierSet(f">={introduced},{'<' if kind == 'fixed' else '<='}{end}")
    assert is_affected(affected, Version(version)) == within.contains(version)
