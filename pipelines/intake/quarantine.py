"""The refused rows that are still refused: what is wrong with each, and reading them again after the rules were mended."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.catalogue import Column, Contract, Words, code_lists, contracts, load_contract, tables
from pipelines.intake import archive, ledger
from pipelines.intake.again import refused
from pipelines.intake.identifying import Request, identify
from pipelines.intake.ledger import Delivery
from pipelines.intake.parsing import REASONS
from pipelines.intake.reading import blocks
from pipelines.intake.sidecars import kept_sidecar
from pipelines.settings import UserError, data_root, landing

CODES_NAMED = 8
EXPECTED = {
    "date": Words(zh="日期，如 2025-03-04", en="a date such as 2025-03-04"),
    "datetime": Words(zh="日期和时间，如 2025-03-04 08:30:00", en="date and time such as 2025-03-04 08:30:00"),
    "month": Words(zh="月份，如 2025-03", en="a month such as 2025-03"),
    "integer": Words(zh="整数", en="a whole number"),
    "boolean": Words(zh="是 或 否", en="yes (是) or no (否)"),
    "identifier": Words(zh="规定格式的编号", en="a number of the form that was agreed"),
}
UNITS = {
    "yuan": Words(zh="金额（元）", en="an amount in yuan"),
    "wan_yuan": Words(zh="金额（万元）", en="an amount in 10,000 yuan"),
}
A_VALUE = Words(zh="必须填写", en="a value")
ALL_CELLS = Words(zh="与表头一样多的单元格", en="as many cells as the header has")


@dataclass(frozen=True)
class Finding:
    """One failing check of a refused row. `found` is the shape of the cell; `column` is the heading, empty for a whole row."""

    file: str
    sha256: str
    sender: str
    table: str
    sheet: str | None
    line: int
    reason: str
    reason_zh: str
    reason_en: str
    column: str
    expected_zh: str
    expected_en: str
    found: str | None


def still_refused(sha256: str | None = None, sender: str | None = None) -> list[Delivery]:
    """Deliveries of which rows are refused to this day: the newest of each content. `sha256` may be its beginning.

    Raises `UserError` when a file is named that nobody delivered.
    """
    newest = {(d.sha256, d.sender, d.table_name): d for d in ledger.deliveries() if d.folder is not None}
    named = [d for d in newest.values() if d.sha256.startswith((sha256 or "").lower())]
    if sha256 is not None and not named:
        raise UserError(f"No file whose sha256 begins with {sha256} was taken in. `fengqiao quarantine` lists them.")
    return [d for d in named if d.quarantined and sender in (None, d.sender)]


def findings(delivery: Delivery) -> list[Finding]:
    """What is wrong with each refused row of a delivery, in the file's order."""
    contract = contract_of(delivery)
    rows = refused(delivery).select("sheet", "row_number", "reason", "column", "found").iter_rows()
    return [_finding(delivery, contract, *row) for row in rows]


def _finding(
    delivery: Delivery,
    contract: Contract | None,
    sheet: str | None,
    line: int,
    reason: str,
    name: str,
    found: str | None,
) -> Finding:
    words = reason_words(contract, reason)
    column = next((c for c in contract.columns if c.name == name), None) if contract is not None else None
    expected = _expected(contract, column, reason)
    return Finding(
        file=delivery.file,
        sha256=delivery.sha256,
        sender=delivery.sender,
        table=delivery.table_name,
        sheet=sheet,
        line=line,
        reason=reason,
        reason_zh=words.zh,
        reason_en=words.en,
        column=name if column is None else column.label,
        expected_zh=expected.zh,
        expected_en=expected.en,
        found=found,
    )


def reason_words(contract: Contract | None, reason: str) -> Words:
    """What a reason code means: of the door itself, or of a rule of the contract."""
    rules = contract.labels if contract is not None else {}
    return REASONS.get(reason) or rules.get(reason) or Words(zh=reason, en=reason)


def _expected(contract: Contract | None, column: Column | None, reason: str) -> Words:
    """What should have stood there."""
    if reason == "ragged_row":
        return ALL_CELLS
    if reason == "missing_value":
        return A_VALUE
    if column is None or contract is None or reason not in REASONS:
        return reason_words(contract, reason)
    if column.type in ("code", "codes"):
        return _one_of(column.codes or "")
    if column.type == "money":
        return UNITS[column.unit or "yuan"]
    if column.type == "area":
        name = column.code_list or "nbs2023"
        return Words(zh=f"6、9 或 12 位区划代码（码表 {name}）", en=f"an area code of 6, 9 or 12 digits of list {name}")
    return EXPECTED.get(column.type, A_VALUE)


