"""The corrections register: what a row is known to say wrongly is counted otherwise until its source is mended."""

import hashlib
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
from tests.offices import CASE, FORM, HECHUAN, MEDIATED, Office, built_house, cases, copied, release, table

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
        "Correction nowhere is not applied: correction_monthly has nothing where it says.",
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
        ("table: correction_monthly", "table: correction_months", 2, "correction_months is no table"),
        ("table: correction_monthly", "table: mediation_cases", 3, "match.area_code: there is no such key"),
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


ROW = """\
{id}:
  table: mediation_cases
  match: {{sender: {sender}, file: {file}, row: {row}, column: {column}}}
  action: override
  expect: {expect}
  value: {value}
  reason: {{zh: 与卷宗不符。, en: The file of the case says otherwise.}}
  provider: 合川区司法局
  status: reported
  source: Letter of the bureau of 2025-06-03
  since: 2025-06-03
"""


def _entry(line: int, column: str, expect: str, value: str) -> str:
    """An entry on a line of the house's export of mediation cases."""
    file = hashlib.sha256(cases(*MEDIATED).encode()).hexdigest()[:12]
    said = {"id": f"{column}_of_line_{line}", "row": line, "column": column, "expect": expect, "value": value}
    return ROW.format(**said, sender=HECHUAN, file=file)


def _counted(query: str = "select * from measures.measures_monthly order by all") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
        return connection.execute(query).fetchall()


CONCLUDED = (
    "select strftime(concluded_on, '%m-%d'), is_agreed from core.fct_mediation_cases where is_concluded order by 1"
)


def test_a_case_is_corrected_until_a_newer_version_of_it_says_otherwise(
    house: Office, register: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first case was agreed on 5 May, not on 20 March, until its sender says 2 April; the second was agreed; line 9 is none."""
    office = copied(house, tmp_path, monkeypatch)
    raw = office.lake()
    entries = [
        _entry(2, "concluded_on", "2025-03-20", "2025-05-05"),
        _entry(3, "outcome", "[not_agreed, null]", "agreed"),
        _entry(9, "outcome", "not_agreed", "agreed"),
    ]
    with register.open("a", encoding="utf-8") as file:
        file.write("".join(entries))
    said = _built()
    assert said["expired"] == [
        "Correction outcome_of_line_9 is not applied: mediation_cases has nothing where it says."
    ]
    assert _counted(CONCLUDED) == [("04-20", True), ("05-05", True)]
    assert office.lake().equals(raw), "raw stays raw"
    _explained()

    mended = CASE | {"办结日期": "2025-04-02", "调解结果": "成功", "更新时间": "2025-05-20 09:00:00"}
    office.take(table([mended]), "mediation_2025-05.csv")
    said = _built()
    assert not said["full"]
    months = ["2025-03", "2025-04", "2025-05"]
    assert said["touched"] == [{"table": "mediation_cases", "cause": "changed", "months": months}]
    assert [sentence.partition(":")[0] for sentence in said["expired"]] == [
        "Correction concluded_on_of_line_2 is not applied",
        "Correction outcome_of_line_9 is not applied",
    ]
    assert _counted(CONCLUDED) == [("04-02", True), ("04-20", True)]
    by_steps = _counted()
    warehouse.build(full=True)
    assert _counted() == by_steps, "the month of the corrected day is counted again too"


def _explained() -> None:
    """What moves a case from March to May touches both months, and no other; so does a total of a form its own."""
    release()
    asked = {
        ("mediation_concluded", "500117001", "2025-03"): ["concluded_on_of_line_2"],
        ("mediation_concluded", "500000", "2025-05"): ["concluded_on_of_line_2"],
        ("mediation_concluded", "500117", "2025-04"): ["outcome_of_line_3"],
        ("mediation_concluded", "500117002", "2025-05"): [],
        ("correction_caseload", "500117", "2025-03"): ["wrong_total"],
        ("correction_received", "500117", "2025-03"): [],
    }
    for (indicator, area, month), touching in asked.items():
        words = ["explain", "--indicator", indicator, "--area", area, "--period", month]
        done = CliRunner().invoke(main, [*words, "--json"])
        assert done.exit_code == 0, done.output
        part = json.loads(done.stdout)["parts"][0]
        assert [entry["id"] for entry in part["corrections"]] == touching, (indicator, area, month)
    assert (
        "更正 Corrected: wrong_total. 报表与台账不符。"
        in CliRunner().invoke(main, [*words[:2], "correction_caseload", *words[3:]]).stdout
    )


def test_two_entries_on_one_column_of_a_case_are_refused(
    house: Office, register: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines may be of one case; which it is only the lake knows."""
    office = copied(house, tmp_path, monkeypatch)
    outcome = office.take(cases(MEDIATED[1] | {"更新时间": "2025-05-02"}), "again_2025-05.csv")
    one = _entry(3, "outcome", "not_agreed", "agreed")
    other = one.replace("of_line_3", "again").replace("row: 3", "row: 2")
    other = other.replace(one.partition("file: ")[2][:12], outcome.sha256[:12])
    register.write_text(one + other, encoding="utf-8")
    done = CliRunner().invoke(main, ["build"])
    assert done.exit_code != 0
    assert "outcome_of_line_3 and outcome_again correct the same column of one case" in done.output


@pytest.mark.parametrize(
    ("was", "becomes", "line", "said"),
    [
        ("column: outcome", "column: outcomes", 3, "outcomes is no column of mediation_cases that can be corrected"),
        (
            "column: outcome",
            "column: updated_at",
            3,
            "updated_at is no column of mediation_cases that can be corrected",
        ),
        ("column: outcome", "column: concluded_on", 6, "concluded_on of mediation_cases holds days"),
        ("column: outcome", "column: is_difficult", 6, "is_difficult of mediation_cases holds true or false"),
        ("value: agreed", "value: happy", 6, "outcome of mediation_cases holds codes of its list"),
        ("expect: not_agreed", "expect: 7", 5, "outcome of mediation_cases holds codes of its list"),
        ("value: agreed", "value: not_agreed", 1, "never the one that is right"),
        ("  value: agreed\n", "", 1, "value"),
        ("row: 3", "row: 0", 3, "match.row"),
        ("file: ", "file: A", 3, "match.file"),
        ("action: override", "action: drop", 4, "action"),
        ("column: outcome", "column: outcome, case_number: A2", 3, "case_number: there is no such key"),
    ],
)
def test_a_wrong_entry_on_a_case_is_named_by_file_and_line(
    was: str, becomes: str, line: int, said: str, register: Path
) -> None:
    text = _entry(3, "outcome", "not_agreed", "agreed")
    assert was in text
    register.write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(UserError, match=rf"community_correction\.yml, line {line}: ") as refused:
        corrections()
    assert said in str(refused.value)
