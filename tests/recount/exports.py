"""Export files as the sender wrote them → one row a case, as it stands after the last file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import polars.selectors as cs

from . import declared
from .declared import Column, Contract

TOTAL_ROWS = ("合计", "小计", "总计")
NOTHING = ("", "-", "--", "—", "——", "/", "无", "null", "NULL")
HEADING_ROWS = 10

REFUSALS: dict[str, pl.Expr] = {
    "concluded_before_accepted": pl.col("concluded_on") < pl.col("accepted_on"),
    "accepted_after_update": pl.col("accepted_on") > pl.col("updated_at").dt.date(),
    "resolved_before_found": pl.col("resolved_on") < pl.col("found_on"),
    "found_after_update": pl.col("found_on") > pl.col("updated_at").dt.date(),
    "concluded_before_registered": pl.col("concluded_on") < pl.col("registered_on"),
    "registered_after_update": pl.col("registered_on") > pl.col("updated_at").dt.date(),
    "stock_identity": pl.col("closing")
    != pl.col("opening")
    + pl.col("received")
    + pl.col("moved_in")
    - pl.col("discharged")
    - pl.col("terminated")
    - pl.col("moved_out"),
    "received_parts": pl.col("received")
    != pl.sum_horizontal("received_control", "received_probation", "received_parole", "received_outside"),
    "closing_parts": pl.col("closing")
    != pl.sum_horizontal("closing_control", "closing_probation", "closing_parole", "closing_outside"),
    "terminated_parts": pl.col("terminated")
    != pl.sum_horizontal(
        f"terminated_{cause}" for cause in ("probation_revoked", "parole_revoked", "imprisoned", "died", "other")
    ),
    "psychological_parts": pl.col("psychological_persontimes")
    != pl.col("psychological_tests") + pl.col("psychological_counselling"),
    "more_checked_than_due": pl.col("checks_done") > pl.col("checks_due"),
    "more_on_time_than_done": pl.col("assessment_on_time") > pl.col("assessment_done"),
    "more_met_than_due": pl.col("education_met") > pl.col("education_due"),
    "more_absconded_persons_than_times": pl.col("absconded_persons") > pl.col("absconded_times"),
    "more_reoffended_than_on_register": pl.col("reoffended")
    > pl.col("opening") + pl.col("received") + pl.col("moved_in"),
    "form_below_the_district": ~pl.col("area_code").str.ends_with("000000"),
    "confirmed_before_requested": pl.col("confirmed_on") < pl.col("confirmation_requested_on"),
    "due_before_registered": pl.col("due_on") <= pl.col("registered_on"),
    "extended_before_due": pl.col("extended_to") < pl.col("due_on"),
    "negative_number": pl.any_horizontal(cs.integer() < 0),
}


@dataclass(frozen=True)
class Exports:
    """`rows`: table → one row a case (newest version; of a form, one row an area and month), `leaf` the counted area.
    `coverage`: table_name, area_code (one the sender owes), month: what the senders have reported.
    `tally`: file, read, refused, repeated (same key and update time as an earlier row of the file)."""

    rows: dict[str, pl.DataFrame]
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
            rows = _text_rows(path, contract)
            origin = (pl.lit(path.name).alias("file"), pl.lit(sender["register"][0]).alias("register"))
            files.setdefault(table, {}).setdefault(contract, []).append(rows.with_columns(*origin))
            covered.append(_covered(path, sender))
    books = {table: _book(parts) for table, parts in files.items()}
    return Exports(
        rows={table: newest for table, (newest, _) in books.items()},
        coverage=pl.concat(covered).unique(),
        tally=pl.concat(tally for _, tally in books.values()),
    )


def _table(path: Path, owed: pl.DataFrame) -> str:
    """The table a file brings: the one its name says, else the main book of its sender."""
    tables = owed.filter(pl.col("sender") == path.parent.name).select("table", "main_book").unique().rows()
    named = [table for table, _ in tables if f"_{table}_" in path.name]
    return (named or [table for table, is_main in tables if is_main == "true"])[0]


def _fitting(path: Path, versions: tuple[Contract, ...]) -> Contract:
    """The newest version all of whose required headings the file has."""
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


def _book(files: dict[Contract, list[pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Newest rows and tally of one table's files, by the version of the contract they came under."""
    judged = [
        _typed(pl.concat(parts), contract).with_columns(_is_refused(contract).alias("is_refused"))
        for contract, parts in files.items()
    ]
    rows = pl.concat(judged, how="diagonal")
    identity = ["leaf", "month"] if next(iter(files)).is_form else ["key"]
    sound = rows.filter(~pl.col("is_refused"))
    kept = sound.unique(["file", *identity, "updated"], keep="first", maintain_order=True)
    newest = kept.sort("updated", maintain_order=True).unique(["register", *identity], keep="last", maintain_order=True)
    tally = rows.group_by("file").agg(pl.len().alias("read"), pl.col("is_refused").sum().alias("refused"))
    repeated = (
        (sound.group_by("file").len("sound"))
        .join(kept.group_by("file").len("kept"), on="file")
        .select("file", (pl.col("sound") - pl.col("kept")).alias("repeated"))
    )
    return newest, tally.join(repeated, on="file", how="left").sort("file")


def _text_rows(path: Path, contract: Contract) -> pl.DataFrame:
    """All data rows as text (null = empty), columns named as in the contract; absent columns are null."""
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
    return text.filter(~pl.col("is_blank"), ~pl.col("is_total").fill_null(False)).drop("is_blank", "is_total")


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
        pl.lit("").alias("key") if contract.is_form else pl.col(contract.key).alias("key"),
        pl.col(contract.updated).cast(pl.Datetime("us")).alias("updated"),
        (pl.col("area_code") if contract.is_form else _leaf(pl.col("area_code"))).alias("leaf"),
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
            return cell.str.replace_all(",", "").cast(pl.Float64, strict=False)
        case "boolean":
            return cell.replace_strict(declared.codes("yes_no"), default=None, return_dtype=pl.String)
        case "code":
            return _code(cell, column.codes)
        case "codes":
            return _codes(cell, column.codes)
        case "area":
            return _area(cell)
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
    """6, 9 or 12 digits → the published code of 12 digits, null when it is not in the list."""
    padded = pl.when(cell.str.contains(r"^(\d{6}|\d{9}|\d{12})$")).then(cell.str.pad_end(12, "0"))
    return pl.when(padded.is_in(declared.areas()["area_code"].to_list())).then(padded)


def _leaf(area: pl.Expr) -> pl.Expr:
    """A township is itself; a row that names only a district or city counts at its not-assigned area."""
    levels = dict(declared.areas().select("area_code", "level").iter_rows())
    whole = [code for code, level in levels.items() if level in ("city", "district") and not code.endswith("999000")]
    return pl.when(area.is_in(whole)).then(area.str.head(6) + "999000").otherwise(area)


def _is_refused(contract: Contract) -> pl.Expr:
    return pl.any_horizontal(pl.col("is_unreadable"), *(REFUSALS[rule].fill_null(False) for rule in contract.refusals))
