"""What an intake laid down against the truth of the file and against the reference, row by row, before any speed is told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.intake.exports import Export

SHOWN = 5


@dataclass(frozen=True)
class Fate:
    """What became of a file's rows in another tool, by the truth.

    `lost`: rows that are right and were not stored. `let_in`: rows that are wrong, or repeated, and were stored.
    `unsaid`: rows that were left out and of which the tool says nothing. `named`: of all wrong or repeated rows, those told
    with the right line. `types`: of three columns as they are stored. `ended`: what ended the load.
    """

    tool: str
    stored: int
    lost: int
    let_in: int
    unsaid: int
    named: int
    wrong: int
    types: dict[str, str]
    ended: str


def fate(tool: str, printed: str, made: Export) -> Fate:
    """Judge what a tool printed (`peers.declared.Told`)."""
    told, truth = json.loads(printed), pl.read_parquet(made.truth)
    is_right = pl.col("outcome") == "accepted"
    right, wrong = truth.filter(is_right), truth.filter(~is_right)
    stored = pl.Series("record", told["stored"], pl.Int64)
    lines = pl.Series("line", [line for line, _ in told["left_out"]], pl.Int64)
    return Fate(
        tool=tool,
        stored=len(stored),
        lost=len(right) - int(right["record"].is_in(stored.implode()).sum()),
        let_in=int(wrong["record"].is_in(stored.implode()).sum()),
        unsaid=len(truth) - len(stored) - len(lines),
        named=int(wrong["line"].is_in(lines.implode()).sum()),
        wrong=len(wrong),
        types=told["types"],
        ended=told["ended"],
    )


def differences(
    data: Path, printed: str, made: Export, reference: Path | None, *, is_workbook: bool = False
) -> list[str]:
    """What differs, a sentence each; empty when all is the same. Rows are told by number, never by content.

    `data`: a data folder with one delivery. `printed`: what `intake --json` said. `reference`: a folder made by
    `reference.expected`; without one only counts, row numbers and reasons are compared, by the truth.
    A workbook has each record on one row: there the reference's line numbers are turned into rows.
    """
    with duckdb.connect() as engine:
        engine.execute("set enable_progress_bar = false")
        engine.execute(f"create view truth as from read_parquet('{made.truth}')")
        engine.execute("create macro place(record, line) as " + ("record + 1" if is_workbook else "line"))
        engine.execute(f"create view ours as from read_parquet('{data}/lake/mediation_cases/*/*.parquet')")
        engine.execute(f"create view findings as from read_parquet('{data}/quarantine/*.parquet')")
        engine.execute(
            "create view refused as select row_number, arg_min(reason, finding) as reason from ("
            " select *, row_number() over () as finding from findings where severity = 'refuse') group by row_number"
        )
        found = [*_counted(engine, printed), *_by_truth(engine)]
        return found + (_by_reference(engine, reference) if reference else [])


def _counted(engine: duckdb.DuckDBPyConnection, printed: str) -> list[str]:
    [told] = json.loads(printed)["files"]
    outcomes = dict(engine.execute("select outcome, count(*) from truth group by 1").fetchall())
    reasons = "select reason, count(*) from truth where reason is not null group by 1"
    expected: Mapping[str, object] = {
        "read": sum(outcomes.values()),
        **{name: outcomes.get(name, 0) for name in ("accepted", "quarantined", "duplicate")},
        "reasons": dict(engine.execute(reasons).fetchall()),
    }
    return [f"{name}: told {told[name]}, true is {value}" for name, value in expected.items() if told[name] != value]


def _by_truth(engine: duckdb.DuckDBPyConnection) -> list[str]:
    accepted = "select place(record, line) as row_number from truth where outcome = 'accepted'"
    refused = "select place(record, line) as row_number, reason from truth where outcome = 'quarantined'"
    return [
        *_both_ways(engine, "rows accepted", "select row_number from ours", accepted),
        *_both_ways(engine, "rows refused and why", "select row_number, reason from refused", refused),
    ]


def _by_reference(engine: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    for table in ("kept", "refused", "warned"):
        engine.execute(
            f"create view true_{table} as select place(record, line) as row_number, r.* exclude (row_number) "
            f"from read_parquet('{folder / table}.parquet') as r join truth on r.row_number = line"
        )
    types = dict(engine.execute("select column_name, column_type from (describe ours)").fetchall())
    filled = dict(engine.execute("select column_name, column_type from (describe true_kept)").fetchall())
    wrong = [
        f"column {name}: {types.get(name)} in the lake, {kind} in the reference"
        for name, kind in filled.items()
        if types.get(name) != kind
    ]
    wrong += [
        f"column {name}: the reference leaves it empty, the lake does not"
        for name in types.keys() - filled.keys()
        if _count(engine, f"from ours where {name} is not null")
    ]
    if wrong:
        return wrong
    columns = ", ".join(filled)
    warned = "select row_number, reason from findings semi join ours using (row_number) where severity = 'warn'"
    return [
        *_both_ways(engine, "rows of the lake", f"select {columns} from ours", f"select {columns} from true_kept"),
        *_both_ways(engine, "rows refused and why", "from refused", "select row_number, reason from true_refused"),
        *_both_ways(engine, "rows warned of", warned, "select row_number, reason from true_warned"),
    ]


def _both_ways(engine: duckdb.DuckDBPyConnection, what: str, ours: str, theirs: str) -> list[str]:
    """Rows found on one side only, doubled rows counted, null equal to null."""
    found = []
    for side, first, second in (("only in the intake", ours, theirs), ("missing in the intake", theirs, ours)):
        rows = f"(({first}) except all ({second}))"
        if count := _count(engine, f"from {rows}"):
            some = engine.execute(f"select row_number from {rows} order by 1 limit {SHOWN}").fetchall()
            found.append(f"{what}: {count} {side}, first {', '.join(str(number) for (number,) in some)}")
    return found


def _count(engine: duckdb.DuckDBPyConnection, rows: str) -> int:
    [count] = engine.execute(f"select count(*) from ({rows})").fetchone() or (0,)
    return int(count)
