"""Workbooks opened: every visible sheet as a grid of texts, with what the cells alone do not tell (merged, hidden, unreckoned).

XLSX comes through fastexcel, and the XML of each sheet is read once beside it; XLS comes through calamine.
"""

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import polars as pl

from pipelines.intake.archives import BROKEN_ARCHIVE, require_harmless
from pipelines.intake.biff import Hiding, hiding
from pipelines.settings import UserError

PIECE = 1 << 22
MIDNIGHT = " 00:00:00"
EXACT_DIGITS = 15  # what a spreadsheet keeps and shows of a number
CORNER = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
FAR = re.compile(rb' r="(?!(?:[A-C]?[A-Z])?[0-9]{1,6}")')  # beyond column CZ or row 999,999, or no place at all
OTHER_BLANKS = (b'\tr="', b'\nr="', b'\rr="')
SHEET_XML = re.compile(rb"<(?:(\w+):)?worksheet\b")
NO_PLACE = re.compile(
    rb'<c\b[^>]*?\br="(?![A-Z]{1,3}[0-9]{1,7}")'
)  # the reader would count columns by it, whatever it says
MOST_CELLS = 100_000_000
LOOKED_AT_CLOSELY = 32 << 20  # in sheets of more XML each cell's place is read only where one of them stands far out
HIDDEN_ROW = re.compile(rb'<row (?=[^>]*\bhidden="(?:1|true)")[^>]*\br="([0-9]+)"')
MERGED = re.compile(rb'<mergeCell [^>]*ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
LONG_NUMBER = re.compile(rb"<v>(-?[0-9.]{15,}(?:E[-+]?[0-9]+)?|-?[0-9.]+E\+?[0-9]+)</v>")
CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"([^>]*)>')
FORMULA = re.compile(rb"<c ([^>]*)>(?=<f)(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)(<v>[^<])?")
NUMBER_SHOWN = r"^-?[0-9]+(\.[0-9]+)?$"
TEXT_RESULT = re.compile(rb't="(?:str|s|inlineStr|e|b|d)"')


@dataclass(frozen=True)
class Merge:
    """A merged range; rows and columns from 0, both ends within."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Grid:
    """A visible sheet. `cells`: one String column a sheet column (`0`, `1` …), row n of the sheet at index n-1, null = empty."""

    name: str
    cells: pl.DataFrame = field(repr=False)
    merges: tuple[Merge, ...] = ()
    hidden_rows: tuple[int, ...] = ()  # as the sheet numbers them, from 1
    is_filtered: bool = False
    formulas: int = 0
    formulas_without_value: int = 0


@dataclass(frozen=True)
class Book:
    """A workbook: `form` is xlsx or xls; hidden sheets are named and not read."""

    form: str
    grids: tuple[Grid, ...]
    hidden_sheets: tuple[str, ...]


def open_book(path: Path) -> Book:
    """A workbook's sheets. Detection, layout and reading ask one after the other, so the last one opened is kept.

    Raises `UserError` on a damaged workbook or one that unpacks to an implausible size.
    """
    file = path.stat()
    return _opened(path, (file.st_dev, file.st_ino, file.st_mtime_ns, file.st_size))


def close_book() -> None:
    """Forget the workbook that was opened last."""
    _opened.cache_clear()


@lru_cache(maxsize=1)
def _opened(path: Path, _state: tuple[int, ...]) -> Book:
    return _xlsx(path) if zipfile.is_zipfile(path) else _xls(path)


def damaged(path: Path) -> UserError:
    return UserError(
        f"{path.name} cannot be opened as a workbook: it is damaged or cut off. Save it anew and hand it in again."
    )


@contextmanager
def _no_panic() -> Iterator[None]:
    """A panic of a reader written in Rust, which is no `Exception`, as a `ValueError`: the workbook is damaged.

    What the reader then writes to standard error may hold cells, so it is thrown away.
    """
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise ValueError("panic") from None
        raise
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def number_text(number: float) -> str:
    """A number as a spreadsheet shows it: fifteen digits, no noise; from 1e15 on with an exponent, since digits are lost."""
    shown = f"{number:.{EXACT_DIGITS}g}"
    return shown if "e+" in shown else f"{Decimal(shown):f}"


# XLSX


class FarOut(Exception):
    """A cell stands far outside its table."""


class PerhapsFarOut(Exception):
    """A cell stands far to the right or far down: where its table ends must be looked up."""


@dataclass
class _Marks:
    """What the XML of a sheet says beside its cells' texts. `numbers`: sheet column -> row index -> text to show."""

    merges: list[Merge] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    is_filtered: bool = False
    formulas: int = 0
    formulas_without_value: int = 0
    numbers: dict[int, dict[int, str]] = field(default_factory=dict)
    first_column: int | None = None


def _xlsx(path: Path) -> Book:
    import fastexcel

    try:
        with zipfile.ZipFile(path) as archive:
            require_harmless(archive, path.name)
            sheets = _declared_sheets(archive)
            marks = {name: _marks(archive, part) for name, part, is_visible in sheets if is_visible}
        with _no_panic():
            reader = fastexcel.read_excel(path)
            grids = tuple(_grid(name, reader, mark) for name, mark in marks.items())
    except FarOut:
        raise UserError(
            f"{path.name} has a cell far outside its table. Delete the empty rows and columns behind it and save it anew."
        ) from None
    except (fastexcel.FastExcelError, ElementTree.ParseError, KeyError, StopIteration, *BROKEN_ARCHIVE):
        raise damaged(path) from None
    return Book("xlsx", grids, tuple(name for name, _, is_visible in sheets if not is_visible))


def _declared_sheets(archive: zipfile.ZipFile) -> list[tuple[str, str, bool]]:
    """Name, part and visibility of each worksheet; sheets of charts have no cells and are left out."""
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    parts = {r.get("Id"): r.get("Target", "") for r in relations if r.get("Type", "").endswith("/worksheet")}
    found = []
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iterfind("{*}sheets/{*}sheet"):
        part = parts.get(next(value for key, value in sheet.attrib.items() if key.endswith("}id")))
        if part is not None:
            inside = part.lstrip("/") if part.startswith("/") else f"xl/{part}"
            found.append((sheet.get("name", ""), inside, sheet.get("state", "visible") == "visible"))
    return found


def _marks(archive: zipfile.ZipFile, part: str) -> _Marks:
    """What a sheet's cells say, wherever it says that it ends.

    Raises `FarOut` when a cell stands so far out that the sheet would fill the memory, `ValueError` when one stands nowhere.
    """
    try:
        return _marked(archive, part, closely=archive.getinfo(part).file_size <= LOOKED_AT_CLOSELY)
    except PerhapsFarOut:
        return _marked(archive, part, closely=True)


def _marked(archive: zipfile.ZipFile, part: str, *, closely: bool) -> _Marks:
    marks, height, width = _Marks(), 0, 0
    with archive.open(part) as file:
        for piece in _pieces(file):
            if not closely and (FAR.search(piece) or any(mark in piece for mark in OTHER_BLANKS)):
                raise PerhapsFarOut
            _note(piece, marks)
            if not closely:
                continue
            if NO_PLACE.search(piece):
                raise ValueError("a cell stands at no place")
            ends = CORNER.findall(piece)
            width = max([width, *(column_index(column) for column, _ in ends)])
            height = max([height, *(int(row) for _, row in ends)])
            if width * height > MOST_CELLS:
                raise FarOut
    return marks


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """A sheet's XML in pieces that end with a row, names without a prefix."""
    rest, prefix = b"", b""
    while read := file.read(PIECE):
        if not rest and (root := SHEET_XML.search(read)) and root[1]:
            prefix = root[1] + b":"
        rest += read
        cut = rest.rfind(b"row>") + len(b"row>")
        if cut >= len(b"row>"):
            piece, rest = rest[:cut], rest[cut:]
            yield _without_prefix(piece, prefix)
    yield _without_prefix(rest, prefix)


def _without_prefix(xml: bytes, prefix: bytes) -> bytes:
    return xml.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</") if prefix else xml


def _note(piece: bytes, marks: _Marks) -> None:
    if b"hidden=" in piece:
        marks.hidden_rows += [int(row) for row in HIDDEN_ROW.findall(piece)]
    if b"<f" in piece:
        marks.is_filtered |= b"<filterColumn" in piece
        formulas = FORMULA.findall(piece)
        marks.formulas += len(formulas)
        marks.formulas_without_value += sum(not value and b't="str"' not in kind for kind, value in formulas)
    for left, top, right, bottom in MERGED.findall(piece):
        marks.merges.append(Merge(int(top) - 1, column_index(left), int(bottom) - 1, column_index(right)))
    for number in LONG_NUMBER.finditer(piece):
        _note_number(piece, number, marks)
    for column in range(26 if marks.first_column is None else marks.first_column):
        if re.search(
            rb'<c r="%c[0-9]+"[^>]*[^/>]>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<(?:v>[^<]|is>)' % (65 + column), piece
        ):
            marks.first_column = column
            break


def _note_number(piece: bytes, number: re.Match[bytes], marks: _Marks) -> None:
    """Keep what a number of more than fifteen digits is to be shown as, and where it stands."""
    begins = piece.rfind(b"<c ", max(0, number.start() - 8192), number.start())
    cell = CELL.match(piece, begins) if begins >= 0 else None
    if cell is not None and not TEXT_RESULT.search(cell[3]):
        marks.numbers.setdefault(column_index(cell[1]), {})[int(cell[2]) - 1] = number_text(float(number[1]))


def column_index(letters: bytes) -> int:
    """A -> 0, Z -> 25, AA -> 26."""
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index - 1


def _grid(name: str, reader: "fastexcel.ExcelReader", marks: _Marks) -> Grid:  # type: ignore[name-defined]  # noqa: F821
    sheet = reader.load_sheet(name, header_row=None, skip_rows=0, dtypes="string", skip_whitespace_tail_rows=True)
    offset = marks.first_column or 0
    texts = sheet.to_polars().get_columns()
    empty = [pl.Series(str(n), [None] * (len(texts[0]) if texts else 0), pl.String) for n in range(offset)]
    columns = [_shown(text.rename(str(n)), marks.numbers.get(n, {})) for n, text in enumerate(texts, offset)]
    return Grid(
        name,
        pl.DataFrame([*empty, *columns]),
        tuple(marks.merges),
        tuple(marks.hidden_rows),
        marks.is_filtered,
        marks.formulas,
        marks.formulas_without_value,
    )


def _shown(texts: pl.Series, numbers: dict[int, str]) -> pl.Series:
    """A column with its dates and long numbers as they are shown."""
    if texts.dtype != pl.String:
        texts = texts.cast(pl.String)
    if texts.str.ends_with(MIDNIGHT).any():
        texts = texts.str.strip_suffix(MIDNIGHT)
    known = {row: text for row, text in numbers.items() if row < len(texts)}
    if known:
        places = pl.Series(list(known), dtype=pl.UInt32)
        is_number = texts.gather(places).str.contains(NUMBER_SHOWN).fill_null(value=False)
        texts = texts.scatter(places.filter(is_number), pl.Series(list(known.values())).filter(is_number))
    return texts


# XLS

Value = int | float | str | bool | date | datetime | time | timedelta


def _xls(path: Path) -> Book:
    import python_calamine

    try:
        hidden = hiding(path.read_bytes())
        with _no_panic(), python_calamine.load_workbook(path) as workbook:
            sheets = [
                (sheet.name, sheet.visible == python_calamine.SheetVisibleEnum.Visible, hides)
                for sheet, hides in zip(workbook.sheets_metadata, hidden, strict=True)
                if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
            grids = tuple(
                _old_grid(workbook.get_sheet_by_name(name), hides) for name, is_visible, hides in sheets if is_visible
            )
    except python_calamine.PasswordError:
        raise protected(path) from None
    except (python_calamine.CalamineError, OSError, ValueError):
        raise damaged(path) from None
    return Book("xls", grids, tuple(name for name, is_visible, _ in sheets if not is_visible))


def protected(path: Path) -> UserError:
    return UserError(f"{path.name} is protected by a password. Save it without one and hand it in again.")


def _old_grid(sheet: "python_calamine.CalamineSheet", hidden: Hiding) -> Grid:  # type: ignore[name-defined]  # noqa: F821
    rows = sheet.to_python(skip_empty_area=False)
    width = max(map(len, rows), default=0)
    columns = [[_cell_text(row[n]) if n < len(row) else None for row in rows] for n in range(width)]
    cells = pl.DataFrame([pl.Series(str(n), column, pl.String) for n, column in enumerate(columns)])
    merges = (Merge(top, left, bottom, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ())
    return Grid(sheet.name, cells, tuple(merges), hidden.rows, hidden.is_filtered)


def _cell_text(value: Value) -> str | None:
    """A cell as an XLSX of the same content shows it."""
    match value:
        case "":
            return None
        case bool():
            return str(value).lower()
        case int() | float():
            return number_text(value)
        case datetime():
            return value.isoformat(" ", "seconds").removesuffix(MIDNIGHT)
        case _:
            return str(value)
