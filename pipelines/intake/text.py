"""CSV and TSV as text records: encoding and header found, records handed on in blocks with the line each began at."""

import codecs
import csv
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.intake.layouts import HEADER_WITHIN, TOTAL_WORDS, Block, Layout, Sheet, Told, best_sheet, require_fit
from pipelines.settings import UserError

BLOCK_ROWS = 100_000
LONGEST_CELL = 1 << 26
END = "\0"  # stands in no text file that was let in

Record = tuple[int, list[str | None]]


def sniff_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-8` or `gb18030`, tried on the whole file in pieces. Raises `UserError` when none fits."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise UserError(f"{path.name} is UTF-16 text; save it as CSV UTF-8 or as .xlsx and hand it in again.")
    for encoding in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    if b"\0" in piece:
                        raise UserError(f"{path.name} is not a text table (it holds zero bytes). Hand in CSV or .xlsx.")
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
    raise UserError(
        f"{path.name} is neither UTF-8 nor GB18030 text. Save it as CSV UTF-8 or as .xlsx and hand it in again."
    )


def candidates(path: Path) -> list[Sheet]:
    """Each of the first rows. Raises `UserError` where they cannot be read."""
    encoding = sniff_encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        try:
            rows = list(islice(csv.reader(file, delimiter=_delimiter(file)), HEADER_WITHIN))
        except csv.Error as error:
            raise UserError(f"{path.name}: its first rows cannot be read ({error}).") from None
    return [Sheet(None, line, tuple(map(heading, row))) for line, row in enumerate(rows, 1)]


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """The row with most of the contract's headings. Raises `UserError` when required headings are missing, naming them."""
    sheet = best_sheet(candidates(path), contract) or Sheet(None, 1, ())
    require_fit(path, sheet.header, contract)
    return Layout(sniff_encoding(path), (sheet,))


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records below the header. Blank rows and rows of totals are counted as not data."""
    (sheet,) = layout.sheets
    width = len(sheet.header)
    above = sheet.header_line - 1
    for group in _grouped(_records(path, layout.form, sheet)):
        data = [(line, cells) for line, cells in group if not _is_not_data(cells)]
        columns = {f"c{n}": [cells[n] if n < len(cells) else None for _, cells in data] for n in range(width)}
        numbers = {"row_number": [line for line, _ in data], "cells": [_width(cells, width) for _, cells in data]}
        schema = {"row_number": pl.Int64, "cells": pl.Int64, **dict.fromkeys(columns, pl.String)}
        yield Block(sheet, pl.DataFrame(numbers | columns, schema=schema), above + len(group) - len(data))
        above = 0


def _delimiter(file: TextIO) -> str:
    """Comma or tab, whichever the beginning of a text has more of; the file is left at its beginning."""
    csv.field_size_limit(LONGEST_CELL)
    beginning = file.read(1 << 16)
    file.seek(0)
    return "\t" if beginning.count("\t") > beginning.count(",") else ","


def _grouped(records: Iterator[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    for record in records:
        group.append(record)
        if len(group) == BLOCK_ROWS:
            yield group
            group = []
    yield group


def _width(cells: list[str | None], expected: int) -> int:
    """How many cells a record has; blank ones to the right of the header do not count."""
    return len(cells) if len(cells) < expected or any(cells[expected:]) else expected


def _is_not_data(cells: list[str | None]) -> bool:
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    return not filled or heading(filled[0]).rstrip(":") in TOTAL_WORDS


def _records(path: Path, encoding: str, sheet: Sheet) -> Iterator[Record]:
    """Records of a CSV or TSV file with the physical line on which each begins, newlines inside quotes counted.

    Raises `UserError` on a quotation mark that is never closed: it would swallow all rows below it.
    """
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(chain(file, [END]), delimiter=_delimiter(file))
        for _ in range(sheet.header_line):
            next(reader)
        begins = reader.line_num + 1
        try:
            for cells in reader:
                if cells and cells[-1].endswith(END):
                    break
                yield begins, list(cells)
                begins = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"{path.name}, line {begins}: the record cannot be read ({error}).") from None
    if cells != [END]:
        raise UserError(f"{path.name}, line {begins}: a quotation mark is opened and never closed. Mend that line.")
