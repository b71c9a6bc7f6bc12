"""An installation in small: both editions published, two dashboards of each, and nginx before them as `deploy/nginx` has it."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from deploy.installing import Installation, installed
from pipelines.settings import EDITIONS
from tests.conftest import FENGQIAO
from tests.offices import Office, built_house


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def installation(house: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("nginx")
    shutil.copytree(house.data, folder / "data", symlinks=True)
    told = {"FENGQIAO_DATA": str(folder / "data"), "FENGQIAO_KEYS": str(house.data.with_name("keys"))}
    for words in (
        ("release", "--edition", "public", "--period", "2025-05"),
        ("approve", "2025-05-1.0", "--edition", "public", "--name", "tester"),
        ("audit", "2025-05-1.0"),
        ("publish", "2025-05-1.0", "--edition", "public"),
        ("bulletin", "--edition", "public"),
    ):
        made = subprocess.run([FENGQIAO, *words], env=os.environ | told, capture_output=True, text=True, check=False)
        assert made.returncode == 0, f"{words}: {made.stderr}"
    with installed(folder / "data", folder, EDITIONS) as ready:
        yield ready
