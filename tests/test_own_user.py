"""The public dashboard as a system user of its own: it serves its edition and cannot open the other one."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipelines.settings import PROJECT
from tests.conftest import FENGQIAO, Road, wait_until_healthy

USER = 64321  # nobody's number, of no group
AS_ROOT = [] if os.getuid() == 0 else ["sudo", "--non-interactive"]
ASKED = ("--indicator", "mediation_accepted", "--area", "500000", "--period", "2025", "--json", "--edition")


@pytest.fixture
def data(road: Road, public_release: Path, tmp_path: Path) -> Iterator[Path]:
    """A data folder with both editions, open as `deploy/prepare` opens it; the way to it and to the program open too."""
    assert not AS_ROOT or shutil.which("sudo"), "This test serves as another user: run it as root, or with sudo."
    releases = tmp_path / "data" / "releases"
    shutil.copytree(public_release.parent, releases / "public", symlinks=True)
    shutil.copy(road.data / "version", tmp_path / "data" / "version")
    internal = releases / "internal" / road.release.name
    internal.mkdir(parents=True)
    for name in ("release.json", "figures.parquet"):
        shutil.copy(road.release / name, internal / name)
    (releases / "internal" / "current").symlink_to(internal.name)
    for folder, mode in ((tmp_path / "data", 0o711), (releases, 0o711), (releases / "internal", 0o750)):
        folder.chmod(mode)
    public = releases / "public"
    subprocess.run([*AS_ROOT, "chgrp", "-R", "--no-dereference", str(USER), public], check=True)
    subprocess.run(["chmod", "-R", "u=rwX,g=rX,o=", public], check=True)
    with ExitStack() as stack:
        for path in (tmp_path / "data", PROJECT, Path(sys.executable), Path(sys.executable).resolve()):
            _open_the_way(path, stack)
        yield tmp_path / "data"


def _open_the_way(path: Path, stack: ExitStack) -> None:
    """Let others pass through the folders above, for as long as the test takes."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            subprocess.run([*AS_ROOT, "chmod", "o+x", folder], check=True)
            stack.callback(subprocess.run, [*AS_ROOT, "chmod", "o-x", folder], check=True)


def _as_user(data: Path, *command: object) -> list[str]:
    become = [
        *AS_ROOT,
        "setpriv",
        "--reuid",
        str(USER),
        "--regid",
        str(USER),
        "--clear-groups",
        "env",
        "HOME=/nonexistent",
    ]
    return [*become, f"FENGQIAO_DATA={data}", f"FENGQIAO_KEYS={data}/keys", *map(str, command)]


def test_the_server_answers_from_the_public_folder_and_its_user_opens_no_other(data: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", tmp_path / "serve.log"
    with log.open("w") as output:
        command = _as_user(data, FENGQIAO, "serve", "--edition", "public", "--port", port)
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_healthy(address, server, log)
        asked = f"{address}/api/figures?indicator=mediation_accepted&area=500000&period=2025"
        with urllib.request.urlopen(asked, timeout=60) as answer:
            (figure,) = json.load(answer)
        users = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    finally:
        subprocess.run([*AS_ROOT, "kill", str(server.pid)], check=True)
        server.wait(timeout=30)
    assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in users or AS_ROOT
    assert figure["edition"] == "public"
    assert figure["value"] % 5 == 0
    said = {
        edition: subprocess.run(
            _as_user(data, FENGQIAO, "figures", *ASKED, edition), capture_output=True, text=True, check=False
        )
        for edition in ("public", "internal")
    }
    assert json.loads(said["public"].stdout)[0]["value"] == figure["value"]
    assert said["internal"].returncode != 0
    assert "may not be opened" in json.loads(said["internal"].stdout)["error"]
    for path in ("releases/internal", "releases/internal/current/release.json", ""):
        command = _as_user(data, "ls", data / path)
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0, path
