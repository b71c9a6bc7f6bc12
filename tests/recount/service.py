"""Activities of the ledger, in the month they were held."""

from __future__ import annotations

import polars as pl

from .exports import Exports
from .tallies import tally

ROWS = pl.len()
SESSIONS, ATTENDANCES, PERSONS = (pl.col(name).sum() for name in ("activity_sessions", "attendances", "persons_served"))
# measure → type of activity and what is added of it
BY_TYPE = {
    "service_publicity_sessions": ("law_lecture", SESSIONS),
    "service_publicity_attendances": ("law_lecture", ATTENDANCES),
    "service_consultations": ("legal_advice", ATTENDANCES),
    "service_legal_aid_cases": ("legal_aid", ROWS),
    "service_enterprise_check_ups": ("enterprise_check_up", SESSIONS),
    "service_psychology_lectures": ("psychology_lecture", SESSIONS),
    "service_counselling": ("counselling", ATTENDANCES),
    "service_training": ("training", ATTENDANCES),
    "service_relief": ("relief", PERSONS),
    "service_job_placements": ("job_placement", PERSONS),
    "service_plans_made": ("plan_made", ROWS),
    "service_plans_revised": ("plan_revised", ROWS),
    "service_drills": ("drill", SESSIONS),
    "service_messages": ("message", ATTENDANCES),
}


def count(exports: Exports) -> list[pl.DataFrame]:
    """All measures of service_activities."""
    held = exports.rows["service_activities"]
    parts = [
        *tally(held, "service_activities", "held_on"),
        *tally(held, "service_sessions", "held_on", SESSIONS),
        *tally(held, "service_attendances", "held_on", ATTENDANCES),
        *tally(held, "service_persons_served", "held_on", PERSONS),
    ]
    for measure, (kind, added) in BY_TYPE.items():
        parts += tally(held.filter(pl.col("activity_type") == kind), measure, "held_on", added)
    education = held.filter(pl.col("activity_type") == "education")
    under_correction = education.filter(pl.col("audience") == "correction_subject")
    in_aftercare = education.filter(pl.col("audience") == "resettlement")
    return [
        *parts,
        *tally(under_correction, "service_correction_education", "held_on", PERSONS),
        *tally(in_aftercare, "service_aftercare_education", "held_on", ATTENDANCES),
    ]
