"""What calamine does not tell of an XLS: whether it is sound, which rows are hidden, which sheets are filtered.

Layouts: [MS-CFB] (the file is a small file system of sectors) and [MS-XLS] (a stream of records, number and length first).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SECTORS_IN_HEADER = 109
END_OF_CHAIN = 0xFFFFFFFA  # this and above are marks, not sectors
ENTRY, SMALL_SECTOR = 128, 64
ROOT, STREAM = 5, 2
BOUND_SHEET, SHARED_TEXTS, DIMENSIONS, ROW, FILTER_MODE, END = 0x85, 0xFC, 0x200, 0x208, 0x9B, 0x0A
RUNS = (0xBD, 0xBE)  # several cells beside each other
CELLS = (0x06, 0x7E, 0xBD, 0xBE, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E)
HIDDEN = 0x20
MOST_ROWS, MOST_COLUMNS = 1 << 16, 1 << 8

Table = tuple[int, ...]


@dataclass(frozen=True)
class Hiding:
    """What a sheet hides. `rows` as the sheet numbers them, from 1."""

    rows: tuple[int, ...]
    is_filtered: bool


def hiding(content: bytes) -> list[Hiding]:
    """What each sheet of an XLS hides, in its order. Raises `ValueError` on a file that is not sound.

    Sectors that follow each other in a ring, or cells outside any sheet, would have calamine ask for memory without end.
    """
    try:
        book = _workbook(content)
        head = list(_records(book, 0))
        if any(kind == SHARED_TEXTS and struct.unpack_from("<I", body, 4)[0] > len(book) for kind, body in head):
            raise ValueError("more texts than bytes")
        return [_of_sheet(book, struct.unpack_from("<I", body)[0]) for kind, body in head if kind == BOUND_SHEET]
    except (struct.error, IndexError):
        raise ValueError("cut off") from None


def _of_sheet(book: bytes, start: int) -> Hiding:
    rows, is_filtered = [], False
    for kind, body in _records(book, start):
        if kind == ROW and struct.unpack_from("<H", body, 12)[0] & HIDDEN:
            rows.append(struct.unpack_from("<H", body)[0] + 1)
        elif kind == DIMENSIONS:
            first, end, left, right = struct.unpack_from("<IIHH" if len(body) >= 12 else "<HHHH", body)
            _require(first <= end <= MOST_ROWS and left <= right <= MOST_COLUMNS)
        elif kind in CELLS:
            _require(struct.unpack_from("<H", body, 2)[0] < MOST_COLUMNS)
            _require(kind not in RUNS or struct.unpack_from("<H", body, len(body) - 2)[0] < MOST_COLUMNS)
        is_filtered |= kind == FILTER_MODE
    return Hiding(tuple(rows), is_filtered)


def _require(is_inside: bool) -> None:
    if not is_inside:
        raise ValueError("a cell outside its sheet")


def _records(book: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records from one place to the end of a part of the workbook."""
    while start + 4 <= len(book):
        kind, length = struct.unpack_from("<HH", book, start)
        if kind == END:
            return
        yield kind, book[start + 4 : start + 4 + length]
        start += 4 + length


def _workbook(content: bytes) -> bytes:
    """The stream `Workbook` (since Excel 97) or `Book` of a compound file, all of whose streams have an end."""
    shift, small_from = struct.unpack_from("<H", content, 0x1E)[0], struct.unpack_from("<I", content, 0x38)[0]
    if shift not in (9, 12):
        raise ValueError("no sectors")
    size = 1 << shift
    sectors = memoryview(content)[size:]
    table = _allocation(content, sectors, size)
    small_table = _numbers(_chain(sectors, table, struct.unpack_from("<I", content, 0x3C)[0], size))
    directory = _chain(sectors, table, struct.unpack_from("<I", content, 0x30)[0], size)
    small, found = memoryview(b""), b""
    for place in range(0, len(directory) - ENTRY + 1, ENTRY):
        name_length, kind = struct.unpack_from("<HB", directory, place + 64)
        name = directory[place : place + max(min(name_length, 64) - 2, 0)]
        first, length = struct.unpack_from("<II", directory, place + 116)
        if kind == ROOT:
            small = memoryview(_chain(sectors, table, first, size))
        elif kind == STREAM and length:
            is_small = length < small_from
            chain = _chain(small, small_table, first, SMALL_SECTOR) if is_small else _chain(sectors, table, first, size)
            found = chain[:length] if name in _NAMES else found
    return found


_NAMES = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))


def _allocation(content: bytes, sectors: memoryview, size: int) -> Table:
    """Which sector follows each sector."""
    listed = list(struct.unpack_from(f"<{SECTORS_IN_HEADER}I", content, 0x4C))
    further = struct.unpack_from("<I", content, 0x44)[0]
    while further < END_OF_CHAIN:
        *more, further = _numbers(bytes(sectors[further * size : (further + 1) * size]))
        listed += more
        if len(listed) * size > len(content) + SECTORS_IN_HEADER * size:
            raise ValueError("a ring of sectors")
    return _numbers(b"".join(sectors[n * size : (n + 1) * size] for n in listed if n < END_OF_CHAIN))


def _numbers(content: bytes) -> Table:
    return struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4])


def _chain(sectors: memoryview, table: Table, sector: int, size: int) -> bytes:
    pieces = []
    while sector < END_OF_CHAIN:
        pieces.append(sectors[sector * size : (sector + 1) * size])
        sector = table[sector]
        if len(pieces) > len(table):
            raise ValueError("a ring of sectors")
    return b"".join(pieces)
