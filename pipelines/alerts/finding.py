"""What there is to tell, read off the data folder: logs of failures, public releases that an attack stopped, reports that are
overdue by the ledger, and what the published internal release says of its last month.

No value leaves: an alert names office, table, indicator, area and month, and the reader opens the dashboard for the rest.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.alerts.declared import Alerts, Plausibility
from pipelines.alerts.events import Event
from pipelines.catalogue import Words, cards, senders, tables
from pipelines.periods import month_start
from pipelines.release.calendar import last_ended
from pipelines.release.drafting import blocked
from pipelines.release.reminding import Owed, owed
from pipelines.settings import TIME_ZONE, UserError, data_root, releases

RECENT = timedelta(days=7)
UNIT = re.compile(r"[A-Za-z0-9@._:\\-]{1,200}")
BOOKS = {
    "concluded_on_the_same_day": Words(
        zh="受理当日办结的比例异常高", en="unusually many concluded on the day of acceptance"
    ),
    "concluded_in_the_last_three_days": Words(
        zh="月末三天集中办结", en="unusually many concluded in the last three days of the month"
    ),
    "line_as_in_the_month_before": Words(zh="报表多行与上月完全相同", en="many lines exactly as in the month before"),
    "everything_agreed": Words(zh="调解成功率恰为百分之百", en="every mediation ended in agreement"),
}


def found(declared: Alerts) -> list[Event]:
    """All events of the declared kinds that hold now, told before or not."""
    events = {
        "failure": _failures(),
        "blocked_audit": _blocked_audits(),
        "late_sender": late_senders(),
        "plausibility": _plausibility(declared.plausibility),
        "signal": _signals(),
    }
    return [event for kind, those in events.items() if kind in declared.kinds for event in those]


def failed(unit: str, day: date | None = None) -> Event:
    """A service that failed, by its name: told once a day. Raises `UserError` for a name that no service has."""
    if not UNIT.fullmatch(unit):
        raise UserError("This is no name of a service; write one such as fengqiao-daily.service.")
    day = day or _today()
    return Event(
        "failure",
        f"unit {unit} {day}",
        f"服务 {unit} 失败（{day}），数据停留在上一次成功的状态。请在服务器上查看：journalctl -u {unit}",
        f"The service {unit} failed on {day}; the data stay as they were. On the server: journalctl -u {unit}",
    )


def failed_run(job: str, partition: str | None, day: date | None = None) -> Event:
    """A run of the schedule that failed, by its job and the part of it, such as a period: told once a day."""
    name = job if partition is None else f"{job} {partition}"
    day = day or _today()
    return Event(
        "failure",
        f"run {name} {day}",
        f"排程任务 {name} 未能完成（{day}），数据停留在上一次成功的状态。请在 Dagster 页面打开该次运行，按其中的说明处理。",
        f"The scheduled run {name} failed on {day}; the data stay as they were. Dagster's page of the run says why and what to do.",
    )


def endless(sender: str, file: str, minutes: int) -> Event:
    """A file in landing that does not end: somebody has been writing it for so long."""
    office = next((entry for entry in senders() if entry.sender == sender), None)
    zh, en = (office.contact_office, office.name_en) if office else ("报送单位", "its sender")
    return Event(
        "failure",
        f"endless {sender} {file}",
        f"landing/{sender} 中的文件 {file} 已连续写入 {minutes} 分钟仍未结束，未接收。请联系{zh}，停止上传后重新报送。",
        f"The file {file} in landing/{sender} has been growing for {minutes} minutes and is not taken in."
        f" Ask {en} to stop and send it anew.",
    )


def _today() -> date:
    return datetime.now(ZoneInfo(TIME_ZONE)).date()


def _failures() -> Iterator[Event]:
    """Failures nobody foresaw, of the last days: the log holds types and places only, and even these are not sent."""
    for path in sorted((data_root() / "logs").glob("failure-*.log")):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) > datetime.now(UTC) - RECENT:
            yield Event(
                "failure",
                path.name,
                f"程序意外中断，记录在 logs/{path.name}，请转交维护人员。",
                f"A command ended unexpectedly; logs/{path.name} says where. Hand it to whoever maintains the system.",
            )


def _blocked_audits() -> Iterator[Event]:
    for release_id in blocked():
        yield Event(
            "blocked_audit",
            release_id,
            f"公开版 {release_id} 未通过攻击检验，不能发布。请运行 fengqiao audit {release_id} 查看原因，"
            "并请公开计划的负责人收紧 seeds/publication.yml。",
            f"The public release {release_id} did not withstand the attacks and cannot be published. fengqiao audit"
            f" {release_id} says why; ask whoever answers for seeds/publication.yml to restrict it.",
        )


def late(today: date) -> list[Owed]:
    """What is overdue of the last month that is over; where nothing of it is due yet, of the month before it."""
    ended = month_start(last_ended("month", today))
    rows = owed(ended, today)
    if not any(row.due_on < today for row in rows):
        rows = owed((ended - timedelta(days=1)).replace(day=1), today)
    return [row for row in rows if row.state == "late"]


def late_senders() -> Iterator[Event]:
    """What is overdue, and the office to ask: `subject` is sender, table and month."""
    for row in late(_today()):
        label = tables()[row.table].label
        yield Event(
            "late_sender",
            f"{row.sender} {row.table} {row.month}",
            f"{row.name_zh}《{label.zh}》{row.month} 应于 {row.due_on} 前报送，尚未收到。请联系{row.contact_office}。",
            f"{row.name_en}, {label.en}, {row.month}: was due on {row.due_on} and has not come. Ask the office for it.",
        )


def _published(name: str) -> pl.DataFrame:
    """A table of the published internal release in its last month; empty when nothing is published or has no such table."""
    path = releases("internal") / "current" / f"{name}.parquet"
    if not path.exists():
        return pl.DataFrame()
    return pl.scan_parquet(path).filter(pl.col("month") == pl.col("month").max()).collect()


def _plausibility(declared: Plausibility) -> Iterator[Event]:
    rows = _published("plausibility")
    if rows.is_empty():
        return
    odd = rows.filter(pl.col("checked") >= declared.least, pl.col("found") >= declared.share * pl.col("checked"))
    names = {sender.sender: sender.name_zh for sender in senders()}
    english = {sender.sender: sender.name_en for sender in senders()}
    for check, table, sender, month in odd.select("book_check", "table_name", "sender", "month").sort(pl.all()).rows():
        what, label = BOOKS.get(check, Words(zh=check, en=check)), tables()[table].label
        yield Event(
            "plausibility",
            f"{check} {table} {sender} {month:%Y-%m}",
            f"{names.get(sender, sender)}《{label.zh}》{month:%Y-%m}：{what.zh}，请向报送单位核实。",
            f"{english.get(sender, sender)}, {label.en}, {month:%Y-%m}: {what.en}. Ask the office to check its books.",
        )


def _signals() -> Iterator[Event]:
    rows = _published("signals")
    if rows.is_empty():
        return
    areas = pl.read_parquet(releases("internal") / "current" / "areas.parquet").select(
        "area_code", "name_zh", "name_en"
    )
    worse = rows.filter(pl.col("is_real_change"), pl.col("direction") == "worse").join(areas, on="area_code")
    columns = ("indicator", "area_code", "name_zh", "name_en", "period")
    for indicator, area, zh, en, period in worse.select(columns).sort(columns).rows():
        label = cards()[indicator].label if indicator in cards() else Words(zh=indicator, en=indicator)
        yield Event(
            "signal",
            f"{indicator} {area} {period}",
            f"{zh}「{label.zh}」{period} 超出正常波动且趋于不利，请打开看板查看控制图。",
            f"{en}, {label.en}, {period}: beyond the usual variation, for the worse. See its control chart.",
        )
