"""Signals: published numbers come out, made-up series say what a clerk sees in them, and a release carries them."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.release_reader import open_release
from pipelines.signals import limits
from pipelines.signals.charts import SIGNALS, signals
from pipelines.signals.funnels import binomial_limits, funnels, shrunken
from pipelines.signals.intervals import INTERVALS
from pipelines.signals.rules import special_causes
from pipelines.signals.seasons import seasonal_effects
from pipelines.signals.writing import write_signals
from tests.conftest import Road
from tests.offices import Office, built_house

FLOWRATE = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
NORMAL = [-0.56047565, -0.23017749, 1.55870831, 0.07050839, 0.12928774, 1.71506499, 0.46091621, -1.26506123]
NORMAL += [-0.68685285, -0.44566197, 1.22408180, 0.35981383, 0.40077145, 0.11068272, -0.55584113, 1.78691314]
NORMAL += [0.49785048, -1.96661716, 0.70135590, -0.47279141]
HITS = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


def intervals(*counts: tuple[int | None, int | None], is_proportion: bool = True) -> list[tuple[float, float]]:
    """`low` and `high` of per cent figures with these numerators and denominators."""
    rows = [(str(n), over, under, 1.0 if under else None) for n, (over, under) in enumerate(counts)]
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as edition")
        connection.execute("create schema edition.indicators; create schema edition.inputs")
        connection.execute(
            "create table edition.inputs.cards as select 'rate' as indicator, 100.0 as scale, ?::boolean as is_proportion",
            [is_proportion],
        )
        connection.execute(
            "create table edition.indicators.figures (indicator text, area_code text, numerator bigint, denominator bigint,"
            " value double, low double, high double)"
        )
        connection.executemany("insert into edition.indicators.figures values ('rate', ?, ?, ?, ?, null, null)", rows)
        return connection.execute(f"select low, high from ({INTERVALS}) order by area_code").fetchall()


@pytest.mark.parametrize(
    ("events", "cases", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (1, 100, 0.001767, 0.054486),
        (5, 100, 0.021544, 0.111750),
        (20, 100, 0.133367, 0.288829),
    ],
)
def test_intervals_are_wilsons(events: int, cases: int, low: float, high: float) -> None:
    """Newcombe 1998, table I (four digits); Public Health England's guide to proportions (six)."""
    [found] = intervals((events, cases))
    digits = 6 if cases == 100 else 4
    assert [round(end / 100, digits) for end in found] == [low, high]


def test_only_counts_within_counts_have_an_interval() -> None:
    assert intervals((3, 0), (None, None), (5, 4)) == [(None, None)] * 3
    assert intervals((1, 4), is_proportion=False) == [(None, None)]
    assert intervals((20, 20))[0][1] == 100


