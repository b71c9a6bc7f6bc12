"""What is turned back: which rows, on which lines, for which reason, and nothing of what stood in them."""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.catalogue import contracts
from pipelines.intake.parsing import REASONS
from tests.intake.test_formats import workbook
from tests.offices import CASE, HECHUAN, Office, cases, opened, table

FAULTS = {
    "missing_value": ({"调解案件编号": ""}, "case_number", "empty"),
    "not_a_date": ({"受理日期": "2025-02-30"}, "accepted_on", "date-like text, 10 characters"),
    "not_a_number": ({"涉及金额(万元)": "约八千"}, "amount", "text, 3 characters"),
    "not_yes_or_no": ({"是否反复": "也许"}, "is_reopened", "text, 2 characters"),
    "unknown_code": ({"对接方式": "网络直播间"}, "channel", "text, 5 characters"),
    "unknown_area": ({"所属区划代码": "429999001"}, "area_code", "digits, 9 characters"),
    "concluded_before_accepted": (
        {"办结日期": "2025-03-01", "调解结果": "成功"},
        "concluded_on",
        "date-like text, 10 characters",
    ),
    "accepted_after_update": ({"更新时间": "2025-03-01"}, "updated_at", "date-like text, 10 characters"),
}
WARNED = {
    "concluded_without_outcome": {"办结日期": "2025-03-09"},
    "agreed_without_form": {"办结日期": "2025-03-09", "调解结果": "成功"},
}


@pytest.mark.parametrize("reason", FAULTS)
def test_each_fault_has_its_reason_its_column_and_its_shape(reason: str, office: Office) -> None:
    cells, column, shape = FAULTS[reason]
    plain = CASE | {"是否反复": ""}
    outcome = office.take(table([plain | cells, plain | {"调解案件编号": "A2"}]))
    assert (outcome.read, outcome.accepted, outcome.reasons) == (2, 1, {reason: 1})
    refused = office.quarantine().filter(pl.col("severity") == "refuse")
    assert refused.select("row_number", "reason", "column", "found").rows() == [(2, reason, column, shape)]


def test_every_reason_is_told_in_both_languages() -> None:
    rules = [rule for contract in contracts().values() for rule in contract.rules]
    assert set(FAULTS) <= REASONS.keys() | {rule.id for rule in rules}
    assert REASONS.keys().isdisjoint(rule.id for rule in rules)


def test_a_warned_row_is_accepted(office: Office) -> None:
    rows = [{"调解案件编号": f"A{n}"} | cells for n, cells in enumerate(WARNED.values())]
    outcome = office.take(cases(*rows))
    assert (outcome.accepted, outcome.quarantined) == (2, 0)
    assert outcome.warnings == dict.fromkeys(sorted(WARNED), 1)
    assert office.quarantine().select("row_number", "severity", "reason").rows() == [
        (2, "warn", "concluded_without_outcome"),
        (3, "warn", "agreed_without_form"),
    ]


def test_a_row_with_several_faults_counts_once_and_all_are_told(office: Office) -> None:
    outcome = office.take(cases({"受理日期": "三月", "对接方式": "?", "涉及金额(万元)": "x"}))
    assert outcome.quarantined == sum(outcome.reasons.values()) == 1
    assert set(office.quarantine()["reason"]) == {"not_a_date", "unknown_code", "not_a_number"}


def test_a_required_cell_may_not_be_empty_though_the_contract_forgets_to_say_so(office: Office, tmp_path: Path) -> None:
    contract = (Path(__file__).parents[1] / "foreign" / "nyc311.yml").read_text(encoding="utf-8")
    (tmp_path / "careless.yml").write_text(contract.replace(", required: true", ""), encoding="utf-8")
    row = {"Unique Key": "12345678", "Created Date": "3/4/2025 9:00", "Borough": "BRONX", "Closed Date": ""}
    rows = [row] + [row | {heading: ""} for heading in ("Unique Key", "Created Date", "Borough")]
    areas = Path(__file__).parents[1] / "foreign" / "nyc311_areas.csv"
    outcome = office.take(table(rows), contract=str(tmp_path / "careless.yml"), areas=areas)
    assert (outcome.accepted, outcome.reasons) == (1, {"missing_value": 3})


