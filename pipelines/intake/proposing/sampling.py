"""The first rows of an export nobody has described: its header found under titles, its columns as texts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from pipelines.catalogue import Column, Contract, Words, contracts
from pipelines.intake.denying import is_value
from pipelines.intake.layouts import Layout, Sheet, Told
from pipelines.intake.proposing.headings import LONGEST, taken_apart
from pipelines.intake.proposing.values import Profile, is_name
from pipelines.intake.reading import blocks, candidates, find_layout
from pipelines.settings import UserError

SAMPLED_ROWS = 20_000
_VALUE = re.compile(r"^[0-9+\-/.,:年月日 %]+$|[0-9]{6}")


@dataclass(frozen=True)
class Sample:
    """The first rows below a header, as the door reads them; `rows` as in `layouts.Block`."""

    layout: Layout
    sheet: Sheet
    rows: pl.DataFrame

    @property
    def header(self) -> tuple[str, ...]:
        return self.sheet.header


def sampled(path: Path) -> Sample:
    """At most the first 20,000 rows. Raises `UserError` where no row looks like a header."""
    sheet = max(candidates(path), key=_header_score, default=None)
    if sheet is None or _header_score(sheet) <= 0:
        raise UserError(_no_header(path))
    everything = _holding(sheet.header)
    layout = find_layout(path, everything, Told())
    parts: list[pl.DataFrame] = []
    for block in blocks(path, layout, everything, Told()):
        if block.sheet.header == layout.sheets[0].header:
            parts.append(block.rows.head(SAMPLED_ROWS - sum(map(len, parts))))
        if sum(map(len, parts)) >= SAMPLED_ROWS:
            break
    sample = Sample(layout, layout.sheets[0], pl.concat(parts))
    if _repeats_below(sample):
        raise UserError(_no_header(path))
    return sample


def _no_header(path: Path) -> str:
    return (
        f"{path.name}: no row near the top looks like a header. Give the file one row of column headings and try again."
    )


def _header_score(sheet: Sheet) -> float:
    """How much a row looks like headings: different short texts, better known ones; no values."""
    cells = [text for text in sheet.header if text]
    if sum(1 for text in cells if cells.count(text) == 1) < 2:
        return 0.0
    values = sum(1 for text in cells if _looks_like_value(text))
    known = sum(1 for text in set(cells) if _is_known(text))
    return len(set(cells)) - 3 * values + 0.5 * known


def _looks_like_value(text: str) -> bool:
    return bool(_VALUE.search(text)) or len(text) > LONGEST or (not _is_known(text) and is_name(text))


@cache
def _is_known(text: str) -> bool:
    """Whether a contract has such a heading, or the words of headings stand in it."""
    return any(text in contract.headings for contract in contracts().values()) or taken_apart(text).has_known_words


def _holding(header: Sequence[str]) -> Contract:
    """A contract that any file with this header fits. Area and day are its first two headings, so that no reader looks
    for them beside the table; nobody stores by it."""
    texts = [text for text in header if text and header.count(text) == 1]
    first, second, *others = texts
    columns = [Column(name="area_code", label=first, type="area"), Column(name="day", label=second, type="date")]
    columns += [Column(name=f"c{n}", label=text, type="text", personal="dropped") for n, text in enumerate(others)]
    words = Words(zh="未知", en="unknown")
    return Contract(
        id="unknown", table="unknown", version=1, kind="form", label=words, grain=words, system="unknown", dated_by="day",
        columns=tuple(columns),
    )  # fmt: skip


def _repeats_below(sample: Sample) -> bool:
    """Whether the header's texts stand among the cells below them: then it is a row of data."""
    named = [(number, text) for number, text in enumerate(sample.header) if text]
    head = sample.rows.head(2000)
    again = sum(1 for n, text in named if (head[f"c{n}"].str.replace_all(r"\s", "") == text).any())
    return again > 0.3 * len(named)


def may_be_shown(text: str, below: Profile) -> bool:
    """Whether a heading may be written down: it looks like no value, and like no name above a column of names."""
    behind = text.rpartition(":")[2]
    if len(text) > LONGEST or is_value(text) or _VALUE.search(text) or (":" in text and is_name(behind)):
        return False
    return _is_known(text) or below.personal != "name" or not is_name(text)
