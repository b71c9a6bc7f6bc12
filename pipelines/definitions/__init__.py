"""Dagster: every room as assets of one lineage graph; `road`, the job from exports to a published release; what is taken in and
built each day; the releases of the calendar, with their schedules and the gate that a person passes.
"""

import dagster as dg

from pipelines.definitions import calendar, daily
from pipelines.definitions.arriving import (
    ALL_AT_REST,
    ALL_TAKEN_IN,
    EXPORTS,
    LAKE,
    LEDGER,
    NOBODY_IS_LATE,
    OF_SENDER,
    SENDER_GROUP,
    exports,
    intake,
    intake_of_sender,
)
from pipelines.definitions.building import build
from pipelines.definitions.models import MANIFEST
from pipelines.definitions.releasing import DRAFT, PUBLISHED, SEALED, approve, draft, publish

__all__ = [
    "ALL_AT_REST",
    "ALL_TAKEN_IN",
    "DRAFT",
    "EXPORTS",
    "LAKE",
    "LEDGER",
    "MANIFEST",
    "NOBODY_IS_LATE",
    "OF_SENDER",
    "PUBLISHED",
    "SEALED",
    "approve",
    "build",
    "calendar",
    "daily",
    "defs",
    "draft",
    "exports",
    "intake",
    "intake_of_sender",
    "publish",
]

ROAD = dg.AssetSelection.all() - dg.AssetSelection.groups(calendar.GROUP, SENDER_GROUP)
defs = dg.Definitions(
    assets=[exports, intake, intake_of_sender, build, draft, approve, publish, *calendar.ASSETS],
    asset_checks=daily.LATE_CHECKS,
    jobs=[
        daily.DAILY,
        daily.ARRIVED,
        daily.OF_SENDER,
        dg.define_asset_job("road", selection=ROAD),
        *calendar.DRAFT_JOBS.values(),
        *calendar.PUBLIC_DRAFT_JOBS.values(),
        *calendar.PUBLISH_JOBS.values(),
        calendar.publish_due,
    ],
    schedules=[daily.daily, *calendar.SCHEDULES],
    sensors=[daily.watch, daily.tell_failures, *calendar.SENSORS],
    executor=dg.in_process_executor,
)
