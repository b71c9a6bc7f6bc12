"""What is known of an export before its rows are read: contract, sender, months, layout, areas."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.catalogue import (
    Area,
    Contract,
    areas_version,
    code_lists,
    contract_versions,
    contracts,
    denied,
    load_areas,
    load_contract,
    senders,
    tables,
)
from pipelines.intake.again import Again
from pipelines.intake.cells import TYPES
from pipelines.intake.denying import shown_file_name
from pipelines.intake.digesting import Digest
from pipelines.intake.kinds import RECORD_SUFFIXES, WORKBOOK_SUFFIXES, WPS_SUFFIXES, kind_of
from pipelines.intake.lake import lake_schema, taking
from pipelines.intake.layouts import Layout, Told, column_position, header_score, missing_in_table
from pipelines.intake.reading import candidates, find_layout
from pipelines.intake.scopes import Snapshot, instant_of, scope_of
from pipelines.intake.sidecars import Sidecar, keep_sidecar, kept_sidecar, sidecar_of
from pipelines.periods import months_of
from pipelines.settings import UserError, data_root

EXPORT_SUFFIXES = {".csv", ".tsv", ".txt", *WORKBOOK_SUFFIXES, *WPS_SUFFIXES, *RECORD_SUFFIXES, ".zip"}
FEWEST_HEADINGS = 3


@dataclass(frozen=True)
class Request:
    """What comes by option rather than in the file. `archive`: in which the file lies, whose folder says who sent it."""

    sender: str | None = None
    contract: str | None = None
    areas: Path | None = None
    period: str | None = None
    mode: str | None = None
    scope: str | None = None
    taken_at: str | None = None
    withdraw: bool = False
    dry_run: bool = False
    archive: Path | None = None


@dataclass(frozen=True)
class Parcel:
    """An export that is understood but not yet read.

    `months`: first and last it reports on, where somebody has said; `snapshot`: what it speaks for, where it is one;
    `scope` as it was told; `is_zero`: somebody has said that it holds no row; `again`: the rows of it that are read, where
    the others came in before.
    """

    path: Path
    digest: Digest
    contract: Contract
    sender: str
    register: str
    months: tuple[str, str] | None
    told: Told
    layout: Layout
    areas: tuple[Area, ...]
    snapshot: Snapshot | None = None
    scope: str | None = None
    is_zero: bool = False
    again: Again | None = None
    archive: Path | None = None

    @property
    def name(self) -> str:
        """As the file is called in ledger and reports: in an archive, `archive.zip/member.csv`; what names somebody is a shape."""
        return "/".join(map(shown_file_name, self._names))

    @property
    def _names(self) -> list[str]:
        return [path.name for path in (self.archive, self.path) if path is not None]

    @property
    def is_renamed(self) -> bool:
        """Whether the name that the file came under carries a personal value."""
        return self.name != "/".join(self._names)

    @property
    def mode(self) -> str:
        return "changes" if self.snapshot is None else "snapshot"

    @property
    def rules_version(self) -> str:
        """Digest of all that decides which rows are refused: contract, its code lists, areas. 12 hexadecimal digits."""
        lists = sorted({column.codes for column in self.contract.columns if column.codes is not None})
        of_list = self.contract.column("area_code").code_list
        areas = [area for area in self.areas if area.code_list == of_list]
        said = [self.contract.model_dump_json(), *(repr(code_lists()[name]) for name in lists)]
        said += [areas_version(), repr(areas), repr(denied())]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]

    @property
    def sha256(self) -> str:
        return self.digest.value

    @property
    def delivered(self) -> tuple[str, ...]:
        """The contract's columns that the file has, those dropped at the door left out."""
        kept = (column.name for column in self.contract.columns if column.personal != "dropped")
        headers = [sheet.header for sheet in self.layout.sheets]
        return tuple(name for name in kept if all(column_position(h, self.contract, name) is not None for h in headers))


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
        raise UserError(
            "No export file found there. Expected .csv, .tsv, .txt, .xlsx, .xls, .json, .jsonl, .parquet or .zip files."
        )
    return found


def identify(path: Path, request: Request) -> Parcel:
    """Find out what a file is. Raises `UserError` when nobody says whose it is, or it fits no contract."""
    kind_of(path)
    digest = Digest(path)
    sidecar = sidecar_of(path)
    areas = _areas(request.areas)
    contract = _contract_for(path, request, sidecar)
    sender = _sender_for(path, request, sidecar, contract)
    register = contract.register_name or register_of(sender, contract.table)
    period = request.period or sidecar.period or _period_in_name(path)
    months = months_of(period) if period is not None else None
    known = Told(months, sidecar.sheets)
    scope = request.scope or sidecar.scope
    return Parcel(
        path=path,
        digest=digest,
        contract=contract,
        sender=sender,
        register=register,
        months=months,
        told=known,
        layout=find_layout(path, contract, known),
        areas=areas,
        snapshot=_snapshot(path, request, sidecar, contract, months, areas),
        scope=scope,
        is_zero=sidecar.zero,
        archive=request.archive,
    )


