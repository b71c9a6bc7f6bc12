"""What a copy of the OSV database says of packages, for an office that cannot ask the database itself.

The copy is the file that OSV offers of all advisories for Python packages: https://osv.dev, "Data dumps". How a version is judged is
the schema's own rule: https://ossf.github.io/osv-schema/#evaluation.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ECOSYSTEM = "PyPI"
BEGINNING = ("introduced", "0")  # the schema's word for "before every version"
FIRST = Version("0.dev0")


class NotACopyError(Exception):
    """A file is not what OSV offers; the message says what is expected."""


@dataclass(frozen=True)
class Copy:
    """Advisories that have not been withdrawn: how many, the day of the newest change, and by package what is affected."""

    advisories: int
    newest: str
    by_package: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]]

    def vulnerabilities(self, name: str, version: str) -> list[dict[str, Any]]:
        """`id` and `fix_versions` of the advisories that touch a package; raises `InvalidVersion` where one cannot be read."""
        found: dict[str, set[str]] = {}
        for advisory, affected in self.by_package.get(canonicalize_name(name), ()):
            if is_affected(affected, Version(version)):
                found.setdefault(advisory, set()).update(_fixed(affected))
        return [
            {"id": advisory, "fix_versions": sorted(fixed, key=Version)} for advisory, fixed in sorted(found.items())
        ]


def read(path: Path) -> Copy:
    """Raises `NotACopyError` when the file is no zip of advisories for Python packages."""
    by_package: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    advisories, newest = 0, ""
    for record in _records(path):
        affected = [
            part for part in record.get("affected", ()) if part.get("package", {}).get("ecosystem") == ECOSYSTEM
        ]
        if record.get("withdrawn") or not affected:
            continue
        advisories, newest = advisories + 1, max(newest, record["modified"])
        for part in affected:
            by_package.setdefault(canonicalize_name(part["package"]["name"]), []).append((record["id"], part))
    if not advisories:
        raise NotACopyError(f"{path} holds no advisory for Python packages.")
    return Copy(advisories, newest[:10], {name: tuple(parts) for name, parts in by_package.items()})


def is_affected(affected: Mapping[str, Any], version: Version) -> bool:
    """Whether a version is named, or lies in a range of versions."""
    ranges = (one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return version in _named(affected) or any(_is_within(version, events) for events in ranges)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with ZipFile(path) as packed:
            for name in packed.namelist():
                if name.endswith(".json"):
                    yield json.loads(packed.read(name))
    except (BadZipFile, ValueError, OSError) as error:
        raise NotACopyError(f"{path} cannot be read as a zip of advisories in JSON.") from error


def _named(affected: Mapping[str, Any]) -> Iterator[Version]:
    for text in affected.get("versions", ()):
        try:
            yield Version(text)
        except InvalidVersion:  # of a time before versions had to be sortable; none of today's is equal to it
            continue


def _is_within(version: Version, events: list[dict[str, str]]) -> bool:
    is_touched = False
    for bound, kind in sorted((_bound(kind, text), kind) for event in events for kind, text in event.items()):
        if kind == "introduced" and version >= bound:
            is_touched = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            is_touched = False
    return is_touched


def _bound(kind: str, text: str) -> Version:
    return FIRST if (kind, text) == BEGINNING else Version(text)


def _fixed(affected: Mapping[str, Any]) -> list[str]:
    ranges = (one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return [event["fixed"] for events in ranges for event in events if "fixed" in event]
