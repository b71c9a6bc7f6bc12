"""A review as XLSX: a sheet of notes with the contents, then a sheet a table. Numbers are numbers, with their formats.

Every sheet has its head frozen and repeated, a print area on A4, its notes, the signs and the source below.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xlsxwriter

from dashboards import wording
from dashboards.review import pdf
from dashboards.review.document import Chart, Document, Paragraph, Section, Table
from dashboards.review.layout import words
from dashboards.wording import say

HEAD_ROW = 2  # rows are counted from nought: caption, area and period, head
NARROWEST, WIDEST, NOTES_WIDTH = 9.0, 46.0, 92.0
HEAD_LINES = 2
LINE, CAPTION_SIZE, CAPTION_LINES = 14.0, 14, 1.5  # points of a line and of a caption, whose lines are taller and wider
MOST_UPRIGHT, ROWS_OF_A_PAGE = 96.0, 48  # characters and rows that A4 takes upright
PICTURE_ROWS = 18
ROW_HEIGHT = 16  # said, so that no reader takes its own and pictures keep their shape
LATIN = 0.9  # of a figure's width, on which columns are measured, takes a letter
MOST_SCALE, PIXELS = 0.5, 7  # of a picture; of the width of a character
FACES = {"zh": "宋体", "en": "Arial"}


def write(document: Document, target: Path, faces: Path | None = None) -> None:
    with xlsxwriter.Workbook(str(target), {"in_memory": True}) as book:
        book.set_properties({"title": document.title, "comments": document.source, "created": document.made_at})
        formats = _Formats(book, FACES[document.language])
        notes = book.add_worksheet(say("review.sheet_head", document.language))
        names = {table.number: _sheet_name(table, document) for table in document.tables}
        _notes(notes, document, names, formats)
        for section in document.sections:
            chart: Chart | None = None
            for block in section.blocks:
                if isinstance(block, Chart):
                    chart = block
                elif isinstance(block, Table):
                    drawn = chart if chart and chart.id == f"{block.id}_chart" else None
                    sheet = book.add_worksheet(names[block.number])
                    _table(sheet, block, section, document, formats, drawn, faces)


class _Formats:
    """Cell formats of a workbook, each made once."""

    def __init__(self, book: Any, face: str) -> None:
        self._book, self._face = book, face
        self._made: dict[tuple[tuple[str, object], ...], Any] = {}

    def __call__(self, **properties: object) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(
                {"font_name": self._face, "font_size": 10, "valign": "vcenter", **properties}
            )
        return self._made[key]


def _sheet_name(table: Table, document: Document) -> str:
    """At most 31 characters, none of those that Excel refuses."""
    name = say("review.sheet", document.language, number=table.number, title=table.title)
    return "".join(" " if character in "[]:*?/\\'" else character for character in name)[:31].strip()


def _notes(sheet: Any, document: Document, names: Mapping[int, str], formats: _Formats) -> None:
    """Who answers for it, what stands where, what the signs mean, and the text of the sections."""
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, NOTES_WIDTH)
    sheet.write(0, 0, document.title, formats(bold=True, font_size=16))
    lines = [
        (say("review.field_number", document.language), document.number),
        (say("review.field_classification", document.language), document.classification),
        *((field.label, field.value) for field in (*document.head, *document.foot)),
        (say("review.legend", document.language), document.signs),
        ("", document.source),
    ]
    row = 2
    for label, value in lines:
        sheet.write(row, 0, label, formats(bold=True, valign="top"))
        sheet.write(row, 1, value, formats(text_wrap=True, valign="top"))
        sheet.set_row(row, _height(value, NOTES_WIDTH))
        row += 1
    row += 1
    sheet.write(row, 0, say("review.contents", document.language), formats(bold=True))
    for table in document.tables:
        row += 1
        address = f"internal:'{names[table.number]}'!A1"
        sheet.write_url(row, 1, address, formats(font_color="#0B5CAB", underline=1), table.caption(document.language))
    row += 2
    told = [(say("review.summary", document.language), document.abstract)]
    told += [(section.heading, section.blocks) for section in document.sections]
    for heading, blocks in told:
        texts = [block.text for block in blocks if isinstance(block, Paragraph)]
        for place, text in enumerate(texts):
            said = "" if place else heading
            sheet.write(row, 0, said, formats(bold=True, text_wrap=True, valign="top"))
            sheet.write(row, 1, text, formats(text_wrap=True, valign="top"))
            sheet.set_row(row, max(_height(text, NOTES_WIDTH), _height(said, 18)) + 4)
            row += 1
    _paper(sheet, row, 1, document)


def _paper(sheet: Any, last_row: int, last_column: int, document: Document) -> None:
    """A4, one page wide; what is short is one page high as well."""
    sheet.set_default_row(ROW_HEIGHT)
    sheet.set_paper(9)
    sheet.set_margins(left=0.7, right=0.7, top=0.8, bottom=0.8)
    sheet.fit_to_pages(1, 1 if last_row < ROWS_OF_A_PAGE else 0)
    sheet.print_area(0, 0, last_row, last_column)
    sheet.set_footer(say("review.sheet_foot", document.language))


def _table(
    sheet: Any,
    table: Table,
    section: Section,
    document: Document,
    formats: _Formats,
    chart: Chart | None,
    faces: Path | None,
) -> None:
    last = max(len(table.columns) - 1, 1)
    whole = sum(_width(table, place) for place in range(last + 1))
    caption = table.caption(document.language)
    sheet.merge_range(0, 0, 0, last, caption, formats(bold=True, font_size=CAPTION_SIZE, text_wrap=True))
    sheet.set_row(0, CAPTION_LINES * _height(caption, whole / CAPTION_LINES))
    where = wording.joined((document.area, document.period), document.language)
    sheet.write(1, 0, where, formats(font_color="#5C6775"))
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, _width(table, place))
        head = formats(bold=True, text_wrap=True, align="center", border=1, bg_color="#EDEDED")
        sheet.write(HEAD_ROW, place, column.label, head)
    sheet.set_row(
        HEAD_ROW, max(_height(column.label, _width(table, place)) for place, column in enumerate(table.columns)) + 4
    )
    row = HEAD_ROW
    for line in table.rows:
        row += 1
        sheet.set_row(row, max(_height(cell.text, _width(table, place)) for place, cell in enumerate(line)) + 2)
        for place, (cell, column) in enumerate(zip(line, table.columns, strict=True)):
            side = {"left": "left", "centre": "center", "right": "right"}[column.side]
            if cell.value is None:
                sheet.write_string(row, place, cell.text, formats(text_wrap=True, align=side, border=1))
            else:
                sheet.write_number(row, place, cell.value, formats(num_format=cell.form, align=side, border=1))
    sheet.freeze_panes(HEAD_ROW + 1, 1)
    sheet.repeat_rows(HEAD_ROW)
    row += 1
    for text in (*table.notes, document.legend_line, document.source):
        row += 1
        sheet.merge_range(row, 0, row, last, text, formats(text_wrap=True, font_color="#5C6775", valign="top"))
        sheet.set_row(row, _height(text, whole))
    if chart is not None:
        scale = min(MOST_SCALE, PIXELS * whole / pdf.PICTURE_PIXELS)
        options = {"x_scale": scale, "y_scale": scale, "description": chart.alt, "object_position": 2}
        sheet.insert_image(
            row + 2, 0, f"{chart.id}.png", options | {"image_data": io.BytesIO(pdf.picture(chart, faces))}
        )
        row += 2 + PICTURE_ROWS
    if whole > MOST_UPRIGHT:
        sheet.set_landscape()
    _paper(sheet, row, last, document)


def _width(table: Table, place: int) -> float:
    """As wide as the widest text of the column, in characters, within reason; the head is broken over a few lines."""
    if place >= len(table.columns):
        return 10.0
    label = table.columns[place].label
    widest = max(_columns(row[place].text) for row in table.rows)
    lines = HEAD_LINES if " " in label else 1  # Chinese heads would be broken within a word
    head = max(_columns(label) / lines, *map(_columns, words(label))) + 3
    return min(max(widest + 2, head, NARROWEST), WIDEST)


def _columns(text: str) -> float:
    return sum(2 if ord(character) > 0x2E7F else LATIN for character in text)


def _height(text: str, width: float) -> float:
    """Of a row that holds a wrapped text, in points; lines end between words, so that several do not fill the width."""
    columns = _columns(text)
    return LINE * (1 if columns <= width - 1 else -(-int(columns) // max(int(width * 0.95), 1)))
