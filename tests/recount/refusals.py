"""What each refusing rule of the contracts says of a row, in our own words: true where the row cannot be."""

from __future__ import annotations

import polars as pl

from .declared import Contract


def is_refused(contract: Contract) -> pl.Expr:
    """Whether a typed row (with `is_unreadable`) stays out."""
    return pl.any_horizontal(
        pl.col("is_unreadable"), *(_refusal(rule, contract).fill_null(False) for rule in contract.refusals)
    )


def _refusal(rule: str, contract: Contract) -> pl.Expr:
    if rule == "negative_number":
        numbers = (c.name for c in contract.columns if c.type == "integer" or (c.type == "money" and c.item))
        return pl.any_horizontal(pl.col(name) < 0 for name in numbers)
    if rule in PARTS:
        return _parts_differ(contract, *PARTS[rule])
    return REFUSALS[rule]


def _updated_before(dated: str) -> pl.Expr:
    return pl.col(dated) > pl.col("updated_at").cast(pl.Date)


def _more(part: str, whole: str) -> pl.Expr:
    return pl.col(part) > pl.col(whole)


def _sum(*names: str) -> pl.Expr:
    return pl.sum_horizontal(*names)


def _parts_differ(contract: Contract, item: str, whole: str) -> pl.Expr:
    """The parts of an item, where any of them is given, do not make the whole."""
    parts = [column.name for column in contract.columns if column.item == item and column.category != "total"]
    given = pl.any_horizontal(pl.col(name).is_not_null() for name in parts)
    return given & (pl.sum_horizontal(parts) != pl.col(whole).fill_null(0))


# rule → the item whose parts must make the column
PARTS = {
    "received_parts": ("received", "received"),
    "closing_parts": ("closing", "closing"),
    "level_parts": ("closing_by_level", "closing"),
    "terminated_parts": ("terminated_by_cause", "terminated"),
    "dispute_type_parts": ("accepted_by_dispute_type", "accepted"),
    "committee_parts": ("accepted_by_committee_type", "accepted"),
    "source_parts": ("accepted_by_source", "accepted"),
    "referral_parts": ("accepted_by_referral", "source_referral"),
    "event_type_parts": ("found_by_event_type", "found"),
    "tier_parts": ("resolved_by_tier", "resolved"),
    "matters_parts": ("matters", "matters"),
    "persons_parts": ("persons", "persons"),
    "proposals_parts": ("proposals", "proposals"),
    "proposals_adopted_parts": ("proposals_adopted", "proposals_adopted"),
    "first_repeat_parts": ("matters_by_first_or_repeat", "matters"),
}
DECIDED = pl.col("decision").is_not_null() | pl.col("settled_by").is_not_null()

REFUSALS: dict[str, pl.Expr] = {
    # cases
    "concluded_before_accepted": pl.col("concluded_on") < pl.col("accepted_on"),
    "accepted_after_update": _updated_before("accepted_on"),
    "confirmed_before_requested": pl.col("confirmed_on") < pl.col("confirmation_requested_on"),
    "resolved_before_found": pl.col("resolved_on") < pl.col("found_on"),
    "found_after_update": _updated_before("found_on"),
    "concluded_before_registered": pl.col("concluded_on") < pl.col("registered_on"),
    "registered_after_update": _updated_before("registered_on"),
    "due_before_registered": pl.col("due_on") <= pl.col("registered_on"),
    "extended_before_due": pl.col("extended_to") < pl.col("due_on"),
    "accepted_before_received": pl.col("accepted_on") < pl.col("received_on"),
    "decided_before_accepted": pl.col("concluded_on") < pl.coalesce("accepted_on", "received_on"),
    "answered_before_sent": pl.col("answered_on") < pl.col("sent_on"),
    "decision_without_date": DECIDED & pl.col("concluded_on").is_null(),
    "received_after_update": _updated_before("received_on"),
    "held_after_update": _updated_before("held_on"),
    # organisations and population
    "abolished_before_founded": pl.col("abolished_on") < pl.col("founded_on"),
    "mediators_parts": pl.col("full_time_mediators") + pl.col("part_time_mediators") != pl.col("mediators"),
    "year_out_of_range": ~pl.col("year").is_between(1949, 2100),
    "published_before_the_year": pl.col("published_on").dt.year() < pl.col("year"),
    "no_population": pl.col("residents").is_null() & pl.col("registered_residents").is_null(),
    # forms of community correction and resettlement
    "stock_identity": _sum("opening", "received", "moved_in")
    != _sum("closing", "discharged", "terminated", "moved_out"),
    "psychological_parts": pl.col("psychological_persontimes")
    != pl.col("psychological_tests") + pl.col("psychological_counselling"),
    "more_checked_than_due": _more("checks_done", "checks_due"),
    "more_on_time_than_done": _more("assessment_on_time", "assessment_done"),
    "more_met_than_due": _more("education_met", "education_due"),
    "more_absconded_persons_than_times": _more("absconded_persons", "absconded_times"),
    "more_reoffended_than_on_register": pl.col("reoffended") > _sum("opening", "received", "moved_in"),
    "more_employed_than_employable": _more("employed", "employable"),
    "form_below_the_district": ~pl.col("area_code").str.ends_with("000000"),
    # form of people's mediation
    "open_identity": pl.col("opening") + pl.col("accepted")
    != _sum("agreed", "not_agreed", "withdrawn_or_terminated", "closing"),
    "more_difficult_than_accepted": _more("difficult", "accepted"),
    # form of screening
    "status_parts": pl.col("found") != _sum("resolved", "eased", "to_judicial", "transferred", "pending"),
    # form of petitions
    "more_collective_than_visitors": _more("collective_persons", "persons_visit"),
    "more_collective_visits_than_visits": _more("collective_visits", "matters_visit"),
    "more_informed_than_due": _more("informed_in_time", "acceptance_due"),
    "more_on_time_than_due": _more("concluded_on_time", "conclusion_due"),
    "more_backlog_resolved_than_listed": _more("backlog_resolved", "backlog_opening"),
    "more_not_repeated_than_concluded": _more("not_repeated", "first_concluded"),
    "office_more_satisfied_than_rated": _more("office_satisfied", "office_rated"),
    "office_more_rated_than_to_rate": _more("office_rated", "office_to_rate"),
    "unit_more_satisfied_than_rated": _more("unit_satisfied", "unit_rated"),
    "unit_more_rated_than_to_rate": _more("unit_rated", "unit_to_rate"),
}
