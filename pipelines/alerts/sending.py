"""The channels: a generic JSON webhook, group robots of 企业微信 and 钉钉, email. What goes wrong is said without address or secret.

The robots' formats are those of their makers' published guides (企业微信 群机器人配置说明; 钉钉 自定义机器人, 加签): text messages of at
most 2,048 and 20,000 bytes.
"""

import base64
import hashlib
import hmac
import smtplib
import ssl
import time
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import requests

from pipelines.alerts.declared import Email, Webhook, secret
from pipelines.alerts.events import Message, message
from pipelines.settings import UserError

SECONDS = 15
TEXT_BYTES = {"wecom": 2_048, "dingtalk": 20_000}


class NotTaken(Exception):
    """Why a channel did not take a message: a few words without address, secret or answer."""


def send(channel: Webhook | Email, said: Message) -> None:
    """Send a message by a channel. Raises `NotTaken`, and `UserError` when a secret is missing."""
    if isinstance(channel, Email):
        _mail(channel, said)
    else:
        _post(channel, said)


def name_of(channel: Webhook | Email) -> str:
    """What a channel is called where it is spoken of: never its address, which may hold a token."""
    return f"email by {channel.host}" if isinstance(channel, Email) else f"{channel.kind} ({channel.url_from})"


def _post(channel: Webhook, said: Message) -> None:
    signature = {} if channel.secret_from is None else signed(secret(channel.secret_from), time.time_ns() // 1_000_000)
    url = secret(channel.url_from)
    try:
        answer = requests.post(url, params=signature, json=body(channel, said), timeout=SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise NotTaken(type(error).__name__) from None  # its text would show the address
    if not answer.ok or answer.is_redirect:
        raise NotTaken(f"HTTP {answer.status_code}")
    if channel.kind != "webhook":
        _require_accepted(answer)


def _require_accepted(answer: requests.Response) -> None:
    """The robots answer 200 even where they refuse, and say so in the body."""
    try:
        code = answer.json()["errcode"]
    except (ValueError, KeyError, TypeError):
        raise NotTaken("an answer that is not a robot's") from None
    if code != 0:
        raise NotTaken(f"errcode {int(code)}")


def body(channel: Webhook, said: Message) -> dict[str, Any]:
    """The JSON of a message: `title, text_zh, text_en, link, events` (each `kind, subject, zh, en`), or a robot's text."""
    if channel.kind == "webhook":
        events = [{"kind": e.kind, "subject": e.subject, "zh": e.zh, "en": e.en} for e in said.events]
        return {"title": said.title, "text_zh": said.zh, "text_en": said.en, "link": said.link, "events": events}
    return {"msgtype": "text", "text": {"content": _fitting(said, TEXT_BYTES[channel.kind])}}


def _fitting(said: Message, size: int) -> str:
    """The text with as many events listed as fit; the first event alone always does."""
    for listed in range(min(len(said.events), 20), 0, -1):
        text = message(said.events, said.link, listed).text
        if len(text.encode()) <= size:
            return text
    return f"{said.title}\n{said.link}"


def signed(key: str, timestamp: int) -> Mapping[str, str]:
    """钉钉's signature of an instant in milliseconds: HMAC-SHA256 of `timestamp\\nkey` under the key, in base64."""
    digest = hmac.new(key.encode(), f"{timestamp}\n{key}".encode(), hashlib.sha256).digest()
    return {"timestamp": str(timestamp), "sign": base64.b64encode(digest).decode()}


def _mail(channel: Email, said: Message) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = said.title, channel.sender, ", ".join(channel.recipients)
    mail.set_content(said.text)
    password = None if channel.password_from is None else secret(channel.password_from)
    try:
        trusted = ssl.create_default_context(cafile=channel.ca_file)
        with _connected(channel, trusted) as server:
            if channel.security == "starttls":
                server.starttls(context=trusted)
            if channel.user is not None and password is not None:
                server.login(channel.user, password)
            refused = server.send_message(mail)
    except (smtplib.SMTPException, OSError) as error:
        code = getattr(error, "smtp_code", None)
        raise NotTaken(f"SMTP {code}" if code else type(error).__name__) from None
    if refused:
        raise NotTaken(f"{len(refused)} of {len(channel.recipients)} recipients were refused")


def _connected(channel: Email, trusted: ssl.SSLContext) -> smtplib.SMTP:
    if channel.security == "ssl":
        return smtplib.SMTP_SSL(channel.host, channel.port, timeout=SECONDS, context=trusted)
    if channel.security == "none" and channel.password_from is not None:
        raise UserError(
            "A password is not sent over an open connection: set security to starttls or ssl in alerts.yml."
        )
    return smtplib.SMTP(channel.host, channel.port, timeout=SECONDS)
