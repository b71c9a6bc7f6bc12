"""Workbooks as offices draw them: cells, merged ranges, hidden rows and sheets, written as XLSX or as XLS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import xlsxwriter
import xlwt

from pipelines.catalogue import Contract, contract_versions
from pipelines.intake import reading
from pipelines.intake.layouts import Told

Cell = str | float | bool | date | datetime | None


@dataclass(frozen=True)
class Formula:
    """A formula with the value that the office's program has kept, or None where it has kept none."""

    text: str
    value: float | str | None


@dataclass(frozen=True)
class Drawn:
    """A sheet. `merged`: ranges as a clerk names them, `A1:C1`; the text stands in the first cell."""

    rows: Sequence[Sequence[Cell | Formula]]
    merged: Sequence[str] = ()
    hidden_rows: Sequence[int] = ()
    is_hidden: bool = False
    is_filtered: bool = False


def draw(path: Path, sheets: dict[str, Drawn]) -> Path:
    """Write the sheets, as XLS where the suffix says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (_xls if path.suffix == ".xls" else _xlsx)(path, sheets)
    return path


def _ranges(merged: Iterable[str]) -> Iterable[tuple[int, int, int, int]]:
    for text in merged:
        (top, left), (bottom, right) = (
            (int("".join(filter(str.isdigit, corner))) - 1, ord(corner[0]) - ord("A")) for corner in text.split(":")
        )
        yield top, left, bottom, right


def _xlsx(path: Path, sheets: dict[str, Drawn]) -> None:
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "yyyy/m/d"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, drawn in sheets.items():
            sheet = book.add_worksheet(name)
            for top, left, bottom, right in _ranges(drawn.merged):
                sheet.merge_range(top, left, bottom, right, "")
            for line, row in enumerate(drawn.rows):
                for column, value in enumerate(row):
                    match value:
                        case None | "":
                            continue
                        case Formula():
                            sheet.write_formula(
                                line, column, value.text, None, "" if value.value is None else value.value
                            )
                        case datetime():
                            sheet.write_datetime(line, column, value, moment)
                        case date():
                            sheet.write_datetime(line, column, value, day)
                        case str():
                            sheet.write_string(line, column, value)
                        case _:
                            sheet.write(line, column, value)
            for row in drawn.hidden_rows:
                sheet.set_row(row - 1, None, None, {"hidden": True})
            if drawn.is_filtered:
                sheet.autofilter(0, 0, len(drawn.rows) - 1, len(drawn.rows[0]) - 1)
                sheet.filter_column(0, "x != 不要")
            if drawn.is_hidden:
                sheet.hide()


def _xls(path: Path, sheets: dict[str, Drawn]) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    day, moment = xlwt.easyxf(num_format_str="yyyy/m/d"), xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm:ss")
    for name, drawn in sheets.items():
        sheet = book.add_sheet(name, cell_overwrite_ok=True)
        for line, row in enumerate(drawn.rows):
            for column, value in enumerate(row):
                if value is not None and value != "":
                    style = moment if isinstance(value, datetime) else day if isinstance(value, date) else None
                    sheet.write(line, column, value, *([style] if style else []))
        for top, left, bottom, right in _ranges(drawn.merged):
            sheet.merge(top, bottom, left, right)
        for row in drawn.hidden_rows:
            sheet.row(row - 1).hidden = True
        sheet.visibility = int(drawn.is_hidden)
    book.save(path)


def contract_of(name: str, version: int = 1) -> Contract:
    return next(c for c in contract_versions() if (c.id, c.version) == (name, version))


def read(path: Path, contract: Contract, told: Told | None = None) -> list[dict[str, str | int | None]]:
    """The records of a file: text by heading, with `sheet` and `row`; cells without text are left out."""
    told = told or Told()
    layout = reading.find_layout(path, contract, told)
    found = []
    for block in reading.blocks(path, layout, contract, told):
        for number, cells, *texts in block.rows.iter_rows():
            assert cells == len(block.sheet.header)
            named = {name: text for name, text in zip(block.sheet.header, texts, strict=True) if text is not None}
            found.append({"sheet": block.sheet.name, "row": number} | named)
    return found
