"""JSON, JSON Lines and Parquet: the same cells as the same table in a text file or a workbook."""

import csv
import io
import json
import string
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.intake import reading
from tests.intake.drawn import Drawn, contract_of, draw, read
from tests.offices import CASE, Office

CASES = contract_of("mediation_cases")
ROWS = [CASE | {"调解案件编号": f"A{n}", "涉及金额(万元)": 12.5, "受理日期": f"2025-03-0{n}"} for n in range(1, 4)]


def as_json(rows: list[dict[str, object]]) -> str:
    return json.dumps(rows, ensure_ascii=False)


def as_lines(rows: list[dict[str, object]]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


WRITTEN = {
    "JSON": ("a.json", as_json(ROWS).encode()),
    "JSON with a byte order mark": ("a.json", as_json(ROWS).encode("utf-8-sig")),
    "JSON in GB18030": ("a.json", as_json(ROWS).encode("gb18030")),
    "JSON over many lines": ("a.json", json.dumps(ROWS, indent=2).encode()),
    "a list inside an object": ("a.json", json.dumps({"code": 0, "data": {"total": 3, "rows": ROWS}}).encode()),
    "JSON Lines": ("a.jsonl", as_lines(ROWS).encode()),
    "JSON Lines, CRLF, GB18030": ("a.jsonl", as_lines(ROWS).replace("\n", "\r\n").encode("gb18030")),
    "JSON Lines called JSON": ("a.json", as_lines(ROWS).encode()),
    "JSON called text": ("a.txt", as_json(ROWS).encode()),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_json_of_every_form_brings_the_same_rows(form: str, office: Office) -> None:
    name, content = WRITTEN[form]
    outcome = office.take(content, name)
    assert (outcome.read, outcome.accepted, outcome.not_data) == (3, 3, 0)
    rows = office.lake()
    assert rows["row_number"].to_list() == [1, 2, 3]
    assert rows["accepted_on"].to_list() == [date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3)]
    assert rows["amount"].unique().to_list() == [12_500_000]


def test_parquet_with_typed_columns_brings_the_same_rows(office: Office) -> None:
    typed = pl.DataFrame(ROWS).with_columns(
        pl.col("受理日期").str.to_date(),
        pl.col("更新时间").str.to_datetime(),
        pl.col("所属区划代码").cast(pl.Int64),
        pl.col("对接方式").cast(pl.Categorical),
    )
    path = office.write("a.parquet", b"")
    typed.write_parquet(path)
    outcome = office.hand_in(path)
    assert (outcome.read, outcome.accepted, outcome.layout.split(",")[0]) == (3, 3, "parquet")
    rows = office.lake()
    assert rows["accepted_on"].to_list() == [date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3)]
    assert rows["updated_at"].unique().to_list() == [datetime(2025, 4, 1, 9)]
    assert rows["amount"].unique().to_list() == [12_500_000]


def test_numbers_dates_and_yes_or_no_become_text_as_a_source_would_write_them(tmp_path: Path) -> None:
    base = dict(CASE)
    values = {
        "调解次数": 3,
        "涉及金额(万元)": 0.1 + 0.2,
        "协议金额(万元)": Decimal("12.50"),
        "是否反复": True,
        "受理日期": date(2025, 3, 4),
        "登记时间": datetime(2025, 3, 4, 10, 11, 12),
        "更新时间": datetime(2025, 3, 4),
    }
    pl.DataFrame([base | values]).write_parquet(tmp_path / "a.parquet")
    (record,) = read(tmp_path / "a.parquet", CASES)
    assert {name: record[name] for name in values} == {
        "调解次数": "3",
        "涉及金额(万元)": "0.3",
        "协议金额(万元)": "12.50",
        "是否反复": "true",
        "受理日期": "2025-03-04",
        "登记时间": "2025-03-04 10:11:12",
        "更新时间": "2025-03-04",
    }


def test_json_keeps_a_number_as_it_is_written(tmp_path: Path) -> None:
    text = as_json([CASE | {"涉及金额(万元)": 1}]).replace(
        '"涉及金额(万元)": 1', '"涉及金额(万元)": 12.10, "调解次数": 500117198001011237'
    )
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    (record,) = read(tmp_path / "a.json", CASES)
    assert (record["涉及金额(万元)"], record["调解次数"]) == ("12.10", "500117198001011237")


