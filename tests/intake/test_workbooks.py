"""Forms as offices make them, and the records that come out of each: to be checked by eye against the sheet."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest

from pipelines.intake import reading
from pipelines.intake.layouts import Told
from pipelines.settings import UserError
from tests.intake.drawn import Cell, Drawn, Formula, contract_of, draw, read
from tests.offices import CASE, FORM, Office

FORMS = ["xlsx", "xls"]
MONTHLY, CASES = contract_of("correction_monthly"), contract_of("mediation_cases")
CORRECTION = "correction-500000"
ITEMS = [name for name in FORM if name not in ("统计月", "区划代码", "报出日期")]
FIGURES = [int(FORM[name]) for name in ITEMS]

# 期初在册 … 已查人数 under a header of two rows, the four kinds below their group, the group's total first or last
GROUPS = [
    "期初在册",
    "本月接收",
    "",
    "",
    "",
    "",
    "解除",
    "终止",
    "迁入",
    "迁出",
    "期末在册",
    "",
    "",
    "",
    "",
    "应查人数",
    "已查人数",
]
KINDS = ["管制", "缓刑", "假释", "暂予监外执行", "合计"]
LEVELS = ["", *KINDS, "", "", "", "", *KINDS[:4], "小计", "", ""]
VALUES = [10, 0, 2, 0, 0, 2, 1, 0, 0, 0, 0, 11, 0, 0, 11, 11, 10]


def lake_values(office: Office, table: str = "correction_monthly") -> dict[tuple[str, str, str, str], int]:
    rows = office.lake(table).select("area_code", "month", "item", "category", "value").iter_rows()
    return {(area, f"{month:%Y-%m}", item, category): value for area, month, item, category, value in rows}


def place(office: Office, name: str, sheets: dict[str, Drawn], sender: str = CORRECTION) -> Path:
    return draw(office.data / "landing" / sender / name, sheets)


def merged_header(line: int) -> list[str]:
    """The merged ranges of `GROUPS` above `LEVELS` from column C on, in lines `line` and `line` + 1."""
    across = [f"D{line}:H{line}", f"M{line}:Q{line}"]
    down = [f"{letter}{line}:{letter}{line + 1}" for letter in "ABCIJKLRS"]
    return across + down


def monthly_form(title: str = "合川区2025年3月社区矫正工作月报", area: Cell = "500117") -> Drawn:
    """Title, a row of unit and month, a header of two rows, column numbers, a row, a total, signatures."""
    width = 2 + len(GROUPS)
    return Drawn(
        [
            [title],
            ["填报单位：合川区司法局", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "单位：件、人"],
            ["序号", "区划代码", *GROUPS],
            ["", "", *LEVELS],
            ["甲", "乙", *range(1, width - 1)],
            [1, area, *VALUES],
            ["合计", "", *VALUES],
            [],
            ["单位负责人：张三", "", "", "审核人：李四", "", "", "填表人：王五", "", "", "报出日期：2025年4月2日"],
        ],
        ["A1:S1", "A2:F2", *merged_header(3)],
    )


@pytest.mark.parametrize("suffix", FORMS)
def test_a_monthly_form_with_titles_merged_header_total_and_signatures(suffix: str, office: Office) -> None:
    outcome = office.hand_in(place(office, f"月报.{suffix}", {"Sheet1": monthly_form()}))
    assert (outcome.contract, outcome.read, outcome.accepted, outcome.quarantined) == ("correction_monthly", 1, 1, 0)
    assert outcome.not_data == 9 - 1 - 1  # nine rows: a record, and the last row of the header
    assert outcome.unknown_columns == ["序号"]
    values = lake_values(office)
    expected = {("500117000000", "2025-03", *key): value for key, value in by_item(FORM).items()}
    assert values == expected
    assert office.lake("correction_monthly")["reported_on"].unique().to_list() == [date(2025, 4, 2)]


def by_item(form: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """Figures of a form by item and category, as its contract names them."""
    columns = {c.label: c for c in MONTHLY.columns if c.item is not None}
    return {(columns[name].item, columns[name].category): int(form[name]) for name in ITEMS}


def test_no_name_of_a_signature_is_written_anywhere(office: Office) -> None:
    outcome = office.hand_in(place(office, "月报.xlsx", {"Sheet1": monthly_form()}))
    written = b"".join(p.read_bytes() for p in office.data.rglob("*") if p.is_file() and "landing" not in p.parts)
    for name in ("张三", "李四", "王五"):
        assert name.encode() not in written
        assert name not in repr(outcome)


MONTHS_SAID = {
    "in the title": ("2025年3月合川区社区矫正月报", "月报.xlsx", None),
    "in the title, in words": ("二〇二五年三月合川区社区矫正月报", "月报.xlsx", None),
    "year in the title, month in the file's name": ("2025年合川区社区矫正月报", "3月.xlsx", None),
    "in the file's name": ("合川区社区矫正月报", "矫正月报2025年3月.xlsx", None),
    "in the file's name, in digits": ("合川区社区矫正月报", "correction-202503.xlsx", None),
    "told": ("合川区社区矫正月报", "月报.xlsx", "2025-03"),
    "in the title, within what was told": ("2025年3月合川区社区矫正月报", "月报.xlsx", "2025"),
    "month in the title, year told": ("合川区3月社区矫正月报", "月报.xlsx", "2025"),
}


@pytest.mark.parametrize("where", MONTHS_SAID)
def test_the_month_of_a_form_is_where_somebody_wrote_it(where: str, office: Office) -> None:
    title, name, period = MONTHS_SAID[where]
    office.hand_in(place(office, name, {"Sheet1": monthly_form(title)}), period=period)
    assert office.lake("correction_monthly")["month"].unique().to_list() == [date(2025, 3, 1)]


MONTHS_NOT_SAID = {
    "nowhere": ("合川区社区矫正月报", "月报.xlsx", None, "no column and no title names its month"),
    "only the year": ("合川区2025年社区矫正月报", "月报.xlsx", None, "no column and no title names its month"),
    "only the month": ("合川区3月社区矫正月报", "月报.xlsx", None, "months without a year"),
    "a span": ("合川区2025年1-3月社区矫正月报", "月报.xlsx", None, "no column and no title names its month"),
    "title against file's name": (
        "2025年3月月报",
        "2025年4月.xlsx",
        None,
        "title and file name name more than one month",
    ),
    "year against file's name": (
        "2024年3月月报",
        "2025年3月.xlsx",
        None,
        "title and file name name more than one year",
    ),
    "title against what was told": (
        "2025年3月月报",
        "月报.xlsx",
        "2025-04",
        "speaks of 2025-03, but was handed in for",
    ),
}


@pytest.mark.parametrize("where", MONTHS_NOT_SAID)
def test_a_form_whose_month_nobody_says_or_two_say_is_refused(where: str, office: Office) -> None:
    title, name, period, said = MONTHS_NOT_SAID[where]
    path = place(office, name, {"Sheet1": monthly_form(title)})
    with pytest.raises(UserError, match=said):
        office.hand_in(path, period=period)
    assert office.contents() == {}


@pytest.mark.parametrize("suffix", FORMS)
def test_months_down_the_rows_without_a_year(suffix: str, office: Office) -> None:
    rows = [[f"{n}月" if n < 4 else f"{n}月份", "500117", *FIGURES, "2025-05-02"] for n in (3, 4)]
    drawn = Drawn([["2025年社区矫正月报"], ["月份", "区划代码", *ITEMS, "报出日期"], *rows, ["累计", "", *FIGURES]])
    outcome = office.hand_in(place(office, f"a.{suffix}", {"Sheet1": drawn}))
    assert (outcome.read, outcome.accepted) == (2, 2)
    assert office.lake("correction_monthly")["month"].unique().sort().to_list() == [date(2025, 3, 1), date(2025, 4, 1)]


@pytest.mark.parametrize("suffix", FORMS)
def test_months_across_the_columns_each_above_the_items(suffix: str, tmp_path: Path) -> None:
    """March and April side by side, then the sum of both, which is no month."""
    drawn = Drawn(
        [
            ["2025年社区矫正月报"],
            ["区划代码", "3月", *[""] * (len(ITEMS) - 1), "4月", *[""] * (len(ITEMS) - 1), "合计", "", "报出日期"],
            ["", *ITEMS, *ITEMS, "期初在册", "解除", ""],
            ["500117", *range(100, 100 + len(ITEMS)), *range(200, 200 + len(ITEMS)), 300, 306, "2025-05-02"],
            ["500151", *range(500, 500 + len(ITEMS)), *range(600, 600 + len(ITEMS)), 1100, 1106, "2025-05-02"],
            ["合计", *[0] * 36],
        ],
    )
    found = read(draw(tmp_path / f"a.{suffix}", {"Sheet1": drawn}), MONTHLY)
    assert [(r["row"], r["区划代码"], r["统计月"], r["期初在册"], r["解除"], r["已查人数"]) for r in found] == [
        (4, "500117", "2025-03", "100", "106", "116"),
        (4, "500117", "2025-04", "200", "206", "216"),
        (5, "500151", "2025-03", "500", "506", "516"),
        (5, "500151", "2025-04", "600", "606", "616"),
    ]


@pytest.mark.parametrize("suffix", FORMS)
def test_items_down_the_rows_and_months_across(suffix: str, tmp_path: Path) -> None:
    labels = [(group, level) for group, level in zip(repeated(GROUPS), LEVELS, strict=True)]
    rows = [[n, group, level, "人", 100 + n, 200 + n, 300 + 2 * n] for n, (group, level) in enumerate(labels, 1)]
    drawn = Drawn(
        [
            ["社区矫正工作统计表"],
            ["区划代码：500117", "", "统计年份：2025年"],
            ["序号", "项目", "", "计量单位", "3月", "4月", "合计"],
            *rows,
            ["填表人：王五", "", "", "报出日期：2025-05-02"],
        ],
        ["A1:G1", "B3:C3", "B5:B9", "B14:B18"],
    )
    found = read(draw(tmp_path / f"a.{suffix}", {"Sheet1": drawn}), MONTHLY)
    shown = ("row", "区划代码", "统计月", "期初在册", "本月接收_缓刑", "本月接收", "期末在册", "已查人数", "报出日期")
    assert [tuple(record[name] for name in shown) for record in found] == [
        (3, "500117", "2025-03", "101", "103", "106", "115", "117", "2025-05-02"),
        (3, "500117", "2025-04", "201", "203", "206", "215", "217", "2025-05-02"),
    ]


def repeated(groups: Sequence[str]) -> list[str]:
    """Group names as they are seen beside each row; in the sheet they stand once, merged over the rows of the group."""
    seen = [groups[0]]
    for group in groups[1:]:
        seen.append(group or seen[-1])
    return seen


def test_items_down_the_rows_for_one_month(tmp_path: Path) -> None:
    rows = [[name, value, 99] for name, value in zip(ITEMS, FIGURES, strict=True)]
    drawn = Drawn(
        [["合川区2025年3月月报"], ["区划代码：500117"], ["指标", "本月", "本年累计"], *rows, ["报出日期：20250402"]]
    )
    (record,) = read(draw(tmp_path / "a.xlsx", {"Sheet1": drawn}), MONTHLY)
    assert {name: record[name] for name in FORM} == FORM | {"报出日期": "20250402"}


def street_form(*rows: Sequence[Cell]) -> Drawn:
    return Drawn([["2025年社区矫正月报"], ["月份", *ITEMS, "报出日期"], *rows])


STREETS = {
    "合阳城": street_form(["3月", *FIGURES, "2025-04-02"]),
    "钓鱼城": street_form(["3月", *FIGURES, "2025-04-02"], ["4月", *FIGURES, "2025-05-02"]),
    "汇总": street_form(["3月", *FIGURES, "2025-04-02"]),
    "说明": Drawn([["一、本表由司法所填报。"], ["二、每月五日前报送。"]]),
}


@pytest.mark.parametrize("suffix", FORMS)
def test_one_sheet_per_street_with_its_area_told(suffix: str, tmp_path: Path) -> None:
    path = draw(tmp_path / f"a.{suffix}", STREETS)
    told = Told(sheets={"合阳城": "500117001", "钓鱼城": "500117002"})
    found = read(path, MONTHLY, told)
    assert [(r["sheet"], r["row"], r["统计月" if "统计月" in r else "月份"], r["区划代码"]) for r in found] == [
        ("合阳城", 3, "2025-03", "500117001"),
        ("钓鱼城", 3, "2025-03", "500117002"),
        ("钓鱼城", 4, "2025-04", "500117002"),
    ]
    layout = reading.find_layout(path, MONTHLY, told)
    assert layout.remarks == ("sheet 汇总 adds up others and was not read", "sheet 说明 holds no table")


def test_a_sheet_whose_area_nobody_told_is_refused_by_name(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.xlsx", STREETS)
    with pytest.raises(
        UserError, match=r"sheet 钓鱼城 has no column 区划代码.*a\.xlsx\.yml.*sheets: \{钓鱼城: '500117001'\}"
    ):
        reading.find_layout(path, MONTHLY, Told(sheets={"合阳城": "500117001"}))


HEADING = ["调解案件编号", "所属区划代码", "对接方式", "纠纷类型", "受理日期", "更新时间", "数据状态"]


def case_row(number: Cell, **other: Cell) -> list[Cell]:
    return [other.get(name, number if name == HEADING[0] else CASE[name]) for name in HEADING]


@pytest.mark.parametrize("suffix", FORMS)
def test_ditto_marks_and_cells_merged_downwards_take_the_value_above(suffix: str, tmp_path: Path) -> None:
    drawn = Drawn(
        [
            HEADING,
            case_row("A1", 纠纷类型="邻里", 受理日期="2025-03-03"),
            case_row("A2", 纠纷类型="同上", 受理日期="〃"),
            case_row("A3", 纠纷类型="″", 受理日期="2025-03-05"),
            case_row("A4", 纠纷类型="婚姻家庭", 受理日期="同上"),
            case_row("A5", 纠纷类型="", 受理日期="2025-03-07"),
            case_row("A6", 纠纷类型="同上", 受理日期=""),
        ],
        ["E6:E7"],
    )
    found = read(draw(tmp_path / f"a.{suffix}", {"Sheet1": drawn}), CASES)
    assert [(r["row"], r["调解案件编号"], r.get("纠纷类型"), r.get("受理日期")) for r in found] == [
        (2, "A1", "邻里", "2025-03-03"),
        (3, "A2", "邻里", "2025-03-03"),
        (4, "A3", "邻里", "2025-03-05"),
        (5, "A4", "婚姻家庭", "2025-03-05"),
        (6, "A5", None, "2025-03-07"),
        (7, "A6", None, "2025-03-07"),
    ]


@pytest.mark.parametrize("suffix", FORMS)
def test_hidden_rows_are_read_hidden_sheets_are_not_and_both_are_said(suffix: str, office: Office) -> None:
    shown = Drawn([HEADING, *(case_row(f"A{n}") for n in range(1, 5))], hidden_rows=(3, 4), is_filtered=True)
    hidden = Drawn([HEADING, case_row("B1")], is_hidden=True)
    outcome = office.hand_in(place(office, f"a.{suffix}", {"案件": shown, "旧": hidden}, "mediation-500117"))
    assert outcome.accepted == 4
    assert "2 hidden rows were read" in outcome.layout
    assert ("the sheet is filtered" in outcome.layout) == (suffix == "xlsx")  # xlwt writes no filters
    assert "hidden sheet 旧 was not read" in outcome.layout


def test_a_header_repeated_on_every_printed_page_and_page_totals_are_no_data(tmp_path: Path) -> None:
    drawn = Drawn(
        [["案件明细"], HEADING, case_row("A1"), ["本页小计", "", 1], HEADING, case_row("A2"), ["", "合 计", 2]]
    )
    found = read(draw(tmp_path / "a.xlsx", {"Sheet1": drawn}), CASES)
    assert [(r["row"], r["调解案件编号"]) for r in found] == [(3, "A1"), (6, "A2")]


NUMBERS: Mapping[str, tuple[Cell, str]] = {
    "a sum with noise": (0.1 + 0.2, "0.3"),
    "twelve and a tenth": (12.1, "12.1"),
    "more digits than are kept": (12.100000000000001, "12.1"),
    "a whole number": (20250101.0, "20250101"),
    "a small fraction": (0.0000001, "0.0000001"),
    "an ID number that lost its end": (500117198001011237.0, "5.00117198001011e+17"),
    "an ID number kept as text": ("500117198001011237", "500117198001011237"),
    "text that looks like a fraction": ("12.100000000000001", "12.100000000000001"),
    "yes": (True, "true"),
    "a day": (date(2025, 3, 4), "2025-03-04"),
    "a serial": (45720.5, "45720.5"),
}


@pytest.mark.parametrize("suffix", FORMS)
def test_numbers_come_out_as_they_are_shown(suffix: str, tmp_path: Path) -> None:
    rows = [case_row(f"A{n}", 对接方式=value) for n, (value, _) in enumerate(NUMBERS.values())]
    found = read(draw(tmp_path / f"a.{suffix}", {"Sheet1": Drawn([HEADING, *rows])}), CASES)
    assert {name: r["对接方式"] for name, r in zip(NUMBERS, found, strict=True)} == {
        n: t for n, (_, t) in NUMBERS.items()
    }


def test_a_table_that_does_not_begin_in_the_corner(tmp_path: Path) -> None:
    drawn = Drawn([[], [], ["", "", *HEADING], ["", "", *case_row("A1", 对接方式=12.100000000000001)]])
    (record,) = read(draw(tmp_path / "a.xlsx", {"Sheet1": drawn}), CASES)
    assert (record["row"], record["调解案件编号"], record["对接方式"]) == (4, "A1", "12.1")


def test_formulas_count_by_the_value_they_were_saved_with(tmp_path: Path) -> None:
    rows = [case_row("A1", 纠纷类型=Formula('="邻"&"里"', "邻里")), case_row("A2", 纠纷类型=Formula('="邻里"', None))]
    found = read(draw(tmp_path / "a.xlsx", {"Sheet1": Drawn([HEADING, *rows])}), CASES)
    assert [r.get("纠纷类型") for r in found] == ["邻里", None]


def test_a_sheet_of_formulas_that_were_never_reckoned_is_refused(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.xlsx", {"Sheet1": Drawn([HEADING, case_row("A1", 纠纷类型=Formula('="邻里"', None))])})
    with pytest.raises(UserError, match="Open the workbook in Excel or WPS once"):
        reading.find_layout(path, CASES, Told())


def test_text_called_a_workbook_is_read_as_text(office: Office) -> None:
    line = ",".join(str(cell) for cell in case_row("A1"))
    outcome = office.take(f"{','.join(HEADING)}\n{line}\n", "a.xls")
    assert (outcome.accepted, outcome.layout.split(",")[0]) == (1, "utf-8")


REFERRED = ["法院", "检察", "公安", "信访", "其他"]


def street_sheet(*figures: Sequence[int]) -> Drawn:
    """A header of three rows: 接受委托移送 over 合计 and 其中, and below 其中 the five bodies."""
    plain = ["月份", "受理(件)", "调解成功(件)", "调解不成功(件)", "撤回/终止", "未结", "依申请", "主动"]
    rows = [[f"{month}月", *row] for month, row in enumerate(figures, 3)]
    return Drawn(
        [
            ["合川区人民调解统计月报（2025年）"],
            [*plain, "接受委托移送"],
            [*[""] * 8, "合计", "其中"],
            [*[""] * 9, *REFERRED],
            *rows,
            ["合计", *(sum(column) for column in zip(*figures, strict=True))],
            ["填表人：王五", "", "", "报出日期：2025年5月6日"],
        ],
        ["A1:N1", *(f"{letter}2:{letter}4" for letter in "ABCDEFGH"), "I2:N2", "I3:I4", "J3:N3"],
    )


@pytest.mark.parametrize("suffix", FORMS)
def test_a_header_of_three_rows_on_a_sheet_per_street_whose_areas_the_sidecar_says(suffix: str, office: Office) -> None:
    sheets = {
        "合阳城": street_sheet([9, 6, 1, 1, 1, 3, 1, 5, 1, 1, 1, 1, 1], [8, 8, 0, 0, 1, 4, 2, 2, 2, 0, 0, 0, 0]),
        "钓鱼城": street_sheet([3, 2, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0]),
    }
    path = place(office, f"月报.{suffix}", sheets, "mediation-500117")
    path.with_name(path.name + ".yml").write_text("sheets: {合阳城: 500117001, 钓鱼城: 500117002}\n", encoding="utf-8")
    outcome = office.hand_in(path)
    assert (outcome.contract, outcome.read, outcome.accepted) == ("mediation_monthly", 3, 3)
    values = lake_values(office, "mediation_monthly")
    first, second = "500117001000", "500117002000"
    assert [values[first, month, "accepted", "total"] for month in ("2025-03", "2025-04")] == [9, 8]
    assert values[second, "2025-03", "agreed", "total"] == 2
    assert values[first, "2025-03", "accepted_by_source", "referral"] == 5
    assert values[first, "2025-04", "accepted_by_referral", "referral_court"] == 2
    assert len(values) == 3 * 13
    assert office.lake("mediation_monthly")["reported_on"].unique().to_list() == [date(2025, 5, 6)]
