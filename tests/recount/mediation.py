"""Mediation cases: what is approved counts, and what is pending is not concluded whatever date it bears."""

from __future__ import annotations

from datetime import date

import polars as pl

from .exports import Exports
from .tallies import cohort, cutoff, due_soon, histogram, overdue, span, stock, tallies, tally

USUAL_LIMIT = pl.duration(days=30)


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of mediation_cases."""
    cases = exports.rows["mediation_cases"].filter(pl.col("record_status") == "approved")
    is_pending = pl.col("outcome").fill_null("pending") == "pending"
    cases = cases.with_columns(
        pl.when(pl.col("outcome").ne_missing("pending")).then(pl.col("concluded_on")).alias("concluded_on"),
        (~is_pending & pl.col("concluded_on").is_null()).alias("is_unknown"),
    ).with_columns((pl.col("concluded_on") - pl.col("accepted_on")).dt.total_days().alias("days"))
    concluded = cases.filter(pl.col("concluded_on").is_not_null())
    return [
        *_accepted(cases, concluded),
        *_concluded(concluded),
        *_agreed(concluded.filter(pl.col("outcome") == "agreed")),
        *tally(
            cases.drop_nulls("confirmation_requested_on"),
            "mediation_confirmation_requested",
            "confirmation_requested_on",
        ),
        *cohort(cases.filter(~pl.col("is_unknown")), "mediation", "accepted_on", cutoff(exports)),
        *_open(cases, span(exports, "mediation_cases")),
    ]


def _accepted(cases: pl.DataFrame, concluded: pl.DataFrame) -> list[pl.DataFrame]:
    agreed_soon = concluded.filter(pl.col("outcome") == "agreed", pl.col("days").is_between(0, 60))
    return [
        *tally(cases, "mediation_accepted", "accepted_on"),
        *tally(cases.filter("is_difficult"), "mediation_difficult", "accepted_on"),
        *tally(cases.filter("is_unknown"), "mediation_days_unknown", "accepted_on"),
        *tally(agreed_soon, "mediation_agreed_within_60_days", "accepted_on"),
    ]


def _concluded(concluded: pl.DataFrame) -> list[pl.DataFrame]:
    chosen = {
        "mediation_concluded": pl.lit(True),
        "mediation_within_30_days": pl.col("days").is_between(0, 30),
        "mediation_not_agreed": pl.col("outcome") == "not_agreed",
        "mediation_withdrawn_or_terminated": pl.col("outcome").is_in(["withdrawn", "terminated"]),
        "mediation_escalation_prevented": pl.col("has_prevented_escalation"),
        "mediation_group_incident_prevented": pl.col("has_prevented_group_incident"),
    }
    parts = tallies(concluded, chosen, "concluded_on")
    return [*parts, histogram(concluded, "mediation_days_to_conclude", "concluded_on", pl.col("days"))]


def _agreed(agreed: pl.DataFrame) -> list[pl.DataFrame]:
    is_written = pl.col("agreement_form") == "written"
    chosen = {
        "mediation_agreed": pl.lit(True),
        "mediation_written": is_written,
        "mediation_confirmed": is_written & (pl.col("confirmation_result") == "confirmed"),
        "mediation_agreed_in_village": pl.col("tier").is_in(["grid", "village"]),
        "mediation_agreed_in_township": pl.col("tier").is_in(["grid", "village", "township"]),
        "mediation_reopened": pl.col("is_reopened"),
    }
    parts = tallies(agreed, chosen, "concluded_on")
    parts += tally(agreed, "mediation_agreement_amount", "concluded_on", pl.col("agreement_amount").sum())
    due = agreed.filter(pl.col("perform_by").is_not_null(), pl.col("performance").ne_missing("not_due"))
    performed = {
        "mediation_performance_due": pl.lit(True),
        "mediation_performed": pl.col("performance") == "performed",
        "mediation_partly_performed": pl.col("performance") == "partly",
    }
    return parts + tallies(due, performed, "perform_by")


def _open(cases: pl.DataFrame, months: tuple[date, date]) -> list[pl.DataFrame]:
    accepted, concluded = pl.col("accepted_on"), pl.col("concluded_on")
    limit = pl.coalesce("extended_to", accepted + USUAL_LIMIT)
    return [
        stock(cases, "mediation_open", accepted, concluded, months),
        stock(cases, "mediation_overdue", *overdue(accepted, concluded, limit), months),
        stock(cases, "mediation_soon_overdue", *due_soon(accepted, concluded, limit), months),
    ]
