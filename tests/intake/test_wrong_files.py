"""Files that cannot be taken in at all: one sentence each, and nothing written."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.settings import UserError
from tests.intake.test_formats import workbook
from tests.offices import CASE, HECHUAN, Office, cases

GOOD = [[*CASE], [*CASE.values()]]
COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")  # what a password turns a workbook into, and what .xls is


def _book(path: Path, sheets: int = 1) -> bytes:
    content = workbook(path.with_name("source"), [GOOD] * sheets).read_bytes()
    path.with_name("source").unlink()
    return content


def _zip(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cases.csv", cases({}))
    return path.read_bytes()


def _open_quote(_: Path) -> bytes:
    """The quote before the second summary is never closed, so that it would swallow all rows below."""
    header, row = cases({}).splitlines()
    rows = [f"{row},无", f'{row},"无', *[row.replace("A1", f"A{n}") + ",无" for n in range(2, 9)]]
    return "\n".join([f"{header},纠纷简要情况", *rows]).encode()


def _gb18030_cut(_: Path) -> bytes:
    return cases({"调解案件编号": "合调𠮷"}).encode("gb18030")[:-20] + b"\xff\xff\x81"


WRONG: Mapping[str, tuple[str, Callable[[Path], bytes], str]] = {
    "empty": ("a.csv", lambda _: b"", "is empty: not even a header"),
    "empty workbook": ("a.xlsx", lambda _: b"", "is empty: not even a header"),
    "blank lines": ("a.csv", lambda _: b"\n\n\n", "no header of a known export"),
    "binary": ("a.csv", lambda _: bytes(range(256)) * 9, "zero bytes"),
    "picture": ("a.csv", lambda _: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
    "neither UTF-8 nor GB18030": ("a.csv", _gb18030_cut, "neither UTF-8 nor GB18030"),
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
    "quote never closed": ("a.csv", _open_quote, "line 3: a quotation mark is opened and never closed"),
    "one line of 5 MB": ("a.csv", lambda _: b"x" * 5_000_000, "no header of a known export"),
    "truncated workbook": ("a.xlsx", lambda path: _book(path)[:2000], "damaged, or protected by a password"),
    "protected workbook": ("a.xlsx", lambda _: COMPOUND_FILE + b"\0" * 4096, "damaged, or protected by a password"),
    "old workbook": ("a.xls", lambda _: COMPOUND_FILE + b"\0" * 4096, "zero bytes"),
    "two sheets": ("a.xlsx", lambda path: _book(path, 2), "has 2 sheets; hand in a workbook with one"),
    "text called workbook": ("a.xlsx", lambda _: cases({}).encode(), "damaged, or protected by a password"),
    "zip": ("a.csv", _zip, "damaged, or protected by a password"),
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


def test_a_whole_folder_of_them_by_command(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named once on standard error, the good one between them is taken in, the exit code is 2."""
    for number, (name, content, _) in enumerate(WRONG.values()):
        path = office.write(f"{number:02d}-{name}".replace(".xls", ".xlsx").replace(".xlsxx", ".xlsx"), b"")
        path.write_bytes(content(path))
    office.write("10-good.csv", cases({}))
    with pytest.raises(SystemExit) as ended:
        main(["intake", str(office.data / "landing")])
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    sentences = [line for line in said if not line.endswith(f"/{len(WRONG) + 1})")]
    assert len(sentences) == len(WRONG)
    assert len(office.lake()) == 1


@pytest.mark.parametrize("contract", ["no_such_contract", "seeds/contracts"])
def test_a_contract_that_is_none(contract: str, office: Office) -> None:
    with pytest.raises(UserError, match="neither a contract"):
        office.take(cases({}), contract=contract)


def test_nothing_there(office: Office) -> None:
    with pytest.raises(UserError, match="not a file"):
        office.hand_in(office.data / "landing" / HECHUAN / "missing.csv")
