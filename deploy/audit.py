"""Whether a locked package has a known fault, by the database of the Python package index. `python -m deploy.audit LOCK`

Exit code 1 when one has, 3 when the database could not be asked: then nothing is known, and that is what is said.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

NOT_ASKED = 3


def main(lock: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--require-hashes"]
    done = subprocess.run(
        [*command, "--format", "json", "--timeout", "20"], capture_output=True, text=True, check=False
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    asked = [package for package in packages if "vulns" in package]
    for package in asked:
        for fault in package["vulns"]:
            print(
                f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions'])}"
            )
    if not asked:
        print("The database of known faults cannot be reached from here: nothing was audited.", file=sys.stderr)
        return NOT_ASKED
    print(f"{len(asked)} of {len(packages)} packages were looked up.")
    return int(any(package["vulns"] for package in asked))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