def _one_of(list_id: str) -> Words:
    codes = code_lists().get(list_id, ())
    more = " …" if len(codes) > CODES_NAMED else ""
    zh = "、".join(code.label_zh for code in codes[:CODES_NAMED])
    en = ", ".join(code.label_en for code in codes[:CODES_NAMED])
    return Words(zh=f"{zh}{more}（码表 {list_id}）", en=f"one of {en}{more} (list {list_id})")


def contract_of(delivery: Delivery) -> Contract | None:
    """The present contract of a delivery, of the house or kept from an earlier intake; None where it is gone."""
    if delivery.contract in contracts():
        return contracts()[delivery.contract]
    path = _kept_contract(delivery)
    return load_contract(path) if path is not None else None


def _kept_contract(delivery: Delivery) -> Path | None:
    kept = data_root() / "catalogue" / "contracts"
    versions = {int(p.stem.rpartition("-v")[2]): p for p in kept.glob(f"{delivery.contract}-v*.yml")}
    return versions[max(versions)] if versions else None


@contextmanager
def original(delivery: Delivery, *, only_archive: bool = False) -> Iterator[Path]:
    """The received file under its own name, where it landed or from the archive, with what was said beside it.

    Raises `UserError` when it is in neither place, or cannot be opened without the archive's identity.
    """
    landed = landing() / delivery.sender / delivery.file
    if landed.is_file() and not only_archive:
        with landed.open("rb") as file:
            is_same = hashlib.file_digest(file, "sha256").hexdigest() == delivery.sha256
        if is_same:
            yield landed
            return
    with archive.original(delivery.sha256) as content, TemporaryDirectory() as folder:
        path = Path(folder) / landed.name
        path.symlink_to(content)  # the content stays in memory
        said = landed.parent if _archive_of(delivery) else landed
        sidecars = (kept_sidecar(str(delivery.folder)), said.with_name(f"{said.name}.yml"))
        sidecar = next((sidecar for sidecar in sidecars if sidecar.exists()), None)
        if sidecar is not None:
            path.with_name(f"{path.name}.yml").symlink_to(sidecar)
        yield path


def _archive_of(delivery: Delivery) -> Path | None:
    """The archive that a file came in, where it is called `archive.zip/member.csv`."""
    archive, _, member = delivery.file.rpartition("/")
    return Path(archive) if archive and member else None


def request_of(delivery: Delivery) -> Request:
    """What was said of a delivery when it came."""
    kept = _kept_contract(delivery)
    named = delivery.contract if delivery.contract in contracts() or kept is None else str(kept)
    is_form = tables()[delivery.table_name].kind == "form" and delivery.first_month is not None
    return Request(
        sender=delivery.sender,
        contract=named,
        period=f"{delivery.first_month}..{delivery.last_month}" if is_form else None,
        mode=delivery.mode,
        scope=delivery.scope,
        taken_at=delivery.taken_at,
        archive=_archive_of(delivery),
    )


def original_rows(delivery: Delivery, places: set[tuple[str | None, int]]) -> list[list[str | None]]:
    """Records of a received file as they stand in it, below their headings; `places`: sheet and line.

    Only for the eyes of who may see persons: needs the archive's identity, even where the file still lies in landing.
    Raises `UserError`.
    """
    contract = contract_of(delivery)
    if contract is None:
        raise UserError(f"The contract {delivery.contract} of {delivery.file} is gone; the file cannot be read.")
    lines: list[list[str | None]] = []
    with original(delivery, only_archive=True) as path:
        parcel = identify(path, request_of(delivery))
        for block in blocks(path, parcel.layout, contract, parcel.told):
            wanted = [row for row in block.rows.iter_rows() if (block.sheet.name, row[0]) in places]
            if wanted and (not lines or lines[0][2:] != list(block.sheet.header)):
                lines.append(["sheet", "line", *block.sheet.header])
            lines += [[block.sheet.name, *map(str, row[:1]), *row[2:]] for row in wanted]
    return lines
