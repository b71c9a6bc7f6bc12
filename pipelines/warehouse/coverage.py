"""What must have been delivered for a measure or a card to have a figure."""

from collections.abc import Iterable

import polars as pl

from pipelines import catalogue
from pipelines.catalogue import Card
from pipelines.intake.ledger import Delivery


def coverage_of(table: str, needs: Iterable[str]) -> str:
    """Id of what a measure needs to have been delivered: a table, or a table with certain columns."""
    columns = sorted(set(needs))
    return f"{table}:{'+'.join(columns)}" if columns else table


def _needs(names: Iterable[str]) -> tuple[str, set[str]]:
    used = [catalogue.measures()[name] for name in names]
    return used[0].table, {column for measure in used for column in measure.needs}


def _coverages() -> dict[str, tuple[str, set[str]]]:
    """Coverage id -> table and needed columns, for all measures and cards."""
    groups = [_needs([name]) for name in catalogue.measures()]
    groups += [group for card in catalogue.cards().values() for group in card_needs(card)]
    return {coverage_of(table, needs): (table, needs) for table, needs in groups}


def card_needs(card: Card) -> list[tuple[str, set[str]]]:
    """What a card needs to have been delivered: its numerator's table, and its denominator's where that is another."""
    table = catalogue.measures()[card.numerator].table
    own = [name for name in card.measures if catalogue.measures()[name].table == table]
    return [_needs(own), *([_needs(other)] if (other := [n for n in card.measures if n not in own]) else [])]


def told_alike(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Coverage id -> the one that stands for it: of all that the very same deliveries feed, the one that needs least.

    What is reported is laid out by area and period once for each, and most columns come with their table.
    """
    fed = _fed_by(deliveries)
    standing: dict[tuple[str, tuple[int, ...]], str] = {}
    for coverage, (table, _) in sorted(_coverages().items(), key=lambda item: (len(item[1][1]), item[0])):
        standing.setdefault((table, fed[coverage]), coverage)
    return {coverage: standing[table, fed[coverage]] for coverage, (table, _) in _coverages().items()}


def _fed_by(deliveries: Iterable[Delivery]) -> dict[str, tuple[int, ...]]:
    """Coverage id -> ledger sequences of the deliveries that carry what it needs."""
    columns = [(d.ledger_sequence, d.table_name, set(d.columns)) for d in deliveries]
    return {
        coverage: tuple(sequence for sequence, name, held in columns if name == table and needs <= held)
        for coverage, (table, needs) in _coverages().items()
    }


def delivered_coverage(deliveries: list[Delivery]) -> pl.DataFrame:
    fed, standing = _fed_by(deliveries), sorted(set(told_alike(deliveries).values()))
    pairs = [(sequence, coverage) for coverage in standing for sequence in fed[coverage]]
    return pl.DataFrame(pairs, schema={"ledger_sequence": pl.Int64, "coverage": pl.String}, orient="row")
