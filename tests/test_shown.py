"""What is shown of the public figures, recounted from the release's own measures: floors, decimals, bands, changes, words."""

import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.catalogue import cards, measures, publication_plan
from pipelines.protect.edition import write_shown_figures
from tests.conftest import Road

AT = ["area_code", "period", "breakdown", "category"]
PERSONS = ("person", "person_time")


@pytest.fixture(scope="module")
def figures(public_release: Path) -> pl.DataFrame:
    """The public figures with what their cards say."""
    said = pl.DataFrame(
        [(card.id, card.kind, card.unit, card.numerator, card.better) for card in cards().values()],
        schema=["indicator", "kind", "unit", "measure", "better"],
        orient="row",
    )
    return pl.read_parquet(public_release / "figures.parquet").join(said, on="indicator")


@pytest.fixture(scope="module")
def rates(figures: pl.DataFrame) -> pl.DataFrame:
    return figures.filter(pl.col("kind").is_in(["ratio", "share"]), pl.col("unit") == "percent")


def test_a_rate_is_its_published_parts_divided_and_shown_as_far_as_they_carry(rates: pl.DataFrame) -> None:
    """Under 50 none, to 3,999 whole percent, from 4,000 one decimal; from 95 up and from 5 down a band in its place."""
    rules = publication_plan().rates
    parts = rates.filter(pl.col("numerator").is_not_null(), pl.col("denominator").is_not_null())
    parts = parts.with_columns((100 * pl.col("numerator") / pl.col("denominator")).alias("divided"))
    small = rates.filter(pl.col("denominator") < rules.smallest_denominator)
    assert len(small) > 100
    assert small.select(pl.col("value", "band", "low", "high").is_null().all()).row(0) == (True,) * 4
    large = parts.filter(pl.col("denominator") >= rules.smallest_denominator)
    edge = (pl.col("divided") >= rules.at_least) | (pl.col("divided") <= rules.at_most)
    banded, plain = large.filter(edge), large.filter(~edge)
    assert min(len(banded), len(plain)) > 50
    assert banded["value"].is_null().all()
    assert set(banded["band"]) == {"at_least", "at_most"}
    assert plain["band"].is_null().all()
    digits = pl.when(pl.col("denominator") >= rules.one_decimal_from).then(1).otherwise(0)
    assert plain.filter(pl.col("decimals") != digits).is_empty()
    off = (pl.col("value") - pl.col("divided")).abs() > 0.5 / pl.lit(10.0).pow(pl.col("decimals")) + 1e-9
    assert plain.filter(off).is_empty()
    whole = plain.filter(pl.col("decimals") == 0)
    assert (whole["value"] == whole["value"].round(0)).all()


@pytest.mark.parametrize(
    ("agreed", "concluded", "value", "decimals", "band"),
    [
        (40, 45, None, 0, None),
        (45, 50, 90.0, 0, None),
        (3005, 3995, 75.0, 0, None),
        (3005, 4000, 75.1, 1, None),
        (3795, 4000, 94.9, 1, None),
        (3800, 4000, None, 1, "at_least"),
        (95, 100, None, 0, "at_least"),
        (5, 100, None, 0, "at_most"),
        (10, 100, 10.0, 0, None),
    ],
)
def test_a_rate_is_shown_as_far_as_its_denominator_carries(
    agreed: int, concluded: int, value: float | None, decimals: int, band: str | None, road: Road
) -> None:
    """At the edges, which the demo's figures do not reach; its interval is Wilson's at the outermost compatible counts."""
    figure = _shown(road, agreed, concluded)
    assert (figure["value"], figure["decimals"], figure["band"]) == (value, decimals, band)
    if value is not None:
        counts = [(c - r, c) for c in (concluded - 4, concluded + 4) for r in _reach(concluded - agreed)]
        ends = [_wilson(min(max(n, 0), c), c) for n, c in counts]
        low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        assert (figure["low"], figure["high"]) == (round(low, decimals), round(high, decimals))


