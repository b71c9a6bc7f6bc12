"""Text cells become typed columns, or reasons why not, by the contract and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.catalogue import NO_SUCH_CASE, Area, Contract, Rule, Words, code_lists, contracts
from pipelines.intake.cells import TYPES, Reading, folded
from pipelines.intake.distinct import Cells, Places
from pipelines.intake.layouts import Block, Told, column_position
from pipelines.settings import UserError

NOTHING_TOLD = Told()
OUTCOMES = (("refuse", "reason"), ("warn", "warning"))
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


@dataclass(frozen=True)
class Parsed:
    """A block after its contract.

    `rows`: row_number, the typed columns, `reason` (String, null = accepted), `warning` (String or null); input order. Of
    the columns that the file has not, only those that somebody asks for again.
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
    """Places of rows that fail a check: of a cell (`column`), of the row's width (no column) or of a rule."""

    severity: str
    reason: str
    column: str
    rows: Places


def parse(block: Block, contract: Contract, extra_areas: tuple[Area, ...] = (), told: Told = NOTHING_TOLD) -> Parsed:
    """Type a block's text rows by the contract; every row leaves with a reason or as accepted."""
    return Parser(contract, extra_areas, told).parse(block)


class Parser:
    """Types blocks of one file by its contract, and remembers what became of the texts of columns. One for each thread."""

    def __init__(self, contract: Contract, extra_areas: tuple[Area, ...] = (), told: Told = NOTHING_TOLD) -> None:
        self._contract, self._extra_areas, self._told = contract, extra_areas, told
        self._kept = [column for column in contract.columns if column.personal != "dropped"]
        self._readings: dict[tuple[str, ...], Mapping[str, tuple[str, Reading]]] = {}

    def parse(self, block: Block) -> Parsed:
        """As the function `parse`."""
        contract = self._contract
        readings = self._of_header(block.sheet.header)
        cells = {name: reading.cells(block.rows[place]) for name, (place, reading) in readings.items()}
        given = pl.DataFrame([block.rows["row_number"], *(cell.values.alias(name) for name, cell in cells.items())])
        absent = {c.name: pl.lit(None, TYPES.get(c.type, pl.String())) for c in self._kept if c.name not in cells}
        named = [column.name for column in self._kept if column.name in cells or column.name in self._named]
        typed = given.with_columns(**{n: absent[n] for n in named if n in absent}).select("row_number", *named)
        is_ragged = np.flatnonzero((block.rows["cells"] != len(block.sheet.header)).to_numpy())
        failures = [_Failure("refuse", "ragged_row", "", is_ragged)] if len(is_ragged) else []
        failures += [
            _Failure("refuse", reason, name, rows) for name, cell in cells.items() for reason, rows in cell.failures
        ]
        is_readable = np.ones(len(typed), bool)
        for failure in failures:
            is_readable[failure.rows] = False
        # a rule speaks only of rows whose cells could be read
        whole = typed.lazy().with_columns(**{name: empty for name, empty in absent.items() if name not in self._named})
        failures += [*self._rule_failures(whole, is_readable), *_vintage_failures(contract, typed, is_readable)]
        outcome = [_first(failures, severity, len(typed)).alias(name) for severity, name in OUTCOMES]
        rows = typed.with_columns(outcome)
        return Parsed(rows, _findings(block, contract, rows, cells, failures))

    def _of_header(self, header: tuple[str, ...]) -> Mapping[str, tuple[str, Reading]]:
        """Column of the contract -> column of a block under this header, and how its cells are read."""
        if header not in self._readings:
            places = [(column, column_position(header, self._contract, column.name)) for column in self._kept]
            self._readings[header] = {
                column.name: (
                    f"c{place}",
                    Reading(column, self._contract, self._extra_areas, self._told, header[place]),
                )
                for column, place in places
                if place is not None
            }
        return self._readings[header]

    @cached_property
    def _named(self) -> frozenset[str]:
        """Columns that rows have even where the file has not: all but those that only the lake would ask for."""
        contract = self._contract
        asked = {contract.dated_by, contract.updated, *contract.key_columns}
        asked |= {name for rule in contract.rules for name in rule.columns}
        asked |= {n for c in self._kept if c.references for n in contracts()[c.references].key_columns}
        stored = {column.name for column in contract.stored}
        return frozenset(column.name for column in self._kept if column.name in asked or column.name not in stored)

    @cached_property
    def _rules(self) -> list[pl.Expr]:
        return [_broken(rule).alias(rule.id) for rule in self._contract.rules]

    def _rule_failures(self, typed: pl.LazyFrame, is_readable: NDArray[np.bool_]) -> Iterator[_Failure]:
        contract = self._contract
        if not contract.rules:
            return
        texts = typed.with_columns(pl.col(pl.Categorical).cast(pl.String))
        try:
            flags = texts.select(self._rules).collect(engine="in-memory")
        except pl.exceptions.PolarsError:
            raise _wrong_rule(contract, texts.head(0).collect()) from None
        broken = flags.select(pl.all().any()).row(0)
        for rule in (rule for rule, is_broken in zip(contract.rules, broken, strict=True) if is_broken):
            rows = np.flatnonzero(flags[rule.id].to_numpy() & is_readable)
            if len(rows):
                yield _Failure(rule.severity, rule.id, rule.columns[-1], rows)


