"""What is added must add up: areas, months and categories of the release, and ranges of months on request."""

import json
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.release_reader import Release
from tests.conftest import Road
from tests.recount import declared
from tests.recount.figures import periods

CELL = ["indicator", "area_code", "period", "breakdown", "category"]
ADDITIVE = [name for name, card in declared.cards().items() if card.kind in ("count", "stock", "ratio")]
FLOWS = [name for name in ADDITIVE if declared.measures()[declared.cards()[name].numerator].over_time == "sum"]
MONTHLY = [name for name in FLOWS if declared.cards()[name].finest_period == "month"]
PLACES = ["500117000000", "420500000000", "420000000000", "421002004000", "421002999000", "430304000000"]
FIRST, LAST = date(2022, 1, 1), date(2025, 12, 1)
OVERLAPPING = {"mechanism"}  # a dispute may be worked on under several
IS_MONTH = pl.col("period").str.contains(r"^\d{4}-\d{2}$")


@pytest.fixture(scope="module")
def release(road: Road) -> Release:
    metadata = json.loads((road.release / "release.json").read_text(encoding="utf-8"))
    return Release(road.release.name, "internal", road.release, metadata)


@pytest.fixture(scope="module")
def sums(road: Road) -> pl.DataFrame:
    """Numerators and denominators of counts, stocks and ratios: they are sums over cases."""
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("indicator").is_in(ADDITIVE), pl.col("numerator").is_not_null()
    )
    return figures.select(*CELL, "numerator", "denominator").collect()


def test_an_area_is_the_sum_of_the_areas_below_it(sums: pl.DataFrame, road: Road) -> None:
    areas = pl.read_parquet(road.release / "areas.parquet").select("area_code", "parent_code")
    below = sums.join(areas.filter(pl.col("parent_code") != ""), on="area_code").drop("area_code")
    parts = below.rename({"parent_code": "area_code"}).group_by(CELL).agg(pl.col("numerator", "denominator").sum())
    both = sums.join(parts, on=CELL, suffix="_below")
    assert both["area_code"].n_unique() >= 42 + 5 + 2
    assert both.filter(pl.col("numerator") != pl.col("numerator_below")).is_empty()
    assert both.filter(pl.col("denominator") != pl.col("denominator_below")).is_empty()


def test_a_longer_period_is_the_sum_of_its_months_or_its_last_month(sums: pl.DataFrame) -> None:
    townships = declared.areas().filter(pl.col("level") == "township")
    sums = sums.join(townships, on="area_code", how="anti")
    laid = periods(date(2017, 12, 1), LAST).select("period", "month", "is_last")
    months = sums.filter(IS_MONTH).with_columns((pl.col("period") + "-01").str.to_date().alias("month"))
    longer = laid.filter(~IS_MONTH)
    for is_added, of_kind in ((True, longer), (False, longer.filter("is_last"))):
        of_this_kind = pl.col("indicator").is_in(FLOWS) if is_added else ~pl.col("indicator").is_in(FLOWS)
        spread = months.filter(of_this_kind).drop("period", "denominator").join(of_kind, on="month")
        parts = spread.group_by(CELL).agg(pl.col("numerator").sum().alias("months"))
        both = sums.filter(of_this_kind).join(parts, on=CELL)
        assert both["period"].n_unique() >= 4 * (4 + 2 + 1 + 12)
        assert both.filter(pl.col("numerator") != pl.col("months")).is_empty()


def test_categories_add_up_to_the_total(sums: pl.DataFrame) -> None:
    counts = sums.filter(pl.col("denominator").is_null())
    place = ["indicator", "area_code", "period"]
    by_category = counts.filter(~pl.col("breakdown").is_in({"total"} | OVERLAPPING)).group_by(*place, "breakdown")
    parts = by_category.agg(pl.col("numerator").sum().alias("categories"))
    both = counts.filter(pl.col("breakdown") == "total").drop("breakdown").join(parts, on=place)
    assert set(both["breakdown"]) >= {"channel", "dispute_type", "tier", "event_type", "petition_form"}
    assert both.filter(pl.col("numerator") != pl.col("categories")).is_empty()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    indicator=st.sampled_from(MONTHLY),
    area=st.sampled_from(PLACES),
    months=st.tuples(st.dates(FIRST, LAST), st.dates(FIRST, LAST)).map(sorted),
)
def test_a_range_on_request_is_the_sum_of_its_months(
    release: Release, indicator: str, area: str, months: list[date]
) -> None:
    first, last = (month.strftime("%Y-%m") for month in months)
    asked = release.compute(indicator, area, f"{first}..{last}")
    written = release.figures(indicator, [area], None).filter(
        IS_MONTH, pl.col("period").is_between(pl.lit(first), pl.lit(last))
    )
    assert asked["numerator"].sum() == written["numerator"].sum()
    assert asked["denominator"].sum() == written["denominator"].sum()
