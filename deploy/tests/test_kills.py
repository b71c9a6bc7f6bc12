"""The daily job killed a hundred times and more: it ends as if it had never been killed. Takes some minutes."""

import json
import subprocess
import sys
from pathlib import Path

from pipelines.settings import PROJECT
from tests.offices import Office

LEAST = 100


def test_a_day_killed_again_and_again_ends_as_if_never_killed(house: Office, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.killed_daily",
        str(house.data),
        str(tmp_path),
        "--rounds",
        "3",
        "--kills",
        "16",
    ]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] >= LEAST
