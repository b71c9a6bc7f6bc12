"""The same cases in every form an office may hand in, and every way to write a cell."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from pipelines.settings import UserError
from tests.offices import CASE, FORM, HECHUAN, MATTER, Office, cases, table

# 𠮷 and 𱕊 have four bytes in GB18030; 纠纷简要情况 is dropped at the door.
ROWS = [
    CASE
    | {
        "调解案件编号": "合调〔2025〕1号",
        "办结日期": "2025-03-09",
        "调解结果": "调解成功",
        "纠纷简要情况": "𠮷某,二人",
    },
    CASE | {"调解案件编号": "合调〔2025〕𠮷号", "涉及金额(万元)": "12.5", "纠纷简要情况": "第一行\n第二行"},
    CASE | {"调解案件编号": "合调〔2025〕3号", "所属区划代码": "500117", "对接方式": "诉调", "纠纷简要情况": "𱕊"},
]
KEPT = [
    "case_key",
    "cell_number",
    "area_code",
    "channel",
    "accepted_on",
    "concluded_on",
    "outcome",
    "amount",
    "updated_at",
]
DATED = {"受理日期": "%Y-%m-%d", "办结日期": "%Y-%m-%d", "更新时间": "%Y-%m-%d %H:%M:%S"}
EPOCH = datetime(1899, 12, 30)


def _texts(rows: Iterable[Mapping[str, str]]) -> list[list[Any]]:
    rows = list(rows)
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def _with_dates(rows: list[dict[str, str]], turned: Callable[[datetime], Any]) -> list[list[Any]]:
    """Rows whose dates are what `turned` makes of them, and whose amounts are numbers."""

    def cell(heading: str, text: str) -> Any:
        if heading in DATED and text:
            return turned(datetime.strptime(text, DATED[heading]))
        return float(text) if heading == "涉及金额(万元)" and text else text

    return [list(rows[0]), *([cell(heading, text) for heading, text in row.items()] for row in rows)]


def workbook(path: Path, sheets: Sequence[Sequence[Sequence[Any]]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(path)
    shown = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for cells in sheets:
        sheet = book.add_worksheet()
        for line, row in enumerate(cells):
            for column, value in enumerate(row):
                if isinstance(value, datetime):
                    sheet.write_datetime(line, column, value, shown)
                elif isinstance(value, float):
                    sheet.write_number(line, column, value)
                elif value:
                    sheet.write_string(line, column, value)
    book.close()
    return path


def _serial(instant: datetime) -> float:
    return (instant - EPOCH).total_seconds() / 86_400


TEXT_FORMS = {
    "utf-8 with BOM": ("utf-8-sig", "\n", ","),
    "gb18030": ("gb18030", "\n", ","),
    "gb18030, CRLF": ("gb18030", "\r\n", ","),
    "tsv": ("utf-8", "\n", "\t"),
    "tsv, gb18030, CRLF": ("gb18030", "\r\n", "\t"),
}
SHEET_FORMS: Mapping[str, Callable[[list[dict[str, str]]], list[list[Any]]]] = {
    "dates as text": _texts,
    "date cells": lambda rows: _with_dates(rows, lambda instant: instant),
    "serial numbers": lambda rows: _with_dates(rows, _serial),
    "serials and text in one column": lambda rows: [*_with_dates(rows[:2], _serial), *_texts(rows[2:])[1:]],
}


@pytest.fixture
def plain(office: Office) -> pl.DataFrame:
    """The three cases as a plain UTF-8 file brings them into the lake."""
    assert office.take(table(ROWS), "plain.csv").accepted == 3
    return office.lake().select(KEPT)


def _assert_same(office: Office, path: Path, plain: pl.DataFrame) -> None:
    outcome = office.hand_in(path)
    assert (outcome.read, outcome.accepted, outcome.quarantined, outcome.duplicate) == (3, 3, 0, 0)
    came = office.lake().filter(pl.col("ledger_sequence") == 2).select(KEPT)
    assert came.equals(plain), came.glimpse(return_type="string")


def test_the_plain_file_holds_what_it_says(plain: pl.DataFrame) -> None:
    assert plain["area_code"].to_list() == ["500117001000", "500117001000", "500117000000"]
    assert plain["channel"].to_list() == ["police", "police", "court"]
    assert plain["concluded_on"].to_list() == [date(2025, 3, 9), None, None]
    assert plain["outcome"].to_list() == ["agreed", None, None]
    assert plain["amount"].to_list() == [None, 12_500_000, None]
    assert plain["updated_at"].unique().to_list() == [datetime(2025, 4, 1, 9)]
    assert plain["case_key"].n_unique() == plain["cell_number"].n_unique() == 3
    assert plain["cell_number"].min() >= 0


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_text_files_of_every_form_bring_the_same_rows(form: str, office: Office, plain: pl.DataFrame) -> None:
    encoding, line_end, delimiter = TEXT_FORMS[form]
    name = "again.tsv" if delimiter == "\t" else "again.csv"
    _assert_same(office, office.write(name, table(ROWS, line_end, delimiter), encoding=encoding), plain)


@pytest.mark.parametrize("form", SHEET_FORMS)
def test_workbooks_of_every_form_bring_the_same_rows(form: str, office: Office, plain: pl.DataFrame) -> None:
    path = workbook(office.data / "landing" / HECHUAN / "again.xlsx", [SHEET_FORMS[form](ROWS)])
    _assert_same(office, path, plain)


TITLE = [["合川区人民调解案件明细"], ["填报单位：司法局", "", "单位：件"], []]


def _laid_out(rows: list[dict[str, str]]) -> list[list[str]]:
    heading, first, second, third = _texts(rows)
    return [*TITLE, heading, first, [], second, ["小 计", "2"], third, ["", "合计：", "3"], ["", " "]]


def test_titles_blanks_and_totals_are_no_data_in_a_text_file(office: Office) -> None:
    width = len(ROWS[0])
    lines = [",".join(row + [""] * (width - len(row))) for row in _laid_out([dict(CASE), dict(CASE), dict(CASE)])]
    lines = [line.replace(",A1,", f",A{n},").replace("A1,", f"A{n},", 1) for n, line in enumerate(lines)]
    outcome = office.take("\n".join(lines) + "\n")
    assert (outcome.read, outcome.not_data, outcome.accepted) == (3, 3 + 4, 3)
    assert office.lake()["row_number"].to_list() == [5, 7, 9]


def test_titles_blanks_and_totals_are_no_data_in_a_workbook(office: Office) -> None:
    path = workbook(office.data / "landing" / HECHUAN / "titled.xlsx", [_laid_out(ROWS)])
    outcome = office.hand_in(path)
    assert (outcome.read, outcome.accepted) == (3, 3)
    assert office.lake()["row_number"].to_list() == [5, 7, 9]


def test_columns_in_another_order_under_other_names_with_strangers_between(office: Office, plain: pl.DataFrame) -> None:
    other = {"调解案件编号": "卷 宗 号", "涉及金额(万元)": "涉及金额（万元）", "所属区划代码": "行政区划代码"}
    rows = [{"备注": f"备注{n}"} | {other.get(k, k): v for k, v in reversed(row.items())} for n, row in enumerate(ROWS)]
    path = office.write("again.csv", table(rows))
    _assert_same(office, path, plain)
    assert office.hand_in(path).unknown_columns == ["备注"]
    assert "备注" not in str(office.lake().to_dicts())


DAYS = {
    "2025-03-04": date(2025, 3, 4),
    "2025-3-4": date(2025, 3, 4),
    "2025/3/4": date(2025, 3, 4),
    "20250304": date(2025, 3, 4),
    "2025年3月4日": date(2025, 3, 4),
    "2025.03.04": date(2025, 3, 4),
    "45720": date(2025, 3, 4),
    "２０２５－０３－０４": date(2025, 3, 4),
    " 2025-03-04 ": date(2025, 3, 4),
    "'2025-03-04": date(2025, 3, 4),
    "2025-03-04 10:11": date(2025, 3, 4),
    "2025-03-04T10:11:12.5": date(2025, 3, 4),
    "2024-02-29": date(2024, 2, 29),
    "2025-02-29": "not_a_date",
    "25-03-04": "not_a_date",
    "2025013": "not_a_date",
    "202503": "not_a_date",
    "2025-03-04 待定": "not_a_date",
    "2025-03-04至2025-03-09": "not_a_date",
    "0205-03-04": "not_a_date",
    "2205-03-04": "not_a_date",
    "三月四日": "not_a_date",
}


def _read_back(office: Office, heading: str, texts: Iterable[str], column: str) -> dict[str, Any]:
    """What each text under a heading becomes in the lake; for a refused row, its reason."""
    texts = list(texts)
    outcome = office.take(cases(*({"调解案件编号": f"A{n}", heading: text} for n, text in enumerate(texts))))
    became = dict(office.lake().select("row_number", column).iter_rows())
    if outcome.quarantined:
        became |= dict(office.quarantine().select("row_number", "reason").iter_rows())
    assert len(became) == len(texts) == outcome.accepted + outcome.quarantined
    return {text: became[line] for line, text in enumerate(texts, 2)}


def test_a_day_is_read_or_refused_never_guessed(office: Office) -> None:
    assert _read_back(office, "受理日期", DAYS, "accepted_on") == DAYS


INSTANTS = {
    "2025-03-04 10:11:12": datetime(2025, 3, 4, 10, 11, 12),
    "2025/3/4 9:05": datetime(2025, 3, 4, 9, 5),
    "2025年3月4日 10:11:12": datetime(2025, 3, 4, 10, 11, 12),
    "2025-03-04T10:11:12": datetime(2025, 3, 4, 10, 11, 12),
    "2025-03-04": datetime(2025, 3, 4),
    "45720.5": datetime(2025, 3, 4, 12),
    "2025-03-04 上午": "not_a_date",
}


def test_an_update_time_keeps_its_time_of_day(office: Office) -> None:
    assert _read_back(office, "更新时间", INSTANTS, "updated_at") == INSTANTS


MONEY = {
    "0": 0,
    "12.5": 12_500_000,
    "１２．５": 12_500_000,
    "1,234.5": 1_234_500_000,
    "0.29": 290_000,
    "0.000001": 1,
    "0.0000005": 1,
    "0.0000004": 0,
    "0.30000000000000004": 300_000,
    "99999.9999": 99_999_999_900,
    "": None,
    "/": None,
    "—": None,
    "-1": "not_a_number",
    "1.2.3": "not_a_number",
    "约5": "not_a_number",
    "1e3": "not_a_number",
    "1234567890123": "not_a_number",
}


def test_ten_thousands_of_yuan_become_fen_exactly(office: Office) -> None:
    assert _read_back(office, "涉及金额(万元)", MONEY, "amount") == MONEY


def test_whole_numbers_in_full_width_with_thousands_separators(office: Office) -> None:
    texts = {"１２": 12, "1,234": 1234, "3.0": 3, "0": 0, "": None}
    rows = [MATTER | {"信访件编号": f"X{n}", "信访人数": text} for n, text in enumerate(texts)]
    assert office.take(table(rows), sender="petition-500000").accepted == len(texts)
    assert office.lake("petition_matters")["persons"].to_list() == list(texts.values())


def test_a_code_is_known_by_label_id_and_alias(office: Office) -> None:
    texts = ["警调对接", "警调", "police", "Police referral", "公调", "警调 ", "网络直播间"]
    assert _read_back(office, "对接方式", texts, "channel") == dict.fromkeys(texts[:-1], "police") | {
        "网络直播间": "unknown_code"
    }


def test_a_code_is_known_by_its_number(office: Office) -> None:
    texts = ["邻里", "邻里纠纷", "02", "2", "０２"]
    assert _read_back(office, "纠纷类型", texts, "dispute_type") == dict.fromkeys(texts, "neighbours")


def test_yes_and_no_in_several_spellings(office: Office) -> None:
    texts = {"是": True, "1": True, "Y": True, "否": False, "0": False, "false": False, "": None}
    rows = [CASE | {"调解案件编号": f"A{n}", "是否反复": text} for n, text in enumerate(texts)]
    assert office.take(table(rows)).accepted == len(texts)
    assert office.lake()["is_reopened"].to_list() == list(texts.values())


AREAS = {
    "500117": "500117000000",
    "500117001": "500117001000",
    "500117001000": "500117001000",
    "500000": "500000000000",
    "421071": "421002000000",  # a zone of the statistics office, governed by 沙市区
    "５００１１７": "500117000000",
    "5001170": "unknown_area",
    "50011700": "unknown_area",
    "500100": "unknown_area",
    "429999001": "unknown_area",
    "合川区": "unknown_area",
}


def test_area_codes_of_6_9_and_12_digits(office: Office) -> None:
    assert _read_back(office, "所属区划代码", AREAS, "area_code") == AREAS


def test_a_number_cell_is_an_area_code_too(office: Office) -> None:
    rows = [[*CASE], [float(text) if name == "所属区划代码" else text for name, text in CASE.items()]]
    office.hand_in(workbook(office.data / "landing" / HECHUAN / "numbers.xlsx", [rows]))
    assert office.lake()["area_code"].to_list() == ["500117001000"]


CONTRACT = """
table: petition_matters
version: 1
kind: cases
label: {zh: 热线工单, en: Hotline orders}
grain: {zh: 一行一单, en: one row an order}
system: petition
sender: hotline
key: matter_number
dated_by: registered_on
columns:
  - {name: matter_number, label: 工单号, type: identifier, personal: keyed, required: true, pattern: '^[0-9]{4}$'}
  - {name: registered_on, label: 日期, type: date, formats: ['%d/%m/%Y'], required: true}
  - {name: area_code, label: 街镇, type: area, code_list: hotline, required: true}
