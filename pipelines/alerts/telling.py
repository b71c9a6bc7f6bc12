"""Telling each event once: what was told by which channel stands in `alerts.sqlite` in the data folder.

One process at a time tells: the next waits and then knows. An event is noted after a channel took it, so a kill in between
tells it twice rather than never. A failure that a channel refused is kept there too and told with the next message: nobody
finds it again, as a check does the rest.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.alerts.declared import Alerts, Email, Webhook
from pipelines.alerts.events import Event, message
from pipelines.alerts.sending import NotTaken, name_of, send
from pipelines.settings import UserError, data_root

SECONDS_TO_WAIT = 300
KEPT = timedelta(days=7)
SCHEMA = (
    "create table if not exists told (event text, channel text, told_at text, primary key (event, channel)) strict",
    "create table if not exists kept"
    " (event text, channel text, said text, since text, primary key (event, channel)) strict",
)


@dataclass(frozen=True)
class Told:
    """Of an attempt: events that hold and those that were kept for a channel, how many of them a channel took as new, and a
    sentence a channel that did not take them."""

    events: tuple[Event, ...]
    sent: int
    refused: tuple[str, ...]


def memory_path() -> Path:
    return data_root() / "alerts.sqlite"


def tell(events: Sequence[Event], declared: Alerts, now: datetime | None = None) -> Told:
    """Send by each channel the events that it has not been told, or not for so long, and those that it refused before.

    Raises `UserError` when a secret is missing or the memory cannot be written; a channel that fails stops no other.
    """
    held = {event.key: event for event in events}
    late: dict[str, Event] = {}
    sent: set[str] = set()
    refused: list[str] = []
    for channel in declared.channels:
        with _memory() as memory:
            # once it is this process's turn: what another told while this one waited is not of the future
            instant = now or datetime.now(UTC)
            kept, told = _kept(memory, channel, instant), _told(memory, channel, instant)
            late |= kept
            due = (held | kept).values()
            new = [event for event in due if told.get(event.key, "") <= _text(instant - declared.silence(event.kind))]
            if not new:
                continue
            try:
                send(channel, message(new, str(declared.link)))
            except (NotTaken, UserError) as error:
                refused.append(f"The channel {name_of(channel)} did not take the message: {error}")
                _keep(memory, new, channel, instant)
                continue
            _note(memory, new, channel, instant)
            sent |= {event.key for event in new}
    return Told(tuple((held | late).values()), len(sent), tuple(refused))


@contextmanager
def _memory() -> Iterator[sqlite3.Connection]:
    """What was told, for one process at a time."""
    try:
        with closing(sqlite3.connect(memory_path(), timeout=SECONDS_TO_WAIT, isolation_level=None)) as memory:
            memory.execute("begin immediate")
            for table in SCHEMA:
                memory.execute(table)
            yield memory
            memory.execute("commit")
    except sqlite3.Error as error:
        raise UserError(f"{memory_path()} cannot be read or written: {error}. No alert was noted.") from None


def _told(memory: sqlite3.Connection, channel: Webhook | Email, now: datetime) -> Mapping[str, str]:
    """When a channel was told each event; what was told in the future, before the clock went back, counts as not told."""
    query = "select event, told_at from told where channel = ? and told_at <= ?"
    return dict(memory.execute(query, (_mark(channel), _text(now))).fetchall())


def _kept(memory: sqlite3.Connection, channel: Webhook | Email, now: datetime) -> dict[str, Event]:
    """What a channel refused within the last days; what is older is news to nobody and dropped."""
    memory.execute("delete from kept where since <= ?", (_text(now - KEPT),))
    rows = memory.execute("select event, said from kept where channel = ? order by since", (_mark(channel),))
    return {key: Event(**json.loads(said)) for key, said in rows}


def _keep(memory: sqlite3.Connection, events: Sequence[Event], channel: Webhook | Email, now: datetime) -> None:
    """Keep the failures for the next message; one that is kept already keeps its age."""
    rows = [
        (event.key, _mark(channel), json.dumps(asdict(event), ensure_ascii=False), _text(now))
        for event in events
        if event.kind == "failure"
    ]
    memory.executemany("insert or ignore into kept values (?, ?, ?, ?)", rows)


def _note(memory: sqlite3.Connection, events: Sequence[Event], channel: Webhook | Email, now: datetime) -> None:
    keys = [(event.key, _mark(channel)) for event in events]
    memory.executemany("insert or replace into told values (?, ?, ?)", [(*key, _text(now)) for key in keys])
    memory.executemany("delete from kept where event = ? and channel = ?", keys)


def _mark(channel: Webhook | Email) -> str:
    """Tells a channel from the others, by its declaration, in which no secret stands."""
    return hashlib.sha256(channel.model_dump_json().encode()).hexdigest()[:16]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
