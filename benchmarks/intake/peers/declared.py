"""What every tool is told of the export: columns, types, code lists, areas; and what every tool must say in the end."""

import csv
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake.reference import CELL, REGISTER, SYSTEM
from pipelines.settings import SEEDS

TOOLS = ("csv + sqlite", "pandas + pandera", "dlt, frozen types", "dlt, rows discarded")
# Heading -> name and type of each column that is kept; a type that is none of the first five is a code list.
COLUMNS = {
    "调解案件编号": ("case_number", "text"),
    "所属区划代码": ("area_code", "area"),
    "案件来源": ("source", "mediation_source"),
    "对接方式": ("channel", "channel"),
    "纠纷类型": ("dispute_type", "dispute_type"),
    "是否疑难复杂": ("is_difficult", "yes_no"),
    "涉及人数": ("persons_involved", "integer"),
    "涉及金额(万元)": ("amount", "money"),
    "受理日期": ("accepted_on", "date"),
    "办结日期": ("concluded_on", "date"),
    "调解结果": ("outcome", "mediation_outcome"),
    "协议形式": ("agreement_form", "agreement_form"),
    "履行情况": ("performance", "performance"),
    "是否申请司法确认": ("has_confirmation_request", "yes_no"),
    "登记时间": ("recorded_at", "datetime"),
    "更新时间": ("updated_at", "datetime"),
    "数据状态": ("record_status", "record_status"),
}
REQUIRED = ("case_number", "area_code", "channel", "dispute_type", "accepted_on", "updated_at", "record_status")
REASONS = {
    "area": "unknown_area",
    "integer": "not_a_number",
    "money": "not_a_number",
    "date": "not_a_date",
    "datetime": "not_a_date",
    "yes_no": "not_yes_or_no",
}
NOTHING = {"", "/", "—", "——", "-"}
BLANK = " \t\r\n'"
TOTAL = "合计"
DAY = r"^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$"
COMPACT_DAY = r"^([0-9]{4})([0-9]{2})([0-9]{2})$"
SERIAL = r"^[1-6][0-9]{4}$"
FEN_IN_WAN = 1_000_000
RUINED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+")
MOBILE = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
IDENTITY = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")
CAN_BE_RUINED = ("case_number", "area_code")
CAN_BE_PERSONAL = ("case_number", "persons_involved", "amount")


@dataclass(frozen=True)
class Told:
    """What a tool did: the records it stored (counted from 1), those it says it left out, types of what it stored.

    A row left out is told by its line, as the tool's user can best say it, and the reason. `ended` is what a tool says
    that stored nothing at all.
    """

    stored: list[int]
    left_out: list[tuple[int, str]]
    types: dict[str, str]
    ended: str = ""


def spellings(kind: str) -> dict[str, object]:
    """Every text under which a code, an area or a truth value is written -> what is stored for it."""
    found: dict[str, object] = {}
    if kind == "area":
        for row in _rows("areas"):
            if not row["maps_to"] or row["code_list"] in ("nbs2023", "nbs2023_statistical"):
                found[row["area_code"]] = row["maps_to"] or row["area_code"]
        return found
    for row in sorted(_rows("code_lists"), key=lambda row: int(row["sort"])):
        if row["list_id"] == kind:
            for text in (row["code"], row["label_zh"], row["label_en"], *row["aliases"].split("|")):
                found.setdefault(folded(text), row["code"] == "yes" if kind == "yes_no" else row["code"])
    found.pop("", None)
    return found


def denied(name: str, text: str) -> str | None:
    """Why a column may not keep a text whatever it means: rounded by a workbook, or a person's number."""
    if name in CAN_BE_RUINED and RUINED.fullmatch(text):
        return "ruined_number"
    if name in CAN_BE_PERSONAL and (MOBILE.search(text) or any(map(_is_identity, IDENTITY.findall(text)))):
        return "personal_value"
    return None


def _is_identity(number: str) -> bool:
    """Whether the check digit is right (GB 11643-1999)."""
    places = (10 if digit in "Xx" else int(digit) for digit in number)
    return sum(place * 2 ** (17 - n) for n, place in enumerate(places)) % 11 == 1


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip(BLANK)


def _rows(table: str) -> list[dict[str, str]]:
    with (SEEDS / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keyed(keys: Path) -> Callable[[str], tuple[bytes, int]]:
    """Case number -> pseudonym and cell number, as the door makes them."""
    lines = dict(map(str.strip, line.split("=")) for line in keys.read_text(encoding="ascii").splitlines() if line)
    case, cell = (hmac.new(lines[name].encode(), digestmod=hashlib.sha256) for name in (SYSTEM, CELL))

    def both(case_number: str) -> tuple[bytes, int]:
        identity = f"mediation_cases\x1f{REGISTER}\x1f{case_number}".encode()
        of_case, of_cell = case.copy(), cell.copy()
        of_case.update(identity)
        of_cell.update(identity)
        return of_case.digest()[:16], int.from_bytes(of_cell.digest()[:8], "big") & (2**63 - 1)

    return both
