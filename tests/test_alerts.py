"""Alerts: what holds is told once by each channel, to real servers on this machine, and no secret and no value with it."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from click.testing import CliRunner, Result

from pipelines.alerts.declared import alerts
from pipelines.alerts.events import Event
from pipelines.alerts.finding import failed, failed_run
from pipelines.alerts.sending import signed
from pipelines.alerts.telling import memory_path, tell
from pipelines.cli import main
from pipelines.settings import UserError
from tests.certificates import self_signed
from tests.conftest import FENGQIAO

TOKEN = "token-nobody-may-see"
PASSWORD = "password-nobody-may-see"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
BROKEN = Event("failure", "unit daily", "定时任务未能完成。", "The scheduled run failed.")
WORSE = Event("signal", "rate 500117 2026-02", "合川区：趋于不利。", "Hechuan: for the worse.")
ODD = Event("plausibility", "same_day cases hechuan 2026-02", "合川区：请核实。", "Hechuan: ask the office.")
LATE = Event("late_sender", "hechuan cases 2026-02", "合川区：尚未收到。", "Hechuan: has not come.")


@dataclass
class Robot:
    """A web server that remembers what was posted to it, and answers as it is told."""

    address: str = ""
    posted: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    status: int = 200
    answer: bytes = b'{"errcode": 0, "errmsg": "ok"}'


@pytest.fixture
def robot() -> Iterator[Robot]:
    told = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            told.posted.append((self.path, json.loads(content)))
            self.send_response(told.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(told.answer)

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told.address = f"http://127.0.0.1:{server.server_port}/send?access_token={TOKEN}"
    yield told
    server.shutdown()
    server.server_close()


@dataclass
class Postbox:
    """What an SMTP server took, and with which user."""

    mails: list[EmailMessage] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def admit(self, server: SMTP, session: Session, envelope: Envelope, kind: str, who: LoginPassword) -> AuthResult:
        self.users.append(who.login.decode())
        return AuthResult(success=who.password.decode() == PASSWORD)


@contextmanager
def mail_server(postbox: Postbox, security: str, folder: Path) -> Iterator[int]:
    """A mail server on this machine; its port. With a certificate of its own where the connection is protected."""
    said: dict[str, object] = {}
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self_signed(folder))
        said = {"ssl_context": context} if security == "ssl" else {"tls_context": context, "require_starttls": True}
        said |= {"authenticator": postbox.admit, "auth_required": True, "auth_require_tls": security == "starttls"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port, **said)  # type: ignore[arg-type]
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FENGQIAO_KEYS", str(tmp_path / "keys"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def declare(folder: Path, *channels: dict[str, object], **said: object) -> None:
    text = yaml.safe_dump({"link": "https://stats.example.invalid/", "channels": list(channels), **said})
    (folder / "alerts.yml").write_text(text, encoding="utf-8")


def webhook(robot: Robot, monkeypatch: pytest.MonkeyPatch, kind: str = "webhook", **said: object) -> dict[str, object]:
    monkeypatch.setenv("FENGQIAO_ALERT_URL", robot.address)
    return {"kind": kind, "url_from": "FENGQIAO_ALERT_URL", **said}


def fengqiao(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_a_webhook_is_told_once_and_again_when_its_time_has_passed(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch), repeat_after_hours=6)
    for hours, sent in ((0, 2), (1, 0), (5, 0), (7, 2), (8, 0)):
        assert tell([BROKEN, LATE], alerts(), NOW + timedelta(hours=hours)).sent == sent, hours
    assert tell([BROKEN], alerts(), NOW - timedelta(days=400)).sent == 1, "a clock that went back silences nobody"
    bodies = [body for _, body in robot.posted]
    assert [len(body["events"]) for body in bodies] == [2, 2, 1]  # type: ignore[arg-type]
    assert "定时任务未能完成" in str(bodies[0]["text_zh"])
    assert "The scheduled run failed." in str(bodies[0]["text_en"])
    assert bodies[0]["link"] == "https://stats.example.invalid/"


def test_what_goes_on_is_told_each_morning_however_late_the_timer_was(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer of the daily work may wait five minutes; what a release says is told once, until the next one or for a month."""
    declare(folder, webhook(robot, monkeypatch))
    mornings = (timedelta(0), timedelta(days=1, minutes=-5), timedelta(days=2), timedelta(days=32))
    told = [tell([BROKEN, LATE, WORSE, ODD], alerts(), NOW + after).sent for after in mornings]
    assert told == [4, 2, 2, 4]


