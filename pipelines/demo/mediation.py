"""Rows of 调解案件明细, one a mediation case."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.demo.districts import Place
from pipelines.demo.drawing import (
    ALWAYS_OPEN,
    Block,
    Days,
    Mask,
    amounts,
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
from pipelines.demo.people import addresses, id_numbers, names, parties, phones, picked, staff

CHANNELS = {
    "court": 8,
    "police": 22,
    "petition": 3,
    "procuratorate": 1,
    "lawyer": 2,
    "hotline": 5,
    "application": 30,
    "screening": 27,
    "other": 2,
}
TYPES = {
    "marriage_family": 19,
    "neighbours": 18,
    "housing_homestead": 5,
    "contract": 7,
    "production_business": 3,
    "damages": 12,
    "forest_land": 6,
    "land_acquisition": 2,
    "pollution": 1,
    "migrant_wages": 4,
    "other_labour": 4,
    "tourism": 0.4,
    "ecommerce": 0.8,
    "other_consumer": 3,
    "medical": 1.3,
    "traffic": 7,
    "property_management": 5,
    "other": 2.5,
}
TIERS = {"grid": 10, "village": 45, "township": 36, "county": 8.2, "city": 0.8}
OUTCOMES = {"not_agreed": 60, "withdrawn": 25, "terminated": 15}
CONFIRMATIONS = {"confirmed": 93, "dismissed": 3, "not_accepted": 2, "withdrawn": 2}
SOURCES = {
    "court": "referral_court", "police": "referral_police", "petition": "referral_petition",
    "procuratorate": "referral_procuratorate", "application": "application", "screening": "initiative",
}  # fmt: skip
BODIES = {
    "referral_court": "人民法院",
    "referral_police": "派出所",
    "referral_petition": "信访局",
    "referral_procuratorate": "人民检察院",
}
REASONS = ("双方分歧较大，{}拒绝让步", "{}未到场，无法继续调解", "{}要求通过诉讼解决")
SUBJECTS = ("通行", "漏水", "欠款", "赡养", "土地边界", "车辆剐蹭", "工钱", "噪音")


@dataclass(frozen=True)
class Course:
    """What is fixed about a block of cases beforehand: everything None in ordinary blocks.

    `settled_by`: every case is concluded by this day. `channel`, `outcome`, `township`: one value a case. `without`: a
    channel by which none came. `approved`: every record is approved.
    """

    settled_by: int | None = None
    channel: pl.Series | None = None
    outcome: pl.Series | None = None
    township: Days | None = None
    without: str | None = None
    approved: bool = False


def rows(block: Block, course: Course) -> pl.DataFrame:
    """Cases of a block, one row a case, columns as in the contract (typed; amounts in yuan)."""
    n, rng, place, accepted, cutoff = block.size, block.rng, block.place, block.days, block.cutoff
    where = townships(rng, place, n, 0.01) if course.township is None else course.township
    channel = codes(rng, {name: share for name, share in CHANNELS.items() if name != course.without}, n)
    channel = channel if course.channel is None else course.channel
    tier = codes(rng, TIERS, n)
    concluded, is_open = _conclusion(rng, accepted, cutoff, course.settled_by)
    outcome = _outcome(rng, place, is_open) if course.outcome is None else course.outcome
    agreed = (outcome == "agreed").to_numpy()
    source = channel.replace_strict(SOURCES, default="referral_other", return_dtype=pl.String)
    persons = 2 + rng.poisson(0.6, n) + np.where(rng.random(n) < 0.02, rng.integers(5, 60, n), 0)
    frame = pl.DataFrame({
        "case_number": numbered(f"〔{block.year}〕{place.code}人调{{}}号", block.first_number, n),
        "area_code": area_texts(where, place, np.where(where < 0, 6, block.digits)),
        "area_name": picked(block.town_names, where),
        "committee_name": picked(block.town_names, where) + "人民调解委员会",
        "committee_type": _committee(tier, where, place),
        "tier": tier,
        "source": source,
        "referring_body": source.replace_strict(BODIES, default=None, return_dtype=pl.String),
        "channel": channel,
        "dispute_type": codes(rng, TYPES, n),
        "is_difficult": rng.random(n) < 0.04,
        "scale": codes(rng, {"individual": 97.5, "group": 2.3, "major_group": 0.2}, n),
        "persons_involved": persons,
        "parties": np.minimum(2 + (rng.random(n) < 0.12), persons),
    })  # fmt: skip
    frame = frame.with_columns(
        *_dates(rng, accepted, concluded, is_open, cutoff),
        outcome.alias("outcome"),
        *_agreement(block, concluded, agreed),
        *_people(rng, place, agreed, is_open),
        pl.Series("is_reopened", rng.random(n) < 0.007),
        pl.Series("has_prevented_escalation", rng.random(n) < 0.011),
        pl.Series("has_prevented_group_incident", rng.random(n) < 0.003),
    )
    status = codes(rng, {"approved": 99.5, "draft": 0.2, "void": 0.3}, n)
    approved = pl.Series(["approved"], dtype=pl.String).new_from_index(0, n)
    return frame.with_columns((approved if course.approved else status).alias("record_status"))


def _conclusion(rng: np.random.Generator, accepted: Days, cutoff: int, settled_by: int | None) -> tuple[Days, Mask]:
    """Days of conclusion and which cases are still open at the cutoff. 4 in 100 take more than thirty days."""
    n = len(accepted)
    usual = np.minimum(rng.gamma(1.7, 5.5, n), 30).astype(np.int64)
    slow = 31 + rng.gamma(1.2, 25, n).astype(np.int64)
    days = np.where(rng.random(n) < 0.07, 0, np.where(rng.random(n) < 0.04, slow, usual))
    if settled_by is not None:
        return np.minimum(accepted + days, np.maximum(settled_by, accepted)), np.zeros(n, dtype=bool)
    days = np.where(rng.random(n) < 0.004, ALWAYS_OPEN, days)
    return accepted + days, accepted + days > cutoff


def _outcome(rng: np.random.Generator, place: Place, is_open: Mask) -> pl.Series:
    """agreed in 96 to 99 of 100 concluded cases, by district."""
    success = np.random.default_rng(int(place.code) + 2).uniform(0.962, 0.99)
    agreed = rng.random(len(is_open)) < success
    other = codes(rng, OUTCOMES, len(is_open))
    settled = pl.when(pl.Series(agreed)).then(pl.lit("agreed")).otherwise(other)
    return pl.select(pl.when(pl.Series(is_open)).then(pl.lit("pending")).otherwise(settled)).to_series()


def _committee(tier: pl.Series, where: Days, place: Place) -> pl.Series:
    """The kind of committee that fits the tier and the kind of township."""
    urban = picked((*("街道" if a.name_zh.endswith("街道") else "" for a in place.townships), "街道"), where) == "街道"
    low = pl.when(urban).then(pl.lit("community")).otherwise(pl.lit("village"))
    middle = pl.when(urban).then(pl.lit("subdistrict")).otherwise(pl.lit("township"))
    is_low, is_middle = tier.is_in(["grid", "village"]), tier == "township"
    return pl.select(
        pl.when(is_low).then(low).when(is_middle).then(middle).otherwise(pl.lit("association"))
    ).to_series()


def _dates(rng: np.random.Generator, accepted: Days, concluded: Days, is_open: Mask, cutoff: int) -> list[pl.Series]:
    n = len(accepted)
    started = np.minimum(accepted + rng.integers(0, 3, n), np.where(is_open, cutoff, concluded))
    extended = np.where(is_open, cutoff, concluded) - accepted > 30
    extended &= rng.random(n) < 0.8
    known = np.where(is_open, accepted, concluded)
    return [
        dates(accepted - rng.integers(0, 4, n)).alias("applied_on"),
        dates(accepted).alias("accepted_on"),
        dates(started).alias("started_on"),
        pl.Series("sessions", 1 + rng.poisson(0.5, n)),
        pl.Series("is_extended", extended),
        dates(accepted + 60, extended).alias("extended_to"),
        dates(concluded, ~is_open).alias("concluded_on"),
        instants(accepted, office_seconds(rng, n)).alias("recorded_at"),
        updated(rng, [accepted, known], cutoff).alias("updated_at"),
    ]


def _agreement(block: Block, concluded: Days, agreed: Mask) -> list[pl.Series]:
    n, rng, cutoff = block.size, block.rng, block.cutoff
    written = agreed & (rng.random(n) < 0.56)
    yuan, stated = amounts(rng, n, 0.55)
    settled = (yuan * rng.uniform(0.4, 1.0, n)).astype(np.int64) // 100 * 100
    perform_by = concluded + rng.integers(0, 61, n)
    performance = np.where(perform_by > cutoff, 3, drawn(rng, {"performed": 93, "partly": 4, "not_performed": 3}, n))
    asked = written & (rng.random(n) < 0.05)
    asked_on = concluded + np.where(rng.random(n) < 0.03, rng.integers(31, 45, n), rng.integers(0, 20, n))
    asked &= asked_on <= cutoff
    confirmed_on = asked_on + rng.integers(1, 25, n)
    decided = asked & (confirmed_on <= cutoff)
    number = numbered(f"{block.place.code}协{block.year}-{{}}", int(rng.integers(1, 900_000)), n)
    form = picked(("oral", "written"), written.astype(np.int64))
    return [
        given(pl.Series(yuan), stated).alias("amount"),
        given(form, agreed).alias("agreement_form"),
        given(number, written).alias("agreement_number"),
        given(pl.Series(settled), stated & agreed).alias("agreement_amount"),
        dates(perform_by, agreed).alias("perform_by"),
        given(picked(("performed", "partly", "not_performed", "not_due"), performance), agreed).alias("performance"),
        pl.Series("has_confirmation_request", asked),
        dates(asked_on, asked).alias("confirmation_requested_on"),
        dates(confirmed_on, decided).alias("confirmed_on"),
        given(codes(rng, CONFIRMATIONS, n), decided).alias("confirmation_result"),
    ]


def _people(rng: np.random.Generator, place: Place, agreed: Mask, is_open: Mask) -> list[pl.Series]:
    n = len(agreed)
    applicant, respondent = parties(rng, n), parties(rng, n)
    mediator = names(staff(rng, int(place.code), n))
    applicant_name, respondent_name = names(applicant), names(respondent)
    phone, address = phones(applicant), addresses(applicant)
    subject = picked(SUBJECTS, rng.integers(0, len(SUBJECTS), n))
    reason = picked(REASONS, rng.integers(0, len(REASONS), n)).str.replace("{}", respondent_name, literal=True)
    quarrel = applicant_name, phone, address, respondent_name, subject, mediator
    said = pl.select(
        summary=pl.format("{}（电话{},住{}）与{}因{}发生争议，由{}调解。", *quarrel),
        agreement_text=pl.format("一、{}向{}道歉；二、双方就{}再无争议。", respondent_name, applicant_name, subject),
    )
    return [
        applicant_name.alias("applicant_name"),
        id_numbers(applicant).alias("applicant_id"),
        phone.alias("applicant_phone"),
        address.alias("applicant_address"),
        respondent_name.alias("respondent_name"),
        id_numbers(respondent).alias("respondent_id"),
        phones(respondent).alias("respondent_phone"),
        mediator.alias("mediator_name"),
        said["summary"],
        given(said["agreement_text"], agreed).alias("agreement_text"),
        given(reason, ~agreed & ~is_open).alias("failure_reason"),
    ]
