"""An installation in small on this machine: nginx as `deploy/nginx` has it, on loopback and other ports, before dashboards of ours."""

import getpass
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.settings import PROJECT
from tests.certificates import self_signed
from tests.conftest import FENGQIAO, wait_until_healthy

BULLETIN, INTERNAL, PUBLIC = "figures.example.gov.cn", "internal.example.gov.cn", "dashboard.example.gov.cn"
NGINX = PROJECT / "deploy" / "nginx"
PLACES = {"internal": 1, "public": 2}  # in the ports of the dashboards: 8511, 8512; 8521, 8522
DEBIAN = Path("/etc/nginx/nginx.conf")
OF_HTTP = ("fengqiao.conf", "brotli.conf")  # the others are included by a server
WRITTEN = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Installation:
    """nginx on this machine: its folder, the ports it listens on, and those of each edition's dashboards that it passes to."""

    folder: Path
    data: Path
    http: int
    https: int
    processes: Mapping[str, tuple[int, int]]

    @property
    def certificate(self) -> Path:
        return self.folder / "fengqiao" / "certificate.pem"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def dashboard(data: Path, edition: str, port: int, log: Path) -> Iterator[None]:
    command = [FENGQIAO, "serve", "--edition", edition, "--port", str(port)]
    environment = os.environ | {"FENGQIAO_DATA": str(data), "FENGQIAO_KEYS": "/nonexistent"}
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def configured(folder: Path, data: Path, processes: Mapping[str, tuple[int, int]]) -> Installation:
    """The files of `deploy/nginx` with other ports and places, and no more changed."""
    http, https = free_port(), free_port()
    changes = {
        r"/etc/nginx/fengqiao/": f"{folder}/fengqiao/",
        r"/var/lib/fengqiao": str(data),
        r"/opt/fengqiao": str(PROJECT),
        r"\blisten 80;": f"listen 127.0.0.1:{http};",
        r"\blisten 443 ": f"listen 127.0.0.1:{https} ",
        r"\n +listen \[::\][^\n]*": "",
        **{
            rf"127\.0\.0\.1:85{place}{number}": f"127.0.0.1:{port}"
            for edition, place in PLACES.items()
            for number, port in enumerate(processes[edition], 1)
        },
    }
    for name in ("conf.d", "fengqiao"):
        (folder / name).mkdir()
    for path in NGINX.glob("*.conf"):
        text = path.read_text(encoding="utf-8")
        for pattern, other in changes.items():
            text = re.sub(pattern, other, text)
        place = "conf.d" if path.name in OF_HTTP else "fengqiao"
        (folder / place / path.name).write_text(text, encoding="utf-8")
    self_signed(folder / "fengqiao")
    (folder / "nginx.conf").write_text(_main(folder), encoding="utf-8")
    return Installation(folder, data, http, https, processes)


def _main(folder: Path) -> str:
    """Debian's own file, so that what it says already and what ours say must go together; in other places, and no more changed.

    The folders of a test are open to whoever runs it only: nginx's workers are the same user.
    """
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in WRITTEN)
    changes = {
        r"^user .*;": f"daemon off;\nuser {getpass.getuser()};",
        r"^pid .*;": f"pid {folder}/nginx.pid;",
        r"^error_log .*;": f"error_log {folder}/error.log;",
        r"^\s*access_log .*;": "access_log off;",
        r"^\s*include /etc/nginx/conf\.d/.*;": f"{paths}\ninclude {folder}/conf.d/*.conf;",
        r"^\s*include /etc/nginx/sites-enabled/.*;": "",
    }
    assert DEBIAN.is_file(), f"{DEBIAN} is needed: `make nginx` installs it."
    text = DEBIAN.read_text(encoding="utf-8")
    for pattern, other in changes.items():
        text, found = re.subn(pattern, other, text, flags=re.M)
        assert found == 1, f"{DEBIAN} does not say {pattern} once."
    return text


def nginx(*words: str) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "nginx is needed: `make nginx` installs it."
    return [program, *words]


@contextmanager
def installed(data: Path, folder: Path, editions: Collection[str] = ("internal",)) -> Iterator[Installation]:
    """Two dashboards of each of these editions of a data folder, and nginx before them and before its bulletin."""
    ports = {edition: (free_port(), free_port()) for edition in PLACES}
    with ExitStack() as stack:
        for edition in editions:
            for number, port in enumerate(ports[edition], 1):
                stack.enter_context(dashboard(data, edition, port, folder / f"{edition}-{number}.log"))
        ready = configured(folder, data, ports)
        command = nginx("-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"))
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        server = subprocess.Popen(command)
        stack.callback(server.wait, 30)
        stack.callback(server.terminate)
        _wait_for(ready.https, server)
        yield ready


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("nginx ended")
