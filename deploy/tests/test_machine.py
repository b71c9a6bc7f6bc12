"""The machine: units that systemd accepts and that are hardened, users that see their own edition only. As root."""

import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.installing import free_port
from pipelines.settings import PROJECT
from tests.conftest import wait_until_healthy
from tests.offices import Office
from tests.test_alerts import Robot, declare, robot
from tests.test_definitions import awaited

__all__ = ["robot"]
UNITS = PROJECT / "deploy" / "systemd"
MOST_EXPOSED = 20  # tenths, of what systemd calls exposure: 10.0 is a service without any protection
PIPELINE, INTERNAL, PUBLIC = "fengqiao", "fengqiao-internal", "fengqiao-public"
RELEASE = "2025-05-1.0"


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


def test_systemd_tells_of_every_service_that_fails() -> None:
    told = {unit.stem: "OnFailure=fengqiao-alert@%n.service" in unit.read_text() for unit in UNITS.glob("*.service")}
    assert {name for name, tells in told.items() if not tells} == {"fengqiao-alert@"}


def test_an_upgrade_stops_all_that_runs_the_software_and_starts_it_again() -> None:
    """What a timer starts runs for an hour perhaps: to stop the timer alone would change the software under it."""
    page = (PROJECT / "deploy" / "README.md").read_text().partition("## 7.")[2].partition("## 8.")[0]

    def named(verb: str) -> set[str]:
        words = " ".join(re.findall(rf"^systemctl {verb} (.+)$", page, re.M)).replace("'", "").split()
        return {re.sub("@.+$", "@", word.removesuffix(".service")) for word in words}

    timers = {unit.name for unit in UNITS.glob("*.timer")}
    services = {unit.stem for unit in UNITS.glob("*.service")} - {"fengqiao-alert@"}
    assert named("stop") == services | timers
    by_timers = {name.removesuffix(".timer") for name in timers}
    assert named("start") - {"fengqiao-backup"} == services - by_timers | timers


RESTARTED = sorted(path.name for path in UNITS.glob("*.service") if "\nRestart=" in path.read_text())


@pytest.mark.parametrize("unit", RESTARTED)
def test_a_service_that_is_started_again_and_again_fails_in_the_end(unit: str) -> None:
    """systemd tells of a service only once it has given up: as many starts as its limit must fit into the limit's time."""
    text = (UNITS / unit).read_text()
    seconds = {"min": 60, "h": 3600}
    [(amount, word)] = re.findall(r"^StartLimitIntervalSec=(\d+)(min|h)$", text, re.M)
    [burst] = re.findall(r"^StartLimitBurst=(\d+)$", text, re.M)
    [pause] = re.findall(r"^RestartSec=(\d+)$", text, re.M)
    starting = 20  # seconds, on a machine with other work
    assert int(burst) * (int(pause) + starting) < int(amount) * seconds[word]


def test_the_dashboards_run_as_users_of_their_own_without_keys() -> None:
    users = {unit.stem: re.findall(r"^User=(\S+)$", unit.read_text(), re.M) for unit in UNITS.glob("*.service")}
    assert (users["fengqiao-internal@"], users["fengqiao-public@"]) == ([INTERNAL], [PUBLIC])
    assert {name for name, user in users.items() if user == [PIPELINE]} == users.keys() - {
        "fengqiao-internal@",
        "fengqiao-public@",
    }


def test_sign_in_trusts_the_authorities_that_the_machine_was_told_of() -> None:
    """Else those of a Python package only, and an office's own sign-in server is refused."""
    [store] = re.findall(r"^Environment=SSL_CERT_FILE=(\S+)$", (UNITS / "fengqiao-internal@.service").read_text(), re.M)
    assert store == "/etc/ssl/certs/ca-certificates.crt"
    [packages] = re.findall(r"^apt install (git .+)$", (PROJECT / "deploy" / "README.md").read_text(), re.M)
    assert "ca-certificates" in packages.split()


