"""Rows of 矛盾纠纷排查化解明细, one a dispute found by screening."""

import numpy as np
import polars as pl

from pipelines.demo.drawing import (
    Block,
    Days,
    Mask,
    amounts,
    area_texts,
    codes,
    dates,
    drawn,
    given,
    numbered,
    townships,
    updated,
)
from pipelines.demo.people import addresses, id_numbers, names, parties, phones, picked, staff

TYPES = {
    "marriage_family": 21,
    "neighbours": 19,
    "personality_rights": 2,
    "property_rights": 6,
    "tort": 8,
    "contract": 9,
    "labour": 8,
    "finance": 4,
    "land_resources": 7,
    "other_civil": 4,
    "urban_development": 3,
    "civil_affairs": 2,
    "other_enforcement": 1.5,
    "litigation_related": 1.5,
    "organisation_discipline": 0.5,
    "ethnic_religious": 0.2,
    "other": 3.3,
}
TIERS = {"grid": 24, "village": 46, "township": 26, "county": 3.6, "city": 0.4}
CHANNELS = {"": 70, "police": 11, "court": 6, "petition": 3, "hotline": 7, "procuratorate": 1, "lawyer": 2}
METHODS = {"grid": 62, "application": 20, "transfer": 11, "hotline": 7}
MECHANISMS = {"": 58, "police_justice": 16, "court_station": 12, "station_room": 6, "police_justice,station_room": 4,
              "reconsideration_mediation": 1.5, "court_station,police_justice": 1.5, "other": 1}  # fmt: skip
SETTLED = {"resolved": 95.2, "eased": 2.6, "to_judicial": 1.4, "transferred": 0.8}
WAYS = ("当面调解", "联合调解", "法治教育", "心理疏导", "线上调解")


def rows(
    block: Block,
    *,
    status: pl.Series | None = None,
    township: Days | None = None,
    mechanism: str | None = None,
    excluded: str | None = None,
) -> pl.DataFrame:
    """Disputes of a block, one row a dispute, columns as in the contract (typed; amounts in yuan).

    `status`, `township`: fixed values, one a row; `mechanism`: of all rows; `excluded`: a township that gets none.
    """
    n, rng, place, found, cutoff = block.size, block.rng, block.place, block.days, block.cutoff
    where = townships(rng, place, n, 0.01, excluded) if township is None else township
    resolved, drawn_status = _resolution(rng, found, cutoff, fixed=status is not None)
    status = drawn_status if status is None else status
    done = (status == "resolved").to_numpy()
    yuan, stated = amounts(rng, n, 0.3)
    frame = pl.DataFrame({
        "event_number": numbered(f"{place.code}{block.year}PC{{}}", block.first_number, n),
        "area_code": area_texts(where, place, np.where(where < 0, 6, block.digits)),
        "occurred_on": dates(found - rng.integers(0, 6, n)),
        "found_on": dates(found),
        "resolve_by": dates(found + 30),
        "event_type": codes(rng, TYPES, n),
        "scale": codes(rng, {"individual": 97, "group": 2.8, "major_group": 0.2}, n),
        "persons_involved": 2 + rng.poisson(0.7, n),
        "amount": given(pl.Series(yuan), stated),
        "method": codes(rng, METHODS, n),
        "channel": codes(rng, CHANNELS, n).replace("", None),
        "mechanisms": codes(rng, MECHANISMS if mechanism is None else {mechanism: 1}, n).replace("", None),
        "tier": codes(rng, TIERS, n),
        "screening_status": status,
        "resolved_on": dates(resolved, done),
        "is_resolved_successfully": given(pl.Series(np.ones(n, dtype=bool)), done),
        "updated_at": updated(rng, [found, np.where(done, resolved, found)], cutoff),
    })  # fmt: skip
    return frame.with_columns(*_people(block, where, done))


def _resolution(rng: np.random.Generator, found: Days, cutoff: int, *, fixed: bool) -> tuple[Days, pl.Series]:
    """Days of resolution (by the cutoff where the status is fixed) and the status known at the cutoff."""
    n = len(found)
    usual, slow = np.minimum(rng.gamma(1.3, 4.5, n), 30), 31 + rng.gamma(1.3, 20, n)
    days = np.where(rng.random(n) < 0.04, slow, usual).astype(np.int64)
    known = found + days <= cutoff
    settled = picked(tuple(SETTLED), drawn(rng, SETTLED, n))
    status = pl.select(pl.when(pl.Series(known)).then(settled).otherwise(pl.lit("pending"))).to_series()
    return np.minimum(found + days, np.maximum(cutoff, found)) if fixed else found + days, status


def _people(block: Block, where: Days, done: Mask) -> list[pl.Series]:
    n, rng = block.size, block.rng
    party, other = parties(rng, n), parties(rng, n)
    responsible = names(staff(rng, int(block.place.code) + 7, n))
    name, other_name, address, phone = names(party), names(other), addresses(party), phones(party)
    town = picked(block.town_names, where)
    said = pl.select(
        event_name=pl.format("{}与{}纠纷", name, other_name),
        summary=pl.format("网格员反映：{}(电话{})与{}在{}发生争执。", name, phone, other_name, address),
        resolution_text=pl.format("{}已与{}达成谅解，由{}回访。", name, other_name, responsible),
    )
    return [
        said["event_name"],
        (town + "第" + pl.Series(rng.integers(1, 40, n)).cast(pl.String) + "网格").alias("grid_number"),
        address.alias("address"),
        said["summary"],
        name.alias("parties"),
        id_numbers(party).alias("party_id"),
        phone.alias("party_phone"),
        given(picked(WAYS, rng.integers(0, len(WAYS), n)), done).alias("resolution_method"),
        (town + "综治中心").alias("resolving_body"),
        responsible.alias("responsible_person"),
        given(said["resolution_text"], done).alias("resolution_text"),
    ]
