"""Who has handed in what they owe, the words that remind the others, and the slips on which refused rows go back."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.release import reminding
from tests.offices import HECHUAN, Office, cases, opened, table

MARCH = date(2025, 3, 1)
SECRET = "李某某说的话"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return opened(tmp_path, monkeypatch)


def _say(*words: str) -> Any:
    done = CliRunner().invoke(main, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def _state(office: Office, today: date) -> tuple[str, int]:
    [owed] = reminding.owed(MARCH, today, "mediation_cases", HECHUAN)
    return owed.state, owed.days_late


@pytest.mark.parametrize(
    ("today", "state"),
    [(date(2025, 4, 5), ("due", 0)), (date(2025, 4, 6), ("late", 1)), (date(2025, 5, 5), ("late", 30))],
)
def test_a_report_is_late_from_the_day_after_it_was_due(today: date, state: tuple[str, int], office: Office) -> None:
    """合川 owes its cases of March by 5 April."""
    assert _state(office, today) == state


def test_who_has_reported_is_reminded_of_nothing(office: Office) -> None:
    office.take(cases({}), "cases_2025-03.csv")
    rows = _say("senders", "--month", "2025-03", "--sender", HECHUAN)["senders"]
    assert {row["table"]: row["state"] for row in rows} == {
        "mediation_cases": "reported_late",
        "mediation_monthly": "late",
    }
    [told] = _say("senders", "--month", "2025-03", "--sender", HECHUAN, "--reminder")["reminders"]
    assert "合川区司法局：" in told
    assert "人民调解统计月报" in told
    assert "人民调解案件明细" not in told
    assert "零报告" in told
    assert "due on 5 April 2025" in told


def test_what_is_owed_by_the_year_is_owed_for_december(office: Office) -> None:
    """Whatever months of the year its delivery names."""
    sender, today = "organisation-500000", date(2026, 3, 1)
    assert [reminding.owed(date(2025, month, 1), today, "organisations", sender) for month in (1, 6, 11)] == [
        [],
        [],
        [],
    ]
    [owed] = reminding.owed(date(2025, 12, 1), today, "organisations", sender)
    assert owed.state == "late"
    row = {"机构编号": "O1", "区划代码": "500117", "机构类型": "司法所", "统计日期": "2025-06-30"}
    office.take(table([row]), "organisation_2025-06.csv", sender)
    [owed] = reminding.owed(date(2025, 12, 1), today, "organisations", sender)
    assert owed.state.startswith("reported")
    [owed] = reminding.owed(date(2024, 12, 1), today, "organisations", sender)
    assert owed.state == "late", "a count speaks for its own year"


def test_a_zero_report_is_a_report(office: Office) -> None:
    done = CliRunner().invoke(
        main, ["intake", "--zero", "--sender", HECHUAN, "--contract", "mediation_cases", "--period", "2025-03"]
    )
    assert done.exit_code == 0, done.output
    assert _state(office, date(2025, 5, 1))[0] == "reported_late"
    late = _say("senders", "--month", "2025-03", "--sender", HECHUAN, "--late")["senders"]
    assert [row["table"] for row in late] == ["mediation_monthly"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("senders", "--month", "2025"), "2025 is no month"),
        (("senders", "--sender", "nobody"), "No sender nobody stands in seeds/tables/senders.csv"),
        (("senders", "--table", "letters"), "No table letters"),
        (("quarantine", "--slip", "--again"), "--slip goes with filters and --out only"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_sentence(words: tuple[str, ...], said: str, office: Office) -> None:
    done = CliRunner().invoke(main, list(words))
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def test_a_slip_names_each_wrong_cell_by_its_place_and_shape_alone(office: Office, tmp_path: Path) -> None:
    wrong = ({"调解案件编号": "A2", "受理日期": SECRET}, {"调解案件编号": "A3", "对接方式": SECRET})
    office.take(cases({}, *wrong), "cases_2025-03.csv")
    [slip] = _say("quarantine", "--slip", "--sender", HECHUAN, "--out", str(tmp_path / "slips"))["slips"]
    assert (slip["sender"], slip["findings"]) == (HECHUAN, 2)
    book = openpyxl.load_workbook(slip["file"])
    sheet = book.active
    rows = list(sheet.iter_rows(values_only=True))
    [heads] = [number for number, row in enumerate(rows) if row[0] == "序号\nNo."]
    assert [row[3:5] for row in rows[heads + 1 : heads + 3]] == [(3, "受理日期"), (4, "对接方式")]
    assert "日期，如 2025-03-04" in rows[heads + 1][6]
    assert rows[heads + 1][7].startswith("文字，6个字符")
    said = "\n".join(str(cell) for row in rows for cell in row if cell is not None)
    assert SECRET not in said
    for words in ("数据退回单", "合川区司法局", "退回单位", "接收人", "重报日期"):
        assert words in said
    assert (sheet.freeze_panes, sheet.page_setup.orientation, bool(sheet.print_area)) == (
        f"A{heads + 2}",
        "landscape",
        True,
    )


def test_without_a_refused_row_no_slip_is_written(office: Office, tmp_path: Path) -> None:
    office.take(cases({}), "cases_2025-03.csv")
    assert _say("quarantine", "--slip", "--out", str(tmp_path / "slips")) == {"slips": []}
