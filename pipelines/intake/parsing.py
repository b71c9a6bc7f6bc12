"""Text cells become typed columns, or reasons why not, by the contract and nothing else."""

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import polars as pl

from pipelines.catalogue import NO_SUCH_CASE, Area, Contract, Rule, Words, code_lists
from pipelines.intake.cells import TYPES, Cells, Reading, folded
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
    """Rows that fail a check: of a cell (`column`), of the row's width (no column) or of a rule."""

    severity: str
    reason: str
    column: str
    rows: pl.Series


def parse(block: Block, contract: Contract, extra_areas: tuple[Area, ...] = (), told: Told = NOTHING_TOLD) -> Parsed:
    """Type a block's text rows by the contract; every row leaves with a reason or as accepted."""
    header = block.sheet.header
    kept = [column for column in contract.columns if column.personal != "dropped"]
    places = {column.name: column_position(header, contract, column.name) for column in kept}
    cells = {
        column.name: Reading(column, contract, extra_areas, told, header[place]).cells(block.rows[f"c{place}"])
        for column in kept
        if (place := places[column.name]) is not None
    }
    given = pl.DataFrame([block.rows["row_number"], *(cell.values.alias(name) for name, cell in cells.items())])
    absent = (pl.lit(None, TYPES.get(c.type, pl.String())).alias(c.name) for c in kept if c.name not in cells)
    typed = given.with_columns(absent).select("row_number", *places)
    is_ragged = block.rows["cells"] != len(header)
    failures = [_Failure("refuse", "ragged_row", "", is_ragged)] if is_ragged.any() else []
    failures += [_Failure("refuse", *failed) for name, cell in cells.items() for failed in _named(name, cell)]
    readable = ~reduce(operator.or_, [f.rows for f in failures], pl.repeat(False, len(typed), eager=True))
    # a rule speaks only of rows whose cells could be read
    failures += [*_rule_failures(contract, typed, readable), *_vintage_failures(contract, typed, readable)]
    outcome = [_first(failures, severity, len(typed)).alias(name) for severity, name in OUTCOMES]
    rows = typed.with_columns(outcome)
    return Parsed(rows, _findings(block, contract, rows, cells, failures))


def _named(name: str, cells: Cells) -> Iterator[tuple[str, str, pl.Series]]:
    return ((reason, name, rows) for reason, rows in cells.failures)


def _rule_failures(contract: Contract, typed: pl.DataFrame, readable: pl.Series) -> Iterator[_Failure]:
    if not contract.rules:
        return
    try:
        flags = typed.select(_broken(rule).alias(rule.id) for rule in contract.rules)
    except pl.exceptions.PolarsError:
        raise _wrong_rule(contract, typed) from None
    broken = flags.select(pl.all().any()).row(0)
    for rule in (rule for rule, is_broken in zip(contract.rules, broken, strict=True) if is_broken):
        rows = flags[rule.id] & readable
        if rows.any():
            yield _Failure(rule.severity, rule.id, rule.columns[-1], rows)


def _vintage_failures(contract: Contract, typed: pl.DataFrame, readable: pl.Series) -> Iterator[_Failure]:
    """Codes that their list did not yet, or no longer, have on the row's date."""
    day = pl.col(contract.dated_by).cast(pl.Date)
    for column in contract.columns:
        dated = [code for code in code_lists().get(column.codes or "", ()) if code.valid_from or code.valid_to]
        if column.type != "code" or column.name not in typed.columns or not dated:
            continue
        is_outside = pl.lit(value=False)
        for code in dated:
            early, late = day < (code.valid_from or date.min), day > (code.valid_to or date.max)
            is_outside |= (pl.col(column.name) == code.code) & (early | late)
        rows = typed.select(is_outside.fill_null(value=False).alias("flag"))["flag"] & readable
        if rows.any():
            yield _Failure("warn", "code_not_in_force", column.name, rows)


def _broken(rule: Rule) -> pl.Expr:
    """True where a rule does not hold; a rule that comes out as NULL does not hold."""
    return ~pl.sql_expr(rule.require).cast(pl.Boolean).fill_null(value=False)


def _wrong_rule(contract: Contract, typed: pl.DataFrame) -> UserError:
    """Names the first rule that is no condition over its columns."""
    for rule in contract.rules:
        try:
            typed.clear().select(_broken(rule))
        except pl.exceptions.PolarsError:
            said = f"{rule.require!r} is no condition over its columns"
            return UserError(f"Contract {contract.id} v{contract.version}: rule {rule.id} cannot be applied: {said}.")
    return UserError(f"Contract {contract.id} v{contract.version}: its rules cannot be applied together.")


def _first(failures: Sequence[_Failure], severity: str, height: int) -> pl.Series:
    """The reason code of the first failing check of a severity, null where none fails."""
    reasons = pl.repeat(None, height, dtype=pl.String, eager=True)
    for failure in reversed([failure for failure in failures if failure.severity == severity]):
        reasons = reasons.set(failure.rows, failure.reason)
    return reasons


def _findings(
    block: Block, contract: Contract, rows: pl.DataFrame, cells: Mapping[str, Cells], failures: Sequence[_Failure]
) -> pl.DataFrame:
    if not failures:
        return pl.DataFrame(schema=FINDINGS)
    parts = []
    for failure in failures:
        found = cells[failure.column].raw if failure.column in cells else pl.repeat("", len(rows), eager=True)
        part = [rows["row_number"], rows[contract.dated_by].alias("month"), block.rows["cells"], found.alias("text")]
        said = {"severity": failure.severity, "reason": failure.reason, "column": failure.column}
        parts.append(
            pl.DataFrame(part).filter(failure.rows).with_columns(pl.lit(t).alias(name) for name, t in said.items())
        )
    width = pl.format("{} cells", "cells")
    found = pl.when(pl.col("column") == "").then(width).otherwise(_shape(folded(pl.col("text"), dash_is_zero=False)))
    return (
        pl.concat(parts)
        .rechunk()
        .select(
            pl.lit(block.sheet.name, pl.String).alias("sheet"),
            "row_number",
            pl.col("month").cast(pl.Date).dt.truncate("1mo"),
            *said,
            found.alias("found"),
        )
        .sort("row_number", maintain_order=True)
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
