"""The machine: units that systemd accepts and that are hardened, users that see their own edition only. As root."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from tests.offices import Office

UNITS = PROJECT / "deploy" / "systemd"
MOST_EXPOSED = 20  # tenths, of what systemd calls exposure: 10.0 is a service without any protection
PIPELINE, INTERNAL, PUBLIC = "fengqiao", "fengqiao-internal", "fengqiao-public"


def _run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


def _analyse(*words: object) -> str:
    program = shutil.which("systemd-analyze")
    assert program, "These tests need systemd-analyze, of Debian's package systemd."
    done = _run(program, *words)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units, naming commands that are there on this machine."""
    folder = tmp_path_factory.mktemp("units")
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/fengqiao", str(PROJECT))
        (folder / unit.name).write_text(text)
    return folder


def test_systemd_accepts_every_unit(installed: Path) -> None:
    assert _analyse("verify", "--man=no", *sorted(installed.iterdir())) == ""


@pytest.mark.parametrize("unit", sorted(path.name for path in UNITS.glob("*.service")))
def test_every_service_is_hardened(unit: str, installed: Path) -> None:
    said = _analyse("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", installed / unit)
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert level, said
    assert float(level[1]) * 10 <= MOST_EXPOSED, said


def test_the_dashboards_run_as_users_of_their_own_without_keys() -> None:
    users = {unit.stem: re.findall(r"^User=(\S+)$", unit.read_text(), re.M) for unit in UNITS.glob("*.service")}
    assert (users["fengqiao-internal@"], users["fengqiao-public@"]) == ([INTERNAL], [PUBLIC])
    assert {name for name, user in users.items() if user == [PIPELINE]} == users.keys() - {
        "fengqiao-internal@",
        "fengqiao-public@",
    }


@pytest.fixture(scope="module")
def prepared(house: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder as `deploy/prepare` makes it, and a release in it as the pipeline's user writes it."""
    assert os.getuid() == 0, "These tests make users and folders: run `make test-deploy` as root."
    had = {name for name in (PIPELINE, INTERNAL, PUBLIC) if name in {user.pw_name for user in pwd.getpwall()}}
    folder = tmp_path_factory.mktemp("machine")
    for part in (folder, *folder.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
    for _ in range(2):  # the second changes nothing
        done = _run(PROJECT / "deploy" / "prepare", folder / "data", folder / "private")
        assert done.returncode == 0, done.stderr
    data = folder / "data"
    script = (
        "umask 027; mkdir -p lake/mediation_cases && cp -R {0}/lake/. lake/ && cp {0}/ledger.sqlite . && "
        "cp -R {0}/releases/internal/. releases/internal/ && mkdir -p releases/public/1 && "
        "echo public > releases/public/1/figures && echo 2 > version"
    )
    shutil.copytree(house.data, folder / "source", symlinks=True)
    _run("chown", "-R", PIPELINE, folder / "source")
    done = _as(PIPELINE, "sh", "-c", f"cd {data} && " + script.format(folder / "source"))
    assert done.returncode == 0, done.stderr
    yield data
    for name in {PIPELINE, INTERNAL, PUBLIC} - had:
        _run("userdel", name)


def _as(user: str, *command: object) -> subprocess.CompletedProcess[str]:
    return _run("setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", *command)


def _reads(user: str, path: Path) -> bool:
    return _as(user, "ls" if path.is_dir() else "head", *([] if path.is_dir() else ["-c1"]), path).returncode == 0


def test_the_public_dashboard_cannot_open_the_internal_folder(prepared: Path) -> None:
    assert _reads(PUBLIC, prepared / "releases" / "public" / "1" / "figures")
    closed = (
        "",
        "lake",
        "landing",
        "ledger.sqlite",
        "releases",
        "releases/internal",
        "releases/internal/current",
        "documents",
    )
    for name in closed:
        assert not _reads(PUBLIC, prepared / name), name
    assert not _reads(PUBLIC, prepared.with_name("private"))


def test_the_internal_dashboard_opens_neither_lake_nor_keys_nor_the_other_edition(prepared: Path) -> None:
    for name in ("", "lake", "landing", "ledger.sqlite", "releases/public"):
        assert not _reads(INTERNAL, prepared / name), name
    assert not _reads(INTERNAL, prepared.with_name("private"))


@pytest.mark.parametrize("user", [INTERNAL, PUBLIC])
def test_no_dashboard_writes_anywhere_in_the_data(user: str, prepared: Path) -> None:
    for folder in (
        "",
        "releases",
        "releases/internal",
        "releases/public",
        "documents",
        "documents/bulletin",
        "landing",
    ):
        assert _as(user, "touch", prepared / folder / "stray").returncode != 0, folder
