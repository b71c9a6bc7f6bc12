"""CSV files for everybody: UTF-8 with byte order mark, and no text cell that a spreadsheet would take for a formula."""

from pathlib import Path

import polars as pl

# Signs with which a spreadsheet begins a formula, in the widths that Chinese input methods write, and the white space
# that it skips before one (OWASP, CSV injection).
FORMULA = r"^[=+\-@＝＋－＠\t\r\n]"
AS_TEXT = "'"


def neutralised(column: pl.Expr) -> pl.Expr:
    """Text as it is; where it would begin a formula, behind an apostrophe, which a spreadsheet reads as `this is text`."""
    is_formula = column.str.contains(FORMULA)
    return pl.when(is_formula).then(pl.lit(AS_TEXT) + column).otherwise(column)


def write_csv(frame: pl.DataFrame, path: Path) -> Path:
    """Write a table, its text cells neutralised; numbers, negative ones too, stay numbers. Returns the path."""
    texts = [neutralised(pl.col(name)).alias(name) for name, kind in frame.schema.items() if kind == pl.String]
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.with_columns(texts).write_csv(path, include_bom=True, quote_style="necessary")
    return path
