"""The demo's exports: one file a sender and year, ordinary rows by the thousand and the fixed scenes among them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.catalogue import Contract, Sender, contract_versions, contracts, senders
from pipelines.demo import correction, mediation, petition, scenes, screening
from pipelines.demo.districts import (
    Period,
    Place,
    covered,
    districts_of,
    expected,
    first_days,
    places,
    shared_out,
    working_days,
)
from pipelines.demo.drawing import Block, given
from pipelines.demo.house_styles import HouseStyle, house_style
from pipelines.demo.writing import as_written, write_csv, write_workbook
from pipelines.settings import UserError

SHARES = {"mediation_cases": 0.5, "dispute_screenings": 0.3}  # the rest are petition matters
TABLES = ("mediation_cases", "dispute_screenings", "petition_matters", "correction_monthly")
BLOCK_ROWS = 50_000
WORKBOOK_ROWS = 100_000  # more than this a system no longer hands out as a workbook
VERSIONS = {"correction_monthly": 1}  # its books know no causes of termination and no lapses of supervision
DIRTY = 0.003
DIRT = ("impossible_date", "unknown_code", "concluded_first", "missing_number", "unknown_area")
UNKNOWN_AREA = "429999001"  # stands in no code list
# table -> the coded column that gets a text of no list, that text, the column of the last step
DIRTY_COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "mediation_cases": ("channel", "网络直播间", "concluded_on"),
    "dispute_screenings": ("event_type", "其他未列明事项", "resolved_on"),
    "petition_matters": ("petition_form", "短视频留言", "concluded_on"),
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Order:
    """What was asked for. `counts`: table -> ordinary rows, districts (sorted by code) × months of the period."""

    period: Period
    seed: int
    counts: Mapping[str, NDArray[np.int64]]

    def months(self, table: str, code: str, year: int) -> NDArray[np.int64]:
        """The month of each ordinary row of a table, district and year, in order."""
        months = np.array(self.period.months)
        in_year = months // 12 + 1970 == year
        return np.repeat(months[in_year], self.counts[table][sorted(places()).index(code), in_year])


def generate(
    out: Path,
    *,
    years: int = 4,
    cases: int = 60_000,
    seed: int = 1,
    until: date = date(2025, 12, 31),
    progress: Progress | None = None,
) -> list[Path]:
    """Write make-believe exports to `<out>/<sender>/<sender>_<period>.csv` (or .xlsx) and return the files, sorted.

    `cases`: ordinary case rows in all, over the `years` full years that end at `until`: half of them mediation
    cases, three tenths screenings, two tenths petition matters. The scenes (`scenes.py`) come on top, at any scale
    and for any period; the monthly correction form has one row a district and month. The same arguments give the
    same bytes. `progress` is called with the sender, files written, files to write.
    Raises `UserError` on an impossible period or scale.
    """
    if not 0 <= cases <= 100_000_000 or seed < 0:
        raise UserError(f"No demo of {cases} cases with seed {seed}: give 0 to 100,000,000 cases, a seed from 0.")
    order = _order(covered(years, until), seed, cases)
    reporting = {
        (s.sender, s.table): s for s in reversed(senders()) if s.table in TABLES
    }  # one of its rows stands for a sender
    tasks = [(sender, year) for sender in reversed(reporting.values()) for year in _years(sender, order.period)]
    written: list[Path] = []
    for sender, year in tasks:
        written.append(_write(out, sender, year, order))
        if progress is not None:
            progress(sender.sender, len(written), len(tasks))
    return sorted(written)


def _order(period: Period, seed: int, cases: int) -> Order:
    totals = {table: round(cases * share) for table, share in SHARES.items()}
    totals["petition_matters"] = cases - sum(totals.values())
    months = np.array(period.months)
    volume = expected(period)
    counts = {}
    for table, total in totals.items():
        free = np.array([scenes.open_to_ordinary(table, code, months) for code in sorted(places())])
        counts[table] = shared_out(total, volume * free)
    return Order(period, seed, counts)


def _office(sender: Sender) -> str:
    """The 6-digit code a sender is named for: its district's or city's, whatever parts of it it reports on."""
    return sender.sender.rpartition("-")[2]


def _years(sender: Sender, period: Period) -> list[int]:
    if sender.table == "correction_monthly":
        ordinary = {month // 12 + 1970 for month in _full_months(period)}
    else:
        ordinary = {month // 12 + 1970 for month in period.months}
    return sorted(ordinary | scenes.years(sender.table, _office(sender)))


def _write(out: Path, sender: Sender, year: int, order: Order) -> Path:
    style = house_style(sender.sender)
    contract = _written_as(sender.table)
    districts = [place for owed in senders() if owed.sender == sender.sender for place in districts_of(owed.area_code)]
    if sender.table == "correction_monthly":
        size, blocks = 0, _form(sender, year, districts, order)
    else:
        size = sum(len(order.months(sender.table, place.code, year)) for place in districts)
        blocks = _cases(sender, year, districts, order, style)
    texts = (as_written(block, contract, style) for block in blocks)
    workbook = style.workbook and size <= WORKBOOK_ROWS
    path = (
        out / sender.sender / f"{sender.sender}_{_reported(sender, year, order.period)}.{'xlsx' if workbook else 'csv'}"
    )
    (write_workbook if workbook else write_csv)(path, texts, contract, style)
    return path


def _written_as(table: str) -> Contract:
    """The version of a table's contract under which its files are written."""
    versions = (version for version in contract_versions() if version.id == table)
    return next(version for version in versions if version.version == VERSIONS.get(table, version.version))


