"""Python's csv and sqlite3, row by row, with all rules of the contract."""

import csv
import re
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from benchmarks.intake.peers import declared
from benchmarks.intake.peers.declared import COLUMNS, NOTHING, REASONS, REQUIRED, Told

SQL_TYPES = {"integer": "integer", "money": "integer", "date": "date", "datetime": "timestamp", "yes_no": "boolean"}
EPOCH = date(1899, 12, 30)
DAY, COMPACT_DAY, SERIAL = map(re.compile, (declared.DAY, declared.COMPACT_DAY, declared.SERIAL))

TYPE = "select typeof({name}) from cases where {name} is not null limit 1"

Row = dict[str, object]


def load(path: Path, folder: Path, keys: Path) -> Told:
    both = declared.keyed(keys)
    stored = [(name, kind) for name, kind in COLUMNS.values() if name != "case_number"]
    left_out: list[tuple[int, str]] = []
    with sqlite3.connect(folder / "cases.sqlite") as base, path.open(encoding="utf-8", newline="") as file:
        columns = ", ".join(f"{name} {SQL_TYPES.get(kind, 'text')}" for name, kind in stored)
        base.execute(
            f"create table cases (record integer, line integer, case_key blob, cell_number integer, {columns},"
            " unique (case_key, updated_at))"
        )
        insert = f"insert or ignore into cases values ({', '.join('?' * (len(stored) + 4))})"
        reader = csv.reader(file)
        header = next(reader)
        readings = [(header.index(label), name, *_reading(kind)) for label, (name, kind) in COLUMNS.items()]
        line = reader.line_num + 1
        for record, cells in enumerate(reader, 1):
            begins, line = line, reader.line_num + 1
            if cells[0] == declared.TOTAL:
                continue
            row, reason = _typed(cells, len(header), readings)
            if reason is None:
                values = (record, begins, *both(str(row["case_number"])), *(_kept(row[name]) for name, _ in stored))
                reason = None if base.execute(insert, values).rowcount else "duplicate"
            if reason is not None:
                left_out.append((begins, reason))
        records = [record for (record,) in base.execute("select record from cases")]
        shown = ("accepted_on", "amount", "is_difficult")
        types = {name: base.execute(TYPE.format(name=name)).fetchone()[0] for name in shown}
    return Told(records, left_out, types)


def _typed(cells: list[str], width: int, readings: list[tuple]) -> tuple[Row, str | None]:
    """The values of a row, or the first reason why not."""
    if len(cells) != width:
        return {}, "ragged_row"
    row: Row = {}
    for place, name, read, reason in readings:
        text = declared.folded(cells[place])
        if text in NOTHING:
            if name in REQUIRED:
                return {}, "missing_value"
            row[name] = None
            continue
        denied = declared.denied(name, text)
        if denied is not None:
            return {}, denied
        row[name] = read(text)
        if row[name] is None:
            return {}, reason
    if row["concluded_on"] is not None and row["concluded_on"] < row["accepted_on"]:
        return {}, "concluded_before_accepted"
    if row["accepted_on"] > row["updated_at"].date():
        return {}, "accepted_after_update"
    return row, None


def _reading(kind: str) -> tuple[Callable[[str], object], str]:
    """How a text of a type is read (None when it cannot be), and the reason when it cannot."""
    reason = REASONS.get(kind, "unknown_code")
    if kind in READERS:
        return READERS[kind], reason
    texts = declared.spellings(kind)
    return (lambda text: texts.get(text.ljust(12, "0"))) if kind == "area" else texts.get, reason


@cache
def _day(text: str) -> date | None:
    if SERIAL.match(text):
        return EPOCH + timedelta(days=int(text))
    found = DAY.match(text) or COMPACT_DAY.match(text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    try:
        return int(text.replace(",", ""))
    except ValueError:
        return None


def _fen(text: str) -> int | None:
    try:
        return int((Decimal(text.replace(",", "")) * declared.FEN_IN_WAN).quantize(Decimal(1), ROUND_HALF_UP))
    except InvalidOperation:
        return None


READERS = {"text": str, "date": _day, "datetime": _instant, "integer": _whole, "money": _fen}


def _kept(value: object) -> object:
    """SQLite knows neither dates nor instants; they are kept as text."""
    return str(value) if isinstance(value, date) else value
