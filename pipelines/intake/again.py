"""Refused rows of an earlier delivery, read again because the rules have changed."""

from dataclasses import dataclass, replace

import polars as pl

from pipelines.catalogue import tables
from pipelines.intake import ledger
from pipelines.intake.lake import scanned
from pipelines.intake.layouts import Block
from pipelines.intake.ledger import Counts, Delivery
from pipelines.intake.parsing import FINDINGS
from pipelines.settings import UserError, data_root


def refused(delivery: Delivery) -> pl.DataFrame:
    """The failing checks of a delivery's refused rows: the columns of `FINDINGS`. Raises `UserError` when they are lost."""
    path = data_root() / "quarantine" / f"{delivery.folder}.parquet"
    try:
        kept = pl.scan_parquet(path, schema=FINDINGS, missing_columns="insert", extra_columns="ignore").collect()
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(
            f"The refused rows of {delivery.file} ({path}) cannot be read. Restore them from a backup."
        ) from None
    return kept.filter(severity="refuse")


@dataclass(frozen=True)
class Again:
    """The refused rows of a delivery (`sheet`, `row_number`), to be read again; `since`: the delivery that first brought them."""

    delivery: Delivery
    since: int
    rows: pl.DataFrame

    @property
    def months(self) -> tuple[str, str] | tuple[None, None]:
        first, last = self.delivery.first_month, self.delivery.last_month
        return (first, last) if first is not None and last is not None else (None, None)

    def is_in_vain(self, counts: Counts) -> bool:
        """Whether the same rows were refused for the same reasons as before: then there is nothing to enter."""
        return (counts.read, counts.reasons) == (counts.quarantined, self.delivery.reasons)

    def only(self, block: Block) -> Block:
        """Of a block the rows that were refused."""
        name = block.sheet.name
        of_sheet = self.rows.filter(pl.col("sheet").is_null() if name is None else pl.col("sheet") == name)
        return replace(
            block, rows=block.rows.join(of_sheet, on="row_number", how="semi", maintain_order="left"), not_data=0
        )

    def is_new(self, rows: pl.DataFrame) -> pl.Series:
        """Whether no row of the same file, or of one that came later, has brought the same version. `rows`: with `_version`."""
        table = self.delivery.table_name
        updated = tables()[table].updated
        version = pl.col(updated).cast(pl.Datetime("us")) if updated else pl.lit(None, pl.Datetime("us"))
        known = (
            scanned(table)
            .filter(pl.col("ledger_sequence") >= self.since)
            .select("case_key", version.alias("_version"))
            .join(rows.lazy().select("case_key"), on="case_key", how="semi")
            .unique()
            .with_columns(pl.lit(value=True).alias("is_known"))
            .collect()
        )
        found = rows.join(known, on=["case_key", "_version"], how="left", nulls_equal=True, maintain_order="left")
        return found["is_known"].is_null()


def to_read_again(delivery: Delivery, rules_version: str) -> Again | None:
    """The refused rows of a delivery where the rules have changed since; None where none are left or nothing changed."""
    if not delivery.quarantined or delivery.rules_version == rules_version:
        return None
    rows = refused(delivery).select("sheet", "row_number").unique(maintain_order=True)
    return Again(delivery, first_of(delivery).ledger_sequence, rows)


def first_of(delivery: Delivery) -> Delivery:
    """The delivery of the whole file, where this is one of its refused rows."""
    while delivery.retry_of is not None:
        delivery = ledger.delivery(delivery.retry_of)
    return delivery