@pytest.mark.parametrize(
    ("agreed", "concluded", "before", "change", "word"),
    [
        (70, 100, (57, 95), None, None),
        (85, 100, (60, 100), 25.0, "improved"),
        (35, 100, (60, 100), -25.0, "worsened"),
        (65, 100, (60, 100), 5.0, "cannot_tell"),
        (1810, 3000, (1790, 3000), 0.0, "cannot_tell"),
        (1790, 3000, (1810, 3000), 0.0, "cannot_tell"),
    ],
)
def test_a_change_is_told_from_a_published_base_of_a_hundred(
    agreed: int, concluded: int, before: tuple[int, int], change: float | None, word: str | None, road: Road
) -> None:
    """And in a word where neither the rounding of the counts nor that of the rates hides which is more."""
    figure = _shown(road, agreed, concluded, before)
    assert figure["value_year_before"] == 60.0
    assert (figure["change_on_year"], figure["change_word"]) == (change, word)


def _reach(count: int) -> tuple[int, int]:
    return max(0, count - 4), count + 4


def _wilson(counted: int, cases: int) -> tuple[float, float]:
    """Limits of the score interval in percent, as roots of (p - x)^2 = z^2 x (1 - x) / n."""
    z_squared, p = 1.959963984540054**2, counted / cases
    a, b, c = 1 + z_squared / cases, -(2 * p + z_squared / cases), p * p
    root = (b * b - 4 * a * c) ** 0.5
    return 100 * (-b - root) / (2 * a), 100 * (-b + root) / (2 * a)


def _shown(road: Road, agreed: int, concluded: int, before: tuple[int, int] = (60, 100)) -> dict[str, Any]:
    """What is shown of a success rate of 2025 with given published counts, those of 2024 `before` it."""
    years = {"2025": (agreed, concluded), "2024": before}
    key = "area_code = '500000000000' and breakdown = 'total'"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{road.data / 'warehouse' / 'public' / 'edition.duckdb'}' as made (read_only)")
        connection.execute("create schema indicators; create schema inputs")
        for name in ("cards", "periods", "rate_rules", "day_bands"):
            connection.execute(f"create table inputs.{name} as from made.inputs.{name}")
        rates = f"indicator = 'mediation_success_rate' and {key} and period in ('2024', '2025')"
        connection.execute(f"create table indicators.figures as from made.indicators.figures where {rates}")
        connection.execute(f"create table inputs.compatible as from made.inputs.compatible where {key}")
        for year, (part, whole) in years.items():
            found = [100 * part / whole, part, whole, 0.0 if year == "2025" else None, year]
            connection.execute(
                "update indicators.figures set value = ?, numerator = ?, denominator = ?, change_on_year = ? where period = ?",
                found,
            )
            rest = _reach(whole - part)
            for measure, count, rests in (("agreed", part, rest), ("concluded", whole, (None, None))):
                connection.execute(
                    "update inputs.compatible set value = ?, low = ?, high = ?, rest_low = ?, rest_high = ?"
                    " where measure = ? and period = ?",
                    [count, *_reach(count), *rests, f"mediation_{measure}", year],
                )
        write_shown_figures(connection)
        return connection.sql("from protected.figures where period = '2025'").pl().row(0, named=True)


def test_an_interval_holds_the_exact_rate_whatever_was_rounded(rates: pl.DataFrame, road: Road) -> None:
    """It is the union over all counts that the published ones may stand for; alone a rate's interval would leave out many."""
    exact = pl.read_parquet(road.release / "figures.parquet").select("indicator", *AT, pl.col("value").alias("exact"))
    both = rates.filter(pl.col("low").is_not_null(), pl.col("band").is_null()).join(exact, on=["indicator", *AT])
    assert len(both) > 50
    step = 0.5 / pl.lit(10.0).pow(pl.col("decimals"))
    assert both.filter(~pl.col("exact").is_between(pl.col("low") - step, pl.col("high") + step)).is_empty()


def test_nought_is_shown_of_cases_and_not_of_persons(figures: pl.DataFrame, public_release: Path) -> None:
    held = pl.read_parquet(public_release / "measures.parquet")
    persons = [name for name in held["measure"].unique() if measures()[name].unit in PERSONS]
    assert persons
    of_persons = held.filter(pl.col("measure").is_in(persons))
    assert of_persons.filter(pl.col("value") == 0).is_empty()
    assert (of_persons["value"].drop_nulls() % 10 == 0).all()
    assert not held.filter(~pl.col("measure").is_in(persons), pl.col("value") == 0).is_empty()
    shown = figures.filter(pl.col("unit").is_in(PERSONS))
    assert shown.filter((pl.col("value") == 0) | (pl.col("numerator") == 0)).is_empty()


