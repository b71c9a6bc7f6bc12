"""The releases of the calendar: month, quarter, half-year and year as partitions, each drafted when its last month is closed.

A draft waits for a person: `sealed` fails with a sentence until `fengqiao approve` was run. What was approved is noticed
by a sensor and published, at the end of its embargo where that is still to come; another sensor carries out what is
scheduled. After the internal release come the reviews; then the public edition goes the same way, attacked when it is
drafted, and after it comes the bulletin.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines import catalogue
from pipelines.definitions import documents
from pipelines.definitions.failing import WRITER, discreetly, writing
from pipelines.definitions.models import DRAFTED_FROM, FIGURES, SIGNALS, Events, changes_in, figures_in
from pipelines.definitions.running import under_way
from pipelines.definitions.starting import SCHEDULE, SENSOR
from pipelines.periods import period_after, period_ending
from pipelines.release import audits, calendar, drafting, publishing, sealing
from pipelines.release.publishing import instant_of
from pipelines.settings import EDITIONS, TIME_ZONE, UserError, releases

EDITION = "internal"
GROUP = "calendar"
YEARS_BACK = 20
PUBLISHED_MONTHLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=62), warn_window=timedelta(days=45))
EVERY_REPORT_CAME, EVERY_CHANGE_EXPLAINED = "every_report_owed_has_come", "every_change_has_a_reason"
SEAL_INTACT = "the_seal_is_intact"
NO_ATTACK_FINDS_ANYONE = "no_attack_finds_anyone"
CHECKS = (EVERY_REPORT_CAME, EVERY_CHANGE_EXPLAINED, SEAL_INTACT, NO_ATTACK_FINDS_ANYONE)


def periods_of(kind: str, today: date) -> list[str]:
    """The periods of a kind from twenty years ago to the end of the next year: a process that runs for long meets them all."""
    months = (date(year, month, 1) for year in range(today.year - YEARS_BACK, today.year + 2) for month in range(1, 13))
    return [period for month in months if (period := period_ending(kind, month)) is not None]


def step(kind: str, name: str, edition: str = EDITION) -> dg.AssetKey:
    return dg.AssetKey(["releases" if edition == EDITION else edition, f"{kind}_{name}"])


@cache
def _partitions(kind: str) -> dg.PartitionsDefinition:
    """Months and years as windows of time, which Dagster adds as they end; quarters and half-years by their names."""
    first = datetime(_today().year - YEARS_BACK, 1, 1)
    if kind == "month":
        return dg.MonthlyPartitionsDefinition(first, timezone=TIME_ZONE, fmt="%Y-%m")
    if kind == "year":
        return dg.TimeWindowPartitionsDefinition(first, "%Y", cron_schedule="0 0 1 1 *", timezone=TIME_ZONE)
    return dg.StaticPartitionsDefinition(periods_of(kind, _today()))


def release_assets(kind: str) -> list[dg.AssetsDefinition]:
    """Of a kind of period, one partition a period: the draft, the sealed and the published release, and the reviews; then
    the public edition and its bulletin."""
    internal = [_draft(kind), *_sealed_and_published(kind, EDITION)]
    public = [_public_draft(kind), *_sealed_and_published(kind, "public")]
    review = documents.reviews(_said(kind), step(kind, "reviews"), internal[-1], _partitions(kind), GROUP)
    site = documents.bulletin(_said(kind), step(kind, "bulletin", "public"), public[-1], _partitions(kind), GROUP)
    return [*internal, review, *public, site]


def _draft(kind: str) -> dg.AssetsDefinition:
    drafted_from = [key for key in DRAFTED_FROM if key not in {spec.key for spec in (*FIGURES, *SIGNALS)}]

    @dg.asset(
        key=step(kind, "draft"),
        deps=drafted_from,
        group_name=GROUP,
        partitions_def=_partitions(kind),
        check_specs=[
            dg.AssetCheckSpec(
                EVERY_REPORT_CAME, asset=step(kind, "draft"), description="No sender owes a report of the period."
            ),
            dg.AssetCheckSpec(
                EVERY_CHANGE_EXPLAINED, asset=step(kind, "draft"), description="Each changed cell has its reason."
            ),
        ],
        description=f"The release of a {_said(kind)}, drafted with what it changes; not yet approved.",
        pool=WRITER,
    )
    def draft(context: dg.AssetExecutionContext) -> Events:
        with writing(context):
            made = drafting.draft(context.partition_key, EDITION, context.log.info)
            yield from _drafted(kind, made)

    return draft


def _public_draft(kind: str) -> dg.AssetsDefinition:
    key = step(kind, "draft", "public")

    @dg.asset(
        key=key,
        deps=[step(kind, "published")],
        group_name=GROUP,
        partitions_def=_partitions(kind),
        check_specs=[
            dg.AssetCheckSpec(
                NO_ATTACK_FINDS_ANYONE,
                asset=key,
                blocking=True,
                description="Attacked as an outsider would, the draft gives away no small count. If not, it stays unpublished.",
            )
        ],
        description=f"The public edition of a {_said(kind)}'s release, drafted and attacked; not yet approved.",
        pool=WRITER,
    )
    def draft(context: dg.AssetExecutionContext) -> Events:
        with writing(context):
            made = drafting.draft(context.partition_key, "public", context.log.info)
            yield from _attacked(key, made)

    return draft


def _sealed_and_published(kind: str, edition: str) -> list[dg.AssetsDefinition]:
    sealed = step(kind, "sealed", edition)

    @dg.asset(
        key=sealed,
        deps=[step(kind, "draft", edition)],
        group_name=GROUP,
        partitions_def=_partitions(kind),
        check_specs=[dg.AssetCheckSpec(SEAL_INTACT, asset=sealed, description="No file was altered since.")],
        description=f"The {edition} release of a {_said(kind)} as a person approved it (`fengqiao approve`).",
    )
    def seal(context: dg.AssetExecutionContext) -> Events:
        with discreetly(context):
            yield from _sealed(kind, context.partition_key, edition)

    @dg.asset(
        key=step(kind, "published", edition),
        deps=[seal],
        group_name=GROUP,
        partitions_def=_partitions(kind),
        description=f"The {edition} release of a {_said(kind)} before readers, or scheduled for the end of its embargo.",
        freshness_policy=PUBLISHED_MONTHLY if (kind, edition) == ("month", EDITION) else None,
    )
    def publish(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with discreetly(context):
            return _published(context.partition_key, edition)

    return [seal, publish]


def _said(kind: str) -> str:
    return kind.replace("_", "-")


def _today() -> date:
    return datetime.now(ZoneInfo(TIME_ZONE)).date()


def _drafted(kind: str, made: drafting.Draft) -> Events:
    said, key = sealing.metadata_of(made.folder), step(kind, "draft")
    told = {"release": made.release_id, "outcome": made.outcome, "vintage": said["vintage"]}
    told |= changes_in(made.folder) | figures_in(made.folder)
    yield dg.MaterializeResult(asset_key=key, metadata=told)
    reports = {name: said[name] for name in ("reports_expected", "reports_received", "coverage_rate")}
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=EVERY_REPORT_CAME,
        passed=said["reports_expected"] == said["reports_received"],
        severity=dg.AssetCheckSeverity.WARN,
        metadata=reports,
    )
    unexplained = sum(revision["by_reason"].get("revision", 0) for revision in said["revisions"])
    yield dg.AssetCheckResult(
        asset_key=key, check_name=EVERY_CHANGE_EXPLAINED, passed=not unexplained, metadata={"cells": unexplained}
    )


def _attacked(key: dg.AssetKey, made: drafting.Draft) -> Events:
    """The draft, and what the attacks on it found: how many findings, never which cell."""
    told = {"release": made.release_id, "outcome": made.outcome, **figures_in(made.folder)}
    yield dg.MaterializeResult(asset_key=key, metadata=told)
    report = audits.audited(made.release_id)
    told = {name: report[name] for name in ("cells", "sensitive", "failures", "seconds")}
    yield dg.AssetCheckResult(
        asset_key=key, check_name=NO_ATTACK_FINDS_ANYONE, passed=bool(report["passed"]), metadata=told
    )


def _sealed(kind: str, period: str, edition: str) -> Events:
    """The gate. A draft that is newer than the sealed release of its period waits, whatever was approved before."""
    draft, folder = drafting.waiting(period, edition), drafting.newest(period, edition)
    key = step(kind, "sealed", edition)
    if draft is not None:
        raise UserError(
            f"Release {draft.name} is drafted and waits for a person. Read CHANGES.md in {draft}, then run "
            f"`fengqiao approve {draft.name}{'' if edition == EDITION else f' --edition {edition}'}`."
        )
    if folder is None:
        raise UserError(
            f"There is no draft of {period} yet; materialise {step(kind, 'draft', edition).to_user_string()} first."
        )
    said = sealing.metadata_of(folder)
    told = {
        name: said.get(name) or "" for name in ("approved_by", "approved_role", "approved_department", "approved_at")
    }
    yield dg.MaterializeResult(asset_key=key, metadata={"release": folder.name, **told})
    yield dg.AssetCheckResult(asset_key=key, check_name=SEAL_INTACT, passed=sealing.is_intact(folder))


def _published(period: str, edition: str) -> dg.MaterializeResult:
    release = documents.sealed(period, edition)
    until = sealing.metadata_of(releases(edition) / release).get("embargo_until")
    if until is not None and instant_of(until) > datetime.now(UTC):
        entry = publishing.schedule(release, edition, instant_of(until))
        return dg.MaterializeResult(metadata={"release": release, "publish_at": entry.publish_at})
    folder = publishing.publish(release, edition)
    return dg.MaterializeResult(metadata={"release": release, **figures_in(folder)})


# From the exports that lie in landing to the draft; past the gate, to the readers and into documents. The public edition is
# drafted from what is published internally.
DRAFT_JOBS = {
    kind: dg.define_asset_job(
        f"{kind}_draft",
        selection=dg.AssetSelection.assets(step(kind, "draft")).upstream().required_multi_asset_neighbors(),
    )
    for kind in calendar.KINDS
}
PUBLIC_DRAFT_JOBS = {
    kind: dg.define_asset_job(f"{kind}_public_draft", selection=dg.AssetSelection.assets(step(kind, "draft", "public")))
    for kind in calendar.KINDS
}
DOCUMENTS = {"internal": "reviews", "public": "bulletin"}


def _job_name(kind: str, edition: str, does: str) -> str:
    return f"{kind}_{does}" if edition == EDITION else f"{kind}_{edition}_{does}"


PUBLISH_JOBS = {
    (kind, edition): dg.define_asset_job(
        _job_name(kind, edition, "publish"),
        selection=dg.AssetSelection.assets(
            *(step(kind, name, edition) for name in ("sealed", "published", DOCUMENTS[edition]))
        ),
    )
    for kind in calendar.KINDS
    for edition in EDITIONS
}


def draft_schedule(kind: str) -> dg.ScheduleDefinition:
    """Each morning: whether a period of the kind has been closed of which there is no release yet; asked until there is one."""

    @dg.schedule(
        name=f"{kind}_release",
        job=DRAFT_JOBS[kind],
        cron_schedule="0 6 * * *",
        execution_timezone=catalogue.publisher().time_zone,
        default_status=SCHEDULE,
        description=f"Drafts the release of a {_said(kind)} on the day after its last month was closed (reporting calendar).",
    )
    def when_closed(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(ZoneInfo(TIME_ZONE))
        period = calendar.last_ended(kind, now.date())
        entry = calendar.due(period, kind, EDITION, now)
        if entry.release_id is not None:
            return dg.SkipReason(f"{entry.release_id} is {entry.state}.")
        if now.date() <= entry.closes_on:
            return dg.SkipReason(f"{period} is closed on {entry.closes_on}; its release is due at {entry.due_at}.")
        return dg.RunRequest(run_key=f"{kind}:{period}:{now.date()}", partition_key=period)

    return when_closed


def public_sensor(kind: str) -> dg.SensorDefinition:
    """Notices that the internal release of the newest period of a kind stands before its readers, and drafts its public edition;
    asked for once a day until there is one."""
    job = PUBLIC_DRAFT_JOBS[kind]

    @dg.sensor(name=f"{kind}_public", job=job, minimum_interval_seconds=60, default_status=SENSOR)
    def published(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        ended, now = calendar.last_ended(kind, _today()), datetime.now(UTC)
        internal, public = (calendar.due(ended, kind, edition, now) for edition in EDITIONS)
        if internal.state == "published" and public.release_id is None and not under_way(context.instance, job.name):
            yield dg.RunRequest(run_key=f"public:{internal.release_id}:{_today()}", partition_key=ended)
        else:
            yield dg.SkipReason(f"{ended} is {internal.state} internally and {public.state} publicly.")

    return published


def approved_sensor(kind: str, edition: str) -> dg.SensorDefinition:
    """Notices that a person has approved a release of the newest period of a kind; its publication is asked for once a day until
    it stands. One of an earlier period is published by hand: it would take readers back."""
    job = PUBLISH_JOBS[kind, edition]

    name = _job_name(kind, edition, "approved")

    @dg.sensor(name=name, job=job, minimum_interval_seconds=60, default_status=SENSOR)
    def approved(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        ended = calendar.last_ended(kind, _today())
        entry = calendar.due(ended, kind, edition, datetime.now(UTC))
        noted = entry.release_id in {other.release_id for other in publishing.scheduled(edition)}
        if entry.state == "sealed" and not noted and not under_way(context.instance, job.name):
            yield dg.RunRequest(run_key=f"publish:{edition}:{entry.release_id}:{_today()}", partition_key=ended)
        else:
            yield dg.SkipReason(f"{ended} is {entry.state}; the next is {period_after(ended)}.")

    return approved


@dg.op
def publish_scheduled(context: dg.OpExecutionContext) -> None:
    """Publish the scheduled releases whose instant has come, and write the bulletin where it is not that of the public release.
    What fails stops nothing else; the first failure is told at the end."""
    parts = [*(partial(_publish_due, edition) for edition in EDITIONS), partial(_write_bulletin_due, context.log.info)]
    failed: list[Exception] = []
    with discreetly(context):
        for part in parts:
            try:
                context.log.info(part())
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]


def _publish_due(edition: str) -> str:
    return f"published in the {edition} edition: {', '.join(publishing.publish_due(edition)) or 'nothing'}"


def _write_bulletin_due(log: Callable[[str], None]) -> str:
    release = publishing.current("public")
    if release is None or not documents.bulletin_is_due():
        return "no bulletin is due"
    return f"the bulletin of {release}: {documents.write_bulletin(release, log)} pages"


@dg.job
def publish_due() -> None:
    publish_scheduled()


@dg.sensor(job=publish_due, minimum_interval_seconds=30, default_status=SENSOR)
def scheduled_publication(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Runs when the instant of a scheduled publication has come or the public release has no bulletin; each hour again while that fails."""
    now = datetime.now(UTC)
    due = [said for edition in EDITIONS for said in _due(edition, now)]
    writing_it = [PUBLISH_JOBS[kind, "public"].name for kind in calendar.KINDS]
    if documents.bulletin_is_due() and not under_way(context.instance, *writing_it):
        due.append(f"bulletin of {publishing.current('public')}")
    if due and under_way(context.instance, publish_due.name):
        return dg.SkipReason(f"{publish_due.name} waits or runs.")
    if due:
        return dg.RunRequest(run_key=f"{now:%Y-%m-%dT%H} {', '.join(due)}")
    waiting = [entry for edition in EDITIONS for entry in publishing.scheduled(edition)]
    following = min(waiting, key=lambda entry: instant_of(entry.publish_at), default=None)
    return dg.SkipReason(
        f"next: {following.release_id} at {following.publish_at}" if following else "Nothing is scheduled."
    )


def _due(edition: str, now: datetime) -> list[str]:
    """What of an edition is to be published now. A list that cannot be read is due: the run says what to do about it."""
    try:
        entries = publishing.scheduled(edition)
    except UserError:
        return [f"{edition} list"]
    return [f"{entry.release_id}@{entry.publish_at}" for entry in entries if instant_of(entry.publish_at) <= now]


ASSETS = [asset for kind in calendar.KINDS for asset in release_assets(kind)]
SCHEDULES = [draft_schedule(kind) for kind in calendar.KINDS]
SENSORS = [
    *(approved_sensor(kind, edition) for kind in calendar.KINDS for edition in EDITIONS),
    *(public_sensor(kind) for kind in calendar.KINDS),
    scheduled_publication,
]
