"""The monthly forms that five districts hand in beside their case rows, counted from these as an office counts them.

Most of a form is what the rows say. Where the two differ, they differ as forms do: a case without a township is in no
judicial office's form, a month is told as it stood at its end, refused and draft rows are in neither, and

- 沙市区 in 2024 placed cases in the month they were applied for, not accepted;
- 枝江市 in January to March counts everything that was completed as a success;
- 郧阳区 closes its mediation books two days before the month ends.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from pipelines.catalogue import contracts, senders
from pipelines.demo.districts import Place, first_days
from pipelines.demo.drawing import dates
from pipelines.demo.people import names, staff

# form -> the case table beside it
FORM_OF: Mapping[str, str] = {
    "mediation_monthly": "mediation_cases",
    "screening_monthly": "dispute_screenings",
    "petition_monthly": "petition_matters",
}
SHASHI, ZHIJIANG, YUNYANG = "421002", "420583", "420304"
BOOKS_CLOSE_EARLY = 2  # days
ESCALATED = 0.004  # civil disputes that became criminal cases, a township and month: of these only the office knows
PROPOSALS = {"work": 0.5, "policy": 0.3, "account": 0.1}  # a month: 信访工作条例第40条、第41条
OBSERVED = 180  # days in which a first petition that was concluded may come back
PERIOD = 15  # days within which a petitioner is told: 信访工作条例第22条、第23条

Counts = dict[tuple[str, str], list[pl.DataFrame]]


def is_wanted(table: str, code: str) -> bool:
    """Whether a district hands in a form beside its rows of a case table."""
    owed = {(FORM_OF[s.table], s.area_code[:6]) for s in senders() if s.table in FORM_OF}
    return (table, code) in owed


def counted(table: str, code: str, rows: pl.DataFrame, cutoff: int) -> pl.DataFrame:
    """What some case rows of a district, known up to the cutoff day, add to its form: one row an area and month, the
    form's own columns."""
    match table:
        case "mediation_cases":
            return _mediation(code, rows)
        case "dispute_screenings":
            return _screening(code, rows)
    return _petition(code, rows, cutoff)


