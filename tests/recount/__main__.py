"""`python -m tests.recount DATA_FOLDER [RELEASE_FOLDER]`: recount a data folder's exports against its release."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from .comparing import compare, recount


def main(arguments: list[str]) -> int:
    """Print the cells compared and the differences; 1 when there are any."""
    data = Path(arguments[0])
    release = Path(arguments[1]) if len(arguments) > 1 else data / "releases" / "internal" / "current"
    started = time.monotonic()
    comparison = compare(recount(data / "landing"), release.resolve())
    differences = comparison.differences
    print(f"measures: {comparison.measure_cells:,} cells compared")
    print(f"figures:  {comparison.figure_cells:,} cells compared")
    print(f"others:   {comparison.other_cells:,} cells compared")
    print(f"differences: {differences.height:,}; {time.monotonic() - started:.0f} s")
    if differences.is_empty():
        return 0
    with pl.Config(tbl_rows=60, tbl_cols=20, fmt_str_lengths=60, tbl_width_chars=220):
        print(differences.group_by("kind", "what", "breakdown").agg(pl.len()).sort("len", descending=True))
        print(differences.group_by("kind").head(5))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
