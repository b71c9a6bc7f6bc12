"""CSV and TSV as text records, a window of bytes at a time, with the line each record began at.

A window is cut behind the last newline that stands outside quotes. Where every quotation mark stands where RFC 4180 wants
it, counting marks tells inside from outside, and the window is parsed at once; a window with a stray mark is read record
by record, as far as the damage goes. Both ways give the same records, whatever the size of the windows.
"""

import codecs
import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from io import StringIO
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.catalogue import Contract, heading
from pipelines.intake.layouts import (
    HEADER_WITHIN,
    TOTAL_WORDS,
    Block,
    Layout,
    Sheet,
    Told,
    best_sheet,
    column_position,
    require_fit,
)
from pipelines.intake.transcoding import as_utf8
from pipelines.settings import UserError

WINDOW = 30 << 20  # not beyond what the C library keeps on its heap (memory.LARGEST_ON_HEAP): fresh memory costs more
SMALLEST_WINDOW = 1 << 20
SNIFFED = 8 << 20
LONGEST_CELL = 1 << 26
LONGEST_HEADER_LINE = 1 << 17
MOST_COLUMNS = 1 << 14  # of a sheet in Excel; a wider row is no header
MOST_LINES = 400_000  # of a window: rows of few bytes take more memory than their bytes
LONGEST_RECORD_LINES = 10_000
FEW_SUSPECTS = 3000
END = "\0"  # stands in no text file that was let in

QUOTE, NEWLINE, RETURN = b'"'[0], b"\n"[0], b"\r"[0]
WORD, STRETCH = 8, 1 << 20
Positions = NDArray[np.int64]


