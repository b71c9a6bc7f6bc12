"""A review as DOCX, to be edited: real heading styles, tables whose head is repeated, page numbers outside.

The typefaces are named as GB/T 9704-2012 names them (仿宋, 黑体, 小标宋); Word takes the next best where one is missing.
An office's own document can be the template: its fields are filled, and `{{ content }}` in a paragraph of its own becomes
the sections.
"""

import io
from collections.abc import Mapping
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from dashboards import wording
from dashboards.review import layout, pdf
from dashboards.review.document import Block, Chart, Document, Paragraph, Side, Table
from dashboards.wording import say
from pipelines.settings import UserError

BODY, HEADING, TITLE, LATIN = "仿宋_GB2312", "黑体", "方正小标宋简体", "Times New Roman"
MARGINS_MM = {"top_margin": 37, "bottom_margin": 35, "left_margin": 28, "right_margin": 26}
PITCH_PT, NOTE_PT = 29.0, 8.5
RED = "C00000"
CELL_MARGIN = "40"  # twentieths of a point
CONTENT = "\ue000"  # of the private use area: stands where the sections go while the template's fields are filled
FIELDS = ("title", "area", "period", "number", "classification", "source", "legend", "abstract", "content", "figures")


def docx() -> Any:
    """python-docx. Raises `UserError` where the extra that brings it is not installed."""
    try:
        import docx
    except ImportError:
        raise UserError("DOCX needs the extra `review`: pip install 'fengqiao[review]'.") from None
    return docx


def write(document: Document, target: Path, faces: Path | None = None) -> None:
    made = docx().Document()
    _page(made)
    _styles(made, document)
    _page_numbers(made)
    _head(made, document)
    for block in document.abstract:
        _block(made, block, document, faces)
    _small(made, wording.run((document.source, document.legend_line), document.language))
    _body(made, document, faces)
    for field in document.foot:
        made.add_paragraph(_said(field.label, field.value, document))
    _end(made)
    _save(made, document, target)


def _end(made: Any) -> None:
    """An empty line must follow a table; at the end it is no higher than a point, so that it makes no page of its own."""
    from docx.shared import Pt

    last = made.paragraphs[-1]
    if not last.text:
        form = last.paragraph_format
        form.line_spacing = form.space_before = form.space_after = Pt(1)


def fill(template: Path, document: Document, target: Path, faces: Path | None = None) -> None:
    """Fill an office's own document. Raises `UserError` when it is none, or names a field that there is not."""
    docx()
    from docxtpl import DocxTemplate
    from jinja2 import Environment, StrictUndefined, TemplateError

    try:
        made = DocxTemplate(template)
        made.render(_context(document), jinja_env=Environment(undefined=StrictUndefined), autoescape=True)
    except (OSError, KeyError, BadZipFile, ValueError):
        raise UserError(f"{template} is not a Word document (.docx) that can be opened.") from None
    except TemplateError as error:
        fields = ", ".join((*FIELDS, *(field.id for field in document.head)))
        raise UserError(f"{template}: {error}. Fields are: {fields}; of a figure: figures.ID.value.") from None
    _insert(made.docx, document, faces)
    _save(made.docx, document, target)


def _context(document: Document) -> Mapping[str, Any]:
    """What a template can name: the words of the head, the abstract, and every figure by its id."""
    return {
        "title": document.title,
        "area": document.area,
        "period": document.period,
        "number": document.number,
        "classification": document.classification,
        "source": document.source,
        "legend": document.legend_line,
        "abstract": "\n".join(paragraph.text for paragraph in document.abstract),
        "content": CONTENT,
        "figures": {
            told.id: {"label": told.label, "value": told.value, "change": told.change} for told in document.told
        },
        **{field.id: field.value for field in (*document.head, *document.foot)},
    }


def _insert(made: Any, document: Document, faces: Path | None) -> None:
    """Put the sections where the template asks for them; a template without that place gets none."""
    place = next((paragraph for paragraph in made.paragraphs if CONTENT in paragraph.text), None)
    if place is None:
        return
    _styles(made, document, is_template=True)
    known = list(made.element.body)
    _body(made, document, faces)
    for element in [element for element in made.element.body if element not in known]:
        place._p.addprevious(element)
    place._p.getparent().remove(place._p)


def _page(made: Any) -> None:
    from docx.shared import Mm

    section = made.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for name, millimetres in MARGINS_MM.items():
        setattr(section, name, Mm(millimetres))
    section.footer_distance = Mm(25)


