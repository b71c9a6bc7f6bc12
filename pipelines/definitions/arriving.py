"""Exports, and their way through the door into the ledger and the lake: all that lie in landing, or those of one sender."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.alerts.finding import late_senders
from pipelines.catalogue import senders, tables
from pipelines.definitions.failing import WRITER, Busy, discreetly, may_pass, writing
from pipelines.definitions.models import EACH_MORNING, Events, span
from pipelines.intake import ledger
from pipelines.intake.identifying import Request, export_files
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.intake.resting import AT_REST, at_rest
from pipelines.settings import UserError, landing

EXPORTS = dg.AssetKey(["exports", "landing"])
LEDGER = dg.AssetKey(["ledger", "deliveries"])
LAKE = {table: dg.AssetKey(["lake", table]) for table in tables()}
WITHDRAWALS = dg.AssetKey(["lake", "withdrawals"])
OF_SENDER = dg.AssetKey(["ledger", "deliveries_of_sender"])
ALL_AT_REST, ALL_TAKEN_IN, NOBODY_IS_LATE = "every_file_is_at_rest", "every_file_was_taken_in", "no_sender_is_late"
AT_REST_SAID = "无文件正在写入。No file is being written."
SENDER_GROUP = "senders"
SENDERS = dg.StaticPartitionsDefinition(sorted({entry.sender for entry in senders()}))
LISTED = 20
ROWS = ("read", "accepted", "quarantined", "duplicate", "not_data")


class Arriving(dg.Config):
    """`at_rest`: a file that changed within so many seconds is left alone, for somebody may be writing it still; 0: none is."""

    at_rest: int = AT_REST


@dataclass
class Taken:
    """What became of files: outcomes, a sentence for each that was refused, and how many were left alone."""

    outcomes: list[Outcome] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    left_alone: int = 0


@dg.asset(
    key=EXPORTS,
    group_name="exports",
    check_specs=[dg.AssetCheckSpec(ALL_AT_REST, asset=EXPORTS, description="No file is being written just now.")],
)
def exports(context: dg.AssetExecutionContext) -> Events:
    """Export files in `landing/<sender>/`, as the source systems wrote them."""
    with discreetly(context):
        files = landed()
        if not files and not ledger.deliveries():
            raise UserError(f"No export lies in {landing()}/<sender>/. Put one there; `fengqiao demo` makes some.")
        of = {file.parent.name for file in files}
        size = sum(file.stat().st_size for file in files if file.exists())
        yield dg.MaterializeResult(metadata={"files": len(files), "senders": len(of), "bytes": size})
        moving = sum(not at_rest(file, AT_REST) for file in files)
        said = _left_alone(moving, AT_REST) if moving else AT_REST_SAID
        yield dg.AssetCheckResult(
            check_name=ALL_AT_REST, passed=not moving, severity=dg.AssetCheckSeverity.WARN, description=said
        )


def landed(sender: str = "") -> list[Path]:
    """The exports that lie in landing, or in the folder of one sender."""
    folder = landing() / sender
    try:
        return export_files([folder] if folder.is_dir() else [])
    except UserError:
        return []


def _left_alone(files: int, seconds: int) -> str:
    return (
        f"{files} 个文件在 {seconds} 秒内有变化，可能仍在写入，暂不接收，静止后再运行即接收。{files} file(s) changed within the last"
        f" {seconds} seconds and may be being written still: they are left alone, and taken in by the next run once they rest."
    )


@dg.multi_asset(
    name="intake",
    specs=[
        dg.AssetSpec(
            LEDGER,
            deps=[EXPORTS],
            group_name="intake",
            description="One entry a delivery, in the order they came.",
            freshness_policy=EACH_MORNING,
        ),
        *(
            dg.AssetSpec(
                key,
                deps=[EXPORTS],
                group_name="lake",
                description=f"{contract.label.zh} {contract.label.en}: typed rows.",
            )
            for key, contract in zip(LAKE.values(), tables().values(), strict=True)
        ),
        dg.AssetSpec(
            WITHDRAWALS, deps=[EXPORTS], group_name="lake", description="Cases that a snapshot of their sender has not."
        ),
    ],
    check_specs=[dg.AssetCheckSpec(ALL_TAKEN_IN, asset=LEDGER, description="No file was refused as a whole.")],
    pool=WRITER,
)
def intake(context: dg.AssetExecutionContext, config: Arriving) -> Events:
    """Each file through the door; a wrong one is named by the check and stops no other."""
    with writing(context):
        taken = _taken_in(landed(), config.at_rest)
        if taken.left_alone and not ledger.deliveries():
            raise Busy(
                f"{_left_alone(taken.left_alone, config.at_rest)} Nothing else has ever been taken in, so this step waits and"
                " tries again; a launch with at_rest: 0 in the configuration of intake does not wait."
            )
        yield from _intake_events(taken, config.at_rest)


@dg.asset(key=OF_SENDER, deps=[EXPORTS], group_name=SENDER_GROUP, partitions_def=SENDERS, pool=WRITER)
def intake_of_sender(context: dg.AssetExecutionContext, config: Arriving) -> dg.MaterializeResult:
    """The files of one sender through the door, and what it owes and has not sent."""
    with writing(context):
        sender = context.partition_key
        taken = _taken_in(landed(sender), config.at_rest)
        late = [event.zh for event in late_senders() if event.subject.split()[0] == sender]
        told = {"refused": taken.refused, "late": late}
        return dg.MaterializeResult(metadata={**_counted(taken), **told})


@dg.asset_check(asset=LEDGER, name=NOBODY_IS_LATE, description="Each report that was due has come.")
def nobody_is_late(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    late = [f"{event.zh} {event.en}" for event in late_senders()]
    return dg.AssetCheckResult(
        passed=not late, severity=dg.AssetCheckSeverity.WARN, description=_listed(late), metadata={"late": len(late)}
    )


def _listed(sentences: Sequence[str]) -> str:
    """The first sentences in lines, and how many more there are."""
    more = len(sentences) - LISTED
    left = [f"另有 {more} 项，见 fengqiao senders --late。And {more} more."] if more > 0 else []
    return "\n".join([*sentences[:LISTED], *left]) or "都已报送。Everything that was due has come."


def _taken_in(files: Iterable[Path], seconds: int) -> Taken:
    """Raises `UserError` when the disk is full: what came before it is taken in, the rest when this is tried again."""
    taken = Taken()
    with ledger.writer_lock():
        ledger.heal()
        for file in files:
            if not at_rest(file, seconds):
                taken.left_alone += 1
                continue
            for became in receive_each(file, Request()):
                if isinstance(became, Refused):
                    taken.refused.append(became.sentence)
                    continue
                taken.outcomes.append(became)
                if became.outcome == "held":
                    taken.refused.append(str(became.note))
    passing = [sentence for sentence in taken.refused if may_pass(sentence)]
    if passing:
        raise UserError(passing[0])
    return taken


def _counted(taken: Taken) -> dict[str, Any]:
    """Files by what became of them, the rows of those that are new, and the reasons of refused rows."""
    new = [outcome for outcome in taken.outcomes if outcome.outcome == "accepted"]
    reasons = sum((Counter(outcome.reasons) for outcome in new), Counter())
    return {
        "new_files": len(new),
        "already_received": sum(outcome.outcome == "already_received" for outcome in taken.outcomes),
        "refused_files": len(taken.refused),
        "left_alone": taken.left_alone,
        **{name: sum(getattr(outcome, name) for outcome in new) for name in ROWS},
        "reasons": dict(reasons.most_common()),
    }


def _intake_events(taken: Taken, seconds: int) -> Events:
    yield dg.MaterializeResult(asset_key=LEDGER, metadata=_counted(taken))
    deliveries = ledger.deliveries()
    for table, key in LAKE.items():
        of_table = [d for d in deliveries if d.table_name == table]
        months = sorted(month for d in of_table for month in (d.first_month, d.last_month) if month)
        lake = {"dagster/row_count": sum(d.accepted for d in of_table), "deliveries": len(of_table)}
        yield dg.MaterializeResult(asset_key=key, metadata=lake | span(months))
    withdrawn = {"dagster/row_count": sum(d.withdrawn for d in deliveries)}
    yield dg.MaterializeResult(asset_key=WITHDRAWALS, metadata=withdrawn)
    yield dg.AssetCheckResult(
        asset_key=LEDGER,
        check_name=ALL_TAKEN_IN,
        passed=not taken.refused,
        description=_left_alone(taken.left_alone, seconds) if taken.left_alone else None,
        metadata={"refused": taken.refused},
    )