def sniff_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-8` or `gb18030`, by the beginning of the file; the rest is checked as it is read.

    Raises `UserError` when none fits.
    """
    status = path.stat()
    return _sniffed(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _sniffed(path: Path, size: int, changed_at: int) -> str:
    """Each step on the way of a file asks anew; `size` and `changed_at` say that it is the same file still."""
    with path.open("rb") as file:
        beginning = file.read(SNIFFED)
        is_whole = len(beginning) < SNIFFED
    if beginning[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise UserError(f"{path.name} is UTF-16 text; save it as CSV UTF-8 or as .xlsx and hand it in again.")
    if b"\0" in beginning:
        raise UserError(f"{path.name} is not a text table (it holds zero bytes). Hand in CSV or .xlsx.")
    has_mark = beginning.startswith(codecs.BOM_UTF8)
    for encoding in ("utf-8",) if has_mark else ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(beginning, final=is_whole)
        except UnicodeDecodeError:
            continue
        return "utf-8-sig" if has_mark else encoding
    raise UserError(
        f"{path.name} is neither UTF-8 nor GB18030 text. Save it as CSV UTF-8 or as .xlsx and hand it in again."
    )


def candidates(path: Path) -> list[Sheet]:
    """Each of the first rows. Raises `UserError` where they cannot be read."""
    encoding = sniff_encoding(path)
    delimiter = _delimiter(path)
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding=encoding, newline="") as file:
        lines = iter(partial(file.readline, LONGEST_HEADER_LINE), "")
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            return [Sheet(None, reader.line_num, _header(row)) for row in islice(reader, HEADER_WITHIN)]
        except csv.Error as error:
            raise UserError(f"{path.name}: its first rows cannot be read ({error}).") from None


def _header(row: list[str]) -> tuple[str, ...]:
    return tuple(map(heading, row)) if len(row) <= MOST_COLUMNS else ()


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """The row with most of the contract's headings. Raises `UserError` when required headings are missing, naming them."""
    sheet = best_sheet(candidates(path), contract) or Sheet(None, 1, ())
    require_fit(path, sheet.header, contract)
    return Layout(sniff_encoding(path), (sheet,))


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records below the header. Blank rows and rows of totals are counted as not data."""
    return (part() for part in _parts(path, layout, _all(layout)))


def parts(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Callable[[], Block]]:
    """Blocks of the needed columns, yet to be made, so that several threads can make them; what is handed out next depends on no other.

    A monthly form is read as offices write it: with signatures and ditto marks, its months perhaps without the year.

    Raises `NotThisEncoding` (here or when a block is made) where the layout's encoding turns out wrong, `UserError`
    where the text cannot be read.
    """
    if contract.kind == "form":
        from pipelines.intake.forms import as_form

        above = partial(_above, path, layout)
        return (partial(as_form, part, contract, path, above, told) for part in _parts(path, layout, _all(layout)))
    return _parts(path, layout, _needed(layout, contract))


def _all(layout: Layout) -> tuple[int, ...]:
    return tuple(range(len(layout.sheets[0].header)))


def _above(path: Path, layout: Layout) -> list[str]:
    """The lines above the header."""
    with path.open(encoding=sniff_encoding(path), errors="replace", newline="") as file:
        return list(islice(file, layout.sheets[0].header_line - 1))


def _parts(path: Path, layout: Layout, needed: tuple[int, ...]) -> Iterator[Callable[[], Block]]:
    table = _Table(path.name, layout.form, _delimiter(path), layout.sheets[0], needed)
    above = layout.sheets[0].header_line - 1
    pieces = _pieces(path, table)
    # a piece is many megabytes, and belongs to whoever makes the block of it
    yield from map(partial(partial, table.block), chain([next(pieces, NO_PIECE)], pieces), chain([above], repeat(0)))


def _needed(layout: Layout, contract: Contract) -> tuple[int, ...]:
    """Positions of the columns that the contract keeps; the others are not even parsed."""
    header = layout.sheets[0].header
    kept = (column.name for column in contract.columns if column.personal != "dropped")
    places = (column_position(header, contract, name) for name in kept)
    return tuple(sorted(place for place in places if place is not None))


def _delimiter(path: Path) -> str:
    """Comma, tab or semicolon, whichever the beginning of a text has most of."""
    with path.open("rb") as file:
        beginning = file.read(1 << 16)
    return max((",", "\t", ";"), key=lambda mark: beginning.count(mark.encode()))


@dataclass(frozen=True)
class _Piece:
    """Whole records as bytes. `line`: of the first; `newlines`: where they stand; `quotes`: positions of quotation marks,
    None where one stands astray."""

    raw: bytes
    line: int
    newlines: Positions
    quotes: Positions | None


NOWHERE: Positions = np.empty(0, np.int64)
NO_PIECE = _Piece(b"", 0, NOWHERE, NOWHERE)


def _pieces(path: Path, table: "_Table") -> Iterator[_Piece]:
    """The bytes below the header, cut between records. Raises `UserError` on zero bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        offset, line = table.body(descriptor)
        window = largest = table.window
        # one buffer for all windows: fresh memory costs more than what is done with it here
        buffer = bytearray(largest)
        while read := os.preadv(descriptor, [memoryview(buffer)[:window]], offset):
            if buffer.find(b"\0", 0, read) >= 0:
                raise UserError(f"{path.name} is not a text table (it holds zero bytes). Hand in CSV or .xlsx.")
            raw, is_last = np.frombuffer(buffer, np.uint8, read), read < window
            newlines = _places(raw, NEWLINE)
            if len(newlines) > MOST_LINES:
                newlines, is_last = newlines[:MOST_LINES], False
                raw = raw[: newlines[-1] + 1]
            quotes = _places(raw, QUOTE)
            regular = _regular_until(raw, quotes, table.delimiter.encode())
            is_whole = is_last and regular == len(raw) and len(quotes) % 2 == 0
            size = len(raw) if is_whole else _cut(newlines, quotes, regular)
            is_damaged = size == 0
            if is_damaged:
                size = table.damaged(raw.tobytes(), is_last)
            if size == 0:
                raise UserError(
                    f"{path.name}, line {line}: a single record of more than {largest >> 20} MB; this is no table."
                )
            newlines = newlines[: np.searchsorted(newlines, size)]
            quotes = quotes[: np.searchsorted(quotes, size)]
            yield _Piece(raw[:size].tobytes(), line, newlines, None if is_damaged else quotes)
            window = min(SMALLEST_WINDOW if is_damaged or regular < len(raw) else window * 2, largest)
            line += len(newlines)
            offset += size
    finally:
        os.close(descriptor)


def _places(raw: NDArray[np.uint8], byte: int) -> Positions:
    """Where a byte stands. A stretch at a time, which the processor's own memory holds; of it most words of eight bytes
    do not hold the byte, and only the others are looked into."""
    flags = np.zeros(STRETCH, bool)
    words, found = flags.view(np.uint64), [NOWHERE]
    for begin in range(0, len(raw), STRETCH):
        stretch = raw[begin : begin + STRETCH]
        np.equal(stretch, byte, out=flags[: len(stretch)])
        flags[len(stretch) :] = False
        holding = np.flatnonzero(words != 0)
        places = np.flatnonzero(words[holding].view(bool))
        found.append(holding[places >> 3] * WORD + (places & 7) + begin)
    return np.concatenate(found)


def _regular_until(text: NDArray[np.uint8], quotes: Positions, delimiter: bytes) -> int:
    """Up to which byte each quotation mark opens a cell, closes one, or is half of a doubled one.

    Of the marks from a record's beginning on, the first, third … must follow a delimiter, a newline or (doubled) a mark,
    and the second, fourth … must be followed by one of these.
    """
    if not len(quotes):
        return len(text)
    opening, closing = quotes[0::2], quotes[1::2]
    may_precede, may_follow = np.zeros(256, bool), np.zeros(256, bool)
    may_precede[[delimiter[0], NEWLINE, QUOTE]] = True
    may_follow[[delimiter[0], NEWLINE, RETURN, QUOTE]] = True
    wrong_opening = (opening > 0) & ~may_precede[text[np.maximum(opening - 1, 0)]]
    wrong_closing = (closing < len(text) - 1) & ~may_follow[text[np.minimum(closing + 1, len(text) - 1)]]
    wrong = [
        positions[flags][0] for positions, flags in ((opening, wrong_opening), (closing, wrong_closing)) if flags.any()
    ]
    return min(wrong, default=len(text))


def _cut(newlines: Positions, quotes: Positions, until: int) -> int:
    """Length of the longest run of whole records that lies before `until`; 0 where there is none."""
    before = newlines[: np.searchsorted(newlines, until)]
    for newline in before[::-1]:
        if np.searchsorted(quotes, newline) % 2 == 0:
            return int(newline) + 1
    return 0


@dataclass(frozen=True)
class _Table:
    """How one text table is written, and which of its columns are needed."""

    file: str
    encoding: str
    delimiter: str
    sheet: Sheet
    needed: tuple[int, ...]

    @property
    def width(self) -> int:
        return len(self.sheet.header)

    @property
    def window(self) -> int:
        """Most bytes of a window: as UTF-8 not more than `WINDOW`, where two bytes of GB18030 become three."""
        return WINDOW * 2 // 3 if self.encoding == "gb18030" else WINDOW

    def body(self, descriptor: int) -> tuple[int, int]:
        """Offset and line (1-based) of the first record below the header."""
        offset = line = 0
        with os.fdopen(os.dup(descriptor), "rb") as file:
            file.seek(0)
            while line < self.sheet.header_line:
                offset += len(file.readline())
                line += 1
        return offset, line + 1

    def block(self, piece: _Piece, above: int) -> Block:
        """The records of a piece as a block; `above`: rows above the header, counted as not data."""
        rows = self._parsed_at_once(piece) if piece.quotes is not None else None
        if rows is None:
            rows = self._parsed_singly(as_utf8(piece.raw, self.encoding), piece.line)
        if rows["is_data"].all():
            return Block(self.sheet, rows.drop("is_data"), above)
        data = rows.filter(pl.col("is_data")).drop("is_data")
        return Block(self.sheet, data, above + len(rows) - len(data))

    def _parsed_at_once(self, piece: _Piece) -> pl.DataFrame | None:
        """row_number, cells, is_data and the needed columns; None where the two ways of counting records differ.

        The parser checks the encoding of the columns it keeps; what it refuses is looked at record by record.
        """
        text = as_utf8(piece.raw, self.encoding) if self.encoding == "gb18030" else piece.raw
        spans = _Spans.of(piece)
        names = [f"column_{n + 1}" for n in range(self.width + 1)]  # as the parser calls columns without a header
        wanted = dict.fromkeys((*self.needed, self.width - 1, self.width))
        try:
            cells = pl.read_csv(
                text,
                has_header=False,
                schema=dict.fromkeys(names, pl.String),
                columns=[names[n] for n in wanted],
                separator=self.delimiter,
                empty_string_is_null=False,
                missing_columns="insert",
                extra_columns="ignore",
            )
        except pl.exceptions.PolarsError:
            return None
        if len(cells) != len(spans.starts):
            return None
        is_data = np.ones(len(cells), bool)
        for record in spans.doubtful(self.delimiter.encode(), self.encoding):
            is_data[record] = not _is_not_data(self._singly(piece.raw[spans.starts[record] : spans.ends[record]]))
        cells = cells.rename({names[n]: f"c{n}" for n in wanted})
        row_numbers = pl.Series("row_number", piece.line + spans.lines, pl.Int64)
        widths = pl.Series("cells", self._widths(cells, spans, piece), pl.Int64)
        return pl.DataFrame([row_numbers, widths, pl.Series("is_data", is_data)]).hstack(
            cells.select(f"c{n}" for n in self.needed)
        )

    def _widths(self, cells: pl.DataFrame, spans: "_Spans", piece: _Piece) -> NDArray[np.int64]:
        """How many cells each record has; counted only where a record may have too few or too many."""
        last, beyond = cells[f"c{self.width - 1}"], cells[f"c{self.width}"]
        widths = np.full(len(cells), self.width, np.int64)
        is_wide = (beyond != "").to_numpy()
        suspects = np.flatnonzero(is_wide | (last == "").to_numpy())
        if len(suspects) > FEW_SUSPECTS:
            counted = spans.cells(self.delimiter.encode())
            return np.where(is_wide, counted, np.minimum(counted, self.width))
        for record in suspects:
            cells_of = self._singly(piece.raw[spans.starts[record] : spans.ends[record]])
            widths[record] = _width(cells_of, self.width)
        return widths

    def _singly(self, record: bytes) -> list[str]:
        text = as_utf8(record, self.encoding).decode()
        return next(csv.reader(StringIO(text, newline=""), delimiter=self.delimiter), [])

    def _parsed_singly(self, text: bytes, line: int) -> pl.DataFrame:
        """The same, record by record: for pieces in which a quotation mark stands astray."""
        lines, records, at = _lines(text), [], 0
        while at < len(lines):
            cells, used = self._record(lines, at)
            records.append((line + at, cells))
            at += used
        columns = {f"c{n}": [cells[n] if n < len(cells) else "" for _, cells in records] for n in self.needed}
        numbers = {
            "row_number": [number for number, _ in records],
            "cells": [_width(cells, self.width) for _, cells in records],
            "is_data": [not _is_not_data(cells) for _, cells in records],
        }
        schema = {"row_number": pl.Int64, "cells": pl.Int64, "is_data": pl.Boolean, **dict.fromkeys(columns, pl.String)}
        return pl.DataFrame(numbers | columns, schema=schema)

    def _record(self, lines: list[str], at: int) -> tuple[list[str], int]:
        """Cells of the record that begins at a line, and how many lines it has.

        A record of several lines that does not fit the header is none: a stray mark has swallowed the lines below it. Its
        first line then stands alone, its marks taken literally.
        """
        ahead = (lines[n] for n in range(at, min(at + LONGEST_RECORD_LINES, len(lines))))
        reader = csv.reader(chain(ahead, [END]), delimiter=self.delimiter)
        try:
            cells = next(reader)
        except csv.Error:
            cells = [END]
        is_open = bool(cells) and cells[-1].endswith(END)
        if not is_open and (reader.line_num == 1 or _width(cells, self.width) == self.width):
            return cells, reader.line_num
        return [cell.strip('"') for cell in lines[at].rstrip("\r\n").split(self.delimiter)], 1

    def damaged(self, raw: bytes, is_last: bool) -> int:
        """How many bytes to read record by record: whole records from the beginning of a window, as `_record` sees them."""
        newline = raw.rfind(b"\n", 0, SMALLEST_WINDOW)
        newline = newline if newline >= 0 else raw.find(b"\n")
        end = len(raw) if is_last and (newline < 0 or len(raw) <= SMALLEST_WINDOW) else newline + 1
        lines = _lines(as_utf8(raw[:end], self.encoding))
        at = used = 0
        while at < len(lines):
            at += used
            _, used = self._record(lines, at) if at < len(lines) else ([], 0)
            if at > 0 and at + used >= len(lines) and end < len(raw):
                break  # it may go on beyond the window
        return end if at >= len(lines) else sum(len(part) + 1 for part in raw[:end].split(b"\n")[:at])


@dataclass(frozen=True)
class _Spans:
    """Where the records of a regular piece stand: first byte, byte behind the last, line from the first record's on."""

    text: NDArray[np.uint8]
    quotes: Positions
    starts: Positions
    ends: Positions
    lines: Positions

    @classmethod
    def of(cls, piece: _Piece) -> "_Spans":
        raw, newlines, quotes = piece.raw, piece.newlines, piece.quotes
        assert quotes is not None
        if len(quotes):
            outside = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
            ends, lines = newlines[outside], np.append(0, outside + 1)
        else:
            ends, lines = newlines, np.arange(len(newlines) + 1)
        starts = np.append(0, ends + 1)
        if starts[-1] < len(raw):
            ends = np.append(ends, len(raw))
        return cls(np.frombuffer(raw, np.uint8), quotes, starts[: len(ends)], ends, lines[: len(ends)])

    def doubtful(self, delimiter: bytes, encoding: str) -> Positions:
        """Records that may hold no data, by their first bytes: nothing before the first delimiter, or a word of totals."""
        if not len(self.starts):
            return self.starts
        codec = "gb18030" if encoding == "gb18030" else "utf-8"
        words = [word.encode(codec) for word in TOTAL_WORDS]
        blanks = ["\u3000".encode(codec), "\ufeff".encode(codec)]
        nothing = delimiter + b'"\n\r \t\0'
        may_begin = np.zeros((256, 256), bool)
        may_begin[list(nothing)] = True
        for word in (*words, *blanks):
            may_begin[word[0], word[1]] = True
        # most records are told by their first byte alone, and each byte that is looked at comes from far
        records = np.flatnonzero(may_begin.any(axis=1)[self._at(self.starts)])
        first = self.starts[records] + (self._at(self.starts[records]) == QUOTE)
        alike = may_begin[self._at(first), self._at(first + 1)]
        records, first = records[alike], first[alike]
        size = len(TOTAL_WORDS[0][0].encode(codec))
        beginnings = (self.text[place : place + 12].tobytes() for place in first)
        return records[[_may_be_no_data(text, nothing, words, blanks, size) for text in beginnings]]

    def _at(self, places: Positions) -> NDArray[np.uint8]:
        """The bytes at some places; beyond the end, the last."""
        return self.text[np.minimum(places, len(self.text) - 1)]

    def cells(self, delimiter: bytes) -> Positions:
        """How many cells each record has: delimiters outside quotes, and one."""
        delimiters = np.flatnonzero(self.text == delimiter[0])
        count = np.searchsorted(delimiters, self.ends) - np.searchsorted(delimiters, self.starts) + 1
        if len(self.quotes):
            opening, closing = self.quotes[0::2], self.quotes[1::2]
            quoted = np.searchsorted(delimiters, closing) - np.searchsorted(delimiters, opening)
            record = np.searchsorted(self.starts, opening, side="right") - 1
            count -= np.bincount(record, weights=quoted, minlength=len(count)).astype(np.int64)
        return count


def _may_be_no_data(text: bytes, nothing: bytes, words: list[bytes], blanks: list[bytes], size: int) -> bool:
    """Whether a record begins with nothing, or with the first letter of a word of totals (`size` bytes), spaced or not."""
    follow = b" \t" + bytes(blank[0] for blank in blanks)
    return (
        text[:1] in nothing
        or any(
            text.startswith(word[:size]) and text[size : size + 1] in word[size : size + 1] + follow for word in words
        )
        or any(text.startswith(blank) for blank in blanks)
    )


def _lines(text: bytes) -> list[str]:
    """The lines of a text, each with its newline."""
    return StringIO(text.decode(), newline="\n").readlines()


def _width(cells: list[str], expected: int) -> int:
    """How many cells a record has; a blank one beyond the header does not count."""
    return len(cells) if len(cells) <= expected or cells[expected] else expected


def _is_not_data(cells: list[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return not filled or heading(filled[0]).rstrip(":") in TOTAL_WORDS
