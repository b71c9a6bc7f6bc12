"""The public edition's measures: protected, attacked, and what the attacks find dropped by the ladder until they find nothing."""

from collections.abc import Callable, Sequence
from itertools import count

import polars as pl

from pipelines import catalogue, protect
from pipelines.audit import auditing
from pipelines.audit.attacks import Finding
from pipelines.audit.bundle import Bundle, cells_of, read_bundle
from pipelines.protect import vintages
from pipelines.protect.measures import Dropped, Protected
from pipelines.release.audits import published_before
from pipelines.release.publishing import current
from pipelines.settings import UserError, releases

ROUNDS = 12  # by area; after them tables are dropped everywhere
Progress = Callable[[str], None]


def safe_measures(last_month: str, progress: Progress) -> tuple[Protected, set[Dropped]]:
    """What may be published up to a month (YYYY-MM), and what the ladder has dropped.

    Raises `UserError` as `made_safe` does, and where the warehouse, the key or what was drawn before is missing.
    """
    plan = catalogue.publication_plan()
    before = current("public")
    standing = vintages.remembered(before) if before is not None else {}
    reached = vintages.Vintages(last_month, plan.final_after_months, standing)
    earlier = [read_bundle(releases("public") / name) for name in published_before()]
    return made_safe(protect.Unprotected.opened(plan, last_month), reached, progress, earlier)


def made_safe(
    exact: protect.Unprotected, reached: vintages.Vintages, progress: Progress, earlier: Sequence[Bundle] = ()
) -> tuple[Protected, set[Dropped]]:
    """Protect exact cells, attack them, and drop by the ladder what is found, until nothing is.

    Raises `UserError` where the attacks do not end in time, or find something after the last rung.
    """
    dropped: set[Dropped] = set()
    found: list[Finding] = []
    for turn in count():
        progress(f"protect, round {turn + 1}")
        protected = exact.protected(reached, dropped)
        cells = cells_of(*exact.public_tables(protected))
        before = earlier
        if turn:  # nothing else has changed, and no relation reaches from one measure or year into another
            cells, *held = (
                auditing.again(c, found, exact.plan) for c in (cells, *(bundle.cells for bundle in earlier))
            )
            before = [Bundle(c, pl.DataFrame(), pl.DataFrame()) for c in held]
        attacked = Bundle(cells, pl.DataFrame(), pl.DataFrame())
        found, *_ = auditing.attack_cells(auditing.published_counts(attacked, exact.plan, before))
        if not found:
            return protected, dropped
        rungs = auditing.rungs(found, exact.plan, cells, dropped)
        if turn >= ROUNDS:  # no block helped: the tables go as a whole
            rungs = {(table, None, year, None) for table, _, year, _ in rungs}
        if not rungs - dropped:
            break
        dropped |= rungs
    first = found[0]
    raise UserError(
        f"The public edition cannot be made safe by the ladder: {first.attack} finds {' '.join(first.cell or ())} ({first.said})."
        " Restrict the tables of seeds/publication.yml."
    )