def test_what_has_no_value_says_why(figures: pl.DataFrame, public_release: Path) -> None:
    blank = figures.filter(pl.col("value").is_null(), pl.col("band").is_null())
    assert blank.filter(~pl.col("status").str.split(",").list.first().is_in(["c", "x"])).is_empty()
    held = pl.read_parquet(public_release / "measures.parquet")
    assert held.filter(pl.col("value").is_null() == (pl.col("status") == "")).is_empty()
    assert set(held["status"]) <= {"", "c", "x"}


def test_a_change_needs_a_hundred_cases_and_a_word_more_than_noise(figures: pl.DataFrame) -> None:
    plan = publication_plan()
    counts = figures.filter(pl.col("kind") == "count", pl.col("unit") == "case", pl.col("breakdown") == "total")
    counts = counts.filter(~pl.col("measure").is_in(list(plan.within)))  # two draws stand behind the rest of a whole
    changed = counts.filter(pl.col("change_on_year").is_not_null())
    assert len(changed) > 20
    assert (changed["value_year_before"] >= plan.rates.change_from).all()
    assert (changed["change_on_year"] == changed["value"] - changed["value_year_before"]).all()
    reach = plan.tables["mediation_totals"].base - 1
    drawn = changed.filter(pl.col("period_kind").is_in(["month", "quarter", "year"]))
    alike = drawn.filter((pl.col("change_on_year")).abs() <= 2 * reach)
    assert (alike["change_word"] == "cannot_tell").all()
    apart = drawn.filter((pl.col("change_on_year")).abs() > 2 * reach)
    assert not apart.is_empty()
    more = apart.filter(pl.col("better") == "neither")
    assert (more["change_word"] == pl.Series(["higher" if c > 0 else "lower" for c in more["change_on_year"]])).all()


def test_days_are_told_in_bands_of_years_with_enough_cases(figures: pl.DataFrame) -> None:
    days = figures.filter(pl.col("kind") == "quantile")
    told = days.filter(pl.col("band").is_not_null())
    assert len(told) >= 5
    assert days["value"].is_null().all()
    assert set(told["period_kind"]) <= {"year", "year_to_date"}
    assert (told["denominator"] >= publication_plan().days.smallest).all()
    assert all(re.fullmatch(r"0-7|8-15|16-30|31-60|61-90|91\+", band) for band in told["band"])


def test_quarters_by_type_and_channel_stand_for_every_district_whose_year_reaches_the_floor(
    public_release: Path,
) -> None:
    """Of the demo's 6,000 cases most districts have a score a year, of which no part may be shown; `make run` draws them
    75,000, of which `python -m benchmarks.outsider --useful` tells the districts that stand."""
    floor = publication_plan().tables["mediation_types"].floor
    areas = pl.read_parquet(public_release / "areas.parquet").filter(pl.col("level") == "district")
    held = pl.read_parquet(public_release / "measures.parquet").join(areas, on="area_code", how="semi")
    held = held.filter(pl.col("measure") == "mediation_accepted").with_columns(year=pl.col("period").str.head(4))
    years = held.filter(pl.col("breakdown") == "total", pl.col("period") == pl.col("year"))
    parts = held.filter(
        pl.col("breakdown").is_in(["dispute_type", "channel"]), pl.col("period").str.contains(r"^\d{4}-Q\d$")
    )
    parts = parts.join(years.select("area_code", "year", total="value"), on=["area_code", "year"])
    large = parts.filter(pl.col("total") >= floor)
    shown = large.group_by("breakdown", "area_code", "period").agg(pl.col("value").is_not_null().mean())
    assert len(shown) >= 2 * 4 * 6
    assert shown["value"].min() > 0
    assert large["value"].is_not_null().mean() > 0.4
    small = parts.filter(pl.col("total").is_between(1, floor - 1))
    assert small["area_code"].n_unique() > 30
    assert small["value"].is_null().all()
