"""The questions that the dbt project's README answers in SQL, asked of a release."""

import re
from typing import Any

import pytest

from pipelines.settings import DBT_PROJECT
from tests.conftest import Road

QUESTIONS = re.findall(
    r"^(\d+)\. (.+?)\n\n```sql\n(.+?)\n```", (DBT_PROJECT / "README.md").read_text(encoding="utf-8"), re.M | re.S
)


def _answer(road: Road, number: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = road.ask("sql", QUESTIONS[number - 1][2])
    return rows


def test_there_are_ten_questions() -> None:
    assert [int(number) for number, _, _ in QUESTIONS] == list(range(1, 11))


@pytest.mark.parametrize("number", [n for n in range(1, 11) if n != 8])
def test_every_question_is_answered(number: int, road: Road) -> None:
    assert _answer(road, number)


def test_who_has_not_reported_is_nobody_in_the_demo_whose_senders_all_have(road: Road) -> None:
    missing = road.ask(
        "sql", "select 1 from figures where period = '2025' and area_level = 'district' and status = 'p'"
    )
    assert bool(_answer(road, 8)) <= bool(missing)


def test_added_measures_are_the_figure_of_the_same_span(road: Road) -> None:
    words = (
        "--indicator",
        "mediation_success_rate",
        "--area",
        "500117",
        "--period",
        "2022-10..2023-07",
        "--by",
        "channel",
    )
    police = next(row for row in road.ask("figures", *words) if row["category"] == "police")
    (answer,) = _answer(road, 10)
    assert (answer["concluded"], answer["agreed"]) == (police["denominator"], police["numerator"])
    assert answer["percent"] == round(police["value"], 2)
