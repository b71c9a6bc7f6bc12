"""Measures → figures: added over areas and months first, divided once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from . import declared
from .declared import Card
from .tallies import NOT_STATED

CELL = ["area_code", "period", "category"]
LEVELS = ("township", "district", "city", "province")  # the smallest first
CUMULATIVE = ".."
ROUNDING = 1e-12
ROLLED = {
    "area_code": pl.String,
    "period": pl.String,
    "category": pl.String,
    "bucket": pl.Int32,
    "value": pl.Int64,
}


@dataclass(frozen=True)
class Book:
    """What figures are computed from.

    `measures`: (measure, breakdown) → area_code (any level), month, category, bucket, value.
    `places`: table and needed columns → area_code (any level), level, period, has_first, has_last, is_whole,
    averaged_months: where something was reported in the period, whether in its first and its last month, and whether by
    everybody in all of its months; how many months were told by each who told any, on average.
    `periods`: period, month, is_first, is_last (the period's first and last month), year_before, period_before.
    """

    measures: dict[tuple[str, str], pl.DataFrame]
    places: dict[tuple[str, frozenset[str]], pl.DataFrame]
    periods: pl.DataFrame


def open_book(measures: pl.DataFrame, coverage: pl.DataFrame) -> Book:
    """Add leaf measures up the areas, carry senders' coverage up and down the areas, lay out the periods."""
    rolled = (
        measures.join(declared.ancestors(), on="area_code")
        .group_by(pl.col("ancestor_code").alias("area_code"), "month", "measure", "breakdown", "category", "bucket")
        .agg(pl.col("value").sum())
        .partition_by("measure", "breakdown", as_dict=True, include_key=False)
    )
    by_measure = {(str(measure), str(breakdown)): part for (measure, breakdown), part in rolled.items()}
    first, last = coverage["month"].min(), coverage["month"].max()
    assert isinstance(first, date) and isinstance(last, date)
    laid = periods(first, last)
    needed = {need for card in declared.cards().values() for need in card.needs}
    return Book(by_measure, {need: _reported(coverage, *need, laid) for need in needed}, laid)


def _reported(coverage: pl.DataFrame, table: str, needs: frozenset[str], laid: pl.DataFrame) -> pl.DataFrame:
    """area_code (any level), level, period, has_first, has_last, is_whole, averaged_months, of a table in files that have
    the columns."""
    ancestors = declared.ancestors()
    sent = coverage.filter(pl.col("table_name") == table).with_columns(pl.col("area_code").alias("sender_area"))
    below = sent.rename({"area_code": "ancestor_code"}).join(ancestors, on="ancestor_code")
    above = sent.join(ancestors, on="area_code").with_columns(pl.col("ancestor_code").alias("area_code"))
    cities = declared.areas().filter(pl.col("level") == "city").select("area_code")
    # What lies in no district of a city is known as far as the city is.
    rest = (pl.col("area_code").str.slice(0, 6) + "999000").alias("area_code")
    beside = above.join(cities, on="area_code").with_columns(rest).join(declared.areas(), on="area_code", how="semi")
    columns = ["area_code", "sender_area", "month"]
    everywhere = pl.concat([part.select(*columns, "columns") for part in (below, above, beside)])
    senders = everywhere.group_by("area_code").agg(pl.col("sender_area").n_unique().alias("senders"))
    has_needed = pl.all_horizontal(pl.lit(True), *(pl.col("columns").list.contains(name) for name in sorted(needs)))
    is_whole = pl.col("months") == pl.col("senders") * pl.col("period").map_elements(length, return_dtype=pl.Int64)
    places = (
        everywhere.filter(has_needed)
        .select(columns)
        .unique()
        .join(laid, on="month")
        .group_by("area_code", "period")
        .agg(
            pl.col("is_first").any().alias("has_first"),
            pl.col("is_last").any().alias("has_last"),
            pl.len().alias("months"),
            (pl.len() / pl.col("sender_area").n_unique()).alias("averaged_months"),
        )
        .join(senders, on="area_code")
        .with_columns(is_whole.alias("is_whole"))
        .drop("months", "senders")
        .join(declared.areas().drop("parent_code"), on="area_code")
    )
    # Of townships the release holds no cumulatives; they are computed on request.
    return places.filter((pl.col("level") != "township") | ~pl.col("period").str.contains(CUMULATIVE, literal=True))


def periods(first: date, last: date) -> pl.DataFrame:
    """Months, quarters, half-years, years and January-to-N that are over by `last`: one row a period and month in it
    from `first` on."""
    rows: list[tuple[str, date]] = []
    for month in pl.date_range(first, date(last.year, 12, 1), "1mo", eager=True).to_list():
        year, number = month.year, month.month
        rows.append((f"{year}-{number:02}", month))
        rows.append((f"{year}-Q{(number + 2) // 3}", month))
        rows.append((f"{year}-H{(number + 5) // 6}", month))
        rows.append((f"{year}", month))
        rows.extend((f"{year}-01..{year}-{end:02}", month) for end in range(number, 13))
    laid = pl.DataFrame(rows, schema={"period": pl.String, "month": pl.Date}, orient="row")
    laid = laid.filter(pl.col("month").max().over("period") <= last)
    return laid.with_columns(
        (
            pl.col("month").dt.to_string("%Y-%m") == pl.col("period").map_elements(first_month, return_dtype=pl.String)
        ).alias("is_first"),
        (pl.col("month") == pl.col("month").max().over("period")).alias("is_last"),
        pl.col("period").map_elements(a_year_before, return_dtype=pl.String).alias("year_before"),
        pl.col("period").map_elements(one_before, return_dtype=pl.String, skip_nulls=False).alias("period_before"),
    )


def length(period: str) -> int:
    """Months from its first to its last: 2025-Q3 → 3; 2025-01..2025-10 → 10."""
    if ".." in period:
        return int(period[-2:])
    return 12 if len(period) == 4 else {"Q": 3, "H": 6}.get(period[5], 1)


def first_month(period: str) -> str:
    """2025-Q3 → 2025-07; 2025-01..2025-10 → 2025-01."""
    last = last_month(period)
    return f"{last[:5]}{int(last[5:]) - length(period) + 1:02}"


def a_year_before(period: str) -> str:
    """2025-Q3 → 2024-Q3; 2025-01..2025-10 → 2024-01..2024-10."""
    return "..".join(f"{int(part[:4]) - 1}{part[4:]}" for part in period.split(".."))


def one_before(period: str) -> str | None:
    """2025-Q1 → 2024-Q4; a cumulative has none."""
    if ".." in period:
        return None
    year, rest = int(period[:4]), period[5:]
    if not rest:
        return f"{year - 1}"
    letter = rest[0] if rest[0] in "QH" else ""
    number = int(rest.lstrip("QH")) - 1
    if number == 0:
        year, number = year - 1, {"Q": 4, "H": 2, "": 12}[letter]
    return f"{year}-{letter}{number}" if letter else f"{year}-{number:02}"


def figures(book: Book, card: Card, breakdown: str) -> pl.DataFrame:
    """One card's figures: area_code, level, period, category, numerator, denominator (of a quantile: the cases), value
    (null where it divides by 0, or so few are concluded that a quantile of survival is not reached), is_whole, and
    value and is_whole of the year and of the period before.

    A row stands where the area has reported in the period (of a stock: in its last, or first, month)."""
    cells = _cells(book, card, breakdown)
    if breakdown != "total":
        cells = pl.concat([cells, _not_stated(book, card, breakdown, cells)])
    if card.kind in ("quantile", "survival_quantile"):
        counted = cells.join(_days(book, card, breakdown), on=CELL, how="left")
        counted = counted.with_columns(pl.col("denominator").fill_null(0))
    else:
        over = _rolled(book, card.numerator, breakdown)
        counted = cells.join(_added(over, CELL, "numerator"), on=CELL, how="left")
        counted = counted.with_columns(pl.col("numerator").fill_null(0))
        counted = _divided(counted, book, card, breakdown)
    return _compared(counted.with_columns(pl.col("is_whole") & _is_mature(card, book)), book)


def _divided(counted: pl.DataFrame, book: Book, card: Card, breakdown: str) -> pl.DataFrame:
    """With denominator and value, in the card's unit."""
    scaled = pl.col("numerator").cast(pl.Float64) * card.scale
    if not card.denominator:
        return counted.with_columns(pl.lit(None, pl.Int64).alias("denominator"), scaled.alias("value"))
    shared = ["area_code", "period"] if card.kind == "share" else CELL
    below = [name for name in (card.denominator, card.denominator_with) if name]
    whole = pl.concat([_rolled(book, name, "total" if card.kind == "share" else breakdown) for name in below])
    counted = counted.join(_added(whole, shared, "denominator"), on=shared, how="left")
    counted = counted.with_columns(pl.col("denominator").fill_null(0))
    divisor = pl.col("denominator").cast(pl.Float64)
    if declared.measures()[card.denominator].over_time == "mean":
        needed = next(need for need in card.needs if need[0] == declared.measures()[card.denominator].table)
        told = book.places[needed].select("area_code", "period", "averaged_months")
        counted = counted.join(told, on=["area_code", "period"], how="left")
        divisor = divisor / pl.col("averaged_months")
    counted = counted.with_columns(pl.when(pl.col("denominator") != 0).then(scaled / divisor).alias("value"))
    return counted.drop("averaged_months", strict=False)


def _is_mature(card: Card, book: Book) -> pl.Expr:
    """Whether at the end of the data a period's cases have had the days that the card gives them."""
    known = book.periods["month"].max()
    assert isinstance(known, date)
    cutoff = _month_end(known)
    ends = {
        period: _month_end(date.fromisoformat(f"{last_month(period)}-01")) for period in book.periods["period"].unique()
    }
    mature = [period for period, end in ends.items() if end + timedelta(days=card.matures_after) <= cutoff]
    return pl.col("period").is_in(mature)


def last_month(period: str) -> str:
    """2025-Q3 → 2025-09; 2025-01..2025-10 → 2025-10."""
    year, rest = period[:4], period[5:]
    if ".." in period:
        return period[-7:]
    if not rest:
        return f"{year}-12"
    return f"{year}-{int(rest[1]) * {'Q': 3, 'H': 6}[rest[0]]:02}" if rest[0] in "QH" else period


def _month_end(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _rolled(book: Book, measure: str, breakdown: str) -> pl.DataFrame:
    """area_code, period, category, bucket, value: months added, or of a stock the period's first or last month taken."""
    months = book.periods
    match declared.measures()[measure].over_time:
        case "last":
            months = months.filter("is_last")
        case "first":
            months = months.filter("is_first")
        case "none":
            months = months.filter("is_first", "is_last")
    chosen = book.measures.get((measure, breakdown))
    if chosen is None:
        return pl.DataFrame(schema=ROLLED)
    # Periods are added one kind at a time: a histogram of a million cases by day would not fit at once.
    parts: list[pl.DataFrame] = []
    for size in months["period"].str.len_bytes().unique():
        kind = months.filter(pl.col("period").str.len_bytes() == size).select("period", "month")
        parts.append(chosen.join(kind, on="month").group_by(*CELL, "bucket").agg(pl.col("value").sum()))
    return pl.concat(parts)


def _added(rolled: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    return rolled.group_by(by).agg(pl.col("value").sum().alias(name))


def _cells(book: Book, card: Card, breakdown: str) -> pl.DataFrame:
    """Areas that have reported × periods × the categories of the code list, found or not; breakdowns of no half-year."""
    places = _places(book, card)
    if breakdown == "total":
        return places.with_columns(pl.lit("total").alias("category"))
    places = places.filter(pl.col("level") != "township", ~pl.col("period").str.contains("-H"))
    return places.join(pl.DataFrame({"category": sorted(set(declared.codes(breakdown).values()))}), how="cross")


def _places(book: Book, card: Card) -> pl.DataFrame:
    """area_code, level, period, is_whole: where and when the card has a figure, for all tables it is made of."""
    parts: list[pl.DataFrame] = []
    for table, needs in card.needs:
        made_of = (declared.measures()[name] for name in card.measures)
        behaviour = {measure.over_time for measure in made_of if measure.table == table}
        part = book.places[table, needs].filter(
            _is_level(card.lowest_level),
            _is_period(card.finest_period),
            pl.col("has_first") | pl.lit("first" not in behaviour),
            pl.col("has_last") | pl.lit("last" not in behaviour),
        )
        parts.append(part.select("area_code", "level", "period", "is_whole"))
    places = parts[0]
    for part in parts[1:]:
        other = part.select("area_code", "period", pl.col("is_whole").alias("is_other_whole"))
        places = places.join(other, on=["area_code", "period"])
        places = places.with_columns(pl.col("is_whole") & pl.col("is_other_whole")).drop("is_other_whole")
    if card.void_where:
        void = _rolled(book, card.void_where, "total").filter(pl.col("value") != 0)
        places = places.join(void, on=["area_code", "period"], how="anti")
    return places


def _is_level(lowest: str) -> pl.Expr:
    """The level and all above it; a municipality is a city and a province at once."""
    municipalities = declared.areas().filter(pl.col("level") == "city", pl.col("parent_code") == "")["area_code"]
    at_once = pl.col("area_code").is_in(municipalities.to_list())
    return pl.col("level").is_in(LEVELS[LEVELS.index(lowest) :]) | at_once


def _is_period(finest: str) -> pl.Expr:
    """The period and all made of it: January to N are months, not quarters; of years there are only years."""
    match finest:
        case "quarter":
            return pl.col("period").str.contains(r"^\d{4}(-[QH]\d)?$")
        case "year":
            return pl.col("period").str.contains(r"^\d{4}$")
    return pl.lit(True)


def _not_stated(book: Book, card: Card, breakdown: str, cells: pl.DataFrame) -> pl.DataFrame:
    """Cells of the cases that state no category: only where there are such cases."""
    measures = {card.numerator, card.denominator or card.numerator, card.denominator_with or card.numerator}
    rolled = pl.concat([_rolled(book, measure, breakdown) for measure in sorted(measures)])
    places = cells.select("area_code", "level", "period", "is_whole").unique()
    found = rolled.filter(pl.col("category") == NOT_STATED, pl.col("value") != 0).select(CELL).unique()
    return places.join(found, on=["area_code", "period"]).select(cells.columns)


def _days(book: Book, card: Card, breakdown: str) -> pl.DataFrame:
    ended = _rolled(book, card.numerator, breakdown)
    if card.kind == "quantile":
        return _quantiles(ended, card.quantile)
    return _survival(ended, _rolled(book, card.censored, breakdown), card.quantile)


def _survival(ended: pl.DataFrame, still_open: pl.DataFrame, quantile: float) -> pl.DataFrame:
    """Kaplan and Meier: the first day on which the share still open is at most 1 - quantile; null where none is."""
    days = pl.concat(
        [ended.with_columns(pl.col("value").alias("ended")), still_open.with_columns(ended=pl.lit(0, pl.Int64))]
    )
    days = days.group_by(*CELL, "bucket").agg(pl.col("value").sum(), pl.col("ended").sum()).sort(*CELL, "bucket")
    at_risk = pl.col("value").sum().over(CELL) - pl.col("value").cum_sum().over(CELL) + pl.col("value")
    days = days.with_columns((1 - pl.col("ended") / at_risk).alias("kept"))
    days = days.with_columns(pl.col("kept").cum_prod().over(CELL).alias("still_open"))
    reached = pl.col("bucket").filter(pl.col("still_open") <= 1 - quantile + ROUNDING)
    return days.group_by(CELL).agg(
        pl.lit(None, pl.Int64).alias("numerator"),
        pl.col("value").sum().alias("denominator"),
        reached.min().cast(pl.Float64).alias("value"),
    )


def _quantiles(histogram: pl.DataFrame, quantile: float) -> pl.DataFrame:
    """The quantile between the two middle days by linear interpolation (for the median: their mean)."""
    rank = (pl.col("cases") - 1) * quantile
    ordered = histogram.sort(*CELL, "bucket").with_columns(
        pl.col("value").cum_sum().over(CELL).alias("up_to"), pl.col("value").sum().over(CELL).alias("cases")
    )
    lower = pl.col("bucket").filter(pl.col("up_to") > rank.floor()).min()
    upper = pl.col("bucket").filter(pl.col("up_to") > rank.ceil()).min()
    days = ordered.group_by(CELL).agg(
        pl.col("cases").first().alias("denominator"),
        lower.alias("lower"),
        upper.alias("upper"),
        (rank - rank.floor()).first().alias("between"),
    )
    value = pl.col("lower") + (pl.col("upper") - pl.col("lower")) * pl.col("between")
    return days.select(*CELL, pl.lit(None, pl.Int64).alias("numerator"), "denominator", value.alias("value"))


def _compared(counted: pl.DataFrame, book: Book) -> pl.DataFrame:
    order = book.periods.select("period", "year_before", "period_before").unique()
    compared = counted.join(order, on="period")
    for before in ("year_before", "period_before"):
        earlier = counted.select(
            "area_code",
            "category",
            pl.col("period").alias(before),
            pl.col("value").alias(f"value_{before}"),
            pl.col("is_whole").alias(f"is_whole_{before}"),
        )
        compared = compared.join(earlier, on=["area_code", "category", before], how="left")
    return compared.drop("year_before", "period_before")
