"""Export files as the sender wrote them → one row a case, as it stands after the last file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from . import declared
from .declared import Column, Contract
from .refusals import is_refused

TOTAL_ROWS = ("合计", "小计", "总计")
NOTHING = ("", "-", "--", "—", "——", "/", "无", "null", "NULL")
HEADING_ROWS = 10
KEPT_VERSIONS = ("organisations",)  # counted now and then
HOLDS = 13  # months after its own in which a count is still good
FOLDED = ("nbs2023_statistical", "nbs_earlier")  # lists whose codes stand for published ones


@dataclass(frozen=True)
class Exports:
    """`rows`: table → one row a case (newest version; of a form, one row an area and month), `leaf` the counted area.
    `versions`: of a table whose versions stay good, one row a case and version.
    `coverage`: table_name, area_code (one the sender owes), month, file, columns (that it has): what the senders have
    reported, of what is counted now and then the months in which a count holds.
    `tally`: file, read, refused, repeated (same key and update time as an earlier row of the file)."""

    rows: dict[str, pl.DataFrame]
    versions: dict[str, pl.DataFrame]
    coverage: pl.DataFrame
    tally: pl.DataFrame


def read_exports(landing: Path) -> Exports:
    """Read every export under landing/<sender>/."""
    owed = declared.table("senders")
    counted = {measure.table for measure in declared.measures().values()}
    files: dict[str, dict[Contract, list[pl.DataFrame]]] = {}
    covered: list[pl.DataFrame] = []
    for path in sorted(landing.glob("*/*")):
        table = _table(path, owed)
        if path.suffix.lower() in (".csv", ".xlsx") and table in counted:
            sender = owed.filter(pl.col("sender") == path.parent.name, pl.col("table") == table)
            contract = _fitting(path, declared.versions(table))
            rows, columns = _text_rows(path, contract)
            origin = (pl.lit(path.name).alias("file"), pl.lit(sender["register"][0]).alias("register"))
            files.setdefault(table, {}).setdefault(contract, []).append(rows.with_columns(*origin))
            covered.append(
                _covered(path, sender).with_columns(origin[0], pl.lit(pl.Series([columns])).first().alias("columns"))
            )
    books = {table: _book(parts) for table, parts in files.items()}
    return Exports(
        rows={table: book.newest for table, book in books.items()},
        versions={
            table: books[table].versions.unique(["register", "key", "updated"], keep="last", maintain_order=True)
            for table in KEPT_VERSIONS
            if table in books
        },
        coverage=_held(pl.concat(covered), books),
        tally=pl.concat(book.tally for book in books.values()),
    )


def _table(path: Path, owed: pl.DataFrame) -> str:
    """The table a file brings: the one its name says, else the main book of its sender."""
    tables = owed.filter(pl.col("sender") == path.parent.name).select("table", "main_book").unique().rows()
    named = [table for table, _ in tables if f"_{table}_" in path.name]
    return (named or [table for table, is_main in tables if is_main == "true"])[0]


def _fitting(path: Path, versions: tuple[Contract, ...]) -> Contract:
    """The newest version all of whose required headings the file has; there is nothing to choose from one."""
    if len(versions) == 1:
        return versions[0]
    for contract in versions:
        headings = {declared.plain(heading) for heading in _sheet(path, contract).columns}
        if all(column.headings & headings for column in contract.columns if column.required):
            return contract
    raise AssertionError(f"{path.name} fits no contract of its table")


def _covered(path: Path, sender: pl.DataFrame) -> pl.DataFrame:
    """The sender's areas in the months the file's name says it reports (2025, 2017-12, 2025-01..2025-05), whether it has
    rows there or not: a file of nothing but headings reports zero."""
    first, _, last = path.stem.rpartition("_")[2].partition("..")
    months = pl.date_range(
        date.fromisoformat(f"{first}-01" if len(first) > 4 else f"{first}-01-01"),
        date.fromisoformat(f"{last or first}-01" if len(last or first) > 4 else f"{last or first}-12-01"),
        "1mo",
        eager=True,
    )
    areas = sender.select(pl.col("table").alias("table_name"), "area_code")
    return areas.join(pl.DataFrame({"month": months}), how="cross")


def _held(covered: pl.DataFrame, books: dict[str, Book]) -> pl.DataFrame:
    """Of what is counted now and then, not the months that a file names but those of its counts and thirteen more."""
    last, parts = covered["month"].max(), [covered.filter(~pl.col("table_name").is_in(KEPT_VERSIONS))]
    later = pl.DataFrame({"later": [f"{months}mo" for months in range(HOLDS + 1)]})
    for table in KEPT_VERSIONS:
        if table in books:
            counts = (
                books[table]
                .versions.select("file", pl.col("updated").dt.date().dt.truncate("1mo").alias("on"))
                .unique()
            )
            files = covered.filter(pl.col("table_name") == table).unique(["file", "area_code"])
            months = files.join(counts, on="file").join(later, how="cross")
            months = months.with_columns(pl.col("on").dt.offset_by(pl.col("later")).alias("month"))
            parts.append(months.filter(pl.col("month") <= last).select(covered.columns))
    return pl.concat(parts)


@dataclass(frozen=True)
class Book:
    """One table: rows as the last file has them, their versions in order of update, tally of its files."""

    newest: pl.DataFrame
    versions: pl.DataFrame
    tally: pl.DataFrame


def _book(files: dict[Contract, list[pl.DataFrame]]) -> Book:
    """One table's files, by the version of the contract they came under."""
    judged = [
        _typed(pl.concat(parts), contract).with_columns(is_refused(contract).alias("is_refused"))
        for contract, parts in files.items()
    ]
    rows = pl.concat(judged, how="diagonal")
    identity = ["area_code", "month"] if next(iter(files)).is_form else ["key"]
    sound = rows.filter(~pl.col("is_refused"))
    kept = sound.unique(["file", *identity, "updated"], keep="first", maintain_order=True)
    versions = kept.sort("updated", maintain_order=True)
    newest = versions.unique(["register", *identity], keep="last", maintain_order=True)
    tally = rows.group_by("file").agg(pl.len().alias("read"), pl.col("is_refused").sum().alias("refused"))
    repeated = (
        (sound.group_by("file").len("sound"))
        .join(kept.group_by("file").len("kept"), on="file")
        .select("file", (pl.col("sound") - pl.col("kept")).alias("repeated"))
    )
    return Book(newest, versions, tally.join(repeated, on="file", how="left").sort("file"))


