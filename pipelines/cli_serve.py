"""`fengqiao serve`: one edition on one port. The internal edition leaves this machine only behind a sign-in."""

import os
import socket
import sys

import click

from dashboards import access
from pipelines.cli_reading import opened
from pipelines.settings import PROJECT, UserError, data_root

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(edition: str, address: str, port: int) -> None:
    """Become the server. Raises `UserError` where it may not or cannot start: no release, no sign-in, a port in use."""
    release = opened(edition).id
    sign_in = _sign_in(edition, address)
    _check_port(address, port)
    click.echo(f"http://{address}:{port}  ({edition} edition, release {release}; {sign_in})")
    sys.stdout.flush()
    os.environ |= {"FENGQIAO_EDITION": edition, "FENGQIAO_DATA": str(data_root())}
    os.chdir(PROJECT)
    options = {
        "server.address": address,
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(PROJECT / "dashboards" / "app.py"), *words])


def _sign_in(edition: str, address: str) -> str:
    """How readers are let in, in words. Raises `UserError` where the internal edition would be open to others."""
    if edition == "public":
        return "public figures, no login"
    if access.has_sign_in():
        access.sign_in_settings()
        access.access()
        return "login is on"
    if address not in LOOPBACK:
        raise UserError(
            f"The internal edition may not listen on {address} without login. Set up sign-in (docs/sign-in.md), or"
            " leave --address out."
        )
    return "login is off, so this machine only is served"


def _check_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UserError(
                f"Port {port} of {address} cannot be used ({error.strerror}); name another with --port."
            ) from None