def test_a_failure_of_a_new_day_is_told_and_a_service_that_keeps_failing_once_a_day(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch))
    evening, midnight = datetime(2026, 3, 1, 15, 50, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
    for instant, day, sent in ((evening, 1, 1), (midnight - timedelta(minutes=1), 1, 0), (midnight, 2, 1)):
        event = failed("fengqiao-daily.service", date(2026, 3, day))
        run = failed_run("month_draft", "2026-02", date(2026, 3, day))
        assert tell([event, run], alerts(), instant).sent == 2 * sent, instant
    assert "The service fengqiao-daily.service failed on 2026-03-02" in str(robot.posted[-1][1]["text_en"])
    assert fengqiao("alert", "--failed", "fengqiao-daily.service").exit_code == 0
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    assert f"fengqiao-daily.service 失败（{today}）" in str(robot.posted[-1][1]["text_zh"])


@pytest.mark.parametrize("kind", ["wecom", "dingtalk"])
def test_a_group_robot_gets_a_text_it_can_hold(
    kind: str, robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch, kind))
    many = [Event("signal", f"indicator area {number}", BROKEN.zh * 4, BROKEN.en * 4) for number in range(300)]
    assert tell(many, alerts(), NOW).sent == 300
    [(_, body)] = robot.posted
    text = body["text"]["content"]  # type: ignore[index]
    assert body["msgtype"] == "text"
    assert len(text.encode()) <= (2048 if kind == "wecom" else 20_000)
    assert "300 项" in text and "https://stats.example.invalid/" in text


