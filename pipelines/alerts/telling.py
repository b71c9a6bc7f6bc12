"""Telling each event once: what was told by which channel stands in `alerts.sqlite` in the data folder.

One process at a time tells: the next waits and then knows. An event is noted after a channel took it, so a kill in between
tells it twice rather than never.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.alerts.declared import Alerts, Email, Webhook
from pipelines.alerts.events import Event, message
from pipelines.alerts.sending import NotTaken, name_of, send
from pipelines.settings import UserError, data_root

SECONDS_TO_WAIT = 300
SCHEMA = "create table if not exists told (event text, channel text, told_at text, primary key (event, channel)) strict"


@dataclass(frozen=True)
class Told:
    """Of an attempt: events that hold, how many of them were new to a channel, and a sentence a channel that did not take it."""

    events: tuple[Event, ...]
    sent: int
    refused: tuple[str, ...]


def memory_path() -> Path:
    return data_root() / "alerts.sqlite"


def tell(events: Sequence[Event], declared: Alerts, now: datetime | None = None) -> Told:
    """Send by each channel the events that it has not been told, or not within the declared hours.

    Raises `UserError` when a secret is missing or the memory cannot be written; a channel that fails stops no other.
    """
    sent: set[str] = set()
    refused: list[str] = []
    for channel in declared.channels:
        with _memory() as memory:
            # once it is this process's turn: what another told while this one waited is not of the future
            instant = now or datetime.now(UTC)
            since = instant - timedelta(hours=declared.repeat_after_hours)
            known = _told_since(memory, _mark(channel), since, instant)
            new = [event for event in events if event.key not in known]
            if not new:
                continue
            try:
                send(channel, message(new, str(declared.link)))
            except (NotTaken, UserError) as error:
                refused.append(f"The channel {name_of(channel)} did not take the message: {error}")
                continue
            _note(memory, new, channel, instant)
            sent |= {event.key for event in new}
    return Told(tuple(events), len(sent), tuple(refused))


@contextmanager
def _memory() -> Iterator[sqlite3.Connection]:
    """What was told, for one process at a time."""
    try:
        with closing(sqlite3.connect(memory_path(), timeout=SECONDS_TO_WAIT, isolation_level=None)) as memory:
            memory.execute("begin immediate")
            memory.execute(SCHEMA)
            yield memory
            memory.execute("commit")
    except sqlite3.Error as error:
        raise UserError(f"{memory_path()} cannot be read or written: {error}. No alert was noted.") from None


def _told_since(memory: sqlite3.Connection, channel: str, since: datetime, now: datetime) -> set[str]:
    """Keys of the events a channel was told; what was told in the future, before the clock went back, counts as not told."""
    rows = memory.execute(
        "select event from told where channel = ? and told_at > ? and told_at <= ?",
        (channel, _text(since), _text(now)),
    )
    return {row[0] for row in rows}


def _note(memory: sqlite3.Connection, events: Sequence[Event], channel: Webhook | Email, now: datetime) -> None:
    rows = [(event.key, _mark(channel), _text(now)) for event in events]
    memory.executemany("insert or replace into told values (?, ?, ?)", rows)


def _mark(channel: Webhook | Email) -> str:
    """Tells a channel from the others, by its declaration, in which no secret stands."""
    return hashlib.sha256(channel.model_dump_json().encode()).hexdigest()[:16]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
