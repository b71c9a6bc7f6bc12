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


def period_kind(period: str) -> str:
    """month, quarter, half_year, year, year_to_date (from January) or range. Raises `UserError` when it is no period."""
    first, last = months_of(period)
    if ".." in period:
        return "year_to_date" if first.endswith("-01") and first[:4] == last[:4] else "range"
    part = period.partition("-")[2]
    return {"": "year", "Q": "quarter", "H": "half_year"}.get(part[:1], "month")


def period_after(period: str) -> str:
    """The next period of the same kind; of a cumulative the one that a month longer, or January after December."""
    kind, (first, last) = period_kind(period), (month_start(month) for month in months_of(period))
    length = (last.year - first.year) * 12 + last.month - first.month + 1
    start, end = _later(first, length), _later(last, length)
    if kind == "year_to_date":
        end = _later(last, 1)
        return _named(date(end.year, 1, 1), end)
    part = (
        f"-{period[5]}{(start.month - 1) // length + 1}" if kind in ("quarter", "half_year") else f"-{start.month:02d}"
    )
    return {"year": f"{start.year}", "range": _named(start, end)}.get(kind, f"{start.year}{part}")


def period_ending(kind: str, month: date) -> str | None:
    """The period of a kind (month, quarter, half_year, year) that ends with a month; None where none does."""
    months = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[kind]
    if month.month % months:
        return None
    names = {"month": f"-{month.month:02d}", "quarter": f"-Q{month.month // 3}", "half_year": f"-H{month.month // 6}"}
    return f"{month.year}{names.get(kind, '')}"


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
    return _later(first, -months), _later(last, -months)


def _later(month: date, months: int) -> date:
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


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
