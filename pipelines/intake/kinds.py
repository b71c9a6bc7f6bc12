"""What a file is: told by its content first, by its suffix where the content leaves it open."""

import re
import zipfile
from pathlib import Path
from typing import Literal

from pipelines.intake.archives import BROKEN_ARCHIVE
from pipelines.settings import UserError

Kind = Literal["text", "workbook", "records", "archive"]

BEGINNING = 1 << 12
COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")  # .xls, and whatever a password protects
WPS_SUFFIXES = (".et", ".ett", ".wps", ".wpt")
RECORD_SUFFIXES = (".json", ".jsonl", ".ndjson", ".parquet")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
MARKUP = re.compile(rb"^\s*<(?:!doctype\s+html|html|head|body|table|meta|style|div|\?xml|workbook)", re.IGNORECASE)
JSON_BEGINS = re.compile(rb'^\s*(?:\[\s*(?:\{|\])|\{\s*(?:"|\}))')
AGAIN = "Save it as .xlsx and hand it in again."


def kind_of(path: Path) -> Kind:
    """Whether a file is a text table, a workbook, records (JSON, JSON Lines, Parquet) or an archive.

    Raises `UserError` on a file that is empty or of a kind that is not read, naming the kind.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file that can be read.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty: not even a header. For a month without cases use `--zero`.")
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    if beginning.startswith(COMPOUND_FILE):
        return _compound(path)
    if beginning.startswith(b"PK"):
        return _packed(path)
    if beginning.startswith(b"PAR1"):
        return "records"
    text = beginning.removeprefix(b"\xef\xbb\xbf")
    if MARKUP.match(text):
        raise UserError(f"{path.name} is a web page or XML, whatever its name says. Open it in Excel or WPS. {AGAIN}")
    is_records = path.suffix.lower() in RECORD_SUFFIXES or JSON_BEGINS.match(text)
    return "records" if is_records else "text"


def _compound(path: Path) -> Kind:
    """An XLS. The names of a compound file's parts stand in it in UTF-16."""
    content = path.read_bytes()
    if _names(content, "EncryptedPackage"):
        raise UserError(f"{path.name} is protected by a password. Save it without one and hand it in again.")
    if path.suffix.lower() in WPS_SUFFIXES:
        raise UserError(f"{path.name} is a file of WPS's own kind ({path.suffix.lower()}). Open it in WPS. {AGAIN}")
    if _names(content, "WordDocument"):
        raise UserError(f"{path.name} is a text document, not a table. Hand in the table as .xlsx or CSV.")
    if not (_names(content, "Workbook") or _names(content, "Book")):
        raise UserError(f"{path.name} cannot be opened as a workbook: it is damaged or cut off. {AGAIN}")
    return "workbook"


def _names(content: bytes, part: str) -> bool:
    return part.encode("utf-16-le") + b"\0\0" in content


def _packed(path: Path) -> Kind:
    """A ZIP: the archives of offices' programs tell themselves by their members."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except BROKEN_ARCHIVE:
        if path.suffix.lower() in WORKBOOK_SUFFIXES:
            raise UserError(f"{path.name} cannot be opened as a workbook: it is damaged or cut off. {AGAIN}") from None
        return "archive"
    if "xl/workbook.xml" in names:
        return "workbook"
    if "xl/workbook.bin" in names:
        raise UserError(f"{path.name} is a binary workbook (.xlsb). {AGAIN}")
    if {"mimetype", "content.xml"} <= names:
        raise UserError(f"{path.name} is an OpenDocument file. {AGAIN}")
    if "[Content_Types].xml" in names:
        raise UserError(f"{path.name} is an office document without sheets. Hand in the table as .xlsx or CSV.")
    return "archive"
