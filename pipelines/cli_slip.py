"""`fengqiao quarantine --slip`: a return slip (退回单) for each sender, an XLSX that is printed, signed and sent back with the file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import catalogue
from pipelines import cli_output as output
from pipelines.cli_quarantine import chosen
from pipelines.intake.quarantine import Finding
from pipelines.settings import TIME_ZONE, UserError, data_root

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

HEADS = (
    ("序号\nNo.", 6),
    ("文件\nFile", 26),
    ("工作表\nSheet", 12),
    ("行\nRow", 7),
    ("列\nColumn", 16),
    ("问题\nWhat is wrong", 34),
    ("应填\nHow to mend", 44),
    ("现填\nFound", 20),
)
SHAPES = {"text": "文字", "digits": "数字", "date-like text": "类似日期的文字", "number": "数值"}
SIGNED = ("退回单位 Returned by", "经办人 Handled by", "接收人 Received by", "重报日期 Sent again on")


@dataclass(frozen=True)
class Slip:
    """A slip that was written: for whom, where, how many findings it lists."""

    sender: str
    path: Path
    findings: int


def write_slips(sha256: str | None, sender: str | None, reason: str | None, out: Path | None, *, as_json: bool) -> None:
    """Write one slip a sender into a folder (default: `documents/slips` of the data folder) and say where they lie.

    Raises `UserError` when the folder does not take them.
    """
    folder = out or data_root() / "documents" / "slips"
    today = datetime.now(ZoneInfo(TIME_ZONE)).date()
    of_sender: dict[str, list[Finding]] = {}
    for _, found in chosen(sha256, sender, reason):
        for finding in found:
            of_sender.setdefault(finding.sender, []).append(finding)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        slips = [_written(name, found, folder, today) for name, found in sorted(of_sender.items())]
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}. Name a folder with --out.") from None
    if as_json:
        output.print_json({"slips": [{"sender": s.sender, "file": str(s.path), "findings": s.findings} for s in slips]})
    elif slips:
        output.say(f"{len(slips)} 份退回单在 {folder}。{len(slips)} return slips are in {folder}.")
    else:
        output.say("没有符合条件的退回数据行。No refused row is like that.")


def _written(sender: str, found: Sequence[Finding], folder: Path, today: date) -> Slip:
    import xlsxwriter

    path = folder / f"退回单_{sender}_{today:%Y%m%d}.xlsx"
    of_table: dict[str, list[Finding]] = {}
    for finding in found:
        of_table.setdefault(finding.table, []).append(finding)
    with xlsxwriter.Workbook(
        path, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as workbook:
        workbook.set_properties(
            {"title": f"退回单 Return slip: {sender}", "created": datetime(today.year, today.month, today.day)}
        )
        formats = _formats(workbook)
        for table, rows in of_table.items():
            sheet = workbook.add_worksheet(catalogue.tables()[table].label.zh[:31])
            _fill(sheet, formats, sender, table, rows, today)
    return Slip(sender, path, len(found))


def _formats(workbook: "Workbook") -> dict[str, "Format"]:
    cell = {"border": 1, "text_wrap": True, "valign": "top", "font_size": 10}
    return {
        "title": workbook.add_format({"bold": True, "font_size": 18, "align": "center", "valign": "vcenter"}),
        "said": workbook.add_format({"font_size": 11, "text_wrap": True, "valign": "vcenter"}),
        "head": workbook.add_format(
            {**cell, "bold": True, "bg_color": "#EDEDED", "align": "center", "valign": "vcenter"}
        ),
        "text": workbook.add_format(cell),
        "number": workbook.add_format({**cell, "align": "right"}),
        "signed": workbook.add_format({"bottom": 1, "font_size": 11}),
    }


def _fill(
    sheet: "Worksheet", formats: Mapping[str, "Format"], sender: str, table: str, rows: Sequence[Finding], today: date
) -> None:
    """One table of a sender: heading, one line a failing check, and where to sign; A4 across, the heads on every page."""
    last = len(HEADS) - 1
    for column, (_, width) in enumerate(HEADS):
        sheet.set_column(column, column, width)
    sheet.merge_range(0, 0, 0, last, "数据退回单 Return slip", formats["title"])
    sheet.set_row(0, 32)
    line = 1
    for said in _said(sender, table, rows, today):
        sheet.merge_range(line, 0, line, last, said, formats["said"])
        sheet.set_row(line, 18)
        line += 1
    for column, (head, _) in enumerate(HEADS):
        sheet.write_string(line, column, head, formats["head"])
    sheet.set_row(line, 32)
    sheet.freeze_panes(line + 1, 0)
    sheet.repeat_rows(line)
    for number, row in enumerate(rows, 1):
        _write_row(sheet, formats, line + number, number, row)
    end = line + len(rows) + 2
    for place, words in enumerate(SIGNED):
        sheet.merge_range(
            end + place // 2 * 2,
            4 * (place % 2),
            end + place // 2 * 2,
            4 * (place % 2) + 2,
            f"{words}：",
            formats["signed"],
        )
    sheet.print_area(0, 0, end + 2, last)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C第 &P 页，共 &N 页")


def _said(sender: str, table: str, rows: Sequence[Finding], today: date) -> Iterable[str]:
    registered = next((s for s in catalogue.senders() if (s.sender, s.table) == (sender, table)), None)
    name, label, words = (
        registered.name_zh if registered else sender,
        catalogue.tables()[table].label,
        catalogue.publisher(),
    )
    lines = len({(row.sha256, row.sheet, row.line) for row in rows})
    yield f"填报单位 Sender：{name}（{sender}）    联系单位 Contact office：{registered.contact_office if registered else '—'}"
    yield f"报表 Table：{label.zh} {label.en}    退回日期 Date：{today}    退回编号 No.：{sender}-{today:%Y%m%d}"
    yield f"退回 {lines} 行，问题 {len(rows)} 处。{lines} rows with {len(rows)} findings. 退回单位 Returned by：{words.publisher.zh}"
    yield "请按“应填”栏改正后重报所列各行；本单不含单元格原文。Please mend the rows below and send them again; no cell is quoted here."


def _write_row(sheet: "Worksheet", formats: Mapping[str, "Format"], line: int, number: int, row: Finding) -> None:
    sheet.write_number(line, 0, number, formats["number"])
    texts = {
        1: row.file,
        2: row.sheet or "",
        4: row.column or "整行 whole row",
        5: f"{row.reason_zh}\n{row.reason_en}",
        6: f"{row.expected_zh}\n{row.expected_en}",
        7: _shape(row.found),
    }
    for column, text in texts.items():
        sheet.write_string(line, column, text, formats["text"])
    sheet.write_number(line, 3, row.line, formats["number"])


def _shape(found: str | None) -> str:
    """The shape of a cell in both languages: what kind of thing stands there, never what."""
    if found is None:
        return ""
    if found == "empty":
        return "空 empty"
    shape = re.fullmatch(r"(.+), (\d+) characters", found)
    return f"{SHAPES.get(shape[1], shape[1])}，{shape[2]}个字符\n{found}" if shape else found
