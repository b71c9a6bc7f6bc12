"""Periods: 2025, 2025-H1, 2025-Q3, 2025-10, the cumulative 2025-01..2025-10, and (internal) any range of months."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pipelines.settings import UserError

YEARS = range(1900, 2101)  # what lies outside is a slip of the pen, not a date
_SPANS = {"H1": (1, 6), "H2": (7, 12)} | {f"Q{q}": (3 * q - 2, 3 * q) for q in range(1, 5)}


def months_of(period: str) -> tuple[str, str]:
    """First and last month (YYYY-MM) of a period. Raises `UserError` when it is none."""
    start, _, end = period.partition("..")
    year, _, part = start.partition("-")
    if end and _is_month(start) and _is_month(end) and start <= end:
        return start, end
    if not end and _is_year(year):
        if not part:
            return f"{year}-01", f"{year}-12"
        if part in _SPANS:
            return f"{year}-{_SPANS[part][0]:02d}", f"{year}-{_SPANS[part][1]:02d}"
        if _is_month(start):
            return start, start
    raise UserError(
        f"{period} is not a period. Write 2025, 2025-H1, 2025-Q3, 2025-10 or a range like 2025-01..2025-10."
    )


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and int(text) in YEARS


def _is_month(text: str) -> bool:
    return text[4:5] == "-" and _is_year(text[:4]) and text[5:] in {f"{m:02d}" for m in range(1, 13)}


def month_start(month: str) -> date:
    return date(int(month[:4]), int(month[5:7]), 1)


def range_table(period: str) -> pl.DataFrame:
    """A range of months, the same range a year before, and the months just before it, in the columns of `period_table`."""
    first, last = (month_start(month) for month in months_of(period))
    length = (last.year - first.year) * 12 + last.month - first.month + 1
    year_before, period_before = _shifted(first, last, 12), _shifted(first, last, length)
    rows = [(period, "range", first, last, _named(*year_before), _named(*period_before))]
    rows += [
        (_named(*span), "range", *span, None, None)
        for span in dict.fromkeys((year_before, period_before))
        if _named(*span) != period
    ]
    return pl.DataFrame(rows, schema=PERIODS, orient="row")


def _shifted(first: date, last: date, months: int) -> tuple[date, date]:
    def back(day: date) -> date:
        count = day.year * 12 + day.month - 1 - months
        return date(count // 12, count % 12 + 1, 1)

    return back(first), back(last)


def _named(first: date, last: date) -> str:
    return f"{first:%Y-%m}..{last:%Y-%m}"


PERIODS = {
    "period": pl.String,
    "period_kind": pl.String,
    "first_month": pl.Date,
    "last_month": pl.Date,
    "year_before": pl.String,
    "period_before": pl.String,
}


def period_table(calendar: list[date]) -> pl.DataFrame:
    """Standard periods that end within a calendar of months, one row a period: the columns of `PERIODS`.

    Which periods a period is compared to stands in `year_before` and `period_before`.
    """
    rows = [row for year in range(calendar[0].year, calendar[-1].year + 1) for row in _periods_of(year)]
    within = [row for row in rows if calendar[0] <= row[3] <= calendar[-1]]
    return pl.DataFrame(within, schema=PERIODS, orient="row").sort("period")


def months_in(periods: pl.DataFrame) -> pl.DataFrame:
    """One row a period and month: period, period_kind, month, is_first, is_last; all months of a period, reported or not."""
    months = pl.date_ranges("first_month", "last_month", "1mo")
    long = periods.with_columns(months.alias("month")).explode("month")
    first, last = pl.col("month") == pl.col("first_month"), pl.col("month") == pl.col("last_month")
    return long.select("period", "period_kind", "month", first.alias("is_first"), last.alias("is_last"))


def _periods_of(year: int) -> Iterator[tuple[str, str, date, date, str, str | None]]:
    def span(first: int, last: int) -> tuple[date, date]:
        return date(year, first, 1), date(year, last, 1)

    before = year - 1
    for m in range(1, 13):
        earlier = f"{before}-12" if m == 1 else f"{year}-{m - 1:02d}"
        yield f"{year}-{m:02d}", "month", *span(m, m), f"{before}-{m:02d}", earlier
        yield f"{year}-01..{year}-{m:02d}", "year_to_date", *span(1, m), f"{before}-01..{before}-{m:02d}", None
    for q in range(1, 5):
        earlier = f"{before}-Q4" if q == 1 else f"{year}-Q{q - 1}"
        yield f"{year}-Q{q}", "quarter", *span(3 * q - 2, 3 * q), f"{before}-Q{q}", earlier
    for h in (1, 2):
        yield (
            f"{year}-H{h}",
            "half_year",
            *span(6 * h - 5, 6 * h),
            f"{before}-H{h}",
            f"{before}-H2" if h == 1 else f"{year}-H1",
        )
    yield f"{year}", "year", *span(1, 12), f"{before}", f"{before}"
