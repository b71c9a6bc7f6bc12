"""The articles' figures, asked for as a reader asks; their sources are in the demo's scenes."""

from typing import Any

import polars as pl
import pytest

from pipelines.catalogue import cards
from tests.conftest import Road
from tests.recount.declared import table
from tests.recount.exports import read_exports

# Figures of articles that a card answers; one whose card has not been made yet is counted from the rows elsewhere.
ANSWERED = [
    told
    for told in table("article_figures").iter_rows(named=True)
    if (card := cards().get(told["indicator"] or "")) and (told["breakdown"] in (None, *card.breakdowns))
]
COUNTIES_OF_SHIYAN = ("420302", "420303", "420304", "420322", "420323", "420324", "420325", "420381")


def _figures(road: Road, indicator: str, area: str, period: str, by: str | None = None) -> list[dict[str, Any]]:
    words = ["figures", "--indicator", indicator, "--area", area, "--period", period]
    figures: list[dict[str, Any]] = road.ask(*words, *(["--by", by] if by else []))
    return figures


def _only(figures: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(figures) == 1, figures
    return figures[0]


def test_hechuan_accepted_by_channel(road: Road) -> None:
    figures = _figures(road, "mediation_accepted", "500117", "2025", by="channel")
    accepted = {figure["category"]: figure["value"] for figure in figures if figure["value"]}
    assert accepted.pop(None) == 124 + 626 + 26, "the total stands beside its channels"
    assert accepted == {"court": 124, "police": 626, "petition": 26}


@pytest.mark.parametrize("area", ["420583", "420583000", "420583000000"])
def test_zhijiang_resolved_of_screened(road: Road, area: str) -> None:
    figure = _only(_figures(road, "screening_resolved_rate", area, "2022-H1"))
    assert (figure["numerator"], figure["denominator"]) == (1829, 1928)
    assert figure["value"] == pytest.approx(100 * 1829 / 1928, rel=1e-12)
    assert f"{figure['value']:.2f}" == "94.87"


def test_shengli_over_six_years(road: Road) -> None:
    figure = _only(_figures(road, "screening_resolved_rate", "421002004", "2017-12..2023-12"))
    assert (figure["numerator"], figure["denominator"]) == (36, 97)
    assert figure["value"] == pytest.approx(100 * 36 / 97, rel=1e-12)
    figures = _figures(road, "screening_found", "421002004", "2017-12..2023-12", by="screening_status")
    found = {figure["category"]: figure["value"] for figure in figures if figure["category"] and figure["value"]}
    assert found == {"resolved": 36, "eased": 49, "to_judicial": 12}


def test_shiyan_and_every_county_checked_everybody(road: Road) -> None:
    form = read_exports(road.landing).rows["correction_monthly"].filter(pl.col("month").dt.year() == 2025)
    for area in ("420300", *COUNTIES_OF_SHIYAN):
        books = form.filter(pl.col("leaf").str.starts_with(area[:4] if area == "420300" else area))
        due = books["checks_due"].sum()
        assert books.height == (96 if area == "420300" else 12)
        figure = _only(_figures(road, "correction_check_coverage", area, "2025"))
        assert figure["value"] == 100
        assert figure["numerator"] == figure["denominator"] == due == books["checks_done"].sum() > 0


@pytest.mark.parametrize("told", ANSWERED, ids=lambda told: told["row_id"])
def test_what_articles_tell(road: Road, told: dict[str, Any]) -> None:
    figures = _figures(road, told["indicator"], told["area_code"], told["period"], by=told["breakdown"])
    values = {figure["category"]: figure["value"] for figure in figures}
    for category in (told["category"] or "").split("|"):
        value = values[category or None]
        assert float(told["low"]) <= round(value, 2)
        assert told["high"] is None or round(value, 2) <= float(told["high"])
