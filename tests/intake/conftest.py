from pathlib import Path

import pytest

from tests.offices import Office, opened


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return opened(tmp_path, monkeypatch)