def test_a_row_of_another_width_is_refused_whatever_it_says(office: Office) -> None:
    header, row = cases({}).splitlines()
    shorter, longer, blank = row.rpartition(",")[0], row + ",审核", row + ",,"
    outcome = office.take("\n".join((header, shorter, longer, blank)) + "\n")
    assert outcome.reasons == {"ragged_row": 2}
    width = len(CASE)
    ragged = office.quarantine().filter(pl.col("reason") == "ragged_row")
    assert ragged.select("row_number", "found").rows() == [(2, f"{width - 1} cells"), (3, f"{width + 1} cells")]
    assert office.lake()["row_number"].to_list() == [4]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_those_of_the_file_with_line_breaks_inside_cells(
    encoding: str, line_end: str, office: Office
) -> None:
    """The clerk's count: open the file, go to the line, there the refused record begins."""
    drawn = random.Random(5)
    rows = []
    for number in range(300):
        breaks = ("甲", "𠮷", "\n", "\n\n", "，", '"', ",", "\r\n")
        story = "".join(drawn.choice(breaks) for _ in range(drawn.randrange(6)))
        fault = {"受理日期": "二月三十"} if drawn.random() < 0.1 else {}
        rows.append({"纠纷简要情况": story} | CASE | {"调解案件编号": f"N{number}E"} | fault)
    text = table(rows, line_end)
    outcome = office.hand_in(office.write("lines.csv", text, encoding=encoding))
    assert (outcome.read, outcome.accepted + outcome.quarantined) == (300, 300)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    begins: dict[int, int] = {}
    before = 1
    for number, row in enumerate(rows):
        ends = next(n for n, line in enumerate(lines, 1) if f",N{number}E," in line)
        begins[number] = before + 1
        before = ends
        assert f"N{number}E" in lines[ends - 1], row
    expected = {begins[n] for n, row in enumerate(rows) if row["受理日期"] == "二月三十"}
    assert set(office.quarantine()["row_number"]) == expected
    assert set(office.lake()["row_number"]) == set(begins.values()) - expected


def test_rows_of_a_workbook_are_the_rows_of_its_sheet(office: Office) -> None:
    sheet = [
        [],
        ["明细"],
        [],
        [*CASE],
        [*CASE.values()],
        [],
        [*(CASE | {"受理日期": "昨天", "调解案件编号": "A2"}).values()],
    ]
    office.hand_in(workbook(office.data / "landing" / HECHUAN / "sheet.xlsx", [sheet]))
    assert (office.lake()["row_number"].to_list(), office.quarantine()["row_number"].to_list()) == ([5], [7])


SECRETS = {
    "调解案件编号": ["合调〔2025〕9001号"],
    "所属区划代码": ["子虚街298号30室", "110101199003070070"],
    "对接方式": ["亓龘燚", "15400012345"],
    "纠纷类型": ["申请人亓龘燚诉称"],
    "受理日期": ["二〇二五年", "890117196001010012"],
    "涉及金额(万元)": ["15412345678元"],
    "更新时间": ["亓龘燚"],
    "数据状态": ["CX1234567890"],
}


def test_the_quarantine_holds_shapes_and_never_content(office: Office) -> None:
    rows = [{name: secret} for name, secrets in SECRETS.items() for secret in secrets]
    rows[0]["受理日期"] = "无"
    assert office.take(cases(*rows)).quarantined == len(rows)
    kept = " ".join(str(row) for row in office.quarantine().rows())
    written = b"".join(
        path.read_bytes() for path in office.data.rglob("*") if "landing" not in path.parts and path.is_file()
    )
    for secret in (secret for secrets in SECRETS.values() for secret in secrets):
        assert secret not in kept
        assert all(secret.encode(encoding) not in written for encoding in ("utf-8", "gb18030", "utf-16-le"))


TEXTS = [
    "", "/", "2025-03-04", "2025-02-30", "20250304", "45720", "500117001", "999999", "警调", "02", "审核", "作废", "是",
    "1,234.5", "-3", "12.3.4", "A1", "A2", "亓龘燚", "合计", "\n", '"', "a,b", "\t", "１２", "9" * 40, "\u2028", "𠮷",
]  # fmt: skip
PLACES = st.sampled_from([*CASE, *(["cells"] * 3)])
MUTATIONS = st.lists(st.tuples(st.integers(0, 7), PLACES, st.sampled_from(TEXTS)), max_size=12)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with pytest.MonkeyPatch.context() as patch:
        yield opened(tmp_path_factory.mktemp("fuzzed"), patch)


def _mutated(mutations: list[tuple[int, str, str]]) -> list[list[str]]:
    rows = [[*(CASE | {"调解案件编号": f"A{number}"}).values()] for number in range(8)]
    for number, place, text in mutations:
        if place == "cells":
            rows[number] = rows[number][:-1] if text else [*rows[number], "多"]
        elif (position := [*CASE].index(place)) < len(rows[number]):
            rows[number][position] = text
    return [[*CASE], *rows]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(mutations=MUTATIONS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]), salt=st.integers(0, 2**60))
def test_every_row_leaves_as_accepted_quarantined_or_duplicate(
    mutations: list[tuple[int, str, str]], encoding: str, salt: int, fuzzed: Office
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([*_mutated(mutations), ["", f"备注{salt}"]])
    file = fuzzed.write("fuzzed.csv", text.getvalue(), encoding=encoding)
    outcome = fuzzed.hand_in(file)
    assert outcome.read == outcome.accepted + outcome.quarantined + outcome.duplicate
    assert outcome.quarantined == sum(outcome.reasons.values())
    assert outcome.read + outcome.not_data == 9
    if outcome.outcome == "accepted":
        [folder] = [path for path in (fuzzed.data / "lake").glob(f"*/*-{outcome.sha256[:12]}")]
        assert len(pl.read_parquet(folder)) == outcome.accepted
        refused = [pl.read_parquet(path) for path in (fuzzed.data / "quarantine").glob(f"{folder.name}.parquet")]
        lines = {row for part in refused for row in part.filter(pl.col("severity") == "refuse")["row_number"]}
        assert len(lines) == outcome.quarantined
