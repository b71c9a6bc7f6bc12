"""Exports, and their way through the door into the ledger and the lake."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from pipelines.catalogue import tables
from pipelines.definitions.failing import discreetly
from pipelines.definitions.models import Events, span
from pipelines.intake import ledger
from pipelines.intake.identifying import Request, export_files
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.settings import UserError, landing

EXPORTS = dg.AssetKey(["exports", "landing"])
LEDGER = dg.AssetKey(["ledger", "deliveries"])
LAKE = {table: dg.AssetKey(["lake", table]) for table in tables()}
WITHDRAWALS = dg.AssetKey(["lake", "withdrawals"])
ALL_TAKEN_IN = "every_file_was_taken_in"


@dg.asset(key=EXPORTS, group_name="exports")
def exports() -> dg.MaterializeResult:
    """Export files in `landing/<sender>/`, as the source systems wrote them."""
    with discreetly():
        files = _landed()
        senders = {file.parent.name for file in files}
        size = sum(file.stat().st_size for file in files)
        return dg.MaterializeResult(metadata={"files": len(files), "senders": len(senders), "bytes": size})


def _landed() -> list[Path]:
    try:
        return export_files([landing()] if landing().is_dir() else [])
    except UserError:
        raise UserError(
            f"No export lies in {landing()}/<sender>/. Put one there; `fengqiao demo` makes some."
        ) from None


@dg.multi_asset(
    name="intake",
    specs=[
        dg.AssetSpec(
            LEDGER, deps=[EXPORTS], group_name="intake", description="One entry a delivery, in the order they came."
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
)
def intake() -> Events:
    """Each file through the door; a wrong one is named by the check and stops no other."""
    with discreetly():
        outcomes, refused = _taken_in()
        yield from _intake_events(outcomes, refused)


def _taken_in() -> tuple[list[Outcome], list[str]]:
    outcomes: list[Outcome] = []
    refused: list[str] = []
    with ledger.writer_lock():
        ledger.heal()
        for file in _landed():
            for became in receive_each(file, Request()):
                if isinstance(became, Refused):
                    refused.append(became.sentence)
                    continue
                outcomes.append(became)
                if became.outcome == "held":
                    refused.append(str(became.note))
    return outcomes, refused


def _intake_events(outcomes: Sequence[Outcome], refused: Sequence[str]) -> Events:
    new = [outcome for outcome in outcomes if outcome.outcome == "accepted"]
    counts = {
        name: sum(getattr(o, name) for o in new)
        for name in ("read", "accepted", "quarantined", "duplicate", "not_data")
    }
    reasons = sum((Counter(outcome.reasons) for outcome in new), Counter())
    metadata = {
        "new_files": len(new),
        "already_received": sum(outcome.outcome == "already_received" for outcome in outcomes),
        "refused_files": len(refused),
        **counts,
    }
    yield dg.MaterializeResult(asset_key=LEDGER, metadata={**metadata, "reasons": dict(reasons.most_common())})
    deliveries = ledger.deliveries()
    for table, key in LAKE.items():
        of_table = [d for d in deliveries if d.table_name == table]
        months = sorted(month for d in of_table for month in (d.first_month, d.last_month) if month)
        lake = {"dagster/row_count": sum(d.accepted for d in of_table), "deliveries": len(of_table)}
        yield dg.MaterializeResult(asset_key=key, metadata=lake | span(months))
    withdrawn = {"dagster/row_count": sum(d.withdrawn for d in deliveries)}
    yield dg.MaterializeResult(asset_key=WITHDRAWALS, metadata=withdrawn)
    yield dg.AssetCheckResult(
        asset_key=LEDGER, check_name=ALL_TAKEN_IN, passed=not refused, metadata={"refused": list(refused)}
    )
