"""What calamine does not tell of an XLS: which rows are hidden, which sheets are filtered.

Layouts: [MS-CFB] (the file is a small file system of sectors) and [MS-XLS] (a stream of records, number and length first).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SECTORS_IN_HEADER = 109
END_OF_CHAIN = 0xFFFFFFFA  # this and above are marks, not sectors
ENTRY = 128
BOUND_SHEET, ROW, FILTER_MODE, BEGIN, END = 0x85, 0x208, 0x9B, 0x809, 0x0A
HIDDEN = 0x20


@dataclass(frozen=True)
class Hiding:
    """What a sheet hides. `rows` as the sheet numbers them, from 1."""

    rows: tuple[int, ...]
    is_filtered: bool


def hiding(content: bytes) -> Mapping[int, Hiding]:
    """By position of the sheet in the workbook; empty where the file is laid out in a way not foreseen here."""
    try:
        book = _workbook(content)
        starts = [struct.unpack_from("<I", body)[0] for kind, body in _records(book, 0) if kind == BOUND_SHEET]
        return {number: _of_sheet(book, start) for number, start in enumerate(starts)}
    except (struct.error, IndexError, UnicodeDecodeError):
        return {}


def _of_sheet(book: bytes, start: int) -> Hiding:
    rows, is_filtered = [], False
    for kind, body in _records(book, start):
        if kind == ROW and struct.unpack_from("<H", body, 12)[0] & HIDDEN:
            rows.append(struct.unpack_from("<H", body)[0] + 1)
        is_filtered |= kind == FILTER_MODE
    return Hiding(tuple(rows), is_filtered)


def _records(book: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of a workbook, to the end of that part; charts within it have an end of their own."""
    depth = 0
    while start < len(book):
        kind, length = struct.unpack_from("<HH", book, start)
        depth += (kind == BEGIN) - (kind == END)
        if depth <= 0:
            return
        yield kind, book[start + 4 : start + 4 + length]
        start += 4 + length


def _workbook(content: bytes) -> bytes:
    """The stream `Workbook` (since Excel 97) or `Book` of a compound file."""
    size = 1 << struct.unpack_from("<H", content, 0x1E)[0]
    table = _allocation(content, size)
    directory = _chain(content, table, struct.unpack_from("<I", content, 0x30)[0], size)
    for place in range(0, len(directory), ENTRY):
        length = struct.unpack_from("<H", directory, place + 64)[0]
        name = directory[place : place + max(length - 2, 0)].decode("utf-16-le")
        first, bytes_in_it = struct.unpack_from("<II", directory, place + 116)
        if name in ("Workbook", "Book") and bytes_in_it >= struct.unpack_from("<I", content, 0x38)[0]:
            return _chain(content, table, first, size)[:bytes_in_it]
    return b""


def _allocation(content: bytes, size: int) -> tuple[int, ...]:
    """Which sector follows each sector."""
    listed = list(struct.unpack_from(f"<{SECTORS_IN_HEADER}I", content, 0x4C))
    further = struct.unpack_from("<I", content, 0x44)[0]
    while further < END_OF_CHAIN and len(listed) * size <= len(content):
        *more, further = struct.unpack_from(f"<{size // 4}I", content, (further + 1) * size)
        listed += more
    sectors = (content[(n + 1) * size : (n + 2) * size] for n in listed if n < END_OF_CHAIN)
    whole = b"".join(sectors)
    return struct.unpack(f"<{len(whole) // 4}I", whole[: len(whole) // 4 * 4])


def _chain(content: bytes, table: tuple[int, ...], sector: int, size: int) -> bytes:
    pieces = []
    while sector < END_OF_CHAIN and len(pieces) <= len(table):
        pieces.append(content[(sector + 1) * size : (sector + 2) * size])
        sector = table[sector]
    return b"".join(pieces)
