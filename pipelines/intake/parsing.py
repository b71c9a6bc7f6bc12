"""Text cells become typed columns, or reasons why not, by the contract and nothing else."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.catalogue import Area, Column, Contract, Rule, Words, area_mapping, code_lists
from pipelines.intake.denying import personal_check
from pipelines.intake.layouts import Block, column_position
from pipelines.periods import YEARS
from pipelines.settings import UserError

# 2025-3-4, 2025/03/04, 2025.3.4, 2025年3月4日 and 20250304 are read as 2025-3-4; a year has four digits.
WRITTEN_DAY = r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
COMPACT_DAY = r"^([0-9]{4})([0-9]{2})([0-9]{2})\b"
WRITTEN_MONTH = r"^([0-9]{4})[-/.年]([0-9]{1,2})月?$"
COMPACT_MONTH = r"^([12][0-9]{3})([0-9]{2})$"
TIME_OF_DAY = r"[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f")
NOTHING = ("", "/", "—", "——", "-", "－")
EXCEL_EPOCH = pl.datetime(1899, 12, 30)
SECONDS_A_DAY = 86_400
FEN = {"yuan": 100, "wan_yuan": 1_000_000}
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
class _Check:
    """What a row may fail: by a cell (`column`) or by a rule; `failed` is true where it does."""

    severity: str
    reason: str
    column: str
    failed: pl.Expr


def parse(block: Block, contract: Contract, extra_areas: tuple[Area, ...] = ()) -> Parsed:
    """Type a block's text rows by the contract; every row leaves with a reason or as accepted."""
    rows, header = block.rows, block.sheet.header
    kept = [column for column in contract.columns if column.personal != "dropped"]
    texts = rows.select("row_number", "cells", *(_text(column, header, contract) for column in kept))
    typed = texts.select(_typed(column, extra_areas) for column in kept)
    both = texts.rename({column.name: f"text_{column.name}" for column in kept}).hstack(typed)
    cells = [_width_check(len(header)), *(check for column in kept for check in _cell_checks(column, contract))]
    rules = [_Check(r.severity, r.id, r.columns[-1], _broken(r, contract, typed)) for r in contract.rules]
    checks = [*cells, *rules]
    flags = both.select(check.failed.alias(str(number)) for number, check in enumerate(checks))
    unreadable = flags.select(pl.any_horizontal(str(number) for number in range(len(cells)))).to_series()
    # a rule speaks only of rows whose cells could be read
    flags = flags.with_columns(pl.col(str(n)) & ~unreadable for n in range(len(cells), len(checks)))
    outcome = flags.select(_first(checks, "refuse").alias("reason"), _first(checks, "warn").alias("warning"))
    about = (pl.lit(block.sheet.name, pl.String).alias("sheet"), _month_of(contract).alias("month"))
    findings = _findings(both.with_columns(about), flags, checks)
    return Parsed(both.select("row_number", *typed.columns).hstack(outcome), findings)


def _month_of(contract: Contract) -> pl.Expr:
    """The first day of the month that a row's date places it in, as far as it could be read."""
    return pl.col(contract.dated_by).cast(pl.Date).dt.truncate("1mo")


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


def _first(checks: list[_Check], severity: str) -> pl.Expr:
    """The reason code of the first failing check of a severity, null where none fails."""
    failing = [
        pl.when(pl.col(str(number))).then(pl.lit(check.reason))
        for number, check in enumerate(checks)
        if check.severity == severity
    ]
    return pl.coalesce(*failing, pl.lit(None, pl.String))


def _findings(both: pl.DataFrame, flags: pl.DataFrame, checks: list[_Check]) -> pl.DataFrame:
    hit = flags.select(pl.all().any()).row(0) if len(flags) else (False,) * len(checks)
    parts = [pl.DataFrame(schema=FINDINGS)]
    for check, failed in ((check, flags[str(n)]) for n, check in enumerate(checks) if hit[n]):
        text = pl.col(f"text_{check.column}") if check.column else pl.lit(None, pl.String)
        words = {"severity": check.severity, "reason": check.reason, "column": check.column}
        found = _shape(text).alias("found") if check.column else pl.format("{} cells", "cells").alias("found")
        said = (pl.lit(text).alias(name) for name, text in words.items())
        parts.append(both.filter(failed).select("sheet", "row_number", "month", *said, found))
    return pl.concat(parts).sort("row_number", maintain_order=True)


