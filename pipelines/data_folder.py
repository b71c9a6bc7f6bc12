"""The version of the data folder's layout: written at first use, raised step by step, and one newer than this software refused.

Version 1 is the folder of release 0.1.0, which wrote no version. Since version 2 the ledger also knows the mode, scope and
rules of a delivery, and received files are kept encrypted. Since version 3 what public values were drawn from lies with the
releases, where a backup holds it, and no longer with the build.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.settings import UserError, data_root

VERSION = 3
BEFORE_VERSIONS = 1
RESTORING = ".restoring"


def version_path() -> Path:
    return data_root() / "version"


def version() -> int | None:
    """The version of the data folder; None where there is nothing of ours yet.

    Raises `UserError` when it is newer than this software knows or cannot be read, and where a restore was cut off.
    """
    root = data_root()
    if (root / RESTORING).exists():
        raise UserError(
            f"A restore into {root} is going on, or was stopped. If it was stopped, empty the folder and restore again."
        )
    try:
        found = int(version_path().read_text(encoding="ascii"))
    except (FileNotFoundError, NotADirectoryError):
        return BEFORE_VERSIONS if (root / "ledger.sqlite").exists() else None
    except (OSError, ValueError):
        raise UserError(f"{version_path()} holds no version of a data folder. Restore it from a backup.") from None
    require_known(found, f"The data folder {root}")
    return found


def require_known(found: int, what: str) -> None:
    """Raises `UserError` for a version that only a newer software understands."""
    if found > VERSION:
        raise UserError(
            f"{what} is of version {found}; this software knows versions up to {VERSION}. Install the newer one, or work"
            " in another folder."
        )


def settle() -> int | None:
    """Write the version of a new folder, bring an earlier one up. Call under the lock.

    Returns the version that was found, None for a new folder. Raises `UserError` as `version` does, and when the disk does
    not take it: then the folder is of the version it was.
    """
    found = version()
    if found == VERSION:
        return found
    try:
        for step in range(found or VERSION, VERSION):
            STEPS[step](data_root())
            _write(step + 1)
        if found is None:
            _write(VERSION)
    except OSError as error:
        raise UserError(f"The data folder {data_root()} cannot be written: {error.strerror}.") from None
    return found


def _write(number: int) -> None:
    draft = version_path().with_name(f".version.{os.getpid()}")
    with draft.open("w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o644)  # dashboards under other users look at it too
        file.write(f"{number}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(version_path())
    for left in version_path().parent.glob(".version.*"):  # of a process that was killed before it came this far
        if not Path("/proc", left.suffix[1:]).exists():
            left.unlink(missing_ok=True)


def _without_build(root: Path) -> None:
    """What was computed by the SQL of the first release goes, and the next build computes all of it anew; what was received
    stays. The ledger gets its later columns by itself when it is opened."""
    if (root / "warehouse").exists():
        shutil.rmtree(root / "warehouse")


def _draws_to_releases(root: Path) -> None:
    """No build can compute again what was drawn. What lies with the releases already stays as it is there."""
    before, now = root / "warehouse" / "drawn", root / "releases" / "drawn"
    if not before.is_dir():
        return
    now.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(before.iterdir()):
        if not (now / path.name).exists():
            path.rename(now / path.name)
    shutil.rmtree(before)


# What brings a folder from a version to the next; each may be cut off and begun again.
STEPS: Mapping[int, Callable[[Path], None]] = {BEFORE_VERSIONS: _without_build, 2: _draws_to_releases}
