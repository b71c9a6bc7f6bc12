"""One delivery from file to ledger: read, typed, keyed, deduplicated, written, entered.

Every data row leaves as accepted, quarantined or duplicate. The lake folder is renamed into place before the ledger
entry is made, and an entry is what makes it count: a kill at any moment loses nothing and doubles nothing.
"""

import hashlib
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from pipelines.catalogue import Contract, senders, tables
from pipelines.intake import keys as key_file
from pipelines.intake import ledger
from pipelines.intake.archive import Original, archiving
from pipelines.intake.denying import personal_headings, shown_headings
from pipelines.intake.identifying import Parcel, Request, identify, keep_given, register_of
from pipelines.intake.keyed import form_rows, keyed_rows
from pipelines.intake.lake import lake_schema, taking, withdrawing, write_delivery
from pipelines.intake.layouts import unknown_headings
from pipelines.intake.ledger import Counts
from pipelines.intake.parsing import FINDINGS, parse
from pipelines.intake.reading import blocks
from pipelines.intake.withdrawing import mark_outside, refused_keys, withdrawals
from pipelines.periods import months_of
from pipelines.settings import UserError


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `intake --json` prints these fields.

    `outcome`: accepted, already_received, dry_run, or held (nothing was taken in until somebody confirms the withdrawals).
    `note`: a sentence for the operator, where there is something to say.
    """

    file: str
    sha256: str
    sender: str
    contract: str
    outcome: str
    read: int
    not_data: int
    accepted: int
    quarantined: int
    duplicate: int
    reasons: dict[str, int]
    warnings: dict[str, int]
    unknown_columns: list[str]
    personal_columns: list[str]
    layout: str
    mode: str = "changes"
    withdrawn: int = 0
    note: str | None = None


def receive(path: Path, request: Request) -> Outcome:
    """Take one file in. Call under `ledger.writer_lock()`. Raises `UserError` when the file as a whole cannot be taken in."""
    with archiving(path) as original:
        return _receive(path, request, original)


def _receive(path: Path, request: Request, original: Original) -> Outcome:
    parcel = identify(path, request)
    contract = parcel.contract
    known = _known(parcel)
    if known is not None:
        return _outcome(parcel, "already_received", known.counts, known.withdrawn)
    sequence, secret = ledger.next_sequence(), key_file.load()
    if not request.dry_run:
        with taking():
            original.begin()
    taken = _read_all(parcel, secret)
    rows, duplicate = _deduplicated(_identified(taken.clean, parcel, secret, sequence), contract)
    counts = _counts(taken, duplicate)
    months = parcel.months or _months(taken.clean, contract)
    if taken.read == 0 and months[0] is None:
        raise UserError(
            f"{path.name} has a header and no row. Name the months it reports on with --period: then it is zero."
        )
    if parcel.is_zero and taken.read:
        raise UserError(
            f"{path.name} is said to be a zero report and has {taken.read} rows. Mend the one or the other."
        )
    gone = withdrawals(parcel, rows.lazy(), taken.refused_keys, sequence)
    if gone.held is not None:
        return _outcome(parcel, "held", counts, len(gone.rows), f"{path.name} {gone.held}")
    if request.dry_run:
        return _outcome(parcel, "dry_run", counts, len(gone.rows))
    keep_given(parcel, request)
    folder = f"{sequence:08d}-{parcel.sha256[:12]}"
    with taking():
        original.finish()
    with withdrawing(gone.rows, folder):
        write_delivery(rows, taken.findings, contract.table, folder)
    with taking():
        original.keep(parcel.sha256)
    ledger.record(
        ledger.Delivery(
            ledger_sequence=sequence,
            sha256=parcel.sha256,
            file=path.name,
            sender=parcel.sender,
            register=parcel.register,
            contract=contract.id,
            contract_version=contract.version,
            table_name=contract.table,
            first_month=months[0],
            last_month=months[1],
            received_at=ledger.now(),
            folder=folder,
            columns=parcel.delivered,
            mode=parcel.mode,
            scope=parcel.scope,
            taken_at=None if gone.taken_at is None else gone.taken_at.isoformat(),
            withdrawn=len(gone.rows),
            rules_version=parcel.rules_version,
            **asdict(counts),
        )
    )
    return _outcome(parcel, "accepted", counts, len(gone.rows))


def _known(parcel: Parcel) -> ledger.Delivery | None:
    """The delivery that brought this content, said to be the same thing, under the same contract.

    Files without a row are all alike: they are the same delivery only where they report on the same months.
    """
    told = None if parcel.snapshot is None or parcel.snapshot.taken_at is None else parcel.snapshot.taken_at.isoformat()
    same = (
        d
        for d in ledger.received(parcel.sha256, parcel.contract.table, parcel.sender)
        if (d.contract, d.contract_version) == (parcel.contract.id, parcel.contract.version)
        and (d.mode, d.scope) == (parcel.mode, parcel.scope)
        and (told is None or d.taken_at == told)
        and (d.read > 0 or parcel.months is None or (d.first_month, d.last_month) == parcel.months)
    )
    return next(same, None)


def _counts(taken: "_Taken", duplicate: int) -> Counts:
    refused = len(taken.refused)
    reasons, warnings = _by_reason(taken.refused["reason"]), _by_reason(taken.clean["warning"])
    accepted = taken.read - refused - duplicate
    return Counts(taken.read, taken.not_data, accepted, refused, duplicate, reasons, warnings)


def _outcome(parcel: Parcel, outcome: str, counts: Counts, withdrawn: int = 0, note: str | None = None) -> Outcome:
    layout = parcel.layout
    headings = (text for sheet in layout.sheets for text in unknown_headings(sheet.header, parcel.contract))
    unknown = list(dict.fromkeys(headings))
    return Outcome(
        file=parcel.path.name,
        sha256=parcel.sha256,
        sender=parcel.sender,
        contract=parcel.contract.id,
        outcome=outcome,
        unknown_columns=shown_headings(unknown),
        personal_columns=personal_headings(unknown),
        layout=str(layout),
        mode=parcel.mode,
        withdrawn=withdrawn,
        note=note,
        **asdict(counts),
    )


def zero_report(sender: str, table: str, period: str) -> Outcome:
    """Enter that a sender had no case in a period: zero, not missing. Call under the lock."""
    contract = tables().get(table)
    if contract is None:
        raise UserError(f"{table} is not a table; name one of {', '.join(tables())} with --contract.")
    months = months_of(period)
    heard = {(s.sender, s.table) for s in senders()} | {(d.sender, d.table_name) for d in ledger.deliveries()}
    if (sender, table) not in heard:
        raise UserError(
            f"{sender} is no sender of {table}, neither in seeds/tables/senders.csv nor by an earlier file."
        )
    sha256 = hashlib.sha256(f"zero|{sender}|{table}|{period}".encode()).hexdigest()
    nothing = Counts(0, 0, 0, 0, 0, {}, {})
    is_known = bool(ledger.received(sha256, table, sender))
    if not is_known:
        ledger.record(
            ledger.Delivery(
                ledger_sequence=ledger.next_sequence(),
                sha256=sha256,
                file="zero report",
                sender=sender,
                register=register_of(sender, table),
                contract=contract.id,
                contract_version=contract.version,
                table_name=table,
                first_month=months[0],
                last_month=months[1],
                received_at=ledger.now(),
                folder=None,
                columns=tuple(column.name for column in contract.columns if column.personal != "dropped"),
                **asdict(nothing),
            )
        )
    outcome = "already_received" if is_known else "accepted"
    return Outcome(
        file="zero report",
        sha256=sha256,
        sender=sender,
        contract=contract.id,
        outcome=outcome,
        unknown_columns=[],
        personal_columns=[],
        layout="declared",
        **asdict(nothing),
    )


@dataclass(frozen=True)
class _Taken:
    """A whole file after its contract: `clean` and `refused` rows, `findings` for the quarantine.

    `refused_keys`: of a snapshot's refused rows, null where the number could not be read; empty of changes.
    """

    clean: pl.DataFrame
    refused: pl.DataFrame
    refused_keys: pl.Series
    findings: pl.DataFrame
    read: int
    not_data: int


def _read_all(parcel: Parcel, secret: key_file.Keys) -> _Taken:
    contract, snapshot = parcel.contract, parcel.snapshot
    clean, refused, findings, read, not_data = [], [], [pl.DataFrame(schema=FINDINGS)], 0, 0
    keys = [pl.Series(dtype=pl.Binary)]
    for block in blocks(parcel.path, parcel.layout, contract, parcel.told):
        parsed = parse(block, contract, parcel.areas)
        if snapshot is not None:
            parsed = mark_outside(parsed, block.sheet.name, snapshot.scope, contract)
        clean.append(parsed.rows.filter(pl.col("reason").is_null()).drop("reason"))
        turned_back = parsed.rows.filter(pl.col("reason").is_not_null())
        if snapshot is not None:
            keys.append(refused_keys(turned_back, contract, secret, parcel.register, parcel.sender))
        refused.append(turned_back.select("row_number", "reason"))
        findings.append(parsed.findings)
        read += len(block.rows)
        not_data += block.not_data
    return _Taken(pl.concat(clean), pl.concat(refused), pl.concat(keys), pl.concat(findings), read, not_data)


def _identified(clean: pl.DataFrame, parcel: Parcel, secret: key_file.Keys, sequence: int) -> pl.DataFrame:
    """Rows as the lake holds them, plus `_version` (when the source changed the row)."""
    contract = parcel.contract
    if contract.kind == "cases":
        rows = keyed_rows(clean, contract, secret, parcel.register)
    else:
        rows = form_rows(clean, contract, secret, parcel.sender)
    stamped = rows.with_columns(
        pl.lit(sequence, pl.Int64).alias("ledger_sequence"),
        pl.lit(parcel.sender).alias("sender"),
        pl.lit(parcel.register).alias("register"),
    )
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in lake_schema(contract.table).items()
        if name not in stamped.columns
    ]
    version = (
        pl.col(contract.updated).cast(pl.Datetime("us"))
        if contract.updated in stamped.columns
        else pl.lit(None, pl.Datetime("us"))
    )
    return stamped.with_columns(*missing, version.alias("_version"))


def _deduplicated(rows: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, int]:
    """Rows without those that repeat key and update time of an earlier row of the file; how many file rows fell out."""
    kept = rows.unique(["case_key", "_version"], keep="first", maintain_order=True)
    lost = rows["row_number"].n_unique() - kept["row_number"].n_unique()
    return kept.select(list(lake_schema(contract.table))), lost


def _by_reason(reasons: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(reasons.drop_nulls().to_list()).items()))


def _months(clean: pl.DataFrame, contract: Contract) -> tuple[str, str] | tuple[None, None]:
    """The months from the earliest to the latest accepted row, where nobody has said what a delivery reports on."""
    if clean.is_empty():
        return None, None
    first, last = clean[contract.dated_by].min(), clean[contract.dated_by].max()
    return f"{first:%Y-%m}", f"{last:%Y-%m}"
