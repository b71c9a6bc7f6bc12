"""The ledger: one row a delivery that was taken in, in the order in which it was taken in.

SQLite, because it must survive a kill at any moment. A delivery's `ledger_sequence` is the version number of every row
it brought; "as of" an instant is the largest sequence received by then.
"""

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from pipelines import data_folder
from pipelines.intake import archive, rotating
from pipelines.settings import UserError, data_root

SCHEMA = """
create table if not exists deliveries (
    ledger_sequence integer primary key,
    sha256 text not null,
    file text not null,
    sender text not null,
    register text not null,
    contract text not null,
    contract_version integer not null,
    table_name text not null,
    first_month text,
    last_month text,
    received_at text not null,
    read integer not null,
    not_data integer not null,
    accepted integer not null,
    quarantined integer not null,
    duplicate integer not null,
    reasons text not null,
    warnings text not null,
    folder text,
    columns text not null
)
"""
# Columns that ledgers of earlier versions lack; a ledger gets them when it is next opened.
LATER_COLUMNS = {
    "mode": "text not null default 'changes'",
    "scope": "text",
    "taken_at": "text",
    "withdrawn": "integer not null default 0",
    "late": "integer not null default 0",
    "retry_of": "integer",
    "rules_version": "text",
}


@dataclass(frozen=True)
class Counts:
    """What became of a file's rows: read = accepted + quarantined + duplicate; reasons and warnings are rows by code."""

    read: int
    not_data: int
    accepted: int
    quarantined: int
    duplicate: int
    reasons: dict[str, int]
    warnings: dict[str, int]


@dataclass(frozen=True)
class Delivery:
    """A row of the ledger. `reasons` and `warnings` are rows by reason code; months are `YYYY-MM`; `folder` is None for a zero report.

    `mode`: changes or snapshot; `scope` as it was told, `taken_at` the instant a snapshot describes; `withdrawn`: cases it
    says are gone; `late`: rows of new cases in months that were reported and closed before. `retry_of`: the delivery whose
    refused rows were read again; `rules_version`: digest of contract, code lists and areas, None in entries older than it.
    """

    ledger_sequence: int
    sha256: str
    file: str
    sender: str
    register: str
    contract: str
    contract_version: int
    table_name: str
    first_month: str | None
    last_month: str | None
    received_at: str
    read: int
    not_data: int
    accepted: int
    quarantined: int
    duplicate: int
    reasons: dict[str, int]
    warnings: dict[str, int]
    folder: str | None
    columns: tuple[str, ...]
    mode: str = "changes"
    scope: str | None = None
    taken_at: str | None = None
    withdrawn: int = 0
    late: int = 0
    retry_of: int | None = None
    rules_version: str | None = None

    @property
    def counts(self) -> Counts:
        return Counts(**{part.name: getattr(self, part.name) for part in fields(Counts)})


def ledger_path() -> Path:
    return data_root() / "ledger.sqlite"


@contextmanager
def _transaction() -> Iterator[sqlite3.Connection]:
    """The ledger for one transaction. Raises `UserError` when it cannot be read or written."""
    path = ledger_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
            connection.execute("pragma synchronous = full")
            _prepare(connection)
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise UserError(f"The ledger {path} cannot be read or written: {error}. Nothing was entered.") from None


def _prepare(connection: sqlite3.Connection) -> None:
    """The table and all its columns; an older ledger keeps its entries."""
    connection.execute(SCHEMA)
    if LATER_COLUMNS.keys() - _columns(connection):
        connection.execute("begin immediate")  # another process may be about to do the same
        for name in [name for name in LATER_COLUMNS if name not in _columns(connection)]:
            connection.execute(f"alter table deliveries add column {name} {LATER_COLUMNS[name]}")
        connection.commit()


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("pragma table_info(deliveries)")}


@contextmanager
def writer_lock(waiting: Callable[[], None] = lambda: None) -> Iterator[int]:
    """One writer at a time in a data folder; a second waits its turn, and `waiting` is called once when it must.

    Yields the lock's descriptor: a process that is given it holds the lock as well.

    Released by the kernel if the process dies. The first writer in a folder writes its version or brings it up; raises
    `UserError` where the folder is of a newer one.
    """
    root = data_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        file = (root / "lock").open("w")
    except OSError as error:
        raise UserError(f"The data folder {root} cannot be written: {error.strerror}.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        data_folder.settle()
        yield file.fileno()


def deliveries() -> list[Delivery]:
    """All deliveries in order."""
    return _selected("", ())


def _selected(condition: str, values: tuple[object, ...]) -> list[Delivery]:
    if not ledger_path().exists():
        return []
    with _transaction() as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(f"select * from deliveries {condition} order by ledger_sequence", values).fetchall()
    return [_delivery(dict(row)) for row in rows]


def _delivery(row: dict[str, object]) -> Delivery:
    loaded = {name: json.loads(str(row[name])) for name in ("reasons", "warnings", "columns")}
    return Delivery(**{**row, **loaded, "columns": tuple(loaded["columns"])})  # type: ignore[arg-type]


def delivery(ledger_sequence: int) -> Delivery:
    """One delivery that is known to be there."""
    [entry] = _selected("where ledger_sequence = ?", (ledger_sequence,))
    return entry


def received(sha256: str, table: str, sender: str) -> list[Delivery]:
    """The deliveries that brought this very content from this sender into a table, newest first."""
    return _selected("where sha256 = ? and table_name = ? and sender = ?", (sha256, table, sender))[::-1]


def originals() -> list[tuple[str, str]]:
    """sha256 and instant of receipt of every file that was taken in; reading one again is no receipt."""
    taken = (delivery for delivery in deliveries() if delivery.folder is not None and delivery.retry_of is None)
    return [(delivery.sha256, delivery.received_at) for delivery in taken]


def next_sequence() -> int:
    if not ledger_path().exists():
        return 1
    with _transaction() as connection:
        return connection.execute("select coalesce(max(ledger_sequence), 0) + 1 from deliveries").fetchone()[0]


def record(delivery: Delivery) -> None:
    """Enter a delivery whose files already stand in the lake: the entry is what makes them count."""
    row = {
        k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict | tuple) else v for k, v in asdict(delivery).items()
    }
    names = ", ".join(row)
    with _transaction() as connection:
        connection.execute(f"insert into deliveries ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def heal() -> list[str]:
    """Remove what a killed intake left behind: what no entry names in lake, quarantine and archive. Call under the lock."""
    settled = rotating.settle()
    entries = deliveries()
    known = {delivery.folder for delivery in entries}
    orphans = [path for path in (data_root() / "lake").glob("*/*") if path.name not in known]
    orphans += [path for path in (data_root() / "quarantine").glob("*") if path.stem not in known]
    for path in orphans:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    orphans += archive.remove_unnamed(delivery.sha256 for delivery in entries)
    return settled + [path.relative_to(data_root()).as_posix() for path in orphans]
