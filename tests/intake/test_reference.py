"""The door against a second intake of the same file, written in SQL without the door's code, and against the file's truth."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest

from benchmarks.intake import comparing, exports, reference
from tests.offices import Office, opened

ROWS = 4000


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> exports.Export:
    return exports.export(tmp_path_factory.mktemp("exports"), ROWS)


def told(office: Office, path: Path) -> str:
    """Take a file in as the command does; what `intake --json` prints."""
    outcome = office.hand_in(path, sender=reference.SENDER)
    return json.dumps({"files": [asdict(outcome)]})


@pytest.mark.parametrize("recoded", [lambda made: made, exports.in_gb18030], ids=["utf-8", "gb18030"])
def test_every_row_and_reason_is_as_a_second_intake_says(
    recoded: Callable[[exports.Export], exports.Export],
    export: exports.Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = opened(tmp_path, monkeypatch)
    printed = told(office, recoded(export).path)
    expected = reference.expected(export, tmp_path / "keys", tmp_path)
    assert comparing.differences(office.data, printed, export, expected) == []


def test_the_comparison_sees_one_changed_cell(
    export: exports.Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened(tmp_path, monkeypatch)
    printed = told(office, export.path)
    expected = reference.expected(export, tmp_path / "keys", tmp_path)
    [part] = (office.data / "lake").glob("*/*/*.parquet")
    rows = pl.read_parquet(part)
    is_last = pl.int_range(pl.len()) == pl.len() - 1
    rows.with_columns(pl.when(is_last).then(7).otherwise(pl.col("amount")).alias("amount")).write_parquet(part)
    found = comparing.differences(office.data, printed, export, expected)
    assert [sentence.partition(":")[0] for sentence in found] == ["rows of the lake"] * 2


def test_the_same_rows_are_the_same_bytes_and_a_longer_export_begins_with_them(
    export: exports.Export, tmp_path: Path
) -> None:
    again, longer = exports.export(tmp_path, ROWS), exports.export(tmp_path, ROWS + 1)
    assert again.path.read_bytes() == export.path.read_bytes()
    assert pl.read_parquet(again.truth).equals(pl.read_parquet(export.truth))
    rows, _, totals = export.path.read_text(encoding="utf-8").rstrip("\n").rpartition("\n")
    assert longer.path.read_text(encoding="utf-8").startswith(f"{rows}\n")
    assert totals.startswith("合计")
    assert len(pl.read_parquet(longer.truth)) == ROWS + 1
