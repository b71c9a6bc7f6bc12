"""The second opinion: the release against a recount of the export files by other means."""

import polars as pl
import pytest

from tests.conftest import Road
from tests.recount.comparing import Comparison, compare, recount


@pytest.fixture(scope="module")
def comparison(road: Road) -> Comparison:
    return compare(recount(road.landing), road.release)


def test_every_measure_is_what_the_files_say(comparison: Comparison) -> None:
    assert comparison.measure_cells > 50_000
    _assert_none(comparison.differences.filter(pl.col("kind") == "measure"))


def test_every_figure_is_what_the_files_say(comparison: Comparison) -> None:
    assert comparison.figure_cells > 1_000_000
    _assert_none(comparison.differences.filter(pl.col("kind") != "measure"))


def _assert_none(differences: pl.DataFrame) -> None:
    kinds = differences.group_by("kind", "what").len().sort("len", descending=True)
    assert differences.is_empty(), f"{kinds.rows()[:20]}\n{differences.head(20).write_csv()}"
