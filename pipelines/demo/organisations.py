"""Rows of 机构与队伍, one an organisation and year's end: 综治中心, 调委会, 司法所 and 人才库."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from pipelines.catalogue import Area
from pipelines.demo.districts import Place

INDUSTRIES = (
    "traffic",
    "medical",
    "property_management",
    "marriage_family",
    "labour",
    "finance",
    "consumer",
    "commerce",
)
LIKE_TOWNSHIPS = "4"  # 类似乡级单位: forest farms and zones, whose township part begins with 4, have no judicial office


@dataclass(frozen=True)
class Organisation:
    """One organisation; numbers that its kind does not have are None."""

    organisation_number: str
    organisation_name: str
    organisation_type: str
    organisation_level: str
    area_code: str
    industry: str | None = None
    stationed_at: str | None = None
    full_time_mediators: int | None = None
    part_time_mediators: int | None = None
    experts: int | None = None
    function_rooms: int | None = None
    resident_departments: int | None = None
    medical_staff: int | None = None
    psychotherapists: int | None = None
    counsellors: int | None = None
    psychology_teachers: int | None = None
    social_workers: int | None = None
    registered_social_organisations: int | None = None
    community_social_organisations: int | None = None


@dataclass(frozen=True)
class Network:
    """What a district has, as far as it is told.

    `committees`: all mediation committees, with those of villages; None where only townships' are on the books.
    `industry_committees`, `industry_full_time`, `experts`: committees of one industry, their full-time mediators and
    engaged specialists. `without_centre`: townships without a governance centre. `village_centres`: None for none on
    the books. `centre`, `pool`: numbers of the district's centre and talent pool. `bases`: employment bases.
    """

    committees: int | None = None
    industry_committees: int = 4
    industry_full_time: int = 6
    experts: int = 12
    without_centre: tuple[str, ...] = ()
    village_centres: int = 0
    bases: int = 1
    centre: Mapping[str, int] | None = None
    pool: Mapping[str, int] | None = None


# The districts whose numbers articles tell (see `scenes`).
TOLD: Mapping[str, Network] = {
    "500117": Network(committees=473, industry_committees=23, experts=164, bases=3),
    "420583": Network(
        industry_committees=9,
        industry_full_time=7,
        without_centre=("420583102000",),
        village_centres=203,
        centre={
            "function_rooms": 18,
            "resident_departments": 5,
            "social_workers": 26,
            "registered_social_organisations": 206,
            "community_social_organisations": 1_034,
        },
        pool={"medical_staff": 44, "psychotherapists": 14, "counsellors": 42, "psychology_teachers": 60},
    ),
}


def rows(places: Sequence[Place], year: int, digits: int) -> pl.DataFrame:
    """The organisations of some districts at a year's end, one row each, columns as in the contract (typed)."""
    end = date(year, 12, 31)
    standing = [_standing(place) for place in places]
    return pl.concat(standing).with_columns(
        pl.col("area_code").str.slice(0, digits),
        (pl.col("full_time_mediators") + pl.col("part_time_mediators")).alias("mediators"),
        pl.lit(end).alias("counted_on"),
        pl.lit("active").alias("organisation_status"),
    )


@cache
def _standing(place: Place) -> pl.DataFrame:
    network = TOLD.get(place.code, Network())
    found = [*_centres(place, network), *_committees(place, network), *_others(place, network)]
    schema = {field.name: pl.String() if "str" in str(field.type) else pl.Int64() for field in fields(Organisation)}
    return pl.DataFrame([astuple(one) for one in found], schema=schema, orient="row")


def _urban(area: Area) -> bool:
    return area.name_zh.endswith("街道")


def _centres(place: Place, network: Network) -> Iterator[Organisation]:
    own = network.centre or {"function_rooms": 9, "resident_departments": 4, "social_workers": 8}
    whole = f"{place.code}000000"
    yield replace(_named(place, "ZZ", 0, "governance_centre", "county", whole, f"{place.name}综治中心"), **own)
    townships = [area for area in place.townships if area.area_code not in network.without_centre]
    for number, area in enumerate(townships, 1):
        name = f"{area.name_zh}综治中心"
        yield _named(place, "ZZ", number, "governance_centre", "township", area.area_code, name)
    for number in range(network.village_centres):
        area = townships[number % len(townships)]
        name = f"{area.name_zh}第{number // len(townships) + 1}村综治中心"
        yield _named(place, "ZC", number, "governance_centre", "village", area.area_code, name)


def _committees(place: Place, network: Network) -> Iterator[Organisation]:
    rng = np.random.default_rng(int(place.code) + 4)
    of_villages = 0
    if network.committees is not None:
        of_villages = network.committees - network.industry_committees - len(place.townships)
    # A township whose villages are not on the books reports their mediators as its own.
    full, part = (1, 7) if of_villages else (3, 46)
    for number, area in enumerate(place.townships, 1):
        one = _named(place, "TW", number, "mediation_committee", "township", area.area_code, f"{area.name_zh}调委会")
        yield replace(
            one, full_time_mediators=full, part_time_mediators=part + int(rng.integers(-3, 4)), industry="none"
        )
    for number in range(of_villages):
        area = place.townships[number % len(place.townships)]
        kind = "社区" if _urban(area) else "村"
        name = f"{area.name_zh}第{number // len(place.townships) + 1}{kind}调委会"
        one = _named(place, "TC", number, "mediation_committee", "village", area.area_code, name)
        yield replace(one, full_time_mediators=0, part_time_mediators=int(rng.integers(3, 8)), industry="none")
    yield from _industry_committees(place, network)


def _industry_committees(place: Place, network: Network) -> Iterator[Organisation]:
    many = network.industry_committees
    for number in range(many):
        name = f"{place.name}行业性专业性调委会（{number + 1}）"
        one = _named(place, "TH", number, "mediation_committee", "county", f"{place.code}000000", name)
        yield replace(
            one,
            industry=INDUSTRIES[number % len(INDUSTRIES)],
            stationed_at=("court", "police", "petition", "none")[number % 4],
            full_time_mediators=_part(network.industry_full_time, many, number),
            part_time_mediators=4,
            experts=_part(network.experts, many, number),
        )


def _others(place: Place, network: Network) -> Iterator[Organisation]:
    whole = f"{place.code}000000"
    offices = [area for area in place.townships if area.area_code[6] != LIKE_TOWNSHIPS]
    for number, area in enumerate(offices, 1):
        yield _named(place, "SF", number, "judicial_office", "township", area.area_code, f"{area.name_zh}司法所")
    numbers = network.pool or {"medical_staff": 6, "psychotherapists": 3, "counsellors": 9, "psychology_teachers": 12}
    yield replace(_named(place, "RC", 1, "talent_pool", "county", whole, f"{place.name}心理服务人才库"), **numbers)
    for number in range(1, network.bases + 1):
        yield _named(place, "JD", number, "employment_base", "county", whole, f"{place.name}安置帮教基地（{number}）")


def _named(place: Place, mark: str, number: int, kind: str, level: str, area_code: str, name: str) -> Organisation:
    return Organisation(f"JG{place.code}{mark}{number:04d}", name, kind, level, area_code)


def _part(total: int, among: int, position: int) -> int:
    """The part of a total shared out as evenly as whole numbers allow."""
    return total // among + (position < total % among)
