"""Publishing moves one pointer: the symbolic link `current`, replaced in one step, so a reader sees the old release or the new."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from pipelines.release.audits import require_audit
from pipelines.release.sealing import is_intact
from pipelines.settings import UserError, releases


def publish(release_id: str, edition: str) -> Path:
    """Point `current` at a sealed release and note the instant.

    Raises `UserError` when it is not sealed, has been altered, or is public and has not passed the audit as it is.
    """
    folder = releases(edition) / release_id
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{release_id} is not sealed. Run `fengqiao approve {release_id}` first.")
    if not is_intact(folder):
        raise UserError(f"{release_id} was altered after it was sealed and is not published. Run `fengqiao doctor`.")
    if edition == "public":
        require_audit(release_id)
    if current(edition) != release_id:
        draft = releases(edition) / f".current-{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(release_id)
        draft.replace(releases(edition) / "current")
        with (releases(edition) / "publications.jsonl").open("a", encoding="utf-8") as file:
            entry = {"release_id": release_id, "published_at": datetime.now(UTC).isoformat(timespec="seconds")}
            file.write(json.dumps(entry) + "\n")
    return folder


def current(edition: str) -> str | None:
    """Id of the published release, if any."""
    pointer = releases(edition) / "current"
    return os.readlink(pointer) if pointer.is_symlink() else None