@pytest.mark.parametrize(
    ("events", "cases", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_exact_limits_are_those_of_clopper_and_pearson(events: int, cases: int, low: float, high: float) -> None:
    """Newcombe 1998, table I: a count lies within the exact limits of a target if the target lies within its interval."""

    def holds(target: float) -> bool:
        lower, upper = binomial_limits(np.array([cases]), np.array([target]), 0.95, np.array([1.0]))
        return bool(lower[0] <= events / cases <= upper[0])

    step = 0.0001
    assert holds(high - step)
    assert not holds(high + step)
    assert low == 0 or (holds(low + step) and not holds(low - step))


def test_individuals_as_nist_charts_them() -> None:
    """NIST/SEMATECH e-Handbook 6.3.2.2."""
    found = limits.xmr(np.array([FLOWRATE]), 3 / 1.128)
    assert [round(float(x[0, 0]), 4) for x in (found.centre, found.upper, found.lower)] == [50.81, 55.8041, 45.8159]
    assert round(float((found.upper - found.centre)[0, 0] * 1.128 / 3), 4) == 1.8778


def test_individuals_as_the_nhs_charts_them() -> None:
    """NHSRplotthedots, standard chart of twenty normal draws."""
    found = limits.xmr(np.array([NORMAL]))
    assert round(float(found.centre[0, 0]), 7) == 0.1416238
    assert (round(float(found.lower[0, 0]), 5), round(float(found.upper[0, 0]), 6)) == (-3.01138, 3.294627)
    assert round(float((found.upper - found.centre)[0, 0] / 2.66), 5) == 1.18534


def test_an_outlying_moving_range_does_not_widen_the_limits() -> None:
    """Ranges 1 1 1 1 1 1 1 1 1 1 1, then 40: their mean is 4.25, and 40 is above 3.267 of it."""
    found = limits.xmr(np.array([[10.0, 11] * 6 + [51]]))
    assert (found.upper - found.centre)[0, 0] == pytest.approx(2.66)


def test_proportions_drawn_to_their_mean() -> None:
    """Efron and Morris 1977: batting averages of 18 players after 45 at-bats."""
    average = np.array([HITS]) / 45
    centre = average.mean(axis=1, keepdims=True)
    drawn = shrunken(average, np.full_like(average, 45), centre)
    assert round(float(centre[0, 0]), 5) == 0.26543
    assert (round(float(drawn[0, 0]), 3), round(float(drawn[0, -1]), 3)) == (0.294, 0.242)
    assert round(float((drawn[0, 0] - centre[0, 0]) / (average[0, 0] - centre[0, 0])), 4) == 0.2117


def test_what_chance_explains_is_drawn_all_the_way() -> None:
    proportions = np.array([[0.5, 0.49, 0.51, 0.5, 0.5, np.nan]])
    drawn = shrunken(proportions, np.array([[20.0] * 5 + [np.nan]]), np.array([[0.5]]))
    assert drawn[0, :5] == pytest.approx(0.5, abs=1e-9)


def marked(values: Sequence[float]) -> dict[str, list[int]]:
    """Signal -> places, on a chart around 0 with limits at ±3."""
    level = [np.array([[limit]]) for limit in (0.0, -2, 2, -3, 3)]
    causes = special_causes(np.array([values], dtype=float), limits.Limits(*level))
    return {signal: np.flatnonzero(sides[0]).tolist() for signal, sides in causes.items() if sides.any()}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, -1, 1, -3, 1, -1, 3, -1, 1, -1, 1, -1], {}),
        ([1, -1, 1, -1, 3.1, -1, 1, -1, 1, -1, 1, -1], {"outside": [4]}),
        ([1, -1, 1, -1, 1, 1, 1, 1, 1, 1, -1, 1], {}),
        ([1, -1, 1, -1, 1, 1, 1, 1, 1, 1, 1, -1], {"run": [4, 5, 6, 7, 8, 9, 10]}),
        ([1, -1, 1, -1, 1, 1, 1, 0, 1, 1, 1, -1], {}),
        ([1, -1.5, -1, -0.5, 0.2, 0.5, 0.9, -1, 1, -1, 1, -1], {}),
        ([1, -1.5, -1, -0.5, 0.2, 0.5, 0.9, 1.2, -1, 1, -1, 1], {"trend": [1, 2, 3, 4, 5, 6, 7]}),
        ([1, -1, 2.5, 1, 2.5, -1, 1, -1, 1, -1, 1, -1], {"two_of_three": [2, 4]}),
        ([1, -1, 2.5, -1, 2.5, -1, 1, -1, 1, -1, 1, -1], {}),
        ([1, -1, 2.5, 1, -2.5, -1, 1, -1, 1, -1, 1, -1], {}),
    ],
)
def test_rules_mark_the_points_that_are_part_of_them(values: list[float], said: dict[str, list[int]]) -> None:
    assert marked(values) == said


CARD = {"kind": "count", "over_time": "sum", "scale": 1.0, "better": "neither", "is_proportion": False}
RATE = {"kind": "ratio", "over_time": "sum", "scale": 100.0, "better": "higher", "is_proportion": True}


def points(
    values: Sequence[float | None],
    numerators: Sequence[int] | None = None,
    denominators: Sequence[int] | None = None,
    breaks: Sequence[int] = (),
    **card: object,
) -> pl.DataFrame:
    """One series from January 2022; its first point is January and February together."""
    months = [date(2022 + n // 11, n % 11 + 2, 1) for n in range(len(values))]
    return (
        pl.DataFrame(
            {
                "indicator": "made_up",
                "area_code": "500117000000",
                "area_level": "district",
                "period": [f"{month:%Y-01..%Y-02}" if month.month == 2 else f"{month:%Y-%m}" for month in months],
                "first_month": [month.replace(month=1) if month.month == 2 else month for month in months],
                "month": months,
                "value": pl.Series(values, dtype=pl.Float64),
                "numerator": pl.Series(numerators or [int(v or 0) for v in values], dtype=pl.Int64),
                "denominator": pl.Series(denominators or [None] * len(values), dtype=pl.Int64),
                "is_break": [n in breaks for n in range(len(values))],
            }
        )
        .with_columns(*(pl.lit(value).alias(name) for name, value in (CARD | card).items()))
        .drop_nulls("value")
    )


def rates(numerators: Sequence[int], denominators: Sequence[int], **card: object) -> pl.DataFrame:
    values = [100 * over / under for over, under in zip(numerators, denominators, strict=True)]
    return points(values, numerators, denominators, **(RATE | card))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 10**6), st.integers(12, 60))
