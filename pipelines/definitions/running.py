"""Which runs wait or go on: a sensor asks for no second one beside them."""

import dagster as dg

WAITING_OR_RUNNING = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def under_way(instance: dg.DagsterInstance, *jobs: str) -> str | None:
    """The first of these jobs of which a run waits or goes on."""
    for job in jobs:
        if instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=WAITING_OR_RUNNING)):
            return job
    return None
