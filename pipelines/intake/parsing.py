"""Text cells become typed columns, or reasons why not, by the contract and nothing else."""

import operator
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial, reduce

import numpy as np
import polars as pl

from pipelines.catalogue import NO_SUCH_CASE, Area, Column, Contract, Rule, Words, area_mapping, code_lists
from pipelines.intake.denying import MIDDLE_OF_MOBILES, personal_check
from pipelines.intake.layouts import Block, Told, column_position, header_unit
from pipelines.periods import YEARS
from pipelines.settings import UserError

# 2025-3-4, 2025/03/04, 2025.3.4, 2025年3月4日 and 20250304 are read as 2025-3-4; a year has four digits.
WRITTEN_DAY = r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
COMPACT_DAY = r"^([0-9]{4})([0-9]{2})([0-9]{2})\b"
WRITTEN_MONTH = r"^([0-9]{4})[-/.年]([0-9]{1,2})月?$"
COMPACT_MONTH = r"^([12][0-9]{3})([0-9]{2})$"
TIME_OF_DAY = r"[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f")
DASHES = ("/", "—", "——", "-", "–")
NOTHING = ("", *DASHES)
LONGEST_NOTHING = max(len(text.encode()) for text in NOTHING)
EXCEL_EPOCH = pl.datetime(1899, 12, 30)
SECONDS_A_DAY = 86_400
FEN = {"yuan": 100, "wan_yuan": 1_000_000, "yi_yuan": 10_000_000_000}
SAID_UNITS = {"元": "yuan", "万": "wan_yuan", "亿": "yi_yuan"}
RUINED_NUMBER = r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$"
NOTHING_TOLD = Told()
OUTCOMES = (("refuse", "reason"), ("warn", "warning"))
TYPES: Mapping[str, pl.DataType] = {
    "area": pl.String(),
    "code": pl.String(),
    "codes": pl.String(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
    "month": pl.Date(),
    "integer": pl.Int64(),
    "money": pl.Int64(),
    "boolean": pl.Boolean(),
}

REASONS: Mapping[str, Words] = {
    "ragged_row": Words(zh="列数与表头不符", en="the row has another number of cells than the header"),
    "missing_value": Words(zh="必填项为空", en="a required cell is empty"),
    "not_a_date": Words(zh="不是日期", en="not a date"),
    "not_a_number": Words(zh="不是数字", en="not a number"),
    "not_yes_or_no": Words(zh="不是“是/否”", en="not yes or no"),
    "unknown_code": Words(zh="代码不在码表内", en="not in the code list"),
    "unknown_area": Words(zh="区划代码不在码表内", en="not an area of the list"),
    "outside_scope": Words(
        zh="不在本快照声明的范围内", en="outside the areas or months the snapshot was said to cover"
    ),
    "malformed_number": Words(zh="编号格式不符", en="the case number has another form than expected"),
    "personal_value": Words(zh="含身份证号、手机号或车牌号", en="holds an ID, mobile or plate number"),
    "ruined_number": Words(
        zh="编号被改成科学计数法，已失真", en="a number ruined by scientific notation: keep the column as text"
    ),
    NO_SUCH_CASE: Words(zh="所指案件未曾报来", en="names a case that was never handed in"),
    "code_not_in_force": Words(zh="代码在该日期不在有效期内", en="the code was not in force on the row's date"),
}
REASON_OF_TYPE = {
    "area": "unknown_area",
    "code": "unknown_code",
    "codes": "unknown_code",
    "date": "not_a_date",
    "datetime": "not_a_date",
    "month": "not_a_date",
    "integer": "not_a_number",
    "money": "not_a_number",
    "boolean": "not_yes_or_no",
    "identifier": "malformed_number",
}


@dataclass(frozen=True)
class Parsed:
    """A block after its contract.

    `rows`: row_number, the typed columns, `reason` (String, null = accepted), `warning` (String or null); input order.
    `findings`: as `FINDINGS`; one row a failing check; `month` is that of `dated_by` where it could be read, `found` is
    a shape, never content.
    """

    rows: pl.DataFrame
    findings: pl.DataFrame


FINDINGS = {
    "sheet": pl.String,
    "row_number": pl.Int64,
    "month": pl.Date,
    "severity": pl.String,
    "reason": pl.String,
    "column": pl.String,
    "found": pl.String,
}


@dataclass(frozen=True)
class _Failure:
    """Rows that fail a check: of a cell (`column`), of the row's width (no column) or of a rule. `found`: shapes of the
    cells of these rows, in order."""

    severity: str
    reason: str
    column: str
    rows: pl.Series
    found: Callable[[], pl.Series]


@dataclass(frozen=True)
class _Cells:
    """A column of a block: texts as they were compared, typed values, and the checks that some of them fail."""

    values: pl.Series
    text: Callable[[], pl.Series]
    failures: tuple[tuple[str, pl.Series], ...]


def parse(block: Block, contract: Contract, extra_areas: tuple[Area, ...] = (), told: Told = NOTHING_TOLD) -> Parsed:
    """Type a block's text rows by the contract; every row leaves with a reason or as accepted."""
    kept = [column for column in contract.columns if column.personal != "dropped"]
    cells = {column.name: _cells(column, block, contract, extra_areas, told) for column in kept}
    typed = pl.DataFrame([cell.values.alias(name) for name, cell in cells.items()])
    failures = [*_width_failure(block), *_cell_failures(cells)]
    readable = ~_any([failure.rows for failure in failures], len(typed))
    failures += _rule_failures(contract, typed, cells, readable)
    failures += _vintage_failures(contract, typed, cells, readable)
    outcome = [_first(failures, severity, len(typed)).alias(name) for severity, name in OUTCOMES]
    rows = pl.DataFrame([block.rows["row_number"], *typed, *outcome])
    return Parsed(rows, _findings(block, contract, typed, failures))


def _any(flags: Sequence[pl.Series], height: int) -> pl.Series:
    return reduce(operator.or_, flags, pl.repeat(False, height, dtype=pl.Boolean, eager=True))


def _width_failure(block: Block) -> Iterator[_Failure]:
    rows = block.rows["cells"] != len(block.sheet.header)
    if rows.any():
        found = block.rows.filter(rows).select(pl.format("{} cells", "cells")).to_series()
        yield _Failure("refuse", "ragged_row", "", rows, lambda: found)


def _cell_failures(cells: Mapping[str, _Cells]) -> Iterator[_Failure]:
    for name, cell in cells.items():
        for reason, rows in cell.failures:
            yield _Failure("refuse", reason, name, rows, partial(_shapes, cell, rows))


def _rule_failures(
    contract: Contract, typed: pl.DataFrame, cells: Mapping[str, _Cells], readable: pl.Series
) -> Iterator[_Failure]:
    """Rules speak only of rows whose cells could be read."""
    if not contract.rules:
        return
    flags = typed.select(_broken(rule, contract, typed).alias(rule.id) for rule in contract.rules)
    for rule in contract.rules:
        rows = flags[rule.id] & readable
        if rows.any():
            column = rule.columns[-1]
            yield _Failure(rule.severity, rule.id, column, rows, partial(_shapes, cells[column], rows))


def _vintage_failures(
    contract: Contract, typed: pl.DataFrame, cells: Mapping[str, _Cells], readable: pl.Series
) -> Iterator[_Failure]:
    """Codes that their list did not yet, or no longer, have on the row's date."""
    day = typed[contract.dated_by].cast(pl.Date)
    for column in contract.columns:
        dated = [code for code in code_lists().get(column.codes or "", ()) if code.valid_from or code.valid_to]
        if column.type != "code" or column.name not in cells or not dated:
            continue
        value, is_outside = typed[column.name], pl.repeat(False, len(typed), dtype=pl.Boolean, eager=True)
        for code in dated:
            early = (day < code.valid_from) if code.valid_from else False
            late = (day > code.valid_to) if code.valid_to else False
            is_outside |= ((value == code.code) & (early | late)).fill_null(value=False)
        rows = is_outside & readable
        if rows.any():
            yield _Failure("warn", "code_not_in_force", column.name, rows, partial(_shapes, cells[column.name], rows))


def _broken(rule: Rule, contract: Contract, typed: pl.DataFrame) -> pl.Expr:
    """True where a rule does not hold; a rule that comes out as NULL does not hold. Raises `UserError` on a wrong rule."""
    try:
        broken = ~pl.sql_expr(rule.require).cast(pl.Boolean).fill_null(value=False)
        typed.clear().select(broken)
    except pl.exceptions.PolarsError:
        said = f"{rule.require!r} is no condition over its columns"
        raise UserError(
            f"Contract {contract.id} v{contract.version}: rule {rule.id} cannot be applied: {said}."
        ) from None
    return broken


def _first(failures: Sequence[_Failure], severity: str, height: int) -> pl.Series:
    """The reason code of the first failing check of a severity, null where none fails."""
    reasons = pl.repeat(None, height, dtype=pl.String, eager=True)
    for failure in reversed([failure for failure in failures if failure.severity == severity]):
        reasons = reasons.set(failure.rows, failure.reason)
    return reasons


def _findings(block: Block, contract: Contract, typed: pl.DataFrame, failures: Sequence[_Failure]) -> pl.DataFrame:
    parts = [pl.DataFrame(schema=FINDINGS)]
    month = typed[contract.dated_by].cast(pl.Date).dt.truncate("1mo")
    for failure in failures:
        said = {"sheet": block.sheet.name, "severity": failure.severity, "reason": failure.reason}
        said["column"] = failure.column
        part = pl.DataFrame(
            {
                "row_number": block.rows["row_number"].filter(failure.rows),
                "month": month.filter(failure.rows),
                "found": failure.found(),
            }
        ).with_columns(pl.lit(text, pl.String).alias(name) for name, text in said.items())
        parts.append(part.select(list(FINDINGS)))
    return pl.concat(parts).sort("row_number", maintain_order=True)


def _shapes(cells: _Cells, rows: pl.Series) -> pl.Series:
    """What kind of thing the cells of some rows hold, without any of it."""
    return cells.text().filter(rows).rechunk().alias("text").to_frame().select(_shape(pl.col("text"))).to_series()


def _shape(text: pl.Expr) -> pl.Expr:
    length = text.str.len_chars().cast(pl.String)
    kind = (
        pl.when(text.str.contains(r"^[0-9]+$"))
        .then(pl.lit("digits"))
        .when(text.str.contains(r"^[+-]?[0-9.,]+([eE][+-]?[0-9]+)?$"))
        .then(pl.lit("number"))
        .when(text.str.contains(r"^[0-9/\-年月日.: ]+$"))
        .then(pl.lit("date-like text"))
        .otherwise(pl.lit("text"))
    )
    return pl.when(text.is_null()).then(pl.lit("empty")).otherwise(pl.format("{}, {} characters", kind, length))


# Columns of these types hold few different texts: each is read once a block.
FEW_TEXTS = {"area", "boolean", "code", "codes", "date", "integer", "month"}


def _cells(column: Column, block: Block, contract: Contract, areas: tuple[Area, ...], told: Told) -> _Cells:
    position = column_position(block.sheet.header, contract, column.name)
    if position is None:
        return _absent(column, len(block.rows))
    raw, unit = block.rows[f"c{position}"], header_unit(block.sheet.header[position])
    reading = _Reading(column, contract, areas, told, unit)
    return reading.distinct_cells(raw) if column.type in FEW_TEXTS else reading.cells(raw)


def _absent(column: Column, height: int) -> _Cells:
    """A column that the file has not; a file without a required one is not let in."""
    nothing = pl.repeat(None, height, dtype=pl.String, eager=True)
    return _Cells(nothing.cast(TYPES.get(column.type, pl.String())), lambda: nothing, ())


@dataclass(frozen=True)
class _Reading:
    """How a column's texts are read: what the contract says of it, and what the file says beside it."""

    column: Column
    contract: Contract
    areas: tuple[Area, ...]
    told: Told
    unit: str | None

    def cells(self, raw: pl.Series) -> _Cells:
        text = _text(raw, dash_is_zero=self.column.type == "integer" and self.contract.dash == "zero")
        values = self._values(text)
        failures = ((reason, rows) for reason, rows in self._checks(text, values) if rows.any())
        return _Cells(values, lambda: text, tuple(failures))

    def distinct_cells(self, raw: pl.Series) -> _Cells:
        """The same, each different text being read once."""
        coded = raw.fill_null("").cast(pl.Categorical(pl.Categories.random()))
        distinct = coded.unique()
        codes, places = distinct.to_physical().to_numpy(), np.zeros(len(distinct) + 1, np.uint32)
        places[codes] = np.arange(len(distinct), dtype=np.uint32)
        rows = pl.Series(places[coded.to_physical().to_numpy()])
        read = self.cells(distinct.cast(pl.String))
        failures = tuple((reason, flags.gather(rows)) for reason, flags in read.failures)
        return _Cells(read.values.gather(rows), lambda: read.text().gather(rows), failures)

    def _checks(self, text: pl.Series, values: pl.Series) -> Iterator[tuple[str, pl.Series]]:
        """A row without its number, area or date could be counted nowhere, whatever the contract says."""
        column = self.column
        if column.required or column.name in (*self.contract.key_columns, "area_code", self.contract.dated_by):
            yield "missing_value", text.is_null()
        if column.type in ("identifier", "area"):
            ruined = text.str.contains(RUINED_NUMBER).fill_null(value=False)
            yield "ruined_number", ruined
            if column.pattern:
                yield (
                    REASON_OF_TYPE["identifier"],
                    (~text.str.contains(column.pattern) & ~ruined).fill_null(value=False),
                )
        written = pl.col("text").str.extract("^([0-9]{11,15})").cast(pl.Int64)
        is_large = pl.col("value") >= FEN["yuan"] * MIDDLE_OF_MOBILES[0]
        number = pl.when(is_large).then(written) if column.type == "money" else pl.col("value")
        personal = personal_check(column, pl.col("text"), number)
        if personal is not None:
            yield "personal_value", pl.DataFrame({"text": text, "value": values}).select(personal).to_series()
        if column.type != "identifier":
            yield REASON_OF_TYPE[column.type], text.is_not_null() & values.is_null()

    def _values(self, text: pl.Series) -> pl.Series:
        """Typed values; the usual way of writing is tried on all texts, the other ways on what it leaves."""
        column = pl.col(text.name)
        usual = self._usual(column)
        if usual is None:
            return text.to_frame().select(self._any_way(column)).to_series()
        values = text.to_frame().select(usual).to_series()
        left = (values.is_null() & text.is_not_null()).arg_true()
        if not len(left):
            return values
        others = text.gather(left).to_frame().select(self._any_way(column)).to_series()
        return values.scatter(left, others)

    def _usual(self, text: pl.Expr) -> pl.Expr | None:
        if self.column.formats:
            return None
        match self.column.type:
            case "date":
                return _plausible(text.str.to_date("%Y-%m-%d", strict=False))
            case "datetime":
                return _plausible(text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us"))
            case "money":
                # exact: what has no more decimals than the unit has places of fen is a whole number of fen
                unit = self.unit or self.column.unit or "yuan"
                few_decimals = text.str.contains(rf"^[0-9]{{1,9}}(\.[0-9]{{1,{len(str(FEN[unit])) - 1}}})?$")
                number = pl.when(few_decimals).then(text).cast(pl.Float64, strict=False)
                return (number * FEN[unit]).round().cast(pl.Int64)
        return None

    def _any_way(self, text: pl.Expr) -> pl.Expr:
        column = self.column
        match column.type:
            case "date":
                return _date(text, column.formats)
            case "month":
                return _month(text, self.told)
            case "datetime":
                return _datetime(text, column.formats)
            case "integer":
                return _number(text).cast(pl.Int64, strict=False)
            case "money":
                return _money(text, self.unit or column.unit or "yuan")
            case "boolean":
                return _looked_up(text, _code_texts(column.codes or "yes_no")) == "yes"
            case "code":
                return _looked_up(text, _code_texts(column.codes or ""))
            case "codes":
                return _several(text, _code_texts(column.codes or ""))
            case "area":
                return _area(text, area_mapping(column.code_list or "nbs2023", self.areas, column.level))
        return text


def _text(raw: pl.Series, *, dash_is_zero: bool) -> pl.Series:
    """Trimmed texts, full-width characters folded; null where a cell holds nothing, as a dash does if it is no zero."""
    is_plain = raw.str.len_bytes().sum() == raw.str.len_chars().sum()
    text = (raw if is_plain else raw.str.normalize("NFKC")).str.strip_chars(" \t\r\n\u3000\ufeff'").alias("text")
    short = (text.str.len_bytes() <= LONGEST_NOTHING).arg_true()
    if not len(short):
        return text
    said = text.gather(short)
    if dash_is_zero:
        said = said.set(said.is_in(DASHES), "0")
    return text.scatter(short, said.set(said.is_in(NOTHING), None))


def _date(text: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    """A calendar date from text; the time of day, where there is one, is dropped."""
    if formats:
        days = [text.str.to_datetime(f, strict=False).dt.date() for f in formats if "%H" in f]
        days += [text.str.replace(TIME_OF_DAY, "").str.to_date(f, strict=False) for f in formats if "%H" not in f]
    else:
        days = [_day(text.str.replace(TIME_OF_DAY, "")), _serial(text).dt.date()]
    return _plausible(pl.coalesce(*days))


def _dashed(text: pl.Expr) -> pl.Expr:
    """The day at the beginning of a text written with dashes; the rest of the text stays."""
    dashed = text.str.replace(WRITTEN_DAY, "${1}-${2}-${3}").str.replace(COMPACT_DAY, "${1}-${2}-${3}")
    return pl.when(dashed.str.contains(r"^[0-9]{4}-")).then(dashed)


def _day(text: pl.Expr) -> pl.Expr:
    return _dashed(text).str.to_date("%Y-%m-%d", strict=False)


def _serial(text: pl.Expr) -> pl.Expr:
    """An instant from a five-digit number, as spreadsheets keep dates."""
    number = pl.when(text.str.contains(r"^[1-6][0-9]{4}(\.[0-9]+)?$")).then(text).cast(pl.Float64, strict=False)
    return (EXCEL_EPOCH + pl.duration(seconds=(number * SECONDS_A_DAY).round().cast(pl.Int64))).cast(pl.Datetime("us"))


def _plausible(day: pl.Expr) -> pl.Expr:
    return pl.when((day >= date(YEARS.start, 1, 1)) & (day < date(YEARS.stop, 1, 1))).then(day)


def _month(text: pl.Expr, told: Told) -> pl.Expr:
    """The first day of a month written as 2025-01, 2025年1月, 202501 or as a date in it; 5月 where the year is told."""
    years = {month[:4] for month in told.months or ()}
    if len(years) == 1:
        text = text.str.replace(r"^([0-9]{1,2})月份?$", f"{years.pop()}-${{1}}")
    first = text.str.replace(WRITTEN_MONTH, "${1}-${2}-01").str.replace(COMPACT_MONTH, "${1}-${2}-01")
    return _date(first, ()).dt.truncate("1mo")


def _datetime(text: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    spaced = text.str.replace("T", " ", literal=True)
    written, forms = (spaced, formats) if formats else (_dashed(spaced), TIME_FORMATS)
    instants = [written.str.to_datetime(f, strict=False, time_unit="us") for f in forms]
    return _plausible(pl.coalesce(*instants, _day(text).cast(pl.Datetime("us")), _serial(text)))


def _number(text: pl.Expr) -> pl.Expr:
    plain = text.str.replace_all(",", "", literal=True)
    whole = pl.when(plain.str.contains(r"^[+-]?[0-9]{1,15}(\.0+)?$")).then(plain)
    return whole.str.split(".").list.first().str.strip_prefix("+")


def _money(text: pl.Expr, unit: str) -> pl.Expr:
    """Money in fen; a unit written in the cell comes before the column's. Workbooks write long fractions."""
    plain = text.str.replace_all(",", "", literal=True)
    number = pl.coalesce(
        plain.str.extract(r"^([0-9]{1,12}(?:\.[0-9]{1,8})?)(?:元|万元?|亿元?)?$"),
        plain.str.extract(r"^([0-9]{1,12}\.[0-9]{8})[0-9]+(?:元|万元?|亿元?)?$"),
    )
    said = plain.str.extract(r"([^0-9]+)$")
    own = pl.coalesce(pl.when(said.str.starts_with(sign)).then(_fen(number, name)) for sign, name in SAID_UNITS.items())
    return pl.when(said.is_null()).then(_fen(number, unit)).otherwise(own)


def _fen(number: pl.Expr, unit: str) -> pl.Expr:
    """Fen, rounded half up."""
    half = pl.lit("0.5").cast(pl.Decimal(24, 8))
    return (number.cast(pl.Decimal(24, 8), strict=False) * FEN[unit] + half).floor().cast(pl.Int64, strict=False)


@cache
def _code_texts(list_id: str) -> dict[str, str]:
    """Every text under which a source may write a code -> the code."""
    texts: dict[str, str] = {}
    for code in code_lists()[list_id]:
        for text in (code.code, code.label_zh, code.label_en, *code.aliases):
            texts.setdefault(_folded(text), code.code)
    return texts


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _several(text: pl.Expr, texts: dict[str, str]) -> pl.Expr:
    """Several codes in one cell, separated by 、 ; or ,: sorted and comma-joined; null when one of them is unknown."""
    parts = text.str.replace_all(r"[、;,|]", ",").str.split(",").list.eval(pl.element().str.strip_chars())
    codes = parts.list.eval(pl.element().replace_strict(texts, default=None, return_dtype=pl.String))
    known = ~codes.list.eval(pl.element().is_null()).list.any()
    return pl.when(text.is_not_null() & known).then(codes.list.unique().list.sort().list.join(","))


def _area(text: pl.Expr, published: Mapping[str, str]) -> pl.Expr:
    """The published 12-digit area; a bare district (or city) code becomes its not-assigned area in `core`, not here."""
    is_short = text.str.contains(r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9})$")
    return _looked_up(pl.when(is_short).then(text.str.pad_end(12, "0")).otherwise(text), published)


def _looked_up(text: pl.Expr, found: Mapping[str, str]) -> pl.Expr:
    """What a list gives for each text, null where it has none. For a block's different texts, which are few."""

    def look_up(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [found.get(one) for one in texts.to_list()], dtype=pl.String)

    return text.map_batches(look_up, return_dtype=pl.String, is_elementwise=True)
