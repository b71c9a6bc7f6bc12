"""Files as text: encoding and header found, records handed on in blocks with the line each began at."""

import codecs
import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.settings import UserError

BLOCK_ROWS = 100_000
HEADER_WITHIN = 20
LONGEST_CELL = 1 << 26
END = "\0"  # stands in no text file that was let in
TOTAL_WORDS = {"合计", "小计", "总计", "共计", "total", "Total"}


@dataclass(frozen=True)
class Layout:
    """What was found out about a file: `encoding` or `xlsx`, line of the header, the header's texts."""

    encoding: str
    header_line: int
    header: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Records as text, and how many rows were blank or totals.

    `rows`: `row_number` (Int64, line or sheet row), `cells` (Int64, how many the record had), then one String column a
    header position, `c0`, `c1` …
    """

    rows: pl.DataFrame
    not_data: int


def header_score(cells: Sequence[str | None], contract: Contract) -> int:
    """How many of a contract's headings a row holds."""
    return len(contract.headings.keys() & {heading(cell) for cell in cells})


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


def first_rows(path: Path) -> tuple[str, list[list[str | None]]]:
    """Encoding (or `xlsx`) and the first rows, among which the header is looked for. Raises `UserError` on a file of no known kind."""
    if not path.is_file():
        raise UserError(f"{path} is not a file that can be read.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty: not even a header. For a month without cases use `--zero`.")
    if path.suffix.lower() == ".xlsx" or zipfile.is_zipfile(path):
        sheet = _sheet(path)
        return "xlsx", [list(row) for row in sheet.head(HEADER_WITHIN).rows()]
    encoding = sniff_encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        try:
            return encoding, [list(row) for row in islice(csv.reader(file, delimiter=_delimiter(file)), HEADER_WITHIN)]
        except csv.Error as error:
            raise UserError(f"{path.name}: its first rows cannot be read ({error}).") from None


def _delimiter(file: TextIO) -> str:
    """Comma or tab, whichever the beginning of a text has more of; the file is left at its beginning."""
    csv.field_size_limit(LONGEST_CELL)
    beginning = file.read(1 << 16)
    file.seek(0)
    return "\t" if beginning.count("\t") > beginning.count(",") else ","


def find_header(path: Path, contract: Contract) -> Layout:
    """The row with most of the contract's headings. Raises `UserError` when required headings are missing, naming them."""
    encoding, rows = first_rows(path)
    best = max(range(len(rows)), key=lambda n: header_score(rows[n], contract), default=0)
    header = tuple(heading(cell) for cell in rows[best]) if rows else ()
    missing = missing_headings(header, contract)
    if missing:
        raise UserError(
            f"{path.name} does not fit contract {contract.id} v{contract.version}: no heading {'、'.join(missing[:5])}"
            f"{' …' if len(missing) > 5 else ''}. Check the export's columns, or name another contract with --contract."
        )
    twice = sorted({text for text in header if text and header.count(text) > 1 and text in contract.headings})
    if twice:
        raise UserError(
            f"{path.name}: the heading {'、'.join(twice)} stands twice; keep one and hand the file in again."
        )
    return Layout(encoding, best + 1, header)


def column_position(header: tuple[str, ...], contract: Contract, name: str) -> int | None:
    """Where a contract's column stands in a header; its label first, then its aliases in order."""
    column = contract.column(name)
    positions = (header.index(text) for text in map(heading, (column.label, *column.aliases)) if text in header)
    return next(positions, None)


def missing_headings(header: tuple[str, ...], contract: Contract) -> list[str]:
    """Labels of the required columns that a header lacks."""
    required = (column for column in contract.columns if column.required)
    return [column.label for column in required if column_position(header, contract, column.name) is None]


def unknown_headings(header: tuple[str, ...], contract: Contract) -> list[str]:
    """Headings that no column of the contract claims; they are reported and never stored."""
    return [text for text in header if text and text not in contract.headings]


def blocks(path: Path, layout: Layout) -> Iterator[Block]:
    """The records below the header. Blank rows and rows of totals are counted as not data."""
    records = _sheet_records(path, layout) if layout.encoding == "xlsx" else _text_records(path, layout)
    width = len(layout.header)
    for group in _grouped(records):
        data = [(line, cells) for line, cells in group if not _is_not_data(cells)]
        columns = {f"c{n}": [cells[n] if n < len(cells) else None for _, cells in data] for n in range(width)}
        numbers = {"row_number": [line for line, _ in data], "cells": [_width(cells, width) for _, cells in data]}
        schema = {"row_number": pl.Int64, "cells": pl.Int64, **dict.fromkeys(columns, pl.String)}
        yield Block(pl.DataFrame(numbers | columns, schema=schema), len(group) - len(data))


Record = tuple[int, list[str | None]]


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


def _text_records(path: Path, layout: Layout) -> Iterator[Record]:
    """Records of a CSV or TSV file with the physical line on which each begins, newlines inside quotes counted.

    Raises `UserError` on a quotation mark that is never closed: it would swallow all rows below it.
    """
    with path.open(encoding=layout.encoding, newline="") as file:
        reader = csv.reader(chain(file, [END]), delimiter=_delimiter(file))
        for _ in range(layout.header_line):
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


def _sheet_records(path: Path, layout: Layout) -> Iterator[Record]:
    sheet = _sheet(path)
    width = len(layout.header)
    body = sheet.slice(layout.header_line)
    for number, row in enumerate(body.iter_rows(), layout.header_line + 1):
        yield number, list(row)[:width] if not any(row[width:]) else list(row)


def _sheet(path: Path) -> pl.DataFrame:
    """The one sheet of a workbook as text, no row skipped. Raises `UserError` when it cannot be opened or has several."""
    import fastexcel

    try:
        workbook = fastexcel.read_excel(path)
        if len(workbook.sheet_names) != 1:
            raise UserError(f"{path.name} has {len(workbook.sheet_names)} sheets; hand in a workbook with one.")
        return workbook.load_sheet(
            0, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True
        ).to_polars()
    except fastexcel.FastExcelError:
        raise UserError(
            f"{path.name} cannot be opened as a workbook: damaged, or protected by a password. Save it anew and hand it in."
        ) from None
