"""Activities that reproduce published figures, the same at any scale, period and seed; ordinary ones keep out of them.

- 沙市区胜利街道 2017-12..2023-12: 65 re-employed, 7 lectures on law, 170-odd messages, 31 counselled, one emergency plan
  made, two revised, five drills.
- 合川区 2025: three lectures on psychology, 45 counselled, 12 persons helped by the fund.
- 岳塘街道 2022-10..2023-07: 49 person-times of education in aftercare.
- 枝江市 2022: 1,700-odd person-times of publicity online, 300-odd of advice offline, 12 check-ups of enterprises.
- 十堰市 2025-03: 172 trained on the 21st; 郧阳区: 230-odd persons at group education.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.demo import activities
from pipelines.demo.activities import AUDIENCES
from pipelines.demo.districts import Place, day_number, places


@dataclass(frozen=True)
class Told:
    """What an article tells of one kind of activity. `within`: the area of which it tells, as the start of its codes.

    `place`: the district that writes the rows. `entries`: over how many activities the totals are spread.
    """

    within: str
    place: str
    kind: str
    first: date
    last: date
    entries: int
    totals: tuple[tuple[str, int], ...]
    mode: str = "offline"
    audience: str | None = None

    @property
    def area_code(self) -> str:
        return self.within.ljust(12, "0") if len(self.within) > 6 else f"{self.within.ljust(6, '0')}000000"

    def claims(self) -> pl.Expr:
        """Ordinary activities that would blur it: of the same kind, in its area and months."""
        months = pl.col("held_on").dt.truncate("1mo")
        spans = months.is_between(self.first.replace(day=1), self.last.replace(day=1))
        return pl.col("area_code").str.starts_with(self.within) & (pl.col("activity_type") == self.kind) & spans


def _of(
    within: str, place: str, first: date, last: date, kind: str, entries: int, mode: str = "offline", **totals: int
) -> Told:
    return Told(within, place, kind, first, last, entries, tuple(totals.items()), mode)


_SHENGLI = ("421002004", "421002", date(2017, 12, 8), date(2023, 12, 8))
_HECHUAN = ("500117", "500117", date(2025, 1, 10), date(2025, 11, 28))
_ZHIJIANG = ("420583", "420583", date(2022, 1, 12), date(2022, 12, 20))
TOLD = (
    _of(*_SHENGLI, "job_placement", 24, persons_served=65),
    _of(*_SHENGLI, "law_lecture", 7, activity_sessions=7, attendances=402),
    _of(*_SHENGLI, "message", 29, attendances=174),
    _of(*_SHENGLI, "counselling", 31, attendances=31),
    _of(*_SHENGLI, "plan_made", 1, activity_sessions=1),
    _of(*_SHENGLI, "plan_revised", 2, activity_sessions=2),
    _of(*_SHENGLI, "drill", 5, activity_sessions=5, attendances=61),
    _of(*_HECHUAN, "psychology_lecture", 3, activity_sessions=3, attendances=118),
    _of(*_HECHUAN, "counselling", 45, attendances=45),
    _of(*_HECHUAN, "relief", 12, persons_served=12),
    Told(
        "430304001", "430304", "education", date(2022, 10, 28), date(2023, 7, 31), 7, (("attendances", 49),),
        audience="resettlement",
    ),
    _of(*_ZHIJIANG, "law_lecture", 15, "online", activity_sessions=15, attendances=1_746),
    _of(*_ZHIJIANG, "legal_advice", 20, activity_sessions=20, attendances=328),
    _of(*_ZHIJIANG, "enterprise_check_up", 12, activity_sessions=12),
    Told(
        "4203", "420302", "training", date(2025, 3, 21), date(2025, 3, 21), 1,
        (("activity_sessions", 1), ("attendances", 172), ("persons_served", 172)), audience="staff",
    ),
    _of("420304", "420304", date(2025, 3, 5), date(2025, 3, 28), "education", 3, activity_sessions=3, attendances=236,
        persons_served=236),
)  # fmt: skip


def unclaimed(held: pl.DataFrame) -> pl.DataFrame:
    """The ordinary activities that blur nothing an article tells."""
    return held.filter(~pl.any_horizontal(told.claims() for told in TOLD))


def held(districts: Sequence[Place], year: int) -> list[pl.DataFrame]:
    """The activities of some districts in a year of which articles tell."""
    codes = {place.code for place in districts}
    tell = (told for told in TOLD if told.place in codes and told.first.year <= year <= told.last.year)
    return [part for told in tell if (part := _in(told, year)).height]


def _in(told: Told, year: int) -> pl.DataFrame:
    days = np.linspace(day_number(told.first), day_number(told.last), told.entries).astype(np.int64)
    audience = told.audience or AUDIENCES[told.kind]
    place = places()[told.place]
    whole = activities.fixed(told.kind, audience, told.mode, told.area_code, place, days, dict(told.totals))
    return whole.filter(pl.col("held_on").dt.year() == year)
