"""One delivery from file to ledger: read, typed, keyed, deduplicated, written, entered.

Every data row leaves as accepted, quarantined or duplicate. The lake folder is renamed into place before the ledger
entry is made, and an entry is what makes it count: a kill at any moment loses nothing and doubles nothing.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from pipelines.catalogue import Area, Contract, contracts, heading, load_areas, load_contract, senders, tables
from pipelines.intake import keys as key_file
from pipelines.intake import ledger
from pipelines.intake.keyed import form_rows, keyed_rows
from pipelines.intake.parsing import FINDINGS, TYPES, parse
from pipelines.intake.reading import (
    Layout,
    blocks,
    column_position,
    find_header,
    first_rows,
    header_score,
    missing_headings,
    unknown_headings,
)
from pipelines.periods import months_of
from pipelines.settings import UserError, data_root

EXPORT_SUFFIXES = {".csv", ".tsv", ".txt", ".xlsx"}


@dataclass(frozen=True)
class Request:
    """What comes by option rather than in the file."""

    sender: str | None = None
    contract: str | None = None
    areas: Path | None = None
    period: str | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a file; `intake --json` prints these fields. `outcome`: accepted, already_received or dry_run."""

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
    layout: str


Progress = Callable[[str], None]


def export_files(paths: Iterable[Path]) -> list[Path]:
    """The export files named, or standing in the folders named, in a stable order. Raises `UserError` when there is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(
                p for p in path.rglob("*") if p.suffix.lower() in EXPORT_SUFFIXES and not p.name.startswith((".", "~$"))
            )
        else:
            found.append(path)
    if not found:
        raise UserError("No export file found there. Expected .csv, .tsv, .txt or .xlsx files.")
    return found


def receive(path: Path, request: Request) -> Outcome:
    """Take one file in. Call under `ledger.writer_lock()`. Raises `UserError` when the file as a whole cannot be taken in."""
    extra = _areas(request.areas)
    contract = _contract_for(path, request, _sidecar(path))
    sender = _sender_for(path, request, contract)
    sha256 = _sha256(path)
    told = request.period or _sidecar(path).get("period") or _period_in_name(path)
    reported = months_of(str(told)) if told is not None else None
    known = ledger.received(sha256, contract.id, contract.version, sender, reported)
    layout = find_header(path, contract)
    described = f"{layout.encoding}, header in line {layout.header_line}"
    unknown = unknown_headings(layout.header, contract)
    if known is not None:
        counts = (
            known.read,
            known.not_data,
            known.accepted,
            known.quarantined,
            known.duplicate,
            known.reasons,
            known.warnings,
        )
        return Outcome(path.name, sha256, sender, contract.id, "already_received", *counts, unknown, described)
    secret = key_file.load()
    register = contract.register_name or _register_of(sender, contract.table)
    sequence = ledger.next_sequence()
    taken = _read_all(path, layout, contract, extra)
    rows = _identified(taken.clean, contract, secret, sender, register, sequence)
    accepted, duplicate = _deduplicated(rows, contract)
    reasons, warnings = _by_reason(taken.refused["reason"]), _by_reason(taken.clean["warning"])
    counts = (
        taken.read,
        taken.not_data,
        taken.read - len(taken.refused) - duplicate,
        len(taken.refused),
        duplicate,
        reasons,
        warnings,
    )
    outcome = Outcome(
        path.name,
        sha256,
        sender,
        contract.id,
        "dry_run" if request.dry_run else "accepted",
        *counts,
        unknown,
        described,
    )
    months = reported or _months(taken.clean, contract)
    if taken.read == 0 and months[0] is None:
        raise UserError(
            f"{path.name} has a header and no row. Name the months it reports on with --period: then it is zero."
        )
    if request.dry_run:
        return outcome
    _keep_given(path, request, contract)
    folder = f"{sequence:08d}-{sha256[:12]}"
    _write(accepted, taken.findings, contract.table, folder)
    delivered = tuple(
        c.name for c in contract.columns if c.personal != "dropped" and _delivers(layout, contract, c.name)
    )
    ledger.record(
        ledger.Delivery(
            sequence,
            sha256,
            path.name,
            sender,
            register,
            contract.id,
            contract.version,
            contract.table,
            *months,
            ledger.now(),
            *counts,
            folder,
            delivered,
        )
    )
    return outcome


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
    nothing = (0, 0, 0, 0, 0, {}, {})
    if ledger.received(sha256, contract.id, contract.version, sender) is not None:
        return Outcome("zero report", sha256, sender, contract.id, "already_received", *nothing, [], "declared")
    columns = tuple(c.name for c in contract.columns if c.personal != "dropped")
    ledger.record(
        ledger.Delivery(
            ledger.next_sequence(),
            sha256,
            "zero report",
            sender,
            _register_of(sender, table),
            contract.id,
            contract.version,
            table,
            *months,
            ledger.now(),
            *nothing,
            None,
            columns,
        )
    )
    return Outcome("zero report", sha256, sender, contract.id, "accepted", *nothing, [], "declared")


@dataclass(frozen=True)
class _Taken:
    """A whole file after its contract: `clean` and `refused` rows, `findings` for the quarantine."""

    clean: pl.DataFrame
    refused: pl.DataFrame
    findings: pl.DataFrame
    read: int
    not_data: int


def _read_all(path: Path, layout: Layout, contract: Contract, extra: tuple[Area, ...]) -> _Taken:
    clean, refused, findings, read, not_data = [], [], [pl.DataFrame(schema=FINDINGS)], 0, layout.header_line - 1
    for block in blocks(path, layout):
        parsed = parse(block.rows, layout.header, contract, extra)
        clean.append(parsed.rows.filter(pl.col("reason").is_null()).drop("reason"))
        refused.append(parsed.rows.filter(pl.col("reason").is_not_null()).select("row_number", "reason"))
        findings.append(parsed.findings)
        read += len(block.rows)
        not_data += block.not_data
    return _Taken(pl.concat(clean), pl.concat(refused), pl.concat(findings), read, not_data)


def _identified(
    clean: pl.DataFrame, contract: Contract, secret: key_file.Keys, sender: str, register: str, sequence: int
) -> pl.DataFrame:
    """Rows as the lake holds them, plus `_version` (when the source changed the row)."""
    rows = (
        keyed_rows(clean, contract, secret, register)
        if contract.kind == "cases"
        else form_rows(clean, contract, secret, sender)
    )
    stamped = rows.with_columns(
        pl.lit(sequence, pl.Int64).alias("ledger_sequence"),
        pl.lit(sender).alias("sender"),
        pl.lit(register).alias("register"),
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


def lake_schema(table: str) -> dict[str, pl.DataType]:
    """Columns and types of a lake table, in order; the same for every contract that feeds it."""
    contract = tables()[table]
    first: dict[str, pl.DataType] = {
        "ledger_sequence": pl.Int64(),
        "row_number": pl.Int64(),
        "sender": pl.String(),
        "register": pl.String(),
        "case_key": pl.Binary(),
        "cell_number": pl.Int64(),
        "area_code": pl.String(),
    }
    if contract.kind == "form":
        own: dict[str, pl.DataType] = {
            "month": pl.Date(),
            "item": pl.String(),
            "category": pl.String(),
            "value": pl.Int64(),
        }
        own["reported_on"] = pl.Date()
    else:
        own = {column.name: TYPES[column.type] for column in contract.stored}
    return first | own


@contextmanager
def _taking() -> Iterator[None]:
    """Raises `UserError` when the disk does not take what is written inside."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The data folder {data_root()} does not take the rows: {error.strerror or error}. Nothing was taken in."
        ) from None