def test_a_dingtalk_robot_can_check_the_signature(robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = folder.parent / "dingtalk-secret"
    secret.write_text(f"{TOKEN}\n")
    secret.chmod(0o600)
    declare(folder, webhook(robot, monkeypatch, "dingtalk", secret_from=str(secret)))
    assert tell([BROKEN], alerts(), NOW).sent == 1
    asked = parse_qs(urlsplit(robot.posted[0][0]).query)
    expected = hmac.digest(TOKEN.encode(), f"{asked['timestamp'][0]}\n{TOKEN}".encode(), "sha256")
    assert base64.b64decode(asked["sign"][0]) == expected
    assert asked["access_token"] == [TOKEN]


def test_the_signature_of_one_instant_by_hand() -> None:
    digest = hmac.new(b"this is secret", b"1577262236757\nthis is secret", hashlib.sha256).digest()
    assert signed("this is secret", 1577262236757) == {
        "timestamp": "1577262236757",
        "sign": base64.b64encode(digest).decode(),
    }


@pytest.mark.parametrize("security", ["starttls", "ssl", "none"])
def test_a_mail_arrives(security: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postbox = Postbox()
    monkeypatch.setenv("FENGQIAO_SMTP_PASSWORD", PASSWORD)
    with mail_server(postbox, security, tmp_path) as port:
        channel: dict[str, object] = {"kind": "email", "host": "127.0.0.1", "port": port, "security": security}
        channel |= {"sender": "fengqiao@example.invalid", "recipients": ["duty@example.invalid", "two@example.invalid"]}
        if security != "none":
            channel |= {"user": "fengqiao", "password_from": "FENGQIAO_SMTP_PASSWORD"}
            channel |= {"ca_file": str(tmp_path / "certificate.pem")}
        declare(folder, channel)
        done = fengqiao("alert", "--failed", "fengqiao-daily.service")
        assert done.exit_code == 0, done.output
        assert fengqiao("alert", "--failed", "fengqiao-daily.service").exit_code == 0
    [mail] = postbox.mails
    text = mail.get_content()
    assert mail["To"] == "duty@example.invalid, two@example.invalid"
    assert "服务 fengqiao-daily.service 失败" in text
    assert "journalctl -u fengqiao-daily.service" in text
    assert PASSWORD not in mail.as_string() + done.output
    assert postbox.users == ([] if security == "none" else ["fengqiao"])


def test_a_mail_server_nobody_vouches_for_gets_no_password(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postbox = Postbox()
    monkeypatch.setenv("FENGQIAO_SMTP_PASSWORD", PASSWORD)
    with mail_server(postbox, "starttls", tmp_path) as port:
        channel: dict[str, object] = {"kind": "email", "host": "127.0.0.1", "port": port, "user": "fengqiao"}
        channel |= {"sender": "a@example.invalid", "recipients": ["b@example.invalid"]}
        declare(folder, channel | {"password_from": "FENGQIAO_SMTP_PASSWORD"})
        done = fengqiao("alert", "--test")
    assert (done.exit_code, postbox.mails, postbox.users) == (1, [], [])
    assert "did not take the message: SSLCertVerificationError" in done.stderr


def test_a_channel_that_fails_stops_no_other_and_is_told_later(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGQIAO_DEAD_URL", f"http://127.0.0.1:9/?key={TOKEN}")
    declare(folder, {"kind": "wecom", "url_from": "FENGQIAO_DEAD_URL"}, webhook(robot, monkeypatch))
    told = tell([BROKEN], alerts(), NOW)
    assert told.sent == 1
    assert told.refused == ("The channel wecom (FENGQIAO_DEAD_URL) did not take the message: ConnectionError",)
    monkeypatch.setenv("FENGQIAO_DEAD_URL", robot.address)
    assert (tell([BROKEN], alerts(), NOW).sent, len(robot.posted)) == (1, 2)


def test_a_failure_that_no_channel_took_is_told_by_the_next_check_once(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service fails while the channel is down; in the morning the check finds a log of a failure, too."""
    declare(folder, webhook(robot, monkeypatch), kinds=["failure"])
    robot.status = 503
    for _ in range(2):  # systemd tries again
        assert fengqiao("alert", "--failed", "fengqiao-daily.service").exit_code == 1
    robot.posted.clear()
    robot.status = 200
    (folder / "logs").mkdir()
    (folder / "logs" / "failure-20260301T080000.000000.log").write_text("KeyError\n")
    said = json.loads(fengqiao("alert", "--check", "--json").stdout)
    assert (len(said["events"]), said["sent"]) == (2, 2)
    for words in (("--check",), ("--failed", "fengqiao-daily.service"), ("--check",)):
        assert fengqiao("alert", *words).exit_code == 0
    [(_, body)] = robot.posted
    assert str(body["text_zh"]).count("服务 fengqiao-daily.service 失败") == 1
    assert str(body["text_zh"]).count("程序意外中断") == 1


def test_a_failure_is_kept_for_the_channel_that_refused_it_and_for_a_week(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch), {"kind": "webhook", "url_from": "FENGQIAO_DEAD_URL"})
    monkeypatch.setenv("FENGQIAO_DEAD_URL", "http://127.0.0.1:9/")
    told = failed("fengqiao-daily.service", date(2026, 3, 1))
    assert tell([told, LATE], alerts(), NOW).sent == 2, "by the channel that is up"
    assert tell([], alerts(), NOW + timedelta(days=2)).sent == 0
    monkeypatch.setenv("FENGQIAO_DEAD_URL", robot.address)
    assert tell([], alerts(), NOW + timedelta(days=6)).events == (told,), "what a check finds again is not kept"
    assert [len(body["events"]) for _, body in robot.posted] == [2, 1]  # type: ignore[arg-type]
    monkeypatch.setenv("FENGQIAO_DEAD_URL", "http://127.0.0.1:9/")
    tell([failed("fengqiao-backup.service", date(2026, 3, 7))], alerts(), NOW + timedelta(days=6))
    monkeypatch.setenv("FENGQIAO_DEAD_URL", robot.address)
    assert tell([], alerts(), NOW + timedelta(days=13)).events == (), "a week later it is no news"


def test_what_was_told_before_this_software_kept_anything_is_still_known(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch))
    assert tell([BROKEN], alerts(), NOW).sent == 1
    with closing(sqlite3.connect(memory_path())) as memory:
        memory.execute("drop table kept")
    assert tell([BROKEN], alerts(), NOW).sent == 0


@pytest.mark.parametrize(
    ("kind", "status", "answer", "said"),
    [
        ("webhook", 500, b"", "HTTP 500"),
        ("webhook", 302, b"", "HTTP 302"),
        ("wecom", 200, b'{"errcode": 93000, "errmsg": "invalid webhook url"}', "errcode 93000"),
        ("dingtalk", 200, b"<html>", "an answer that is not a robot's"),
    ],
)
def test_what_a_server_refuses_is_said_without_its_address_and_tried_again(
    kind: str, status: int, answer: bytes, said: str, robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch, kind))
    robot.status, robot.answer = status, answer
    done = fengqiao("alert", "--test")
    assert (done.exit_code, said in done.stderr, TOKEN in done.output) == (1, True, False), done.output
    assert len(robot.posted) == 1
    robot.status, robot.answer = 200, b'{"errcode": 0}'
    assert fengqiao("alert", "--test").exit_code == 0
    assert TOKEN.encode() not in memory_path().read_bytes()


def test_two_processes_at_once_tell_an_event_once(robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(folder, webhook(robot, monkeypatch))
    command = [FENGQIAO, "alert", "--failed", "fengqiao-daily.service", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [json.loads(process.communicate()[0]) for process in both]
    assert sorted(answer["sent"] for answer in said) == [0, 0, 1]
    assert len(robot.posted) == 1


def test_the_check_tells_what_the_release_and_the_logs_say_and_no_value(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = folder / "releases" / "internal" / "current"
    release.mkdir(parents=True)
    _published(release)
    (folder / "logs").mkdir()
    (folder / "logs" / "failure-20260301T080000.000000.log").write_text("KeyError\n  张三 13800000000\n")
    declare(folder, webhook(robot, monkeypatch), kinds=["failure", "plausibility", "signal"])
    events = json.loads(fengqiao("alert", "--check", "--json").stdout)["events"]
    assert [event["kind"] for event in events] == ["failure", "plausibility", "signal"]
    assert "合川区司法局" in events[1]["zh"] and "2026-02" in events[1]["zh"]
    assert "合川区「调解成功率」" in events[2]["zh"]
    sent = json.dumps(robot.posted[0][1], ensure_ascii=False)
    assert not re.search(r"张三|13800000000|KeyError|87\.5|\b23\b|\b25\b", sent)
    declare(folder, webhook(robot, monkeypatch), kinds=["signal"])
    assert len(json.loads(fengqiao("alert", "--check", "--json").stdout)["events"]) == 1


def test_a_public_release_that_an_attack_stopped_is_told_until_a_newer_one_passes(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch), kinds=["blocked_audit"])

    def told() -> list[str]:
        return [event["subject"] for event in json.loads(fengqiao("alert", "--check", "--json").stdout)["events"]]

    _audited(folder, "2025-1.0", passed=True)
    assert told() == []
    _audited(folder, "2025-Q3-1.0", passed=False)
    assert told() == ["2025-Q3-1.0"]
    [(_, body)] = robot.posted
    assert "公开版 2025-Q3-1.0 未通过攻击检验" in str(body["text_zh"])
    assert "did not withstand the attacks" in str(body["text_en"])
    assert not re.search(r"\b37\b|mediation", json.dumps(body, ensure_ascii=False)), "what was found is not sent"
    _audited(folder, "2025-Q3-1.1", passed=True)
    assert told() == []


def _audited(folder: Path, release_id: str, *, passed: bool) -> None:
    """A public draft and the report of the attacks on it."""
    draft, reports = folder / "releases" / "drafts" / "public" / release_id, folder / "releases" / "audits"
    draft.mkdir(parents=True)
    (draft / "release.json").write_text(json.dumps({"data_hash": release_id}), encoding="utf-8")
    reports.mkdir(exist_ok=True)
    found = [] if passed else [{"attack": "bounds", "cell": ["mediation_accepted"], "said": "37"}]
    report = {"release": release_id, "data_hash": release_id, "passed": passed, "findings": found}
    (reports / f"{release_id}.json").write_text(json.dumps(report), encoding="utf-8")


def test_a_report_that_is_overdue_is_told_with_whom_to_ask(
    robot: Robot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch), kinds=["late_sender"])
    events = json.loads(fengqiao("alert", "--check", "--json").stdout)["events"]
    [hechuan] = [event for event in events if event["subject"].startswith("mediation-500117 mediation_cases ")]
    month = hechuan["subject"].split()[-1]
    following = datetime.strptime(month, "%Y-%m") + timedelta(days=31)
    assert f"{month} 应于 {following:%Y-%m}-05 前报送，尚未收到。请联系合川区司法局。" in hechuan["zh"]
    assert "has not come" in hechuan["en"]
    assert str(robot.posted[0][1]["text_zh"]).count("尚未收到") == 20
    assert f"另有 {len(events) - 20} 项" in str(robot.posted[0][1]["text_zh"])


def _published(release: Path) -> None:
    """Three tables of a release, with one month in which something is to be told and one long past."""
    months = [datetime(2026, 1, 1).date(), datetime(2026, 2, 1).date(), datetime(2026, 2, 1).date()]
    pl.DataFrame(
        {
            "book_check": ["concluded_on_the_same_day"] * 3,
            "table_name": ["mediation_cases"] * 3,
            "sender": ["mediation-500117", "mediation-500117", "mediation-500118"],
            "month": months,
            "found": [25, 23, 2],
            "checked": [25, 25, 2],
        }
    ).write_parquet(release / "plausibility.parquet")
    pl.DataFrame(
        {
            "indicator": ["mediation_success_rate"] * 3,
            "area_code": ["500117000000", "500117000000", "500118000000"],
            "period": ["2026-01", "2026-02", "2026-02"],
            "month": months,
            "value": [87.5, 87.5, 87.5],
            "direction": ["worse", "worse", "better"],
            "is_real_change": [True, True, True],
        }
    ).write_parquet(release / "signals.parquet")
    areas = {"area_code": ["500117000000", "500118000000"], "name_zh": ["合川区", "永川区"]}
    pl.DataFrame(areas | {"name_en": ["Hechuan District", "Yongchuan District"]}).write_parquet(
        release / "areas.parquet"
    )


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"kind": "pigeon"}, "line 2: channels.0: Input tag"),
        ({"kind": "webhook", "url": "https://example.invalid"}, "there is no such key"),
        ({"kind": "webhook", "url_from": "FENGQIAO_NOT_SET"}, "FENGQIAO_NOT_SET, which is not set"),
        ({"kind": "webhook", "url_from": "/nowhere/url"}, "names the file /nowhere/url, which cannot be read"),
    ],
)
def test_a_wrong_declaration_is_said_by_key(channel: dict[str, object], said: str, folder: Path) -> None:
    declare(folder, channel)
    done = fengqiao("alert", "--test")
    assert done.exit_code in (1, 2)
    assert said in done.stderr, done.stderr


def test_a_secret_that_others_may_read_is_not_used(folder: Path, robot: Robot) -> None:
    file = folder.parent / "url"
    file.write_text(robot.address)
    os.chmod(file, 0o644)
    declare(folder, {"kind": "webhook", "url_from": str(file)})
    assert "can be read by others" in fengqiao("alert", "--test").stderr
    assert robot.posted == []


def test_a_password_does_not_go_over_an_open_connection(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_SMTP_PASSWORD", PASSWORD)
    channel: dict[str, object] = {"kind": "email", "host": "127.0.0.1", "port": 9, "security": "none", "user": "u"}
    channel |= {"sender": "a@example.invalid", "recipients": ["b@example.invalid"]}
    declare(folder, channel | {"password_from": "FENGQIAO_SMTP_PASSWORD"})
    assert "is not sent over an open connection" in fengqiao("alert", "--test").stderr


@pytest.mark.parametrize("words", [["alert"], ["alert", "--check", "--test"], ["alert", "--failed", "a; rm -rf /"]])
def test_what_cannot_be_meant_is_refused(
    words: list[str], folder: Path, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(folder, webhook(robot, monkeypatch))
    assert (fengqiao(*words).exit_code, robot.posted) == (2, [])


def test_without_a_declaration_it_says_where_to_find_one(folder: Path) -> None:
    assert "No alerts are declared" in fengqiao("alert", "--check").stderr
    with pytest.raises(UserError, match="No alerts are declared"):
        alerts()
