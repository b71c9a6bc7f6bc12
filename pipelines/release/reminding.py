"""Who has handed in what they owe, and the words with which the others are reminded (催报). Read off the ledger: no build is needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines import catalogue
from pipelines.catalogue import Sender
from pipelines.intake import ledger
from pipelines.intake.ledger import Delivery
from pipelines.periods import month_start
from pipelines.settings import TIME_ZONE

MISSING = ("due", "late")
_STATES = {(True, False): "reported", (True, True): "reported_late", (False, False): "due", (False, True): "late"}


@dataclass(frozen=True)
class Owed:
    """One sender, table and month. `areas`: how many it owes it for; `received_on`: its first delivery that speaks for the month.

    `state`: reported, reported_late (after its day), due (its day has not passed) or late; `days_late`: from its day to receipt,
    or to today where nothing came.
    """

    sender: str
    name_zh: str
    name_en: str
    table: str
    areas: int
    month: str
    due_on: date
    received_on: date | None
    state: str
    days_late: int
    contact_office: str


def owed(month: date, today: date, table: str | None = None, sender: str | None = None) -> list[Owed]:
    """What senders owe for a month, by sender and table. `month`: its first day."""
    entries = ledger.deliveries()
    registered: dict[tuple[str, str], list[Sender]] = {}
    for entry in catalogue.senders():
        if table in (None, entry.table) and sender in (None, entry.sender) and _owes(entry, month):
            registered.setdefault((entry.sender, entry.table), []).append(entry)
    return [_owed(of_table, month, today, entries) for _, of_table in sorted(registered.items())]


def _owes(entry: Sender, month: date) -> bool:
    """What is owed once in several months is owed for their last."""
    is_last = month.month % catalogue.tables()[entry.table].months_each == 0
    return (
        is_last
        and (entry.valid_from is None or entry.valid_from.replace(day=1) <= month)
        and (entry.valid_to is None or month <= entry.valid_to)
    )


def _owed(registered: Sequence[Sender], month: date, today: date, entries: Iterable[Delivery]) -> Owed:
    first = registered[0]
    due_on = (month + timedelta(days=31)).replace(day=min(first.due_day, 28))
    own = (e for e in entries if (e.sender, e.table_name) == (first.sender, first.table))
    received = min((_received_on(e) for e in own if _speaks_for(e, month)), default=None)
    is_past = (received or today) > due_on
    return Owed(
        sender=first.sender,
        name_zh=first.name_zh,
        name_en=first.name_en,
        table=first.table,
        areas=len(registered),
        month=f"{month:%Y-%m}",
        due_on=due_on,
        received_on=received,
        state=_STATES[received is not None, is_past],
        days_late=max(((received or today) - due_on).days, 0),
        contact_office=first.contact_office,
    )


def _speaks_for(entry: Delivery, month: date) -> bool:
    """A delivery speaks for the months from its first to its last, and so for all that is owed with any of them."""
    if entry.first_month is None or entry.last_month is None:
        return False
    begins = month.replace(month=month.month - catalogue.tables()[entry.table_name].months_each + 1)
    return month_start(entry.first_month) <= month and begins <= month_start(entry.last_month)


def _received_on(entry: Delivery) -> date:
    return datetime.fromisoformat(entry.received_at).astimezone(ZoneInfo(TIME_ZONE)).date()


def reminders(rows: Iterable[Owed], today: date) -> list[str]:
    """A text for each contact office that has not handed in everything, in Chinese and in English."""
    offices: dict[str, list[Owed]] = {}
    for row in rows:
        if row.state in MISSING:
            offices.setdefault(row.contact_office or row.name_zh, []).append(row)
    return [_reminder(office, missing, today) for office, missing in sorted(offices.items())]


def _reminder(office: str, missing: Sequence[Owed], today: date) -> str:
    words = catalogue.publisher()
    zh = [f"催报通知\n\n{office}：\n\n截至{today.year}年{today.month}月{today.day}日，贵单位下列报表尚未报送："]
    en = [f"To {office}:\n\nAs of {_day(today)} the following has not been received from your office:"]
    for number, row in enumerate(missing, 1):
        label, due = catalogue.tables()[row.table].label, row.due_on
        passed = f"，已逾期{row.days_late}天" if row.days_late else ""
        zh.append(
            f"{number}. {label.zh}（{row.name_zh}），统计月份{row.month}，应于{due.year}年{due.month}月{due.day}日前报送{passed}。"
        )
        overdue = f", {row.days_late} days overdue" if row.days_late else ""
        en.append(f"{number}. {label.en} ({row.name_en}), month {row.month}, due on {_day(due)}{overdue}.")
    zh.append(f"请尽快报送；本月无发生数的，请报零报告。联系方式：{words.contact}。\n\n{words.publisher.zh}")
    en.append(
        f"Please send it soon; where nothing occurred, send a zero report. Contact: {words.contact}.\n\n{words.publisher.en}"
    )
    return "\n".join(zh) + "\n\n" + "\n".join(en)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