def _styles(made: Any, document: Document, *, is_template: bool = False) -> None:
    """The styles that the sections use; of a template only those it lacks."""
    is_chinese = document.language == "zh"
    size = 16 if is_chinese else 12
    sizes = {"Normal": size, "Heading 1": size, "Title": 22 if is_chinese else 18, "Caption": 10.5}
    faces = {"Normal": BODY, "Heading 1": HEADING, "Title": TITLE, "Caption": HEADING}
    from docx.enum.style import WD_STYLE_TYPE
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    known = {style.name for style in made.styles}
    for name, points in sizes.items():
        if is_template and name in known:
            continue
        style = made.styles[name] if name in known else made.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.font.size, style.font.color.rgb = Pt(points), RGBColor(0, 0, 0)
        style.font.bold = name in ("Heading 1", "Caption") and not is_chinese
        _face(style, faces[name])
        for border in style.element.pPr.findall(qn("w:pBdr")) if style.element.pPr is not None else ():
            style.element.pPr.remove(border)
        style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(4 if name != "Normal" else 0)
        if name in ("Normal", "Heading 1") and is_chinese:
            style.paragraph_format.line_spacing = Pt(PITCH_PT)
        if name == "Normal" and not is_chinese:
            style.paragraph_format.space_after = Pt(5)


def _face(style: Any, face: str) -> None:
    """One typeface for Chinese, one for Latin letters and figures."""
    from docx.oxml.ns import qn

    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in list(fonts.attrib):
        del fonts.attrib[name]
    fonts.set(qn("w:eastAsia"), face)
    for name in ("w:ascii", "w:hAnsi", "w:cs"):
        fonts.set(qn(name), LATIN)


def _page_numbers(made: Any) -> None:
    """— 1 — right on odd pages, left on even ones (GB/T 9704-2012, 7.5)."""
    made.settings.odd_and_even_pages_header_footer = True
    section = made.sections[0]
    for footer, side in ((section.footer, 2), (section.even_page_footer, 0)):
        paragraph = footer.paragraphs[0]
        paragraph.alignment = side
        paragraph.add_run("— ")
        _field(paragraph, "PAGE")
        paragraph.add_run(" —")


