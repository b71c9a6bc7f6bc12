"""The audit of a release: all attacks, what they found, and whether it may appear."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from pipelines.audit import attacks
from pipelines.audit.attacks import Finding, Looked
from pipelines.audit.bounds import TimedOut
from pipelines.audit.bundle import CELL, Bundle, with_rests
from pipelines.audit.relations import Cell, Counts, Range, Said, counts_of, said_by
from pipelines.catalogue import PublicationPlan, cards, measures, published_figures

ATTACKS = (
    "bounds",
    "rates",
    "regrouping",
    "changes",
    "reconstruction",
    "likelihood",
    "rounding",
    "plan",
    "dense",
    "time",
)
# Of processor time, a quarter of an hour of two cores: a busy machine fails no release. A city of ten districts and 120 towns
# over 36 months takes a fraction of it.
SECONDS = 1800.0
CATEGORIES = 3  # that are dropped of a table in an area and year, before the table is
Truth = Mapping[Cell, tuple[int, int]]  # count and cell key
Dropped = tuple[str, str | None, str, str | None]  # table, area (None: all), year, category (None: all)


@dataclass(frozen=True)
class Report:
    """What the attacks found. `failures`: findings by attack. `least_width`: of the intervals of sensitive cells.

    `greatest_posterior`: of one exact value of a cell published as 0 or one base; `near_certain`: the share of those cells of
    which 1 to k-1 together have a posterior above 0.9. `reconstructed`, `guessed`: shares of sensitive cells named exactly
    by least squares and by the best constant guess.
    """

    passed: bool
    cells: int
    sensitive: int
    failures: Mapping[str, int]
    least_width: float
    greatest_posterior: float
    near_certain: float
    reconstructed: float
    guessed: float
    programmes: int
    seconds: float
    findings: tuple[Finding, ...]

    def told(self) -> dict[str, Any]:
        """The report as it is written and printed; of the findings the first of each attack."""
        first = {finding.attack: finding for finding in reversed(self.findings)}
        told = asdict(self) | {"findings": [finding._asdict() for finding in first.values()]}
        return told


def audit(
    bundle: Bundle,
    plan: PublicationPlan,
    truth: Truth,
    earlier: Sequence[tuple[Bundle, Truth]] = (),
    seconds: float = SECONDS,
) -> Report:
    """Attack a bundle. `truth` judges what is found: what each published cell was drawn from; `earlier`: the public releases
    before, the newest last, with theirs."""
    started = time.monotonic()
    counts = published_counts(bundle, plan, [before for before, _ in earlier])
    found, looked, greatest, near_certain = attack_cells(counts, seconds)
    found += [*attacks.undeclared(bundle, plan), *attacks.not_dense(bundle), *attacks.not_rounded(counts)]
    found += [*attacks.attack_by_regrouping(bundle), *attacks.not_at_random(truth, counts)]
    if not bundle.figures.is_empty():
        found += attacks.attack_by_rates(bundle, plan)
    k_of = {measure: table.k for table in plan.tables.values() for measure in table.measures}
    for before, drawn_before in earlier:
        said = [said_by(published_counts(held, plan)) for held in (bundle, before)]
        found += attacks.attack_by_changes(said[0], said[1], truth, drawn_before, k_of)
        found += attacks.listed_changes(bundle, before)
    reconstructed, guessed, sensitive = attacks.attack_by_reconstruction(counts, truth)
    if reconstructed > guessed:
        found.append(
            Finding("reconstruction", None, f"{reconstructed:.2f} of the sensitive cells, a guess {guessed:.2f}")
        )
    failures = Counter(finding.attack for finding in found)
    return Report(
        not found,
        looked.cells,
        sensitive,
        {attack: failures.get(attack, 0) for attack in ATTACKS},
        looked.least_width,
        greatest,
        near_certain,
        reconstructed,
        guessed,
        looked.programmes,
        time.monotonic() - started,
        tuple(found),
    )


def attack_cells(counts: Counts, seconds: float = SECONDS) -> tuple[list[Finding], Looked, float, float]:
    """The attacks that published values alone decide: bounds and likelihood. What they find the ladder answers."""
    try:
        found, looked = attacks.attack_by_bounds(counts, attacks.in_time(seconds))
    except TimedOut:
        return (
            [Finding("time", None, f"the bounds were not found in {seconds:.0f} s of processor time")],
            Looked(0, 0.0, 0),
            1.0,
            1.0,
        )
    likely, greatest, near_certain = attacks.attack_by_likelihood(counts, attacks.expected_counts(counts))
    return found + likely, looked, greatest, near_certain


def published_counts(bundle: Bundle, plan: PublicationPlan, earlier: Sequence[Bundle] = ()) -> Counts:
    """The counts behind a bundle's cells, and all that others and the public releases before it, oldest first, say of them."""
    said: dict[Cell, Said] = {}
    for before in earlier:
        said |= said_by(published_counts(before, plan))
    cells = bundle.cells
    for before in earlier:  # what is no longer published has been read
        gone = before.cells.join(cells, on=CELL, how="anti").with_columns(pl.lit(None, pl.Int64).alias("value"))
        cells = pl.concat([cells, gone.select(cells.columns)])
    held = set(cells["measure"])
    within = [pair for pair in known_parts() if set(pair) <= held and pair[0] not in plan.within]
    return counts_of(with_rests(cells, plan), plan, within, published_by_others(cells), said)


