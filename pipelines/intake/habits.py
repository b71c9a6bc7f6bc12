"""What offices write into a table that is no cell of it: ditto marks, months without a year, signatures below it."""

import re

import polars as pl

from pipelines.intake import months
from pipelines.intake.headers import SIGNATURE

DITTO = ("同上", "同 上", "〃", "″", "〞", "＂", '"', "”", "''", "′′")
BARE_MONTH = r"^\s*(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])\s*月份?\s*$"
WRITTEN_WHEN = re.compile(
    r"(?:报出|填报|报送|上报|制表|填表|打印|导出)(?:日期|时间):?\S*"
)  # no month that a table reports on
ABOVE_NOTHING = "\0"  # stands in no cell
MOST_CELLS_OF_A_NOTE = 2


def without_ditto(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose ditto marks take the value above, a chain of them the value above the chain."""
    marked = [c.name for c in rows.iter_columns() if c.dtype == pl.String and c.is_in(DITTO).any()]
    return rows.with_columns(_undittoed(name) for name in marked)


def _undittoed(name: str) -> pl.Expr:
    text = pl.col(name)
    above = pl.when(text.is_in(DITTO)).then(None).otherwise(text.fill_null(ABOVE_NOTHING)).forward_fill()
    return pl.when(above != ABOVE_NOTHING).then(above).alias(name)


def with_year(name: str, year: int) -> pl.Expr:
    """A column of texts in which months without a year, as 3月 or 三月份, get theirs: 2025-03."""
    text = pl.col(name)
    said = text.str.extract(BARE_MONTH)
    number = said.replace_strict(months.IN_WORDS, default=said, return_dtype=pl.String).str.pad_start(2, "0")
    return pl.when(said.is_not_null()).then(pl.format(f"{year}-{{}}", number)).otherwise(text).alias(name)


def labels(body: pl.DataFrame) -> pl.Series:
    """The first text of each row, without spaces; empty of a blank row. `body`: texts, null where a cell is empty."""
    label = pl.coalesce(body.columns).fill_null("").str.replace_all(r"\s", "").str.replace("：", ":", literal=True)
    return body.select(label.alias("label"))["label"]


def signed(body: pl.DataFrame) -> pl.Series:
    """True for signatures, and for notes of one or two cells that follow them. `body` as for `labels`."""
    is_signature = labels(body).str.contains(SIGNATURE)
    if not is_signature.any() or body.width <= MOST_CELLS_OF_A_NOTE * 2:
        return is_signature
    first = is_signature.arg_max() or 0
    filled = body.slice(first).select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    return is_signature | pl.Series([False] * first, dtype=pl.Boolean).append(filled <= MOST_CELLS_OF_A_NOTE)