def test_a_constant_series_has_no_signal(value: int, months: int) -> None:
    found = signals(points([value / 3] * months, kind="quantile"))
    assert found["signal"].unique().to_list() == ["none"]
    assert found.filter(pl.col("lower") != pl.col("upper")).is_empty()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(5, 500), min_size=12, max_size=50), st.integers(1000, 10**6))
def test_shifting_a_series_shifts_its_limits_and_nothing_else(values: list[int], shift: int) -> None:
    """Shifted to where 0 is far below, so that no limit is cut there."""
    low, high = (signals(points([value + up for value in values])) for up in (1000, 1000 + shift))
    assert (high["centre"] - low["centre"]).to_numpy() == pytest.approx(shift, abs=1e-6)
    assert (high["upper"] - low["upper"]).to_numpy() == pytest.approx(shift, abs=1e-6)
    assert high["signal"].to_list() == low["signal"].to_list()


def test_below_twelve_points_nothing_is_said() -> None:
    values = [50, 60, 40, 62, 45, 180, 50, 66, 40, 65, 45, 60]
    assert signals(points(values[:11])).is_empty()
    found = signals(points(values))
    assert found.columns == list(SIGNALS)
    assert found.filter("is_real_change")["period"].to_list() == ["2022-07"]
    assert found["baseline_points"].unique().to_list() == [12]
    assert found["baseline_first_month"][0] == date(2022, 1, 1)


def test_direction_is_as_the_card_sees_it() -> None:
    values = [50, 60, 40, 62, 45, 180, 50, 66, 40, 65, 45, 60]
    for better, said in (("higher", "better"), ("lower", "worse"), ("neither", "neither")):
        [row] = signals(points(values, better=better)).filter("is_real_change").select("side", "direction").rows()
        assert row == ("higher", said)


SEASON = [-30, 5, 10, 0, 0, 5, -5, 10, 0, 0, 5]  # January and February first


def test_a_season_is_taken_off_after_three_years_and_stands_in_the_limits() -> None:
    noise = [(-1) ** n * (1 + n % 3) for n in range(33)]
    values = [200 + SEASON[n % 11] + noise[n] for n in range(33)]
    found = signals(points(values))
    assert found["is_seasonal"].all()
    assert found["value"].to_list() == values
    assert found["signal"].unique().to_list() == ["none"]
    assert found["centre"][0] == pytest.approx(170, abs=3)
    assert found["centre"][1] == pytest.approx(205, abs=3)
    shorter = signals(points(values[:32]))
    assert not shorter["is_seasonal"].any()
    assert shorter["centre"].n_unique() == 1
    with_a_gap = signals(points([*values[:20], None, *values[21:], 170, 205]))
    assert not with_a_gap["is_seasonal"].any()


def test_a_season_alone_is_found_exactly() -> None:
    values, parts = np.array([[100.0 + s for s in SEASON] * 4]), np.array([list(range(11)) * 4])
    assert seasonal_effects(values, parts)[0] == pytest.approx(SEASON * 4)


def test_a_break_starts_a_new_baseline() -> None:
    noise = [0, 4, -4, 2, -2, 3, -3, 0, 4, -4, 2, -2]
    values = [50 + n for n in noise] + [90 + n for n in noise]
    assert "outside" in signals(points(values))["signal"].to_list()
    found = signals(points(values, breaks=[12]))
    assert found["signal"].unique().to_list() == ["none"]
    assert sorted(found["baseline_points"].to_list()) == [12] * 24
    assert found["centre"].unique().sort().to_list() == pytest.approx([50, 90])


def chart(frame: pl.DataFrame) -> list[str]:
    return signals(frame)["chart"].unique().to_list()


def test_the_chart_follows_from_the_card_and_the_series() -> None:
    some = [3, 9] * 6
    assert chart(points(some)) == ["xmr"]
    assert chart(points(some, kind="quantile")) == ["xmr"]
    assert chart(rates([40, 50] * 6, [80, 80] * 6)) == ["p_prime"]
    assert chart(rates([40, 50] * 6, [80, 80] * 6, is_proportion=False)) == ["xmr"]
    assert chart(rates([2, 3] * 6, [8, 9] * 6)) == ["xmr"]
    assert chart(rates([0, 0, 1] * 13, [60] * 39)) == ["g"]
    assert chart(rates([60, 60, 59] * 13, [60] * 39)) == ["g"]
    assert chart(points([0, 0, 1] * 13)) == ["t"]
    assert chart(points([0, 0, 1] * 13, kind="stock", over_time="last")) == []