def test_a_field_that_first_stands_in_a_late_record_is_not_lost(office: Office) -> None:
    rows = [{k: v for k, v in CASE.items() if v} | {"调解案件编号": f"A{n}"} for n in range(1, 2001)]
    rows[-1] |= {"办结日期": "2025-03-20", "调解结果": "成功"}
    assert office.take(as_lines(rows), "a.jsonl").accepted == 2000
    assert office.lake()["concluded_on"].drop_nulls().to_list() == [date(2025, 3, 20)]


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_field_of_objects_or_lists_is_said_to_be_unknown_and_never_stored(suffix: str, office: Office) -> None:
    rows = [row | {"当事人": [{"姓名": "张三"}], "调解次数": {"次": 1}} for row in ROWS]
    path = office.write(f"a.{suffix}", as_json(rows))
    if suffix == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    outcome = office.hand_in(path)
    assert outcome.accepted == 3
    assert outcome.unknown_columns == ["当事人[…]", "调解次数[…]"]
    assert office.lake()["sessions"].to_list() == [None] * 3


def test_empty_records_and_lines_are_no_data_and_are_counted(office: Office) -> None:
    lines = [as_lines(ROWS[:1]), "", "{}", as_lines(ROWS[1:])]
    outcome = office.take("\n".join(lines) + "\n", "a.jsonl")
    assert (outcome.read, outcome.accepted, outcome.not_data) == (3, 3, 2)
    assert office.lake()["row_number"].to_list() == [1, 4, 5]


def test_halves_of_characters_are_no_traceback(office: Office) -> None:
    rows = as_json([CASE]).replace('"A1"', '"A\\ud842"')
    assert office.take(rows, "a.json").accepted == 1


HEADING = ["调解案件编号", "所属区划代码", "对接方式", "纠纷类型", "受理日期", "更新时间", "数据状态"]
# What every form can hold: no control characters, nothing that a form would show differently (`=`, a lone ditto mark,
# blanks at an end); the first cell is never one of a total or a signature.
LETTERS = string.ascii_letters + string.digits + "甲乙丙合川区调解〔〕、。,;:-_/ \"'\n𠮷"
CELLS = st.text(LETTERS, max_size=12).map(str.strip).filter(lambda text: text not in ('"', "''"))
TABLES = st.lists(
    st.tuples(st.integers(1, 10**9).map("合调{}号".format), *[CELLS] * (len(HEADING) - 1)), min_size=1, max_size=8
)


def written(folder: Path, rows: list[tuple[str, ...]]) -> list[Path]:
    """The same plain table in every format."""
    records = [dict(zip(HEADING, row, strict=True)) for row in rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADING, *rows])
    (folder / "a.csv").write_bytes(text.getvalue().encode())
    (folder / "a.json").write_text(as_json(records), encoding="utf-8")
    (folder / "a.jsonl").write_text(as_lines(records), encoding="utf-8")
    pl.DataFrame(records).write_parquet(folder / "a.parquet")
    sheets = {"Sheet1": Drawn([HEADING, *rows])}
    books = [draw(folder / name, sheets) for name in ("a.xlsx", "a.xls")]
    return [*books, *(folder / name for name in ("a.csv", "a.json", "a.jsonl", "a.parquet"))]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=TABLES)
def test_a_plain_table_has_the_same_cells_in_every_format(rows: list[tuple[str, ...]], tmp_path: Path) -> None:
    expected = [{name: text for name, text in zip(HEADING, row, strict=True) if text} for row in rows]
    for path in written(tmp_path, rows):
        found = read(path, CASES)
        cells = [{k: v for k, v in record.items() if k in HEADING and v} for record in found]
        assert cells == expected, path.suffix


def test_the_order_of_fields_is_that_in_which_they_first_stand(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"b": 1}\n{"a": 2, "b": 3}\n', encoding="utf-8")
    (sheet,) = reading.candidates(tmp_path / "a.jsonl")
    assert sheet.header == ("b", "a")
