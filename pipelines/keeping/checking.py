"""What `fengqiao doctor` says of a data folder as a whole: its version, the room on its disk, a backup that would miss something."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines import data_folder
from pipelines.keeping.parts import unknown_parts
from pipelines.settings import data_root

LEAST_FREE = 500_000_000  # bytes
BUILDS = 4  # a build in full may take three times the build that stands (docs/scale.md), a release nearly as much as it


def problems() -> list[str]:
    """One sentence a problem; empty when all is well, or where there is no data folder yet."""
    return [*_version(), *_disk(), *_unknown()] if data_root().is_dir() else []


def _version() -> Iterator[str]:
    found = data_folder.version()
    if found is not None and found < data_folder.VERSION:
        yield (
            f"The data folder is of version {found}: the next intake or build brings it to version {data_folder.VERSION}."
            " Copy the folder first."
        )


def _disk() -> Iterator[str]:
    free, needed = shutil.disk_usage(data_root()).free, max(LEAST_FREE, BUILDS * _size(data_root() / "warehouse"))
    if free < needed:
        yield (
            f"The disk of {data_root()} has {free / 1e9:.1f} GB left; a build and a release may need {needed / 1e9:.1f} GB."
            " Make room with `fengqiao tidy`, or move the folder to a larger disk."
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _unknown() -> Iterator[str]:
    unknown = unknown_parts()
    if unknown:
        yield f"A backup would not hold {', '.join(unknown)} in {data_root()}: move it out of the data folder."
