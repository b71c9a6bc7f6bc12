"""Which month a form reports on, as its title, its sheet's name or its file's name words it."""

import re
from collections.abc import Iterable, Mapping

from pipelines.periods import YEARS
from pipelines.settings import UserError

Month = tuple[int | None, int | None]  # year and month, each None where a text does not say it

DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
YEAR_IN_WORDS = re.compile(r"[〇○零一二三四五六七八九]{4}(?=年)")
MONTH_IN_WORDS = re.compile(r"(十[一二]?|[一二三四五六七八九])(?=月)")
IN_WORDS = {word: str(n) for n, word in enumerate([*"一二三四五六七八九十", "十一", "十二"], 1)}
DAY = re.compile(r"(?<!\d)\d{4}(?:年\d{1,2}月\d{1,2}日?|([-/.])\d{1,2}\1\d{1,2}|\d{4})(?!\d)|(?<!\d)\d{1,2}月\d{1,2}日")
SPAN = re.compile(
    r"(?:(\d{4})年)?\d{1,2}月?[-—–~～至到](?:\d{4}年)?\d{1,2}月|\d{4}[-/.]\d{1,2}(?:\.\.|[—–~～至到])\d{4}[-/.]\d{1,2}"
)
WHOLE = re.compile(r"(?<!\d)(\d{4})(?:年|[-/.])(0?[1-9]|1[0-2])(?:月(?:份)?|(?![-/.\d年]))")
COMPACT = re.compile(r"(?<!\d)(20\d\d)(0[1-9]|1[0-2])(?!\d)")
YEAR = re.compile(r"(?<!\d)(\d{4})年")
MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])月")
LEVEL = re.compile(r"(?:(\d{4})(?:年|[-/.]))?(1[0-2]|0?[1-9])(?:月(?:份)?)?|(\d{4})年(?:度)?")


def level(text: str) -> Month | None:
    """The month that a heading names and nothing else: 5月, 2025年5月, 2025-05 or, above months, 2025年."""
    found = LEVEL.fullmatch(_in_digits(text))
    if found is None or not (found[1] or found[3] or "月" in text):
        return None
    return _number(found[1] or found[3]), _number(found[2])


def spoken_of(text: str) -> set[Month]:
    """Years and months that a text names; days and spans of months are no months, a span's year counts."""
    plain = DAY.sub(" ", _in_digits(text))
    found = {(_number(span[1]), None) for span in SPAN.finditer(plain) if span[1]}
    for form in (WHOLE, COMPACT):
        plain = SPAN.sub(" ", plain)
        found |= {(int(m[1]), int(m[2])) for m in form.finditer(plain)}
        plain = form.sub(" ", plain)
    found |= {(int(m[1]), None) for m in YEAR.finditer(plain)}
    found |= {(None, int(m[1])) for m in MONTH.finditer(YEAR.sub(" ", plain))}
    return {(year, month) for year, month in found if year is None or year in YEARS}


def agreed(where: str, sources: Mapping[str, Iterable[Month]]) -> Month:
    """Year and month on which all sources agree. Raises `UserError` naming those that contradict each other."""
    year, month = (
        _one(where, {source: {said[part] for said in all_said} - {None} for source, all_said in sources.items()}, what)
        for part, what in enumerate(("year", "month"))
    )
    return year, month


def required_year(where: str, year: int | None, told: tuple[str, str] | None, *, is_needed: bool) -> int | None:
    """The year of months written without one: as said, else as told. Raises `UserError` when the two differ or none says it."""
    years = [int(month[:4]) for month in told] if told else []
    if year is not None and years and not years[0] <= year <= years[1]:
        raise UserError(f"{where} speaks of {year}, but was handed in for {told[0]} to {told[1]}. Mend what is wrong.")
    if year is None and years and years[0] == years[1]:
        year = years[0]
    if year is None and is_needed:
        raise UserError(
            f"{where}: months without a year. Write the year into the title, as in 2025年, or name it with --period 2025."
        )
    return year


def required_month(where: str, said: Month, told: tuple[str, str] | None) -> str:
    """The one month (YYYY-MM) of a form: as said, else as told. Raises `UserError` when the two differ or none says it."""
    year, month = said
    only = told[0] if told and told[0] == told[1] else None
    if month is None and only is not None and year in (None, int(only[:4])):
        return only
    year = required_year(where, year, told, is_needed=month is not None)
    if year is None or month is None:
        raise UserError(
            f"{where}: no column and no title names its month. Write it into the title, as in 2025年3月, "
            "or name it with --period 2025-03."
        )
    if told and not told[0] <= f"{year}-{month:02d}" <= told[1]:
        raise UserError(
            f"{where} speaks of {year}-{month:02d}, but was handed in for {told[0]} to {told[1]}. Mend what is wrong."
        )
    return f"{year}-{month:02d}"


def written(said: Month, year: int | None) -> str:
    """A month of a header as YYYY-MM, with the year of the form where it has none of its own."""
    return f"{said[0] or year}-{said[1]:02d}"


def _one(where: str, said: Mapping[str, set[int | None]], what: str) -> int | None:
    values = set().union(*said.values()) if said else set()
    if len(values) > 1:
        sources = " and ".join(source for source, named in said.items() if named)
        raise UserError(f"{where}: {sources} name more than one {what}. Mend what is wrong, so that all say the same.")
    return next(iter(values), None)


def _in_digits(text: str) -> str:
    plain = YEAR_IN_WORDS.sub(lambda year: year[0].translate(DIGITS), "".join(text.split()))
    return MONTH_IN_WORDS.sub(lambda month: IN_WORDS[month[0]], plain)


def _number(text: str | None) -> int | None:
    return int(text) if text else None
