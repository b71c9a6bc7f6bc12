"""Figures that others published."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from pipelines.catalogue.cards import cards
from pipelines.catalogue.declaring import Declared, declare, read_rows
from pipelines.settings import SEEDS, UserError


class PublishedFigure(Declared):
    """A figure that somebody published: what was said, within which bounds it is true, and which card counts the same.

    `low` and `high`: what 余, 以上, 近 or a rounded last digit leave open; none where there is no bound. `verdict` and its
    reasons stand in the row where no card can say it.
    """

    row_id: str
    source: str
    place: str
    area_code: str
    period: str
    unit: str
    value_text: str
    low: float | None
    high: float | None
    indicator: str
    breakdown: str
    category: str
    verdict: Literal["", "agrees", "outside_bounds", "not_comparable", "not_recomputable", "not_published"]
    reason_zh: str
    reason_en: str


@cache
def published_figures() -> tuple[PublishedFigure, ...]:
    """Figures of the five articles and of other publications, in the order of their tables.

    Raises `UserError` with the line of one that names an unknown card or breakdown.
    """
    return (*_published_in("article_figures.csv"), *_published_in("published_figures.csv"))


def _published_in(name: str) -> Iterator[PublishedFigure]:
    path = SEEDS / "tables" / name
    for line, row in enumerate(read_rows(path), 2):
        values: dict[str, Any] = {key: row.get(key) for key in PublishedFigure.model_fields}
        values |= {
            "source": row.get("source") or row.get("article"),
            "low": row["low"] or None,
            "high": row["high"] or None,
        }
        figure: PublishedFigure = declare(PublishedFigure, values, path, lambda _, line=line: line)
        card = cards().get(figure.indicator)
        if figure.indicator and card is None:
            raise UserError(f"{path}, line {line}: {figure.indicator} is no card of seeds/indicators.")
        if card is not None and figure.breakdown and figure.breakdown not in card.breakdowns:
            raise UserError(f"{path}, line {line}: {figure.indicator} is not broken down by {figure.breakdown}.")
        yield figure
