"""Any export as blocks of text records: what a file is, which tables it holds, and its rows, whatever the format."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from pipelines.catalogue import Contract
from pipelines.intake.kinds import kind_of
from pipelines.intake.layouts import Block, Layout, Sheet, Told
from pipelines.settings import UserError


def _reader(path: Path) -> ModuleType:
    match kind_of(path):
        case "workbook":
            from pipelines.intake import workbooks

            return workbooks
        case "records":
            from pipelines.intake import records

            return records
        case "archive":
            raise UserError(f"{path.name} is an archive; its files are taken in one by one.")
        case "text":
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


def parts(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Callable[[], Block]]:
    """The same blocks, each yet to be made: several threads can make them side by side."""
    reader = _reader(path)
    if hasattr(reader, "parts"):
        yield from reader.parts(path, layout, contract, told)
    else:
        yield from (partial(_given, block) for block in reader.blocks(path, layout, contract, told))


def _given(block: Block) -> Block:
    return block
