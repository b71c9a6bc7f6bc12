"""All rows of one file through the door: typed, keyed, deduplicated and written a block at a time, by two threads.

Blocks are made and typed side by side; what depends on order (which of two equal rows is the first) is done block after
block. Memory holds two blocks and 16 bytes a row, not the file.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

import polars as pl

from pipelines.catalogue import Contract
from pipelines.intake.identifying import Parcel
from pipelines.intake.keyed import form_rows, keyed_rows
from pipelines.intake.keys import Keys
from pipelines.intake.lake import Draft
from pipelines.intake.layouts import Block
from pipelines.intake.ledger import Counts
from pipelines.intake.parsing import FINDINGS, Parsed, Parser
from pipelines.intake.reading import parts
from pipelines.intake.repeats import Seen
from pipelines.intake.withdrawing import mark_outside, refused_keys

THREADS = 2


@dataclass(frozen=True)
class Passed:
    """What became of a file's rows. `months`: first and last of the accepted rows; `findings`: for the quarantine.

    `refused_keys`: of a snapshot's refused rows, null where the number could not be read; empty of changes.
    """

    counts: Counts
    months: tuple[str, str] | tuple[None, None]
    findings: pl.DataFrame
    refused_keys: pl.Series


@dataclass
class _Tally:
    """Counts so far; written in the turn of a block, read when all are done."""

    read: int = 0
    not_data: int = 0
    quarantined: int = 0
    duplicate: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    months: set[str] = field(default_factory=set)
    findings: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=FINDINGS)])
    refused_keys: list[pl.Series] = field(default_factory=lambda: [pl.Series(dtype=pl.Binary)])


def pass_through(
    parcel: Parcel, secret: Keys, sequence: int, draft: Draft, *, unless: Callable[[], bool]
) -> Passed | None:
    """Take all rows of a file to a draft in the lake; None when `unless` became true on the way.

    Raises `UserError` when the file cannot be read or the disk does not take the rows.
    """
    line = _Line(parcel, secret, sequence, draft, unless)
    threads = [Thread(target=line.work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return line.result()


class _Line:
    """Two workers at one file. Each takes the next part, and waits for its turn where order matters."""

    def __init__(self, parcel: Parcel, secret: Keys, sequence: int, draft: Draft, unless: Callable[[], bool]) -> None:
        self._parcel, self._secret, self._sequence, self._draft = parcel, secret, sequence, draft
        self._unless = unless
        self._parts = enumerate(parts(parcel.path, parcel.layout, parcel.contract, parcel.told))
        self._taking, self._turn = Lock(), Condition()
        self._next_turn = 0
        self._seen, self._tally = Seen(), _Tally()
        self._stopped: BaseException | None = None
        self._is_moot = False

    def work(self) -> None:
        try:
            parser = Parser(self._parcel.contract, self._parcel.areas, self._parcel.told)
            while self._pass_next(parser):
                pass
        except BaseException as error:
            with self._turn:
                self._stopped = self._stopped or error
                self._turn.notify_all()

    def _pass_next(self, parser: Parser) -> bool:
        """Take the next part all the way; False where there is none, or an error or `unless` stops both workers."""
        with self._taking:
            self._is_moot = self._is_moot or self._unless()
            taken = None if self._stopped or self._is_moot else next(self._parts, None)
        if taken is None:
            return False
        number, part = taken
        block = part()
        del taken, part  # the text of the part is not needed any more
        self._pass(number, block, parser)
        return True

    def _pass(self, number: int, block: Block, parser: Parser) -> None:
        parcel, contract = self._parcel, self._parcel.contract
        if parcel.again is not None:
            block = parcel.again.only(block)
        parsed = parser.parse(block)
        if parcel.snapshot is not None:
            parsed = mark_outside(parsed, block.sheet.name, parcel.snapshot.scope, contract)
        is_refused = parsed.rows["reason"].is_not_null()
        clean = parsed.rows.filter(~is_refused).drop("reason").with_row_index("_record")
        rows = _as_lake_rows(clean, parcel, self._secret, self._sequence)
        with self._turn:
            self._turn.wait_for(lambda: self._next_turn == number or self._stopped)
            if self._stopped:
                return
            rows = rows.filter(self._seen.first(rows["case_key"], rows["_version"]))
            if parcel.again is not None:
                rows = rows.filter(parcel.again.is_new(rows))
            self._count(block, parsed.rows["reason"], clean, rows)
            self._tally.findings.append(parsed.findings)
            self._tally.refused_keys.append(self._keys_of(parsed))
            self._next_turn += 1
            self._turn.notify_all()
        self._draft.write(rows, number, block.sheet.name)

    def _keys_of(self, parsed: Parsed) -> pl.Series:
        parcel = self._parcel
        if parcel.snapshot is None:
            return pl.Series(dtype=pl.Binary)
        return refused_keys(parsed, parcel.contract, self._secret, parcel.register, parcel.sender)

    def _count(self, block: Block, reasons: pl.Series, clean: pl.DataFrame, kept: pl.DataFrame) -> None:
        tally, refused = self._tally, reasons.drop_nulls()
        tally.read += len(block.rows)
        tally.not_data += block.not_data
        tally.quarantined += len(refused)
        tally.duplicate += self._repeated(clean, kept)
        tally.reasons.update(dict(refused.value_counts().iter_rows()))
        tally.warnings.update(dict(clean["warning"].drop_nulls().value_counts().iter_rows()))
        dates = clean[self._parcel.contract.dated_by].drop_nulls()
        if len(dates):
            tally.months |= {f"{dates.min():%Y-%m}", f"{dates.max():%Y-%m}"}

    def _repeated(self, clean: pl.DataFrame, kept: pl.DataFrame) -> int:
        """File rows of which nothing is left; of a form's row that is so when all its cells stood there before."""
        if self._parcel.contract.kind == "cases":
            return len(clean) - len(kept)
        items = [column.name for column in self._parcel.contract.columns if column.item is not None]
        empty = clean.select(pl.all_horizontal(pl.col(name).is_null() for name in items)).to_series().sum()
        return len(clean) - int(empty) - kept["_record"].n_unique()

    def result(self) -> Passed | None:
        if self._stopped is not None:
            raise self._stopped
        if self._is_moot:
            return None
        tally = self._tally
        accepted = tally.read - tally.quarantined - tally.duplicate
        reasons, warnings = dict(sorted(tally.reasons.items())), dict(sorted(tally.warnings.items()))
        counts = Counts(tally.read, tally.not_data, accepted, tally.quarantined, tally.duplicate, reasons, warnings)
        months = (min(tally.months), max(tally.months)) if tally.months else (None, None)
        return Passed(counts, months, pl.concat(tally.findings), pl.concat(tally.refused_keys))


def _as_lake_rows(clean: pl.DataFrame, parcel: Parcel, secret: Keys, sequence: int) -> pl.DataFrame:
    """Rows with what the lake holds of them, plus `_version` (when the source changed the row) and `_record` (which row of the block)."""
    contract = parcel.contract
    if contract.kind == "cases":
        rows = keyed_rows(clean, contract, secret, parcel.register)
    else:
        rows = form_rows(clean, contract, secret, parcel.sender)
    return rows.with_columns(
        pl.lit(sequence, pl.Int64).alias("ledger_sequence"),
        pl.lit(parcel.sender, pl.Categorical).alias("sender"),
        pl.lit(parcel.register, pl.Categorical).alias("register"),
        _version(contract, rows).alias("_version"),
    )


def _version(contract: Contract, rows: pl.DataFrame) -> pl.Expr:
    if contract.updated in rows.columns:
        return pl.col(contract.updated).cast(pl.Datetime("us"))
    return pl.lit(None, pl.Datetime("us"))
