"""A PostgreSQL as Debian ships it, of a test's own on this machine."""

import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2


@contextmanager
def cluster() -> Iterator[Mapping[str, str]]:
    """A cluster that runs meanwhile: the settings that name it to `deploy/dagster-postgres.yaml`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert programs, "These tests need PostgreSQL, of Debian's package postgresql: `make test` installs it."
    password = secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    as_owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        said, data = Path(folder, "password"), Path(folder, "data")
        said.write_text(password)
        subprocess.run(["chown", "-R", "postgres", folder] if as_owner else ["true"], check=True)
        make = ["initdb", "-D", data, "-U", "fengqiao", "--pwfile", said, "-A", "scram-sha-256", "-E", "UTF8", "-N"]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        control = [*as_owner, programs[-1] / "pg_ctl", "-D", data, "-w"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "check": True, "cwd": "/"}
        subprocess.run([*as_owner, programs[-1] / make[0], *make[1:], "--locale", "C.UTF-8"], **quiet)
        subprocess.run([*control, "-o", options, "-l", data / "log", "start"], **quiet)
        try:
            yield {
                "FENGQIAO_POSTGRES_HOST": "127.0.0.1",
                "FENGQIAO_POSTGRES_PORT": port,
                "FENGQIAO_POSTGRES_DATABASE": "postgres",
                "FENGQIAO_POSTGRES_USER": "fengqiao",
                "FENGQIAO_POSTGRES_PASSWORD": password,
            }
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def rows(settings: Mapping[str, str], query: str) -> list[tuple[Any, ...]]:
    """What a cluster answers to a query."""
    names = {"host": "HOST", "port": "PORT", "dbname": "DATABASE", "user": "USER", "password": "PASSWORD"}
    said = {name: settings[f"FENGQIAO_POSTGRES_{part}"] for name, part in names.items()}
    with closing(psycopg2.connect(**said)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