@dataclass(frozen=True)
class Machine:
    """A data folder as `deploy/prepare` makes it, both editions published by the pipeline's user, and where the rest lies."""

    data: Path
    private: Path
    backups: Path
    bin: Path
    run: Path

    def installed(self, text: str) -> str:
        """Words of a unit with the places of this machine."""
        places = {
            "/var/lib/fengqiao": self.data,
            "/etc/fengqiao/private": self.private,
            "/etc/fengqiao": self.private.with_name("etc"),
            "/var/backups/fengqiao": self.backups,
            "/run/fengqiao": self.run,
            "/opt/fengqiao/.venv/bin": self.bin,
            "/opt/fengqiao": PROJECT,
        }
        for usual, place in places.items():
            text = text.replace(usual, str(place))
        return text

    def unit(self, name: str, instance: object = "") -> tuple[str, dict[str, str], dict[str, list[list[str]]]]:
        """User, environment and commands (by `ExecStartPre`, `ExecStart`) of a service, as systemd would start it here."""
        text = self.installed((UNITS / f"{name}.service").read_text()).replace("%i", str(instance))
        told = dict(line.split("=", 1) for line in re.findall(r"^Environment=(\S+)$", text, re.M))
        for file in map(Path, re.findall(r"^EnvironmentFile=-(\S+)$", text, re.M)):
            lines = file.read_text().splitlines() if file.exists() else []
            told |= dict(line.split("=", 1) for line in lines)
        told |= {"FENGQIAO_COMMAND": str(self.bin / "fengqiao"), "PATH": os.environ["PATH"]}
        commands = {
            key: [line.split() for line in re.findall(rf"^{key}=(.+)$", text, re.M)]
            for key in ("ExecStartPre", "ExecStart")
        }
        [user] = re.findall(r"^User=(\S+)$", text, re.M)
        return user, told, commands

    def start(self, name: str, log: Path, instance: object = "") -> subprocess.Popen[bytes]:
        """A service's own command, as its user, with its environment and umask; what comes before it has ended well."""
        user, told, commands = self.unit(name, instance)
        for command in commands["ExecStartPre"]:
            done = subprocess.run(
                [*_to(user), *command], env=told, cwd=PROJECT, capture_output=True, text=True, umask=0o027, check=False
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"
        [command] = commands["ExecStart"]
        with log.open("w") as output:
            return subprocess.Popen(
                [*_to(user), *command],
                env=told,
                cwd=PROJECT,
                stdout=output,
                stderr=output,
                umask=0o027,
                start_new_session=True,
            )


@pytest.fixture(scope="module")
def machine(house: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    assert os.getuid() == 0, "These tests make users and folders: run `make test-deploy` as root."
    had = {name for name in (PIPELINE, INTERNAL, PUBLIC) if name in {user.pw_name for user in pwd.getpwall()}}
    folder = tmp_path_factory.mktemp("machine")
    for part in (folder, *folder.parents[:3]):
        part.chmod(part.stat().st_mode | 0o011)
    found = Machine(folder / "data", folder / "private", folder / "backups", folder / "bin", folder / "run")
    for _ in range(2):  # the second changes nothing
        done = _run(PROJECT / "deploy" / "prepare", found.data, found.private, found.backups)
        assert done.returncode == 0, done.stderr
    (folder / "etc").mkdir()
    _commands(found.bin)
    shutil.copytree(house.data / "landing", folder / "exports")
    _run("chown", "-R", f"{PIPELINE}:{PIPELINE}", folder / "exports")
    try:
        _publish(found, folder / "exports")
        yield found
    finally:
        for name in {PIPELINE, INTERNAL, PUBLIC} - had:
            _run("userdel", name)


def _commands(folder: Path) -> None:
    """The commands of the environment, by an interpreter that every user may start: an environment made of one in the home of
    root is no use to others, Debian's is."""
    ours = os.path.realpath(sys.executable)
    interpreter = ours if _as(PIPELINE, "sh", "-c", f"{ours} -c ''").returncode == 0 else "/usr/bin/python3.11"
    packages = Path(sys.prefix, "lib", "python3.11", "site-packages")
    folder.mkdir()
    for name, words in (
        ("python", ""),
        ("fengqiao", "-m pipelines.cli"),
        ("dagster", "-m dagster"),
        ("dagster-daemon", "-c 'from dagster._daemon.cli import main; main()'"),
    ):
        (folder / name).write_text(
            f'#!/bin/sh\nexport PYTHONPATH={PROJECT}:{packages}\nexec {interpreter} {words} "$@"\n'
        )
        (folder / name).chmod(0o755)


def _publish(machine: Machine, exports: Path) -> None:
    """The first day, as the operator's page has it: exports in landing, taken in, built, released, approved, published."""
    words = (
        ("keys", "init"),
        ("intake", exports),
        ("build",),
        ("release", "--period", "2025-05"),
        ("approve", RELEASE, "--name", "张三"),
        ("publish", RELEASE, "--early"),
        ("release", "--period", "2025-05", "--edition", "public"),
        ("audit", RELEASE),
        ("approve", RELEASE, "--edition", "public", "--name", "张三"),
        ("publish", RELEASE, "--edition", "public", "--early"),
    )
    for command in words:
        done = _fengqiao(machine, PIPELINE, *command)
        assert done.returncode == 0, f"{command}: {done.stderr}"


@pytest.fixture(scope="module")
def prepared(machine: Machine) -> Path:
    return machine.data


def _fengqiao(machine: Machine, user: str, *words: object) -> subprocess.CompletedProcess[str]:
    keys = machine.private / "keys" if user == PIPELINE else "/nonexistent"
    told = {"FENGQIAO_DATA": str(machine.data), "FENGQIAO_KEYS": str(keys), "HOME": "/tmp", "PATH": os.environ["PATH"]}
    command = [*_to(user), str(machine.bin / "fengqiao"), *map(str, words)]
    return subprocess.run(command, env=told, cwd="/", capture_output=True, text=True, umask=0o027, check=False)


def _to(user: str) -> list[str]:
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"]


def _as(user: str, *command: object) -> subprocess.CompletedProcess[str]:
    return _run(*_to(user), *command)


def _reads(user: str, path: Path) -> bool:
    return _as(user, "ls" if path.is_dir() else "head", *([] if path.is_dir() else ["-c1"]), path).returncode == 0


def test_the_public_dashboard_cannot_open_the_internal_folder(prepared: Path) -> None:
    assert _reads(PUBLIC, prepared / "releases" / "public" / "current" / "figures.parquet")
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


def test_the_internal_dashboard_reads_the_whole_published_release(machine: Machine) -> None:
    current = machine.data / "releases" / "internal" / "current"
    assert _reads(INTERNAL, current)
    files = [path for path in current.rglob("*") if path.is_file()]
    assert len(files) > 50
    done = _as(INTERNAL, "sh", "-c", f"find -L {current} -type f -exec cat {{}} + | wc -c")
    assert (done.returncode, int(done.stdout)) == (0, sum(path.stat().st_size for path in files))
    asked = ("figures", "--indicator", "mediation_accepted", "--period", "2025-05", "--json")
    assert json.loads(_fengqiao(machine, INTERNAL, *asked).stdout)
    refused = _fengqiao(machine, PUBLIC, *asked)
    assert refused.returncode != 0
    assert "value" not in refused.stdout


def test_each_service_runs_as_its_user(machine: Machine, tmp_path: Path) -> None:
    """systemd's part is played by this test: user, environment, umask and the commands of the units."""
    for name, what in (("fengqiao-daily", "fengqiao tidy"), ("fengqiao-backup", "")):
        log = tmp_path / f"{name}.log"
        assert machine.start(name, log).wait(600) == 0, log.read_text()
        assert what in log.read_text()
    data, seeds = sorted(machine.backups.iterdir())
    assert (data.name[:9], seeds.name[:6]) == ("fengqiao-", "seeds-")
    assert min(data.stat().st_size, seeds.stat().st_size) > 1_000
    _set_up_sign_in(machine)
    assert _asked(machine, "internal", tmp_path) == (401, {"error": "Sign in first."})
    status, said = _asked(machine, "public", tmp_path)
    assert (status, said["edition"], said["release_id"]) == (200, "public", RELEASE)


def _asked(machine: Machine, edition: str, folder: Path) -> tuple[int, Any]:
    """What the dashboard of an edition, started for this, answers to somebody unknown who asks for its release."""
    port, log = free_port(), folder / f"{edition}.log"
    server = machine.start(f"fengqiao-{edition}@", log, port)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
        assert server.poll() is None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/release")
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        server.terminate()
        server.wait(30)


def test_a_service_that_fails_is_told_by_the_alert_unit_once(machine: Machine, robot: Robot, tmp_path: Path) -> None:
    """As systemd starts it: by the name of the unit, with what root alone put into the file of addresses."""
    declare(machine.data, {"kind": "webhook", "url_from": "FENGQIAO_WEBHOOK"})
    shutil.chown(machine.data / "alerts.yml", PIPELINE, PIPELINE)
    (machine.data / "alerts.yml").chmod(0o640)
    secrets = machine.private / "alerts.env"
    secrets.write_text(f"FENGQIAO_WEBHOOK={robot.address}\n")
    secrets.chmod(0o600)
    log = tmp_path / "alert.log"
    try:
        for _ in range(2):
            assert machine.start("fengqiao-alert@", log, "fengqiao-public@8521.service").wait(120) == 0, log.read_text()
    finally:
        (machine.data / "alerts.yml").unlink()
        secrets.unlink()
    [(_, body)] = robot.posted
    assert "fengqiao-public@8521.service" in str(body["text_zh"])
    assert robot.address not in log.read_text()


def _set_up_sign_in(machine: Machine) -> None:
    """As docs/sign-in.md has it; the provider is asked when somebody signs in."""
    settings, scopes = machine.private.with_name("etc") / "oidc.toml", machine.data / "access.yml"
    names = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
    values = {name: f"https://login.example.invalid/{name}" for name in names}
    values["redirect_uri"] = "https://internal.example.gov.cn/oauth2callback"
    settings.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()))
    scopes.write_text("area_claim: area_code\nrole_claim: role\nroles:\n  city_office: {sees: everything}\n")
    for path, mode, owner in ((settings, 0o600, INTERNAL), (scopes, 0o640, PIPELINE)):
        path.chmod(mode)
        shutil.chown(path, owner, INTERNAL)