def _write(rows: pl.DataFrame, findings: pl.DataFrame, table: str, folder: str) -> None:
    """Lake part and quarantine file, each complete before it gets its name. Raises `UserError` when the disk does not take them."""
    lake, quarantine = data_root() / "lake" / table, data_root() / "quarantine"
    draft = lake / f".{folder}"
    try:
        with _taking():
            draft.mkdir(parents=True, exist_ok=True)
            _write_synced(rows, draft / "part-00000.parquet")
            quarantine.mkdir(parents=True, exist_ok=True)
            if len(findings):
                _write_synced(findings, quarantine / f".{folder}")
                (quarantine / f".{folder}").replace(quarantine / f"{folder}.parquet")
            draft.replace(lake / folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        (quarantine / f".{folder}").unlink(missing_ok=True)


def _write_synced(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="zstd", statistics=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _by_reason(reasons: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(reasons.drop_nulls().to_list()).items()))


def _months(clean: pl.DataFrame, contract: Contract) -> tuple[str, str] | tuple[None, None]:
    """The months from the earliest to the latest accepted row, where nobody has said what a delivery reports on."""
    if clean.is_empty():
        return None, None
    first, last = clean[contract.dated_by].min(), clean[contract.dated_by].max()
    return f"{first:%Y-%m}", f"{last:%Y-%m}"


def _period_in_name(path: Path) -> str | None:
    """The period at the end of a file name, as in `mediation-500117_2025.csv`, where there is one."""
    last = path.name.rpartition("_")[2].removesuffix(path.suffix)
    try:
        months_of(last)
    except UserError:
        return None
    return last


def _delivers(layout: Layout, contract: Contract, name: str) -> bool:
    return column_position(layout.header, contract, name) is not None


def _sidecar(path: Path) -> dict[str, object]:
    """What `<file>.yml` says beside an export: sender, contract, period. Raises `UserError` on anything else."""
    sidecar = path.with_name(path.name + ".yml")
    if not sidecar.exists():
        return {}
    try:
        values = yaml.safe_load(sidecar.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"{sidecar} is not valid YAML.") from None
    if not isinstance(values, dict) or set(values) - {"sender", "contract", "period"}:
        raise UserError(f"{sidecar} may say sender, contract and period, and nothing else.")
    return values


def _contract_for(path: Path, request: Request, sidecar: dict[str, object]) -> Contract:
    named = request.contract or sidecar.get("contract")
    if named is None:
        return _detected(path)
    if str(named) in contracts():
        return contracts()[str(named)]
    file = Path(str(named))
    if not file.is_file():
        raise UserError(f"{named} is neither a contract ({', '.join(contracts())}) nor a contract file.")
    contract = load_contract(file)
    if contract.table not in tables() or contract.kind != tables()[contract.table].kind:
        raise UserError(
            f"{file}: there is no table {contract.table} of kind {contract.kind}; name one of {', '.join(tables())}."
        )
    schema = lake_schema(contract.table)
    other = [c.name for c in contract.stored if TYPES[c.type] != schema.get(c.name, TYPES[c.type])]
    if other:
        raise UserError(f"{file}: {', '.join(other)} is of another type than in table {contract.table}.")
    return contract


def _detected(path: Path) -> Contract:
    """The contract that a row of the file fits best: with all required headings, then with most headings.

    Raises `UserError` when no row has as many as three headings of a contract.
    """
    _, rows = first_rows(path)
    fits = [(*_fit(row, contract), contract) for contract in contracts().values() for row in rows]
    if max((score for _, score, _ in fits), default=0) < 3:
        raise UserError(
            f"{path.name}: no header of a known export in its first rows. Name the contract with --contract."
        )
    return max(fits, key=lambda fit: fit[:2])[2]


def _fit(row: list[str | None], contract: Contract) -> tuple[bool, int]:
    header = tuple(heading(cell) for cell in row)
    return not missing_headings(header, contract), header_score(row, contract)


def _sender_for(path: Path, request: Request, contract: Contract) -> str:
    """The sender: by option, sidecar, folder `landing/<sender>/` or the contract. Raises `UserError` when none says it."""
    told = request.sender or _sidecar(path).get("sender")
    registered = {sender.sender for sender in senders()}
    folder = path.resolve().parent.name
    in_landing = path.resolve().parent.parent == (data_root() / "landing")
    if told is None and (folder in registered or in_landing):
        told = folder
    told = told or contract.sender or (contract.id if contract.id not in contracts() else None)
    if told is None:
        raise UserError(f"{path.name}: who sent it? Put it into landing/<sender>/ or name the sender with --sender.")
    return str(told)


def _register_of(sender: str, table: str) -> str:
    return next((s.register_name for s in senders() if (s.sender, s.table) == (sender, table)), sender)


def _areas(given: Path | None) -> tuple[Area, ...]:
    """Areas of the list named by option now, and of those named in earlier intakes."""
    kept = sorted((data_root() / "catalogue" / "areas").glob("*.csv"))
    files = [file for file in kept if given is None or file.name != given.name] + ([given] if given else [])
    return tuple(area for file in files for area in load_areas(file))


def _keep_given(path: Path, request: Request, contract: Contract) -> None:
    """Keep the contract file and the area list named by option: later builds and reports read them."""
    named = str(request.contract or _sidecar(path).get("contract") or contract.id)
    catalogue = data_root() / "catalogue"
    with _taking():
        if named not in contracts():
            _keep(Path(named), catalogue / "contracts" / f"{contract.id}-v{contract.version}.yml")
        if request.areas is not None:
            _keep(request.areas, catalogue / "areas" / request.areas.name)


def _keep(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.unfinished")
    shutil.copyfile(source, draft)
    draft.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
