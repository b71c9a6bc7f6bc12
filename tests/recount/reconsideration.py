"""Applications for administrative reconsideration, counted at their district."""

from __future__ import annotations

import polars as pl

from .exports import Exports, at_district
from .tallies import span, stock, tallies, tally
from .working_days import working_days

TO_EXAMINE = 5  # working days


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of reconsideration_cases."""
    is_refused = (pl.col("decision") == "not_accepted").fill_null(False)
    cases = exports.rows["reconsideration_cases"].with_columns(
        at_district(pl.col("area_code")).alias("leaf"),
        pl.col("decision").alias("reconsideration_decision"),
        pl.col("settled_by").alias("reconsideration_settlement"),
        pl.coalesce("accepted_on", pl.when(is_refused).then(pl.col("concluded_on"))).alias("examined_on"),
        _last_day().alias("deadline"),
        is_refused.alias("is_refused"),
    )
    accepted, due = cases.drop_nulls("accepted_on"), cases.drop_nulls("deadline")
    months = span(exports, "reconsideration_cases")
    return [
        *tally(cases, "reconsideration_received", "received_on"),
        *tally(accepted, "reconsideration_accepted", "accepted_on"),
        *_examined(cases.drop_nulls("examined_on")),
        *_concluded(cases.drop_nulls("concluded_on").filter(~pl.col("is_refused"))),
        *tally(due, "reconsideration_due", "deadline"),
        *tally(due.filter(pl.col("concluded_on") <= pl.col("deadline")), "reconsideration_on_time", "deadline"),
        stock(accepted, "reconsideration_open", pl.col("accepted_on"), pl.col("concluded_on"), months),
    ]


def _last_day() -> pl.Expr:
    accepted, procedure = pl.col("accepted_on"), pl.col("procedure")
    ordinary = pl.coalesce("extended_to", accepted + pl.duration(days=60))
    of_procedure = pl.when(procedure == "ordinary").then(ordinary)
    of_procedure = of_procedure.when(procedure == "summary").then(accepted + pl.duration(days=30))
    return pl.when(accepted.is_not_null()).then(of_procedure)


def _examined(examined: pl.DataFrame) -> list[pl.DataFrame]:
    for dated in ("received_on", "examined_on"):
        examined = examined.join(
            working_days().rename({"day": dated, "number": f"{dated}_number"}), on=dated, how="left"
        )
    taken = pl.col("examined_on_number") - pl.col("received_on_number")
    chosen = {
        "reconsideration_examined": pl.lit(True),
        "reconsideration_examined_in_known_time": taken.is_not_null(),
        "reconsideration_examined_in_time": taken <= TO_EXAMINE,
    }
    return tallies(examined, chosen, "examined_on")


def _concluded(concluded: pl.DataFrame) -> list[pl.DataFrame]:
    sued, petitioned = pl.col("has_later_litigation"), pl.col("has_later_petition")
    chosen = {
        "reconsideration_concluded": pl.lit(True),
        "reconsideration_settled": pl.col("settled_by").is_not_null(),
        "reconsideration_corrected": pl.col("decision").is_in(["revoked", "modified", "unlawful"]),
        "reconsideration_followed_up": sued.is_not_null() & petitioned.is_not_null(),
        "reconsideration_without_later_dispute": ~sued & ~petitioned,
    }
    return tallies(concluded, chosen, "concluded_on")
