"""`fengqiao release`, `approve`, `publish`, `rollback` and `calendar`: a release from draft to readers and back."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import catalogue
from pipelines import cli_output as output
from pipelines.periods import months_of
from pipelines.release import calendar, changes, drafting, publishing, sealing
from pipelines.release.publishing import instant_of
from pipelines.settings import UserError

STATES = {
    "published": "已发布 published",
    "sealed": "已审定 sealed",
    "drafted": "已起草 drafted",
    "due": "到期未出 due",
    "expected": "未到期 expected",
}


def draft(period: str | None, edition: str, *, as_json: bool) -> None:
    """Draft a release and say what it changes."""
    if period is not None:
        months_of(period)
    with output.working("release", quiet=as_json) as step:
        made = drafting.draft(period, edition, step)
    said = sealing.metadata_of(made.folder)
    if as_json:
        told = {"release": made.release_id, "folder": str(made.folder), "outcome": made.outcome}
        output.print_json(told | {key: said.get(key) for key in ("vintage", "supersedes", "revisions")})
        return
    if made.outcome == "unchanged":
        output.say(f"Release {made.release_id} has the same data already; nothing changed.")
        return
    output.say(
        f"Release {made.release_id} is drafted in {made.folder}. Next: fengqiao {_next(edition, made.release_id)}"
    )
    for revision in said["revisions"]:
        output.say(_changed(revision))


def _of(edition: str) -> str:
    """How the next command is told an edition that is not the usual one."""
    return "" if edition == "internal" else f" --edition {edition}"


def _next(edition: str, release_id: str) -> str:
    """What follows a draft: the audit of a public one, else the approval."""
    return f"audit {release_id}" if edition == "public" else f"approve {release_id}"


def _changed(revision: dict[str, Any]) -> str:
    against, cells = revision["against"], revision["cells"]
    if not cells:
        return f"与 {against} 相比，共有期间内数值无变动。Against {against} no figure of the periods both hold has changed."
    why = "；".join(f"{changes.words_of(code, 'zh')} {n:,}" for code, n in revision["by_reason"].items())
    reasons = ", ".join(f"{changes.words_of(code, 'en')} {n:,}" for code, n in revision["by_reason"].items())
    return f"与 {against} 相比变动 {cells:,} 格（{why}）。Against {against} {cells:,} cells changed ({reasons}); see CHANGES.md."


def approve(
    release: str, edition: str, name: str | None, role: str | None, department: str | None, *, as_json: bool
) -> None:
    """Seal a draft in a person's name. Raises `UserError` when nobody is named and the login name is not known."""
    try:
        approver = (name if name is not None else getpass.getuser()).strip()
    except (OSError, KeyError):
        raise UserError("Your login name is not known here; say who approves with --name.") from None
    if not approver:
        raise UserError("Say who approves with --name.")
    folder = sealing.approve(release, edition, approver, role, department)
    if as_json:
        said = sealing.metadata_of(folder)
        whose = {key: said[key] for key in ("approved_by", "approved_role", "approved_department", "approved_at")}
        output.print_json({"release": release, "folder": str(folder)} | whose)
        return
    as_whom = "".join(f", {part}" for part in (role, department) if part)
    output.say(
        f"Release {release} is approved by {approver}{as_whom} and sealed in {folder}. Next: fengqiao publish {release}{_of(edition)}"
    )


def publish(release: str, edition: str, at: str | None, *, early: bool, as_json: bool) -> None:
    """Publish a sealed release now, or note that it is to be published at an instant."""
    if at is not None:
        entry = publishing.schedule(release, edition, instant_of(at))
        if as_json:
            output.print_json({"release": release, "publish_at": entry.publish_at})
        else:
            output.say(
                f"Release {release} will be published at {entry.publish_at}, by `fengqiao publish --due` or Dagster's sensor."
            )
        return
    folder = publishing.publish(release, edition, early=early)
    _say_published(release, folder, as_json=as_json)


def _say_published(release: str, folder: Path, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"release": release, "folder": str(folder)})
    else:
        output.say(f"Release {release} is published: {folder}")


def publish_due(edition: str, *, as_json: bool) -> None:
    """Carry out the scheduled publications whose instant has come."""
    made, waiting = publishing.publish_due(edition), publishing.scheduled(edition)
    if as_json:
        output.print_json({"published": made, "scheduled": {e.release_id: e.publish_at for e in waiting}})
        return
    for release in made:
        output.say(f"Release {release} is published.")
    for entry in waiting:
        output.say(f"Release {entry.release_id} will be published at {entry.publish_at}.")
    if not made and not waiting:
        output.say("Nothing is scheduled.")


def roll_back(edition: str, *, as_json: bool) -> None:
    """Give readers back the release that was published before."""
    left, before = publishing.rollback(edition)
    if as_json:
        output.print_json({"left": left, "release": before})
    else:
        output.say(
            f"已退回：读者所见由 {left} 改回 {before}。Rolled back: readers see {before} again, no longer {left}."
        )


def print_calendar(edition: str, *, as_json: bool) -> None:
    """Print which release is due when, of each kind of period the last and the next."""
    entries = calendar.due_releases(edition, datetime.now(UTC))
    if as_json:
        output.print_json([_entry(entry) for entry in entries])
        return
    zone = ZoneInfo(catalogue.publisher().time_zone)
    heads = ("期间\nPeriod", "关账日\nClosed on", "应发布\nDue", "状态\nState", "发布号\nRelease")
    lines = [
        (e.period, e.closes_on, f"{e.due_at.astimezone(zone):%Y-%m-%d %H:%M}", STATES[e.state], e.release_id)
        for e in entries
    ]
    output.print_table(f"发布日历 Release calendar ({edition})", [(head, "left") for head in heads], lines)


def _entry(entry: calendar.Due) -> dict[str, Any]:
    said = {"period": entry.period, "period_kind": entry.period_kind, "closes_on": f"{entry.closes_on}"}
    return said | {"due_at": entry.due_at.isoformat(), "state": entry.state, "release": entry.release_id}
