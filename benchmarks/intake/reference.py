"""An intake in DuckDB's SQL, written apart from the door, to compare its rows with; slow and in no hurry."""

import csv
from pathlib import Path

import duckdb

from benchmarks.intake.exports import Export
from pipelines.settings import SEEDS

SENDER = "mediation-500117"
REGISTER = "mediation-500117"
SYSTEM = "mediation"
CELL = "cell_number"
HMAC_BLOCK = 64


def expected(made: Export, keys: Path, folder: Path) -> Path:
    """What an intake of a UTF-8 file must lay down, in `folder`: `kept.parquet`, `refused.parquet`, `warned.parquet`.

    `kept` has the columns of the lake that the file fills; `refused` and `warned` have row_number and reason.
    """
    with duckdb.connect() as engine, made.path.open(encoding="utf-8", newline="") as file:
        variables = {
            "path": str(made.path),
            "header": next(csv.reader(file)),
            "seeds": str(SEEDS),
            "sender": SENDER,
            "register": REGISTER,
            **_halves("case", keys, SYSTEM),
            **_halves("cell", keys, CELL),
        }
        engine.execute("set enable_progress_bar = false")
        for name, value in variables.items():
            engine.execute(f"set variable {name} = $value", {"value": value})
        engine.execute(Path(__file__).with_name("reference.sql").read_text(encoding="utf-8"))
        for table in ("kept", "refused", "warned"):
            engine.execute(f"copy {table} to '{folder / table}.parquet'")
    return folder


def _halves(name: str, keys: Path, key_name: str) -> dict[str, bytes]:
    """The key padded as HMAC wants it. Its 64 hexadecimal digits are the key, and just fill a block of SHA-256."""
    lines = dict(map(str.strip, line.split("=")) for line in keys.read_text(encoding="ascii").splitlines() if line)
    key = lines[key_name].encode()
    assert len(key) == HMAC_BLOCK
    return {f"{name}_inner": bytes(b ^ 0x36 for b in key), f"{name}_outer": bytes(b ^ 0x5C for b in key)}