def _text_rows(path: Path, contract: Contract) -> tuple[pl.DataFrame, list[str]]:
    """All data rows as text (null = empty), columns named as in the contract, absent ones null; and which it has."""
    sheet = _sheet(path, contract)
    found: dict[str, str] = {}
    for heading in sheet.columns:
        for column in contract.columns:
            if declared.plain(heading) in column.headings:
                found[column.name] = heading
    wanted = [column for column in contract.columns if not column.dropped]
    text = sheet.select(
        pl.all_horizontal(_clean(pl.col(heading)).is_null() for heading in sheet.columns).alias("is_blank"),
        pl.any_horizontal(_clean(pl.col(heading)).is_in(TOTAL_ROWS) for heading in sheet.columns[:3]).alias("is_total"),
        *(_clean(pl.col(found[c.name]) if c.name in found else pl.lit(None, pl.String)).alias(c.name) for c in wanted),
    )
    data = text.filter(~pl.col("is_blank"), ~pl.col("is_total").fill_null(False)).drop("is_blank", "is_total")
    return data, sorted(found)


def _clean(text: pl.Expr) -> pl.Expr:
    plain = text.str.normalize("NFKC").str.strip_chars()
    return pl.when(~plain.is_in(NOTHING)).then(plain)


def _sheet(path: Path, contract: Contract) -> pl.DataFrame:
    known = frozenset[str]().union(*(column.headings for column in contract.columns))
    if path.suffix.lower() == ".xlsx":
        return _under_headings(pl.read_excel(path, has_header=False, infer_schema_length=0), known)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    text = text.replace("\r\n", "\n")
    skip = _rows_above_headings(list(csv.reader(io.StringIO(text[:20_000])))[:HEADING_ROWS], known)
    lines = io.BytesIO(text.encode())
    return pl.read_csv(lines, skip_lines=skip, infer_schema=False, truncate_ragged_lines=True)


def _under_headings(cells: pl.DataFrame, known: frozenset[str]) -> pl.DataFrame:
    skip = _rows_above_headings([[cell or "" for cell in row] for row in cells.head(HEADING_ROWS).iter_rows()], known)
    headings = [cell or f"column_{index}" for index, cell in enumerate(cells.row(skip))]
    return cells.slice(skip + 1).rename(dict(zip(cells.columns, headings, strict=True)))


def _rows_above_headings(rows: list[list[str]], known: frozenset[str]) -> int:
    matches = [sum(declared.plain(cell) in known for cell in row) for row in rows]
    return matches.index(max(matches))


