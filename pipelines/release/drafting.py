"""A draft: all tables, cards and metadata of an edition in one folder, identical data files for identical data."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import duckdb

from pipelines import catalogue, protect, warehouse
from pipelines.periods import month_start, months_of, period_ending
from pipelines.protect.vintages import Cell, Drawn, remember
from pipelines.release.audits import report_path
from pipelines.release.changes import definitions, write_change_list, write_changes
from pipelines.release.metadata import indicators_of, metadata
from pipelines.release.open_data import write_open_data
from pipelines.release.publishing import current
from pipelines.release.reconciling import write_reconciliation
from pipelines.release.sealing import metadata_of, write_metadata
from pipelines.release.tables import (
    CHANGES,
    column_words,
    release_tables,
    tables_of,
    write_database,
    write_parquet,
)
from pipelines.settings import SEEDS, UserError, drafts, releases
from pipelines.signals.intervals import INTERVALS

SQL_MODELS = (
    ("measures", "measures_by_period"),
    ("measures", "coverage"),
    ("indicators", "quantiles"),
    ("indicators", "survival_quantiles"),
    ("indicators", "broken_comparisons"),
    ("indicators", "figure_values"),
    ("indicators", "figures"),
)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Draft:
    """`outcome`: drafted, or unchanged where the newest release of the period has the same data (then `folder` is that release)."""

    release_id: str
    folder: Path
    outcome: str


def draft(period: str | None = None, edition: str = "internal", progress: Progress = lambda _: None) -> Draft:
    """Compute an edition and write its draft.

    Raises `UserError` when nothing is built, the period is not complete in the data, or the key of the publication is missing.
    """
    last = warehouse.last_month()
    chosen = period or _longest_period_ending(last)
    if months_of(chosen)[1] > f"{last:%Y-%m}":
        raise UserError(f"{chosen} is not complete: the data end with {last:%Y-%m}. Ask for an earlier period.")
    drawn: Mapping[Cell, Drawn] = {}
    if edition == "public":
        drawn = _build_public(months_of(chosen)[1], progress)
    else:
        warehouse.build_edition(edition, progress)
    with warehouse.connected(warehouse.edition_path(edition)) as connection:
        connection.execute(f"attach '{_quoted(warehouse.warehouse_path())}' as warehouse (read_only)")
        if edition == "internal":
            _write_signals(connection, chosen, progress)
        drafts(edition).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=drafts(edition)))
        try:
            made = _written(connection, folder, chosen, edition, progress)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if edition == "public" and made.outcome == "drafted":
        remember(drawn.items(), made.release_id)
    return made


def _build_public(last_month: str, progress: Progress) -> Mapping[Cell, Drawn]:
    """The public edition, protected and attacked. Returns what its cells were drawn from."""
    from pipelines.release.protecting import safe_measures  # loads the solver, which other commands do without

    protected, dropped = safe_measures(last_month, progress)
    for table, area, year, category in sorted(dropped, key=str):
        progress(f"dropped after the attacks: {table} {area or 'everywhere'} {year} {category or ''}".rstrip())
    protect.build_public_edition(protected.published, progress)
    return protected.drawn


def _write_signals(connection: duckdb.DuckDBPyConnection, period: str, progress: Progress) -> None:
    from pipelines.signals.writing import write_signals  # loads scipy, which other commands do without

    progress("signals")
    write_signals(connection, month_start(months_of(period)[1]))


def _written(
    connection: duckdb.DuckDBPyConnection, folder: Path, period: str, edition: str, progress: Progress
) -> Draft:
    tables = tables_of(edition)
    release_tables(connection, months_of(period)[1], edition)
    if edition == "internal":  # it counts cases exactly
        progress("reconciliation")
        write_reconciliation(connection)
    for name in tables:
        if name != CHANGES:
            progress(f"{name}.parquet")
            write_parquet(connection, name, folder / f"{name}.parquet", column_words(name, edition), tables)
    write_cards(folder, edition)
    if edition == "internal":
        _write_sql(folder)
    data_hash = _digest(folder)
    superseded = newest(period, edition)
    if superseded is not None and metadata_of(superseded)["data_hash"] == data_hash:
        return Draft(superseded.name, superseded, "unchanged")
    release_id = _next_id(superseded, folder, period)
    earlier = _earlier(superseded, edition)
    progress(f"{CHANGES}.parquet")
    write_changes(connection, folder, earlier, edition)
    write_parquet(connection, CHANGES, folder / f"{CHANGES}.parquet", column_words(CHANGES, edition), tables)
    progress("fengqiao.duckdb")
    _write_database(folder, edition)
    said = metadata(connection, release_id, period, edition, data_hash, superseded, earlier)
    progress("open data")
    write_open_data(folder, said)
    write_change_list(connection, folder / "CHANGES.md", said)
    write_metadata(folder, said)
    target = drafts(edition) / release_id
    shutil.rmtree(target, ignore_errors=True)
    folder.chmod(0o755)
    folder.rename(target)
    return Draft(release_id, target, "drafted")


def _write_database(folder: Path, edition: str) -> None:
    """The public one by a process that has opened nothing but the tables of the folder: DuckDB leaves in the gaps of a file
    what its memory held before, and here it held exact counts."""
    if edition != "public":
        write_database(folder, edition)
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        elsewhere.submit(write_database, folder, edition).result()


def _longest_period_ending(month: date) -> str:
    """The longest standard period that ends with a month."""
    found = (period_ending(kind, month) for kind in ("year", "half_year", "quarter", "month"))
    return next(period for period in found if period is not None)


def write_cards(folder: Path, edition: str) -> None:
    (folder / "cards").mkdir()
    for name in indicators_of(edition):
        shutil.copyfile(SEEDS / "indicators" / f"{name}.yml", folder / "cards" / f"{name}.yml")
    cards = [catalogue.cards()[name].model_dump(mode="json") for name in indicators_of(edition)]
    (folder / "cards.json").write_text(json.dumps(cards, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_sql(folder: Path) -> None:
    """The SQL that made the figures, so that the release can compute more of them by itself."""
    (folder / "sql").mkdir()
    for room, model in SQL_MODELS:
        target = "edition" if room == "indicators" else "duckdb"
        (folder / "sql" / f"{model}.sql").write_text(
            warehouse.compiled_sql(target, room, model) + "\n", encoding="utf-8"
        )
    (folder / "sql" / "intervals.sql").write_text(INTERVALS, encoding="utf-8")


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def newest(period: str, edition: str) -> Path | None:
    """The newest sealed release of a period."""
    return _newest_in(releases(edition), period)


def waiting(period: str, edition: str) -> Path | None:
    """The newest draft of a period that nobody has approved."""
    return _newest_in(drafts(edition), period)


def blocked() -> list[str]:
    """Of each period the newest public draft or release, where the audit of these very data was not passed; by id."""
    found = []
    for path in sorted(report_path("*").parent.glob("*.json")):
        period = path.stem.rpartition("-")[0]
        folder = waiting(period, "public") or newest(period, "public")
        if folder is None or folder.name != path.stem:
            continue
        report = json.loads(path.read_text(encoding="utf-8"))
        if not report["passed"] and report["data_hash"] == metadata_of(folder)["data_hash"]:
            found.append(folder.name)
    return found


def _newest_in(folder: Path, period: str) -> Path | None:
    found = [p for p in folder.glob(f"{period}-*") if p.is_dir() and not p.is_symlink() and _version(p.name, period)]
    return max(found, key=lambda p: _version(p.name, period) or (0, 0), default=None)


def _version(release_id: str, period: str) -> tuple[int, int] | None:
    match = re.fullmatch(re.escape(period) + r"-(\d+)\.(\d+)", release_id)
    return (int(match[1]), int(match[2])) if match else None


def _next_id(superseded: Path | None, folder: Path, period: str) -> str:
    """Major when an indicator leaves or its definition changes; minor when values are revised or indicators added."""
    if superseded is None:
        return f"{period}-1.0"
    major, minor = _version(superseded.name, period) or (1, 0)
    before, now = definitions(superseded), definitions(folder)
    changed = any(now.get(name) != definition for name, definition in before.items())
    return f"{period}-{major + 1}.0" if changed else f"{period}-{major}.{minor + 1}"


def _earlier(superseded: Path | None, edition: str) -> list[Path]:
    """The releases that a draft is set against: the one it supersedes, and the published one where that is another."""
    pointed = current(edition)
    published = releases(edition) / pointed if pointed is not None else None
    known = [path for path in dict.fromkeys((superseded, published)) if path is not None]
    return [path for path in known if (path / "release.json").is_file()]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
