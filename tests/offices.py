"""A small office: a data folder with keys beside it, and files handed in as senders write them."""

import csv
import hashlib
import io
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines import warehouse
from pipelines.catalogue import contracts
from pipelines.intake import archive, keys, ledger
from pipelines.intake.identifying import Request
from pipelines.intake.lake import scanned_parts
from pipelines.intake.receiving import Outcome, receive
from pipelines.release import drafting, publishing, sealing
from tests.conftest import made_once

HECHUAN = "mediation-500117"
CASE = {
    "调解案件编号": "A1",
    "所属区划代码": "500117001",
    "对接方式": "警调",
    "纠纷类型": "邻里",
    "受理日期": "2025-03-03",
    "办结日期": "",
    "调解结果": "",
    "涉及金额(万元)": "",
    "更新时间": "2025-04-01 09:00:00",
    "数据状态": "审核",
}
MATTER = {
    "信访件编号": "X1",
    "问题属地": "500117001",
    "登记时间": "2025-03-03",
    "信访形式": "来信",
    "信访人数": "1",
    "初次重复": "初次",
    "限办截止日期": "",
    "延期至": "",
    "办结日期": "",
    "办理程序": "",
    "更新时间": "2025-04-01 09:00:00",
}
DISPUTE = {
    "事件编号": "E1",
    "所属区划代码": "500117001",
    "受理日期": "2025-03-03",
    "事件类别": "01",
    "化解状态": "化解中",
    "化解日期": "",
    "更新时间": "2025-04-01 09:00:00",
}


def came_to_rest(file: Path, minutes: int = 5) -> Path:
    """A file as it looks when nobody has written it for some minutes."""
    since = time.time() - minutes * 60
    os.utime(file, (since, since))
    return file


@dataclass(frozen=True)
class Office:
    """A data folder. Files stand in `landing/<sender>/`, where the folder says who sent them."""

    data: Path

    def write(self, name: str, content: str | bytes, sender: str = HECHUAN, encoding: str = "utf-8") -> Path:
        path = self.data / "landing" / sender / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def hand_in(self, path: Path, **said: Any) -> Outcome:
        """Take one file in as the command does: under the lock, after healing."""
        with ledger.writer_lock():
            ledger.heal()
            return receive(path, Request(**said))

    def take(self, content: str | bytes, name: str = "cases.csv", sender: str = HECHUAN, **said: Any) -> Outcome:
        return self.hand_in(self.write(name, content, sender), **said)

    def lake(self, table: str = "mediation_cases") -> pl.DataFrame:
        """All rows of a lake table in the order in which they came."""
        parts = sorted((self.data / "lake" / table).glob("*/*.parquet"))
        return scanned_parts(table, parts).collect().sort("ledger_sequence", "row_number")

    def quarantine(self) -> pl.DataFrame:
        return pl.concat(pl.read_parquet(part) for part in sorted((self.data / "quarantine").glob("*.parquet")))

    def contents(self) -> Mapping[str, str]:
        """Digest of every file but the exports, the lock, the version and the archive's recipient, by its path in the data folder.

        An archived file is never encrypted the same way twice; of it only the name counts.
        """
        files = (p for p in self.data.rglob("*") if p.is_file() and p.name not in ("lock", "version", "recipient"))
        named = {p.relative_to(self.data).as_posix(): _digest(p) for p in files}
        return {name: digest for name, digest in named.items() if not name.startswith("landing/")}


def _digest(path: Path) -> str:
    return "sealed" if path.suffix == ".age" else hashlib.sha256(path.read_bytes()).hexdigest()


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office below a folder, with all keys."""
    monkeypatch.setenv("FENGQIAO_DATA", str(folder / "data"))
    monkeypatch.setenv("FENGQIAO_KEYS", str(folder / "keys"))
    keys.initialise({contract.system for contract in contracts().values()})
    archive.initialise()
    return Office(folder / "data")


def table(rows: Iterable[Mapping[str, str]], line_end: str = "\n", delimiter: str = ",") -> str:
    """Rows as text below the headings of the first."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def cases(*rows: Mapping[str, str]) -> str:
    """Mediation cases as CSV: each row is `CASE` with other texts in some of its columns."""
    return table(CASE | dict(row) for row in rows)


MEDIATED = (
    {"办结日期": "2025-03-20", "调解结果": "成功"},
    {"调解案件编号": "A2", "办结日期": "2025-04-20", "调解结果": "不成功", "更新时间": "2025-05-01"},
    {"调解案件编号": "A3", "所属区划代码": "500117", "对接方式": "诉调"},
)
SCREENED = (
    {"化解状态": "已化解", "化解日期": "2025-03-30"},
    {"事件编号": "E2", "化解状态": "缓和"},
    {"事件编号": "E3", "化解状态": "引导诉讼"},
)
PETITIONED = (
    {"办结日期": "2025-04-03", "限办截止日期": "2025-05-03", "办理程序": "信访处理意见", "更新时间": "2025-04-03"},
    {"信访件编号": "X2", "初次重复": "重复", "信访人数": "7", "限办截止日期": "2025-05-02", "办理程序": "信访处理意见"},
)
FORM = {
    "统计月": "2025-03",
    "区划代码": "500117",
    "期初在册": "10",
    "本月接收_管制": "0",
    "本月接收_缓刑": "2",
    "本月接收_假释": "0",
    "本月接收_暂予监外执行": "0",
    "本月接收": "2",
    "解除": "1",
    "终止": "0",
    "迁入": "0",
    "迁出": "0",
    "期末在册_管制": "0",
    "期末在册_缓刑": "11",
    "期末在册_假释": "0",
    "期末在册_暂予监外执行": "0",
    "期末在册": "11",
    "应查人数": "11",
    "已查人数": "10",
    "报出日期": "2025-04-02",
}


@cache
def built_house(base: Path) -> Office:
    """Nine cases and one form of 合川, March to May 2025, as the sealed and published release 2025-05-1.0. For reading."""
    return Office(made_once(base, "house", _build) / "data")


def _build(folder: Path) -> None:
    write_keys(folder / "keys")
    with pytest.MonkeyPatch.context() as patch:
        house = opened(folder, patch)
        house.take(cases(*MEDIATED), "mediation_2025-03..2025-05.csv")
        house.take(table(DISPUTE | row for row in SCREENED), "screening_2025-03..2025-05.csv", "screening-500000")
        house.take(table(MATTER | row for row in PETITIONED), "petition_2025-03..2025-05.csv", "petition-500000")
        house.take(table([FORM]), "correction_2025-03..2025-05.csv", "correction-500000")
        warehouse.build()
        release()


def write_keys(path: Path) -> None:
    """The same keys in every run: what is drawn for the public hangs on them, and so does what attacks find in so small a place."""
    names = {contract.system: contract.system for contract in contracts().values()}
    names |= {name: name for name in keys.NEVER_ROTATED} | {keys.PUBLICATION: "publication 0"}
    text = (f"{name} = {hashlib.sha256(said.encode()).hexdigest()}\n" for name, said in sorted(names.items()))
    path.write_text("".join(text))
    path.chmod(0o600)


def release() -> str:
    """Draft, approve and publish; the id of the release."""
    draft = drafting.draft()
    sealing.approve(draft.release_id, "internal", "tester")
    publishing.publish(draft.release_id, "internal")
    return draft.release_id


def copied(house: Office, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A house of one's own, with the same keys, to change."""
    shutil.copytree(house.data, folder / "data", symlinks=True)
    shutil.copy(house.data.with_name("keys"), folder / "keys")
    return opened(folder, monkeypatch)
