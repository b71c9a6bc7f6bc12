"""Personal values that no cell may carry and no message may show, whatever a contract says (`seeds/denied.yml`)."""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePath

import polars as pl

from pipelines.catalogue import Column, denied

LONGEST_HEADING = 40
DIGITS_OF_A_VALUE = 6
MIDDLE_OF_MOBILES = (13 * 10**9, 20 * 10**9 - 1)
FIFTEEN_DIGITS = (10**14, 10**15 - 1)
CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
ZERO = ord("0")


def carries_personal_value(text: pl.Expr) -> pl.Expr:
    """Whether a text holds an ID number with its check digit (GB 11643, ISO 7064 MOD 11-2), a mobile number or a plate.

    Boolean, never null. Patterns alone decide for nearly every row; the check digit is computed for those left.
    """
    plain = "|".join(value.standing_alone for value in denied().values if value.check is None)
    checked = text.map_batches(_has_checked_number, return_dtype=pl.Boolean, is_elementwise=True)
    return (text.str.contains(plain) | checked).fill_null(value=False)


def _has_checked_number(texts: pl.Series) -> pl.Series:
    """Whether a text holds a number whose check digit is right."""
    patterns = [value for value in denied().values if value.check == "mod_11_2"]
    alike = texts.str.contains("|".join(value.standing_alone for value in patterns)).fill_null(value=False)
    if not alike.any():
        return alike
    rows = alike.arg_true()
    numbers = pl.DataFrame({"row": rows, "number": texts.gather(rows).str.extract_all("[0-9]{19,}|[0-9]{17}[0-9Xx]")})
    whole = numbers.explode("number").filter(
        pl.col("number").str.contains("|".join(f"^{value.pattern}$" for value in patterns))
    )
    valid = whole.filter(_check_digit_is_right(pl.col("number")))["row"].unique()
    return pl.repeat(False, len(texts), dtype=pl.Boolean, eager=True).scatter(valid, True).alias(texts.name)


def _check_digit_is_right(number: pl.Expr) -> pl.Expr:
    """The weighted sum of all 18 places is 1 modulo 11; X counts ten, as does the character after 9."""
    places = number.str.replace("[Xx]$", chr(ZERO + 10)).cast(pl.Binary).bin.reinterpret(dtype=pl.Array(pl.UInt8, 18))
    weights = pl.lit(pl.Series([CHECK_WEIGHTS], dtype=pl.Array(pl.Int32, 18)))
    return ((places.cast(pl.Array(pl.Int32, 18)) * weights).arr.sum() - ZERO * sum(CHECK_WEIGHTS)) % 11 == 1


def personal_check(column: Column, text: pl.Expr, number: pl.Expr) -> pl.Expr | None:
    """Whether a kept cell carries a personal value; None for columns that cannot keep one.

    `text` is the folded cell, `number` what became of it: an integer, or money in its own unit. Codes, areas, dates
    and booleans keep nothing of a text they do not know; identifiers and large numbers do.
    """
    if column.type == "identifier":
        return carries_personal_value(text)
    if column.type in ("integer", "money"):
        is_old_id = number.is_between(*FIFTEEN_DIGITS) & carries_personal_value(number.cast(pl.String))
        return (number.is_between(*MIDDLE_OF_MOBILES) | is_old_id).fill_null(value=False)
    return None


def shown_headings(headings: Iterable[str]) -> list[str]:
    """Headings no contract claims, as they may be said.

    Where one of them looks like a value, the header row is data or has swallowed some, and a name beside it looks like a
    heading: only what announces personal columns is then said, all else is a shape.
    """
    given = list(headings)
    holds_data = any(map(is_value, given))
    return [
        text if (denied().heading(text) or not holds_data) and not is_value(text) else f"text, {len(text)} characters"
        for text in given
    ]


def personal_headings(headings: Iterable[str]) -> list[str]:
    """Those that announce what is never taken in; columns under them are not read."""
    return [text for text in headings if denied().heading(text) and not is_value(text)]


@lru_cache(maxsize=1024)
def shown_file_name(name: str) -> str:
    """A file's name as it may be written down: of one that carries a personal value only the shape and the kind of file."""
    name = name.encode(errors="replace").decode()  # bytes that are no text
    path = PurePath(name)
    return f"text, {len(path.stem)} characters{path.suffix.lower()}" if _carries(name) else name


def _carries(text: str) -> bool:
    folded = pl.Series([text]).str.normalize("NFKC").to_frame("text")
    return bool(folded.select(carries_personal_value(pl.col("text"))).item())


def is_value(text: str) -> bool:
    """Whether a text is rather a value than a name for values: six digits and more, long, or a personal value in it."""
    many_digits = len(re.findall(r"\d", text)) >= DIGITS_OF_A_VALUE
    return many_digits or len(text) > LONGEST_HEADING or _carries(text)
