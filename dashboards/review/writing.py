"""The files of a review: one a format and language, under names that say area and period."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dashboards.review import page, pdf, word, workbook
from dashboards.review.document import Document

Writer = Callable[[Document, Path, Path | None], None]
WRITERS: Mapping[str, Writer] = {"pdf": pdf.write, "docx": word.write, "xlsx": workbook.write, "html": page.write}


def write(
    document: Document,
    folder: Path,
    stem: str,
    formats: Sequence[str],
    template: Path | None = None,
    faces: Path | None = None,
) -> list[Path]:
    """Write a document in some formats; each file appears whole or not at all. Raises `UserError` of its writer.

    `template`: an office's own .docx, filled instead of the plain one; `faces`: a folder with an office's own fonts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as draft:
        for ending in formats:
            target = Path(draft) / f"{stem}.{ending}"
            if ending == "docx" and template is not None:
                word.fill(template, document, target, faces)
            else:
                WRITERS[ending](document, target, faces)
            written.append(target.replace(folder / target.name))
    return written