def _field(paragraph: Any, code: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for kind in ("begin", "instrText", "end"):
        run = paragraph.add_run()
        element = OxmlElement("w:instrText" if kind == "instrText" else "w:fldChar")
        if kind == "instrText":
            element.text = code
        else:
            element.set(qn("w:fldCharType"), kind)
        run._r.append(element)


def _head(made: Any, document: Document) -> None:
    if document.classification:
        made.add_paragraph().add_run(document.classification).bold = True
    number = made.add_paragraph(document.number)
    number.alignment = 1
    _underline(number)
    made.add_paragraph(document.title, style="Title").alignment = 1
    first, *others = document.head
    grid = made.add_table(rows=1 + -(-len(others) // 2), cols=2)
    _write_cell(grid.cell(0, 0).merge(grid.cell(0, 1)), _said(first.label, first.value, document), "left", 10.5)
    texts = [_said(field.label, field.value, document) for field in others]
    for cell, text in zip_longest(grid._cells[2:], texts, fillvalue=""):
        _write_cell(cell, text, "left", 10.5)
    _small(made, "")


def _underline(paragraph: Any) -> None:
    """The red line below the number (GB/T 9704-2012, 7.2.7)."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    borders, line = OxmlElement("w:pBdr"), OxmlElement("w:bottom")
    for key, value in (("val", "single"), ("sz", "8"), ("space", "4"), ("color", RED)):
        line.set(qn(f"w:{key}"), value)
    borders.append(line)
    paragraph._p.get_or_add_pPr().insert_element_before(borders, "w:shd", "w:spacing", "w:ind", "w:jc")


def _said(label: str, value: str, document: Document) -> str:
    return f"{label}{wording.colon(document.language)}{value}"


def _body(made: Any, document: Document, faces: Path | None) -> None:
    for section in document.sections:
        heading = made.add_paragraph(section.heading, style="Heading 1")
        heading.paragraph_format.page_break_before = section.is_annex
        heading.paragraph_format.keep_with_next = True
        for block in section.blocks:
            _block(made, block, document, faces)


def _block(made: Any, block: Block, document: Document, faces: Path | None) -> None:
    if isinstance(block, Paragraph):
        paragraph = made.add_paragraph(block.text)
        if document.language == "zh":
            _indent(paragraph, made.styles["Normal"].font.size)
    elif isinstance(block, Chart):
        _chart(made, block, document, faces)
    else:
        _table(made, block, document)


def _indent(paragraph: Any, size: Any) -> None:
    """The first line by two characters, of whatever size; and by its measure, where it is known, for who counts no characters."""
    from docx.oxml.ns import qn

    if size is not None:
        paragraph.paragraph_format.first_line_indent = size * 2
    paragraph._p.get_or_add_pPr().get_or_add_ind().set(qn("w:firstLineChars"), "200")


def _chart(made: Any, chart: Chart, document: Document, faces: Path | None) -> None:
    from docx.shared import Mm

    paragraph = made.add_paragraph()
    paragraph.alignment = 1
    paragraph.paragraph_format.line_spacing = 1.0
    paragraph.paragraph_format.keep_with_next = True
    drawn = paragraph.add_run().add_picture(io.BytesIO(pdf.picture(chart, faces)), width=Mm(layout.TEXT_MM))
    properties = drawn._inline.docPr
    properties.set("descr", chart.alt)
    properties.set("title", chart.title)
    caption = made.add_paragraph(chart.caption(document.language), style="Caption")
    caption.alignment = 1


def _table(made: Any, table: Table, document: Document) -> None:
    caption = made.add_paragraph(table.caption(document.language), style="Caption")
    caption.alignment = 1
    caption.paragraph_format.keep_with_next = True
    grid = made.add_table(rows=1 + len(table.rows), cols=len(table.columns))
    _lay_out(grid, table)
    size, last = layout.size(table), len(table.rows)
    ends = set(accumulate(layout.groups(table)))
    lines = [tuple(column.label for column in table.columns), *(tuple(cell.text for cell in row) for row in table.rows)]
    cells = iter(grid._cells)  # a row's own list of its cells is made anew at each call
    for place, (line, row) in enumerate(zip(lines, grid.rows, strict=True)):
        _keep(row, is_head=place == 0)
        is_kept = place not in ends or (place == last and bool(table.notes))
        for text, column in zip(line, table.columns, strict=True):
            cell = next(cells)
            _write_cell(cell, text, "centre" if place == 0 else column.side, size, is_bold=place == 0)
            cell.paragraphs[0].paragraph_format.keep_with_next = is_kept
    _small(
        made,
        say("review.notes", document.language) + wording.run(table.notes, document.language) if table.notes else "",
    )


def _small(made: Any, text: str) -> None:
    """A note below; the line stays, so that two tables do not grow together."""
    from docx.shared import Pt

    paragraph = made.add_paragraph(style="Caption")
    paragraph.alignment = 0
    run = paragraph.add_run(text)
    run.bold, run.font.size = False, Pt(NOTE_PT)


def _lay_out(grid: Any, table: Table) -> None:
    """Widths by what the columns hold, and lines around and within: a template may lack the style that has them."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    grid.alignment, grid.autofit = 1, False
    for points, column in zip(layout.shares(table), grid.columns, strict=True):
        column.width = Pt(points)
    borders = OxmlElement("w:tblBorders")
    for name in ("top", "left", "bottom", "right", "insideH", "insideV"):
        line = OxmlElement(f"w:{name}")
        for key, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "808080")):
            line.set(qn(f"w:{key}"), value)
        borders.append(line)
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), CELL_MARGIN)
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    grid._tbl.tblPr.extend((borders, margins))


def _keep(row: Any, *, is_head: bool) -> None:
    """No row is broken over two pages; the head stands on each."""
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:cantSplit"))
    if is_head:
        properties.append(OxmlElement("w:tblHeader"))


def _write_cell(cell: Any, text: str, side: Side, size: float, *, is_bold: bool = False) -> None:
    from docx.shared import Pt

    cell.vertical_alignment = 1
    paragraph = cell.paragraphs[0]
    paragraph.alignment = {"left": 0, "centre": 1, "right": 2}[side]
    form = paragraph.paragraph_format
    form.line_spacing, form.space_before, form.space_after, form.first_line_indent = 1.0, Pt(0), Pt(0), Pt(0)
    run = paragraph.add_run(text)
    run.font.size, run.bold = Pt(size), is_bold


def _save(made: Any, document: Document, target: Path) -> None:
    properties = made.core_properties
    properties.title, properties.comments = document.title, document.source
    properties.author = next((field.value for field in document.head if field.id == "office"), "")
    properties.last_modified_by = properties.author
    properties.created = properties.modified = document.made_at.replace(tzinfo=None)
    buffer = io.BytesIO()
    made.save(buffer)
    target.write_bytes(_settled(buffer.getvalue(), document))


def _settled(content: bytes, document: Document) -> bytes:
    """The same parts with the release's time on each, so that a second run gives the same bytes."""
    when = document.made_at.timetuple()[:6]
    buffer = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as given, ZipFile(buffer, "w", ZIP_DEFLATED) as made:
        for name in given.namelist():
            info = ZipInfo(name, when)
            info.compress_type = ZIP_DEFLATED
            made.writestr(info, given.read(name))
    return buffer.getvalue()
