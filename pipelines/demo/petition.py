"""Rows of 信访件明细, one a petition matter."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from pipelines.demo.districts import Place
from pipelines.demo.drawing import (
    Block,
    Days,
    Mask,
    area_texts,
    codes,
    dates,
    given,
    instants,
    numbered,
    office_seconds,
    townships,
    updated,
)
from pipelines.demo.people import addresses, id_numbers, names, parties, phones, picked, query_codes, staff

FORMS = {"letter": 9, "visit": 26, "online": 50, "call": 15}
ROUTES = {
    "litigation": 7,
    "arbitration": 2,
    "party_appeal": 1,
    "administrative_procedure": 6,
    "duty_reply": 14,
    "petition_opinion": 70,
}
SUBJECTS = ("010200", "020300", "030100", "040500", "050100", "060200", "070100", "990000")
PERIOD, EXTENSION = 60, 30  # natural days: 信访工作条例第34条
DRAGGING = 100  # days after which a matter may be put on the list of old ones
OFFICE = {"satisfied": 88, "fairly_satisfied": 9, "dissatisfied": 3}
UNIT = {"satisfied": 80, "fairly_satisfied": 13, "dissatisfied": 7}


@dataclass(frozen=True)
class Backlog:
    """What is fixed about old matters (积案) beforehand: the day each is concluded, and that their route has no clock."""

    concluded: Days
    route: str


def rows(block: Block, city: str, *, backlog: Backlog | None = None, lists_backlog: bool = True) -> pl.DataFrame:
    """Matters of a block, one row a matter, columns as in the contract (typed).

    `city`: 6-digit code of the city whose office registers a part of them. `backlog`: the block is nothing else.
    `lists_backlog`: whether a matter that drags on may be put on the list of old ones.
    """
    n, rng, place, registered = block.size, block.rng, block.place, block.days
    where = townships(rng, place, n, 0.01)
    digits = np.where(where < 0, 6, np.where(rng.random(n) < 0.08, 12, 9))
    form = codes(rng, FORMS, n)
    collective = (form == "visit").to_numpy() & (rng.random(n) < 0.07)
    persons = np.where(collective, rng.integers(5, 40, n), 1 + (rng.random(n) < 0.14) * rng.integers(1, 4, n))
    frame = pl.DataFrame({
        "matter_number": numbered(f"XF{place.code}{block.year}{{}}", block.first_number, n),
        "system_area": pl.Series([place.code], dtype=pl.String).new_from_index(0, n),
        "petition_on": dates(registered - rng.integers(0, 4, n)),
        "registered_on": instants(registered, office_seconds(rng, n)),
        "petition_form": form,
        "persons": persons,
        "persons_involved": persons + rng.poisson(1.5, n),
        "registration_area_code": picked((place.code, city), (rng.random(n) < 0.18).astype(np.int64)),
        "registering_body": pl.Series([f"{place.name}信访局"], dtype=pl.String).new_from_index(0, n),
        "area_code": area_texts(where, place, digits),
        "subject": picked(SUBJECTS, rng.integers(0, len(SUBJECTS), n)),
        **_marks(first := codes(rng, {"first": 82, "repeat": 18}, n)),
        "is_collective": collective,
        "is_step_by_step": given(pl.Series(rng.random(n) < 0.95), (form == "visit").to_numpy()),
    })  # fmt: skip
    course = _drawn(rng, registered, block.cutoff)
    if backlog is not None:
        course = replace(course, concluded=backlog.concluded, rated=backlog.concluded + 5)
    return frame.with_columns(
        *_stages(course, _route(rng, n, backlog), block.cutoff),
        *_later(course, rng, registered, block.cutoff, (first == "first").to_numpy()),
        *_listed(course, rng, registered, block.cutoff, collective, backlog is not None, lists_backlog),
        *_people(rng, place, n),
    )


@dataclass(frozen=True)
class Course:
    """Days of a block's matters, whether or not the cutoff comes first. `rated`: when it was rated, if it was."""

    exchanged: Days
    accepted: Days
    informed: Days
    due: Days
    extended: Mask
    concluded: Days
    rated: Days

    @property
    def deadline(self) -> Days:
        return self.due + EXTENSION * self.extended


