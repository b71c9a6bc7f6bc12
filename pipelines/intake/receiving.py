"""One delivery from file to ledger: read, typed, keyed, deduplicated, written, entered.

Every data row leaves as accepted, quarantined or duplicate. The lake folder is renamed into place before the ledger
entry is made, and an entry is what makes it count: a kill at any moment loses nothing and doubles nothing.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipelines.catalogue import senders, tables
from pipelines.intake import keys as key_file
from pipelines.intake import ledger
from pipelines.intake.across import looked_across
from pipelines.intake.again import first_of, to_read_again
from pipelines.intake.archive import Original, archiving
from pipelines.intake.archives import members
from pipelines.intake.denying import personal_headings, shown_headings
from pipelines.intake.identifying import Parcel, Request, identify, keep_given, register_of
from pipelines.intake.kinds import kind_of
from pipelines.intake.lake import Draft, drafted, taking, withdrawing
from pipelines.intake.lateness import brought_before, late_rows
from pipelines.intake.layouts import unknown_headings
from pipelines.intake.ledger import Counts
from pipelines.intake.passing import Passed, pass_through
from pipelines.intake.transcoding import NotThisEncoding
from pipelines.intake.turns import Turn
from pipelines.intake.withdrawing import withdrawals
from pipelines.periods import months_of
from pipelines.settings import TIME_ZONE, UserError, landing

HASHED_FIRST = 32 << 20  # bytes; a larger file is read while its digest is still being computed


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `intake --json` prints these fields.

    `outcome`: accepted, already_received, dry_run, or held (nothing was taken in until somebody confirms the withdrawals).
    `late`: rows of new cases in months that were reported and closed before (补报). `note`: a sentence for the operator, where
    there is something to say.
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
    late: int = 0
    note: str | None = None


class Refused(NamedTuple):
    """A file that could not be taken in at all, or a member of an archive (`archive.zip/member.csv`), and why."""

    file: Path
    sentence: str


def receive_each(file: Path, request: Request, turn: Turn | None = None) -> Iterator[Outcome | Refused]:
    """What became of a file, or of each file in an archive; a wrong one stops no other. Call under the lock.

    `turn`: where other processes take in other files at the same time.
    """
    try:
        _require_name(file)
        _require_inside(file)
        if file.is_file() and file.stat().st_size and kind_of(file) == "archive":
            if turn is not None:
                turn.come()
            with members(file) as found:
                for name, member in found:
                    yield _received(member, file, name, request)
        else:
            yield receive(file, request, turn)
    except UserError as error:
        yield Refused(file, str(error))
    except OSError as error:
        yield Refused(file, f"{file} cannot be read: {error.strerror or type(error).__name__}.")


def _require_name(file: Path) -> None:
    """Raises `UserError` for a name in another encoding than this machine's, as archives of other systems leave them."""
    try:
        os.fspath(file).encode()
    except UnicodeEncodeError:
        read = os.fsencode(file.name).decode("gb18030", errors="replace")
        raise UserError(
            f"The name of a file is not UTF-8 (in GB18030 it reads {read}). Rename it and hand it in."
        ) from None


def _require_inside(file: Path) -> None:
    """Raises `UserError` for a link in the landing folder that leads out of it: its sender may not name files of others."""
    if file.is_symlink() and landing() in file.absolute().parents and landing() not in _leads_to(file).parents:
        raise UserError(f"{file.name} is a link that leads out of the landing folder. Put the file itself there.")


def _leads_to(link: Path) -> Path:
    """Where a link leads in the end; of links in a ring, one of them."""
    return Path(os.path.realpath(link))


def _received(member: Path, archive: Path, name: str, request: Request) -> Outcome | Refused:
    try:
        return receive(member, replace(request, archive=archive))
    except UserError as error:
        return Refused(archive.parent / name, f"In {archive.name}: {error}")


def receive(path: Path, request: Request, turn: Turn | None = None) -> Outcome:
    """Take one file in. Call under `ledger.writer_lock()`. Raises `UserError` when the file as a whole cannot be taken in."""
    with _without_panic(path):
        return _archived_and_received(identify(path, request), request, turn)


