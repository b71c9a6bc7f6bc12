"""Measures → figures: added over areas and months first, divided once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from . import declared
from .declared import Card
from .measures import NOT_STATED

CELL = ["area_code", "period", "category"]
DISTRICT_TABLES = ("correction_monthly",)
CUMULATIVE = ".."
PERCENT = 100.0


@dataclass(frozen=True)
class Book:
    """What figures are computed from.

    `measures`: area_code (any level), month, measure, breakdown, category, bucket, value.
    `places`: table_name, area_code (any level), level, period, has_last, is_whole: where something was reported in the
    period, whether in its last month, and whether by everybody in all of its months.
    `periods`: period, month, is_last (the period's last month with data), year_before, period_before.
    """

    measures: pl.DataFrame
    places: pl.DataFrame
    periods: pl.DataFrame


def open_book(measures: pl.DataFrame, coverage: pl.DataFrame) -> Book:
    """Add leaf measures up the areas, carry senders' coverage up and down the areas, lay out the periods."""
    ancestors = declared.ancestors()
    rolled = (
        measures.join(ancestors, on="area_code")
        .group_by(pl.col("ancestor_code").alias("area_code"), "month", "measure", "breakdown", "category", "bucket")
        .agg(pl.col("value").sum())
    )
    sent = coverage.with_columns(pl.col("area_code").alias("sender_area"))
    below = sent.rename({"area_code": "ancestor_code"}).join(ancestors, on="ancestor_code")
    above = sent.join(ancestors, on="area_code").with_columns(pl.col("ancestor_code").alias("area_code"))
    columns = ["table_name", "area_code", "sender_area", "month"]
    reported = pl.concat([part.select(columns) for part in (below, above)]).unique()
    first, last = reported["month"].min(), reported["month"].max()
    assert isinstance(first, date) and isinstance(last, date)
    laid = periods(first, last)
    senders = reported.group_by("table_name", "area_code").agg(pl.col("sender_area").n_unique().alias("senders"))
    places = (
        reported.join(laid, on="month")
        .group_by("table_name", "area_code", "period")
        .agg(pl.col("is_last").any().alias("has_last"), pl.len().alias("months"))
        .join(senders, on=["table_name", "area_code"])
        .with_columns(
            (
                pl.col("months") == pl.col("senders") * pl.col("period").map_elements(length, return_dtype=pl.Int64)
            ).alias("is_whole")
        )
        .drop("months", "senders")
    )
    places = places.join(declared.areas().drop("parent_code"), on="area_code")
    # Of townships the release holds no cumulatives; they are computed on request.
    is_held = (pl.col("level") != "township") | ~pl.col("period").str.contains(CUMULATIVE, literal=True)
    return Book(rolled, places.filter(is_held), laid)


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
        (pl.col("month") == pl.col("month").max().over("period")).alias("is_last"),
        pl.col("period").map_elements(a_year_before, return_dtype=pl.String).alias("year_before"),
        pl.col("period").map_elements(one_before, return_dtype=pl.String, skip_nulls=False).alias("period_before"),
    )


def length(period: str) -> int:
    """Months from its first to its last: 2025-Q3 → 3; 2025-01..2025-10 → 10."""
    if ".." in period:
        return int(period[-2:])
    return 12 if len(period) == 4 else {"Q": 3, "H": 6}.get(period[5], 1)


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
    (null where it divides by 0), is_whole, and value and is_whole of the year and of the period before.

    A row stands where the area has reported in the period (of a stock: in its last month)."""
    numerator = _rolled(book, card.numerator, breakdown)
    cells = _cells(book, card, breakdown)
    if breakdown != "total":
        cells = pl.concat([cells, _not_stated(book, card, breakdown, cells)])
    if card.kind == "quantile":
        counted = cells.join(_quantiles(numerator, card.quantile), on=CELL, how="left")
        counted = counted.with_columns(pl.col("denominator").fill_null(0))
    else:
        counted = cells.join(_added(numerator, CELL, "numerator"), on=CELL, how="left")
        counted = counted.with_columns(pl.col("numerator").fill_null(0))
        if card.denominator:
            shared = ["area_code", "period"] if card.kind == "share" else CELL
            whole = _rolled(book, card.denominator, "total" if card.kind == "share" else breakdown)
            counted = counted.join(_added(whole, shared, "denominator"), on=shared, how="left")
            counted = counted.with_columns(pl.col("denominator").fill_null(0)).with_columns(_quotient(card))
        else:
            counted = counted.with_columns(
                pl.lit(None, pl.Int64).alias("denominator"), pl.col("numerator").cast(pl.Float64).alias("value")
            )
    return _compared(counted.with_columns(pl.col("is_whole") & _is_mature(card, book)), book)


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


def _quotient(card: Card) -> pl.Expr:
    unit = PERCENT if card.unit == "percent" else 1.0
    divided = pl.col("numerator").cast(pl.Float64) * unit / pl.col("denominator")
    return pl.when(pl.col("denominator") != 0).then(divided).alias("value")


def _rolled(book: Book, measure: str, breakdown: str) -> pl.DataFrame:
    """area_code, period, category, bucket, value: months added, or of a stock the period's last month taken."""
    months = book.periods
    if declared.measures()[measure].over_time == "last":
        months = months.filter("is_last")
    chosen = book.measures.filter(pl.col("measure") == measure, pl.col("breakdown") == breakdown)
    # Periods are added one kind at a time: a histogram of a million cases by day would not fit at once.
    parts: list[pl.DataFrame] = []
    for length in months["period"].str.len_bytes().unique():
        kind = months.filter(pl.col("period").str.len_bytes() == length).select("period", "month")
        added = chosen.join(kind, on="month").group_by(*CELL, "bucket").agg(pl.col("value").sum())
        parts.append(added)
    return pl.concat(parts)


def _added(rolled: pl.DataFrame, by: list[str], name: str) -> pl.DataFrame:
    return rolled.group_by(by).agg(pl.col("value").sum().alias(name))


def _cells(book: Book, card: Card, breakdown: str) -> pl.DataFrame:
    """Areas that have reported × periods × the categories of the code list, found or not."""
    measure = declared.measures()[card.numerator]
    table = measure.table
    is_stock = measure.over_time == "last"
    places = book.places.filter(pl.col("table_name") == table, pl.col("has_last") | pl.lit(not is_stock))
    places = places.drop("table_name", "has_last")
    if breakdown != "total" or table in DISTRICT_TABLES:
        places = places.filter(pl.col("level") != "township")
    if breakdown == "total":
        return places.with_columns(pl.lit("total").alias("category"))
    return places.join(pl.DataFrame({"category": sorted(set(declared.codes(breakdown).values()))}), how="cross")


def _not_stated(book: Book, card: Card, breakdown: str, cells: pl.DataFrame) -> pl.DataFrame:
    """Cells of the cases that state no category: only where there are such cases."""
    measures = {card.numerator, card.denominator or card.numerator}
    rolled = pl.concat([_rolled(book, measure, breakdown) for measure in sorted(measures)])
    places = cells.select("area_code", "level", "period", "is_whole").unique()
    found = rolled.filter(pl.col("category") == NOT_STATED, pl.col("value") != 0).select(CELL).unique()
    return places.join(found, on=["area_code", "period"]).select(cells.columns)


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
