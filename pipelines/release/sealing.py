"""Approval by a person, and the seal: after it a release never changes."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.intake.ledger import writer_lock
from pipelines.release.packages import write_packages
from pipelines.settings import UserError, drafts, releases

UNFINISHED = ".release.json"  # until it is written to its end


def approve(release_id: str, edition: str, name: str, role: str | None = None, department: str | None = None) -> Path:
    """Record who approves a draft and when, write its packages, hash its files, and move it among the sealed releases.

    Raises `UserError` when there is no such draft, or it is sealed already.
    """
    draft, sealed = drafts(edition) / release_id, releases(edition) / release_id
    if sealed.is_dir():
        raise UserError(f"{release_id} is sealed already (approved by {metadata_of(sealed)['approved_by']}).")
    if not (draft / "release.json").is_file():
        raise UserError(f"There is no draft {release_id} in the {edition} edition. Run `fengqiao release` first.")
    if not name.strip():
        raise UserError("An approval needs the name of the person who approves.")
    with writer_lock():
        for path in (draft, *draft.rglob("*")):  # an approval that was cut off has closed them
            path.chmod(0o755 if path.is_dir() else 0o644)
        (draft / UNFINISHED).unlink(missing_ok=True)
        instant = datetime.now(UTC).isoformat(timespec="seconds")
        said = metadata_of(draft) | {
            "status": "final",
            "approved_by": name.strip(),
            "approved_role": (role or "").strip() or None,
            "approved_department": (department or "").strip() or None,
            "approved_at": instant,
            "issued": instant,
        }
        write_packages(draft, said)
        said["files"] = hashes(draft)
        write_metadata(draft, said | {"seal": seal_of(said)})
        for path in draft.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        sealed.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(sealed)
        sealed.chmod(0o555)
    return sealed


def metadata_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "release.json").read_text(encoding="utf-8"))


def write_metadata(folder: Path, said: Mapping[str, Any]) -> None:
    """Write `release.json` anew, whole or not at all: a draft without it could be neither approved nor passed over."""
    unfinished = folder / UNFINISHED
    unfinished.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / "release.json")


def seal_of(said: Mapping[str, Any]) -> str:
    """sha256 over everything that a release says of itself, the digests of its files included."""
    told = {name: value for name, value in said.items() if name != "seal"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_intact(folder: Path) -> bool:
    """Whether a sealed release has the very files it was sealed with and says what it said; the first ones did not seal the latter."""
    try:
        said = metadata_of(folder)
        return said["files"] == hashes(folder) and said.get("seal") in (None, seal_of(said))
    except (OSError, ValueError, KeyError):
        return False


def hashes(folder: Path) -> dict[str, str]:
    """sha256 by file name of everything in a release but `release.json` itself."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "release.json")
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