"""
LIST = """code_list,area_code,name_zh,name_en,level,parent_code,valid_from,valid_to,maps_to
hotline,合阳,合阳城街道,Heyangcheng,township,,,,500117001000
hotline,未知,未落实,Not assigned,township,,,,500117999000
"""


def test_an_own_contract_with_an_own_list_of_areas(office: Office, tmp_path: Path) -> None:
    (tmp_path / "hotline.yml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "towns.csv").write_text(LIST, encoding="utf-8")
    file = tmp_path / "orders.csv"
    file.write_text(
        "工单号,日期,街镇\n0001,04/03/2025,合阳\n0002,05/03/2025,未知\n0003,05/03/2025,别处\n12,05/03/2025,合阳\n"
    )
    outcome = office.hand_in(file, contract=str(tmp_path / "hotline.yml"), areas=tmp_path / "towns.csv")
    assert (outcome.sender, outcome.contract) == ("hotline", "hotline")
    assert outcome.reasons == {"malformed_number": 1, "unknown_area": 1}
    rows = office.lake("petition_matters")
    assert rows["area_code"].to_list() == ["500117001000", "500117999000"]
    assert rows["registered_on"].to_list() == [date(2025, 3, 4), date(2025, 3, 5)]
    assert rows["persons"].to_list() == [None, None]


@pytest.mark.parametrize("month", ["2025-03", "2025年3月", "202503", "2025/3", "2025-03-31", "45720"])
def test_a_form_is_stored_long_under_its_month(month: str, office: Office) -> None:
    outcome = office.take(table([FORM | {"统计月": month}]), sender="correction-500000")
    assert (outcome.contract, outcome.accepted) == ("correction_monthly", 1)
    rows = office.lake("correction_monthly")
    assert rows["month"].unique().to_list() == [date(2025, 3, 1)]
    values = {(item, category): value for item, category, value in rows.select("item", "category", "value").iter_rows()}
    assert values["closing", "total"] == values["closing", "probation"] == 11
    assert values["checks_done", "total"] == 10
    assert len(values) == len(FORM) - 3 == rows["case_key"].n_unique()


def test_the_arithmetic_of_a_form_is_checked(office: Office) -> None:
    rows = [FORM | {"统计月": f"2025-0{n}"} for n in range(1, 6)]
    rows[1]["期末在册"] = "12"
    rows[2]["本月接收_假释"] = "1"
    rows[3]["期末在册_缓刑"] = "10"
    rows[4]["已查人数"] = "12"
    outcome = office.take(table(rows), sender="correction-500000")
    assert outcome.accepted == 1
    assert outcome.reasons == {"closing_parts": 1, "more_checked_than_due": 1, "received_parts": 1, "stock_identity": 1}


QUIET = dict.fromkeys((name for name in FORM if name not in ("统计月", "区划代码", "报出日期")), "0")
STANDING = {"期初在册": "11", "期末在册_缓刑": "11", "期末在册": "11"}


def signed_form(title: str, *months: str) -> str:
    """A form of some months below a title: the first row in full, the others with ditto marks, signatures below."""
    rows = [FORM | {"统计月": months[0]}]
    rows += [QUIET | STANDING | {"统计月": month, "区划代码": "同上", "报出日期": "〃"} for month in months[1:]]
    signatures = "填表人：张三,,负责人：李四\n联系电话：023-12345678\n报出日期：2025年4月2日\n"
    return f"{title}\n填报日期：2026年1月\n" + table(rows) + signatures


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_form_in_a_text_file_is_read_as_offices_write_it(encoding: str, office: Office) -> None:
    content = signed_form("2025年社区矫正统计表", "3月", "四月份", "2025-05").encode(encoding)
    outcome = office.take(content, "月报.csv", "correction-500000")
    assert (outcome.contract, outcome.read, outcome.accepted) == ("correction_monthly", 3, 3)
    rows = office.lake("correction_monthly")
    assert rows.select("month", "row_number", "area_code").unique(maintain_order=True).rows() == [
        (date(2025, month, 1), line, "500117000000") for month, line in ((3, 4), (4, 5), (5, 6))
    ]
    assert rows["reported_on"].unique().to_list() == [date(2025, 4, 2)]


@pytest.mark.parametrize(
    ("title", "name", "sentence"),
    [
        ("社区矫正统计表", "月报.csv", "months without a year"),
        ("2025年社区矫正统计表", "2024年月报.csv", "title and file name name more than one year"),
    ],
)
def test_months_without_a_year_that_nobody_says_are_refused(
    title: str, name: str, sentence: str, office: Office
) -> None:
    with pytest.raises(UserError, match=sentence):
        office.take(signed_form(title, "3月"), name, "correction-500000")


def test_the_year_of_months_may_stand_in_the_name_of_the_file(office: Office) -> None:
    office.take(signed_form("社区矫正统计表", "3月"), "2025年月报.csv", "correction-500000")
    assert office.lake("correction_monthly")["month"].unique().to_list() == [date(2025, 3, 1)]
