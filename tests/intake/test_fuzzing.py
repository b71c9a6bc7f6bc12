"""Damaged exports: each ends in an outcome or one sentence, no row is lost, nothing personal is written."""

from pathlib import Path

from tests.intake import fuzzing

EXAMPLES = 300
RECORDS = 20_000


def test_whatever_is_handed_in_no_row_is_lost_and_nobody_exposed(tmp_path: Path) -> None:
    found = fuzzing.run(range(EXAMPLES), 0, tmp_path)
    assert found.wrong == []
    assert min(found.ends["accepted"], found.ends["refused"]) > EXAMPLES // 4, "both ends are met often"


def test_lines_are_those_of_the_file_in_both_encodings_whatever_the_window(tmp_path: Path) -> None:
    assert fuzzing.wrong_lines(RECORDS, tmp_path) == []
