"""Areas of one vintage, the lists that map to them, and changes of their territory."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pipelines.catalogue.declaring import Declared, declare, read_rows
from pipelines.settings import SEEDS, UserError

NOT_ASSIGNED = "999000"
LEVELS = ("province", "city", "district", "township")


class Area(NamedTuple):
    """A plain tuple: there are thousands, and every command reads them."""

    code_list: str
    area_code: str
    name_zh: str
    name_en: str
    level: str
    parent_code: str
    valid_from: str
    valid_to: str
    maps_to: str


class AreaChange(Declared):
    """From `month` on an area has another territory than before: its figures, and nobody else's, are not compared across it."""

    area_code: str
    month: date
    kind: Literal["split", "merged", "boundary"]
    note: str
    source: str


def load_areas(path: Path) -> tuple[Area, ...]:
    """Areas of a list given beside the seeds. Raises `UserError` with the line of a code that stands twice, or whose
    parent is neither in the list nor published."""
    return _areas_in(path, {area.area_code for area in areas() if not area.maps_to})


@cache
def areas() -> tuple[Area, ...]:
    return _areas_in(SEEDS / "tables" / "areas.csv", set())


def _areas_in(path: Path, published: set[str]) -> tuple[Area, ...]:
    found = {line: _area(row, path, line) for line, row in enumerate(read_rows(path), 2)}
    parents = published | {area.area_code for area in found.values() if not area.maps_to} | {""}
    seen: set[tuple[str, str]] = set()
    for line, area in found.items():
        if (area.code_list, area.area_code) in seen:
            raise UserError(f"{path}, line {line}: area {area.area_code} stands twice in list {area.code_list}.")
        if not area.maps_to and area.parent_code not in parents:
            raise UserError(f"{path}, line {line}: the parent {area.parent_code} of {area.area_code} is not an area.")
        seen.add((area.code_list, area.area_code))
    return tuple(found.values())


def _area(row: Mapping[str, str], path: Path, line: int) -> Area:
    wrong = next((name for name in Area._fields if row.get(name) is None), None)
    if wrong is not None:
        raise UserError(f"{path}, line {line}: {wrong}: Field required.")
    if row["level"] not in LEVELS:
        raise UserError(f"{path}, line {line}: level: expected one of {', '.join(LEVELS)}.")
    if len(row) > len(Area._fields):
        raise UserError(f"{path}, line {line}: there are more cells than columns, or a column that no area has.")
    return Area(**row)


@cache
def area_changes() -> tuple[AreaChange, ...]:
    """Changes of territory. Raises `UserError` with the line of an area that is not published."""
    path = SEEDS / "tables" / "area_changes.csv"
    rows = enumerate(read_rows(path), 2)
    found: dict[int, AreaChange] = {
        line: declare(AreaChange, row, path, lambda _, line=line: line) for line, row in rows
    }
    published = {area.area_code for area in published_areas()}
    for line, change in found.items():
        if change.area_code not in published:
            raise UserError(f"{path}, line {line}: {change.area_code} is no published area.")
    return tuple(found.values())


def padded(code: str) -> str:
    """A 6-, 9- or 12-digit area code as 12 digits; anything else as it is."""
    return code.ljust(12, "0") if code.isdigit() and len(code) in (2, 4, 6, 9, 12) else code


def published_areas(extra: Iterable[Area] = ()) -> tuple[Area, ...]:
    """The areas figures are published for: those that map to no other."""
    return tuple(area for area in (*areas(), *extra) if not area.maps_to)


FOLDED_INTO_NBS2023 = (
    "nbs2023_statistical",
    "nbs_earlier",
)  # zones counted as counties, and codes given up before 2023


@cache
def area_mapping(code_list: str, extra: tuple[Area, ...] = (), level: str | None = None) -> Mapping[str, str]:
    """Source code -> published code, for one code list, on top of the published list itself.

    `level`: a township is mapped to the district it lies in (its parent, which its digits need not name).
    """
    known = (*areas(), *extra)
    mapping = {area.area_code: area.area_code for area in known if not area.maps_to}
    if code_list == "nbs2023":
        mapping |= {area.area_code: area.maps_to for area in known if area.code_list in FOLDED_INTO_NBS2023}
    mapping |= {area.area_code: area.maps_to or area.area_code for area in known if area.code_list == code_list}
    if level is None:
        return mapping
    districts = {area.area_code: area.parent_code for area in known if area.level == "township" and not area.maps_to}
    return {source: districts.get(code, code) for source, code in mapping.items()}


def areas_version() -> str:
    """Digest of the list of areas."""
    return hashlib.sha256((SEEDS / "tables" / "areas.csv").read_bytes()).hexdigest()[:12]
