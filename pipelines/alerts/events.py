"""An event, and the message that tells several: a sentence each in Chinese and English, a link, and never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.alerts.declared import Kind

LISTED = 20


@dataclass(frozen=True)
class Event:
    """Something to be told. `subject` tells it from others of its kind; the sentences say what happened and what to do."""

    kind: Kind | None
    subject: str
    zh: str
    en: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True)
class Message:
    """What a channel carries."""

    title: str
    zh: str
    en: str
    link: str
    events: tuple[Event, ...]

    @property
    def text(self) -> str:
        return f"{self.zh}\n\n{self.en}\n\n{self.link}"


def message(events: Sequence[Event], link: str, listed: int = LISTED) -> Message:
    """One message for all of them; of many the first are listed and the others counted."""
    left = len(events) - listed
    zh = [f"枫桥统计告警：{len(events)} 项"] + [f"· {event.zh}" for event in events[:listed]]
    en = [f"Fengqiao: {len(events)} alert(s)"] + [f"- {event.en}" for event in events[:listed]]
    if left > 0:
        zh.append(f"另有 {left} 项，见 fengqiao alert --check --json。")
        en.append(f"And {left} more: see fengqiao alert --check --json.")
    title = f"枫桥统计告警 {len(events)} 项 / Fengqiao: {len(events)} alert(s)"
    return Message(title, "\n".join(zh), "\n".join(en), link, tuple(events))


def trial(now: datetime) -> Event:
    """What `--test` sends, each time anew."""
    return Event(
        None,
        f"trial {now.isoformat()}",
        "这是一条测试告警，无需处理。",
        "This is a test message; nothing needs to be done.",
    )
