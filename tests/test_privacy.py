"""Nothing personal is in anything that was written: every byte of the data folder, and what its compressed columns hold."""

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import duckdb
import polars as pl
import pytest
from fastexcel import read_excel

from pipelines.catalogue import senders
from pipelines.demo import IDENTIFIER_HEADERS, PERSONAL_HEADERS, TEXT_HEADERS, people
from pipelines.intake import archive
from tests.conftest import Road

ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")
AT_ONCE = 40_000_000  # bytes searched in one go
OVERLAP = 200  # bytes, more than the longest value
SHORTEST = 3  # characters of a value that is looked for
ALONE = rb"(?<![0-9A-Za-z.])%s(?![0-9A-Za-z])"
MOBILE = re.compile(ALONE % rb"(1[3-9][0-9]{9})")
ID_NUMBER = re.compile(ALONE % rb"([1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9][0-9]{3}[0-9Xx])")
CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Piece = tuple[str, bytes]
PACKED = (".parquet", ".duckdb")  # packed integers in them look like anything: numbers are told by their columns


def _sheet(path: Path) -> pl.DataFrame:
    """The cells of an export under its headings, as text, read by other means than the project's."""
    if path.suffix == ".xlsx":
        return read_excel(path).load_sheet(0, dtypes="string").to_polars()
    encoding = "utf8" if path.read_bytes().startswith(b"\xef\xbb\xbf") else "gb18030"
    return pl.read_csv(path, infer_schema=False, encoding=encoding)


def _values(exports: Iterable[Path], headers: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    for path in exports:
        sheet = _sheet(path)
        for heading in headers[_table(path)]:
            found |= set(sheet[heading].drop_nulls())
    return found


def _table(path: Path) -> str:
    """The table of an export: the one its name says, else its sender's main book."""
    owed = {sender.table: sender.main_book for sender in senders() if sender.sender == path.parent.name}
    named = [table for table in owed if f"_{table}_" in path.name]
    return (named or [table for table, is_main in owed.items() if is_main])[0]


def _patterns(values: Iterable[str]) -> list[str]:
    """The values as bytes in every encoding; ASCII in UTF-16 is found where zero bytes are taken out.

    Of an address the street is enough: no street of the demo exists.
    """
    stems = {re.sub(r"[0-9]+号[0-9]+室$", "", value) for value in values}
    ascii_only = {stem for stem in stems if stem.isascii()}
    coded = {stem.encode(encoding) for stem in stems - ascii_only for encoding in ENCODINGS}
    assert min(map(len, stems)) >= SHORTEST
    return sorted(part.decode("latin-1") for part in coded | {stem.encode() for stem in ascii_only})


def _columns(path: Path) -> Iterator[bytes]:
    """What the text and binary columns of a Parquet file or DuckDB database hold, decompressed."""
    if path.suffix == ".parquet":
        rows = pl.read_parquet(path)
        for column in rows.select(pl.col(pl.String, pl.Binary)).iter_columns():
            yield b"\n".join(column.unique().drop_nulls().cast(pl.Binary))
    else:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns() where data_type in ('VARCHAR', 'BLOB')"
                " and table_oid in (select table_oid from duckdb_tables())"
            ).fetchall()
            for schema, table, column in tables:
                held = f'select distinct "{column}" from "{schema}"."{table}" where "{column}" is not null'
                values = (value for (value,) in connection.execute(held).fetchall())
                yield b"\n".join(value.encode() if isinstance(value, str) else value for value in values)


def _pieces(folder: Path) -> Iterator[Piece]:
    """Everything written in a folder but the exports: raw, without its zero bytes, and decompressed."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "landing" not in path.parts):
        name, raw = path.relative_to(folder).as_posix(), path.read_bytes()
        yield f"name of {name}", name.encode()
        yield name, raw
        if b"\0" in raw:
            yield f"without zero bytes, {name}", raw.replace(b"\0", b"")
        if path.suffix in PACKED:
            yield from ((f"{name}, a column", held) for held in _columns(path))


def _batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    size = 0
    for name, content in pieces:
        for start in range(0, len(content), AT_ONCE):
            part = content[start : start + AT_ONCE + OVERLAP]
            batch.append((name, part))
            size += len(part)
            if size > AT_ONCE:
                yield batch
                batch, size = [], 0
    yield batch


def _is_id_number(digits: bytes) -> bool:
    total = sum(weight * (digit - 48) for weight, digit in zip(CHECK_WEIGHTS, digits, strict=False))
    return b"10X98765432"[total % 11] == digits[17:].upper()[0]


def finds(folder: Path, patterns: list[str]) -> set[str]:
    """Names of the pieces in which a pattern stands, or a number that looks like a person's."""
    found: set[str] = set()
    batches = _batches(_pieces(folder))
    with ThreadPoolExecutor(2) as pool:
        while two := list(islice(batches, 2)):
            found = found.union(*pool.map(lambda batch: _found_in(batch, patterns), two))
    return found


def _found_in(batch: list[Piece], patterns: list[str]) -> set[str]:
    names = pl.Series([name for name, _ in batch], dtype=pl.String)
    texts = pl.Series([content.decode("latin-1") for _, content in batch], dtype=pl.String)
    plain = [(name, content) for name, content in batch if not name.endswith(PACKED)]
    numbers = {name for name, content in plain if MOBILE.search(content)}
    numbers |= {name for name, content in plain if any(map(_is_id_number, ID_NUMBER.findall(content)))}
    return numbers | set(names.filter(texts.str.contains_any(patterns)))


