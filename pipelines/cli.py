"""`fengqiao`: the command line. Rooms are imported inside the commands, so that help comes at once."""

import errno
import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import update_wrapper
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from pipelines import settings
from pipelines.settings import PROJECT, TIME_ZONE, UserError, data_root

WRONG_INPUT = 2
UNEXPECTED = 1
STOPPED = 130
OBJECTS_BEFORE_COLLECTING = 250_000
EDITIONS = click.Choice(settings.EDITIONS)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class Door(click.Group):
    """The group of commands, and the one place where failures become a sentence and an exit code."""

    def main(self, args: Sequence[str] | None = None, standalone_mode: bool = True, **extra: Any) -> Any:
        # most objects are made by imports and live to the end: looking through them again and again frees nothing
        gc.set_threshold(OBJECTS_BEFORE_COLLECTING)
        said = list(sys.argv[1:] if args is None else args)
        code = self._code(said, extra)
        if args is None and "duckdb" not in sys.modules:
            # what lives now ends with the process, and looking for circles in it takes longer than many a command;
            # DuckDB complains of what is not collected
            gc.freeze()
        sys.exit(code)

    def _code(self, said: list[str], extra: dict[str, Any]) -> int:
        try:
            code = super().main(said, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return WRONG_INPUT
        except click.ClickException as error:
            return _refuse(error.format_message(), said)
        except UserError as error:
            return _refuse(str(error), said)
        except (KeyboardInterrupt, click.Abort):
            click.echo("Stopped.", err=True)
            return STOPPED
        except OSError as error:
            if error.errno != errno.EPIPE:
                return _fail(error, said)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNEXPECTED
        except Exception as error:
            return _fail(error, said)
        return code if isinstance(code, int) else 0


def _refuse(sentence: str, said: Sequence[str], code: int = WRONG_INPUT) -> int:
    """Say what is wrong on standard error, and as JSON on standard output when JSON was asked for."""
    from pipelines.cli_output import harmless

    click.echo(harmless(sentence), err=True)
    if "--json" in said:
        import json

        click.echo(json.dumps({"error": sentence}, ensure_ascii=False))
    return code


def _fail(error: BaseException, said: Sequence[str]) -> int:
    """A full disk, or something nobody foresaw: one sentence, and of the latter a log of where it happened."""
    from pipelines import failures

    if failures.is_of_a_full_disk(error):
        return _refuse(
            f"The disk of {data_root()} is full. Make room and run this again; nothing that was kept is lost.", said
        )
    name = f"{type(error).__name__} in fengqiao {next((word for word in said if word in main.commands), '')}".strip()
    try:
        where = f"where it did is written in {failures.log(error)}. Please report it."
    except OSError:
        where = f"the data folder {data_root()} takes no log of it."
    return _refuse(f"This should not have happened ({name}); {where}", said, UNEXPECTED)


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print JSON; also accepted after the command.")
@click.pass_context
def main(context: click.Context, as_json: bool) -> None:
    """Fengqiao: grassroots justice statistics, from export files to figures.

    The data folder is FENGQIAO_DATA (default ./data), the keys are in FENGQIAO_KEYS (default ~/.config/fengqiao/keys).
    """
    from pipelines import data_folder

    context.obj = as_json
    if context.invoked_subcommand != "restore":
        data_folder.version()


def with_json(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--json`, whether it stands before or after the command's name."""

    @click.pass_context
    def run(context: click.Context, as_json: bool, **options: Any) -> None:
        context.invoke(command, as_json=as_json or bool(context.obj), **options)

    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(update_wrapper(run, command))


@main.command()
@click.option("--years", type=click.IntRange(1, 50), default=4, show_default=True, help="Years of exports.")
@click.option(
    "--cases",
    type=click.IntRange(min=0),
    default=60_000,
    show_default=True,
    help="Ordinary cases, beside the fixed scenes.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), default="2025-12-31", show_default=True, help="Last day.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder  [default: landing/ of the data folder]"
)
@with_json
def demo(years: int, cases: int, seed: int, until: datetime, out: Path | None, as_json: bool) -> None:
    """Write make-believe exports; no real person is in them."""
    from pipelines import cli_output as output
    from pipelines.demo import generate
    from pipelines.settings import landing

    folder = out or landing()
    with output.counting(quiet=as_json) as step:
        files = generate(folder, years=years, cases=cases, seed=seed, until=until.date(), progress=step)
    if as_json:
        output.print_json({"folder": str(folder), "files": [str(file) for file in files]})
    else:
        output.say(f"{len(files)} make-believe exports are in {folder}.")


@main.group()
def keys() -> None:
    """The keys of the pseudonyms; without keys nothing is taken in."""


@keys.command("init")
@with_json
def keys_init(as_json: bool) -> None:
    """Make the keys that are missing, outside the data folder, and the archive's recipient; what exists stays."""
    from pipelines import cli_keys

    cli_keys.initialise(as_json=as_json)


@keys.command("rotate")
@click.argument("system", required=False)
@with_json
def keys_rotate(system: str | None, as_json: bool) -> None:
    """Give every case of a system (or of all) a new pseudonym, in a new generation of the lake; figures stay."""
    from pipelines import cli_keys

    cli_keys.rotate(system, as_json=as_json)


@main.command()
@click.argument("paths", metavar="PATH...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--sender", metavar="ID", help="Who sent it, where the folder does not say so.")
@click.option("--contract", metavar="ID|FILE", help="The contract, where the headings do not tell it.")
@click.option(
    "--areas", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An area list the contract names."
)
@click.option("--period", metavar="P", help="The period a file reports on, where its rows do not tell it.")
@click.option("--mode", type=click.Choice(["changes", "snapshot"]), help="What a file is.  [default: changes]")
@click.option("--scope", metavar="S", help="What a snapshot covers: area codes and at most one period, by commas.")
@click.option("--taken-at", metavar="INSTANT", help="When a snapshot was taken, where its update times do not tell.")
@click.option("--withdraw", is_flag=True, help="Confirm that a snapshot withdraws as many cases as it was held for.")
@click.option("--zero", is_flag=True, help="Enter that the sender had no case in the period; needs no file.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and write nothing.")
@click.option(
    "--at-rest",
    type=click.IntRange(0, 86_400),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Leave alone what changed within so many seconds: somebody may be writing it still.",
)
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Read so many files at the same time."
)
@with_json
def intake(paths: tuple[Path, ...], zero: bool, at_rest: int, processes: int, as_json: bool, **said: Any) -> None:
    """Take in export files, or all export files in folders."""
    from pipelines.intake import memory

    memory.keep_freed()
    from pipelines import cli_intake
    from pipelines.intake.identifying import Request

    if not zero and not paths:
        raise UserError("Name the files or folders to take in, such as data/landing.")
    if zero and (paths or said["dry_run"] or not all(said[name] for name in ("sender", "contract", "period"))):
        raise UserError("A zero report takes no file and no --dry-run; it needs --sender, --contract and --period.")
    if zero:
        cli_intake.report(cli_intake.enter_zero(said["sender"], said["contract"], said["period"]), {}, as_json=as_json)
        return
    outcomes, refused, moving = cli_intake.take_in(
        paths, Request(**said), quiet=as_json, processes=processes, at_rest_for=at_rest
    )
    cli_intake.report(outcomes, refused, moving, as_json=as_json)
    if refused or any(outcome.outcome == "held" for outcome in outcomes):
        click.get_current_context().exit(WRONG_INPUT)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--table", metavar="T", help="The table it belongs to.  [default: the one it fits best]")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the contract here, not to the screen."
)
@with_json
def propose(file: Path, table: str | None, out: Path | None, as_json: bool) -> None:
    """Propose a contract for an unknown export, as YAML to check and correct."""
    from pipelines import cli_propose

    cli_propose.run(file, table, out, as_json=as_json)


@main.command()
@click.option("--table", metavar="T", help="One table.  [default: all]")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.md", help="Write it here.")
@click.option(
    "--site", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write it and dbt's pages there."
)
@click.option(
    "--schema",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write JSON schemas of cards, measures and contracts there, for an editor.",
)
@with_json
def dictionary(table: str | None, out: Path | None, site: Path | None, schema: Path | None, as_json: bool) -> None:
    """What every export may hold and what is made of it: columns, codes, rules, measures, indicators."""
    from pipelines import cli_dictionary

    cli_dictionary.run(table, out, site, schema, as_json=as_json)


@main.command()
@click.option("--file", "sha256", metavar="SHA", help="Of one file: its sha256, or how that begins.")
@click.option("--sender", metavar="ID", help="Of one sender.")
@click.option("--reason", metavar="R", help="For one reason, such as unknown_code.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the rows there as CSV; with --slip a folder.")
@click.option("--slip", is_flag=True, help="Write a return slip (退回单) for each sender, as XLSX.")
@click.option("--again", is_flag=True, help="Read the refused rows again, after contract, code list or areas changed.")
@click.option(
    "--originals", is_flag=True, help="The records as they came, persons included; needs the archive's identity."
)
@with_json
def quarantine(
    sha256: str | None,
    sender: str | None,
    reason: str | None,
    out: Path | None,
    slip: bool,
    again: bool,
    originals: bool,
    as_json: bool,
) -> None:
    """Show refused rows and why; without filters how many there are."""
    from pipelines import cli_intake, cli_quarantine

    if (again and (originals or out)) or (originals and (sender or as_json)):
        raise UserError("--again goes with filters only, --originals with --file, --reason and --out only.")
    if slip and (again or originals):
        raise UserError("--slip goes with filters and --out only.")
    if slip:
        from pipelines import cli_slip

        cli_slip.write_slips(sha256, sender, reason, out, as_json=as_json)
    elif originals:
        cli_quarantine.print_originals(sha256, reason, out)
    elif again:
        outcomes, failed = cli_quarantine.read_again(sha256, sender, reason, quiet=as_json)
        cli_intake.report(outcomes, failed, as_json=as_json)
        if failed:
            click.get_current_context().exit(WRONG_INPUT)
    else:
        cli_quarantine.show(sha256, sender, reason, out, as_json=as_json)


@main.command()
@click.option("--full", is_flag=True, help="Compute everything anew.")
@click.option("--as-of", metavar="INSTANT", help="Build as of an earlier instant, such as 2026-01-05T08:00+08:00.")
@with_json
def build(full: bool, as_of: str | None, as_json: bool) -> None:
    """Build the warehouse from what was taken in."""
    from dataclasses import asdict

    from pipelines import cli_output as output
    from pipelines import warehouse

    with output.working("build", quiet=as_json) as step:
        report = warehouse.build(full=full, as_of=as_of, progress=step)
    if as_json:
        output.print_json(asdict(report))
        return
    cells = (
        report.sequence,
        report.outcome,
        "full" if report.full else "incremental",
        _span(report.recomputed_months),
        report.models,
        report.tests,
        f"{report.seconds:.1f}",
    )
    heads = (
        "序列\nSequence",
        "结果\nOutcome",
        "方式\nKind",
        "重算月份\nMonths",
        "模型\nModels",
        "检验\nTests",
        "秒\nSeconds",
    )
    output.print_table("构建 Build", [(head, "left") for head in heads], [cells], report.reason)
    for touched in report.touched:
        output.say(f"{touched.table}: {_span(touched.months)}: {WHY_COUNTED_AGAIN[touched.cause]}.")
    for sentence in report.expired:
        output.say(sentence)


WHY_COUNTED_AGAIN = {
    "changed": "rows that came, changed or were withdrawn, in all their versions",
    "whole": "months that are new",
    "followed": "cases followed to a new last day of the data",
    "revealed": "an area has reported further, or no longer so far",
    "held": "a count that holds in them",
}


def _span(months: list[str]) -> str:
    return f"{min(months)}..{max(months)} ({len(months)})" if months else "—"


@main.command()
@click.option(
    "--period",
    metavar="P",
    help="Last period of the release, such as 2025, 2025-Q3 or 2025-10.  [default: the newest year]",
)
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@with_json
def release(period: str | None, edition: str, as_json: bool) -> None:
    """Draft a release from the warehouse, and say what it changes."""
    from pipelines import cli_release

    cli_release.draft(period, edition, as_json=as_json)


@main.command()
@click.argument("release")
@click.option("--name", help="Who approves.  [default: your login name]")
@click.option("--role", help="As what, such as head of office.")
@click.option("--department", help="For which department.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@with_json
def approve(release: str, edition: str, as_json: bool, **whose: str | None) -> None:
    """Approve a drafted release and seal it; name and instant are recorded in it."""
    from pipelines import cli_release

    cli_release.approve(release, edition, **whose, as_json=as_json)


@main.command()
@click.argument("release", required=False)
@click.option("--at", metavar="INSTANT", help="Publish it then, such as 2026-01-30T09:00+08:00.  [default: now]")
@click.option("--early", is_flag=True, help="Publish it before its embargo ends; that is recorded.")
@click.option("--due", is_flag=True, help="Publish what was scheduled and whose instant has come; names no release.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@with_json
def publish(release: str | None, at: str | None, early: bool, due: bool, edition: str, as_json: bool) -> None:
    """Make an approved release the one that readers see."""
    from pipelines import cli_release

    if due == (release is not None) or (due and (at or early)) or (at and early):
        raise UserError("Name one release, with --at or --early where wanted; or give --due alone.")
    if release is None:
        cli_release.publish_due(edition, as_json=as_json)
    else:
        cli_release.publish(release, edition, at, early=early, as_json=as_json)


@main.command()
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@with_json
def rollback(edition: str, as_json: bool) -> None:
    """Give readers back the release that was published before; recorded, and nothing is deleted."""
    from pipelines import cli_release

    cli_release.roll_back(edition, as_json=as_json)


@main.command()
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@with_json
def calendar(edition: str, as_json: bool) -> None:
    """Print which release is due when, and how far it has come."""
    from pipelines import cli_release

    cli_release.print_calendar(edition, as_json=as_json)


@main.command()
@click.argument("release")
@with_json
def audit(release: str, as_json: bool) -> None:
    """Attack a public release as an outsider would; without a passed audit it is not published. Exit code 1 when it fails."""
    from pipelines import cli_audit

    if not cli_audit.run(release, as_json=as_json):
        click.get_current_context().exit(1)


@main.command()
@click.option("--indicator", required=True, metavar="ID", help="An indicator, such as mediation_accepted.")
@click.option("--area", metavar="CODE", help="An area code of 6, 9 or 12 digits.  [default: all cities]")
@click.option(
    "--period",
    metavar="P",
    help="2025, 2025-H1, 2025-Q3, 2025-10 or 2022-10..2023-07.  [default: the release's latest year]",
)
@click.option("--by", metavar="DIM", help="A breakdown of the indicator, such as channel.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@with_json
def figures(
    indicator: str,
    area: str | None,
    period: str | None,
    by: str | None,
    edition: str,
    release: str | None,
    as_json: bool,
) -> None:
    """Print figures of a release."""
    from pipelines import cli_output as output
    from pipelines import cli_reading as reading

    opened = reading.opened(edition, release)
    selection = reading.select(opened, indicator, area, period, by)
    rows = reading.figures(opened, selection)
    if as_json:
        output.print_json(rows)
    else:
        output.print_figures(selection, rows)


@main.command()
@click.option("--indicator", required=True, metavar="ID", help="An indicator, such as mediation_success_rate.")
@click.option("--area", required=True, metavar="CODE", help="An area code of 6, 9 or 12 digits.")
@click.option("--period", required=True, metavar="P", help="2025, 2025-H1, 2025-Q3, 2025-10 or 2022-10..2023-07.")
@click.option("--rows", "with_rows", is_flag=True, help="Name the lines of each file too.")
@click.option("--release", metavar="R", help="A release of the internal edition.  [default: the published one]")
@with_json
def explain(indicator: str, area: str, period: str, with_rows: bool, release: str | None, as_json: bool) -> None:
    """Take a figure apart: its card, its measures, and the files and rows that were counted."""
    from pipelines import cli_explain
    from pipelines import cli_output as output
    from pipelines import cli_reading as reading

    found = cli_explain.explain(reading.opened("internal", release), indicator, area, period)
    if as_json:
        output.print_json(found)
    else:
        cli_explain.print_explained(found, with_rows=with_rows)


@main.command()
@click.option("--release", metavar="R", help="A release of the internal edition.  [default: the published one]")
@with_json
def published(release: str | None, as_json: bool) -> None:
    """Set the figures that others have published beside ours, each with a verdict."""
    from pipelines import cli_published
    from pipelines import cli_reading as reading

    cli_published.print_published(reading.opened("internal", release), as_json=as_json)


@main.command()
@click.option("--period", required=True, metavar="P", help="2025, 2025-H1, 2025-Q3 or 2025-10.")
@click.option("--area", required=True, metavar="CODE", help="A town, district or city: 6, 9 or 12 digits.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--formats", default="pdf,docx,xlsx,html", show_default=True, help="Which, separated by commas.")
@click.option("--lang", type=click.Choice(["zh", "en", "both"]), default="zh", show_default=True)
@click.option(
    "--letterhead", type=FILE, metavar="FILE.yml", help="Number, names and dates.  [default: seeds/review.yml]"
)
@click.option("--template", type=FILE, metavar="FILE.docx", help="An office's own document, its fields to be filled.")
@click.option("--fonts", type=FOLDER, metavar="DIR", help="An office's own typefaces for PDF and charts.")
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="[default: documents/ of the data folder]"
)
@with_json
def review(
    period: str, area: str, edition: str, formats: str, lang: str, release: str | None, as_json: bool, **files: Any
) -> None:
    """Write the review of an area: year, half-year, quarter or month as PDF, DOCX, XLSX and HTML."""
    from pipelines import cli_reading as reading
    from pipelines import cli_review

    wanted = cli_review.formats_of(formats)
    languages = ("zh", "en") if lang == "both" else (lang,)
    opened = reading.opened(edition, release)
    cli_review.run(opened, period, area, formats=wanted, languages=languages, as_json=as_json, **files)


@main.command()
@click.option("--period", metavar="P", help="2025, 2025-Q3, 2025-10 or a range of months.  [default: all months]")
@click.option("--sender", metavar="ID", help="Of one sender.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@with_json
def quality(period: str | None, sender: str | None, edition: str, release: str | None, as_json: bool) -> None:
    """Print what each sender owed, reported, was late with and had refused, by table and month, from a release."""
    from pipelines import cli_reading as reading

    reading.print_quality(reading.opened(edition, release), period, sender, as_json=as_json)


@main.command()
@click.option("--month", metavar="M", help="A month or a period of months.  [default: the release's last month]")
@click.option("--sender", metavar="ID", help="Of one sender.")
@click.option("--table", metavar="T", help="Of one monthly form, such as mediation_monthly.")
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@with_json
def reconcile(edition: str, release: str | None, as_json: bool, **asked: str | None) -> None:
    """Set what the monthly forms reported beside what case rows count, and say what explains the difference."""
    from pipelines import cli_reading as reading
    from pipelines import cli_reconcile

    cli_reconcile.print_reconciliation(reading.opened(edition, release), **asked, as_json=as_json)


@main.command()
@click.option("--month", metavar="M", help="For one month.  [default: the last that is over]")
@click.option("--table", metavar="T", help="Of one table.")
@click.option("--sender", metavar="ID", help="Of one sender.")
@click.option("--late", is_flag=True, help="Only what should have come and did not.")
@click.option("--reminder", is_flag=True, help="The text that reminds each office of what is missing.")
@with_json
def senders(
    month: str | None, table: str | None, sender: str | None, late: bool, reminder: bool, as_json: bool
) -> None:
    """Who has reported, who is late, by table and month, and whom to ask."""
    from pipelines import cli_senders

    cli_senders.run(month, table, sender, late=late, reminder=reminder, as_json=as_json)


@main.command()
@click.argument("query", required=False)
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@with_json
def sql(query: str | None, edition: str, release: str | None, as_json: bool) -> None:
    """Ask a release in SQL, read-only. Without QUERY: a prompt on a terminal, else it is read from standard input."""
    from pipelines import cli_reading as reading

    opened = reading.opened(edition, release)
    if query is None and sys.stdin.isatty():
        reading.converse(opened, as_json=as_json)
    else:
        with reading.open_database(opened) as connection:
            reading.answer(connection, query if query is not None else sys.stdin.read(), as_json=as_json)


@main.command()
@click.option("--release", metavar="R", help="A release.  [default: the published one]")
@click.option("--edition", type=EDITIONS, default="public", show_default=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The root of the site; the release gets a folder in it.  [default: documents/bulletin/ of the data folder]",
)
@click.option(
    "--due", is_flag=True, help="Write it only where `latest` is not the published release; names no release."
)
@with_json
def bulletin(release: str | None, edition: str, out: Path | None, due: bool, as_json: bool) -> None:
    """Write the bulletin of a release: a static site in Chinese and English, with the data to download."""
    from pipelines import cli_bulletin

    if due and release is not None:
        raise UserError("Name a release, or give --due alone.")
    cli_bulletin.run(release, edition, out, due=due, as_json=as_json)


@main.command()
@click.option("--edition", type=EDITIONS, default="internal", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen; elsewhere needs sign-in.")
def serve(edition: str, port: int, address: str) -> None:
    """Serve the dashboard; the internal edition to this machine only, unless sign-in is set up."""
    from pipelines import cli_serve

    cli_serve.run(edition, address, port)


@main.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it here.")
@with_json
def backup(out: Path | None, as_json: bool) -> None:
    """Write what cannot be computed again into one file; the keys are not in it."""
    from pipelines import cli_keeping

    cli_keeping.backup(out, as_json=as_json)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the backup, all of it, and write nothing.")
@with_json
def restore(file: Path, dry_run: bool, as_json: bool) -> None:
    """Bring a backup back into an empty data folder: all of it, or nothing."""
    from pipelines import cli_keeping

    cli_keeping.restore(file, dry_run=dry_run, as_json=as_json)


@main.command()
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="What is older goes.")
@click.option("--dry-run", is_flag=True, help="Say what would go and remove nothing.")
@with_json
def tidy(days: int, dry_run: bool, as_json: bool) -> None:
    """Remove old drafts, logs of failures and received files whose time is up; releases stay."""
    from pipelines import cli_keeping

    cli_keeping.tidy(days, dry_run=dry_run, as_json=as_json)


@main.command()
@click.option("--check", is_flag=True, help="Look for what somebody must know and tell what is new.")
@click.option("--failed", "unit", metavar="SERVICE", help="Tell that a scheduled run failed, by its service's name.")
@click.option("--test", is_flag=True, help="Send a test message by every channel.")
@with_json
def alert(check: bool, unit: str | None, test: bool, as_json: bool) -> None:
    """Tell what somebody on duty must know, by the channels that alerts.yml in the data folder declares."""
    from pipelines import cli_alert

    if not cli_alert.run(unit, check=check, test=test, as_json=as_json):
        click.get_current_context().exit(UNEXPECTED)


@main.command()
@with_json
def doctor(as_json: bool) -> None:
    """Check declarations, keys, data folder, disk, fonts and releases, exit code 1 when something is wrong; say who is late."""
    from pipelines import cli_output as output
    from pipelines.alerts.finding import late
    from pipelines.keeping import checking as keeping
    from pipelines.release.checking import problems

    misdeclared = _declarations()
    found = [*misdeclared, *_settings(), *_surroundings(), *keeping.problems(), *problems()]
    owed = [] if misdeclared else late(datetime.now(ZoneInfo(TIME_ZONE)).date())
    overdue = [f"{row.sender} {row.table} {row.month}" for row in owed]
    if as_json:
        output.print_json({"problems": found, "late": overdue})
    else:
        output.say("\n".join(found) if found else "Everything checked is in order.")
        if overdue:
            output.say(f"{len(overdue)} reports are overdue: fengqiao senders --late")
    if found:
        click.get_current_context().exit(1)


def _declarations() -> list[str]:
    """What is wrong with the declarations that an office makes its own: else it comes out at the end of a release only."""
    from dashboards.review.plan import letterhead
    from pipelines import catalogue

    return _refusals(
        (
            catalogue.publisher,
            catalogue.reporting_calendar,
            catalogue.senders,
            catalogue.publication_plan,
            catalogue.targets,
            letterhead,
        )
    )


def _settings() -> list[str]:
    """What is wrong with alerts.yml and access.yml in the data folder, where they stand: a failure would be told to nobody."""
    from dashboards.access import access, access_path
    from pipelines.alerts.declared import alerts, alerts_path

    return _refusals(read for path, read in ((alerts_path(), alerts), (access_path(), access)) if path.exists())


def _refusals(readers: Iterable[Callable[[], object]]) -> list[str]:
    found = []
    for read in readers:
        try:
            read()
        except UserError as error:
            found.append(str(error))
    return found


def _surroundings() -> list[str]:
    """What is wrong with the machine around the data: the data folder, the fonts of the dashboard."""
    root, fonts = data_root(), PROJECT / "dashboards" / "static" / "fonts" / "fonts.css"
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    found = [] if os.access(nearest, os.W_OK | os.X_OK) else [f"The data folder {root} cannot be written."]
    return found + (
        [] if fonts.exists() else [f"The Chinese fonts are not made: there is no {fonts}. Run `make fonts`."]
    )


if __name__ == "__main__":
    main()
