"""A draft: all tables, cards and metadata of an edition in one folder, identical data files for identical data."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipelines import catalogue, protect, warehouse
from pipelines.periods import month_start, months_of
from pipelines.protect.vintages import Cell, Drawn, remember
from pipelines.release.tables import release_tables, tables_of, write_csv, write_database, write_parquet
from pipelines.settings import DBT_PROJECT, SEEDS, UserError, drafts, releases
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
    last = f"{warehouse.last_month():%Y-%m}"
    chosen = period or _period_ending(last)
    if months_of(chosen)[1] > last:
        raise UserError(f"{chosen} is not complete: the data end with {last}. Ask for an earlier period.")
    drawn: Mapping[Cell, Drawn] = {}
    if edition == "public":
        drawn = _build_public(months_of(chosen)[1], progress)
    else:
        warehouse.build_edition(edition, progress)
    with duckdb.connect(str(warehouse.edition_path(edition))) as connection:
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
    for table, area, year in sorted(dropped, key=str):
        progress(f"dropped after the attacks: {table} {area or 'everywhere'} {year}")
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
    for name in tables:
        progress(f"{name}.parquet")
        write_parquet(connection, name, folder / f"{name}.parquet", tables)
    _write_cards(folder, edition)
    if edition == "internal":
        _write_sql(folder)
    data_hash = _digest(folder)
    newest = _newest(period, edition)
    if newest is not None and json.loads((newest / "release.json").read_text())["data_hash"] == data_hash:
        return Draft(newest.name, newest, "unchanged")
    release_id = _next_id(newest, folder, period)
    progress("csv")
    write_csv(connection, folder / "csv", edition)
    progress("fengqiao.duckdb")
    write_database(folder, column_words(), tables)
    metadata = _metadata(connection, release_id, period, edition, data_hash)
    (folder / "release.json").write_text(json.dumps(metadata, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    target = drafts(edition) / release_id
    shutil.rmtree(target, ignore_errors=True)
    folder.chmod(0o755)
    folder.rename(target)
    return Draft(release_id, target, "drafted")


def column_words() -> dict[str, str]:
    """Column name -> description, from the dbt project's column docs."""
    text = (DBT_PROJECT / "models" / "columns.md").read_text(encoding="utf-8")
    return dict(re.findall(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", text, re.S))


def _period_ending(month: str) -> str:
    """The longest standard period that ends with a month."""
    year, number = month.split("-")
    return {"12": year, "03": f"{year}-Q1", "06": f"{year}-H1", "09": f"{year}-Q3"}.get(number, month)


def _indicators(edition: str) -> list[str]:
    return sorted(catalogue.publication_plan().indicators if edition == "public" else catalogue.cards())


def _write_cards(folder: Path, edition: str) -> None:
    (folder / "cards").mkdir()
    for name in _indicators(edition):
        shutil.copyfile(SEEDS / "indicators" / f"{name}.yml", folder / "cards" / f"{name}.yml")
    cards = [catalogue.cards()[name].model_dump(mode="json") for name in _indicators(edition)]
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


def _newest(period: str, edition: str) -> Path | None:
    """The newest sealed release of a period."""
    found = [
        p
        for p in releases(edition).glob(f"{period}-*")
        if p.is_dir() and not p.is_symlink() and _version(p.name, period)
    ]
    return max(found, key=lambda p: _version(p.name, period) or (0, 0), default=None)


def _version(release_id: str, period: str) -> tuple[int, int] | None:
    match = re.fullmatch(re.escape(period) + r"-(\d+)\.(\d+)", release_id)
    return (int(match[1]), int(match[2])) if match else None


def _next_id(newest: Path | None, folder: Path, period: str) -> str:
    """Major when an indicator leaves or its definition changes; minor when values are revised or indicators added."""
    if newest is None:
        return f"{period}-1.0"
    major, minor = _version(newest.name, period) or (1, 0)
    before, now = (_definitions(f / "cards.json") for f in (newest, folder))
    changed = any(now.get(name) != definition for name, definition in before.items())
    return f"{period}-{major + 1}.0" if changed else f"{period}-{major}.{minor + 1}"


def _definitions(path: Path) -> dict[str, Any]:
    parts = (
        "kind",
        "numerator",
        "denominator",
        "denominator_with",
        "censored",
        "void_where",
        "quantile",
        "unit",
        "basis",
    )
    parts += ("definition", "includes", "excludes")
    return {
        card["id"]: {part: card.get(part) for part in parts} for card in json.loads(path.read_text(encoding="utf-8"))
    }


def _metadata(
    connection: duckdb.DuckDBPyConnection, release_id: str, period: str, edition: str, data_hash: str
) -> dict[str, Any]:
    request = connection.sql("select * from warehouse.catalogue.build_request").pl().row(0, named=True)
    words = yaml.safe_load((SEEDS / "release.yml").read_text(encoding="utf-8"))
    return words | {
        "release_id": release_id,
        "edition": edition,
        "reference_period": period,
        "first_month": f"{connection.execute('select min(first_month) from periods').fetchall()[0][0]:%Y-%m}",
        "data_cutoff": f"{_last_day(connection)}",
        "drafted_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_version": request["code_version"],
        "seeds_version": request["seeds_version"],
        **(_responsible() if edition == "public" else _received(connection, request["sequence"])),
        "indicators": _indicators(edition),
        "data_hash": data_hash,
        "status": "draft",
    }


def _received(connection: duckdb.DuckDBPyConnection, sequence: int) -> dict[str, Any]:
    """What came in: internal, for counts of rows and instants of receipt are counts of cases and tell who reported when."""
    ledger = connection.sql(
        """
        select table_name, count(distinct sender) as senders, sum(accepted)::bigint as accepted,
            sum(quarantined)::bigint as quarantined, sum(duplicate)::bigint as duplicate, max(received_at) as received
        from warehouse.catalogue.ledger group by table_name order by table_name
        """
    ).pl()
    return {
        "ledger_sequence": sequence,
        "ingest_watermark": ledger["received"].max(),
        "sources": [{k: v for k, v in row.items() if k != "received"} for row in ledger.iter_rows(named=True)],
    }


def _responsible() -> dict[str, Any]:
    """Who answers for the public edition, and by which plan it is protected."""
    plan = catalogue.publication_plan()
    said = {f"{who}_{language}": getattr(getattr(plan, who), language)
            for who in ("authority", "reviewer", "approver") for language in ("zh", "en")}  # fmt: skip
    return {**said, "licence": plan.licence, "plan_version": plan.version, "plan_hash": catalogue.publication_hash()}


def _last_day(connection: duckdb.DuckDBPyConnection) -> str:
    return str(connection.execute("select last_day(max(last_month)) from periods").fetchall()[0][0])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
