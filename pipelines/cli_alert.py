"""`fengqiao alert`: look for what somebody must know and tell it by the declared channels, once."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from pipelines import cli_output as output
from pipelines.alerts.declared import alerts
from pipelines.alerts.events import Event, trial
from pipelines.alerts.finding import failed, found
from pipelines.alerts.telling import tell
from pipelines.settings import UserError


def run(unit: str | None, *, check: bool, test: bool, as_json: bool) -> bool:
    """Tell what holds; whether every channel took what was new to it. Raises `UserError`."""
    if [check, test, unit is not None].count(True) != 1:
        raise UserError("Say one of --check, --test and --failed SERVICE.")
    declared = alerts()
    told = tell(_events(unit, test) if not check else found(declared), declared)
    if as_json:
        output.print_json({"events": [asdict(e) for e in told.events], "sent": told.sent, "refused": told.refused})
    else:
        for event in told.events:
            output.say(f"{event.zh} {event.en}")
        output.say(f"{len(told.events)} 项，新发 {told.sent} 项。{len(told.events)} event(s), {told.sent} newly told.")
    for sentence in told.refused:
        click.echo(sentence, err=True)
    return not told.refused


def _events(unit: str | None, test: bool) -> list[Event]:
    return [trial(datetime.now(UTC))] if test else [failed(str(unit))]
