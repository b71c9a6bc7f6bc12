"""What no contract can let in: columns by their headings, rows by what their cells carry."""

import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.catalogue import code_lists, contracts, denied, load_contract
from pipelines.intake import ledger, quarantine
from pipelines.intake.denying import carries_personal_value, personal_headings, shown_headings
from pipelines.intake.layouts import Block, Sheet
from pipelines.intake.parsing import parse
from pipelines.settings import SEEDS, UserError
from tests.offices import Office, cases

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
BEFORE, AFTER = ("", "调", "AJ", "(2025)渝0117民初", "-"), ("", "号", "a", "，见附件", "/1")


def _checked(first: str) -> str:
    """Seventeen digits with their check digit, as GB 11643 tells to compute it."""
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, first, strict=True))
    return first + "10X98765432"[total % 11]


def _carries(*texts: str | None) -> list[bool]:
    rows = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return rows.select(carries_personal_value(pl.col("text"))).to_series().to_list()


places = st.integers(100_000, 999_999).map(str)
days = st.dates(date(1900, 1, 1), date(2025, 12, 31)).map(lambda day: f"{day:%Y%m%d}")
orders = st.integers(0, 999).map(lambda number: f"{number:03d}")
id_numbers = st.builds(lambda *parts: _checked("".join(parts)), places, days, orders)


def test_the_check_digit_of_the_standards_own_example() -> None:
    assert _checked("11010519491231002") == "11010519491231002X"


@settings(deadline=None)
@given(id_numbers, st.sampled_from(BEFORE), st.sampled_from(AFTER))
def test_an_id_number_is_found_wherever_it_stands_in_a_cell(number: str, before: str, after: str) -> None:
    assert _carries(before + number + after, before + number.lower() + after) == [True, True]


@settings(deadline=None)
@given(id_numbers, st.sampled_from("0123456789X"))
def test_eighteen_digits_without_the_check_digit_are_a_case_number(number: str, last: str) -> None:
    assert _carries(number[:17] + last) == [last == number[17]]


@settings(deadline=None)
@given(id_numbers, st.sampled_from("0123456789"))
def test_longer_runs_of_digits_are_no_id_number(number: str, digit: str) -> None:
    assert _carries(digit + number[:17] + "0", number[:17] + "0" + digit) == [False, False]


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("11010519491231002X", True),
        ("11010519491331002X", False),  # no such month
        ("2025-11010519491231002X-11010519491231002X", True),
        ("110105194912310021,11010519491231002X", True),  # only the second is one
        ("130503670401001", True),  # fifteen digits, born in 1967
        ("500117250312001", False),  # a case of March 2025
        ("990503670401001", False),  # no such province
        ("13912345678", True),
        ("8613912345678", True),
        ("联系139 1234 5678", True),
        ("139-1234-5678", True),
        ("12912345678", False),
        ("139123456789", False),
        ("渝A12345", True),
        ("渝A·12345", True),
        ("渝AD12345", True),
        ("川a1234警", True),
        ("渝HC20250001", False),
        ("(2025)渝0117民初1234号", False),
        ("500117001", False),
        ("500117001000", False),
        ("20250303", False),
        ("A1", False),
        ("", False),
        (None, False),
    ],
)
def test_what_counts_as_a_personal_value(text: str | None, carried: bool) -> None:
    assert _carries(text, "A1") == [carried, False]


def test_a_row_that_carries_one_is_refused_and_the_others_count(office: Office) -> None:
    nothing = {"涉及人数": ""}
    outcome = office.take(
        cases(
            nothing,
            {"调解案件编号": "11010519491231002X"},
            {"调解案件编号": "A3", "涉及人数": "13912345678"},
            {"调解案件编号": "A4", "涉及人数": "13,912,345,678"},
            {"调解案件编号": "A5", "涉及人数": "130503670401001"},
            {"调解案件编号": "A6", "涉及金额(万元)": "13912345678"},
            {"调解案件编号": "１３９１２３４５６７８"},
            {"调解案件编号": "HC139-1234-5678"},
            {"调解案件编号": "A8", "涉及人数": "3", "涉及金额(万元)": "1.5"},
        )
    )
    assert outcome.reasons == {"personal_value": 7}
    assert (outcome.accepted, outcome.quarantined) == (2, 7)
    found = office.quarantine().filter(reason="personal_value")
    assert set(found["column"]) == {"case_number", "persons_involved", "amount"}
    assert not any(digits in "".join(found["found"]) for digits in ("139", "1105", "1305"))


