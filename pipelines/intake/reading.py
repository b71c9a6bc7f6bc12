"""Any export as blocks of text records: what a file is, which tables it holds, and its rows, whatever the format."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

from pipelines.catalogue import Contract
from pipelines.intake.layouts import Block, Layout, Sheet, Told
from pipelines.settings import UserError

Kind = Literal["text", "workbook"]


def kind_of(path: Path) -> Kind:
    """What a file is by its content, then by its suffix. Raises `UserError` on one that is empty or not to be read."""
    if not path.is_file():
        raise UserError(f"{path} is not a file that can be read.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty: not even a header. For a month without cases use `--zero`.")
    return "workbook" if path.suffix.lower() == ".xlsx" or zipfile.is_zipfile(path) else "text"


def _reader(path: Path) -> ModuleType:
    if kind_of(path) == "workbook":
        from pipelines.intake import workbooks

        return workbooks
    from pipelines.intake import text

    return text


def candidates(path: Path) -> list[Sheet]:
    """Possible headers among a file's first rows, for finding out which contract it fits. Raises `UserError`."""
    return _reader(path).candidates(path)


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """The tables of a file under a contract. Raises `UserError` when required headings are missing, naming them."""
    return _reader(path).find_layout(path, contract, told)


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records of all tables of a file, in its order."""
    return _reader(path).blocks(path, layout, contract, told)
