"""Runs that a stopped machine or service left behind, ended before the schedule starts: else they would hold up all others.

`python -m deploy.ending`, by `fengqiao-schedule` before its daemon, which alone executes runs. It lies apart from the definitions:
reading them takes ten seconds, and leaves a process that systemd complains of.
"""

import dagster as dg

UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WHY = "The service was stopped while this ran. What was written is whole; the next run goes on from it."


def end_unfinished(instance: dg.DagsterInstance) -> int:
    """Report what had begun and not ended as failed; how many runs that were. Queued ones stay in the queue."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    for run in runs:
        instance.report_run_failed(run, WHY)
    return len(runs)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as standing:
        print(f"{end_unfinished(standing)} run(s) were left behind and are ended.")
