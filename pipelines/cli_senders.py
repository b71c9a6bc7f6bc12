"""`fengqiao senders`: who has reported, who is late, and the text that reminds them."""

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

import click

from pipelines import catalogue
from pipelines import cli_output as output
from pipelines.periods import month_start, months_of
from pipelines.release import reminding
from pipelines.release.calendar import last_ended
from pipelines.release.reminding import Owed
from pipelines.settings import TIME_ZONE, UserError

STATES = {
    "reported": "已报 reported",
    "reported_late": "迟报 reported late",
    "due": "未到期 not due yet",
    "late": "逾期未报 late",
}


def run(month: str | None, table: str | None, sender: str | None, *, late: bool, reminder: bool, as_json: bool) -> None:
    """Print what is owed for a month (default: the last that is over). Raises `UserError` on a table or sender nobody registered."""
    today = datetime.now(ZoneInfo(TIME_ZONE)).date()
    rows = _chosen(month or last_ended("month", today), table, sender, today)
    shown = [row for row in rows if not late or row.state == "late"]
    texts = reminding.reminders(rows, today) if reminder else []
    if as_json:
        output.print_json({"senders": [_object(row) for row in shown]} | ({"reminders": texts} if reminder else {}))
    elif reminder:
        click.echo(f"\n\n{'—' * 20}\n\n".join(texts) or "没有需要催报的单位。Nobody needs to be reminded.")
    else:
        _print(shown, rows)


def _chosen(month: str, table: str | None, sender: str | None, today: date) -> list[Owed]:
    first, last = months_of(month)
    if first != last:
        raise UserError(f"{month} is no month. Write one such as 2025-10.")
    for name, value, known in (
        ("table", table, {entry.table for entry in catalogue.senders()}),
        ("sender", sender, {entry.sender for entry in catalogue.senders()}),
    ):
        if value is not None and value not in known:
            raise UserError(f"No {name} {value} stands in seeds/tables/senders.csv.")
    return reminding.owed(month_start(first), today, table, sender)


def _object(row: Owed) -> dict[str, object]:
    days = {"due_on": f"{row.due_on}", "received_on": None if row.received_on is None else f"{row.received_on}"}
    return asdict(row) | days


def _line(row: Owed, table: str) -> tuple[object, ...]:
    days = (row.due_on, row.received_on, STATES[row.state], row.days_late or None)
    return (row.sender, row.name_zh, table, row.month, *days, row.contact_office)


def _print(shown: list[Owed], rows: list[Owed]) -> None:
    heads = (
        "报送单位\nSender",
        "名称\nName",
        "表\nTable",
        "月份\nMonth",
        "应报日\nDue",
        "收到日\nReceived",
        "状态\nState",
    )
    columns = [(head, "left") for head in heads] + [("逾期天数\nDays late", "right"), ("联系单位\nContact", "left")]
    lines = [_line(row, catalogue.tables()[row.table].label.zh) for row in shown]
    counts = Counter(row.state for row in rows)
    note = "；".join(f"{words} {counts[state]}" for state, words in STATES.items() if counts[state])
    output.print_table("报送情况 Reports", columns, lines, note)