def _snapshot(
    path: Path,
    request: Request,
    sidecar: Sidecar,
    contract: Contract,
    months: tuple[str, str] | None,
    areas: tuple[Area, ...],
) -> Snapshot | None:
    """What a snapshot speaks for, and since when; None for changes, of which neither can be said."""
    scope, taken_at = request.scope or sidecar.scope, request.taken_at or sidecar.taken_at
    if (request.mode or sidecar.mode) == "snapshot":
        instant = None if taken_at is None else instant_of(taken_at)
        return Snapshot(scope_of(scope, months, contract, areas), instant, request.withdraw)
    if scope or taken_at or request.withdraw:
        raise UserError(
            f"{path.name}: only a snapshot has a scope and an instant; say --mode snapshot, or say neither."
        )
    return None


def _period_in_name(path: Path) -> str | None:
    """The period at the end of a file name, as in `mediation-500117_2025.csv`, where there is one."""
    last = path.name.rpartition("_")[2].removesuffix(path.suffix)
    try:
        months_of(last)
    except UserError:
        return None
    return last


def _contract_for(path: Path, request: Request, sidecar: Sidecar) -> Contract:
    named = request.contract or sidecar.contract
    if named is None:
        return _detected(path, contract_versions())
    versions = [version for version in contract_versions() if version.id == named]
    if versions:
        return versions[0] if len(versions) == 1 else _detected(path, versions)
    file = Path(named)
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


def _detected(path: Path, among: Iterable[Contract]) -> Contract:
    """The contract that a row of the file fits best: with all required headings, then with most headings.

    Raises `UserError` when no row has as many as three headings of a contract.
    """
    headers = [sheet.header for sheet in candidates(path)]
    fits = [(*_fit(header, contract), contract) for contract in among for header in headers]
    if max((score for _, score, _ in fits), default=0) < FEWEST_HEADINGS:
        raise UserError(
            f"{path.name}: no header of a known export in its first rows. Name the contract with --contract."
        )
    return max(fits, key=lambda fit: fit[:2])[2]


def _fit(header: tuple[str, ...], contract: Contract) -> tuple[bool, int]:
    score = header_score(header, contract)
    return score >= FEWEST_HEADINGS and not missing_in_table(header, contract), score


def _sender_for(path: Path, request: Request, sidecar: Sidecar, contract: Contract) -> str:
    """The sender: by option, sidecar, folder `landing/<sender>/` or the contract. Raises `UserError` when none says it."""
    told = request.sender or sidecar.sender
    registered = {sender.sender for sender in senders()}
    folder = (request.archive or path).resolve().parent
    if told is None and (folder.name in registered or folder.parent == data_root() / "landing"):
        told = folder.name
    told = told or contract.sender or (contract.id if contract.id not in contracts() else None)
    if told is None:
        raise UserError(f"{path.name}: who sent it? Put it into landing/<sender>/ or name the sender with --sender.")
    return told


def register_of(sender: str, table: str) -> str:
    """The system whose case numbers a sender's table carries; the sender itself where none is declared."""
    return next((s.register_name for s in senders() if (s.sender, s.table) == (sender, table)), sender)


def _areas(given: Path | None) -> tuple[Area, ...]:
    """Areas of the list named by option now, and of those named in earlier intakes."""
    kept = sorted((data_root() / "catalogue" / "areas").glob("*.csv"))
    files = [file for file in kept if given is None or file.name != given.name] + ([given] if given else [])
    return tuple(area for file in files for area in load_areas(file))


def keep_given(parcel: Parcel, request: Request, folder: str) -> None:
    """Keep the contract file and the area list named by option, which later builds and reports read, and what a sidecar
    says, for reading refused rows again; `folder`: of the delivery in the lake."""
    contract, sidecar = parcel.contract, sidecar_of(parcel.path)
    named = request.contract or sidecar.contract or contract.id
    catalogue = data_root() / "catalogue"
    with taking():
        if sidecar != Sidecar():
            keep_sidecar(sidecar, kept_sidecar(folder))
        if named not in contracts():
            _keep(Path(named), catalogue / "contracts" / f"{contract.id}-v{contract.version}.yml")
        if request.areas is not None:
            _keep(request.areas, catalogue / "areas" / request.areas.name)


def _keep(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.unfinished")
    shutil.copyfile(source, draft)
    draft.replace(target)
