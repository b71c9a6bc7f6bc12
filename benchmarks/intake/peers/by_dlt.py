"""dlt into DuckDB, with a schema contract on columns and types. It has no place for code lists and rules across columns.

Frozen types end a load at the first cell that does not fit; so the load is tried frozen first, and then with rows that
do not fit left out, which is what else the contract offers.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.intake.peers import declared
from benchmarks.intake.peers.declared import COLUMNS, NOTHING, REQUIRED, Told

TYPES = {"integer": "bigint", "money": "decimal", "date": "date", "datetime": "timestamp", "yes_no": "text"}


def load(path: Path, folder: Path, *, is_frozen: bool) -> Told:
    """The case number is loaded as it is: no pseudonyms are made."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder), "RUNTIME__LOG_LEVEL": "CRITICAL"}
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    # A required cell that is empty ends the load whatever the contract says: only the frozen load requires any.
    hints = {
        name: {"data_type": TYPES.get(kind, "text"), "nullable": not (is_frozen and name in REQUIRED)}
        for name, kind in COLUMNS.values()
    }
    pipeline = dlt.pipeline(
        "cases",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "store.duckdb")),
        dataset_name="lake",
    )
    contract = {"tables": "evolve", "columns": "freeze", "data_type": "freeze" if is_frozen else "discard_row"}
    hints["record"] = {"data_type": "bigint", "nullable": False}
    try:
        pipeline.run(_rows(path), table_name="cases", columns=hints, schema_contract=contract)
    except PipelineStepFailed as failed:
        if not is_frozen or failed.step != "normalize":
            raise
        return Told([], [], {}, "the load ends at the first cell that does not fit")
    with pipeline.sql_client() as client:
        records = [record for (record,) in client.execute_sql("select record from cases")]
        types = dict(client.execute_sql("select column_name, data_type from information_schema.columns"))
    return Told(records, [], {name: types[name] for name in ("accepted_on", "amount", "is_difficult")})


def _rows(path: Path) -> Iterator[dict[str, str | int | None]]:
    with path.open(encoding="utf-8", newline="") as file:
        for record, row in enumerate(csv.DictReader(file), 1):
            if row["调解案件编号"] != declared.TOTAL:
                texts = {name: declared.folded(row[label] or "") for label, (name, _) in COLUMNS.items()}
                yield {"record": record} | {name: None if text in NOTHING else text for name, text in texts.items()}
