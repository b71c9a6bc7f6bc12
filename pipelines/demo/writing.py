"""Typed rows become an export file: the contract's Chinese headers, the sender's style, CSV or one-sheet XLSX."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from itertools import chain
from pathlib import Path

import polars as pl
import xlsxwriter

from pipelines.catalogue import Column, Contract, code_lists
from pipelines.demo.house_styles import HouseStyle

IMPOSSIBLE_DATE = {
    "%Y-%m-%d": "2025-02-30",
    "%Y/%-m/%-d": "2025/2/30",
    "%Y%m%d": "20250230",
    "%Y年%-m月%-d日": "2025年2月30日",
}
CREATED = datetime(2026, 1, 1)  # a workbook carries when it was made; two runs shall be the same file


@cache
def _code_texts(list_id: str, form: str) -> dict[str, str]:
    """Category id -> the text a system of this form writes."""
    texts = {}
    for code in code_lists()[list_id]:
        numbers = [text for text in code.aliases if text.isdigit() and len(text) <= 2]
        others = [text for text in code.aliases if not text.isdigit() and len(text) > 1]
        preferred = {"label": [], "number": numbers, "alias": others}[form]
        texts[code.code] = (preferred or [code.label_zh])[0]
    return texts


def _text(column: Column, style: HouseStyle, dtype: pl.DataType, bad_date: bool) -> pl.Expr:
    value = pl.col(column.name)
    match column.type:
        case "code":
            text = value.replace(_code_texts(column.codes or "", style.code_form))
        case "codes":
            texts = _code_texts(column.codes or "", style.code_form)
            text = value.str.split(",").list.eval(pl.element().replace(texts)).list.join("、")
        case "boolean":
            yes, no = (_code_texts("yes_no", style.code_form)[code] for code in ("yes", "no"))
            text = pl.when(value).then(pl.lit(yes)).when(~value).then(pl.lit(no))
        case "money":
            decimals = (value % 10_000).cast(pl.String).str.zfill(4).str.strip_chars_end("0")
            text = pl.concat_str((value // 10_000).cast(pl.String), pl.lit("."), decimals).str.strip_chars_end(".")
        case "month":
            text = value.dt.to_string("%Y-%m" if style.date_form == "%Y-%m-%d" else "%Y年%-m月")
        case "date" | "datetime":
            text = value.dt.to_string(style.time_form if dtype.is_temporal() and dtype != pl.Date else style.date_form)
        case _:
            text = value.cast(pl.String)
    if bad_date:
        impossible = pl.lit(IMPOSSIBLE_DATE[style.date_form])
        text = pl.when(pl.col("dirt") == "impossible_date").then(impossible).otherwise(text)
    return text.alias(column.label)


def as_written(rows: pl.DataFrame, contract: Contract, style: HouseStyle) -> pl.DataFrame:
    """Texts under the contract's headers, in its order, from typed rows (and perhaps `dirt`); what they lack is blank."""
    dirty = "dirt" in rows.columns
    schema = rows.schema
    return rows.select(
        _text(c, style, schema[c.name], dirty and c.name == contract.dated_by)
        if c.name in schema
        else pl.lit(None, pl.String).alias(c.label)
        for c in contract.columns
    )


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_csv(path: Path, blocks: Iterable[pl.DataFrame], contract: Contract, style: HouseStyle) -> None:
    """Blocks of texts (as from `as_written`) below one header line."""
    header = ",".join(column.label for column in contract.columns) + style.line_end
    with _replacing(path) as unfinished, unfinished.open("wb") as file:
        file.write(header.encode(style.encoding))
        for block in blocks:
            text = block.write_csv(include_header=False, line_terminator=style.line_end)
            file.write(text.encode("gb18030" if style.encoding == "gb18030" else "utf-8"))


def write_workbook(path: Path, blocks: Iterable[pl.DataFrame], contract: Contract, style: HouseStyle) -> None:
    """The same as a one-sheet workbook: numbers as numbers, dates as date cells or plain serials, the rest as text."""
    with _replacing(path) as unfinished:
        book = xlsxwriter.Workbook(unfinished, {"constant_memory": True})
        book.set_properties({"created": CREATED})
        sheet = book.add_worksheet("导出数据")
        formats = {
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
            "datetime": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        sheet.write_row(0, 0, [column.label for column in contract.columns])
        records = chain.from_iterable(block.iter_rows() for block in blocks)
        for line, cells in enumerate(records, 1):
            for position, (column, text) in enumerate(zip(contract.columns, cells, strict=True)):
                if text is not None:
                    _write_cell(sheet, line, position, column, text, None if style.serial_dates else formats)
        book.close()


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet,
    line: int,
    position: int,
    column: Column,
    text: str,
    formats: dict[str, xlsxwriter.format.Format] | None,
) -> None:
    """One cell; `formats` None: dates as serial numbers. A text that is no date stays text."""
    if column.type in ("integer", "money"):
        sheet.write_number(line, position, float(text))
        return
    if column.type in ("date", "datetime"):
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            sheet.write_string(line, position, text)
            return
        if formats is not None:
            sheet.write_datetime(line, position, instant, formats["datetime" if " " in text else "date"])
            return
        if " " not in text:
            sheet.write_number(line, position, (instant.date() - date(1899, 12, 30)).days)
            return
    sheet.write_string(line, position, text)