numbers = st.from_regex(r"[A-Za-z]{0,2}(-?(1[3-9][0-9]|[0-9]{1,4}|[0-9]{4}|[0-9]{5,19}|[EeX])){1,5}", fullmatch=True)


@settings(deadline=None, max_examples=20)
@given(st.lists(numbers, min_size=30, max_size=30, unique=True))
def test_a_case_number_however_parted_is_refused_where_it_carries_one(texts: list[str]) -> None:
    sheet = Sheet(None, 1, ("调解案件编号",))
    rows = pl.DataFrame({"row_number": range(len(texts)), "cells": [1] * len(texts), "c0": texts})
    findings = parse(Block(sheet, rows, 0), contracts()["mediation_cases"]).findings
    refused = findings.filter(reason="personal_value", column="case_number")["row_number"]
    assert refused.to_list() == [number for number, carries in enumerate(_carries(*texts)) if carries]


HEADINGS = {
    "name": ["姓名", "申请人姓名", "当事人", "申请人名单", "First Name", "xm"],
    "staff_name": ["登记人", "被反映人职务", "调解员编号"],
    "id_number": ["身份证号", "证件号码", "sfzhm", "ID Number"],
    "contact": ["联系电话", "手机号", "申请人电话", "Phone"],
    "address": ["住址", "发生地址", "Incident Address"],
    "position": ["定位轨迹", "签到时间", "经度", "Latitude"],
    "device": ["手环编号", "设备号", "IMEI"],
    "photo": ["照片"],
    "biometric": ["人脸特征", "指纹"],
    "query_code": ["查询码", "cxm"],
    "case_text": ["纠纷简要情况", "协议内容", "概况信息", "备注"],
    "stability_flag": ["扬言标志", "是否稳控", "稳控措施", "重点人员", "匿名"],
    "minor": ["是否未成年", "青少年编号"],
    "mental_illness": ["精神障碍等级"],
    "health": ["吸毒史", "是否艾滋病", "HIV"],
    "plate": ["车牌号"],
    "account": ["银行卡号"],
    "birth": ["出生日期"],
    "traits": ["民族", "政治面貌"],
    "offence": ["罪名"],
}
CONTRACT = """table: petition_matters
version: 1
kind: cases
label: {{zh: {label}, en: Tickets}}
grain: {{zh: 一行一件, en: one row a ticket}}
system: petition
key: matter_number
dated_by: registered_on
columns:
  - {{name: matter_number, label: 工单号, type: identifier, personal: keyed, required: true}}
  - {{name: area_code, label: 街道, type: area, required: true}}
  - {{name: registered_on, label: 来电时间, type: date, required: true}}
  - name: persons
    label: {heading}
    aliases: [{alias}]
    type: integer
    personal: {personal}
"""


def _contract(
    folder: Path, heading: str = "人数", alias: str = "总人数", label: str = "热线工单", personal: str = "none"
) -> Path:
    path = folder / "tickets.yml"
    path.write_text(CONTRACT.format(heading=heading, alias=alias, label=label, personal=personal), encoding="utf-8")
    return path


def test_every_kind_of_heading_has_an_example() -> None:
    assert list(HEADINGS) == [kind.id for kind in denied().headings]
    assert all(kind.reason.zh != kind.reason.en for kind in (*denied().headings, *denied().tables))


@pytest.mark.parametrize("kind", HEADINGS)
def test_a_contract_cannot_store_what_is_denied(kind: str, tmp_path: Path) -> None:
    reason = next(entry.reason for entry in denied().headings if entry.id == kind)
    for text in HEADINGS[kind]:
        for line, place in ((14, "heading"), (15, "alias")):
            with pytest.raises(UserError) as refused:
                load_contract(_contract(tmp_path, **{place: text}))
            assert f"tickets.yml, line {line}: {text} is never stored" in str(refused.value)
            assert reason.zh in str(refused.value)
        assert load_contract(_contract(tmp_path, heading=text, personal="dropped")).columns[3].personal == "dropped"