def test_laney_widens_the_limits_of_large_denominators_to_what_the_series_shows() -> None:
    """Half of 10,000 have a standard deviation of 0.5 points; this series swings by 4 points between months."""
    found = signals(rates([4800, 5200] * 6, [10_000] * 12))
    assert found["signal"].unique().to_list() == ["none"]
    assert found["centre"][0] == pytest.approx(50)
    assert found["upper"][0] == pytest.approx(50 + 3 * 4 / 1.128)


def test_laney_gives_small_months_wider_limits() -> None:
    found = signals(rates([40, 10] * 6, [80, 20] * 6)).sort("month")
    widths = (found["upper"] - found["lower"]).to_list()
    assert widths[0] == widths[1] == 0, "every month is at the centre"
    swinging = signals(rates([44, 9] * 6, [80, 20] * 6)).sort("month")
    widths = (swinging["upper"] - swinging["lower"]).to_list()
    assert widths[1] == pytest.approx(2 * widths[0])


def test_rare_events_are_told_by_the_days_between_them() -> None:
    """Once every third point; then a gap of 21 points. Longer gaps are better where less is."""
    counts = [1] + [0, 0, 1] * 14 + [0] * 20 + [1]
    found = signals(points(counts, better="lower")).sort("month")
    assert found["chart"].unique().to_list() == ["t"]
    assert len(found) == 15, "the first event has no gap before it"
    assert found["value"][0] == 31 + 30 + 31, "February to May"
    last = found.row(-1, named=True)
    assert (last["signal"], last["side"], last["direction"]) == ("outside", "higher", "better")


def test_cases_between_rare_failures_follow_the_geometric_distribution() -> None:
    """One failure in 300 cases, every third month of 100: 299 cases between; the median of the geometric is 207."""
    found = signals(rates([100, 100, 99] * 13, [100] * 39)).sort("month")
    assert len(found) == 12
    assert found["value"].unique().to_list() == [299]
    assert found.select("lower", "centre", "upper").row(0) == (0, 207, 1979)
    assert found["direction"].to_list() == ["better"] * 12, "every gap is longer than the median"


def district(code: str, numerator: int, denominator: int, city: tuple[int, int]) -> dict[str, object]:
    place = {"indicator": "made_up", "area_code": code, "city_code": "city", "period": "2025"}
    counts = {
        "numerator": numerator,
        "denominator": denominator,
        "city_numerator": city[0],
        "city_denominator": city[1],
    }
    return place | counts | {"scale": 100.0, "better": "higher"}


def test_a_district_is_held_against_the_rest_of_its_city() -> None:
    """A has 60 of 100; B and C together 160 of 200, 80%; exactly 99.8% of such districts have 67 to 91 of 100."""
    counted = {"A": (60, 100), "B": (85, 100), "C": (75, 100)}
    found = funnels(pl.DataFrame([district(code, *counts, (220, 300)) for code, counts in counted.items()]))
    a = found.row(0, named=True)
    assert (a["value"], a["cases"], a["centre"]) == (60, 100, 80)
    assert (a["lower_998"], a["upper_998"]) == (67, 91)
    assert (a["signal"], a["side"], a["direction"]) == ("outside_998", "lower", "worse")
    assert a["overdispersion"] is None
    assert a["shrunken"] is None
    assert found["signal"].to_list()[2] == "none"


def test_a_rest_smaller_than_the_district_is_no_yardstick() -> None:
    rows = [district("A", 60, 100, (75, 120)), district("B", 15, 20, (75, 120))]
    assert funnels(pl.DataFrame(rows))["area_code"].to_list() == ["B"]


def test_that_it_never_failed_elsewhere_does_not_make_a_failure_impossible() -> None:
    """One failure in 20 where the rest had none in 80 may be chance; five are not."""
    said = [funnels(pl.DataFrame([district("A", met, 20, (met + 80, 100))]))["signal"][0] for met in (19, 15)]
    assert said == ["none", "outside_998"]