def _shape(text: pl.Expr) -> pl.Expr:
    """What kind of thing a cell holds, without any of it."""
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


def _text(column: Column, header: tuple[str, ...], contract: Contract) -> pl.Expr:
    """A cell as trimmed text, full-width characters folded; null where it holds nothing."""
    position = column_position(header, contract, column.name)
    if position is None:
        return pl.lit(None, pl.String).alias(column.name)
    text = pl.col(f"c{position}").str.normalize("NFKC").str.strip_chars(" \t\r\n\u3000\ufeff'")
    return pl.when(text.is_in(NOTHING)).then(None).otherwise(text).alias(column.name)


def _typed(column: Column, areas: tuple[Area, ...]) -> pl.Expr:
    text = pl.col(column.name)
    match column.type:
        case "date":
            value = _date(text, column.formats)
        case "month":
            value = _month(text)
        case "datetime":
            value = _datetime(text, column.formats)
        case "integer":
            value = _number(text).cast(pl.Int64, strict=False)
        case "money":
            value = _money(text, FEN[column.unit or "yuan"])
        case "boolean":
            yes_no = _code_texts(column.codes or "yes_no")
            value = text.replace_strict(yes_no, default=None, return_dtype=pl.String) == "yes"
        case "code":
            value = text.replace_strict(_code_texts(column.codes or ""), default=None, return_dtype=pl.String)
        case "codes":
            value = _several(text, _code_texts(column.codes or ""))
        case "area":
            value = _area(text, area_mapping(column.code_list or "nbs2023", areas, column.level))
        case _:
            value = text
    return value.alias(column.name)


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
    return pl.when(day.dt.year().is_between(YEARS[0], YEARS[-1])).then(day)


def _month(text: pl.Expr) -> pl.Expr:
    """The first day of a month written as 2025-01, 2025年1月, 202501 or as a date in it."""
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


def _money(text: pl.Expr, fen: int) -> pl.Expr:
    """Money in fen, rounded half up to the fen; negative amounts are not accepted. Workbooks write long fractions."""
    plain = text.str.replace_all(",", "", literal=True)
    kept = pl.when(plain.str.contains(r"^[0-9]{1,12}(\.[0-9]+)?$")).then(
        plain.str.extract(r"^([0-9]+(?:\.[0-9]{1,8})?)")
    )
    number = kept.cast(pl.Decimal(24, 8), strict=False)
    return (number * fen + pl.lit("0.5").cast(pl.Decimal(24, 8))).floor().cast(pl.Int64, strict=False)


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
    digits = pl.when(is_short).then(text.str.pad_end(12, "0")).otherwise(text)
    return digits.replace_strict(published, default=None, return_dtype=pl.String)


def _width_check(width: int) -> _Check:
    return _Check("refuse", "ragged_row", "", pl.col("cells") != width)


def _cell_checks(column: Column, contract: Contract) -> list[_Check]:
    """A row without its number, area or date could be counted nowhere, whatever the contract says."""
    text, value = pl.col(f"text_{column.name}"), pl.col(column.name)
    is_required = column.required or column.name in (*contract.key_columns, "area_code", contract.dated_by)
    checks = [_Check("refuse", "missing_value", column.name, text.is_null())] if is_required else []
    number = value // FEN[column.unit] if column.unit is not None else value
    personal = personal_check(column, text, number)
    if personal is not None:
        checks.append(_Check("refuse", "personal_value", column.name, personal))
    if column.type != "identifier":
        unread = text.is_not_null() & value.is_null()
        return [*checks, _Check("refuse", REASON_OF_TYPE[column.type], column.name, unread)]
    if column.pattern:
        malformed = text.is_not_null() & ~text.str.contains(column.pattern)
        checks.append(_Check("refuse", REASON_OF_TYPE["identifier"], column.name, malformed))
    return checks