def _vintage_failures(contract: Contract, typed: pl.DataFrame, is_readable: NDArray[np.bool_]) -> Iterator[_Failure]:
    """Codes that their list did not yet, or no longer, have on the row's date."""
    day = pl.col(contract.dated_by).cast(pl.Date)
    for column in contract.columns:
        dated = [code for code in code_lists().get(column.codes or "", ()) if code.valid_from or code.valid_to]
        if column.type != "code" or column.name not in typed.columns or not dated:
            continue
        is_outside = pl.lit(value=False)
        for code in dated:
            early, late = day < (code.valid_from or date.min), day > (code.valid_to or date.max)
            is_outside |= (pl.col(column.name).cast(pl.String) == code.code) & (early | late)
        flags = typed.select(is_outside.fill_null(value=False).alias("flag"))["flag"]
        rows = np.flatnonzero(flags.to_numpy() & is_readable)
        if len(rows):
            yield _Failure("warn", "code_not_in_force", column.name, rows)


def _broken(rule: Rule) -> pl.Expr:
    """True where a rule does not hold; a rule that comes out as NULL does not hold."""
    return ~pl.sql_expr(rule.require).cast(pl.Boolean).fill_null(value=False)


def _wrong_rule(contract: Contract, typed: pl.DataFrame) -> UserError:
    """Names the first rule that is no condition over its columns."""
    for rule in contract.rules:
        try:
            typed.select(_broken(rule))
        except pl.exceptions.PolarsError:
            said = f"{rule.require!r} is no condition over its columns"
            return UserError(f"Contract {contract.id} v{contract.version}: rule {rule.id} cannot be applied: {said}.")
    return UserError(f"Contract {contract.id} v{contract.version}: its rules cannot be applied together.")


def _first(failures: Sequence[_Failure], severity: str, height: int) -> pl.Series:
    """The reason code of the first failing check of a severity, null where none fails."""
    reasons: list[str | None] = [None]
    which = np.zeros(height, np.uint32)
    for failure in reversed([failure for failure in failures if failure.severity == severity]):
        which[failure.rows] = len(reasons)
        reasons.append(failure.reason)
    return pl.Series(reasons, dtype=pl.String)[pl.Series(which)]


def _findings(
    block: Block, contract: Contract, rows: pl.DataFrame, cells: Mapping[str, Cells], failures: Sequence[_Failure]
) -> pl.DataFrame:
    if not failures:
        return pl.DataFrame(schema=FINDINGS)
    places = np.concatenate([failure.rows for failure in failures])
    which = np.repeat(np.arange(len(failures)), [len(failure.rows) for failure in failures])
    texts = [
        cells[failure.column].raw[failure.rows]
        if failure.column in cells
        else pl.repeat("", len(failure.rows), dtype=pl.String, eager=True)
        for failure in failures
    ]
    said = [
        pl.Series(name, [getattr(failure, name) for failure in failures], pl.String)[which]
        for name in ("severity", "reason", "column")
    ]
    found = [
        rows["row_number"][places],
        rows[contract.dated_by][places].alias("month"),
        block.rows["cells"][places],
        pl.concat(texts).alias("text"),
        *said,
    ]
    width = pl.format("{} cells", "cells")
    shape = _shape(folded(pl.col("text"), dash_is_zero=False))
    return (
        pl.DataFrame(found)
        .lazy()
        .select(
            pl.lit(block.sheet.name, pl.String).alias("sheet"),
            "row_number",
            pl.col("month").cast(pl.Date).dt.truncate("1mo"),
            "severity",
            "reason",
            "column",
            pl.when(pl.col("column") == "").then(width).otherwise(shape).alias("found"),
        )
        .sort("row_number", maintain_order=True)
        .collect(engine="in-memory")
    )


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