@pytest.fixture(scope="module")
def personal(road: Road) -> set[str]:
    """What stands in columns of persons and identifiers, and every name: some stand in texts only."""
    found = _values(road.exports, dict(PERSONAL_HEADERS)) | _values(road.exports, dict(IDENTIFIER_HEADERS))
    return found | set(people.every_name())


@pytest.fixture(scope="module")
def patterns(personal: set[str]) -> list[str]:
    return _patterns(personal)


def test_the_demo_has_persons_to_look_for(road: Road, personal: set[str]) -> None:
    assert len(personal) > 20_000
    assert sum(len(value) == 18 and value.startswith("890117") for value in personal) > 2_000
    assert len(_values(road.exports, dict(PERSONAL_HEADERS)) & set(people.every_name())) > 1_000
    texts = pl.Series(sorted(_values(road.exports, dict(TEXT_HEADERS))))
    assert texts.str.contains_any(list(people.every_name())).all(), "no text could hide: each has a name in it"


def test_nothing_personal_is_in_anything_written(road: Road, patterns: list[str]) -> None:
    written = {path.relative_to(road.data).parts[0] for path in road.data.rglob("*") if path.is_file()}
    assert written >= {"archive", "lake", "ledger.sqlite", "quarantine", "warehouse", "releases", "logs"}
    assert finds(road.data, patterns) == set()


def test_the_archive_holds_every_export_and_opens_only_with_what_lies_elsewhere(
    road: Road, patterns: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    monkeypatch.setenv("FENGQIAO_KEYS", str(road.keys))
    sha256 = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in road.exports}
    assert {path.stem for path in (road.data / "archive").glob("*.age")} == set(sha256)
    texts = [name for name, path in sha256.items() if path.suffix == ".csv"]
    largest = max(texts, key=lambda name: sha256[name].stat().st_size)
    with archive.original(largest) as opened:
        assert opened.read_bytes() == sha256[largest].read_bytes()
        (tmp_path / "opened").mkdir()
        shutil.copyfile(opened, tmp_path / "opened" / "original.csv")
    assert finds(tmp_path / "opened", patterns), "the search finds the persons once the original is open"
    lines = road.keys.read_text().splitlines()
    secrets = [archive.identity_path().read_text().strip(), *(line.split()[2] for line in lines)]
    assert finds(road.data, secrets) == set()


def _in_parquet(path: Path, value: str) -> None:
    pl.DataFrame({"kept": ["a" * 50, value] * 500}).write_parquet(path.with_suffix(".parquet"), compression="zstd")


def _in_binary_parquet(path: Path, value: str) -> None:
    pl.DataFrame({"kept": [value.encode("gb18030")] * 9}).write_parquet(path.with_suffix(".parquet"))


def _in_duckdb(path: Path, value: str) -> None:
    with duckdb.connect(str(path.with_suffix(".duckdb"))) as connection:
        connection.execute("create table kept as select ? || repeat('x', 40) as text from range(5000)", [value])


def _in_sqlite(path: Path, value: str) -> None:
    connection = sqlite3.connect(path.with_suffix(".sqlite"))
    connection.execute("create table kept as select ? as text", [value])
    connection.commit()
    connection.close()


PLANTED: dict[str, Callable[[Path, str], object]] = {
    "a log": lambda path, value: path.write_text(f"cannot parse '{value}'", encoding="utf-8"),
    "a log in GB18030": lambda path, value: path.write_bytes(f"行「{value}」".encode("gb18030")),
    "a log in UTF-16": lambda path, value: path.write_bytes(value.encode("utf-16")),
    "a log in UTF-16, the other way round": lambda path, value: path.write_bytes(b"\0" + value.encode("utf-16-be")),
    "a file name": lambda path, value: path.with_name(f"{value}.txt").touch(),
    "a compressed column": _in_parquet,
    "a binary column": _in_binary_parquet,
    "a database": _in_duckdb,
    "a ledger": _in_sqlite,
}


@pytest.mark.parametrize("what", ["name", "ID number", "phone", "address", "case number", "query code"])
def test_what_is_planted_is_found_wherever_it_is(
    what: str, personal: set[str], patterns: list[str], tmp_path: Path
) -> None:
    looks_so = {
        "name": lambda value: len(value) == 3,
        "ID number": lambda value: value.startswith("890117"),
        "phone": lambda value: value.startswith("154") and len(value) == 11,
        "address": lambda value: value.endswith("室"),
        "case number": lambda value: value.endswith("号"),
        "query code": lambda value: value.startswith("CX"),
    }[what]
    value = max(filter(looks_so, personal))
    for place, plant in PLANTED.items():
        folder = tmp_path / place
        folder.mkdir()
        plant(folder / "kept", value)
        assert finds(folder, patterns), place


@pytest.mark.parametrize("value", ["110101199003070070", "11010119900307985X", "13912345678"])
def test_numbers_of_real_persons_would_be_found_though_nobody_knows_them(value: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    _in_parquet(folder / "kept", f"见{value}，")
    expected = value == "13912345678" or _is_id_number(value.encode())
    assert bool(finds(folder, ["never there"])) == expected
