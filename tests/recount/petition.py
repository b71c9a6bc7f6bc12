"""Petition matters: every row counts, at the place of the matter unless said."""

from __future__ import annotations

from datetime import date

import polars as pl

from .exports import Exports, at_district
from .tallies import cohort, cutoff, due_soon, histogram, overdue, span, stock, tallies, tally

FORTNIGHT = pl.duration(days=15)
RATED = ["satisfied", "fairly_satisfied", "dissatisfied"]
CONTENT = ["satisfied", "fairly_satisfied"]


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of petition_matters."""
    matters = exports.rows["petition_matters"].with_columns(
        pl.col("route").alias("petition_route"),
        pl.coalesce("extended_to", "due_on").alias("deadline"),
        (pl.col("concluded_on") - pl.col("registered_on")).dt.total_days().alias("days"),
        (pl.col("registered_on") + FORTNIGHT).alias("forward_by"),
        (pl.coalesce("exchanged_on", "registered_on") + FORTNIGHT).alias("inform_by"),
    )
    return [
        *_registered(matters),
        *_in_time(matters),
        *_concluded(matters.drop_nulls("concluded_on")),
        *_open(matters, span(exports, "petition_matters")),
        *cohort(matters, "petition", "registered_on", cutoff(exports)),
    ]


def _registered(matters: pl.DataFrame) -> list[pl.DataFrame]:
    is_visit = pl.col("petition_form") == "visit"
    is_led = pl.col("is_taken_up_by_leader")
    chosen = {
        "petition_matters": pl.lit(True),
        "petition_repeat": pl.col("first_or_repeat") == "repeat",
        "petition_online": pl.col("petition_form") == "online",
        "petition_first_here": pl.col("is_first_here"),
        "petition_first_nationwide": pl.col("is_first_nationwide"),
        "petition_collective_visits": is_visit & pl.col("is_collective"),
        "petition_skip_level_visits": is_visit & ~pl.col("is_step_by_step"),
        "petition_taken_up_by_leader": is_led,
        "petition_taken_up_by_leader_concluded": is_led & pl.col("concluded_on").is_not_null(),
        "petition_concluded_within_60_days": pl.col("days") <= 60,
    }
    collective = matters.filter(is_visit & pl.col("is_collective"))
    elsewhere = matters.drop_nulls("registration_area_code").with_columns(
        at_district(pl.col("registration_area_code")).alias("leaf")
    )
    return [
        *tallies(matters, chosen, "registered_on"),
        *tally(matters, "petition_persons", "registered_on", pl.col("persons").sum()),
        *tally(collective, "petition_collective_persons", "registered_on", pl.col("persons").sum()),
        *tally(elsewhere, "petition_matters_by_registration", "registered_on"),
    ]


def _in_time(matters: pl.DataFrame) -> list[pl.DataFrame]:
    """What was due in the month, and what of it was done by then."""
    by_opinion = matters.filter(pl.col("route") == "petition_opinion").drop_nulls("deadline")
    by_offices = matters.filter(pl.col("registering_body_type").ne_missing("department"))
    clocks = [
        (by_opinion, "deadline", "concluded_on", "petition_due", "petition_on_time"),
        (by_offices, "forward_by", "exchanged_on", "petition_forwarding_due", "petition_forwarded_in_time"),
        (matters, "inform_by", "informed_on", "petition_informing_due", "petition_informed_in_time"),
    ]
    parts: list[pl.DataFrame] = []
    for due, limit, done, all_due, in_time in clocks:
        parts += tally(due, all_due, limit)
        parts += tally(due.filter(pl.col(done) <= pl.col(limit)), in_time, limit)
    return parts


def _concluded(concluded: pl.DataFrame) -> list[pl.DataFrame]:
    to_rate = concluded.filter(pl.col("first_or_repeat") == "first")
    rated = {
        "petition_to_rate": pl.lit(True),
        "petition_office_rated": pl.col("satisfaction_with_office").is_in(RATED),
        "petition_satisfied_with_office": pl.col("satisfaction_with_office").is_in(CONTENT),
        "petition_unit_rated": pl.col("satisfaction_with_unit").is_in(RATED),
        "petition_satisfied_with_unit": pl.col("satisfaction_with_unit").is_in(CONTENT),
    }
    return [
        *tally(concluded, "petition_concluded", "concluded_on"),
        histogram(concluded, "petition_days_to_conclude", "concluded_on", pl.col("days")),
        *tallies(to_rate, rated, "concluded_on"),
    ]


def _open(matters: pl.DataFrame, months: tuple[date, date]) -> list[pl.DataFrame]:
    opened, closed, limit = pl.col("registered_on"), pl.col("concluded_on"), pl.col("deadline")
    limited = matters.filter(pl.col("route") == "petition_opinion")
    return [
        stock(matters, "petition_open", opened, closed, months),
        stock(limited, "petition_overdue", *overdue(opened, closed, limit), months),
        stock(limited, "petition_soon_overdue", *due_soon(opened, closed, limit), months),
    ]
