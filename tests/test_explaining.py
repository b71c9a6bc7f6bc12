"""A figure is explained down to the files and rows that were counted, and what they add up to is the figure."""

import csv
import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from dashboards.release_reader import open_release
from pipelines import cli_explain
from pipelines.catalogue import Card, cards, code_lists, contracts, measures
from pipelines.release import explaining
from pipelines.settings import UserError
from pipelines.warehouse import warehouse_path
from tests.conftest import Road
from tests.offices import Office, built_house, copied

OUTCOME = contracts()["mediation_cases"].column("outcome")


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)


def _role_of(card: Card) -> tuple[str, ...]:
    """Which of a figure's own numbers are one measure each, as they stand."""
    if card.is_quantile:
        return ()
    return ("numerator", "denominator") if card.kind == "ratio" and not card.denominator_with else ("numerator",)


def test_the_files_add_up_to_every_figure(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    release = open_release("internal")
    without_files = set()
    for card in cards().values():
        if card.kind == "share" or card.lowest_level in ("city", "province"):
            continue
        found = cli_explain.explain(release, card.id, "500117", "2025")
        parts = {part["role"]: part for part in found["parts"]}
        assert found["is_as_released"]
        for role in _role_of(card):
            if found[role] is not None and parts[role]["value"] is None:
                without_files.add(parts[role]["measure"])
            elif found[role] is not None:
                assert (card.id, role, parts[role]["value"]) == (card.id, role, found[role])
                lines = sum(len(file["row_numbers"]) for file in parts[role]["files"])
                assert (card.id, parts[role]["rows"]) == (card.id, lines)
    assert without_files == {"organisation_townships"}, "it is read off the list of areas"


def test_a_named_row_is_the_row_in_the_file(road: Road) -> None:
    """Lines are looked up in the exports themselves: every row counted as agreed says so in its column."""
    agreed = next(code for code in code_lists()["mediation_outcome"] if code.code == "agreed")
    asked = ("--indicator", "mediation_agreed", "--area", "420500", "--period", "2025-03")
    files = {file["sha256"]: file for file in road.ask("explain", *asked)["parts"][0]["files"]}
    exports = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in road.exports}
    texts = {sha: exports[sha] for sha in files if exports[sha].suffix == ".csv"}
    assert texts
    for sha, path in texts.items():
        lines = dict(_numbered(path))
        outcome = next(place for place, text in enumerate(lines[1]) if text in OUTCOME.texts)
        said = {lines[number][outcome] for number in files[sha]["row_numbers"]}
        assert said <= {agreed.label_zh, *agreed.aliases}


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records of a text file with the line each begins at."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    reader = csv.reader(text.splitlines(keepends=True))
    begins = 1
    for record in reader:
        yield begins, record
        begins = reader.line_num + 1


def test_a_share_has_no_figure_of_its_own_to_explain(road: Road) -> None:
    words = ("--indicator", "mediation_type_share", "--area", "500117", "--period", "2025")
    done = road.fengqiao("explain", *words)
    assert done.returncode != 0
    assert "is a share" in done.stderr and "Traceback" not in done.stderr


def test_without_a_build_there_is_nothing_to_explain_from(house: Office) -> None:
    assert explaining.built_sequence() == 4
    warehouse_path().unlink()
    with pytest.raises(UserError, match="Nothing is built yet"):
        explaining.built_sequence()
    assert house.data.is_dir()


def test_a_warehouse_that_another_version_built_is_named_as_such(house: Office) -> None:
    with duckdb.connect(str(warehouse_path())) as warehouse:
        warehouse.execute("drop view staging.stg_mediation_cases cascade")
    months = (date(2025, 5, 1), date(2025, 5, 1))
    with pytest.raises(UserError, match="built by another version of this software"):
        explaining.contributions(measures()["mediation_accepted"], "500117000000", months)
