"""Rows of 行政复议案件明细, one an application for reconsideration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.demo.districts import Place
from pipelines.demo.drawing import Block, Days, Mask, codes, dates, drawn, given, numbered, updated
from pipelines.demo.people import names, parties, picked, staff

APPLICATIONS = {
    "penalty": 34,
    "coercion": 3,
    "expropriation": 3,
    "licence": 3,
    "confirmation": 6,
    "information": 10,
    "inaction": 14,
    "agreement": 3,
    "work_injury": 9,
    "complaint": 12,
    "other": 3,
}
FIELDS = {
    "public_security": 36,
    "natural_resources": 9,
    "housing": 8,
    "market_regulation": 17,
    "labour_social_security": 12,
    "transport": 4,
    "urban_management": 5,
    "civil_affairs": 2,
    "environment": 2,
    "agriculture": 2,
    "other": 3,
}
RESPONDENTS = {"township_government": 18, "county_department": 76, "county_government": 2, "authorised": 4}
DECISIONS = {"upheld": 62, "revoked": 9, "modified": 1.5, "unlawful": 4, "perform": 3.5, "dismissed": 20}
SETTLEMENTS = {"mediated": 30, "settled": 22, "withdrawn": 48}
LATER = {"nothing": 86, "litigation": 11, "petition": 3}
ORDINARY, SUMMARY, EXTENSION = 60, 30, 30  # natural days: 行政复议法第62条
NEVER = 1_000_000  # a day that no period reaches


@dataclass(frozen=True)
class Course:
    """Of each application: the district, and what is fixed beforehand. `settled_by`: accepted and concluded by this day,
    or `NEVER`. `later`: what followed (see `LATER`), None where it is drawn."""

    district: NDArray[np.int64]
    settled_by: Days
    later: pl.Series | None = None


def rows(districts: Sequence[Place], block: Block, course: Course) -> pl.DataFrame:
    """Applications to some districts' governments, one row an application, columns as in the contract (typed).

    `block`: the applications and the district that numbers them.
    """
    n, rng, received, cutoff = block.size, block.rng, block.days, block.cutoff
    summary = rng.random(n) < 0.22
    refused = (rng.random(n) < 0.06) & (course.settled_by == NEVER)
    accepted, concluded, extended = _course(rng, received, summary, refused, course.settled_by)
    is_accepted, is_done = ~refused & (accepted <= cutoff), concluded <= cutoff
    known_extended = extended & (accepted + ORDINARY <= cutoff)
    name = picked(tuple(place.name for place in districts), course.district)
    applicant, respondent = names(parties(rng, n)), name + "有关单位"
    handler = names(staff(rng, int(districts[0].code) + 19, n, 40))
    frame = pl.DataFrame({
        "case_number": numbered(f"〔{block.year}〕{block.place.code}复{{}}号", block.first_number, n),
        "area_code": picked(tuple(place.code for place in districts), course.district),
        "body": name + "人民政府",
        "applicant_name": applicant,
        "respondent_name": respondent,
        "handler": handler,
        "request_text": applicant + "请求撤销" + respondent + "作出的决定。",
        "received_on": dates(received),
        "accepted_on": dates(accepted, is_accepted),
        "application_type": codes(rng, APPLICATIONS, n),
        "respondent_type": codes(rng, RESPONDENTS, n),
        "administrative_field": codes(rng, FIELDS, n),
        "procedure": given(picked(("ordinary", "summary"), summary.astype(np.int64)), is_accepted),
        "is_extended": known_extended,
        "extended_to": dates(accepted + ORDINARY + EXTENSION, known_extended),
        "concluded_on": dates(concluded, is_done),
        "updated_at": updated(rng, [received, np.where(is_done, concluded, received)], cutoff),
    })  # fmt: skip
    sent, answered = _exchange(rng, accepted, concluded, summary)
    return frame.with_columns(
        dates(sent, is_accepted & (sent <= cutoff)).alias("sent_on"),
        dates(answered, is_accepted & (answered <= cutoff)).alias("answered_on"),
        *_ending(rng, is_done, refused, course.later),
    )


def _course(
    rng: np.random.Generator, received: Days, summary: Mask, refused: Mask, settled_by: Days
) -> tuple[Days, Days, Mask]:
    """Days of acceptance and of the decision, and which decisions were put off: 15 in 1,000 come late."""
    n = len(received)
    limit = np.where(summary, SUMMARY, ORDINARY)
    extended = ~summary & ~refused & (rng.random(n) < 0.07) & (settled_by == NEVER)
    accepted = received + rng.integers(1, 6, n)
    usual = np.minimum(8 + rng.gamma(4.0, 8.0, n).astype(np.int64), limit - rng.integers(0, 3, n))
    taken = np.where(extended, limit + rng.integers(1, EXTENSION, n), usual)
    taken = np.where(rng.random(n) < 0.015, limit + EXTENSION + rng.integers(1, 20, n), taken)
    concluded = np.where(refused, accepted, accepted + taken)
    return np.minimum(accepted, settled_by), np.minimum(concluded, settled_by), extended


def _exchange(rng: np.random.Generator, accepted: Days, concluded: Days, summary: Mask) -> tuple[Days, Days]:
    """Days on which the respondent got the application and answered it."""
    n = len(accepted)
    sent = np.minimum(accepted + np.where(summary, rng.integers(1, 4, n), rng.integers(1, 8, n)), concluded)
    return sent, np.minimum(sent + np.where(summary, rng.integers(2, 7, n), rng.integers(4, 13, n)), concluded)


def _ending(rng: np.random.Generator, is_done: Mask, refused: Mask, later: pl.Series | None) -> list[pl.Series]:
    """How a case ended and what followed: a mediated one has a document of its own and no decision."""
    n = len(is_done)
    followed = codes(rng, LATER, n) if later is None else later
    settled = is_done & ~refused & (rng.random(n) < 0.31) & (followed == "nothing").to_numpy()
    ways, decisions = codes(rng, SETTLEMENTS, n), picked(tuple(DECISIONS), drawn(rng, DECISIONS, n))
    ended = pl.when(pl.Series(settled)).then(pl.lit("terminated")).otherwise(decisions)
    decision = pl.select(pl.when(pl.Series(refused)).then(pl.lit("not_accepted")).otherwise(ended)).to_series()
    decided = is_done & ~(settled & (ways == "mediated").to_numpy())
    return [
        given(ways, settled).alias("settled_by"),
        given(decision, decided).alias("decision"),
        pl.Series("has_later_litigation", is_done & ~refused & (followed == "litigation").to_numpy()),
        pl.Series("has_later_petition", is_done & ~refused & (followed == "petition").to_numpy()),
    ]
