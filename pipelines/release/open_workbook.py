"""The workbook of a release for everybody: a sheet an indicator, areas and categories down, years across.

Cells are numbers with formats; a marker such as [p] is part of the format, so that the cell can still be counted with, and
stands alone where there is no number. Every sheet says what it holds and what its signs mean. The file carries no name of a
person or machine, and no time but the day the data end with.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines import catalogue
from pipelines.catalogue import Card

LONGEST_NAME = 31
FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
LABELS = ("area_code", "area_zh", "area_en", "category", "category_zh", "category_en")
HEADS = ("地区代码 area_code", "地区", "area", "类别代码 category", "类别", "category label")
WIDTHS = (16, 20, 28, 18, 18, 24)
VALUE_WIDTH = 12
FIRST_SHEET = "说明 Notes"
ROUNDED = "合计可能不等于分项之和。 Parts may not add up to their total."
NOT_AVAILABLE = "x"
CONFIDENTIAL = "c"


@dataclass(frozen=True)
class Book:
    """What a workbook is made of.

    `figures`: the columns of `LABELS`, indicator, breakdown, period, value, low, high, status, decimals, band, in the order
    of the rows. `periods` are the columns, oldest first. `about`: the release's metadata.
    """

    cards: Sequence[Card]
    figures: pl.DataFrame
    periods: Sequence[str]
    about: Mapping[str, Any]


def write_workbook(book: Book, path: Path) -> Path:
    """Write the workbook; the same book gives the same bytes. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path), {"in_memory": True, "strings_to_formulas": False}) as workbook:
        cutoff = datetime.fromisoformat(str(book.about["data_cutoff"]))
        workbook.set_properties({"title": str(book.about.get("title_zh") or ""), "created": cutoff})
        names = sheet_names(book.cards)
        bold = workbook.add_format({"bold": True})
        _write_notes(workbook.add_worksheet(FIRST_SHEET), book, names, bold)
        formats = _Formats(workbook)
        rows = book.figures.partition_by("indicator", as_dict=True)
        for card in book.cards:
            sheet = workbook.add_worksheet(names[card.id])
            _write_card(sheet, card, rows.get((card.id,), book.figures.clear()), book, bold, formats)
    return path


def sheet_names(cards: Sequence[Card]) -> dict[str, str]:
    """Sheet name by indicator: a number, which makes it unique, and the label as far as Excel has room."""
    return {
        card.id: f"{place:03} {FORBIDDEN.sub('', card.label.zh)}"[:LONGEST_NAME] for place, card in enumerate(cards, 1)
    }


class _Formats:
    """Number formats, each made once: decimals, a percent sign, the markers behind the number."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._made: dict[str, Format] = {}

    def of(self, code: str) -> Format:
        if code not in self._made:
            self._made[code] = self._workbook.add_format({"num_format": code, "align": "right"})
        return self._made[code]

    def number(self, card: Card, decimals: int | None, marks: str) -> Format:
        """With the decimals that the figure carries, which mostly are those of its card."""
        places = card.decimals if decimals is None else decimals
        sign = '"%"' if card.unit == "percent" else ""
        return self.of("#,##0" + ("." + "0" * places if places else "") + sign + (f'" {marks}"' if marks else ""))

    def text(self) -> Format:
        return self.of("@")


def _write_notes(sheet: Worksheet, book: Book, names: Mapping[str, str], bold: Format) -> None:
    about = book.about
    lines = [
        ("", f"{about.get('title_zh', '')} {about.get('title_en', '')}"),
        ("发布单位 Publisher", f"{about.get('publisher_zh', '')} {about.get('publisher_en', '')}"),
        ("咨询 Questions to", str(about.get("contact") or "")),
        ("发布 Release", f"{about['release_id']} ({about['edition']})"),
        ("数据截至 Data as of", str(about["data_cutoff"])),
        ("地区代码 Area codes", str(about.get("geography") or "")),
        ("使用许可 Licence", str(about.get("licence") or "")),
        ("符号 Signs", legend()),
        ("注意 Note", _rounding(about)),
    ]
    for place, (head, said) in enumerate(line for line in lines if line[1]):
        sheet.write_string(place, 0, head, bold)
        sheet.write_string(place, 1, said, bold if place == 0 else None)
    start = len(lines) + 1
    for place, card in enumerate(book.cards, start):
        sheet.write_url(place, 0, f"internal:'{names[card.id]}'!A1", string=names[card.id])
        sheet.write_string(place, 1, f"{card.label.zh} {card.label.en}")
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 90)
    sheet.freeze_panes(1, 0)


def legend() -> str:
    return "; ".join(f"[{code}] {words.zh} {words.en}" for code, words in catalogue.markers().items())


def _rounding(about: Mapping[str, Any]) -> str:
    return ROUNDED if about["edition"] == "public" else ""


def _write_card(
    sheet: Worksheet, card: Card, figures: pl.DataFrame, book: Book, bold: Format, formats: _Formats
) -> None:
    unit = catalogue.units()[card.unit]
    head = [
        f"{card.label.zh} {card.label.en}",
        f"{card.definition.zh} {card.definition.en}",
        f"单位 Unit: {unit['symbol_zh']} {unit['symbol_en']}; {card.id}",
        f"符号 Signs: {legend()}",
        f"{card.caution.zh} {card.caution.en}" if card.caution else "",
        f"发布 Release {book.about['release_id']} ({book.about['edition']}); {book.about['data_cutoff']}. "
        + _rounding(book.about),
    ]
    for place, said in enumerate(head):
        sheet.write_string(place, 0, said, bold if place == 0 else None)
    top = len(head) + 1
    for place, name in enumerate((*HEADS, *book.periods)):
        sheet.write_string(top, place, name, bold)
    _write_rows(sheet, card, figures, book.periods, top + 1, formats)
    for place, width in enumerate(WIDTHS):
        sheet.set_column(place, place, width)
    sheet.set_column(len(LABELS), len(LABELS) + len(book.periods) - 1, VALUE_WIDTH)
    sheet.freeze_panes(top + 1, len(LABELS))


def _write_rows(
    sheet: Worksheet, card: Card, figures: pl.DataFrame, periods: Sequence[str], first: int, formats: _Formats
) -> None:
    """One row an area, breakdown and category, one column a period; a cell that the release does not have stays empty."""
    columns = {period: place for place, period in enumerate(periods, len(LABELS))}
    row, last = first - 1, None
    held = figures.select(*LABELS, "breakdown", "period", "value", "status", "decimals", "band", "low", "high")
    for *labels, breakdown, period, value, status, decimals, band, low, high in held.iter_rows():
        key = (breakdown, labels[0], labels[3])
        if key != last:
            row, last = row + 1, key
            for place, label in enumerate(labels):
                sheet.write_string(row, place, label or "")
        codes = [code for code in (status or "").split(",") if code and not (band and code == CONFIDENTIAL)]
        marks = "".join(f"[{code}]" for code in codes)
        if value is not None:
            sheet.write_number(row, columns[period], value, formats.number(card, decimals, marks))
        else:
            said = f"{band_text(band, low, high)} {marks}".strip() or f"[{NOT_AVAILABLE}]"
            sheet.write_string(row, columns[period], said, formats.text())


def band_text(band: str | None, low: float | None, high: float | None) -> str:
    """What a public edition shows in place of a value: a rate near none or all, or days; empty where it shows nothing."""
    if band in ("at_least", "at_most"):
        return f"≥{low:g}%" if band == "at_least" else f"≤{high:g}%"
    return band or ""
