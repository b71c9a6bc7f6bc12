"""What of a data folder is kept in a backup, what is left out, and why."""

from collections.abc import Mapping

from pipelines.settings import data_root

# Top-level names of a data folder that a backup holds. `alerts.yml` names no secret, only where one lies.
KEPT = (
    "version",
    "ledger.sqlite",
    "lake",
    "quarantine",
    "archive",
    "catalogue",
    "releases",
    "documents",
    "maps",
    "access.yml",
    "alerts.yml",
)
LEFT_OUT: Mapping[str, str] = {
    "landing": "exports as senders wrote them, with personal data; those that were taken in are in the archive, encrypted",
    "warehouse": "computed: `fengqiao build` makes it again",
    "logs": "of this machine",
    "dagster": "of this machine: the schedule's record of runs",
    "alerts.sqlite": "of this machine: which alerts were sent",
    "lock": "of this machine",
}
# For their owner only: received files, and the counts that public values were drawn from.
CLOSED = ("archive", "releases/drawn")
# Computed too, below a part that is kept: `fengqiao release` makes a draft again.
DRAFTS = "releases/drafts"


def unknown_parts() -> list[str]:
    """Names in the data folder that are neither kept nor left out by a rule; hidden ones are unfinished work."""
    names = (path.name for path in data_root().iterdir() if not path.name.startswith("."))
    return sorted(name for name in names if name not in (*KEPT, *LEFT_OUT, "lost+found"))
