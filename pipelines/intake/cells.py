"""The cells of a column: texts become typed values, or reasons why not.

Most cells of an export are written in the usual way of their type; these are read at once. What is left is folded,
trimmed and tried in every other way; columns of few different texts read each text once.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property

import numpy as np
import polars as pl

from pipelines.catalogue import Area, Column, Contract, area_mapping, code_lists
from pipelines.intake.denying import MIDDLE_OF_MOBILES, personal_check
from pipelines.intake.distinct import Cells, Places, Texts
from pipelines.intake.layouts import Told, header_unit
from pipelines.periods import YEARS

# 2025-3-4, 2025/03/04, 2025.3.4, 2025年3月4日 and 20250304 are read as 2025-3-4; a year has four digits.
WRITTEN_DAY = r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
COMPACT_DAY = r"^([0-9]{4})([0-9]{2})([0-9]{2})\b"
WRITTEN_MONTH = r"^([0-9]{4})[-/.年]([0-9]{1,2})月?$"
COMPACT_MONTH = r"^([12][0-9]{3})([0-9]{2})$"
TIME_OF_DAY = r"[T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?$"
USUAL_INSTANTS = ((19, "%Y-%m-%d %H:%M:%S"), (16, "%Y-%m-%d %H:%M"))
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f")
DASHES = ("/", "—", "——", "-", "–")
NOTHING = ("", *DASHES)
EXCEL_EPOCH = pl.datetime(1899, 12, 30)
SECONDS_A_DAY = 86_400
FEN = {"yuan": 100, "wan_yuan": 1_000_000, "yi_yuan": 10_000_000_000}
SAID_UNITS = {"元": "yuan", "万": "wan_yuan", "亿": "yi_yuan"}
RUINED_NUMBER = r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$"
LARGEST_USUAL = MIDDLE_OF_MOBILES[0] - 1  # a larger number may be somebody's
# A case number that is nobody's: not so many digits as a mobile number has, not parted as one may be, and not ruined.
USUAL_NUMBER = (
    "^(?:[0-9]{2,10}|[A-Za-z]+-?[0-9]{0,10})(?:-?[A-Za-z]+-?[0-9]{0,10})*"
    "(?:-(?:[0-9]{4}-)?(?:[0-9]{5,10}|[0-9]{1,3}))*(?:-[0-9]{4})?$"
)
USUAL_TYPES = {"date", "datetime", "integer", "money", "identifier"}
NONE_LEFT = np.empty(0, np.int64)
FEW_TEXTS = {"area", "boolean", "code", "codes", "date", "integer", "month"}
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
class Reading:
    """How a column's cells are read: what the contract says of it, and what the file says beside it.

    It remembers what became of the texts of a column that has few different ones: one for each thread.
    """

    column: Column
    contract: Contract
    areas: tuple[Area, ...]
    told: Told
    heading: str

    @property
    def _unit(self) -> str:
        """The unit of money: the heading's before the contract's."""
        return header_unit(self.heading) or self.column.unit or "yuan"

    @property
    def _is_required(self) -> bool:
        """A row without its number, area or date could be counted nowhere, whatever the contract says."""
        return self.column.required or self.column.name in (
            *self.contract.key_columns,
            "area_code",
            self.contract.dated_by,
        )

    def cells(self, raw: pl.Series) -> Cells:
        """The cells of a column, given as text."""
        raw = (raw.fill_null("") if raw.null_count() else raw).alias("raw")
        return self._texts.cells(raw) if self.column.type in FEW_TEXTS else self._read(raw.rechunk())

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self._read)

    def _read(self, raw: pl.Series) -> Cells:
        values = self._usual(raw)
        rows = np.flatnonzero(values.is_null().to_numpy()) if values.null_count() else NONE_LEFT
        if not self._is_required and len(rows):
            rows = rows[(raw[rows] != "").to_numpy()]
        if not len(rows):
            return Cells(raw, values, ())
        if len(rows) == len(raw):
            return self._any_way(raw)
        return _completed(raw, values, rows, self._left.cells(raw[rows]))

    @cached_property
    def _left(self) -> Texts:
        """Texts that are not written in the usual way: what is wrong is often wrong in the same way."""
        return Texts(self._nearly_usual)

    def _nearly_usual(self, raw: pl.Series) -> Cells:
        """Cells of the usual way but for commas in money or slashes in an instant; the others in every other way."""
        mark = {"money": (",", ""), "datetime": ("/", "-")}.get(self.column.type)
        if mark is None:
            return self._any_way(raw)
        values = self._usual(raw.str.replace_all(*mark, literal=True))
        rows = np.flatnonzero(values.is_null().to_numpy())
        return _completed(raw, values, rows, self._any_way(raw[rows])) if len(rows) else Cells(raw, values, ())

    @property
    def _dash_is_zero(self) -> bool:
        return self.column.type == "integer" and self.contract.dash == "zero"

    def _usual(self, raw: pl.Series) -> pl.Series:
        """Values of the cells that are written in the usual way and cannot be personal; null for the others."""
        if self.column.formats or self.column.pattern or self.column.type not in USUAL_TYPES:
            return pl.repeat(None, len(raw), dtype=TYPES.get(self.column.type, pl.String()), eager=True)
        way = self._usual_way(pl.col("raw"), raw)
        return raw.to_frame().lazy().select(way).collect(engine="in-memory").to_series()

    def _usual_way(self, raw: pl.Expr, cells: pl.Series) -> pl.Expr:
        match self.column.type:
            case "date":
                return _plausible(raw.str.to_date("%Y-%m-%d", strict=False, cache=False))
            case "datetime":
                return _plausible(_usual_instant(raw, cells))
            case "integer":
                number = raw.cast(pl.Int64, strict=False)
                return pl.when(number.is_between(-LARGEST_USUAL, LARGEST_USUAL)).then(number)
            case "money":
                # exact: what has no more decimals than the unit has places of fen is a whole number of fen
                decimals = len(str(FEN[self._unit])) - 1
                is_plain = raw.str.contains(rf"^[0-9]{{1,9}}(\.[0-9]{{1,{decimals}}})?$")
                number = pl.when(is_plain).then(raw).cast(pl.Float64, strict=False)
                return (number * FEN[self._unit]).round().cast(pl.Int64)
        return pl.when(raw.str.contains(USUAL_NUMBER)).then(raw)

    def _any_way(self, raw: pl.Series) -> Cells:
        read = self._every_way(raw)
        failures = ((flags.name, np.flatnonzero(flags.to_numpy())) for flags in read.get_columns()[1:])
        return Cells(raw, read["value"], tuple((reason, rows) for reason, rows in failures if len(rows)))

    def _every_way(self, raw: pl.Series) -> pl.DataFrame:
        """`value`, and a flag for each check that a cell may fail."""
        text, value, checks = self._expressions
        frame = raw.alias("raw").to_frame().lazy()
        return frame.select(text).with_columns(value).select("value", *checks).collect(engine="in-memory")

    @cached_property
    def _expressions(self) -> tuple[pl.Expr, pl.Expr, tuple[pl.Expr, ...]]:
        text, value = pl.col("text"), pl.col("value")
        checks = (rows.fill_null(value=False).alias(reason) for reason, rows in self._checks(text, value))
        return folded(pl.col("raw"), self._dash_is_zero).alias("text"), self._typed(text).alias("value"), tuple(checks)

    def _checks(self, text: pl.Expr, value: pl.Expr) -> Iterator[tuple[str, pl.Expr]]:
        column = self.column
        if self._is_required:
            yield "missing_value", text.is_null()
        if column.type in ("identifier", "area"):
            ruined = text.str.contains(RUINED_NUMBER)
            yield "ruined_number", ruined
            if column.pattern:
                yield REASON_OF_TYPE["identifier"], ~text.str.contains(column.pattern) & ~ruined
        written = text.str.extract("^([0-9]{11,15})").cast(pl.Int64)
        is_large = value >= FEN["yuan"] * MIDDLE_OF_MOBILES[0] if column.type == "money" else pl.lit(value=False)
        personal = personal_check(column, text, pl.when(is_large).then(written) if column.type == "money" else value)
        if personal is not None:
            yield "personal_value", personal
        if column.type != "identifier":
            yield REASON_OF_TYPE[column.type], text.is_not_null() & value.is_null()

    def _typed(self, text: pl.Expr) -> pl.Expr:
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
                return _money(text, self._unit)
            case "boolean":
                return _looked_up(text, _code_texts(column.codes or "yes_no")) == "yes"
            case "code":
                return _looked_up(text, _code_texts(column.codes or ""))
            case "codes":
                return _several(text, _code_texts(column.codes or ""))
            case "area":
                return _area(text, area_mapping(column.code_list or "nbs2023", self.areas, column.level))
        return text


def _completed(raw: pl.Series, values: pl.Series, rows: Places, left: Cells) -> Cells:
    """The cells of a column, of which those in some rows were read apart."""
    failures = tuple((reason, rows[failing]) for reason, failing in left.failures)
    return Cells(raw, values.scatter(rows, left.values.cast(values.dtype)), failures)


def _usual_instant(raw: pl.Expr, cells: pl.Series) -> pl.Expr:
    """An instant to the second or to the minute; `cells` tell which: texts of the other form cost five times as much."""
    size = cells.str.len_bytes()
    forms = [(length, form) for length, form in USUAL_INSTANTS if (size == length).any()] or USUAL_INSTANTS[:1]
    instants = [
        (raw if len(forms) == 1 else pl.when(raw.str.len_bytes() == length).then(raw)).str.to_datetime(
            form, strict=False, time_unit="us", cache=False
        )
        for length, form in forms
    ]
    return pl.coalesce(*instants)


def folded(raw: pl.Expr, dash_is_zero: bool) -> pl.Expr:
    """Trimmed texts, full-width characters folded; null where a cell holds nothing, as a dash does if it is no zero."""
    text = raw.str.normalize("NFKC").str.strip_chars(" \t\r\n\u3000\ufeff'")
    said = pl.when(text.is_in(DASHES)).then(pl.lit("0")).otherwise(text) if dash_is_zero else text
    return pl.when(~said.is_in(NOTHING)).then(said)


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
