"""What came after its time (补报), and what came a second time in other bytes."""

from datetime import date

import polars as pl

from pipelines.catalogue import senders, tables
from pipelines.intake import ledger
from pipelines.intake.identifying import Parcel
from pipelines.intake.lake import scanned
from pipelines.intake.ledger import Delivery
from pipelines.periods import month_start

DUE_DAY = 10  # of the following month, where senders.csv does not say


def late_rows(parcel: Parcel, rows: pl.LazyFrame, today: date) -> int:
    """Rows of cases never heard of, in months which their sender had reported and which were closed. `rows`: as the lake's.

    A month is closed when the day has passed by which its report was due.
    """
    table, contract = parcel.contract.table, tables()[parcel.contract.table]
    closed = [month for month in _reported(table, parcel.sender) if _due(month, table, parcel.sender) < today]
    if not closed:
        return 0
    month = pl.col(contract.dated_by).cast(pl.Date).dt.truncate("1mo")
    perhaps = rows.filter(month.is_in(closed)).select("case_key", "row_number")
    known = scanned(table).select("case_key")
    return perhaps.join(known, on="case_key", how="anti").select(pl.col("row_number").n_unique()).collect().item()


def _reported(table: str, sender: str) -> set[date]:
    spans = [
        (month_start(d.first_month), month_start(d.last_month))
        for d in ledger.deliveries()
        if (d.table_name, d.sender) == (table, sender) and d.first_month is not None and d.last_month is not None
    ]
    return {month for first, last in spans for month in pl.date_range(first, last, "1mo", eager=True)}


def _due(month: date, table: str, sender: str) -> date:
    days = [s.due_day for s in senders() if (s.table, s.sender) == (table, sender)]
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return following.replace(day=min(max(days, default=DUE_DAY), 28))


def brought_before(entry: Delivery) -> Delivery | None:
    """The delivery of the same sender that brought the very same rows: the file was saved anew, in another encoding or form.

    Looked for only where an earlier delivery has the same counts.
    """
    if entry.folder is None or not entry.accepted:
        return None
    counts = (entry.table_name, entry.sender, entry.accepted, entry.quarantined, entry.duplicate)
    alike = [
        d
        for d in ledger.deliveries()
        if d.ledger_sequence < entry.ledger_sequence
        and d.folder is not None
        and (d.table_name, d.sender, d.accepted, d.quarantined, d.duplicate) == counts
    ]
    content = _content(entry) if alike else None
    return next((d for d in reversed(alike) if _content(d) == content), None)


def _content(entry: Delivery) -> int:
    """A digest of a delivery's rows, whatever their order and place in the file."""
    said = scanned(entry.table_name, str(entry.folder)).select(pl.exclude("ledger_sequence", "row_number"))
    return said.select(pl.struct(pl.all()).hash().sum()).collect().item()
