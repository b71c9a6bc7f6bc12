"""JSON, JSON Lines and Parquet as text records: one object, line or row is one record, numbered from 1."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal, NoReturn

import polars as pl

from pipelines.catalogue import Contract, heading
from pipelines.intake.grids import MIDNIGHT, number_text
from pipelines.intake.layouts import Block, Layout, Sheet, Told, require_fit
from pipelines.settings import TIME_ZONE, UserError

BLOCK_ROWS = 100_000
MOST_CELLS = 200_000_000  # of about 24 bytes each, beside their texts
MOST_BYTES = 4_000_000_000  # of text, unpacked
NESTED = "[…]"  # behind the name of a field that holds objects or lists: no contract knows such a heading
DEEPEST_LIST = 3

Form = Literal["json", "jsonl", "parquet"]
Value = str | bool | list["Value"] | dict[str, "Value"] | None  # numbers stay as they are written
Record = dict[str, Value]


def candidates(path: Path) -> list[Sheet]:
    """The one header: the names of all fields, in the order in which they first stand. Raises `UserError`."""
    return [_sheet(_opened(path)[1])]


def find_layout(path: Path, contract: Contract, told: Told) -> Layout:
    """Raises `UserError` when required fields are missing, naming them."""
    form, frame = _opened(path)
    require_fit(path, _sheet(frame).header, contract)
    return Layout(form, (_sheet(frame),))


def blocks(path: Path, layout: Layout, contract: Contract, told: Told) -> Iterator[Block]:
    """The records. Empty objects and lines are not data."""
    _, frame = _opened(path)
    (sheet,) = layout.sheets
    columns = [pl.col(name).alias(f"c{n}") for n, name in enumerate(frame.columns[1:])]
    for block in frame.iter_slices(BLOCK_ROWS):
        filled = block.filter(~pl.all_horizontal(pl.exclude("row_number").is_null()))
        width = pl.lit(len(columns), pl.Int64).alias("cells")
        yield Block(sheet, filled.select("row_number", width, *columns), len(block) - len(filled))


def _sheet(frame: pl.DataFrame) -> Sheet:
    return Sheet(None, 0, tuple(map(heading, frame.columns[1:])))


def _opened(path: Path) -> tuple[Form, pl.DataFrame]:
    """Form and records: `row_number` (Int64), then a String column a field. The file read last is kept, it is asked for thrice."""
    file = path.stat()
    return _read(path, (file.st_dev, file.st_ino, file.st_mtime_ns, file.st_size))


@lru_cache(maxsize=1)
def _read(path: Path, _state: tuple[int, ...]) -> tuple[Form, pl.DataFrame]:
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return "parquet", _parquet(path)
    text = _decoded(path)
    if path.suffix.lower() in (".jsonl", ".ndjson") or _has_object_a_line(text):
        return "jsonl", _frame(path, _lines(path, text), text)
    return "json", _frame(path, _array(path, text), text)


# JSON


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{path.name} is neither UTF-8 nor GB18030 text. Save it as UTF-8 and hand it in again.")


def _has_object_a_line(text: str) -> bool:
    """Whether a text is JSON Lines under another name: its first line is an object, and more lines follow."""
    first, _, rest = text.lstrip().partition("\n")
    return first.rstrip().endswith("}") and first.startswith("{") and rest.lstrip().startswith("{")


def _lines(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        yield number, _object(path, f"line {number}", _parsed(path, line, number)) if line.strip() else {}


def _array(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    value = _parsed(path, text, None)
    lists = [value] if isinstance(value, list) else list(_lists(value, DEEPEST_LIST))
    if len(lists) != 1:
        raise UserError(
            f"{path.name} holds {len(lists) or 'no'} lists of records; hand in one list of objects a file, or JSON Lines."
        )
    for number, record in enumerate(lists[0], 1):
        yield number, _object(path, f"record {number}", record)


def _lists(value: Value, depth: int) -> Iterator[list[Value]]:
    """The lists of objects inside an object."""
    for inner in value.values() if isinstance(value, dict) and depth else ():
        if isinstance(inner, list) and all(isinstance(record, dict) for record in inner):
            yield inner
        else:
            yield from _lists(inner, depth - 1)


def _object(path: Path, where: str, value: Value) -> Record:
    if not isinstance(value, dict):
        raise UserError(f"{path.name}, {where}: expected an object with named fields.")
    return value


def _parsed(path: Path, text: str, line: int | None) -> Value:
    """A JSON text with its numbers as they are written. Raises `UserError` naming the place, never what stands there."""

    def fields(pairs: list[tuple[str, Value]]) -> Record:
        record = dict(pairs)
        if len(record) != len(pairs):
            raise UserError(f"{path.name}{f', line {line}' if line else ''}: a field stands twice in one object.")
        return record

    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=fields)
    except json.JSONDecodeError as error:
        _broken(path, line or error.lineno, error.colno)
    except RecursionError:
        _broken(path, line or 1, 1)


def _broken(path: Path, line: int, column: int) -> NoReturn:
    raise UserError(f"{path.name}, line {line}, column {column}: the JSON is cut off or broken there. Export it anew.")


def _too_many_cells(path: Path) -> UserError:
    return UserError(f"{path.name} holds more than {MOST_CELLS:,} cells. Hand it in as several files.")


def _frame(path: Path, records: Iterator[tuple[int, Record]], text: str) -> pl.DataFrame:
    """The records with a column for each field that any of them has; `text` tells whether halves of characters may stand in them.

    Raises `UserError` where so many records have fields of their own that the table would fill the memory.
    """
    columns: dict[str, list[str | None]] = {}
    nested: set[str] = set()
    numbers: list[int] = []
    mend = "\\ud" in text.lower()
    for row, (number, record) in enumerate(records):
        numbers.append(number)
        for name, value in record.items():
            column = columns.setdefault(name, [])
            if len(columns) * (row + 1) > MOST_CELLS:
                raise _too_many_cells(path)
            if len(column) < row:
                column.extend([None] * (row - len(column)))
            if isinstance(value, list | dict):
                nested.add(name)
            column.append(_text(value, mend=mend))
    found = {"row_number": pl.Series(numbers, dtype=pl.Int64)}
    for name, column in columns.items():
        column.extend([None] * (len(numbers) - len(column)))
        found[_text(name, mend=mend) + NESTED * (name in nested)] = pl.Series(column, dtype=pl.String)
    return pl.DataFrame(found)


def _text(value: Value, *, mend: bool) -> str | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if mend else value
    return None if value is None or isinstance(value, list | dict) else str(value).lower()


# Parquet


def _parquet(path: Path) -> pl.DataFrame:
    import pyarrow
    from pyarrow import parquet

    try:
        said = parquet.read_metadata(path)
        _require_plausible(path, said)
        leaves = [said.schema.column(n) for n in range(said.num_columns)]
        file = parquet.ParquetFile(path, read_dictionary=[leaf.path for leaf in leaves if _is_text(leaf)])
        flat = [field.name for field in file.schema_arrow if not pyarrow.types.is_nested(field.type)]
        parts = list(_written_out(path, file.iter_batches(BLOCK_ROWS, columns=flat)))
        read = {
            column.name: _as_text(column)
            for column in (pl.from_arrow(parts) if parts else pl.DataFrame()).iter_columns()
        }
    except (pyarrow.ArrowException, OSError, pl.exceptions.PolarsError, UnicodeDecodeError):
        raise UserError(f"{path.name} cannot be read as Parquet: it is damaged or cut off. Export it anew.") from None
    columns = [read[name] if name in read else _untold(name, said.num_rows) for name in file.schema_arrow.names]
    return pl.DataFrame([pl.Series("row_number", range(1, said.num_rows + 1), pl.Int64), *columns])


def _require_plausible(path: Path, said: "parquet.FileMetaData") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Raises `UserError` where a file says that it holds more than the memory would: nulls, or one value again and again, take a few
    bytes in it."""
    groups = [said.row_group(n) for n in range(said.num_row_groups)]
    columns = [(group.column(n), said.schema.column(n).length) for group in groups for n in range(said.num_columns)]
    if max(said.num_rows * said.num_columns, sum(column.num_values for column, _ in columns)) > MOST_CELLS:
        raise _too_many_cells(path)
    if sum(max(column.total_uncompressed_size, column.num_values * length) for column, length in columns) > MOST_BYTES:
        raise _implausible(path)


