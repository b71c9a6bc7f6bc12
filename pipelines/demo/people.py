"""People who do not exist: names, ID numbers, phones and addresses, each a plain function of a person's number.

Everything is unmistakable, so that a scan of whatever was written can look for it: the names are built from characters
that stand in no area name and no label, the ID numbers carry the unused area prefix 890117 (and a valid check digit),
the phones the unassigned range 154, the addresses streets that are nowhere.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

SURNAMES = ("亓", "佴", "仉", "厍", "眭", "逄", "蒯", "郄", "殳", "缑", "妫", "昝")
GIVEN_FIRST = ("龘", "靐", "骉", "羴", "鱻", "麤", "灥", "厵", "飝", "馫", "㵘", "譶", "雥", "毳", "瞐", "皛")
GIVEN_SECOND = ("燚", "淼", "垚", "犇", "焱", "猋", "掱", "叒", "歮", "畾", "孨", "尛", "嚞", "惢", "壵", "聑")
ID_PREFIX = "890117"
PHONE_PREFIX = "154"
STREETS = ("子虚街", "乌有路", "无何有巷", "南柯大道", "黄粱路", "蜃楼街", "镜花巷", "华胥路")

# Headers whose cells are personal values as they stand: a name, an ID number, a phone, an address, a query code.
PERSONAL_HEADERS: Mapping[str, tuple[str, ...]] = {
    "mediation_cases": (
        "申请人姓名",
        "申请人身份证号",
        "申请人电话",
        "申请人住址",
        "被申请人姓名",
        "被申请人身份证号",
        "被申请人电话",
        "调解员姓名",
    ),
    "dispute_screenings": ("发生地址", "主要当事人", "当事人身份证号", "当事人电话", "化解责任人"),
    "petition_matters": ("查询码", "登记人", "受信人", "被反映人姓名"),
    "correction_monthly": ("填表人", "审核人"),
    "resettlement_monthly": ("填表人", "审核人"),
    "mediation_monthly": ("填表人", "审核人"),
    "screening_monthly": ("填表人", "审核人"),
    "petition_monthly": ("填表人", "审核人"),
    "reconsideration_cases": ("申请人", "承办人"),
    "service_activities": (),
    "organisations": (),
    "population": (),
}
# Headers of free texts that mention such values.
TEXT_HEADERS: Mapping[str, tuple[str, ...]] = {
    "mediation_cases": ("未成功原因", "纠纷简要情况", "协议内容"),
    "dispute_screenings": ("事件名称", "事件简述", "化解情况"),
    "petition_matters": ("概况信息",),
    "correction_monthly": (),
    "resettlement_monthly": (),
    "mediation_monthly": (),
    "screening_monthly": (),
    "petition_monthly": (),
    "reconsideration_cases": ("复议请求",),
    "service_activities": ("备注",),
    "organisations": (),
    "population": (),
}
# Headers of numbers that lead back to one case.
IDENTIFIER_HEADERS: Mapping[str, tuple[str, ...]] = {
    "mediation_cases": ("调解案件编号", "协议编号"),
    "dispute_screenings": ("事件编号",),
    "petition_matters": ("信访件编号",),
    "correction_monthly": (),
    "resettlement_monthly": (),
    "mediation_monthly": (),
    "screening_monthly": (),
    "petition_monthly": (),
    "reconsideration_cases": ("案号",),
    "service_activities": ("活动编号",),
    "organisations": ("机构编号",),
    "population": (),
}

PERSONS = 80_000_000  # parties have the numbers below, staff those from here to 100 million
_FIRST_BIRTHDAY = np.datetime64("1950-01-01", "D").astype(np.int64)
_CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = tuple("10X98765432")

Numbers = NDArray[np.int64]


def picked(texts: tuple[str, ...], positions: NDArray[np.int64]) -> pl.Series:
    """The texts at the positions, one String a position."""
    return _series(texts)[positions]


@cache
def _series(texts: tuple[str, ...]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@cache
def every_name() -> tuple[str, ...]:
    """All names that can occur, 3,072 of three characters each."""
    return tuple(s + first + second for s in SURNAMES for first in GIVEN_FIRST for second in GIVEN_SECOND)


def names(person: Numbers) -> pl.Series:
    """Names of the persons with these numbers."""
    return picked(every_name(), person * 1_777 % len(every_name()))


def id_numbers(person: Numbers) -> pl.Series:
    """18-digit ID numbers (GB 11643 form, valid check digit) under a prefix that names no place."""
    birthday = _FIRST_BIRTHDAY + person * 7_919 % 19_000
    month = birthday.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    day = birthday - month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1
    date = (1970 + month // 12) * 10_000 + (month % 12 + 1) * 100 + day
    digits17 = (int(ID_PREFIX) * 100_000_000 + date) * 1_000 + person * 31 % 1_000
    weighted = [digits17 // 10 ** (16 - place) % 10 * weight for place, weight in enumerate(_CHECK_WEIGHTS)]
    total = np.sum(weighted, axis=0)
    return pl.Series(digits17).cast(pl.String) + picked(_CHECK_DIGITS, total % 11)


def phones(person: Numbers) -> pl.Series:
    """11-digit mobile numbers in an unassigned range, one a person."""
    return pl.Series(int(PHONE_PREFIX) * 100_000_000 + person * 99_999_989 % 100_000_000).cast(pl.String)


def addresses(person: Numbers) -> pl.Series:
    """Addresses in streets that do not exist."""
    house, flat = (pl.Series(person * factor % many + 1).cast(pl.String) for factor, many in ((17, 298), (29, 30)))
    return picked(STREETS, person * 13 % len(STREETS)) + house + "号" + flat + "室"


def query_codes(person: Numbers) -> pl.Series:
    """Codes with which a petitioner could open the page of a matter."""
    return "CX" + pl.Series(1_000_000_000 + person * 99_999_959 % 1_000_000_000).cast(pl.String)


def parties(rng: np.random.Generator, count: int) -> Numbers:
    """Numbers of `count` parties, drawn with repetition."""
    return rng.integers(0, PERSONS, count)


def staff(rng: np.random.Generator, office: int, count: int, size: int = 24) -> Numbers:
    """Numbers of `count` members of an office's staff (`size` persons, the same whenever the office is asked)."""
    return PERSONS + office * 37 % 9_000_000 + rng.integers(0, size, count)
