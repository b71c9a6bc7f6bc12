"""Rows as files to take away: CSV with byte order mark, XLSX with the cards' words on a sheet of their own, Parquet, JSON."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import xlsxwriter

from dashboards import rows, wording
from dashboards.rows import Source
from dashboards.wording import Figure, Language, say, spoken
from pipelines.catalogue import Card

FIGURE = Figure._fields[: Figure._fields.index("status") + 1]
COLUMNS = ("release", "edition", "label", "area", "category_label", "unit", *FIGURE, "definition")
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
PICTURE = "image/svg+xml"
STARTS_A_FORMULA = ("=", "+", "-", "@")


def figures_as(form: str, source: Source, shown: Iterable[Figure], language: Language) -> bytes:
    """Figures in one of the forms of `TYPES` but Parquet, each once, with the words of their cards."""
    table = [_cells(source, row, language) for row in dict.fromkeys(shown)]
    if form == "json":
        return _json([dict(zip(COLUMNS, cells, strict=True)) for cells in table])
    head = [say(f"columns.{name}", language) for name in COLUMNS]
    if form == "csv":
        return _csv(head, table)
    used = dict.fromkeys(cells[COLUMNS.index("indicator")] for cells in table)
    return _workbook(head, table, [rows.cards(source)[indicator] for indicator in used], source, language)


def _cells(source: Source, row: Figure, language: Language) -> list[Any]:
    card, area = rows.cards(source)[row.indicator], rows.places(source).get(row.area_code)
    category = rows.categories(source).get(row.breakdown, {}).get(row.category)
    words = (
        wording.label(card, language),
        spoken(area.name, language) if area else "",
        spoken(category, language) if category else "",
        wording.unit_of_axis(card, language),
    )
    cells = (int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in row[: len(FIGURE) - 1])
    return [source.id, source.edition, *words, *cells, ",".join(row.status), spoken(card.definition, language)]


def _csv(head: Sequence[str], table: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows(table)
    return out.getvalue().encode("utf-8-sig")


def _workbook(
    head: Sequence[str], table: Sequence[Sequence[Any]], cards: Sequence[Card], source: Source, language: Language
) -> bytes:
    """Two sheets: the figures, and what their cards say."""
    out = io.BytesIO()
    # What looks like a formula is text: a workbook is opened by people who did not write it.
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(out, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet(say("access.sheet_figures", language))
        sheet.write_row(0, 0, head, bold)
        for place, cells in enumerate(table, 1):
            sheet.write_row(place, 0, cells)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
        words = book.add_worksheet(say("access.sheet_definitions", language))
        words.set_column(0, 0, 28, wrapped)
        words.set_column(1, 1, 100, wrapped)
        for place, (name, said) in enumerate(_words(cards, source, language)):
            words.write_row(place, 0, (name, said))
    return out.getvalue()


def _words(cards: Iterable[Card], source: Source, language: Language) -> Iterable[tuple[str, str]]:
    """What the sheet of definitions says, as pairs."""
    yield say("columns.release", language), f"{source.id} ({say(f'edition_{source.edition}', language)})"
    yield say("signs", language), say("legend", language)
    for card in cards:
        yield wording.label(card, language), spoken(card.definition, language)
        for key, entries in (("includes", card.includes), ("excludes", card.excludes)):
            yield from ((say(key, language), spoken(entry, language)) for entry in entries)
        yield from ((say("legal_basis", language), law) for law in wording.laws(card, language))
        if card.caution:
            yield say("caution", language), spoken(card.caution, language)


def table_as(form: str, frame: pl.DataFrame) -> bytes:
    """A table of a release in one of the forms of `TYPES`."""
    out = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(out)
        return out.getvalue()
    if form == "csv":
        return b"\xef\xbb\xbf" + frame.write_csv().encode()
    if form == "json":
        return _json(frame.to_dicts())
    frame.write_excel(out, autofit=True)
    return out.getvalue()


def _json(found: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps(found, ensure_ascii=False, default=str).encode()
