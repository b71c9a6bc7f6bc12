"""Whether a locked package has a known fault, by the database of the Python package index. `python -m deploy.audit LOCK`

Exit code 1 when one has, 3 when the database could not be asked of all of them: what was not looked up has not passed, and that is
what is said.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PASSED, FAULTY, NOT_ASKED = 0, 1, 3


def main(lock: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    done = subprocess.run(
        [*command, "--format", "json", "--timeout", "20"], capture_output=True, text=True, check=False
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    said, code = verdict(packages)
    print(*said, sep="\n", file=sys.stderr if code == NOT_ASKED else sys.stdout)
    return code


def verdict(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Sentences and exit code for what pip-audit says of packages: `vulns` of those it looked up, a `skip_reason` of the others."""
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return ["The database of known faults cannot be reached from here: nothing was audited."], NOT_ASKED
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
    sys.exit(main(Path(sys.argv[1])))
