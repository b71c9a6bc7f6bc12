"""The set-up: locks that say what is installed and nothing of where from, and commands that do what the README says."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.audit import FAULTY, NOT_ASKED, PASSED, verdict
from pipelines.settings import PROJECT

LOCKS = ("requirements.lock", "requirements-benchmarks.lock", "requirements-spark.lock")
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>\S+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
OWN = ("fengqiao[postgres,review]",)  # the tests need the extras too
ROAD = ("keys init", "demo", "intake", "build", "release", "approve", "publish", "serve")


def pins(lock: str) -> dict[str, str]:
    """Versions by canonical name; fails on a line that is not `name==version` followed by hashes."""
    found: dict[str, str] = {}
    for entry in (PROJECT / lock).read_text(encoding="ascii").replace("\\\n", " ").splitlines():
        pin, *hashes = entry.split()
        match = PIN.fullmatch(pin)
        assert match, entry
        assert hashes, pin
        assert all(HASH.fullmatch(word) for word in hashes), pin
        found[canonicalize_name(match["name"])] = match["version"]
    return found


def project() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def recipe(target: str) -> str:
    """What the Makefile says of a target, from its prerequisites to the next blank line."""
    rules = (PROJECT / "Makefile").read_text(encoding="utf-8").split("\n\n")
    [found] = [rule for rule in rules if re.search(rf"^{target}:", rule, re.MULTILINE)]
    return found[found.index(f"{target}:") :]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_a_version_and_hashes_for_everything_and_no_address(lock: str) -> None:
    assert len(pins(lock)) > 5
    assert not re.search(r"://|^\s*(#|--(?!hash))", (PROJECT / lock).read_text(encoding="ascii"), re.MULTILINE)


def test_locks_hold_what_the_project_asks_for() -> None:
    main, benchmarks, spark = (pins(lock) for lock in LOCKS)
    extras = project()["optional-dependencies"]
    for text, locked in [
        *(
            (text, main)
            for text in (*project()["dependencies"], *extras["dev"], *extras["review"], *extras["postgres"])
            if text not in OWN
        ),
        *((text, main | benchmarks) for text in extras["benchmarks"]),
        *((text, spark) for text in extras["spark"]),
    ]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)]), text


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_other_locks_only_add_to_the_main_lock(lock: str) -> None:
    assert pins(LOCKS[0]).keys().isdisjoint(pins(lock))


@pytest.mark.parametrize("target", ["run", "test", "test-spark", "bench-intake", "setup", "fonts", "lint", "lock"])
def test_makefile_has_the_target(target: str) -> None:
    assert recipe(target)


def test_make_run_walks_the_road_in_order() -> None:
    lines = recipe("run")
    places = [lines.index(f"$(FENGQIAO) {command}") for command in ROAD]
    assert places == sorted(places)
    assert lines.startswith("run: setup")


def test_make_test_sets_up_and_runs_all_tests() -> None:
    assert recipe("test").startswith("test: setup chromium")
    assert recipe("test").rstrip().endswith("-m pytest --numprocesses 2 --dist loadfile")


def test_continuous_integration_calls_make_test_and_then_spark() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("make")] == ["make test", 'make test-spark BENCH="--lose-worker"']


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_readme_shows_both_commands(readme: str) -> None:
    lines = (PROJECT / readme).read_text(encoding="utf-8").splitlines()
    assert any(re.match(r"make run\b", line) for line in lines)
    assert any(re.match(r"make test\b", line) for line in lines)


def test_dashboard_serves_this_machine_only_and_reports_nothing() -> None:
    options = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert options["server"]["address"] == "127.0.0.1"
    assert options["browser"]["gatherUsageStats"] is False
    assert options["client"]["showErrorDetails"] == "none"


def test_what_is_made_is_not_committed() -> None:
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/.venv/", "/.cache/", "/data/", "/dashboards/static/fonts/"} <= set(ignored)


SOUND, WRONG, UNKNOWN = (
    {"name": "sound", "version": "1", "vulns": []},
    {"name": "wrong", "version": "2", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": []}]},
    {"name": "unknown", "skip_reason": "not found"},
)


@pytest.mark.parametrize(
    ("packages", "code", "named"),
    [
        ([SOUND], PASSED, "1 of 1"),
        ([SOUND, WRONG], FAULTY, "wrong 2: PYSEC-2026-1, mended in no version yet"),
        ([SOUND, UNKNOWN], NOT_ASKED, "not audited: unknown"),
        ([WRONG, UNKNOWN], FAULTY, "not audited: unknown"),
        ([UNKNOWN], NOT_ASKED, "nothing was audited"),
        ([], NOT_ASKED, "nothing was audited"),
    ],
)
def test_what_was_not_looked_up_has_not_passed_the_audit(packages: list[dict[str, Any]], code: int, named: str) -> None:
    said, told = verdict(packages)
    assert told == code
    assert named in "\n".join(said)


def test_make_audit_looks_up_what_an_installation_may_hold() -> None:
    assert "deploy.audit requirements.lock requirements-spark.lock" in recipe("audit")


def test_an_audit_without_a_network_says_so_in_one_sentence() -> None:
    nowhere = {name: "http://127.0.0.1:9" for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")}
    command = [sys.executable, "-m", "deploy.audit", *LOCKS[::2]]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | nowhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (NOT_ASKED, "")
    assert done.stderr.startswith("The database of known faults cannot be reached from here: nothing was audited.")
    assert "make audit ADVISORIES=FILE" in done.stderr


@pytest.mark.parametrize("lock", LOCKS[::2])
def test_the_lists_of_packages_name_every_locked_one(lock: str, tmp_path: Path) -> None:
    commands = (words.partition("2>")[0] for words in recipe("audit").split("cyclonedx-py")[1:])
    [command] = (words.replace("\\\n", " ").split() for words in commands if lock in words)
    listed = tmp_path / "sbom.json"
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), *command[:-1], str(listed)]
    subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)
    found = json.loads(listed.read_text(encoding="utf-8"))
    assert found["bomFormat"] == "CycloneDX"
    assert {canonicalize_name(part["name"]): part["version"] for part in found["components"]} == pins(lock)
