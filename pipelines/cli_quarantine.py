"""`fengqiao quarantine`: which rows are refused and why, the same rows read again, and the original records behind them."""

import csv
import io
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from pipelines import cli_output as output
from pipelines.cli_intake import say_waiting
from pipelines.intake import ledger, quarantine
from pipelines.intake.ledger import Delivery
from pipelines.intake.quarantine import Finding
from pipelines.intake.receiving import Outcome, receive
from pipelines.settings import UserError, data_root

ROWS_LISTED = 200
FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9.,]+$)")
Found = list[tuple[Delivery, list[Finding]]]


def chosen(sha256: str | None, sender: str | None, reason: str | None) -> Found:
    """The refused rows that the filters leave, by delivery. Raises `UserError` on a file that nobody delivered."""
    both = (
        (d, quarantine.findings(d)) for d in quarantine.still_refused(sha256, sender) if reason in (None, *d.reasons)
    )
    return [(d, [f for f in found if reason in (None, f.reason)]) for d, found in both]


def show(sha256: str | None, sender: str | None, reason: str | None, out: Path | None, *, as_json: bool) -> None:
    """Print refused rows; without filters how many there are by sender, table and reason. With `out` write all as CSV."""
    if out is None and sha256 is None and sender is None and reason is None:
        _summarise(quarantine.still_refused(), as_json=as_json)
        return
    rows = [finding for _, found in chosen(sha256, sender, reason) for finding in found]
    if out is not None:
        names = [field.name for field in fields(Finding)]
        _write(out, [names, *([asdict(row)[name] for name in names] for row in rows)], 0o644)
    if as_json:
        output.print_json({"rows": [asdict(row) for row in rows]} | ({"out": str(out)} if out else {}))
    elif out is not None:
        output.say(f"{len(rows)} 处问题已写入 {out}。{len(rows)} findings are written to {out}.")
    else:
        _list(rows)


def _summarise(deliveries: Sequence[Delivery], *, as_json: bool) -> None:
    rows: Counter[tuple[str, str, str]] = Counter()
    files: Counter[tuple[str, str, str]] = Counter()
    words = {}
    for delivery in deliveries:
        contract = quarantine.contract_of(delivery)
        for reason, number in delivery.reasons.items():
            key = (delivery.sender, delivery.table_name, reason)
            rows[key] += number
            files[key] += 1
            words[reason] = quarantine.reason_words(contract, reason)
    found = [
        {"sender": s, "table": t, "reason": r, "reason_zh": words[r].zh, "reason_en": words[r].en}
        | {"rows": rows[s, t, r], "files": files[s, t, r]}
        for s, t, r in sorted(rows)
    ]
    if as_json:
        output.print_json({"summary": found})
    elif not found:
        output.say("没有被退回的数据行。No row is refused.")
    else:
        heads = [
            ("发送单位\nSender", "left"),
            ("表\nTable", "left"),
            ("原因\nReason", "left"),
            ("说明\nMeaning", "left"),
        ]
        heads += [("行数\nRows", "right"), ("文件\nFiles", "right")]
        lines = [
            (f["sender"], f["table"], f["reason"], f"{f['reason_zh']} {f['reason_en']}", f"{f['rows']:,}", f["files"])
            for f in found
        ]
        output.print_table("退回的数据行 Refused rows", heads, lines)


def _list(rows: Sequence[Finding]) -> None:
    heads = ("文件\nFile", "工作表\nSheet", "行\nLine", "列\nColumn", "原因\nReason", "应为\nExpected", "实为\nFound")
    lines = [
        (
            row.file,
            row.sheet,
            row.line,
            row.column or None,
            f"{row.reason_zh} {row.reason_en}",
            f"{row.expected_zh} {row.expected_en}",
            row.found,
        )
        for row in rows[:ROWS_LISTED]
    ]
    more = len(rows) - ROWS_LISTED
    note = f"还有 {more:,} 处，用 --out 写出。{more:,} more; write them with --out." if more > 0 else None
    if lines:
        columns = [(head, "right" if number == 2 else "left") for number, head in enumerate(heads)]
        output.print_table("退回的数据行 Refused rows", columns, lines, note)
    else:
        output.say("没有符合条件的退回数据行。No refused row is like that.")


def read_again(
    sha256: str | None, sender: str | None, reason: str | None, *, quiet: bool
) -> tuple[list[Outcome], dict[Path, str]]:
    """Refused rows under the rules of today, file by file; one file that cannot be had stops no other."""
    outcomes: list[Outcome] = []
    failed: dict[Path, str] = {}
    with ledger.writer_lock(say_waiting), output.counting(quiet=quiet) as step:
        ledger.heal()
        deliveries = [d for d in quarantine.still_refused(sha256, sender) if reason in (None, *d.reasons)]
        for number, delivery in enumerate(deliveries, 1):
            step(delivery.file, number, len(deliveries))
            try:
                with quarantine.original(delivery) as path:
                    outcomes.append(receive(path, quarantine.request_of(delivery)))
            except UserError as error:
                failed[Path(delivery.file)] = str(error)
    return outcomes, failed


def print_originals(sha256: str | None, reason: str | None, out: Path | None) -> None:
    """The refused records as the sender wrote them, personal content included; never into the data folder.

    Raises `UserError` when no file is named, when there is no key, or when they would be written where figures are made.
    """
    if sha256 is None:
        raise UserError("Original rows are shown of one file only; name it with --file.")
    if out is not None and out.resolve().is_relative_to(data_root()):
        raise UserError(f"Original rows may not lie in the data folder ({out}). Name a file outside it.")
    found = chosen(sha256, None, reason)
    lines: list[Sequence[object]] = []
    for delivery, findings in found:
        lines += quarantine.original_rows(delivery, {(f.sheet, f.line) for f in findings})
    if out is not None:
        _write(out, lines, 0o600)
        output.say(
            f"{sum(len({(f.sheet, f.line) for f in g}) for _, g in found)} original rows are in {out}. Delete it after use."
        )
    else:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        sys.stdout.write(text.getvalue())


def _write(path: Path, lines: Iterable[Sequence[object]], mode: int) -> None:
    """CSV with a byte order mark; a cell that a spreadsheet would run gets an apostrophe before it.

    Raises `UserError` when the place does not take it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([_harmless(cell) for cell in line] for line in lines)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def _harmless(cell: object) -> object:
    """A text that begins as a formula does, and is no number, does not begin so any more (CWE-1236)."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
