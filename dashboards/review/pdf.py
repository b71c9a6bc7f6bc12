"""A review as PDF, set by typst after GB/T 9704-2012 as far as free typefaces allow; and its charts as pictures.

No font is looked for on the machine, so that a file looks the same everywhere; an office's own may be put before ours.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dashboards import wording
from dashboards.review import layout
from dashboards.review.document import Block, Chart, Document, Paragraph
from dashboards.wording import say
from pipelines.settings import UserError

SOURCE = Path(__file__).with_name("review.typ")
SERIF, SANS = "Noto Serif SC", "Noto Sans SC"
# What the standard asks for by role, as the names of families say it, and what stands in for it.
ROLES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "body": (("仿宋", "fangsong"), SERIF),
    "heading": (("黑体", "simhei"), SANS),
    "title": (("小标宋", "xiaobiaosong"), SERIF),
}
DOTS_PER_INCH = 180.0
PICTURE_POINTS = 480
PICTURE_PIXELS = PICTURE_POINTS / 72 * DOTS_PER_INCH

Families = Mapping[str, tuple[str, ...]]


def typst() -> Any:
    """The typesetter. Raises `UserError` where the extra that brings it is not installed."""
    try:
        import typst
    except ImportError:
        raise UserError("PDF and pictures of charts need the extra `review`: pip install 'fengqiao[review]'.") from None
    return typst


def _typefaces() -> Path:
    """The folder of the typefaces that come with the extra `review`, under the SIL Open Font License."""
    package = find_spec("pylopdf_fonts_zh_cn")
    if package is None or package.origin is None:
        raise UserError("The typefaces of the review need the extra `review`: pip install 'fengqiao[review]'.")
    return Path(package.origin).parent


@cache
def _fonts(folder: Path | None) -> tuple[Any, Families]:
    """The fonts that may be used, and by role the families in the order in which they are tried."""
    paths = [str(_typefaces()), *([str(folder)] if folder else [])]
    found = typst().Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)
    own = sorted({font.family for font in found.fonts()} - {SERIF, SANS})
    if folder and not own:
        raise UserError(f"{folder} holds no font file; expected TTF or OTF files such as those of 仿宋_GB2312.")
    return found, {role: _tried(own, role) for role in ROLES}


def _tried(own: list[str], role: str) -> tuple[str, ...]:
    """An office's families for a role, then those of its that are for no role, then ours."""
    names, ours = ROLES[role]
    fitting = [family for family in own if _is_for(family, names)]
    others = [family for family in own if not any(_is_for(family, known) for known, _ in ROLES.values())]
    return (*fitting, *others, *dict.fromkeys((ours, SERIF, SANS)))


def _is_for(family: str, names: tuple[str, ...]) -> bool:
    return any(name in family.lower().replace(" ", "") for name in names)


def _compiled(source: bytes | Path, faces: Path | None, **options: Any) -> bytes:
    found, _ = _fonts(faces)
    try:
        return typst().compile(source, font_paths=found, **options)
    except typst().TypstError as error:
        raise UserError(f"The review could not be set: {error.message}.") from None


def write(document: Document, target: Path, faces: Path | None = None) -> None:
    """`faces`: a folder with an office's own fonts, which are tried before ours."""
    _, families = _fonts(faces)
    inputs = {
        "review": json.dumps(_laid_out(document), ensure_ascii=False),
        "faces": json.dumps(families, ensure_ascii=False),
    }
    target.write_bytes(_compiled(SOURCE, faces, sys_inputs=inputs, timestamp=document.made_at))


def picture(chart: Chart, faces: Path | None = None) -> bytes:
    """A chart as PNG, for the formats that take no SVG."""
    page = "#set page(width: auto, height: auto, margin: 0pt)"
    source = f'{page}\n#image(bytes(sys.inputs.svg), format: "svg", width: {PICTURE_POINTS}pt)'
    return _compiled(source.encode(), faces, format="png", ppi=DOTS_PER_INCH, sys_inputs={"svg": chart.svg})


def _laid_out(document: Document) -> Mapping[str, Any]:
    """The document as the typesetter's source reads it."""
    language, made = document.language, document.made_at
    return {
        "language": language,
        "title": document.title,
        "title_lines": document.title_lines,
        "author": next((field.value for field in document.head if field.id == "office"), ""),
        "number": document.number,
        "classification": document.classification,
        "colon": wording.colon(language).strip() + (" " if language == "en" else ""),
        "made": {"year": made.year, "month": made.month, "day": made.day},
        "head": [{"label": field.label, "value": field.value} for field in document.head],
        "foot": [{"label": field.label, "value": field.value} for field in document.foot],
        "abstract": [_block(block, document) for block in document.abstract],
        "source": document.source,
        "legend": document.legend_line,
        "sections": [
            {
                "heading": section.heading,
                "is_annex": section.is_annex,
                "blocks": [_block(block, document) for block in section.blocks],
            }
            for section in document.sections
        ],
    }


def _block(block: Block, document: Document) -> Mapping[str, Any]:
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text}
    if isinstance(block, Chart):
        caption = block.caption(document.language)
        return {"kind": "chart", "svg": block.svg, "alt": block.alt, "caption": caption}
    return {
        "kind": "table",
        "id": block.id,
        "caption": block.caption(document.language),
        "continued": say("review.continued", document.language),
        "columns": [{"label": column.label, "side": column.side} for column in block.columns],
        "size": layout.size(block),
        "widths": layout.shares(block),
        "groups": layout.groups(block),
        "rows": [[cell.text for cell in row] for row in block.rows],
        "notes": block.notes,
        "notes_label": say("review.notes", document.language),
    }
