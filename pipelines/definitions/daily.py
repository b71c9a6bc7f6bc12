"""Each morning and at each arrival: what lies in landing is taken in, and built.

The sensor of landing asks for no run while one waits or runs, and none for a file that somebody is writing still. Such a
file that does not end within an hour is told: in a check, and by the alerts where these are declared.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from pipelines import catalogue
from pipelines.alerts.declared import alerts, alerts_path
from pipelines.alerts.events import Event
from pipelines.alerts.finding import endless, failed_run
from pipelines.alerts.telling import tell
from pipelines.definitions.arriving import (
    ALL_AT_REST,
    AT_REST_SAID,
    EXPORTS,
    SENDER_GROUP,
    exports,
    intake,
    landed,
    nobody_is_late,
)
from pipelines.definitions.building import build
from pipelines.definitions.releasing import PUBLISHED
from pipelines.definitions.running import under_way
from pipelines.definitions.starting import SCHEDULE, SENSOR
from pipelines.intake.denying import shown_file_name
from pipelines.intake.resting import AT_REST, at_rest
from pipelines.intake.sidecars import sidecar_path
from pipelines.release import calendar
from pipelines.settings import EDITIONS, UserError, landing

ENDLESS = 3600  # seconds
EVERY_RELEASE_IN_TIME = "every_release_is_in_time"
STATES = {
    "due": "is not drafted",
    "drafted": "is drafted and waits for approval",
    "sealed": "is approved and not published",
}


@dg.asset_check(asset=PUBLISHED, name=EVERY_RELEASE_IN_TIME, description="Each release that was due is published.")
def every_release_is_in_time(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    late = late_releases(datetime.now(UTC))
    said = "\n".join(late) or "Every release that was due is published."
    return dg.AssetCheckResult(
        passed=not late, severity=dg.AssetCheckSeverity.WARN, description=said, metadata={"late": len(late)}
    )


def late_releases(now: datetime) -> list[str]:
    """A sentence for each release of the calendar that was due and is not published: how far it has come, and whom to ask."""
    office = catalogue.publisher()
    whom = f"Ask {office.responsible_statistician.en} ({office.contact})."
    return [
        f"{entry.period}, {edition} edition: due on {entry.due_at:%Y-%m-%d %H:%M}, {STATES[entry.state]}. {whom}"
        for edition in EDITIONS
        for entry in calendar.due_releases(edition, now)
        if entry.due_at <= now and entry.state in STATES
    ]


LATE_CHECKS = [nobody_is_late, every_release_is_in_time]
DAILY = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.assets(exports, intake, build) | dg.AssetSelection.checks(*LATE_CHECKS),
    description="Takes in what lies in landing and builds it; says which sender and which release is late.",
)
ARRIVED = dg.define_asset_job(
    "arrived",
    selection=dg.AssetSelection.assets(exports, intake),
    description="Takes in what lies in landing.",
)
OF_SENDER = dg.define_asset_job(
    "sender_intake",
    selection=dg.AssetSelection.groups(SENDER_GROUP),
    description="Takes in what lies in the folder of a sender.",
)
TAKING = ("arrived", "daily", "road", "sender_intake", *(f"{kind}_draft" for kind in calendar.KINDS))

daily = dg.ScheduleDefinition(
    name="daily",
    job=DAILY,
    cron_schedule="0 5 * * *",
    execution_timezone=catalogue.publisher().time_zone,
    default_status=SCHEDULE,
    description="Every morning at five, before the releases of the calendar are drafted.",
)


@dataclass(frozen=True)
class Watched:
    """What the sensor remembers. `taken_until`: of the files it asked a run for, when the newest came (nanoseconds of the
    epoch); `growing`: of each file that is being written, since when it has been seen to be (seconds of the epoch); `told`:
    those of them that were reported."""

    taken_until: int = 0
    growing: Mapping[str, float] = field(default_factory=dict)
    told: Sequence[str] = ()


@dg.sensor(name="landing", job=ARRIVED, minimum_interval_seconds=60, default_status=SENSOR)
def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Asks for a run when a file has come to rest in landing, and no run that takes it in waits or goes on already."""
    before, now = Watched(**json.loads(context.cursor or "{}")), time.time()
    # looked at before it is asked what rests: what changes after that is newer
    came = {file: _came(file) for file in landed() if file.exists()}
    moving = {file: _place(file) for file in came if not at_rest(file, AT_REST)}
    growing = {place: min(before.growing.get(place, now), now) for place in moving.values()}
    over = [place for place, since in growing.items() if now - since >= ENDLESS]
    was_over = any(now - since >= ENDLESS for since in before.growing.values())
    events = [_check(over, growing, now)] if over or was_over else []
    refused = _tell([_event(place, now - growing[place]) for place in over if place not in before.told])
    for sentence in refused:
        context.log.warning(sentence)
    told = [place for place in over if place in before.told or not refused]
    until = before.taken_until if before.taken_until <= now * 1e9 else 0  # the clock went back
    new = {file: at for file, at in came.items() if at > until and file not in moving}
    busy = under_way(context.instance, *TAKING)
    asked, skipped = [], f"{len(growing)} file(s) are being written; nothing else is new."
    if new and busy:
        skipped = f"{len(new)} new file(s) wait: {busy} waits or runs."
    elif new:
        until = min([max(new.values()), *(came[file] - 1 for file in moving)])
        asked = [dg.RunRequest(run_key=_key(new))]
    return dg.SensorResult(
        run_requests=asked,
        skip_reason=None if asked else skipped,
        asset_events=events,
        cursor=json.dumps(asdict(Watched(until, growing, told))),
    )


def _place(file: Path) -> str:
    """A file by its sender's folder and its name, in which nobody is named."""
    return f"{file.parent.relative_to(landing()).as_posix()}/{shown_file_name(file.name)}"


def _came(file: Path) -> int:
    """When an export or its sidecar came or was changed (nanoseconds of the epoch)."""
    return max(path.stat().st_ctime_ns for path in (file, sidecar_path(file)) if path.exists())


def _key(new: Mapping[Path, int]) -> str:
    """Stands for these files as they are now: Dagster launches a key once, so it must not stand for any other."""
    said = json.dumps(sorted((_place(file), at) for file, at in new.items()))
    return f"arrived:{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _check(over: Sequence[str], growing: Mapping[str, float], now: float) -> dg.AssetCheckEvaluation:
    sentences = [f"{event.zh} {event.en}" for place in over for event in [_event(place, now - growing[place])]]
    return dg.AssetCheckEvaluation(
        asset_key=EXPORTS,
        check_name=ALL_AT_REST,
        passed=not over,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(sentences) or AT_REST_SAID,
    )


def _event(place: str, seconds: float) -> Event:
    sender, _, name = place.rpartition("/")
    return endless(sender, name, int(seconds // 60))


def _tell(events: Sequence[Event]) -> Sequence[str]:
    """Tell events by the declared channels; a sentence for each that did not take them, or for what is wrong with all."""
    try:
        return tell(events, alerts()).refused if events and alerts_path().exists() else ()
    except UserError as error:
        return [str(error)]


@dg.run_failure_sensor(name="failed_runs", minimum_interval_seconds=30, default_status=SENSOR)
def tell_failures(context: dg.RunFailureSensorContext) -> None:
    """Tells whoever is on duty that a run failed, where alerts are declared."""
    run = context.dagster_run
    for sentence in _tell([failed_run(run.job_name, run.tags.get("dagster/partition"))]):
        context.log.warning(sentence)
