"""The demo's exports: one file a sender and year, ordinary rows by the thousand and the fixed scenes among them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.catalogue import Contract, Sender, contract_versions, contracts, senders
from pipelines.demo import (
    activities,
    correction,
    mediation,
    organisations,
    petition,
    population,
    reconsideration,
    reported,
    resettlement,
    scene_activities,
    scenes,
    screening,
)
from pipelines.demo.districts import (
    WEIGHTS,
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
BIG = ("mediation_cases", "dispute_screenings", "petition_matters")  # as many rows as were asked for
FORMS = ("correction_monthly", "resettlement_monthly", *reported.FORM_OF)  # of whole months
# What stands in several files is drawn once: forms that are counted from case rows come last.
TABLES = (
    *BIG,
    *("correction_monthly", "resettlement_monthly"),
    *("reconsideration_cases", "service_activities", "organisations", "population"),
    *reported.FORM_OF,
)
BLOCK_ROWS = 50_000
WORKBOOK_ROWS = 100_000  # more than this a system no longer hands out as a workbook
VERSIONS = {"correction-430300": 1}  # its books know no causes of termination and no lapses of supervision
APPLICATIONS_A_YEAR = 1 / 12  # applications for reconsideration for one of `WEIGHTS`
DIRTY = 0.003
FORGOTTEN = 0.004
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
    cases, three tenths screenings, two tenths petition matters. On top come, at any scale, the scenes (`scenes.py`), for
    any period, and the small tables: monthly forms, those beside the case rows of five districts among them,
    applications for reconsideration, activities, organisations, population. The same arguments give the same bytes.
    `progress` is called with the sender, files written, files to write.
    Raises `UserError` on an impossible period or scale.
    """
    if not 0 <= cases <= 100_000_000 or seed < 0:
        raise UserError(f"No demo of {cases} cases with seed {seed}: give 0 to 100,000,000 cases, a seed from 0.")
    order = _order(covered(years, until), seed, cases)
    reporting = {
        (s.sender, s.table): s for s in reversed(senders()) if s.table in TABLES
    }  # one of its rows stands for a sender
    tasks = [(sender, year) for sender in reversed(reporting.values()) for year in _years(sender, order.period)]
    tasks.sort(key=lambda task: task[0].table in reported.FORM_OF)
    counts: reported.Counts = {}
    written: list[Path] = []
    for sender, year in tasks:
        written.append(_write(out, sender, year, order, counts))
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
    months = _full_months(period) if sender.table in FORMS else period.months
    return sorted({month // 12 + 1970 for month in months} | scenes.years(sender.table, _office(sender)))


def _write(out: Path, sender: Sender, year: int, order: Order, counts: reported.Counts) -> Path:
    """Write a sender's file of a year; `counts`: what case rows add to forms, grows as they are written."""
    style = house_style(sender.sender)
    contract = _written_as(sender)
    texts = (as_written(block, contract, style) for block in _blocks(sender, year, order, style, counts))
    workbook = style.workbook and _size(sender, year, order) <= WORKBOOK_ROWS
    beside = f"{sender.table}_" if sender.table in reported.FORM_OF else ""
    name = f"{sender.sender}_{beside}{_reported(sender, year, order.period)}.{'xlsx' if workbook else 'csv'}"
    path = out / sender.sender / name
    (write_workbook if workbook else write_csv)(path, texts, contract, style)
    return path


def _districts(sender: Sender) -> list[Place]:
    owed = [other for other in senders() if (other.sender, other.table) == (sender.sender, sender.table)]
    return [place for other in owed for place in districts_of(other.area_code)]


def _size(sender: Sender, year: int, order: Order) -> int:
    """Ordinary rows of a file of one of the big tables; the others are small."""
    if sender.table not in BIG:
        return 0
    return sum(len(order.months(sender.table, place.code, year)) for place in _districts(sender))


def _blocks(
    sender: Sender, year: int, order: Order, style: HouseStyle, counts: reported.Counts
) -> Iterator[pl.DataFrame]:
    """The typed rows of a file."""
    districts = _districts(sender)
    match sender.table:
        case "correction_monthly":
            return _correction(sender, year, districts, order)
        case "resettlement_monthly":
            return _resettlement(sender, year, districts, order)
        case "reconsideration_cases":
            return _reconsideration(sender, year, districts, order, style)
        case "service_activities":
            return _activities(sender, year, districts, order, style)
        case "organisations":
            return iter([organisations.rows(districts, year, style.area_digits)])
        case "population":
            return iter([population.rows(districts, year)])
        case "mediation_monthly" | "screening_monthly" | "petition_monthly":
            return _beside(sender, year, districts, order, style, counts)
    return _cases(sender, year, districts, order, style, counts)


def _written_as(sender: Sender) -> Contract:
    """The version of a table's contract under which a sender writes."""
    versions = (version for version in contract_versions() if version.id == sender.table)
    return next(version for version in versions if version.version == VERSIONS.get(sender.sender, version.version))


def _reported(sender: Sender, year: int, period: Period) -> str:
    """The months a file reports on, as its name says them: 2025, or 2025-01..2025-06 where the year is not whole."""
    full = _full_months(period) if sender.table in FORMS else period.months
    months = {m for m in full if m // 12 + 1970 == year} | set(scenes.span(sender.table, _office(sender), year))
    first, last = (f"{m // 12 + 1970}-{m % 12 + 1:02d}" for m in (min(months), max(months)))
    if (first, last) == (f"{year}-01", f"{year}-12"):
        return str(year)
    return first if first == last else f"{first}..{last}"


def _cases(
    sender: Sender,
    year: int,
    districts: Sequence[Place],
    order: Order,
    style: HouseStyle,
    counts: reported.Counts,
) -> Iterator[pl.DataFrame]:
    """Scene rows and ordinary rows of each district, at most `BLOCK_ROWS` at a time, counted for its form if it has one."""

    def count(place: Place, rows: pl.DataFrame) -> None:
        if reported.is_wanted(sender.table, place.code):
            added = reported.counted(sender.table, place.code, rows, order.period.last_day)
            counts.setdefault((sender.table, place.code), []).append(added)

    for place in districts:
        scene = scenes.rows(sender.table, place.code, year, style.area_digits)
        if scene is not None:
            count(place, scene)
            yield scene
        first_number = 1 if scene is None else scene.height + 1
        months = order.months(sender.table, place.code, year)
        for start in range(0, len(months), BLOCK_ROWS):
            rng = np.random.default_rng([order.seed, TABLES.index(sender.table), int(place.code), year, start])
            days = working_days(rng, months[start : start + BLOCK_ROWS], order.period)
            block = Block(place, days, first_number + start, rng, order.period.last_day, style.area_digits)
            rows = _ordinary(sender, block)
            count(place, rows)
            if (sender.table, place.code) not in scenes.CLEAN:
                rows = _forgotten(_soiled(rows, sender.table, rng), sender.table, rng)
            yield rows


def _ordinary(sender: Sender, block: Block) -> pl.DataFrame:
    code, year = block.place.code, block.year
    match sender.table:
        case "mediation_cases":
            leaves_nothing = code == scenes.HECHUAN and year < 2025
            settled_by = min(block.cutoff, scenes.HECHUAN_SETTLED_BY) if leaves_nothing else None
            without = "lawyer" if code == scenes.ZHIJIANG and year <= 2022 else None
            return mediation.rows(block, mediation.Course(settled_by=settled_by, without=without))
        case "dispute_screenings":
            return screening.rows(block, excluded=scenes.closed_township(sender.table, code, year))
    return petition.rows(block, _office(sender), lists_backlog=code != scenes.ZHIJIANG or year > 2022)


def _beside(
    sender: Sender,
    year: int,
    districts: Sequence[Place],
    order: Order,
    style: HouseStyle,
    counts: reported.Counts,
) -> Iterator[pl.DataFrame]:
    """The form that a district hands in beside its case rows."""
    months = _full_months(order.period)
    for place in districts:
        rng = np.random.default_rng([order.seed, TABLES.index(sender.table), int(place.code), year])
        counted = counts.get((reported.FORM_OF[sender.table], place.code), [])
        yield reported.rows(sender.table, place, months, year, counted, style.area_digits, rng)


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


def _forgotten(rows: pl.DataFrame, table: str, rng: np.random.Generator) -> pl.DataFrame:
    """Of a few mediations the outcome was entered and the day of conclusion was not; intake takes them in and warns."""
    if table != "mediation_cases":
        return rows
    return rows.with_columns(given(rows["concluded_on"], rng.random(rows.height) >= FORGOTTEN).alias("concluded_on"))


def _full_months(period: Period) -> list[int]:
    """Months that lie in the period from their first to their last day: a form reports whole months."""
    months = np.array(period.months)
    whole = (first_days(months) >= period.first_day) & (first_days(months + 1) <= period.last_day + 1)
    return [int(month) for month in months[whole]]


def _correction(sender: Sender, year: int, districts: Sequence[Place], order: Order) -> Iterator[pl.DataFrame]:
    """The year's rows of a city's form: its ordinary months, and the scene's where it has one."""
    office = int(_office(sender))
    around = correction.usual(districts)
    months = _full_months(order.period)
    rng = np.random.default_rng([order.seed, TABLES.index(sender.table), office])
    scene = scenes.books(_office(sender), districts)
    if scene:
        before = [month for month in months if month < scene[0].month]
        after = [month for month in months if month > scene[-1].month]
        books = correction.backward(rng, before, scene[0].opening, around)
        books += correction.onward(rng, after, scene[-1].closing, around)
        if year == scene[0].month // 12 + 1970:
            yield scenes.form(_office(sender), districts, scene)
    else:
        books = correction.onward(rng, months, rng.poisson(around), around)
    this_year = [flows for flows in books if flows.month // 12 + 1970 == year]
    if this_year:
        yield correction.rows(districts, this_year, np.random.default_rng([order.seed, office, year]))


def _resettlement(sender: Sender, year: int, districts: Sequence[Place], order: Order) -> Iterator[pl.DataFrame]:
    table, office = TABLES.index(sender.table), int(_office(sender))
    books = np.random.default_rng([order.seed, table, office])
    rng = np.random.default_rng([order.seed, table, office, year])
    yield resettlement.rows(districts, _full_months(order.period), year, books, rng)


def _months_of(year: int, period: Period) -> list[int]:
    return [month for month in period.months if month // 12 + 1970 == year]


def _reconsideration(
    sender: Sender, year: int, districts: Sequence[Place], order: Order, style: HouseStyle
) -> Iterator[pl.DataFrame]:
    office, last_day = int(_office(sender)), order.period.last_day
    if year in scenes.years(sender.table, _office(sender)):
        yield scenes.applications(style.area_digits)
    rng = np.random.default_rng([order.seed, TABLES.index(sender.table), office, year])
    months = np.array(_months_of(year, order.period), dtype=np.int64)
    a_month = APPLICATIONS_A_YEAR / 12 * np.array([WEIGHTS.get(place.code, 30.0) for place in districts])
    is_open = np.array([scenes.open_to_ordinary(sender.table, place.code, months) for place in districts])
    received = rng.poisson(a_month[:, None] * is_open)
    if not received.sum():
        return
    district, at = np.repeat(np.indices(received.shape).reshape(2, -1), received.ravel(), axis=1)
    in_time = np.lexsort((rng.random(len(at)), at))  # in the order of months, districts mixed
    district, days = district[in_time], working_days(rng, months[at[in_time]], order.period)
    leaves_nothing = np.array([place.code == scenes.HECHUAN and year < 2025 for place in districts])[district]
    settled_by = np.where(leaves_nothing, min(last_day, scenes.HECHUAN_SETTLED_BY), reconsideration.NEVER)
    course = reconsideration.Course(district, settled_by)
    yield reconsideration.rows(districts, Block(districts[0], days, 1, rng, last_day, style.area_digits), course)


def _activities(
    sender: Sender, year: int, districts: Sequence[Place], order: Order, style: HouseStyle
) -> Iterator[pl.DataFrame]:
    office = int(_office(sender))
    held = scene_activities.held(districts, year)
    cutoff = max([order.period.last_day, *(int(part["held_on"].to_physical().max()) for part in held)])
    rng = np.random.default_rng([order.seed, TABLES.index(sender.table), office, year])
    months = _months_of(year, order.period)
    if months:
        held.append(scene_activities.unclaimed(activities.ordinary(districts, months, order.period, rng)))
    if held:
        yield activities.rows(pl.concat(held), office, year, rng, style.area_digits, cutoff)
