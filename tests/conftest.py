"""The road, walked once for all tests that need it: from demo exports to a published release and its dashboard, by command line."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

FENGQIAO = Path(sys.executable).with_name("fengqiao")
CASES = 6000
YEARS = 4
SECONDS_TO_SERVE = 60
# Keys of a make-believe office, the same in every run: the draws of the public edition hang on them, and what attacks find.
DRAWS = {
    "cell_number": "ac0260b0451a6004a5aff227f89fc7107ad20b17bd2c288739b505f49401eac6",
    "publication": "7e01d150cf486787741790f07f1d7167f99b2abbc54e9e89967f8bdbd7adb782",
}

Serve = Callable[..., AbstractContextManager[str]]


@dataclass(frozen=True)
class Road:
    """A data folder with a published release, the keys beside it, and what each command printed, by its first words."""

    data: Path
    keys: Path
    exports: tuple[Path, ...]
    release: Path
    log: Mapping[str, str]

    @property
    def landing(self) -> Path:
        return self.data / "landing"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"FENGQIAO_DATA": str(self.data), "FENGQIAO_KEYS": str(self.keys)}

    def fengqiao(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this data folder, from outside the checkout, whatever its exit code."""
        command = [FENGQIAO, *words]
        return subprocess.run(
            command, env=self.environment, cwd=self.data.parent, capture_output=True, text=True, check=False
        )

    def ask(self, *words: str) -> Any:
        """What a command that must succeed prints as JSON."""
        done = self.fengqiao(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def read_seeds_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every module of the catalogue read its declarations from another folder."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.catalogue.") and hasattr(module, "SEEDS"):
            monkeypatch.setattr(module, "SEEDS", folder)


def made_once(base: Path, name: str, make: Callable[[Path], None]) -> Path:
    """A folder for reading that all processes of a test run share: the first that wants it makes it, the others wait."""
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """The whole road as `make run` walks it, with fewer cases."""
    folder = made_once(tmp_path_factory.getbasetemp(), "road", _walk)
    start = _at(folder)
    exports = tuple(sorted(path for path in start.landing.rglob("*") if path.is_file()))
    log = json.loads((folder / "log.json").read_text(encoding="utf-8"))
    return replace(start, exports=exports, release=start.release.resolve(), log=log)


def _at(folder: Path) -> Road:
    return Road(folder / "data", folder / "keys", (), folder / "data" / "releases" / "internal" / "current", {})


def _walk(folder: Path) -> None:
    start = _at(folder)
    log: dict[str, str] = {}

    def go(*words: str) -> str:
        done = start.fengqiao(*words)
        assert done.returncode == 0, f"fengqiao {' '.join(words)}: {done.stdout}\n{done.stderr}"
        log[words[0]] = done.stdout
        return done.stdout

    go("keys", "init")
    lines = (line.partition(" = ") for line in start.keys.read_text(encoding="utf-8").splitlines())
    start.keys.write_text("".join(f"{name} = {DRAWS.get(name, key)}\n" for name, _, key in lines), encoding="utf-8")
    go("demo", "--cases", str(CASES), "--years", str(YEARS))
    go("intake", str(start.landing))
    go("build")
    drafted = re.search(r"Release (\S+)", go("release"))
    assert drafted, log["release"]
    go("approve", drafted[1], "--name", "demo")
    go("publish", drafted[1])
    log["publish without an audit"] = _publish_public(start)
    (folder / "log.json").write_text(json.dumps(log), encoding="utf-8")


def _publish_public(road: Road) -> str:
    """A public release of the same data, audited, approved and published. What was said before it had been audited."""
    drafted = road.ask("release", "--edition", "public")["release"]
    road.ask("approve", drafted, "--edition", "public", "--name", "demo")
    refused = road.fengqiao("publish", drafted, "--edition", "public")
    assert road.ask("audit", drafted)["passed"]
    road.ask("publish", drafted, "--edition", "public")
    return refused.stderr


@pytest.fixture(scope="session")
def public_release(road: Road) -> Path:
    """The published public release of the road's data."""
    return (road.data / "releases" / "public" / "current").resolve()


@pytest.fixture(scope="session")
def serve(road: Road) -> Serve:
    """Start a fresh server of the road's release, with more in its environment where asked; gives its address."""

    @contextmanager
    def serving(**environment: str) -> Iterator[str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = road.data.parent / f"serve-{port}.log"
        command = [FENGQIAO, "serve", "--edition", "internal", "--port", str(port)]
        with log.open("w") as output:
            server = subprocess.Popen(
                command,
                env=road.environment | environment,
                cwd=road.data.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=30)
        assert "Traceback" not in log.read_text()

    return serving


@pytest.fixture(scope="session")
def served(serve: Serve) -> Iterator[str]:
    """The address of one server that tests share."""
    with serve() as address:
        yield address


def wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    pause, deadline = threading.Event(), time.monotonic() + SECONDS_TO_SERVE
    while time.monotonic() < deadline:
        assert server.poll() is None, f"The server ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pause.wait(0.1)
    raise AssertionError(f"The server did not answer within {SECONDS_TO_SERVE} s: {log.read_text()}")