def _typed(text: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The rows typed, with `is_unreadable`: a cell that is not what its column holds, or a required one empty."""
    columns = [column for column in contract.columns if not column.dropped]
    unreadable = [
        (_parsed(c).is_null() & (pl.col(c.name).is_not_null() | pl.lit(c.required))).alias(c.name) for c in columns
    ]
    typed = text.select(
        "file",
        "register",
        *(_parsed(column).alias(column.name) for column in columns),
        pl.any_horizontal(unreadable).alias("is_unreadable"),
    )
    return typed.with_columns(
        pl.concat_str([pl.col(name).cast(pl.String) for name in contract.key] or [pl.lit("")], separator="|").alias(
            "key"
        ),
        pl.col(contract.updated).cast(pl.Datetime("us")).alias("updated"),
        _leaf(pl.col("area_code")).alias("leaf"),
    )


def _parsed(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    match column.type:
        case "identifier" | "text":
            return cell
        case "date":
            return _date(cell)
        case "month":
            return _date(
                pl.when(cell.str.contains(r"^\d{6}$"))
                .then(cell.str.head(4) + "-" + cell.str.tail(2) + "-01")
                .when(cell.str.contains(r"^\d{4}\D\d{1,2}月?$"))
                .then(cell.str.strip_chars_end("月") + "-01")
                .otherwise(cell)
            ).dt.truncate("1mo")
        case "datetime":
            return _datetime(cell)
        case "integer":
            digits = cell.str.replace_all(",", "").str.replace(r"\.0+$", "")
            return digits.cast(pl.Int64, strict=False)
        case "money":
            fen = {"yuan": 100, "wan_yuan": 1_000_000}[column.unit]
            return (cell.str.replace_all(",", "").cast(pl.Float64, strict=False) * fen).round().cast(pl.Int64)
        case "boolean":
            said = cell.replace_strict(declared.codes(column.codes or "yes_no"), default=None, return_dtype=pl.String)
            return pl.when(said.is_not_null()).then(said == "yes")
        case "code":
            return _code(cell, column.codes)
        case "codes":
            return _codes(cell, column.codes)
        case "area":
            return _district(_area(cell)) if column.is_district else _area(cell)
        case unknown:
            raise ValueError(f"the recount does not know the column type {unknown}")


def _date(cell: pl.Expr) -> pl.Expr:
    """yyyy-M-d, yyyy/M/d, yyyy.M.d, yyyyMMdd, yyyy年M月d日, spreadsheet serial; a time of day behind it is left off."""
    groups = cell.str.extract_groups(
        r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
    ).struct
    written = groups.field("1") + "-" + groups.field("2").str.zfill(2) + "-" + groups.field("3").str.zfill(2)
    digits = pl.when(cell.str.contains(r"^\d{8}$")).then(
        cell.str.head(4) + "-" + cell.str.slice(4, 2) + "-" + cell.str.slice(6, 2)
    )
    serial = pl.when(cell.str.contains(r"^\d{5}(\.\d+)?$")).then(cell.str.head(5).cast(pl.Int64, strict=False))
    return pl.coalesce(
        pl.coalesce(written, digits).str.to_date("%Y-%m-%d", strict=False),
        pl.lit(date(1899, 12, 30)) + pl.duration(days=serial),
    )


def _datetime(cell: pl.Expr) -> pl.Expr:
    clock = cell.str.extract_groups(r"[ T日](\d{1,2}):(\d{2})(?::(\d{2}))?").struct
    time = pl.duration(
        hours=clock.field("1").cast(pl.Int64).fill_null(0),
        minutes=clock.field("2").cast(pl.Int64).fill_null(0),
        seconds=clock.field("3").cast(pl.Int64).fill_null(0),
    )
    return _date(cell).cast(pl.Datetime("us")) + time


def _code(cell: pl.Expr, list_id: str) -> pl.Expr:
    text = cell
    if list_id == "event_type":
        # Four-digit subtypes of GB/T 31000 belong to the type of their first two digits.
        text = pl.when(cell.str.contains(r"^\d{4}$")).then(cell.str.head(2)).otherwise(cell)
    return text.replace_strict(declared.codes(list_id), default=None, return_dtype=pl.String)


def _codes(cell: pl.Expr, list_id: str) -> pl.Expr:
    parts = cell.str.split("|") if list_id == "" else cell.str.replace_all("[,;、|]", ",").str.split(",")
    known = parts.list.eval(_code(pl.element().str.strip_chars(), list_id))
    return pl.when(known.list.eval(pl.element().is_null()).list.any().not_()).then(known.list.sort().list.join(","))


def _area(cell: pl.Expr) -> pl.Expr:
    """6, 9 or 12 digits → the published code of 12 digits, null when it is not in the list. Zones that are counted as
    counties and codes given up stand for what they are mapped to."""
    padded = pl.when(cell.str.contains(r"^(\d{6}|\d{9}|\d{12})$")).then(cell.str.pad_end(12, "0"))
    folded = declared.table("areas").filter(pl.col("code_list").is_in(FOLDED))
    padded = padded.replace(dict(folded.select("area_code", "maps_to").iter_rows()))
    return pl.when(padded.is_in(declared.areas()["area_code"].to_list())).then(padded)


def _district(area: pl.Expr) -> pl.Expr:
    """A township's district; of anything larger, itself."""
    townships = declared.areas().filter(pl.col("level") == "township")
    return area.replace(dict(townships.select("area_code", "parent_code").iter_rows()))


def at_district(area: pl.Expr) -> pl.Expr:
    """Where a row counts of what goes no further down than districts; what lies in none, at its city's not-assigned."""
    published = declared.areas()
    parents = dict(published.filter(pl.col("level") == "township").select("area_code", "parent_code").iter_rows())
    above = area.replace(parents)
    cities = published.filter(pl.col("level") == "city")["area_code"].to_list()
    return pl.when(above.is_in(cities)).then(above.str.head(6) + "999000").otherwise(above)


def _leaf(area: pl.Expr) -> pl.Expr:
    """A township is itself; a row that names only a district or city counts at its not-assigned area."""
    levels = dict(declared.areas().select("area_code", "level").iter_rows())
    whole = [code for code, level in levels.items() if level in ("city", "district") and not code.endswith("999000")]
    return pl.when(area.is_in(whole)).then(area.str.head(6) + "999000").otherwise(area)
