"""Audits of public releases: attack one, keep the report, and let none appear without a passed one."""

import json
from pathlib import Path
from typing import Any

from pipelines import catalogue
from pipelines.protect import vintages
from pipelines.release.sealing import metadata_of
from pipelines.settings import UserError, data_root, drafts, releases


def report_path(release_id: str) -> Path:
    return data_root() / "releases" / "audits" / f"{release_id}.json"


def audited(release_id: str) -> dict[str, Any]:
    """Attack a drafted or sealed public release and keep the report. Raises `UserError` when there is no such release."""
    folder = next((p for p in (drafts("public") / release_id, releases("public") / release_id) if p.is_dir()), None)
    if folder is None:
        raise UserError(f"There is no public release {release_id}. Run `fengqiao release --edition public` first.")
    from pipelines.audit import auditing  # loads the solver, which other commands do without
    from pipelines.audit.bundle import read_bundle

    plan = catalogue.publication_plan()
    before = [(read_bundle(releases("public") / name), _truth(name)) for name in published_before(release_id)]
    report = auditing.audit(read_bundle(folder), plan, _truth(release_id), before)
    told = {"release": release_id, "data_hash": metadata_of(folder)["data_hash"], **report.told()}
    path = report_path(release_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return told


def require_audit(release_id: str) -> None:
    """Raises `UserError` where a public release has not passed the audit as it is."""
    try:
        report = json.loads(report_path(release_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{release_id} has not been audited. Run `fengqiao audit {release_id}` first.") from None
    if report["data_hash"] != metadata_of(releases("public") / release_id)["data_hash"]:
        raise UserError(f"{release_id} was audited with other data. Run `fengqiao audit {release_id}` again.")
    if not report["passed"]:
        failing = [attack for attack, number in report["failures"].items() if number]
        raise UserError(f"{release_id} has not passed the audit ({', '.join(failing)}) and is not published.")


def published_before(release_id: str | None = None) -> list[str]:
    """Public releases that an outsider holds, the newest last: all but this one and what was published after it."""
    path = releases("public") / "publications.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    published = list(dict.fromkeys(json.loads(line)["release_id"] for line in lines))
    return published[: published.index(release_id)] if release_id in published else published


def _truth(release_id: str) -> dict[tuple[str, str, str, str, str], tuple[int, int]]:
    return {cell: (drawn.count, drawn.cell_key) for cell, drawn in vintages.remembered(release_id).items()}
