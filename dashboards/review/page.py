"""A review as one HTML file: no scripts, nothing fetched, charts inside as SVG, a style for paper."""

from pathlib import Path

from dashboards import wording
from dashboards.review.document import Block, Chart, Document, Paragraph, Section, Table
from dashboards.wording import HTML_LANGUAGES, escaped, say

STYLE = Path(__file__).with_name("page.css")


def write(document: Document, target: Path, faces: Path | None = None) -> None:
    """`faces` is for formats that embed typefaces; a page names them."""
    target.write_text(_page(document), encoding="utf-8")


def _page(document: Document) -> str:
    language = HTML_LANGUAGES[document.language]
    body = (
        _head(document)
        + "".join(_block(block, document) for block in document.abstract)
        + f'<p class="notes">{escaped(document.source)} {escaped(document.legend_line)}</p>'
        + _contents(document)
        + "".join(_section(section, document) for section in document.sections)
        + "".join(f'<p class="plain">{_said(field.label, field.value, document)}</p>' for field in document.foot)
    )
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(document.title)}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _said(label: str, value: str, document: Document) -> str:
    return escaped(f"{label}{wording.colon(document.language)}{value}")


def _head(document: Document) -> str:
    fields = "".join(f"<dt>{escaped(field.label)}</dt><dd>{escaped(field.value)}</dd>" for field in document.head)
    first = (
        f'<p class="plain"><strong>{escaped(document.classification)}</strong></p>' if document.classification else ""
    )
    number = f'<p class="number">{escaped(document.number)}</p>' if document.number else ""
    return f'<header>{first}{number}<h1>{escaped(document.title)}</h1><dl class="head">{fields}</dl></header>\n'


def _contents(document: Document) -> str:
    items = "".join(f'<li><a href="#{section.id}">{escaped(section.heading)}</a></li>' for section in document.sections)
    return f'<nav aria-label="{escaped(say("review.contents", document.language))}"><ol>{items}</ol></nav>\n'


def _section(section: Section, document: Document) -> str:
    kind = ' class="annex"' if section.is_annex else ""
    blocks = "\n".join(_block(block, document) for block in section.blocks)
    return f'<section id="{section.id}"{kind}>\n<h2>{escaped(section.heading)}</h2>\n{blocks}\n</section>\n'


def _block(block: Block, document: Document) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escaped(block.text)}</p>"
    if isinstance(block, Chart):
        return f"<figure>{block.svg}<figcaption>{escaped(block.caption(document.language))}</figcaption></figure>"
    return _table(block, document)


def _table(table: Table, document: Document) -> str:
    heads = "".join(f'<th scope="col">{escaped(column.label)}</th>' for column in table.columns)
    rows = []
    for row in table.rows:
        first, *others = zip(row, table.columns, strict=True)
        cells = "".join(f'<td class="{column.side}">{escaped(cell.text)}</td>' for cell, column in others)
        rows.append(f'<tr><th scope="row" class="{first[1].side}">{escaped(first[0].text)}</th>{cells}</tr>')
    label, space = say("review.notes", document.language), "" if document.language == "zh" else " "
    notes = f'<p class="notes">{escaped(label + space.join(table.notes))}</p>' if table.notes else ""
    caption = escaped(table.caption(document.language))
    return (
        f'<div class="wide"><table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{notes}"
    )