def test_overdispersion_is_estimated_from_twenty_districts_on() -> None:
    """Half the districts at 40%, half at 60%, of 100 cases each: scores of ±2, so four times the variance of chance."""
    for units, said in ((18, None), (20, 4.0)):
        rows = [district(f"{n:02}", 40 + 20 * (n % 2), 100, (50 * units, 100 * units)) for n in range(units)]
        found = funnels(pl.DataFrame(rows))
        assert found["overdispersion"].unique().to_list() == [said]
        assert ("none" in found["signal"].to_list()) == (said is not None)


def test_near_100_percent_limits_stay_exact_however_districts_differ() -> None:
    exact, widened = (
        binomial_limits(np.array([50]), np.array([0.98]), 0.95, np.array([spread])) for spread in (1.0, 4.0)
    )
    assert exact == widened
    assert exact[1][0] == 1


def test_a_young_house_has_the_tables_and_nothing_to_say(house: Office) -> None:
    """Three months are no series; the intervals are there."""
    folder = house.data / "releases" / "internal" / "2025-05-1.0"
    with duckdb.connect(str(folder / "fengqiao.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from signals").fetchall() == [(0,)]
        columns = connection.execute(
            "select column_name, comment from duckdb_columns() where table_name in ('signals', 'funnels')"
        )
        assert {name for name, comment in columns.fetchall() if not comment} == set()
        rate = connection.execute(
            "select numerator, denominator, round(low, 2), round(high, 2) from figures where area_code = '500117000000'"
            " and indicator = 'mediation_success_rate' and period = '2025-04' and breakdown = 'total'"
        ).fetchall()
    assert rate == [(0, 1, 0, 79.35)], "one case, not agreed: z² / (1 + z²)"


def test_the_road_carries_signals_of_months_that_are_complete(road: Road) -> None:
    said, figures = (pl.read_parquet(road.release / f"{name}.parquet") for name in ("signals", "figures"))
    assert set(said["chart"]) >= {"xmr", "p_prime", "g"}
    assert set(said["area_level"]) == {"province", "city", "district"}
    assert said["baseline_points"].min() >= 12
    assert said.sort("indicator", "area_code", "month").equals(said)
    assert said.select(pl.struct("indicator", "area_code", "month").is_duplicated().any()).item() is False
    joined = said.join(
        figures.filter(breakdown="total").rename({"value": "figure"}),
        on=["indicator", "area_code", "period"],
        how="left",
    )
    assert joined.filter(pl.col("status").str.contains("p")).is_empty()
    figure = joined.filter(pl.col("chart").is_in(["xmr", "p_prime"]), ~pl.col("period").str.contains(r"\.\."))
    assert figure.filter((pl.col("value") - pl.col("figure")).abs() > 1e-9).is_empty()
    outside = (pl.col("value") > pl.col("upper")) | (pl.col("value") < pl.col("lower"))
    assert said.filter(outside != (pl.col("signal") == "outside")).is_empty()


def test_a_release_of_an_earlier_period_knows_nothing_later(road: Road, tmp_path: Path) -> None:
    edition = shutil.copy(road.data / "warehouse" / "internal" / "edition.duckdb", tmp_path)
    with duckdb.connect(edition) as connection:
        write_signals(connection, date(2024, 9, 1))
        latest = connection.execute("select max(month), max(baseline_last_month) from signals.signals").fetchall()
        periods = connection.execute(
            "select max(last_month) from signals.funnels inner join inputs.periods using (period)"
        )
        assert (latest, periods.fetchall()) == ([(date(2024, 9, 1), date(2024, 9, 1))], [(date(2024, 9, 1),)])


def test_the_road_has_funnels_of_districts(road: Road) -> None:
    said, areas = (pl.read_parquet(road.release / f"{name}.parquet") for name in ("funnels", "areas"))
    assert len(said)
    assert set(said.join(areas, on="area_code")["level"]) == {"district"}
    outside = (pl.col("value") > pl.col("upper_998")) | (pl.col("value") < pl.col("lower_998"))
    assert said.filter(outside != (pl.col("signal") == "outside_998")).is_empty()


def test_a_range_asked_for_has_its_interval_too(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    release = open_release()
    for period in ("2025-Q3", "2025-05..2025-09"):
        [found] = release.compute("mediation_success_rate", "500117", period).rows(named=True)
        expected = intervals((found["numerator"], found["denominator"]))
        assert [(found["low"], found["high"])] == [pytest.approx(pair) for pair in expected]
    [written] = release.figures("mediation_success_rate", ["500117"], ["2025-Q3"]).rows(named=True)
    [computed] = release.compute("mediation_success_rate", "500117", "2025-Q3").rows(named=True)
    assert written == computed