def _of(service: subprocess.Popen[bytes], command: str = "") -> list[str]:
    """Processes of a service, by their command."""
    return _run("pgrep", "--session", service.pid, "--full", command).stdout.split()


@contextmanager
def _schedule(machine: Machine, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`fengqiao-schedule`, once its sensors have been asked, with a folder for its socket as its unit has it."""
    text = (UNITS / "fengqiao-schedule.service").read_text()
    folder = dict(re.findall(r"^(RuntimeDirectory\w*)=(\S+)$", text, re.M))
    assert folder == {"RuntimeDirectory": "fengqiao", "RuntimeDirectoryMode": "0700"}
    machine.run.mkdir(mode=0o700)
    shutil.chown(machine.run, PIPELINE, PIPELINE)
    schedule = machine.start("fengqiao-schedule", log)
    try:
        awaited(lambda: "Checking for new runs for sensor: landing" in log.read_text(), 300, log.read_text)
        assert schedule.poll() is None, log.read_text()
        yield schedule
    finally:
        with suppress(ProcessLookupError):
            os.killpg(schedule.pid, signal.SIGTERM)
        schedule.wait(60)
        awaited(lambda: not _of(schedule), 80, log.read_text)  # systemd kills after 90 s, and tells of it
        shutil.rmtree(machine.run)


def test_the_schedule_starts_with_all_of_it_turned_on(machine: Machine, tmp_path: Path) -> None:
    with _schedule(machine, tmp_path / "schedule.log"):
        user, told, _ = machine.unit("fengqiao-schedule")
        seen = {who: _as(who, "test", "-S", told["FENGQIAO_CODE"]).returncode for who in (user, INTERNAL, PUBLIC)}
        assert seen == {PIPELINE: 0, INTERNAL: 1, PUBLIC: 1}, "another user may talk to the code server"
    settings = machine.data / "dagster" / "dagster.yaml"
    assert settings.read_text() == (PROJECT / "dagster.yaml").read_text()


def test_the_schedule_keeps_one_code_server_and_ends_with_it(machine: Machine, tmp_path: Path) -> None:
    log = tmp_path / "schedule.log"
    with _schedule(machine, log) as schedule:
        servers = _of(schedule, "dagster api grpc")
        assert len(servers) == 1, "the daemon has started a code server of its own"
        os.kill(int(servers[0]), signal.SIGKILL)
        assert schedule.wait(60) == 1
    assert "systemd starts both again" in log.read_text()


def test_what_the_schedule_does_first_leaves_the_definitions_unread() -> None:
    """With dbt in them they take long to read, and start a process that is still there when systemd looks."""
    script = "import sys, deploy.ending; print([name for name in sys.modules if name.startswith(('dbt', 'pipelines'))])"
    assert _run(sys.executable, "-c", script).stdout == "[]\n"


def test_what_was_made_with_a_wider_umask_is_closed_again(machine: Machine) -> None:
    lake = machine.data / "lake"
    lake.chmod(0o755)
    assert _reads(PUBLIC, lake)
    assert _run(PROJECT / "deploy" / "prepare", machine.data, machine.private, machine.backups).returncode == 0
    assert not _reads(PUBLIC, lake)
    assert _reads(PIPELINE, lake)


def test_a_restored_scope_file_is_read_by_the_internal_dashboard_again(machine: Machine) -> None:
    scopes = machine.data / "access.yml"
    scopes.write_text("area_claim: area_code\n")
    shutil.chown(scopes, "root", "root")
    scopes.chmod(0o600)
    assert _run(PROJECT / "deploy" / "prepare", machine.data, machine.private, machine.backups).returncode == 0
    assert [_reads(user, scopes) for user in (PIPELINE, INTERNAL, PUBLIC)] == [True, True, False]


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
