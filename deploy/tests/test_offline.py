"""An office without internet: set up from the file of `make wheelhouse` and used, in a network namespace of its own. As root."""

import os
import shutil
import subprocess
from pathlib import Path

from pipelines.settings import PROJECT

USED = """
set -eu
ip link set lo up 2>/dev/null || true
! ip route get 192.0.2.1 2>/dev/null
make --no-print-directory setup WHEELHOUSE="$1"
.venv/bin/fengqiao keys init
.venv/bin/fengqiao demo --cases 50 --years 1 --until 2025-12-31
.venv/bin/fengqiao intake "$FENGQIAO_DATA/landing"
.venv/bin/fengqiao build
.venv/bin/fengqiao release --period 2025
.venv/bin/fengqiao approve 2025-1.0 --name tester
.venv/bin/fengqiao publish 2025-1.0
.venv/bin/fengqiao bulletin --edition internal
.venv/bin/python -m deploy.pack
.venv/bin/fengqiao doctor
"""


def test_set_up_and_used_with_the_network_cut_off(tmp_path: Path) -> None:
    assert os.getuid() == 0, "This test cuts the network off: run `make test-deploy` as root."
    packed = PROJECT / ".cache" / "fengqiao-offline.tar"
    made = subprocess.run(["make", "wheelhouse"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    shutil.unpack_archive(packed, tmp_path, filter="data")
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"FENGQIAO_DATA": str(tmp_path / "data"), "FENGQIAO_KEYS": str(tmp_path / "keys")}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS"):
        environment.pop(name, None)
    command = ["unshare", "--net", "--", "sh", "-c", USED, "sh", str(tmp_path / "wheelhouse")]
    done = subprocess.run(
        command, cwd=tmp_path / "fengqiao", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Everything checked is in order." in done.stdout