def _reported(sender: Sender, year: int, period: Period) -> str:
    """The months a file reports on, as its name says them: 2025, or 2025-01..2025-06 where the year is not whole."""
    full = _full_months(period) if sender.table == "correction_monthly" else period.months
    months = {m for m in full if m // 12 + 1970 == year} | set(scenes.span(sender.table, _office(sender), year))
    first, last = (f"{m // 12 + 1970}-{m % 12 + 1:02d}" for m in (min(months), max(months)))
    if (first, last) == (f"{year}-01", f"{year}-12"):
        return str(year)
    return first if first == last else f"{first}..{last}"


def _cases(
    sender: Sender, year: int, districts: Sequence[Place], order: Order, style: HouseStyle
) -> Iterator[pl.DataFrame]:
    """Scene rows and ordinary rows of each district, at most `BLOCK_ROWS` at a time."""
    for place in districts:
        scene = scenes.rows(sender.table, place.code, year, style.area_digits)
        if scene is not None:
            yield scene
        first_number = 1 if scene is None else scene.height + 1
        months = order.months(sender.table, place.code, year)
        for start in range(0, len(months), BLOCK_ROWS):
            rng = np.random.default_rng([order.seed, TABLES.index(sender.table), int(place.code), year, start])
            days = working_days(rng, months[start : start + BLOCK_ROWS], order.period)
            block = Block(place, days, first_number + start, rng, order.period.last_day, style.area_digits)
            rows = _ordinary(sender, block)
            yield rows if _touches_scene(sender.table, place.code) else _soiled(rows, sender.table, rng)


def _ordinary(sender: Sender, block: Block) -> pl.DataFrame:
    code, year = block.place.code, block.year
    match sender.table:
        case "mediation_cases":
            leaves_nothing = code == scenes.HECHUAN and year < 2025
            settled_by = min(block.cutoff, scenes.HECHUAN_SETTLED_BY) if leaves_nothing else None
            return mediation.rows(block, mediation.Course(settled_by=settled_by))
        case "dispute_screenings":
            return screening.rows(block, excluded=scenes.closed_township(sender.table, code, year))
    return petition.rows(block, _office(sender))


def _touches_scene(table: str, code: str) -> bool:
    """Books that hold a scene stay clean, so that nothing unreadable can lie in its place and period."""
    return (table, code) in scenes.CLAIMED or (table, code) == ("dispute_screenings", scenes.SHASHI)


def _soiled(rows: pl.DataFrame, table: str, rng: np.random.Generator) -> pl.DataFrame:
    """Three rows in a thousand get one of the named faults, for intake to refuse."""
    contract = contracts()[table]
    coded, text, last_step = DIRTY_COLUMNS[table]
    fault = pl.Series("dirt", DIRT, dtype=pl.String).gather(rng.integers(0, len(DIRT), rows.height))
    dirt = given(fault, rng.random(rows.height) < DIRTY).alias("dirt")
    too_early = pl.col(contract.dated_by).cast(pl.Date) - pl.duration(days=3)

    def spoilt(column: str, kind: str, value: pl.Expr) -> pl.Expr:
        return pl.when(pl.col("dirt") == kind).then(value).otherwise(pl.col(column)).alias(column)

    return rows.with_columns(dirt).with_columns(
        spoilt(contract.key_columns[0], "missing_number", pl.lit(None, pl.String)),
        spoilt("area_code", "unknown_area", pl.lit(UNKNOWN_AREA)),
        spoilt(coded, "unknown_code", pl.lit(text)),
        spoilt(last_step, "concluded_first", too_early.cast(pl.Date)),
    )


def _full_months(period: Period) -> list[int]:
    """Months that lie in the period from their first to their last day: a form reports whole months."""
    months = np.array(period.months)
    whole = (first_days(months) >= period.first_day) & (first_days(months + 1) <= period.last_day + 1)
    return [int(month) for month in months[whole]]


def _form(sender: Sender, year: int, districts: Sequence[Place], order: Order) -> Iterator[pl.DataFrame]:
    """The year's rows of a city's form: its ordinary months, and the scene's where it has one."""
    office = int(_office(sender))
    around = correction.usual(districts)
    months = _full_months(order.period)
    rng = np.random.default_rng([order.seed, TABLES.index(sender.table), office])
    has_scene = bool(scenes.years(sender.table, _office(sender)))
    if has_scene:
        scene = scenes.checked_books(districts)
        before = [month for month in months if month < scene[0].month]
        after = [month for month in months if month > scene[-1].month]
        books = correction.backward(rng, before, scene[0].opening, around)
        books += correction.onward(rng, after, scene[-1].closing, around)
        if year == scene[0].month // 12 + 1970:
            yield correction.rows(districts, scene, np.random.default_rng(office), all_checked=True)
    else:
        books = correction.onward(rng, months, rng.poisson(around), around)
    this_year = [flows for flows in books if flows.month // 12 + 1970 == year]
    if this_year:
        yield correction.rows(districts, this_year, np.random.default_rng([order.seed, office, year]))
