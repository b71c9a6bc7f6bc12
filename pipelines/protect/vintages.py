"""Vintages: a cell is published provisionally once and finally once, and anew only where at least k cases in it changed.

That holds for what was published, a draw or a sum of others: neither another plan nor what the ladder drops beside it makes a
standing cell another. What was drawn, of which count, and what was published of it is remembered beside the releases, never
in a public folder: no build can compute it again, so a backup holds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pipelines.periods import months_of
from pipelines.settings import UserError, data_root

Cell = tuple[str, str, str, str, str]  # measure or rest, breakdown, category, area, period


class Drawn(NamedTuple):
    """The count and cell key of a cell when it was drawn, the value drawn, and whether this is the final vintage.

    `published`, `low`, `high`, `origin`: what was last published of it, as in `measures_public`; None where nothing was.
    """

    count: int
    cell_key: int
    value: int
    is_final: bool
    published: int | None = None
    low: int | None = None
    high: int | None = None
    origin: str | None = None


SCHEMA = {
    "measure": pl.String,
    "breakdown": pl.String,
    "category": pl.String,
    "area_code": pl.String,
    "period": pl.String,
}
SCHEMA |= {"count": pl.Int64, "cell_key": pl.Int64, "value": pl.Int64, "is_final": pl.Boolean}
SCHEMA |= {"published": pl.Int64, "low": pl.Int64, "high": pl.Int64, "origin": pl.String}


@dataclass(frozen=True)
class Vintages:
    """What stands from the release before, and up to which month (YYYY-MM) the data of this one reach."""

    last_month: str
    final_after_months: int
    standing: Mapping[Cell, Drawn] = field(default_factory=dict)

    def is_final(self, period: str) -> bool:
        """Whether the year of a period is final in this release."""
        reached, end = self.last_month, f"{months_of(period)[0][:4]}-12"
        months = 12 * (int(reached[:4]) - int(end[:4])) + int(reached[5:7]) - int(end[5:7])
        return months >= self.final_after_months

    def stands(self, cell: Cell, count: int, k: int) -> Drawn | None:
        """The earlier draw of a cell where it stands: always but in the annual final, and there where under k cases changed."""
        before = self.standing.get(cell)
        if before is None:
            return None
        if before.is_final or not self.is_final(cell[4]):
            return before
        return before._replace(is_final=True) if abs(count - before.count) < k else None


def memory_path(release_id: str) -> Path:
    return data_root() / "releases" / "drawn" / f"{release_id}.parquet"


def remember(drawn: Iterable[tuple[Cell, Drawn]], release_id: str) -> None:
    """Keep what a release was drawn from, readable by its owner only."""
    path = memory_path(release_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    rows = [(*cell, *of_cell) for cell, of_cell in drawn]
    pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(list(SCHEMA)[:5]).write_parquet(path)
    path.chmod(0o600)


def remembered(release_id: str) -> dict[Cell, Drawn]:
    """What a release was drawn from. Raises `UserError` where it is lost: without it nothing can be judged or revised.

    Releases of earlier versions remember draws only: of these cells the rules say anew what is published.
    """
    path = memory_path(release_id)
    try:
        rows = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        raise UserError(f"{path} cannot be read: what {release_id} was drawn from. Restore it from a backup.") from None
    return {tuple(row[:5]): Drawn(*row[5:]) for row in rows.iter_rows()}  # type: ignore[misc]