@pytest.mark.parametrize("label", ["信访人名单", "信访人员明细", "重点人员台账", "签到记录", "吸毒人员"])
def test_no_contract_for_lists_of_persons(label: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tickets\.yml, line 4: a table of this kind"):
        load_contract(_contract(tmp_path, label=label))


def test_an_identifier_of_a_person_cannot_be_keyed_either(tmp_path: Path) -> None:
    path = _contract(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("工单号", "身份证号码"), encoding="utf-8")
    with pytest.raises(UserError, match=r"line 10: 身份证号码 is never stored"):
        load_contract(path)


def test_the_houses_own_contracts_and_codes_pass() -> None:
    assert [load_contract(path).table for path in (SEEDS / "contracts").glob("*.yml")]
    assert denied().heading("缓和(稳控)") is None
    assert denied().heading("发生日期") is None
    breakdowns = {column.breakdown for contract in contracts().values() for column in contract.columns} - {None}
    said = [code.label_zh for name in breakdowns for code in code_lists()[name] if denied().heading(code.label_zh)]
    assert said == []
    assert all(denied().heading(column.label) is None for c in contracts().values() for column in c.stored)


def test_personal_headings_are_told_and_values_in_the_header_are_shapes(office: Office) -> None:
    headings = ["满意度", "申请人电话", "13912345678", "2025年03月04日", "渝A12345", "字" * 41, "姓名110105"]
    assert shown_headings(headings) == [
        "text, 3 characters",
        "申请人电话",
        "text, 11 characters",
        "text, 11 characters",
        "text, 7 characters",
        "text, 41 characters",
        "text, 8 characters",
    ]
    assert personal_headings(headings) == ["申请人电话"]
    outcome = office.take(cases({"当事人住址": "某某路1号", "11010519491231002X": "?", "合议方式": "?"}))
    assert outcome.unknown_columns == ["当事人住址", "text, 18 characters", "text, 4 characters"]
    assert outcome.personal_columns == ["当事人住址"]
    assert outcome.accepted == 1
    assert shown_headings(["满意度", "合议方式"]) == ["满意度", "合议方式"]


def test_names_in_a_row_that_ran_into_the_header_are_not_said(office: Office) -> None:
    person = {"当事人姓名": "余洋晨", "身份证号": "11010519491231002X"}
    head, first, second = cases(person, person | {"调解案件编号": "A2"}).splitlines()
    outcome = office.take(f"{head},{first}\n{second}\n")
    assert "余洋晨" not in str(outcome) and "text, 3 characters" in outcome.unknown_columns


@pytest.mark.parametrize(
    "name", ["13912345678的材料.csv", "11010519491231002X.CSV", "甲_139-1234-5678.csv", "渝A12345.csv"]
)
def test_a_file_named_after_somebody_is_called_by_its_shape(name: str, office: Office) -> None:
    outcome = office.take(cases({}), name)
    assert re.fullmatch(r"text, [0-9]+ characters\.csv", outcome.file)
    assert outcome.note is not None and "ID, mobile or plate number" in outcome.note
    assert [delivery.file for delivery in ledger.deliveries()] == [outcome.file]
    personal = name.rpartition(".")[0]
    written = [path for path in office.data.rglob("*") if path.is_file() and "landing" not in path.parts]
    assert written and not [path for path in written if personal.encode() in path.read_bytes()]


def test_a_case_of_a_file_named_after_somebody_is_read_again_from_the_archive(office: Office) -> None:
    office.take(cases({}), "13912345678.csv")
    (delivery,) = ledger.deliveries()
    with quarantine.original(delivery) as path:
        assert path.read_text(encoding="utf-8") == cases({})


def test_usual_file_names_stand_as_they_are(office: Office) -> None:
    for name in ("mediation-500117_2025.csv", "调解案件20250331.csv", "2025年3月 合川(1).csv"):
        assert office.take(cases({"调解案件编号": name[:3]}), name).file == name
