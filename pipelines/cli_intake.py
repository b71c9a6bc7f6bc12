"""`fengqiao intake`: files one by one through the door, then what became of them, for reading or as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipelines import cli_output as output
from pipelines.catalogue import Words, contract_versions, load_contract
from pipelines.intake import archive, ledger
from pipelines.intake.denying import shown_file_name
from pipelines.intake.identifying import Request, export_files
from pipelines.intake.parsing import REASONS
from pipelines.intake.receiving import Outcome, Refused, receive_each, zero_report
from pipelines.intake.resting import at_rest
from pipelines.intake.sharing import receive_many
from pipelines.settings import data_root

FILES_LISTED = 20
OUTCOMES = {
    "accepted": "已入库 taken in",
    "already_received": "已接收过 already received",
    "dry_run": "试运行 dry run",
    "held": "待核 held",
}
COUNTS = {
    "read": "数据行\nRead",
    "accepted": "入库\nAccepted",
    "quarantined": "退回\nQuarantined",
    "duplicate": "重复\nDuplicate",
    "not_data": "非数据行\nNot data",
}
WITHDRAWN = {"withdrawn": "撤回\nWithdrawn"}


def take_in(
    paths: Sequence[Path], request: Request, *, quiet: bool, processes: int = 1, at_rest_for: int = 0
) -> tuple[list[Outcome], dict[Path, str], list[Path]]:
    """Each file's outcome, a sentence for each file refused as a whole, and the files left alone, which have not been at rest
    for so many seconds; one wrong file stops no other."""
    outcomes: list[Outcome] = []
    refused: dict[Path, str] = {}
    found, days = export_files(paths), archive.days_kept()
    with ledger.writer_lock(say_waiting) as lock, output.counting(quiet=quiet) as step:
        ledger.heal()
        files = [file for file in found if at_rest(file, at_rest_for)]
        moving = sorted(set(found).difference(files))
        taken = _one_by_one(files, request) if processes == 1 else receive_many(files, request, processes, lock)
        for number, (file, each) in enumerate(zip(files, taken, strict=True), 1):
            step(file.name, number, len(files))
            for became in each:
                if isinstance(became, Refused):
                    refused[became.file] = became.sentence
                else:
                    outcomes.append(became)
        removed = archive.remove_old(ledger.originals(), days)
    if removed and not quiet:
        output.say(
            f"归档原件 {removed} 份保存期已满，已删除。{removed} originals were kept for {days} days and are"
            " now removed from the archive."
        )
    return outcomes, refused, moving


def _one_by_one(files: Sequence[Path], request: Request) -> Iterator[Iterable[Outcome | Refused]]:
    return (receive_each(file, request) for file in files)


def say_waiting() -> None:
    click.echo("另一次接收或构建正在进行，等待中。Waiting for another intake or build to end.", err=True)


def enter_zero(sender: str, table: str, period: str) -> list[Outcome]:
    """The outcome of a declared zero report."""
    with ledger.writer_lock(say_waiting):
        ledger.heal()
        return [zero_report(sender, table, period)]


def report(
    outcomes: Sequence[Outcome], refused: Mapping[Path, str], moving: Sequence[Path] = (), *, as_json: bool
) -> None:
    """Print what became of the files, `moving`: those left alone; refused and held ones go to standard error as well."""
    wrong = [outcome.note or "" for outcome in outcomes if outcome.outcome == "held"] + list(refused.values())
    if as_json:
        files = [asdict(outcome) for outcome in outcomes] + [_refusal(file, text) for file, text in refused.items()]
        left = {"left_alone": [output.harmless(shown_file_name(file.name)) for file in moving]} if moving else {}
        output.print_json({"files": files} | left | ({"error": " ".join(wrong)} if wrong else {}))
    else:
        _print_counts(outcomes)
        _print_reasons(outcomes)
        _print_personal(outcomes)
        _print_notes(outcomes)
        if outcomes and all(outcome.outcome == "already_received" for outcome in outcomes):
            many = "The file was" if len(outcomes) == 1 else f"All {len(outcomes)} files were"
            output.say(f"已接收过，没有任何变化。{many} already received; nothing changed.")
        _print_moving(moving)
    for text in wrong:
        click.echo(output.harmless(text), err=True)


def _print_moving(moving: Sequence[Path]) -> None:
    names = [shown_file_name(file.name) for file in moving[:FILES_LISTED]]
    if more := len(moving) - len(names):
        names.append(f"+{more}")
    if names:
        output.say(
            f"未接收，可能仍在写入：{'、'.join(names)}。Left alone, for somebody may be writing it still: {', '.join(names)}."
        )


def _print_notes(outcomes: Sequence[Outcome]) -> None:
    late = sum(outcome.late for outcome in outcomes if outcome.outcome != "already_received")
    if late:
        output.say(f"补报 {late:,} 行。{late:,} rows are of new cases in months that were reported and closed before.")
    for outcome in outcomes:
        if outcome.note and outcome.outcome != "held":
            output.say(outcome.note)


def _refusal(file: Path, sentence: str) -> dict[str, Any]:
    """A refused file in the shape of an outcome, with the sentence that says why."""
    unknown = dict.fromkeys(("sha256", "sender", "contract"))
    return {
        "file": output.harmless(file.name),
        **unknown,
        "outcome": "refused",
        **dict.fromkeys(COUNTS, 0),
        "reasons": {},
        "error": sentence,
    }


def _print_counts(outcomes: Sequence[Outcome]) -> None:
    """Counts by file; by sender and table when there are many files, by table when there are many senders."""
    tables = _tables()
    heads: tuple[str, ...] = ("文件\nFile", "发送单位\nSender")
    keys = [(outcome.file, outcome.sender) for outcome in outcomes]
    if len(outcomes) > FILES_LISTED:
        heads, keys = (
            ("发送单位\nSender", "表\nTable"),
            [(o.sender, tables.get(o.contract, o.contract)) for o in outcomes],
        )
    if len(set(keys)) > FILES_LISTED:
        files = Counter(table for _, table in keys)
        heads, keys = ("表\nTable", "文件\nFiles"), [(table, str(files[table])) for _, table in keys]
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for key, outcome in zip(keys, outcomes, strict=True):
        groups.setdefault(key, []).append(outcome)
    counts = COUNTS | (WITHDRAWN if any(o.mode == "snapshot" or o.withdrawn for o in outcomes) else {})
    columns = (
        [(head, "left") for head in heads] + [(head, "right") for head in counts.values()] + [("结果\nOutcome", "left")]
    )
    rows = [
        [*key, *(f"{sum(getattr(o, name) for o in group):,}" for name in counts), _said(group)]
        for key, group in groups.items()
    ]
    if rows:
        output.print_table("接收 Intake", columns, rows)


def _said(group: Sequence[Outcome]) -> str:
    outcomes = Counter(OUTCOMES[outcome.outcome] for outcome in group)
    return ", ".join(name if len(group) == 1 else f"{name} × {number}" for name, number in outcomes.items())


def _print_reasons(outcomes: Sequence[Outcome]) -> None:
    """Rows by reason over all files that were looked into now."""
    words = _words()
    new = [outcome for outcome in outcomes if outcome.outcome != "already_received"]
    rows: list[Sequence[object]] = []
    for treatment, found in (
        ("退回 refused", _sum(o.reasons for o in new)),
        ("提示 warned", _sum(o.warnings for o in new)),
    ):
        for reason, number in found.most_common():
            rows.append(
                (treatment, reason, f"{words[reason].zh} {words[reason].en}" if reason in words else "", f"{number:,}")
            )
    if rows:
        heads = [
            ("处理\nTreatment", "left"),
            ("原因\nReason", "left"),
            ("说明\nMeaning", "left"),
            ("行数\nRows", "right"),
        ]
        output.print_table("原因 Reasons", heads, rows)


def _print_personal(outcomes: Sequence[Outcome]) -> None:
    """Columns that hold what is never taken in, where no contract names them."""
    personal = list(dict.fromkeys(heading for outcome in outcomes for heading in outcome.personal_columns))
    if personal:
        output.say(f"个人信息，未读取。Personal, not read: {'、'.join(personal)}")


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def _known_contracts() -> list[Any]:
    """The contracts of the house and those kept from earlier intakes."""
    kept = sorted((data_root() / "catalogue" / "contracts").glob("*.yml"))
    return [*reversed(contract_versions()), *(load_contract(path) for path in kept)]


def _tables() -> dict[str, str]:
    return {contract.id: contract.table for contract in _known_contracts()}


def _words() -> dict[str, Words]:
    return {reason: words for contract in _known_contracts() for reason, words in contract.labels.items()} | dict(
        REASONS
    )
