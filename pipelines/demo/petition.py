"""Rows of 信访件明细, one a petition matter."""

import numpy as np
import polars as pl

from pipelines.demo.districts import Place
from pipelines.demo.drawing import (
    Block,
    Days,
    area_texts,
    codes,
    dates,
    drawn,
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


def rows(block: Block, city: str) -> pl.DataFrame:
    """Matters of a block, one row a matter, columns as in the contract (typed).

    `city`: 6-digit code of the city whose office registers a part of them.
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
        "first_or_repeat": codes(rng, {"first": 82, "repeat": 18}, n),
        "is_collective": collective,
    })  # fmt: skip
    return frame.with_columns(*_course(rng, registered, block.cutoff), *_people(rng, place, n))


def _course(rng: np.random.Generator, registered: Days, cutoff: int) -> list[pl.Series]:
    """Acceptance, deadline, conclusion: 3 in 100 miss the deadline of 60 days, 4 in 100 had it extended by 30."""
    n = len(registered)
    accepted = registered + np.minimum(rng.poisson(5, n), 14)
    informed = accepted + rng.integers(0, 4, n)
    extended = (rng.random(n) < 0.04) & (accepted + 50 <= cutoff)
    due = accepted + PERIOD
    deadline = due + EXTENSION * extended
    usual = 1 + rng.gamma(3.0, 9.5, n).astype(np.int64)
    in_time = np.minimum(accepted + usual, deadline - rng.integers(0, 3, n))
    late = rng.random(n) < 0.03
    concluded = np.where(late, deadline + 1 + rng.gamma(1.3, 25, n).astype(np.int64), in_time)
    concluded = np.where(extended & ~late, np.maximum(concluded, due + rng.integers(1, EXTENSION, n)), concluded)
    is_accepted, is_informed, is_done = accepted <= cutoff, informed <= cutoff, concluded <= cutoff
    events = [registered, np.where(is_accepted, accepted, registered), np.where(is_done, concluded, registered)]
    route = picked(tuple(ROUTES), drawn(rng, ROUTES, n))
    return [
        dates(accepted, is_accepted).alias("accepted_on"),
        dates(informed, is_informed).alias("informed_on"),
        dates(due, is_accepted).alias("due_on"),
        pl.Series("is_extended", extended),
        dates(deadline, extended).alias("extended_to"),
        dates(concluded, is_done).alias("concluded_on"),
        given(route, is_accepted).alias("route"),
        updated(rng, [*events, np.where(is_informed, informed, registered)], cutoff).alias("updated_at"),
    ]


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
