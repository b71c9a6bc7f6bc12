"""Whether an export is whole. One that somebody may be writing still is left alone by everything that runs by itself: half of it
would count as a delivery, and half a snapshot would withdraw cases.
"""

import time
from pathlib import Path

from pipelines.intake.sidecars import sidecar_path

AT_REST = 60  # seconds


def at_rest(file: Path, seconds: int) -> bool:
    """Whether neither an export nor its sidecar was changed within so many seconds.

    Before or after now: the clock of who writes may be ahead of ours. What cannot be looked at is at rest: whoever takes it in
    says what is wrong with it.
    """
    return not any(_changed_within(seconds, path) for path in (file, sidecar_path(file)))


def _changed_within(seconds: int, path: Path) -> bool:
    try:
        return abs(time.time() - path.stat().st_mtime) < seconds
    except OSError:
        return False
