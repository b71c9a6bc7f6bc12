"""Figures of others beside ours: every figure of the five articles comes out of the demo's rows as its row says."""

import csv
from typing import Any

import pytest

from pipelines.settings import SEEDS
from tests.conftest import Road


def _told(name: str) -> list[dict[str, str]]:
    with (SEEDS / "tables" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def compared(road: Road) -> dict[str, dict[str, Any]]:
    return {row["row_id"]: row for row in road.ask("published")}


def test_every_row_of_both_tables_has_a_verdict(compared: dict[str, dict[str, Any]]) -> None:
    told = [row["row_id"] for name in ("article_figures.csv", "published_figures.csv") for row in _told(name)]
    assert list(compared) == told
    assert all(row["verdict"] for row in compared.values())
    silent = [row["row_id"] for row in compared.values() if row["verdict"].startswith("not_") and not row["reason_zh"]]
    assert silent == []


def test_the_articles_figures_come_out_as_their_rows_say(compared: dict[str, dict[str, Any]]) -> None:
    """Where a card counts the same, the verdict is computed and must be the one that stands in the row."""
    for row in _told("article_figures.csv"):
        if row["indicator"]:
            assert (row["row_id"], compared[row["row_id"]]["verdict"]) == (row["row_id"], row["verdict"])


def test_what_nobody_handed_in_is_not_recomputed(compared: dict[str, dict[str, Any]]) -> None:
    abroad = [row["row_id"] for row in _told("published_figures.csv") if row["area_code"] == "000000000000"]
    assert abroad
    assert {compared[row]["verdict"] for row in abroad} == {"not_recomputable"}
    assert {compared[row]["value"] for row in abroad} == {None}


def test_make_believe_books_do_not_agree_with_a_real_city(compared: dict[str, dict[str, Any]]) -> None:
    """湘潭 reported 48,933 disputes for 2022 to 2024: the span is counted, and the demo's number lies outside."""
    row = compared["P232"]
    assert row["verdict"] == "outside_bounds"
    assert row["value"] is not None and row["value"] < row["low"]
