"""Rules that look beyond one row, when all rows of a delivery stand in its draft: they warn and refuse nothing.

A form goes on where its month before ended (`carried`); a row that names a case of another table names one that there is
(`references`). Totals of forms are not held against counted cases here.
"""

from dataclasses import replace

import polars as pl

from pipelines.catalogue import NO_SUCH_CASE, Carried, Column, tables
from pipelines.intake.identifying import Parcel
from pipelines.intake.lake import Draft, scanned
from pipelines.intake.parsing import FINDINGS
from pipelines.intake.passing import Passed

STOCK = ["area_code", "month", "item", "category", "value", "row_number", "ledger_sequence"]


def looked_across(parcel: Parcel, draft: Draft, passed: Passed, sequence: int) -> Passed:
    """A delivery with what its rows break together with each other, and with what the lake holds, added to its warnings."""
    contract = tables()[parcel.contract.table]  # the items of earlier versions are carried as well
    parts = [_broken(parcel, draft, pair, sequence) for pair in contract.carried]
    parts += [_without_case(parcel, draft, column) for column in contract.columns if column.pseudonym]
    found = pl.concat([pl.DataFrame(schema=FINDINGS), *(part for part in parts if len(part))])
    if found.is_empty():
        return passed
    rows = found.select("sheet", "row_number", "month", "reason").unique()["reason"].value_counts()
    warnings = dict(passed.counts.warnings)
    for reason, number in rows.iter_rows():
        warnings[reason] = warnings.get(reason, 0) + number
    return replace(
        passed,
        counts=replace(passed.counts, warnings=dict(sorted(warnings.items()))),
        findings=pl.concat([passed.findings, found.sort("reason", "sheet", "row_number", nulls_last=False)]),
    )


def _broken(parcel: Parcel, draft: Draft, pair: Carried, sequence: int) -> pl.DataFrame:
    """Months that do not open with what the month before closed with, where this delivery brought one of the two.

    The row that is named is the one of this delivery; where it brought both months, the later one's.
    """
    stock = _newest(parcel, draft, pair, sequence)
    ends = [tables()[parcel.contract.table].column(name) for name in (pair.closing, pair.opening)]
    closing, opening = (stock.filter(item=end.item, category=end.category) for end in ends)
    joined = closing.with_columns(pl.col("month").dt.offset_by("1mo").alias("following")).join(
        opening, left_on=["area_code", "following"], right_on=["area_code", "month"], suffix="_next"
    )
    broken = joined.filter(pl.col("value") != pl.col("value_next"))
    at_opening = broken.filter(pl.col("ledger_sequence_next") == sequence)
    at_closing = broken.filter(pl.col("ledger_sequence_next") != sequence, pl.col("ledger_sequence") == sequence)
    places = [
        at_opening.select(
            sheet="sheet_next", row_number="row_number_next", month="following", column=pl.lit(pair.opening)
        ),
        at_closing.select("sheet", "row_number", "month", column=pl.lit(pair.closing)),
    ]
    return _findings(pl.concat(places), pair.id, "number")


def _newest(parcel: Parcel, draft: Draft, pair: Carried, sequence: int) -> pl.DataFrame:
    """The newest version of this sender's cells that a pair compares, this delivery's among them; `STOCK` and `sheet`."""
    contract = tables()[parcel.contract.table]
    wanted = pl.col("item").is_in([contract.column(name).item for name in (pair.closing, pair.opening)])
    own = draft.compared().filter(wanted).with_columns(pl.lit(sequence, pl.Int64).alias("ledger_sequence"))
    before = scanned(parcel.contract.table).filter(pl.col("sender") == parcel.sender, wanted)
    updated = contract.updated or "ledger_sequence"
    columns = [*STOCK, *({updated} - set(STOCK))]
    versions = pl.concat(
        [before.select(*columns, pl.lit(None, pl.String).alias("sheet")), own.select(*columns, "sheet")]
    )
    order = [updated, "ledger_sequence", "row_number"]
    newest = versions.sort(order, nulls_last=False, maintain_order=True)
    return newest.unique(["area_code", "month", "item", "category"], keep="last").collect()


def _without_case(parcel: Parcel, draft: Draft, column: Column) -> pl.DataFrame:
    """Rows that name a case which the other table never had; nothing where that table has no row of this register."""
    cases = scanned(str(column.references)).filter(pl.col("register") == parcel.register)
    if cases.head(1).collect().is_empty():
        return pl.DataFrame(schema=FINDINGS)
    month = pl.col(tables()[parcel.contract.table].dated_by).cast(pl.Date).dt.truncate("1mo")
    named = draft.compared().drop_nulls(column.pseudonym)
    lost = named.join(cases.select("case_key"), left_on=column.pseudonym, right_on="case_key", how="anti")
    places = lost.select("sheet", "row_number", month.alias("month"), pl.lit(column.name).alias("column"))
    return _findings(places.collect(), NO_SUCH_CASE, "number")


def _findings(places: pl.DataFrame, reason: str, found: str) -> pl.DataFrame:
    said = {"severity": "warn", "reason": reason, "found": found}
    named = places.with_columns(pl.lit(text, pl.String).alias(name) for name, text in said.items())
    return named.select(pl.col(name).cast(kind) for name, kind in FINDINGS.items())