@contextmanager
def _without_panic(path: Path) -> Iterator[None]:
    """Raises `UserError` where a library in Rust gives up inside: what it raises is no `Exception`, and nobody foresaw it."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise UserError(
            f"{path.name}: the table's reader failed. Save the file as .xlsx, hand it in again, and please report it."
        ) from None


def _archived_and_received(parcel: Parcel, request: Request, turn: Turn | None) -> Outcome:
    path = parcel.path
    with archiving(path) as original:
        try:
            return _receive(parcel, request, original, turn)
        except NotThisEncoding:
            if parcel.layout.form != "utf-8":
                raise UserError(
                    f"{path.name} is neither UTF-8 nor GB18030 text. Save it as CSV UTF-8 or as .xlsx and hand it in again."
                ) from None
            layout = replace(parcel.layout, form="gb18030")
            return _receive(replace(parcel, layout=layout), request, original, turn)


def _receive(parcel: Parcel, request: Request, original: Original, turn: Turn | None = None) -> Outcome:
    """Read and type the file, then, when its turn has come, enter it under the number that its rows carry.

    Files before it that other processes read may have turned out otherwise: the same content, or none of it. Then it
    has another number than was foreseen, and is read once more.
    """
    known = cache(partial(_known, parcel))
    turn, secret = turn or Turn(ledger.next_sequence()), key_file.load()
    if parcel.again is None and parcel.path.stat().st_size < HASHED_FIRST and known() is not None:
        turn.come()
        return _once_more(parcel, request, original, known())
    if not request.dry_run:
        with taking():
            original.begin()
    with drafted(parcel.contract.table, turn.sequence, is_dry=request.dry_run) as draft:
        is_moot = partial(_is_moot, parcel, known)
        passed = pass_through(parcel, secret, turn.sequence, draft, unless=lambda: parcel.digest.is_ready and is_moot())
        parcel.digest.require_unchanged()
        turn.come()
        known.cache_clear()
        if passed is not None and not is_moot() and ledger.next_sequence() == turn.sequence:
            return _take_in(parcel, request, original, draft, passed, turn.sequence)
    if known() is None:
        return _receive(parcel, request, original)
    return _once_more(parcel, request, original, known())


def _is_moot(parcel: Parcel, known: Callable[[], ledger.Delivery | None]) -> bool:
    """Whether the file as a whole has come in before, so that reading all its rows is of no use."""
    return parcel.again is None and known() is not None


def _once_more(parcel: Parcel, request: Request, original: Original, known: ledger.Delivery | None) -> Outcome:
    """A file that has come in before: nothing to do, unless rows of it were refused by rules that have changed since."""
    assert known is not None
    again = to_read_again(known, parcel.rules_version)
    if again is not None:
        return _receive(replace(parcel, again=again), request, original)
    return _known_already(parcel, known)


def _known_already(parcel: Parcel, known: ledger.Delivery) -> Outcome:
    whole = first_of(known)
    return _outcome(parcel, "already_received", whole.counts, withdrawn=whole.withdrawn, late=whole.late)


def _take_in(
    parcel: Parcel, request: Request, original: Original, draft: Draft, passed: Passed, sequence: int
) -> Outcome:
    """Withdrawals, archive, lake and ledger, in this order: the entry is what makes all of it count."""
    contract, counts = parcel.contract, passed.counts
    name, months = parcel.name, parcel.months or passed.months
    if parcel.again is not None and months[0] is None:
        months = parcel.again.months
    if counts.read == 0 and months[0] is None:
        raise UserError(
            f"{name} has a header and no row. Name the months it reports on with --period: then it is zero."
        )
    if parcel.is_zero and counts.read:
        raise UserError(f"{name} is said to be a zero report and has {counts.read} rows. Mend the one or the other.")
    if parcel.again is not None and parcel.again.is_in_vain(counts):
        return _known_already(parcel, parcel.again.delivery)
    passed = looked_across(parcel, draft, passed, sequence)
    counts = passed.counts
    gone = withdrawals(parcel, draft.marks(), passed.refused_keys, sequence)
    said = {
        "withdrawn": len(gone.rows),
        "late": late_rows(parcel, draft.marks(), datetime.now(ZoneInfo(TIME_ZONE)).date()),
    }
    if gone.held is not None:
        return _outcome(parcel, "held", counts, f"{name} {gone.held}", **said)
    if request.dry_run:
        return _outcome(parcel, "dry_run", counts, **said)
    folder = f"{sequence:08d}-{parcel.sha256[:12]}"
    keep_given(parcel, request, folder)
    with taking():
        original.finish()
    with withdrawing(gone.rows, folder):
        draft.finish(passed.findings, folder)
    with taking():
        original.keep(parcel.sha256)
    entry = ledger.Delivery(
        ledger_sequence=sequence,
        sha256=parcel.sha256,
        file=name,
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
        retry_of=None if parcel.again is None else parcel.again.delivery.ledger_sequence,
        rules_version=parcel.rules_version,
        **said,
        **asdict(counts),
    )
    ledger.record(entry)
    return _outcome(
        parcel, "accepted", counts, " ".join(filter(None, (_noted(entry), _renamed(parcel)))) or None, **said
    )


def _renamed(parcel: Parcel) -> str | None:
    """That a file is called otherwise than it was handed in."""
    if not parcel.is_renamed:
        return None
    return (
        f"A file's name held an ID, mobile or plate number, and the ledger calls it {parcel.name}. "
        "Rename such files before they are handed in."
    )


def _noted(entry: ledger.Delivery) -> str | None:
    """What an operator would else not see of a delivery."""
    if entry.retry_of is not None:
        return f"{entry.file}: {entry.accepted} of {entry.read} rows that had been refused were taken in."
    before = brought_before(entry)
    if before is None:
        return None
    return f"{entry.file}: every row was known already, from {before.file}; each case is counted once."


def _known(parcel: Parcel) -> ledger.Delivery | None:
    """The newest delivery that brought this content, said to be the same thing; the contract's columns were the same ones.

    Files without a row are all alike: they are the same delivery only where they report on the same months.
    """
    told = None if parcel.snapshot is None or parcel.snapshot.taken_at is None else parcel.snapshot.taken_at.isoformat()
    same = (
        d
        for d in ledger.received(parcel.sha256, parcel.contract.table, parcel.sender)
        if d.contract == parcel.contract.id
        and (d.folder is None or set(d.columns) == set(parcel.delivered))
        and (d.mode, d.scope) == (parcel.mode, parcel.scope)
        and (told is None or d.taken_at == told)
        and (d.read > 0 or parcel.months is None or (d.first_month, d.last_month) == parcel.months)
    )
    return next(same, None)


def _outcome(parcel: Parcel, outcome: str, counts: Counts, note: str | None = None, **said: int) -> Outcome:
    layout = parcel.layout
    headings = (text for sheet in layout.sheets for text in unknown_headings(sheet.header, parcel.contract))
    unknown = list(dict.fromkeys(headings))
    return Outcome(
        file=parcel.name,
        sha256=parcel.sha256,
        sender=parcel.sender,
        contract=parcel.contract.id,
        outcome=outcome,
        unknown_columns=shown_headings(unknown),
        personal_columns=personal_headings(unknown),
        layout=str(layout),
        mode=parcel.mode,
        note=note,
        **said,
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
