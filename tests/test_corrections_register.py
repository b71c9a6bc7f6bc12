"""The corrections register: what a form is known to say wrongly is counted otherwise until its source is mended."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import warehouse
from pipelines.catalogue import corrections, seeds_version
from pipelines.cli import main
from pipelines.settings import SEEDS, UserError
from tests.conftest import read_seeds_from
from tests.offices import FORM, Office, built_house, copied, table

ENTRY = """\
{id}:
  table: correction_monthly
  match: {{sender: correction-500000, area_code: "500117", month: {month}, item: {item}}}
  action: {action}
  expect: {expect}
  reason: {{zh: 报表与台账不符。, en: The form differs from the register.}}
  provider: 合川区司法局
  status: reported
  source: Letter of the bureau of 2025-06-03
  since: 2025-06-03
"""
WRONG_TOTAL = {"id": "wrong_total", "month": "2025-03", "item": "closing", "action": "override", "expect": "[11, 111]"}
TOLD_TWICE = {"id": "told_twice", "month": "2025-03", "item": "checks_done", "action": "drop", "expect": "10"}
NOWHERE = {"id": "nowhere", "month": "2024-01", "item": "closing", "action": "drop", "expect": "10"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Built before any test changes the declarations."""
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The one file of a copy of the register, with an entry for a wrong total; the other declarations are as they are."""
    copy = tmp_path / "seeds"
    shutil.copytree(SEEDS, copy)
    path = copy / "corrections" / "community_correction.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(ENTRY.format(**WRONG_TOTAL) + "  value: 9\n", encoding="utf-8")
    read_seeds_from(copy, monkeypatch)
    _forget()
    yield path
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    corrections.cache_clear()
    seeds_version.cache_clear()


def _built() -> dict[str, Any]:
    done = CliRunner().invoke(main, ["build", "--json"])
    assert done.exit_code == 0, done.output
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _cells(item: str) -> list[int]:
    """What the fact table has of a line without parts."""
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
        query = "select value from core.fct_form_months where item = ? and category = 'total'"
        return [value for (value,) in connection.execute(query, [item]).fetchall()]


def test_a_correction_is_applied_until_its_source_is_mended(
    house: Office, register: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = copied(house, tmp_path, monkeypatch)
    raw = office.lake("correction_monthly")
    with register.open("a", encoding="utf-8") as file:
        file.write(ENTRY.format(**TOLD_TWICE) + ENTRY.format(**NOWHERE))

    said = _built()
    assert said["full"], "a changed register is a changed declaration"
    assert said["expired"] == [
        "Correction nowhere is not applied: no correction_monthly has the cell that it names.",
    ]
    assert (_cells("closing"), _cells("checks_done")) == ([9], [])
    assert office.lake("correction_monthly").equals(raw), "raw stays raw"

    mended = FORM | dict.fromkeys(("期末在册", "期末在册_缓刑"), "12") | {"迁入": "1", "报出日期": "2025-06-20"}
    office.take(table([mended]), "correction_2025-03.csv", "correction-500000")
    said = _built()
    assert not said["full"]
    assert [sentence.partition(":")[0] for sentence in said["expired"]] == [
        "Correction nowhere is not applied",
        "Correction wrong_total is not applied",
    ]
    assert (_cells("closing"), _cells("checks_done")) == ([12], [])
    printed = CliRunner().invoke(main, ["build"]).stdout
    assert "Correction wrong_total is not applied: the newest correction_monthly shows something else" in printed
    assert "fixed_upstream" in printed


def test_the_dictionary_tells_of_it(register: Path) -> None:
    printed = CliRunner().invoke(main, ["dictionary", "--table", "correction_monthly"]).stdout
    cell = "correction_monthly, correction-500000, 500117000000, 2025-03-01, closing, total"
    assert f"| wrong_total | {cell} | override 9 | 11, 111 |" in printed
    assert "Corrections register" not in CliRunner().invoke(main, ["dictionary", "--table", "petition_monthly"]).stdout


@pytest.mark.parametrize(
    ("was", "becomes", "line", "said"),
    [
        ("table: correction_monthly", "table: mediation_cases", 2, "mediation_cases is no monthly form"),
        ("item: closing", "item: closings", 3, "closings is no item of correction_monthly"),
        ("item: closing", "item: closing, category: theft", 3, "closing of correction_monthly has no part theft"),
        ('"500117"', '"合川"', 3, "match.area_code"),
        ("month: 2025-03", "month: 2025-3", 3, "a month is written 2025-03"),
        ("item: closing", "item: closing, case_number: A1", 3, "case_number: there is no such key"),
        ("action: override", "action: scale", 4, "action"),
        ("action: override", "action: drop", 1, "`drop` has none"),
        ("expect: [11, 111]", "expect: [9, 11]", 1, "never the one that is right"),
        ("  status: reported\n", "", 1, "status"),
        ("en: The form", "de: The form", 6, "reason.de: there is no such key"),
    ],
)
def test_a_wrong_entry_is_named_by_file_and_line(was: str, becomes: str, line: int, said: str, register: Path) -> None:
    text = register.read_text(encoding="utf-8")
    assert was in text
    register.write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(UserError, match=rf"community_correction\.yml, line {line}: ") as refused:
        corrections()
    assert said in str(refused.value)


def test_a_cell_is_corrected_once_and_what_is_mended_stands_for_the_record(register: Path) -> None:
    text = register.read_text(encoding="utf-8")
    again = text.replace("wrong_total", "still_wrong")
    register.write_text(text + again, encoding="utf-8")
    with pytest.raises(UserError, match=r"community_correction\.yml, line 12: still_wrong .* wrong_total corrects"):
        corrections()
    register.write_text(text.replace("reported", "fixed_upstream") + again, encoding="utf-8")
    assert [entry.is_standing for entry in corrections().values()] == [False, True]
