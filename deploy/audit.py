"""Whether a locked package has a known fault. `python -m deploy.audit LOCK … [--advisories FILE]`

The database of the Python package index is asked, or, without a network, a copy of the OSV database. Exit code 1 when a package has
a fault, 3 when not all of them could be looked up: what was not looked up has not passed, and that is what is said.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from deploy import advisories

PASSED, FAULTY, NOT_ASKED = 0, 1, 3
UNREACHABLE = (
    "The database of known faults cannot be reached from here: nothing was audited. "
    "A copy of it can be asked instead: make audit ADVISORIES=FILE (deploy/README.md, 8)."
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy.audit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK", help="a lock file: name==version and hashes")
    parser.add_argument("--advisories", type=Path, help="a copy of the OSV database for Python packages, as a zip")
    options = parser.parse_args()
    try:
        said, code = verdict(
            _by_copy(options.locks, options.advisories) if options.advisories else _by_index(options.locks)
        )
    except advisories.NotACopyError as error:
        said, code = [f"{error} Nothing was audited."], NOT_ASKED
    print(*said, sep="\n", file=sys.stderr if code == NOT_ASKED else sys.stdout)
    return code


def _by_index(locks: Sequence[Path]) -> list[dict[str, Any]]:
    """What pip-audit says of the packages of lock files; nothing when it could not ask."""
    named = [word for lock in locks for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", *named, "--disable-pip", "--require-hashes"]
    done = subprocess.run(
        [*command, "--format", "json", "--timeout", "20"], capture_output=True, text=True, check=False
    )
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError):
        return []


def _by_copy(locks: Sequence[Path], path: Path) -> list[dict[str, Any]]:
    """What a copy of the database says of them, in the same shape. Raises `NotACopyError`."""
    copy = advisories.read(path)
    print(f"The copy holds {copy.advisories:,} advisories; the newest was changed on {copy.newest}.")
    return [_looked_up(copy, name, version) for lock in locks for name, version in _pins(lock)]


def _looked_up(copy: advisories.Copy, name: str, version: str) -> dict[str, Any]:
    package: dict[str, Any] = {"name": name, "version": version}
    try:
        return package | {"vulns": copy.vulnerabilities(name, version)}
    except InvalidVersion:
        return package | {"skip_reason": "an advisory names a version that cannot be read"}


def _pins(lock: Path) -> Iterator[tuple[str, str]]:
    for line in lock.read_text(encoding="ascii").splitlines():
        if line and not line[0].isspace():
            pinned = Requirement(line.removesuffix("\\").strip())
            [version] = (one.version for one in pinned.specifier)
            yield pinned.name, version


def verdict(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Sentences and exit code for what is said of packages: `vulns` of those looked up, a `skip_reason` of the others."""
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return [UNREACHABLE], NOT_ASKED
    said = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in "
        f"{', '.join(fault['fix_versions']) or 'no version yet'}"
        for package in asked
        for fault in package["vulns"]
    ]
    left = [str(package["name"]) for package in packages if package not in asked]
    faulty = bool(said)
    said.append(f"{len(asked)} of {len(packages)} packages were looked up.")
    if left:
        said.append(f"Not looked up, so not audited: {', '.join(left)}.")
    return said, FAULTY if faulty else NOT_ASKED if left else PASSED


if __name__ == "__main__":
    sys.exit(main())
