"""An installation in small: a published release, two dashboards of it, and nginx before them as `deploy/nginx` has it."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from deploy.installing import Installation, installed
from tests.conftest import FENGQIAO
from tests.offices import Office, built_house


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def installation(house: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    bulletin = house.data / "documents" / "bulletin"
    made = subprocess.run(
        [FENGQIAO, "bulletin", "--edition", "internal", "--out", bulletin],
        env=os.environ | {"FENGQIAO_DATA": str(house.data), "FENGQIAO_KEYS": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with installed(house.data, tmp_path_factory.mktemp("nginx")) as ready:
        yield ready