def known_parts() -> set[tuple[str, str]]:
    """(part, whole) of measures that anybody knows to lie one within the other: a percentage of cases of the same date."""
    pairs = {
        (card.numerator, card.denominator)
        for card in cards().values()
        if card.kind == "ratio" and card.unit == "percent"
    }
    known = {(part, whole) for part, whole in pairs if whole and _is_alike(part, whole)}
    return known


def _is_alike(part: str, whole: str) -> bool:
    one, other = measures()[part], measures()[whole]
    return (one.table, one.unit, one.date, one.over_time) == (other.table, other.unit, other.date, other.over_time)


def published_by_others(cells: pl.DataFrame) -> dict[Cell, Range]:
    """Bounds of counts of a release's cells that offices, yearbooks and newspapers have published."""
    held = set(cells.select(CELL).iter_rows())
    found: dict[Cell, Range] = {}
    for figure in published_figures():
        card = cards().get(figure.indicator)
        if card is None or card.kind not in ("count", "stock") or figure.low is None or figure.high is None:
            continue
        cell: Cell = (
            card.numerator,
            figure.breakdown or "total",
            figure.category or "total",
            figure.area_code,
            figure.period,
        )
        if cell in held:
            found[cell] = (figure.low, figure.high)
    return found


def again(cells: pl.DataFrame, found: Collection[Finding], plan: PublicationPlan) -> pl.DataFrame:
    """The cells of the measures and years in which something was found, to be attacked again."""
    wholes = {**{name: name for name in plan.measures}, **plan.within}
    years = {(wholes[finding.cell[0].partition("-")[0]], finding.cell[4][:4]) for finding in found if finding.cell}
    wanted = pl.DataFrame(sorted(years), schema=["whole", "year"], orient="row")
    marked = cells.with_columns(
        pl.col("measure").replace_strict(wholes, return_dtype=pl.String).alias("whole"),
        pl.col("period").str.slice(0, 4).alias("year"),
    )
    return marked.join(wanted, on=["whole", "year"], how="semi").drop("whole", "year")


def rungs(
    found: Collection[Finding], plan: PublicationPlan, cells: pl.DataFrame, dropped: Collection[Dropped] = ()
) -> set[Dropped]:
    """What the ladder drops next for these findings: of the finest table that has any, the categories found in an area and year.

    Where a category is `dropped` there already, what is found is said by the area above, and it goes there. Where as many of
    that area and year are dropped as `CATEGORIES`, or the table has none, all of it there. Of the total of a year, which is a
    part of the area above, the parts of that area are dropped; of what is left of an area beside its shown parts, the cells
    of that area. Where that is dropped too, the table goes altogether, then another of the measure's. Empty where nothing is
    left to drop.
    """
    level = dict(cells.select("area_code", "area_level").unique().iter_rows())
    parent = dict(cells.select("area_code", "parent_code").unique().iter_rows())
    categories: dict[str, set[Dropped]] = defaultdict(set)
    blocks: dict[str, set[Dropped]] = defaultdict(set)
    own_wholes: dict[str, set[Dropped]] = defaultdict(set)
    wholes: dict[str, set[Dropped]] = defaultdict(set)
    for finding in found:
        if finding.cell is None:
            continue
        measure, breakdown, category, area, period = finding.cell
        area, _, is_others = area.partition(":")
        table = _table_of(plan, measure, breakdown, level.get(area, ""))
        is_part_above = breakdown == "total" and "-" not in measure and len(period) == 4 and not is_others
        block = (parent.get(area) if is_part_above else None) or area
        for name in _tables_of(plan, measure):
            whole = (name, None, period[:4], None)
            wholes[name].add(whole)
            if name == table:
                own_wholes[name].add(whole)
            if name == table and whole not in dropped:
                place = _where_it_is_said((name, block, period[:4], category), parent, dropped)
                tried = sum(other[:3] == place[:3] for other in dropped)
                if breakdown != "total" and place not in dropped and tried < CATEGORIES:
                    categories[name].add(place)
                else:
                    blocks[name].add((*place[:3], None))
    steps = [held[name] for held in (categories, blocks, own_wholes, wholes) for name in plan.ladder if name in held]
    return next((step for step in steps if not step <= set(dropped)), set())


def _where_it_is_said(own: Dropped, parent: Mapping[str, str], dropped: Collection[Dropped]) -> Dropped:
    """The rung in the nearest area, from its own upwards, that is not dropped; its own where all are."""
    table, area, year, category = own
    while area is not None and (table, area, year, category) in dropped:
        area = parent.get(area)
    return own if area is None else (table, area, year, category)


def _table_of(plan: PublicationPlan, measure: str, breakdown: str, level: str) -> str | None:
    whole = measure.partition("-")[0]
    held = (t for t in plan.tables.values() if whole in t.measures and (t.breakdown or "total") == breakdown)
    return next((t.id for t in held if level in t.levels), None)


def _tables_of(plan: PublicationPlan, measure: str) -> list[str]:
    """The tables that hold a measure, or the whole that a rest is of."""
    whole = measure.partition("-")[0]
    return [table.id for table in plan.tables.values() if whole in table.measures]
