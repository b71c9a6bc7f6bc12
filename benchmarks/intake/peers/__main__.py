"""One tool on one file: `python -m benchmarks.intake.peers TOOL FILE FOLDER KEYS`; what became of the rows is printed as JSON."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.intake.peers.declared import Told


def load(tool: str, path: Path, folder: Path, keys: Path) -> Told:
    """Only the tool asked for is imported."""
    match tool:
        case "csv + sqlite":
            from benchmarks.intake.peers import by_csv

            return by_csv.load(path, folder, keys)
        case "pandas + pandera":
            from benchmarks.intake.peers import by_pandas

            return by_pandas.load(path, folder, keys)
        case "dlt, frozen types":
            from benchmarks.intake.peers import by_dlt

            return by_dlt.load(path, folder, is_frozen=True)
        case "dlt, rows discarded":
            from benchmarks.intake.peers import by_dlt

            return by_dlt.load(path, folder, is_frozen=False)
        case _:
            raise ValueError(tool)


if __name__ == "__main__":
    tool, *paths = sys.argv[1:]
    path, folder, keys = map(Path, paths)
    folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(asdict(load(tool, path, folder, keys))))