def rows(
    form: str,
    place: Place,
    months: Sequence[int],
    year: int,
    counts: Sequence[pl.DataFrame],
    digits: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    """A district's form of a year, one row an area and month, columns as in the contract (typed; amounts in yuan).

    `months`: all months of the demo, so that what is open goes on from the year before. `counts`: from `counted`.
    """
    areas = [area.area_code[:9] for area in place.townships] if form == "mediation_monthly" else [f"{place.code}000000"]
    starts = dates(first_days(np.array(months, dtype=np.int64)))
    grid = pl.DataFrame({"area": areas}).join(pl.DataFrame({"month": starts}), how="cross")
    blank = {column.name: pl.Int64() for column in contracts()[form].columns if column.item}
    empty = pl.DataFrame(schema={"area": pl.String(), "month": pl.Date(), **blank})
    summed = pl.concat([empty, *counts], how="diagonal").group_by("area", "month").sum()
    whole = grid.join(summed, on=["area", "month"], how="left").fill_null(0)
    if form == "mediation_monthly":
        whole = _with_stock(_with_habits(whole, place.code)).with_columns(
            pl.Series("escalated_to_criminal", rng.poisson(ESCALATED, whole.height))
        )
    if form == "petition_monthly":
        whole = whole.with_columns(_only_the_office_knows(whole, rng))
    return _signed(whole.filter(pl.col("month").dt.year() == year), place, rng).with_columns(
        pl.col("area").str.pad_end(digits, "0").alias("area_code")
    )


def _parts(form: str, item: str, value: pl.Expr, among: pl.Expr | None = None) -> list[pl.Expr]:
    """The columns of a breakdown of a form: how many rows have each category, `among` those that count."""
    counting = pl.lit(True) if among is None else among
    columns = [c for c in contracts()[form].columns if c.item == item and c.category != "total"]
    return [(counting & (value == column.category)).sum().alias(column.name) for column in columns]


def _by(area: pl.Expr, day: pl.Expr) -> list[pl.Expr]:
    return [area.alias("area"), day.dt.truncate("1mo").alias("month")]


def _mediation(code: str, rows: pl.DataFrame) -> pl.DataFrame:
    known = rows.filter(pl.col("record_status") == "approved", pl.col("area_code").str.len_chars() > 6)
    early = pl.duration(days=BOOKS_CLOSE_EARLY if code == YUNYANG else 0)
    accepted, concluded, area = pl.col("accepted_on"), pl.col("concluded_on"), pl.col("area_code").str.slice(0, 9)
    if code == SHASHI:
        applied = pl.max_horizontal("applied_on", pl.lit(date(2024, 1, 1)))
        accepted = pl.when(accepted.dt.year() == 2024).then(applied).otherwise(accepted)
    source, outcome, agreed = pl.col("source"), pl.col("outcome"), pl.col("outcome") == "agreed"
    begun = known.group_by(_by(area, accepted + early)).agg(
        pl.len().cast(pl.Int64).alias("accepted"),
        *_parts("mediation_monthly", "accepted_by_dispute_type", pl.col("dispute_type")),
        *_parts("mediation_monthly", "accepted_by_committee_type", pl.col("committee_type")),
        *_parts("mediation_monthly", "accepted_by_source", source.str.replace("^referral_.*$", "referral")),
        *_parts("mediation_monthly", "accepted_by_referral", source),
        pl.col("persons_involved", "amount").sum(),
        pl.col("is_difficult").sum().alias("difficult"),
    )
    ended = known.filter(concluded.is_not_null()).group_by(_by(area, concluded + early)).agg(
        agreed.sum().alias("agreed"),
        (outcome == "not_agreed").sum().alias("not_agreed"),
        outcome.is_in(["withdrawn", "terminated"]).sum().alias("withdrawn_or_terminated"),
        *_parts("mediation_monthly", "agreements", pl.col("agreement_form")),
        pl.col("has_confirmation_request").sum().alias("confirmation_requested"),
        (pl.col("confirmation_result") == "confirmed").sum().alias("confirmed"),
        (agreed & pl.col("has_prevented_escalation")).sum().alias("escalation_prevented"),
        (agreed & pl.col("has_prevented_group_incident")).sum().alias("group_incident_prevented"),
    )  # fmt: skip
    return _whole_numbers(pl.concat([begun, ended], how="diagonal"))


def _screening(code: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Of the disputes found in a month, what had become of them at its end."""
    found, status = pl.col("found_on"), pl.col("screening_status")
    resolved = (status == "resolved") & (pl.col("resolved_on") <= found.dt.month_end())
    others = {name: status == name for name in ("eased", "to_judicial", "transferred")}
    month = rows.group_by(_by(pl.lit(f"{code}000000"), found)).agg(
        pl.len().cast(pl.Int64).alias("found"),
        resolved.sum().alias("resolved"),
        *(is_so.sum().alias(name) for name, is_so in others.items()),
        (~resolved & ~pl.any_horizontal(*others.values())).sum().alias("pending"),
        *_parts("screening_monthly", "found_by_event_type", pl.col("event_type")),
        *_parts("screening_monthly", "resolved_by_tier", pl.col("tier"), resolved),
    )
    return _whole_numbers(month)


def _petition(code: str, rows: pl.DataFrame, cutoff: int) -> pl.DataFrame:
    whole = pl.lit(f"{code}000000")
    registered = pl.col("registered_on").dt.date()
    known = rows.with_columns(registered.alias("registered"), pl.coalesce("extended_to", "due_on").alias("deadline"))
    registered, deadline, concluded = pl.col("registered"), pl.col("deadline"), pl.col("concluded_on")
    form, persons, collective = pl.col("petition_form"), pl.col("persons"), pl.col("is_collective")
    forms = [c for c in contracts()["petition_monthly"].columns if c.item == "persons" and c.category != "total"]
    office, unit = pl.col("satisfaction_with_office"), pl.col("satisfaction_with_unit")
    rated = {f"{who}_rated": said != "not_rated" for who, said in (("office", office), ("unit", unit))}
    satisfied = {
        f"{who}_satisfied": said.is_in(["satisfied", "fairly_satisfied"])
        for who, said in (("office", office), ("unit", unit))
    }
    to_rate = {f"{who}_to_rate": said.is_not_null() for who, said in (("office", office), ("unit", unit))}
    came = known.group_by(_by(whole, registered)).agg(
        pl.len().cast(pl.Int64).alias("matters"),
        *_parts("petition_monthly", "matters", form),
        persons.sum().alias("persons"),
        *(persons.filter(form == column.category).sum().alias(column.name) for column in forms),
        *_parts("petition_monthly", "matters_by_first_or_repeat", pl.col("first_or_repeat")),
        collective.sum().alias("collective_visits"),
        persons.filter(collective).sum().alias("collective_persons"),
        pl.len().cast(pl.Int64).alias("acceptance_due"),
        (pl.col("informed_on") <= registered + pl.duration(days=PERIOD)).sum().alias("informed_in_time"),
    )
    on_clock = known.filter(pl.col("route") == "petition_opinion", deadline.is_not_null())
    fell_due = on_clock.group_by(_by(whole, deadline)).agg(
        pl.len().cast(pl.Int64).alias("conclusion_due"),
        (concluded <= deadline).sum().alias("concluded_on_time"),
    )
    observed = known.filter(concluded.is_not_null(), pl.col("first_or_repeat") == "first").group_by(
        _by(whole, concluded + pl.duration(days=OBSERVED))
    ).agg(pl.len().cast(pl.Int64).alias("first_concluded"))  # fmt: skip
    done = known.filter(concluded.is_not_null()).group_by(_by(whole, concluded)).agg(
        pl.col("is_reviewed").sum().alias("reviews"),
        pl.col("is_reviewed_again").sum().alias("second_reviews"),
        *(said.sum().alias(name) for name, said in (rated | satisfied | to_rate).items()),
    )  # fmt: skip
    return _whole_numbers(pl.concat([came, fell_due, observed, done, _old(known, whole, cutoff)], how="diagonal"))


def _only_the_office_knows(form: pl.DataFrame, rng: np.random.Generator) -> list[pl.Series]:
    """What no case row carries: matters supervised, petitions not repeated, proposals made and adopted."""
    n = form.height
    first = form["first_concluded"].to_numpy() if "first_concluded" in form.columns else np.zeros(n, dtype=np.int64)
    made = {kind: rng.poisson(a_month, n) for kind, a_month in PROPOSALS.items()}
    adopted = {kind: rng.binomial(number, 0.8) for kind, number in made.items()}
    return [
        pl.Series("supervised", rng.poisson(1.5, n)),
        pl.Series("not_repeated", rng.binomial(first, 0.965)),
        pl.Series("proposals", sum(made.values(), np.zeros(n, dtype=np.int64))),
        pl.Series("proposals_adopted", sum(adopted.values(), np.zeros(n, dtype=np.int64))),
        *(pl.Series(f"proposals_{kind}", number) for kind, number in made.items()),
        *(pl.Series(f"proposals_adopted_{kind}", number) for kind, number in adopted.items()),
    ]


def _old(known: pl.DataFrame, whole: pl.Expr, cutoff: int) -> pl.DataFrame:
    """Old matters by month: on the list at its beginning, and of these concluded in it."""
    last = pl.coalesce("concluded_on", pl.lit(cutoff, pl.Int32).cast(pl.Date))
    following = pl.col("registered").dt.truncate("1mo").dt.offset_by("1mo")
    listed = (
        known.filter(pl.col("is_backlog"))
        .with_columns(pl.date_ranges(following, last, "1mo").alias("month"))
        .explode("month")
        .drop_nulls("month")
    )
    is_resolved = pl.col("concluded_on").dt.truncate("1mo") == pl.col("month")
    return listed.group_by(_by(whole, pl.col("month"))).agg(
        pl.len().cast(pl.Int64).alias("backlog_opening"), is_resolved.sum().alias("backlog_resolved")
    )


def _whole_numbers(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.with_columns(pl.exclude("area", "month").fill_null(0).cast(pl.Int64))


def _with_habits(form: pl.DataFrame, code: str) -> pl.DataFrame:
    if code != ZHIJIANG:
        return form
    also = pl.when(pl.col("month").dt.month() <= 3).then(pl.col("not_agreed")).otherwise(0)
    return form.with_columns(pl.col("agreed") + also, pl.col("oral") + also, pl.col("not_agreed") - also)


def _with_stock(form: pl.DataFrame) -> pl.DataFrame:
    """The form with what was open before and after; a breakdown of nothing is left blank."""
    concluded = pl.col("agreed") + pl.col("not_agreed") + pl.col("withdrawn_or_terminated")
    closing = (pl.col("accepted") - concluded).cum_sum().over("area", order_by="month")
    blank = {"accepted": ("accepted_by_", pl.col("accepted") > 0), "agreed": ("agreements", pl.col("agreed") > 0)}
    parts = [
        pl.when(is_any).then(pl.col(column.name)).alias(column.name)
        for beginning, is_any in blank.values()
        for column in contracts()["mediation_monthly"].columns
        if (column.item or "").startswith(beginning)
    ]
    opened = pl.col("accepted") - concluded
    return form.with_columns(closing.alias("closing"), (closing - opened).alias("opening"), *parts)


def _signed(form: pl.DataFrame, place: Place, rng: np.random.Generator) -> pl.DataFrame:
    """The form with who filled it, who looked it over and when it went out: by the fourth of the next month."""
    n, office = form.height, int(place.code) + 31
    next_month = pl.col("month").dt.offset_by("1mo") + pl.duration(days=pl.Series(rng.integers(0, 4, n)))
    return form.with_columns(
        names(staff(rng, office, n, 6)).alias("filled_by"),
        names(staff(rng, office + 1, n, 3)).alias("reviewed_by"),
        next_month.alias("reported_on"),
    )
