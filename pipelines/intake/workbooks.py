"""Workbooks as text records."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.intake.layouts import HEADER_WITHIN, TOTAL_WORDS, Block, Layout, Sheet, Told, best_sheet, require_fit
from pipelines.settings import UserError


def candidates(path: Path) -> list[Sheet]:
    """Each of the first rows."""
    rows = _sheet(path).head(HEADER_WITHIN).rows()
    return [Sheet(None, line, tuple(map(heading, row))) for line, row in enumerate(rows, 1)]


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """The row with most of the contract's headings. Raises `UserError` when required headings are missing, naming them."""
    sheet = best_sheet(candidates(path), contract) or Sheet(None, 1, ())
    require_fit(path, sheet.header, contract)
    return Layout("xlsx", (sheet,))


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records below the header. Blank rows and rows of totals are counted as not data."""
    for sheet in layout.sheets:
        body = _sheet(path).slice(sheet.header_line)
        width = len(sheet.header)
        records = list(enumerate(body.rows(), sheet.header_line + 1))
        data = [(line, row) for line, row in records if not _is_not_data(row)]
        numbers = {"row_number": [line for line, _ in data], "cells": [_width(row, width) for _, row in data]}
        columns = {f"c{n}": [row[n] for _, row in data] for n in range(width)}
        schema = {"row_number": pl.Int64, "cells": pl.Int64, **dict.fromkeys(columns, pl.String)}
        rows = pl.DataFrame(numbers | columns, schema=schema)
        yield Block(sheet, rows, sheet.header_line - 1 + len(records) - len(data))


def _width(row: tuple[str | None, ...], expected: int) -> int:
    return len(row) if any(row[expected:]) else expected


def _is_not_data(row: tuple[str | None, ...]) -> bool:
    filled = [cell.strip() for cell in row if cell and cell.strip()]
    return not filled or heading(filled[0]).rstrip(":") in TOTAL_WORDS


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
