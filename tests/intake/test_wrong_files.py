"""Files that cannot be taken in at all: one sentence each, and nothing written."""

import io
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pyarrow
import pytest
import xlsxwriter
import xlwt
from pyarrow import parquet

from pipelines.intake.grids import LOOKED_AT_CLOSELY
from pipelines.settings import UserError
from tests.conftest import FENGQIAO
from tests.intake.test_formats import workbook
from tests.offices import CASE, HECHUAN, Office, cases

GOOD = [[*CASE], [*CASE.values()]]
MOST_MEMORY = 800_000  # kB
# A process inherits the peak of the one that starts it, so a small one starts the command and prints its peak in kB.
WEIGHED = """
import os, subprocess, sys
_, status, used = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")  # what a password turns a workbook into, and what .xls is


def _book(path: Path, sheets: int = 1) -> bytes:
    content = workbook(path.with_name("source"), [GOOD] * sheets).read_bytes()
    path.with_name("source").unlink()
    return content


def _zip(path: Path, *members: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, "nothing")
    return path.read_bytes()


def _compound(part: str) -> bytes:
    """No more than the beginning of a compound file, and the name of one of its parts."""
    return COMPOUND_FILE + b"\0" * 1024 + f"{part}\0".encode("utf-16-le") + b"\0" * 4096


def _old_book() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Sheet1")
    for line, row in enumerate(GOOD):
        for column, text in enumerate(row):
            sheet.write(line, column, text)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _protected(book: bytes) -> bytes:
    """The record FILEPASS (0x2F) in place of the one behind the workbook's first, as Excel 97 to 2003 marks a password."""
    begins = book.index(b"\x09\x08\x10\x00") + 4 + 16
    return book[:begins] + b"\x2f\x00" + book[begins + 2 :]


def _in_a_ring(book: bytes) -> bytes:
    """The table of sectors says of each that it follows itself: a reader that believes it never ends."""
    sector = int.from_bytes(book[0x4C:0x50], "little")
    begins, entries = 512 * (sector + 1), 128
    return book[:begins] + struct.pack(f"<{entries}I", *range(entries)) + book[begins + 4 * entries :]


def _far_out(book: bytes) -> bytes:
    """The sheet's record of its size says 4 billion rows of 65,535 columns."""
    begins = book.index(b"\x00\x02\x0e\x00") + 4
    return book[:begins] + struct.pack("<IIHH", 0, 0xFFFFFFFE, 0, 0xFFFF) + book[begins + 12 :]


def _far_corner(path: Path) -> bytes:
    """A good table, and a blank in the last cell that a sheet has."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(GOOD):
            sheet.write_row(line, 0, row)
        sheet.write_string(1_048_575, 16_383, " ")
    return path.read_bytes()


def _lying_far_corner(path: Path) -> bytes:
    """The same in a sheet too large to read each cell's place of, which says that it ends with the table."""
    _far_corner(path)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].replace(b'ref="A1:XFD1048576"', b'ref="A1:C3"')
    assert b'ref="A1:C3"' in sheet
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"<sheetData>", b" " * LOOKED_AT_CLOSELY + b"<sheetData>")
    with zipfile.ZipFile(path, "w") as other:
        for name, part in parts.items():
            other.writestr(name, part)
    return path.read_bytes()


def _without_sheet(path: Path) -> bytes:
    """A workbook that names a sheet which is not in it."""
    content = _book(path)
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(path, "w") as less:
        for entry in book.infolist():
            if not entry.filename.startswith("xl/worksheets/"):
                less.writestr(entry, book.read(entry))
    return path.read_bytes()


def _nowhere(path: Path) -> bytes:
    """A workbook with a cell at a place that no sheet has."""
    content = _book(path)
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(path, "w") as other:
        for entry in book.infolist():
            other.writestr(entry, book.read(entry).replace(b'r="C1"', b'r="C' + b"x" * 90 + b'1"'))
    return path.read_bytes()


def _damaged_inside(path: Path) -> bytes:
    content = bytearray(_book(path))
    begins = content.index(b"xl/worksheets/sheet1.xml")
    content[begins + 60 : begins + 90] = bytes(30)
    return bytes(content)


