"""Publishing moves one pointer: the symbolic link `current`, replaced in one step, so a reader sees the old release or the new.

What was published, when and by which act stands in `publications.jsonl`; what is to be published at an instant to come in
`scheduled.json`, until `publish_due` carries it out. Readers know the pointer alone.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.release.audits import require_audit
from pipelines.release.sealing import is_intact, metadata_of
from pipelines.settings import UserError, releases


@dataclass(frozen=True)
class Scheduled:
    """A release that is to be published at an instant (ISO 8601 with its offset)."""

    release_id: str
    publish_at: str


def instant_of(text: str) -> datetime:
    """An instant as people write it. Raises `UserError` when it has no time zone or is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise UserError(f"{text} is not an instant with a time zone. Write one such as 2026-01-30T09:00+08:00.")
    return instant


def publish(release_id: str, edition: str, *, early: bool = False) -> Path:
    """Point `current` at a sealed release and note the instant.

    Raises `UserError` when it is not sealed, has been altered, is public and has not passed the audit as it is, or is
    embargoed and not published `early` on purpose.
    """
    folder = _sealed(release_id, edition)
    now = datetime.now(UTC)
    until = metadata_of(folder).get("embargo_until")
    if until is not None and instant_of(until) > now and not early:
        raise UserError(
            f"{release_id} is embargoed until {until}. Schedule it with `fengqiao publish {release_id} --at {until}`, "
            "or publish it before its day with --early."
        )
    with _publishing(edition):
        _point_at(release_id, edition, "published early" if early and until is not None else "published")
        _keep_scheduled([entry for entry in scheduled(edition) if entry.release_id != release_id], edition)
    return folder


def schedule(release_id: str, edition: str, at: datetime) -> Scheduled:
    """Note that a sealed release is to be published at an instant; an earlier note of it is replaced.

    Raises `UserError` when it is not sealed or has been altered, or when the instant has passed or lies before its embargo ends.
    """
    until = metadata_of(_sealed(release_id, edition)).get("embargo_until")
    if at <= datetime.now(UTC):
        raise UserError(f"{at.isoformat()} has passed. Leave --at out to publish {release_id} now.")
    if until is not None and instant_of(until) > at:
        raise UserError(f"{release_id} is embargoed until {until}; it cannot be published at {at.isoformat()}.")
    entry = Scheduled(release_id, at.isoformat())
    with _publishing(edition):
        others = [other for other in scheduled(edition) if other.release_id != release_id]
        _keep_scheduled([*others, entry], edition)
    return entry


def scheduled(edition: str) -> list[Scheduled]:
    """What is to be published, earliest first. Raises `UserError` when the list cannot be read."""
    path = _schedule_path(edition)
    try:
        entries = [Scheduled(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
        return sorted(entries, key=lambda entry: instant_of(entry.publish_at))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise UserError(f"{path} cannot be read. Remove it and schedule the publications again.") from None


def publish_due(edition: str, now: datetime | None = None) -> list[str]:
    """Publish, in their order, the scheduled releases whose instant has come; the last one stands. Their ids.

    Raises `UserError` at the end, with a sentence for each that is gone or was altered. Such a one holds up no other: it stays
    scheduled until one after it is published, and not longer, as readers are never taken back.
    """
    made: list[str] = []
    wrong: list[str] = []
    if not scheduled(edition):
        return made
    with _publishing(edition):
        entries = scheduled(edition)
        for number, entry in enumerate(entries, 1):
            if instant_of(entry.publish_at) > (now or datetime.now(UTC)):
                break
            try:
                _sealed(entry.release_id, edition)
            except UserError as error:
                wrong.append(str(error))
                continue
            _point_at(entry.release_id, edition, "published as scheduled")
            _keep_scheduled(entries[number:], edition)
            made.append(entry.release_id)
    if wrong and made:
        wrong.append(f"Published all the same: {', '.join(made)}; nothing from before it is scheduled any longer.")
    if wrong:
        raise UserError(" ".join(wrong))
    return made


def rollback(edition: str) -> tuple[str, str]:
    """Point `current` back at the release that was published before it, and note it: the release left, the release readers see.

    Raises `UserError` when there is none, or when it is gone or was altered.
    """
    if len(_standing(edition)) < 2:
        raise UserError(f"There is no earlier publication of the {edition} edition to go back to.")
    with _publishing(edition):
        standing = _standing(edition)
        left, before = standing[-1], standing[-2]
        _sealed(before, edition)
        _point_at(before, edition, "rolled back")
    return left, before


def publications(edition: str) -> list[dict[str, str]]:
    """Every move of the pointer in order: release_id, published_at, act."""
    path = releases(edition) / "publications.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [{"act": "published"} | json.loads(line) for line in lines if line.strip()]


def _standing(edition: str) -> list[str]:
    """The publications that stand, one on the other: a rollback takes the last away."""
    standing: list[str] = []
    for move in publications(edition):
        if move["act"] == "rolled back":
            standing.pop()
        else:
            standing.append(move["release_id"])
    return standing


def current(edition: str) -> str | None:
    """Id of the published release, if any."""
    pointer = releases(edition) / "current"
    return os.readlink(pointer) if pointer.is_symlink() else None


@contextmanager
def _publishing(edition: str) -> Iterator[None]:
    """One publishes at a time; a second waits. A lock of its own, so that a publication does not wait for a build."""
    with (releases(edition) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sealed(release_id: str, edition: str) -> Path:
    folder = releases(edition) / release_id
    if folder.is_symlink() or not folder.is_dir() or folder.parent != releases(edition):
        raise UserError(f"{release_id} is not sealed. Run `fengqiao approve {release_id}` first.")
    if not is_intact(folder):
        raise UserError(f"{release_id} was altered after it was sealed and is not published. Run `fengqiao doctor`.")
    if edition == "public":
        require_audit(release_id)
    return folder


def _point_at(release_id: str, edition: str, act: str) -> None:
    if current(edition) == release_id:
        return
    with (releases(edition) / "publications.jsonl").open("a", encoding="utf-8") as file:
        instant = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(json.dumps({"release_id": release_id, "published_at": instant, "act": act}) + "\n")
    draft = releases(edition) / f".current-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(release_id)
    draft.replace(releases(edition) / "current")


def _keep_scheduled(entries: list[Scheduled], edition: str) -> None:
    path = _schedule_path(edition)
    if not entries:
        path.unlink(missing_ok=True)
        return
    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps([asdict(entry) for entry in entries], indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _schedule_path(edition: str) -> Path:
    return releases(edition) / "scheduled.json"
