"""`fengqiao propose`: a contract for an unknown export, on standard output or in a file; beside it why."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from pipelines import cli_output as output
from pipelines.intake.proposing.drafting import Proposal, Proposed, propose
from pipelines.settings import UserError


def run(path: Path, table: str | None, out: Path | None, *, as_json: bool) -> None:
    """Propose and print. Raises `UserError` rather than write over a file."""
    if out is not None and out.exists():
        raise UserError(f"{out} exists already; name another file with --out.")
    proposal = propose(path, table)
    if out is not None:
        out.write_text(proposal.contract, encoding="utf-8")
    if as_json:
        output.print_json({"file": path.name, **_as_json(proposal)})
        return
    _explain(proposal)
    if out is None:
        output.say(proposal.contract.rstrip("\n"))
    else:
        click.echo(f"拟稿已写入 The proposal is in {out}.", err=True)


def _as_json(proposal: Proposal) -> dict[str, object]:
    """The proposal as `--json` prints it; columns are counted from 1."""
    columns = [
        asdict(column) | {"position": column.position + 1, "reason": column.reason.model_dump()}
        for column in proposal.columns
    ]
    return asdict(proposal) | {"columns": columns, "could_not_tell": [d.model_dump() for d in proposal.could_not_tell]}


def _explain(proposal: Proposal) -> None:
    """The matches as a table and what could not be told, on standard error, so that a pipe gets the contract alone."""
    heads = ("列\nColumn", "表头\nHeading", "认作\nTaken for", "把握\nSure", "理由\nReason")
    output.print_table(
        f"拟稿 Proposal: {proposal.table} ({proposal.layout})",
        [(head, "right" if number in (0, 3) else "left") for number, head in enumerate(heads)],
        [_cells(column) for column in proposal.columns],
        to_stderr=True,
    )
    doubts: Sequence[str] = [f"- {doubt.zh} {doubt.en}" for doubt in proposal.could_not_tell]
    if doubts:
        click.echo("\n".join(("无法断定的 What could not be told:", *doubts)), err=True)


def _cells(column: Proposed) -> tuple[object, ...]:
    taken_for = column.column if column.personal is None else f"{column.column} ({column.personal})"
    sure = None if column.confidence is None else f"{column.confidence:.2f}"
    return column.position + 1, column.heading, taken_for, sure, f"{column.reason.zh} {column.reason.en}"
