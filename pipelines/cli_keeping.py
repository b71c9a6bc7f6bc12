"""`fengqiao backup`, `restore` and `tidy`: one file to keep, brought back, and what is not needed any more."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import cli_output as output
from pipelines.cli_intake import say_waiting
from pipelines.keeping.backing_up import back_up
from pipelines.keeping.parts import LEFT_OUT
from pipelines.keeping.restoring import restore as bring_back
from pipelines.keeping.tidying import tidy as clear
from pipelines.settings import TIME_ZONE, data_root, keys_path

REMOVED_LISTED = 20


def backup(out: Path | None, *, as_json: bool) -> None:
    """Write a backup and say what is in it and what is not. Raises `UserError`."""
    file = out or Path(f"fengqiao-{datetime.now(ZoneInfo(TIME_ZONE)):%Y%m%d-%H%M%S}.tar.zst")
    with output.counting(quiet=as_json) as step:
        made = back_up(file, say_waiting, step)
    if as_json:
        output.print_json({**_printable(made), "left_out": [*LEFT_OUT, *made.unknown]})
        return
    output.say(
        f"备份已写入 {made.file}（{made.files} 个文件，{made.bytes / 1e6:.1f} MB，台账序列 {made.ledger_sequence}）。"
        f"The backup is in {made.file}: {made.files} files, {made.bytes / 1e6:.1f} MB, ledger sequence"
        f" {made.ledger_sequence}."
    )
    output.say(
        f"不含密钥：请另行保存 {keys_path().parent} 中的密钥与归档身份。The keys are not in it: keep a copy of them, and of the"
        f" archive's identity, apart ({keys_path()})."
    )
    for name, why in LEFT_OUT.items():
        if (data_root() / name).exists() and name != "lock":
            output.say(f"未备份 Not in it: {name} ({why}).")
    if made.unknown:
        output.say(f"未知，未备份 Unknown and not in it: {'、'.join(made.unknown)}")


def restore(file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Bring a backup back, or only check it. Raises `UserError`."""
    with output.working("restore", quiet=True) as step:
        done = bring_back(file, dry_run=dry_run, progress=step)
    if as_json:
        output.print_json({**_printable(done), "dry_run": dry_run})
    elif dry_run:
        output.say(
            f"备份完好。The backup is whole: {done.files} files, made {done.made_at}, ledger sequence {done.ledger_sequence}."
        )
    else:
        output.say(
            f"已恢复到 {done.folder}。Restored to {done.folder}: {done.files} files as of {done.made_at}, ledger sequence"
            f" {done.ledger_sequence}. Bring your copy of the keys to {keys_path()}, then: fengqiao doctor, fengqiao build"
        )


def tidy(days: int, *, dry_run: bool, as_json: bool) -> None:
    """Remove what is old and not needed, and say what. Raises `UserError`."""
    done = clear(days, dry_run=dry_run)
    if as_json:
        output.print_json({**asdict(done), "dry_run": dry_run})
        return
    for name in done.removed[:REMOVED_LISTED]:
        output.say(name)
    verb = ("将删除", "would be removed") if dry_run else ("已删除", "removed")
    output.say(
        f"{verb[0]}草稿与日志 {len(done.removed)} 项、归档原件 {done.originals} 份。{len(done.removed)} drafts and logs and"
        f" {done.originals} received files {verb[1]}; releases are kept for ever."
    )


def _printable(done: Any) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(done).items()}
