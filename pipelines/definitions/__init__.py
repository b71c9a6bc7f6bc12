"""Dagster: every room as assets of one lineage graph; `road`, the job from exports to a published release; the releases of the
calendar, with their schedules and the gate that a person passes.
"""

import dagster as dg

from pipelines.definitions import calendar
from pipelines.definitions.arriving import ALL_TAKEN_IN, EXPORTS, LAKE, LEDGER, exports, intake
from pipelines.definitions.building import build
from pipelines.definitions.models import MANIFEST
from pipelines.definitions.releasing import DRAFT, PUBLISHED, SEALED, approve, draft, publish

__all__ = [
    "ALL_TAKEN_IN",
    "DRAFT",
    "EXPORTS",
    "LAKE",
    "LEDGER",
    "MANIFEST",
    "PUBLISHED",
    "SEALED",
    "approve",
    "build",
    "calendar",
    "defs",
    "draft",
    "exports",
    "intake",
    "publish",
]

ROAD = dg.AssetSelection.all() - dg.AssetSelection.groups(calendar.GROUP)
defs = dg.Definitions(
    assets=[exports, intake, build, draft, approve, publish, *calendar.ASSETS],
    jobs=[
        dg.define_asset_job("road", selection=ROAD),
        *calendar.DRAFT_JOBS.values(),
        *calendar.PUBLIC_DRAFT_JOBS.values(),
        *calendar.PUBLISH_JOBS.values(),
        calendar.publish_due,
    ],
    schedules=calendar.SCHEDULES,
    sensors=calendar.SENSORS,
    executor=dg.in_process_executor,
)