def _swollen(path: Path) -> bytes:
    """A workbook with a part of a few kilobytes that unpacks to 300 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(300):
                sheet.write(bytes(1 << 20))
    return path.read_bytes()


def _parquet(path: Path) -> bytes:
    pl.DataFrame([CASE] * 500).write_parquet(path)
    return path.read_bytes()


def _flipped(content: bytes) -> bytes:
    """The bytes of the first pages turned over, the footer whole."""
    return content[:4] + bytes(255 - byte for byte in content[4:400]) + content[400:]


def _one_text(path: Path) -> bytes:
    """A text of five million letters, and a thousand rows that name it by its number: five gigabytes in two kilobytes."""
    texts = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1000, pyarrow.int32()), ["x" * 5_000_000])
    parquet.write_table(pyarrow.table({"调解案件编号": texts}), path, compression="zstd")
    return path.read_bytes()


def _nulls(path: Path) -> bytes:
    parquet.write_table(pyarrow.table({f"c{number}": pyarrow.nulls(500_001) for number in range(400)}), path)
    return path.read_bytes()


def _sparse() -> bytes:
    """A record of very many fields, and very many of one."""
    return b"\n".join([json.dumps(dict.fromkeys(map(str, range(20_001)))).encode(), *[b'{"0":1}'] * 10_000])


def _laughing(path: Path) -> bytes:
    """A name that an entity of entities of entities would make longer than the memory."""
    names = "abcdefgh"
    told = "".join(f'<!ENTITY {name} "{f"&{other};" * 20}">' for name, other in zip(names[1:], names, strict=False))
    head = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "{"ha" * 500}">{told}]>'.encode()
    content = _book(path)
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(path, "w") as other:
        for entry in book.infolist():
            part = book.read(entry)
            if entry.filename == "xl/workbook.xml":
                part = head + part[part.index(b"?>") + 2 :].replace(b' name="', b' name="&h;')
            other.writestr(entry, part)
    return path.read_bytes()


def _gb18030_cut(_: Path) -> bytes:
    return cases({"调解案件编号": "合调𠮷"}).encode("gb18030")[:-20] + b"\xff\xff\x81"


WRONG: Mapping[str, tuple[str, Callable[[Path], bytes], str]] = {
    "empty": ("a.csv", lambda _: b"", "is empty: not even a header"),
    "empty workbook": ("a.xlsx", lambda _: b"", "is empty: not even a header"),
    "blank lines": ("a.csv", lambda _: b"\n\n\n", "no header of a known export"),
    "binary": ("a.csv", lambda _: bytes(range(256)) * 9, "zero bytes"),
    "picture": ("a.csv", lambda _: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
    "neither UTF-8 nor GB18030": ("a.csv", _gb18030_cut, "neither UTF-8 nor GB18030"),
    "UTF-8 by its mark, GB18030 by its text": (
        "a.csv",
        lambda _: b"\xef\xbb\xbf" + cases({}).encode("gb18030"),
        "neither UTF-8 nor GB18030",
    ),
    "UTF-16": ("a.csv", lambda _: cases({}).encode("utf-16"), "UTF-16 text; save it as CSV UTF-8"),
    "UTF-16 without a mark": ("a.csv", lambda _: cases({}).encode("utf-16-le"), "zero bytes"),
    "another header": ("a.csv", lambda _: "姓名,年龄\n某,3\n".encode(), "no header of a known export"),
    "no header": ("a.csv", lambda _: cases({}).split("\n", 1)[1].encode(), "no header of a known export"),
    "required heading missing": (
        "a.csv",
        lambda _: cases({}).replace("受理日期", "日期").encode(),
        "does not fit contract mediation_cases v1: no heading 受理日期",
    ),
    "heading twice": ("a.csv", lambda _: cases({}).replace("办结日期", "受理日期").encode(), "受理日期 stands twice"),
    "one line of 50 MB": ("a.csv", lambda _: b"x" * 50_000_000, "no header of a known export"),
    "one line of 50 MB below a header": (
        "a.csv",
        lambda _: cases({}).encode() + b"1,2\n" + b'3,"4' * 12_500_000,
        "a single record of more than 30 MB",
    ),
    "truncated workbook": ("a.xlsx", lambda path: _book(path)[:2000], "damaged or cut off"),
    "workbook damaged inside": ("a.xlsx", _damaged_inside, "damaged or cut off"),
    "workbook with a cell nowhere": ("a.xlsx", _nowhere, "damaged or cut off"),
    "workbook without its parts": ("a.xlsx", _without_sheet, "damaged or cut off"),
    "protected workbook": ("a.xlsx", lambda _: _compound("EncryptedPackage"), "is protected by a password"),
    "old workbook, damaged": ("a.xls", lambda _: _compound("Workbook"), "damaged or cut off"),
    "old workbook, cut off": ("a.xls", lambda _: _old_book()[:900], "damaged or cut off"),
    "old workbook, protected": ("a.xls", lambda _: _protected(_old_book()), "is protected by a password"),
    "old workbook in a ring": ("a.xls", lambda _: _in_a_ring(_old_book()), "damaged or cut off"),
    "old workbook without end": ("a.xls", lambda _: _far_out(_old_book()), "damaged or cut off"),
    "workbook with a cell in the far corner": ("a.xlsx", _far_corner, "a cell far outside its table"),
    "workbook that lies about its end": ("a.xlsx", _lying_far_corner, "a cell far outside its table"),
    "workbook of WPS": ("a.et", lambda _: _compound("Workbook"), "file of WPS's own kind"),
    "text document": ("a.xls", lambda _: _compound("WordDocument"), "is a text document, not a table"),
    "binary workbook": ("a.xlsb", lambda path: _zip(path, "xl/workbook.bin"), "is a binary workbook"),
    "OpenDocument": ("a.ods", lambda path: _zip(path, "mimetype", "content.xml"), "is an OpenDocument file"),
    "web page called workbook": (
        "a.xls",
        lambda _: b"<html><table><tr><td>A1</td></tr></table></html>",
        "is a web page",
    ),
    "workbook that unpacks to gigabytes": ("a.xlsx", _swollen, "unpacks to an implausible size"),
    "JSON cut off": ("a.json", lambda _: b'[{"a": 1}, {"a"', "line 1, column 16: the JSON is cut off or broken there"),
    "JSON Lines cut off": ("a.jsonl", lambda _: b'{"a": 1}\n{"a": ', "line 2, column 7: the JSON is cut off"),
    "JSON without a list": ("a.json", lambda _: b'{"a": 1}', "holds no lists of records"),
    "JSON of numbers": ("a.json", lambda _: b"[1, 2]", "record 1: expected an object"),
    "JSON too deep": ("a.json", lambda _: b"[" * 100_000, "the JSON is cut off or broken there"),
    "JSON with a field twice": ("a.json", lambda _: b'[{"a": 1, "a": 2}]', "a field stands twice"),
    "Parquet cut off": ("a.parquet", lambda path: _parquet(path)[:300], "cannot be read as Parquet"),
    "Parquet damaged": ("a.parquet", lambda path: _flipped(_parquet(path)), "cannot be read as Parquet"),
    "Parquet of one long text in every row": ("a.parquet", _one_text, "unpacks to an implausible size"),
    "Parquet of nothing but nulls": ("a.parquet", _nulls, "holds more than 200,000,000 cells"),
    "JSON Lines with a field too many": ("a.jsonl", lambda _: _sparse(), "holds more than 200,000,000 cells"),
    "workbook with an entity of entities": ("a.xlsx", _laughing, "damaged or cut off"),
    "sheet without cells": ("a.xlsx", lambda path: workbook(path, [[]]).read_bytes(), "no header of a known export"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_one_sentence_and_nothing_written(kind: str, office: Office) -> None:
    name, content, said = WRONG[kind]
    path = office.write(name, b"")
    path.write_bytes(content(path))
    with pytest.raises(UserError, match=said) as refused:
        office.hand_in(path)
    sentence = str(refused.value)
    assert name in sentence
    assert "\n" not in sentence
    assert len(sentence) < 300
    assert office.contents() == {}


def test_a_workbook_called_csv_is_taken_for_what_it_is(office: Office) -> None:
    path = workbook(office.data / "landing" / HECHUAN / "cases.csv", [GOOD])
    assert office.hand_in(path).accepted == 1


def test_a_whole_folder_of_them_by_command(office: Office) -> None:
    """Each is named once on standard error, the good one between them is taken in, the exit code is 2."""
    for number, (name, content, _) in enumerate(WRONG.values()):
        path = office.write(f"{number:02d}-{name}", b"")
        path.write_bytes(content(path))
    office.write("99-good.csv", cases({}))
    command = [sys.executable, "-c", WEIGHED, str(FENGQIAO), "intake", str(office.data / "landing")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    sentences = [line for line in done.stderr.splitlines() if not line.endswith(f"/{len(WRONG) + 1})")]
    assert done.returncode == 2
    assert len(sentences) == len(WRONG)
    assert len(office.lake()) == 1
    assert int(done.stdout.splitlines()[-1]) < MOST_MEMORY


@pytest.mark.parametrize("contract", ["no_such_contract", "seeds/contracts"])
def test_a_contract_that_is_none(contract: str, office: Office) -> None:
    with pytest.raises(UserError, match="neither a contract"):
        office.take(cases({}), contract=contract)


def test_nothing_there(office: Office) -> None:
    with pytest.raises(UserError, match="not a file"):
        office.hand_in(office.data / "landing" / HECHUAN / "missing.csv")
