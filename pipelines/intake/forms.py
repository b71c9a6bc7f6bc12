"""Monthly forms in text tables, as offices write them: signed, with ditto marks, months perhaps without their year."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipelines.catalogue import Contract
from pipelines.intake import habits
from pipelines.intake.layouts import Block, Told, column_position
from pipelines.intake.months import agreed, required_year, spoken_of


def as_form(
    part: Callable[[], Block], contract: Contract, path: Path, above: Callable[[], list[str]], told: Told
) -> Block:
    """A block without its signatures, ditto marks resolved, months with their year. `above`: the lines above the header.

    Raises `UserError` when months have no year, and title, file name and what was told contradict each other or say none.
    """
    block = part()
    cells = [name for name in block.rows.columns if name not in ("row_number", "cells")]
    rows = habits.without_ditto(block.rows)
    if len(rows):
        rows = rows.filter(~habits.signed(rows.select(pl.col(cells).replace("", None))))
    position = column_position(block.sheet.header, contract, contract.dated_by)
    if position is not None and rows[f"c{position}"].str.contains(habits.BARE_MONTH).any():
        rows = rows.with_columns(habits.with_year(f"c{position}", _year(path, above(), told)))
    return Block(block.sheet, rows, block.not_data + len(block.rows) - len(rows))


def _year(path: Path, above: list[str], told: Told) -> int:
    said = {
        "title": {month for line in above for month in spoken_of(habits.WRITTEN_WHEN.sub("", line))},
        "file name": spoken_of(path.stem),
    }
    years = {source: [(year, None) for year, _ in months] for source, months in said.items()}
    year = required_year(path.name, agreed(path.name, years)[0], told.months, is_needed=True)
    assert year is not None
    return year
