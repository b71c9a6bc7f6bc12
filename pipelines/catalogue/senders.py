"""Who owes which table for which area."""

from datetime import date
from functools import cache
from typing import Any

from pipelines.catalogue.declaring import Declared, declare, read_rows
from pipelines.settings import SEEDS


class Sender(Declared):
    """Who owes which table for which area."""

    sender: str
    name_zh: str
    name_en: str
    area_code: str
    level: str
    table: str
    main_book: bool
    due_day: int
    register_name: str
    contact_office: str
    valid_from: date | None
    valid_to: date | None


@cache
def senders() -> tuple[Sender, ...]:
    path = SEEDS / "tables" / "senders.csv"
    found = []
    for line, row in enumerate(read_rows(path), 2):
        values: dict[str, Any] = {("register_name" if n == "register" else n): value for n, value in row.items()}
        values |= {name: row.get(name) or None for name in ("valid_from", "valid_to")}
        found.append(declare(Sender, values, path, lambda _, line=line: line))
    return tuple(found)