def _drawn(rng: np.random.Generator, registered: Days, cutoff: int) -> Course:
    """Acceptance, deadline, conclusion: 3 in 100 miss the deadline of 60 days, 4 in 100 had it extended by 30."""
    n = len(registered)
    slow = rng.random(n) < 0.01
    exchanged = registered + np.where(slow, rng.integers(16, 22, n), rng.integers(0, 5, n))
    accepted = np.maximum(exchanged, registered + np.minimum(rng.poisson(5, n), 14))
    informed = accepted + rng.integers(0, 4, n)
    extended = (rng.random(n) < 0.04) & (accepted + 50 <= cutoff)
    due = accepted + PERIOD
    deadline = due + EXTENSION * extended
    usual = 1 + rng.gamma(3.0, 9.5, n).astype(np.int64)
    in_time = np.minimum(accepted + usual, deadline - rng.integers(0, 3, n))
    late = rng.random(n) < 0.03
    concluded = np.where(late, deadline + 1 + rng.gamma(1.3, 25, n).astype(np.int64), in_time)
    concluded = np.where(extended & ~late, np.maximum(concluded, due + rng.integers(1, EXTENSION, n)), concluded)
    return Course(exchanged, accepted, informed, due, extended, concluded, rated=concluded + rng.integers(0, 15, n))


def _route(rng: np.random.Generator, count: int, backlog: Backlog | None) -> pl.Series:
    return codes(rng, ROUTES if backlog is None else {backlog.route: 1}, count)


def _marks(first: pl.Series) -> dict[str, pl.Series]:
    """The three marks of first and repeat, which in this demo agree."""
    return {
        "first_or_repeat": first,
        "is_first_here": first == "first",
        "is_first_nationwide": first == "first",
        "is_marked_repeat": first == "repeat",
    }


def _stages(course: Course, route: pl.Series, cutoff: int) -> list[pl.Series]:
    """What is known at the cutoff of how the matter went through the office."""
    is_accepted, is_done = course.accepted <= cutoff, course.concluded <= cutoff
    return [
        dates(course.exchanged, course.exchanged <= cutoff).alias("exchanged_on"),
        dates(course.accepted, is_accepted).alias("accepted_on"),
        dates(course.informed, course.informed <= cutoff).alias("informed_on"),
        dates(course.due, is_accepted).alias("due_on"),
        pl.Series("is_extended", course.extended),
        dates(course.deadline, course.extended).alias("extended_to"),
        dates(course.concluded, is_done).alias("concluded_on"),
        pl.Series("is_marked_concluded", is_done),
        given(route, is_accepted).alias("route"),
    ]


def _later(course: Course, rng: np.random.Generator, registered: Days, cutoff: int, is_first: Mask) -> list[pl.Series]:
    """Rating and review: first matters are to be rated once they are concluded, four in five are."""
    n = len(registered)
    is_done = course.concluded <= cutoff
    rated = is_done & is_first & (rng.random(n) < 0.81) & (course.rated <= cutoff)
    reviewed = is_done & (rng.random(n) < 0.03)
    known = (
        course.exchanged,
        course.accepted,
        course.informed,
        course.concluded,
        np.where(rated, course.rated, registered),
    )
    events = [registered, *(np.where(day <= cutoff, day, registered) for day in known)]
    columns = [
        dates(course.rated, rated).alias("rated_on"),
        pl.Series("is_reviewed", reviewed),
        pl.Series("is_reviewed_again", reviewed & (rng.random(n) < 0.3)),
        updated(rng, events, cutoff).alias("updated_at"),
    ]
    for column, satisfaction in (("satisfaction_with_office", OFFICE), ("satisfaction_with_unit", UNIT)):
        said = pl.when(pl.Series(rated)).then(codes(rng, satisfaction, n)).otherwise(pl.lit("not_rated"))
        columns.append(given(pl.select(said).to_series(), is_done & is_first).alias(column))
    return columns


def _listed(
    course: Course,
    rng: np.random.Generator,
    registered: Days,
    cutoff: int,
    collective: Mask,
    is_backlog: bool,
    lists_backlog: bool,
) -> list[pl.Series]:
    """Old matters, and which matters a leader took up (领导包案): most old ones, some collective ones."""
    n = len(registered)
    drags_on = np.minimum(course.concluded, cutoff) - registered > DRAGGING
    old = np.full(n, is_backlog) | (drags_on & (rng.random(n) < 0.85) & lists_backlog)
    taken_up = (old & (rng.random(n) < 0.6)) | (collective & (rng.random(n) < 0.2))
    return [pl.Series("is_backlog", old), pl.Series("is_taken_up_by_leader", taken_up)]


def _people(rng: np.random.Generator, place: Place, n: int) -> list[pl.Series]:
    petitioner, accused = parties(rng, n), parties(rng, n)
    accused_name = names(accused)
    who = names(petitioner), id_numbers(petitioner), addresses(petitioner), phones(petitioner)
    said = pl.select(pl.format("{}（身份证{}），住{},电话{}，反映{}处理不当。", *who, accused_name).alias("summary"))
    return [
        query_codes(petitioner).alias("query_code"),
        names(staff(rng, int(place.code) + 11, n)).alias("registrar"),
        names(staff(rng, int(place.code) + 13, n, 3)).alias("addressee"),
        said["summary"],
        given(accused_name, rng.random(n) < 0.6).alias("accused_name"),
    ]
