"""What a snapshot takes back: cases of its sender that lie in its scope, are not newer than it, and are not in it.

A withdrawal is a row of the lake like any other. A case is withdrawn when its newest withdrawal is not older, by ledger
sequence, than any of its rows; so a later delivery brings it back, unless it was out of date when it came.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.catalogue import Contract, tables
from pipelines.intake import ledger
from pipelines.intake.identifying import Parcel
from pipelines.intake.keyed import form_rows, keyed_rows
from pipelines.intake.keys import Keys
from pipelines.intake.lake import WITHDRAWALS, scanned
from pipelines.intake.parsing import FINDINGS, Parsed
from pipelines.intake.scopes import Scope, instant_of
from pipelines.settings import TIME_ZONE, UserError

FEW = 20  # so many cases may be withdrawn by any snapshot
SMALL_PART = 0.1  # of the live cases in scope
OUTSIDE = "outside_scope"


@dataclass(frozen=True)
class Withdrawn:
    """Rows of `lake/withdrawals`; `live`: the cases in scope before; `held`: why a human must look first, else None."""

    rows: pl.DataFrame
    taken_at: datetime | None
    live: int
    held: str | None


def mark_outside(parsed: Parsed, sheet: str | None, scope: Scope, contract: Contract) -> Parsed:
    """Rows of a snapshot that lie outside its scope are warned of and accepted."""
    outside = pl.col("reason").is_null() & ~scope.holds("area_code", contract.dated_by)
    rows = parsed.rows.with_columns(
        pl.when(outside).then(pl.coalesce("warning", pl.lit(OUTSIDE))).otherwise("warning").alias("warning")
    )
    column = "area_code" if scope.months is None else contract.dated_by
    said = {"sheet": sheet, "severity": "warn", "reason": OUTSIDE, "column": column, "found": None}
    new = parsed.rows.filter(outside).select(
        "row_number",
        pl.col(contract.dated_by).cast(pl.Date).dt.truncate("1mo").alias("month"),
        *(pl.lit(text, pl.String).alias(name) for name, text in said.items()),
    )
    findings = pl.concat([parsed.findings, new.select(list(FINDINGS))]).sort("row_number", maintain_order=True)
    return Parsed(rows, findings)


def refused_keys(parsed: Parsed, contract: Contract, secret: Keys, register: str, sender: str) -> pl.Series:
    """`case_key` of a block's refused rows; null where the row's number (of a form: area and month) could not be read."""
    identity = contract.key_columns if contract.kind == "cases" else ("area_code", contract.dated_by)
    of_number = pl.col("column").is_in(["", *identity]) & (pl.col("reason") != "personal_value")
    garbled = parsed.findings.filter(severity="refuse").filter(of_number)["row_number"]
    is_read = pl.all_horizontal(pl.col(name).is_not_null() for name in identity)
    is_read &= ~pl.col("row_number").is_in(garbled.implode())
    refused = parsed.rows.filter(pl.col("reason").is_not_null())
    known, unknown = refused.filter(is_read), refused.filter(~is_read)
    if contract.kind == "cases":
        keys = keyed_rows(known, contract, secret, register)["case_key"]
    else:
        items = [pl.lit(0, pl.Int64).alias(column.name) for column in contract.columns if column.item is not None]
        keys = form_rows(known.with_columns(items), contract, secret, sender)["case_key"]
    return pl.concat([keys.cast(pl.Binary), pl.Series([None] * len(unknown), dtype=pl.Binary)])


def withdrawals(parcel: Parcel, rows: pl.LazyFrame, refused: pl.Series, sequence: int) -> Withdrawn:
    """What a delivery withdraws. `rows`: its accepted rows as the lake holds them; `refused`: keys of the others.

    A row that comes out of date does not bring back what a later state of its own sender no longer has: its case is
    withdrawn again. Rows read again withdraw nothing else. Raises `UserError` when nothing tells at which instant a snapshot was taken.
    """
    lake, snapshot = _Lake(parcel), parcel.snapshot
    if snapshot is None or parcel.again is not None:
        then = parcel.again.delivery.taken_at if parcel.again is not None else None
        taken_at = None if then is None else instant_of(then)
        return Withdrawn(lake.stamped(lake.out_of_date(rows, taken_at), sequence), taken_at, 0, None)
    taken_at = snapshot.taken_at or _newest_update(rows, parcel.contract)
    live = lake.live(snapshot.scope, taken_at)
    here = pl.concat([rows.select("case_key").collect()["case_key"], refused.drop_nulls()]).to_frame("case_key")
    missing = live.join(here, on="case_key", how="anti").with_columns(
        pl.lit(taken_at, pl.Datetime("us")).alias("taken_at")
    )
    held = None if snapshot.is_confirmed else _doubt(len(missing), len(live), refused.null_count())
    both = pl.concat([missing, lake.out_of_date(rows, taken_at)])
    return Withdrawn(lake.stamped(both, sequence), taken_at, len(live), held)


def _doubt(missing: int, live: int, unreadable: int) -> str | None:
    """Why a human must look before cases are withdrawn, None where nobody need."""
    said = f"would withdraw {missing} of the {live} cases in its scope"
    if missing and unreadable:
        return (
            f"{said}, but {unreadable} of its rows have no readable number and may be among them; nothing was taken in: "
            "mend these rows, or confirm with --withdraw."
        )
    if missing > max(FEW, SMALL_PART * live):
        return f"{said}; nothing was taken in: see that the export is whole, then confirm with --withdraw."
    return None


def _newest_update(rows: pl.LazyFrame, contract: Contract) -> datetime:
    """The newest update time in a file, or now where its rows carry none. Raises `UserError` where there is no row."""
    now = datetime.now(ZoneInfo(TIME_ZONE)).replace(tzinfo=None)
    name = tables()[contract.table].updated
    if contract.updated is None or name is None:
        return now
    newest, number = rows.select(pl.col(name).max().cast(pl.Datetime("us")), pl.len()).collect().row(0)
    if not number:
        raise UserError("A snapshot without a row does not tell when it was taken; say --taken-at.")
    return min(newest or now, now)


class _Lake:
    """What has come in of a table so far, seen from one sender."""

    def __init__(self, parcel: Parcel) -> None:
        self._table, self._sender, self._register = parcel.contract.table, parcel.sender, parcel.register
        contract = tables()[self._table]
        updated = pl.col(contract.updated) if contract.updated else pl.lit(None)
        self._versions = scanned(self._table).select(
            "case_key",
            "ledger_sequence",
            "row_number",
            "sender",
            "area_code",
            pl.col(contract.dated_by).cast(pl.Date).alias("dated_by"),
            updated.cast(pl.Datetime("us")).alias("updated"),
        )
        self._withdrawn = (
            scanned("withdrawals")
            .filter(table_name=self._table)
            .sort("ledger_sequence", descending=True)
            .unique("case_key", keep="first", maintain_order=True)
            .select("case_key", "taken_at", "sender", pl.col("ledger_sequence").alias("withdrawn_sequence"))
        )

    def live(self, scope: Scope, taken_at: datetime) -> pl.DataFrame:
        """Keys whose newest version came from this sender, lies in a scope and was not seen later than an instant."""
        taken = {d.ledger_sequence: d.taken_at for d in ledger.deliveries() if d.taken_at is not None}
        seen = pl.col("ledger_sequence").replace_strict(
            list(taken), [instant_of(at) for at in taken.values()], default=None, return_dtype=pl.Datetime("us")
        )
        own = self._versions.filter(sender=self._sender).select("case_key").unique()
        versions = self._versions.join(own, on="case_key", how="semi").collect()
        last = versions.group_by("case_key").agg(
            pl.col("ledger_sequence").max().alias("last_sequence"),
            pl.max_horizontal("updated", seen).max().alias("seen"),
        )
        order = ["updated", "ledger_sequence", "row_number"]
        newest = versions.sort(order, descending=True, nulls_last=True).unique("case_key", keep="first")
        withdrawn = self._withdrawn.select("case_key", "withdrawn_sequence").collect()
        known = newest.join(last, on="case_key").join(withdrawn, on="case_key", how="left")
        is_live = pl.col("withdrawn_sequence").is_null() | (pl.col("withdrawn_sequence") < pl.col("last_sequence"))
        is_later = (pl.col("seen") > taken_at).fill_null(value=False)
        is_own = pl.col("sender") == self._sender
        return known.filter(is_live & is_own & ~is_later & scope.holds("area_code", "dated_by")).select("case_key")

    def out_of_date(self, rows: pl.LazyFrame, taken_at: datetime | None) -> pl.DataFrame:
        """Cases, with the instant they were withdrawn at, that this sender withdrew later than it last had these rows.

        A row of changes was last had when it was updated, a row of a snapshot when that was taken.
        """
        withdrawn = self._withdrawn.filter(sender=self._sender).collect()
        if withdrawn.is_empty():
            return withdrawn.select("case_key", "taken_at")
        named = withdrawn.lazy().select("case_key")
        last = (
            self._versions.join(named, on="case_key", how="semi")
            .group_by("case_key")
            .agg(pl.col("ledger_sequence").max().alias("last_sequence"))
        )
        updated = tables()[self._table].updated
        had = pl.col(updated).max().cast(pl.Datetime("us")) if updated else pl.lit(None, pl.Datetime("us"))
        brought = rows.join(named, on="case_key", how="semi").group_by("case_key").agg(had.alias("had"))
        both = withdrawn.lazy().join(last, on="case_key").join(brought, on="case_key")
        is_later = pl.col("had") <= pl.col("taken_at") if taken_at is None else pl.lit(taken_at) < pl.col("taken_at")
        still = both.filter((pl.col("withdrawn_sequence") >= pl.col("last_sequence")) & is_later)
        return still.select("case_key", "taken_at").collect()

    def stamped(self, keys: pl.DataFrame, sequence: int) -> pl.DataFrame:
        """Keys with their instants as rows of `lake/withdrawals`."""
        rows = keys.with_columns(
            pl.lit(sequence, pl.Int64).alias("ledger_sequence"),
            pl.lit(self._table).alias("table_name"),
            pl.lit(self._sender).alias("sender"),
            pl.lit(self._register).alias("register"),
        )
        return rows.select(list(WITHDRAWALS)).sort("case_key")