def _is_text(leaf: "parquet.ColumnSchema") -> bool:  # type: ignore[name-defined]  # noqa: F821
    return leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type != "DECIMAL"


def _written_out(path: Path, batches: Iterator["pyarrow.RecordBatch"]) -> Iterator["pyarrow.RecordBatch"]:  # type: ignore[name-defined]  # noqa: F821
    """Texts that are read by their number in a list of texts, in full: once it is known how long all of them are together.

    Raises `UserError` where that is too long: a long text may stand in every row.
    """
    import pyarrow
    from pyarrow import compute

    held = 0
    for batch in batches:
        columns = batch.columns
        for n, column in enumerate(columns):
            if pyarrow.types.is_dictionary(column.type):
                lengths = compute.binary_length(column.dictionary).cast(pyarrow.int64()).take(column.indices)
                held += compute.sum(lengths).as_py() or 0
                if held > MOST_BYTES:
                    raise _implausible(path)
                is_binary = pyarrow.types.is_binary(column.type.value_type)
                columns[n] = column.cast(pyarrow.large_binary() if is_binary else pyarrow.large_string())
        yield pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _implausible(path: Path) -> UserError:
    return UserError(f"{path.name} unpacks to an implausible size. Hand it in as several files.")


def _untold(name: str, rows: int) -> pl.Series:
    """In the place of a column that holds no texts, numbers or dates."""
    return pl.Series(name + NESTED, [None] * rows, pl.String)


def _as_text(column: pl.Series) -> pl.Series:
    """A column as its source would have written it into a text file."""
    kind = column.dtype
    if kind.is_float():
        return pl.Series(column.name, [None if v is None else number_text(v) for v in column], pl.String)
    if kind.is_integer() or kind.is_decimal() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        return column.cast(pl.String)
    if kind == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(kind, pl.Datetime):
        local = column.dt.convert_time_zone(TIME_ZONE).dt.replace_time_zone(None) if kind.time_zone else column
        return local.dt.strftime("%Y-%m-%d %H:%M:%S").str.strip_suffix(MIDNIGHT)
    return _untold(column.name, len(column))
