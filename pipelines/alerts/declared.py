"""`alerts.yml` in the data folder: which events are told, to whom, and how often again.

Secrets do not stand in it: `*_from` names an environment variable, or a file that only its owner may read.
"""

import os
import re
import stat
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AnyHttpUrl, Field

from pipelines.catalogue import Declared, load_declared
from pipelines.settings import UserError, data_root

Kind = Literal["failure", "blocked_audit", "late_sender", "plausibility", "signal"]
KINDS: tuple[Kind, ...] = ("failure", "blocked_audit", "late_sender", "plausibility", "signal")
# What a release says holds until the next one, and nobody can mend it: a day later it is no news.
LASTING = timedelta(days=31)
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


class Webhook(Declared):
    """A JSON document to an address: the project's own, or as 企业微信 and 钉钉 group robots read it (`secret_from`: signed)."""

    kind: Literal["webhook", "wecom", "dingtalk"]
    url_from: str
    secret_from: str | None = None


class Email(Declared):
    """A message by SMTP. `security`: how the connection is protected; `ca_file`: who vouches for a server of the office's own."""

    kind: Literal["email"]
    host: str
    port: int = Field(ge=1, le=65535)
    security: Literal["starttls", "ssl", "none"] = "starttls"
    ca_file: Path | None = None
    sender: str
    recipients: tuple[str, ...] = Field(min_length=1)
    user: str | None = None
    password_from: str | None = None


Channel = Annotated[Webhook | Email, Field(discriminator="kind")]


class Plausibility(Declared):
    """From which share of the cases (towns, lines) looked at a check of the books is told, and of at least how many."""

    share: float = Field(default=0.5, gt=0, le=1)
    least: int = Field(default=20, ge=1)


class Alerts(Declared):
    """`link`: where the person on duty looks; `repeat_after_hours`: an event that goes on is told again after so long: less
    than a day, or the check of the next morning comes too early by some minutes and it is told every other day."""

    link: AnyHttpUrl
    repeat_after_hours: int = Field(default=20, ge=1)
    kinds: tuple[Kind, ...] = KINDS
    plausibility: Plausibility = Plausibility()
    channels: tuple[Channel, ...] = Field(min_length=1)

    def silence(self, kind: Kind | None) -> timedelta:
        """For how long an event of a kind is not told again."""
        declared = timedelta(hours=self.repeat_after_hours)
        return max(declared, LASTING) if kind in ("plausibility", "signal") else declared


def alerts_path() -> Path:
    return data_root() / "alerts.yml"


def alerts() -> Alerts:
    """The declaration. Raises `UserError` when there is none, or naming line and key when it is wrong."""
    if not alerts_path().exists():
        raise UserError(f"No alerts are declared: there is no {alerts_path()}. deploy/README.md shows one.")
    return load_declared(Alerts, alerts_path())


def secret(source: str) -> str:
    """What a `*_from` leads to. Raises `UserError` when nothing is there, or when others may read the file."""
    if VARIABLE.fullmatch(source):
        if value := os.environ.get(source, "").strip():
            return value
        raise UserError(f"{alerts_path()} names the environment variable {source}, which is not set.")
    path = Path(source)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{alerts_path()} names the file {path}, which cannot be read.") from None
    if mode & 0o077:
        raise UserError(f"{path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`.")
    if not value:
        raise UserError(f"{path} is empty; {alerts_path()} expects a secret in it.")
    return value
