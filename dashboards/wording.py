"""How figures are said in Chinese and English: numbers, periods, changes, sentences.

Words of the pages stand in `words.yml`; labels of indicators, areas, categories and units come with the release and
the catalogue.
Values are rounded half up for reading and never computed: every change and percentage is a column of the release.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pipelines import catalogue
from pipelines.catalogue import Card, Declared, Words

Language = Literal["zh", "en"]
Direction = Literal["up", "down", "flat"]
LANGUAGES: Mapping[Language, str] = {"zh": "中文", "en": "English"}
HTML_LANGUAGES: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}
MISSING = "—"
# What a public edition, which alone says `decimals`, calls a change -> the verdict; of what takes no side it only says the direction.
CHANGE_WORDS: Mapping[str, Literal["better", "worse", "unclear"] | None] = {
    "improved": "better",
    "worsened": "worse",
    "cannot_tell": "unclear",
    "higher": None,
    "lower": None,
}
# 件数, 人次, 场次, 数: what the unit of the value says again
COUNTED = re.compile(r"((?<!案)件|人|场|批|项|次|个)?[数次]$")
ARTICLE = re.compile(r"(?P<name>.+)第(?P<article>\d+(至\d+)?)条")
FULL_WIDTH = str.maketrans("()", "（）")  # as a Chinese text is set; registers write either
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# how the register of figures names the articles it was begun with
PRESS = re.compile(r"(?P<number>A\d+) (?P<name>.+?)( (?P<day>\d{4}-\d{2}-\d{2}))?")
PER_10K = "/万人"
UNCOUNTED = ("percent", "day", "yuan", "wan_yuan")
SUPPRESSED = "[c]"
CONFIDENTIAL = "c"
NOT_AVAILABLE = "x"
TEN_THOUSAND = 10_000
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Figure(NamedTuple):
    """One row of the release's `figures`: an indicator in an area and period, as a total or a category of a breakdown.

    Values are in the card's unit; `change_on_year` is a difference (percentage points where the unit is percent).
    What stands behind `status` only some releases say: the interval, and of a public edition the decimals that its counts
    carry, the `band` that is shown in place of a value (`at_least` low, `at_most` high, or days such as `8-15`), and what
    the change on the year may be called, its noise considered (`change_word`).
    """

    indicator: str
    area_code: str
    period: str
    breakdown: str
    category: str
    value: float | None
    numerator: int | None
    denominator: int | None
    value_year_before: float | None
    value_period_before: float | None
    change_on_year: float | None
    change_on_year_percent: float | None
    change_on_period: float | None
    status: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    band: str | None = None
    change_word: str | None = None


class Lexicon(Declared):
    """The words of `words.yml`, by use."""

    ui: Mapping[str, Words]
    levels: Mapping[str, Words]
    verdicts: Mapping[str, Words]
    notices: Mapping[str, Words]
    breakdowns: Mapping[str, Words]
    sentence: Mapping[str, Words]
    changes: Mapping[str, Words]
    columns: Mapping[str, Words]
    periods: Mapping[str, Words]
    finding: Mapping[str, Words]
    quality: Mapping[str, Words]
    signed: Mapping[str, Words]
    bands: Mapping[str, Words]
    basis: Mapping[str, Words]
    review: Mapping[str, Words]
    statutes: Mapping[str, Words]
    compared: Mapping[str, Words]
    pages: Mapping[str, Words]
    systems: Mapping[str, Words]
    targets: Mapping[str, Words]
    overdue: Mapping[str, Words]
    zero_lines: Mapping[str, Words]
    standing: Mapping[str, Words]
    variants: Mapping[str, Words]
    days: Mapping[str, Words]
    explorer: Mapping[str, Words]
    analysis: Mapping[str, Words]
    map: Mapping[str, Words]
    tiers: Mapping[str, Words]
    assessment: Mapping[str, Words]
    books: Mapping[str, Words]
    definitions: Mapping[str, Words]
    access: Mapping[str, Words]
    sign_in: Mapping[str, Words]
    bulletin: Mapping[str, Words]


@cache
def lexicon() -> Lexicon:
    values, _ = catalogue.read_yaml(Path(__file__).with_name("words.yml"))
    return Lexicon.model_validate(values)


def spoken(words: Words, language: Language) -> str:
    return words.zh if language == "zh" else words.en


def say(key: str, language: Language, **values: object) -> str:
    """A word of the pages, its gaps filled. `key` is `section.word`, or a word of section `ui`."""
    section, _, word = key.rpartition(".")
    words: Mapping[str, Words] = getattr(lexicon(), section or "ui")
    return spoken(words[word], language).format(**values)


def joined(parts: Iterable[str], language: Language) -> str:
    """Parts of a title or name side by side; empty ones fall away."""
    return ("·" if language == "zh" else ", ").join(part for part in parts if part)


def clauses(parts: Iterable[str], language: Language) -> str:
    """Remarks one after the other; empty ones fall away."""
    return ("；" if language == "zh" else "; ").join(part for part in parts if part)


def listed(parts: Iterable[str], language: Language) -> str:
    return ("、" if language == "zh" else "; ").join(parts)


def run(sentences: Iterable[str], language: Language) -> str:
    """Sentences one after the other."""
    return ("" if language == "zh" else " ").join(sentences)


def colon(language: Language) -> str:
    return "：" if language == "zh" else ": "


def label(card: Card, language: Language) -> str:
    return spoken(card.label, language)


def label_with_unit(card: Card, language: Language) -> str:
    """The label as the head of a column of bare numbers; a percentage names itself."""
    return label(card, language) if card.unit == "percent" else headed(label(card, language), card.unit, language)


def headed(text: str, unit: str, language: Language) -> str:
    """A head with its unit, unless it says it, as 信访件次, 受理件数（上报口径） and Petition matters as reported do."""
    symbol = catalogue.units()[unit][f"symbol_{language}"]
    told = text.partition("（" if language == "zh" else " (")[0]
    is_said = told.endswith((symbol, f"{symbol}数")) if language == "zh" else symbol in told.lower().split()
    return text if is_said else bracketed(text, symbol, language)


def bracketed(text: str, more: str, language: Language) -> str:
    """A text and what stands in brackets behind it; brackets at its end take it in: 受理件数（上报口径，件）."""
    opening, comma, closing = ("（", "，", "）") if language == "zh" else (" (", ", ", ")")
    if text.endswith(closing):
        return f"{text.removesuffix(closing)}{comma}{more}{closing}"
    return f"{text}{opening}{more}{closing}"


def label_in_text(card: Card, language: Language) -> str:
    """The label inside a sentence: in English its first letter is small."""
    return in_text(label(card, language), language)


def in_text(text: str, language: Language) -> str:
    """A word that begins with a capital, after other words."""
    return text[0].lower() + text[1:] if language == "en" else text


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def counted_label(card: Card, language: Language, *, in_text: bool = False) -> str:
    """The label as it stands before its value. Chinese leaves out the measure word that the value brings along:

    调解办结件数 and 776件 make 调解办结776件.
    """
    if language == "zh":
        return COUNTED.sub("", card.label.zh) if card.unit not in UNCOUNTED else card.label.zh
    return label_in_text(card, language) if in_text else label(card, language)


def counted_value(value: float | None, card: Card, language: Language) -> str:
    """The value as it follows such a label: with its unit in Chinese, in English only where the label does not name it."""
    if language == "en" and card.unit not in UNCOUNTED:
        return value_text(value, card, language)
    return quantity(value, card, language).removesuffix(PER_10K)


def short_value(value: float, card: Card, language: Language) -> str:
    """A round value such as a target, without idle zeros."""
    return bound_text(value, card, language) + unit_text(value, card, language)


def bound_text(value: float, card: Card, language: Language) -> str:
    """A round value without its unit and idle zeros."""
    return number(value, card.decimals, language, exact=True, trim=True) + ("%" if card.unit == "percent" else "")


def with_unit(value: int, unit: Mapping[str, str], language: Language) -> str:
    """A whole number with a unit of the units table."""
    symbol = unit[f"symbol_{language}"]
    if language == "zh":
        return f"{value:,}{symbol}"
    return f"{value:,} {symbol.removesuffix('s') if value == 1 else symbol}"


def whole(value: int) -> str:
    return f"{value:,}".replace("-", "−")


def rounded(value: float, decimals: int) -> Decimal:
    """Half up on the written value, never truncated and never to even."""
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def number(value: float, decimals: int, language: Language, *, exact: bool = False, trim: bool = False) -> str:
    """A number with thousands separators; in Chinese 万 from ten thousand unless `exact`; `trim` drops idle zeros."""
    if language == "zh" and not exact and abs(value) >= TEN_THOUSAND:
        return _trimmed(f"{rounded(value, 0).scaleb(-4).quantize(Decimal('0.01'), rounding=ROUND_HALF_UP):,f}") + "万"
    text = f"{rounded(value, decimals):,f}"
    return _trimmed(text) if trim else text


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(value: float | None, card: Card, language: Language, *, exact: bool = False) -> str:
    """The value without its unit; percent keeps its sign. A missing value is a dash."""
    if value is None:
        return MISSING
    if card.unit == "percent":
        return f"{number(value, card.decimals if value else 0, language, exact=True)}%"
    return number(value, card.decimals, language, exact=exact, trim=True)


def limit_text(value: float | None, card: Card, language: Language) -> str:
    """A limit of ordinary variation, with a decimal where counts have none: 8.8 must not read as the 9 that lies beyond."""
    if value is None:
        return MISSING
    return number(value, max(card.decimals, 1), language, exact=True) + ("%" if card.unit == "percent" else "")


def before_text(figure: Figure | None, card: Card, language: Language, *, exact: bool = False) -> str:
    """The value of the year before without its unit, at the decimals that the figure carries."""
    before = figure.value_year_before if figure else None
    return value_text(before, as_carried(card, figure), language, exact=exact)


def as_carried(card: Card, figure: Figure | None) -> Card:
    """The card with the decimals that a figure carries; most carry those of their card."""
    if figure is None or figure.decimals in (None, card.decimals):
        return card
    return card.model_copy(update={"decimals": figure.decimals})


def band_text(figure: Figure, card: Card, language: Language) -> str:
    """What is shown in place of a value: a rate near none or all, or the days between which a quantile lies."""
    if figure.band == "at_least":
        return say("bands.at_least", language, value=value_text(figure.low, as_carried(card, figure), language))
    if figure.band == "at_most":
        return say("bands.at_most", language, value=value_text(figure.high, as_carried(card, figure), language))
    first, _, last = str(figure.band).partition("-")
    if not last:
        return say("bands.at_least", language, value=first.removesuffix("+"))
    return say("bands.between", language, first=first, last=last)


def shown(figure: Figure | None, card: Card, language: Language, *, exact: bool = False) -> str:
    """The value of a figure without its unit, or its band; suppressed [c], missing —."""
    if figure is not None and figure.value is None and figure.band:
        return band_text(figure, card, language)
    if figure is None or figure.value is None:
        return SUPPRESSED if figure and "c" in figure.status else MISSING
    return value_text(figure.value, as_carried(card, figure), language, exact=exact)


def stated(figure: Figure | None, card: Card, language: Language) -> str | None:
    """A figure with its unit as a sentence has it: its value or its band; None where it is not shown."""
    if figure is None or (figure.value is None and not figure.band):
        return None
    if figure.value is not None:
        return quantity(figure.value, as_carried(card, figure), language)
    unit = "" if card.unit == "percent" else unit_of_axis(card, language)
    return band_text(figure, card, language) + (f" {unit}" if unit and language == "en" else unit)


def unit_text(value: float | None, card: Card, language: Language) -> str:
    """The unit as it follows the value; empty after percent and a dash."""
    if value is None or card.unit == "percent":
        return ""
    symbol = catalogue.units()[card.unit][f"symbol_{language}"]
    if language == "zh":
        return symbol
    return " " + (symbol.removesuffix("s") if rounded(abs(value), card.decimals) == 1 else symbol)


def quantity(value: float | None, card: Card, language: Language, *, exact: bool = False) -> str:
    return value_text(value, card, language, exact=exact) + unit_text(value, card, language)


def unit_of_axis(card: Card, language: Language) -> str:
    return catalogue.units()[card.unit][f"symbol_{language}"]


def direction(figure: Figure, card: Card) -> Direction | None:
    """Whether the figure lies above, below or level with the year before, as shown. None without a base."""
    card = as_carried(card, figure)
    if figure.change_on_year is None or figure.value is None or figure.value_year_before is None:
        return None
    same = rounded(figure.value, card.decimals) == rounded(figure.value_year_before, card.decimals)
    if same or rounded(figure.change_on_year, card.decimals) == 0:
        return "flat"
    return "up" if figure.change_on_year > 0 else "down"


def verdict(figure: Figure, card: Card) -> Literal["better", "worse", "flat"] | None:
    """Better or worse than the year before; None where the card takes no side or there is no base."""
    way = direction(figure, card)
    if way == "flat":
        return "flat"
    if way is None or card.better == "neither":
        return None
    return "better" if (way == "up") == (card.better == "higher") else "worse"


def is_of_the_same(whole: Figure | None, part: Figure | None) -> bool:
    """Whether two rates are of the same cases, as of a city of which one district alone hands in a form."""
    if whole is None or part is None or not whole.denominator:
        return False
    return (whole.numerator, whole.denominator) == (part.numerator, part.denominator)


def is_within_noise(figure: Figure) -> bool:
    """Whether a public edition says that its change may be made by its noise alone."""
    return figure.change_word is not None and CHANGE_WORDS[figure.change_word] == "unclear"


def judgement(
    figure: Figure | None, before: Figure | None, card: Card
) -> Literal["better", "worse", "flat", "unclear"] | None:
    """The verdict on a figure beside that of the year before.

    Unclear where both are known and the release gives no change, as of figures that are not comparable, or says that they
    differ by no more than their noise. None where one is missing or too small to say, or the card takes no side in a
    change.
    """
    if figure is not None and figure.decimals is not None:
        return CHANGE_WORDS[figure.change_word] if figure.change_word else None
    if figure is None or figure.value is None or before is None or before.value is None:
        return None
    return "unclear" if direction(figure, card) is None else verdict(figure, card)


def change(figure: Figure, card: Card, language: Language) -> str:
    """The difference to the year before in words, with its percentage where the release has one; empty without a base."""
    way = direction(figure, card)
    card = as_carried(card, figure)
    if way is None or figure.change_on_year is None:
        return ""
    if way == "flat":
        return say("changes.flat", language)
    if card.unit == "percent":
        return say(
            f"changes.points_{way}", language, amount=number(abs(figure.change_on_year), card.decimals, language)
        )
    amount = _amount(figure.change_on_year, card, language)
    if card.unit == "day":
        return say(f"changes.days_{way}", language, amount=amount)
    kind = "rate" if card.kind == "ratio" else "count"
    return say(f"changes.{kind}_{way}", language, amount=amount) + _growth(figure, way, language)


def _amount(difference: float, card: Card, language: Language) -> str:
    """A difference as a count; English names its unit elsewhere in the sentence, except for days."""
    if language == "zh" or card.unit == "day":
        return quantity(abs(difference), card, language).removesuffix(PER_10K)
    return value_text(abs(difference), card, language)


def _growth(figure: Figure, way: Direction, language: Language) -> str:
    percent, decimals = figure.change_on_year_percent, _growth_decimals(figure)
    if percent is None or not figure.value:  # what is nought now has fallen by all there was
        return ""
    if rounded(percent, decimals) == 0:
        return say(f"changes.growth_small_{way}", language) if decimals else ""
    return say(f"changes.growth_{way}", language, percent=f"{number(abs(percent), decimals, language, exact=True)}%")


def _growth_decimals(figure: Figure) -> int:
    """Of a percentage of change: one, where the counts behind it are exact; else none."""
    return 1 if figure.decimals is None else 0


def signed_amount(value: float | None, card: Card, language: Language) -> str:
    """How far a figure lies from another in the card's unit, with its sign; percentage points where the unit is percent."""
    if value is None:
        return MISSING
    if rounded(value, card.decimals) == 0:
        return say("signed.same", language)
    amount = signed(value, card.decimals, trim=card.unit != "percent")
    return say("signed.percent", language, amount=amount) if card.unit == "percent" else amount


def signed_count(value: int | None) -> str:
    """A signed whole number for a table cell."""
    return MISSING if value is None else signed(float(value), 0)


def signed_change(figure: Figure | None, card: Card, language: Language) -> str:
    """The difference to the year before for a table cell: a signed number, its percentage where the release has one; a
    word where noise may have made it.
    """
    way = direction(figure, card) if figure else None
    if figure is None or way is None or figure.change_on_year is None:
        return MISSING
    if is_within_noise(figure):
        return say("verdicts.unclear", language)
    card = as_carried(card, figure)
    if way == "flat":
        return say("changes.flat", language)
    amount = signed(figure.change_on_year, card.decimals, trim=card.unit != "percent")
    if card.unit == "percent":
        return say("signed.percent", language, amount=amount)
    if figure.change_on_year_percent is None:
        return amount
    return say(
        "signed.growth",
        language,
        amount=amount,
        percent=signed(figure.change_on_year_percent, _growth_decimals(figure)),
    )


def signed(value: float, decimals: int, *, trim: bool = False) -> str:
    """A number with its sign; none where it reads as nought."""
    sign = "" if rounded(value, decimals) == 0 else "+" if value > 0 else "−"
    return sign + number(abs(value), decimals, "en", trim=trim)


def month_of(period: str) -> tuple[int, int]:
    """Year and month of a period id that ends in a month (`2025-10`, `2025-01..2025-10`)."""
    last = period.rpartition("..")[2]
    return int(last[:4]), int(last[5:7])


def year_to_date(month: str) -> str:
    """The cumulative period that ends with a month: `2025-10` -> `2025-01..2025-10`."""
    return f"{month[:4]}-01..{month}"


def ending_with(month: str) -> str:
    """The longest standard period that ends with a month: `2025-12` -> `2025`, `2025-06` -> `2025-H1`."""
    year, part = month[:4], {"12": "", "06": "-H1", "03": "-Q1", "09": "-Q3"}.get(month[5:])
    return month if part is None else year + part


def month_name(month: str, language: Language) -> str:
    year, number_of_month = month_of(month)
    return f"{year}年{number_of_month}月" if language == "zh" else f"{MONTHS[number_of_month - 1]} {year}"


def day_name(day: str, language: Language) -> str:
    """A day written as `2025-12-31`, possibly with a time after it; anything else as it is."""
    if len(day) < 10 or day[4] != "-":
        return day
    year, month, number_of_day = day[:4], int(day[5:7]), int(day[8:10])
    return f"{year}年{month}月{number_of_day}日" if language == "zh" else f"{number_of_day} {MONTHS[month - 1]} {year}"


def span_name(first: str, last: str, language: Language) -> str:
    """Two months and all between, the year said once where it is the same."""
    if first == last:
        return month_name(first, language)
    (year, start), (last_year, end) = month_of(first), month_of(last)
    if year != last_year:
        return f"{month_name(first, language)}{'—' if language == 'zh' else '–'}{month_name(last, language)}"
    return f"{year}年{start}—{end}月" if language == "zh" else f"{MONTHS[start - 1]}–{MONTHS[end - 1]} {year}"


def period_name(period: str, language: Language) -> str:
    """The name of any period."""
    first, _, last = period.partition("..")
    year, _, part = first.partition("-")
    if part.isdigit():
        return span_name(first, last or first, language)
    return say(f"periods.{part or 'year'}", language, year=year)


def periods_name(first: str, last: str, language: Language) -> str:
    """Two periods of one kind and all between."""
    if first[5:].isdigit():
        return span_name(first, last, language)
    names = dict.fromkeys(period_name(period, language) for period in (first, last))
    return ("—" if language == "zh" else "–").join(names)


def short_span(period: str, language: Language, *, abbreviated: bool = False) -> str:
    """A cumulative period without its year, for a sentence or card that has named it."""
    first, _, last = period.partition("..")
    start, end = month_of(first)[1], month_of(last)[1]
    if language == "zh":
        return f"{end}月" if start == end else f"{start}—{end}月"
    names = [MONTHS[place - 1][: 3 if abbreviated else None] for place in (start, end)]
    return names[1] if start == end else "–".join(names)


def is_chinese(text: str) -> bool:
    """Whether a text holds Chinese characters, so that a reader of an English page is told its language."""
    return CHINESE.search(text) is not None


def law(text: str, language: Language) -> str:
    """A legal basis of a card; in English the statute's name and its article, where the statute is listed."""
    name, article = _statute_and_article(text)
    return _cited(name, [article], language)


def laws(card: Card, language: Language) -> list[str]:
    """The legal bases of a card, each with its version; a statute once, with its articles cited one after the other."""
    found = []
    parts = [(*_statute_and_article(basis.text), basis) for basis in card.legal_basis]
    for (name, version, until), cited in groupby(parts, lambda part: (part[0], part[2].version, part[2].valid_until)):
        said = _cited(name, [article for _, article, _ in cited], language)
        key = "law" if until is None else "law_until"
        is_dated = until is None and said.endswith(f"-{version}")  # of a standard, whose number ends with its year
        found.append(said if is_dated else say(f"review.{key}", language, text=said, version=version, until=until))
    return found


def _statute_and_article(text: str) -> tuple[str, str]:
    """The name of a statute and the number of an article; what is no article of one is named as a whole."""
    found = ARTICLE.fullmatch(text)
    return (found["name"], found["article"]) if found else (text, "")


def _cited(name: str, articles: Iterable[str], language: Language) -> str:
    known = [article for article in articles if article]
    if language == "zh" or name not in lexicon().statutes:
        return name + "、".join(f"第{article}条" for article in known)
    numbers = ", ".join(article.replace("至", "–") for article in known)
    said = f", {'art.' if len(known) == 1 else 'arts.'} {numbers}" if known else ""
    return lexicon().statutes[name].en + said


def source_of(row: Mapping[str, Any], language: Language) -> str:
    """Who published a figure of the register. English has no names for them: an article is told by its number and day, any
    other publication by its row.

    `row`: with the columns `source` and `row_id`, as `published.compared` gives it.
    """
    found = PRESS.fullmatch(row["source"])
    if found is None:
        return say("compared.publication", language, name=row["source"] if language == "zh" else row["row_id"])
    name, day = found["name"] if language == "zh" else found["number"], found["day"]
    if day is None:
        return say("compared.article", language, name=name)
    return say("compared.article_of_day", language, name=name, day=day_name(day, language))


def marks(figure: Figure | None, language: Language) -> str:
    """The markers of a figure in words, joined; empty for a normal one."""
    known = catalogue.markers()
    return "、".join(spoken(known[code], language) for code in (figure.status if figure else ()) if code in known)


def spoken_metadata(about: Mapping[str, object], name: str, language: Language) -> str:
    """A text that a release says of itself in both languages; empty where it does not."""
    return str(about.get(f"{name}_{language}") or "")


def marker(figure: Figure | None) -> str:
    """The markers of a figure as letters in brackets, for a table: `[p]`; `[x]` for one that is not there at all.

    A figure shown as a band is not withheld.
    """
    codes = figure.status if figure else (NOT_AVAILABLE,)
    if figure is not None and figure.band:
        codes = tuple(code for code in codes if code != CONFIDENTIAL)
        return "".join(f"[{code}]" for code in codes if code in catalogue.markers())
    if figure is not None and figure.value is None and not codes:
        codes = (NOT_AVAILABLE,)
    return "".join(f"[{code}]" for code in codes if code in catalogue.markers())


def cell(figure: Figure | None, card: Card, language: Language) -> str:
    """A figure in a table: its value or band with its markers, or the markers that say why there is none."""
    if figure is None or (figure.value is None and not figure.band):
        return marker(figure)
    return " ".join(part for part in (shown(figure, card, language, exact=True), marker(figure)) if part)


def opening_sentence(
    area: str,
    accepted: tuple[Card, Figure | None, Figure | None],
    rate: tuple[Card, Figure | None] | None,
    rate_of_city: Figure | None,
    month: str,
    language: Language,
) -> str:
    """The sentence to quote: the month, its change, the cumulative figure, the rate; nothing the figures do not carry.

    `accepted` is the card with its figures of the month and of the year to date, `rate` a card with its year to date.
    """
    card, now, cumulative = accepted
    text = _month_clause(area, card, now, month, language)
    if month_of(month)[1] > 1:
        text += _cumulative_clause(card, cumulative, month, language)
    if rate and rate[1] and rate[1].value is not None:
        text += _rate_clause(rate[0], rate[1], rate_of_city, month, language)
    return text + say("sentence.end", language)


def _month_clause(area: str, card: Card, figure: Figure | None, month: str, language: Language) -> str:
    name = month_name(month, language)
    if figure is None or figure.value is None:
        return say("sentence.absent", language, month=name, area=area, label=label_in_text(card, language))
    text = say("sentence.subject", language, month=name, area=area, value=_disputes(figure.value, card, language))
    return text + on_year(figure, card, language)


def _cumulative_clause(card: Card, figure: Figure | None, month: str, language: Language) -> str:
    if figure is None or figure.value is None:
        return ""
    period = short_span(year_to_date(month), language)
    text = say("sentence.cumulative", language, period=period, value=_disputes(figure.value, card, language))
    return text + on_year(figure, card, language)


def _rate_clause(card: Card, figure: Figure, of_city: Figure | None, month: str, language: Language) -> str:
    period = short_span(year_to_date(month), language)
    value = value_text(figure.value, card, language)
    text = say("sentence.rate", language, period=period, label=label_in_text(card, language), value=value)
    text += on_year(figure, card, language)
    if of_city and of_city.value is not None:
        text += say("sentence.rate_city", language, value=value_text(of_city.value, card, language))
    return text


def series_finding(
    card: Card, area: str, periods: Sequence[str], points: Sequence[Figure | None], language: Language
) -> str:
    """What a line over periods of one kind shows, for readers who do not see it: the last value and its change, the
    highest, the lowest."""
    known = [
        (period, point) for period, point in zip(periods, points, strict=True) if point and point.value is not None
    ]
    if not known:
        return say("finding.nothing", language, label=label(card, language), area=area)
    last_period, last = known[-1]
    of_months = last_period[5:].isdigit()
    high = max(known, key=lambda pair: pair[1].value or 0.0)
    low = min(known, key=lambda pair: pair[1].value or 0.0)
    ends = {stated(point, card, language) for _, point in (high, low)}
    key = "level" if len(ends) == 1 else "trend" if of_months else "trend_of_periods"
    text = say(
        f"finding.{key}",
        language,
        label=label(card, language),
        area=area,
        period=periods_name(periods[0], periods[-1], language),
        last_month=period_name(last_period, language),
        last=stated(last, card, language),
        high_month=period_name(high[0], language),
        high=stated(high[1], card, language),
        low_month=period_name(low[0], language),
        low=stated(low[1], card, language),
    )
    phrase = "" if is_within_noise(last) else change(last, card, language)
    if not phrase:
        return text + say("sentence.end", language)
    return text + say("finding.on_year" if of_months else "finding.on_year_of_period", language, change=phrase)


def period_sentence(
    area: str,
    accepted: tuple[Card, Figure | None, Figure | None],
    rate: tuple[Card, Figure | None, Figure | None] | None,
    rate_of_city: Figure | None,
    period: str,
    language: Language,
) -> str:
    """The sentence of an area for one period: disputes accepted, the rate, their changes and verdicts.

    `accepted` and `rate` are cards with their figures of the period and of the year before.
    """
    card, now, before = accepted
    if now is None or now.value is None:
        return figure_sentence(area, card, now, before, period, language)
    value = _disputes(now.value, card, language)
    text = say("sentence.subject", language, month=period_name(period, language), area=area, value=value)
    text += _judged_on_year(now, before, card, language)
    value = stated(rate[1], rate[0], language) if rate else None
    if rate and rate[1] and value is not None:
        text += say("sentence.rate_of_period", language, label=label_in_text(rate[0], language), value=value)
        text += _judged_on_year(rate[1], rate[2], rate[0], language)
        of_city = stated(rate_of_city, rate[0], language)
        text += say("sentence.rate_beside_city", language, value=of_city) if of_city else ""
    return text + say("sentence.end", language)


def figure_sentence(
    area: str, card: Card, now: Figure | None, before: Figure | None, period: str, language: Language
) -> str:
    """One figure as a sentence: its value, its change and the verdict, or why it is not there."""
    parts = {"period": period_name(period, language), "area": area, "label": label(card, language)}
    end = say("sentence.end", language)
    value = stated(now, card, language)
    if now is None or value is None:
        return say("sentence.withheld", language, **parts, reason=_reason(now, language)) + end
    text = say("sentence.figure", language, **parts, value=value)
    return text + _judged_on_year(now, before, card, language) + end


def several_sentence(area: str, said: Sequence[tuple[Card, str, Figure | None]], language: Language) -> str:
    """Some figures of an area as one sentence: cards, each with its period and figure.

    Area and period are said once, another period where it comes; of the figures after the first only those that are
    there.
    """
    (card, period, figure), *further = said
    text = _first_clause(area, card, period, figure, language)
    for card, own_period, figure in further:
        value = stated(figure, card, language)
        if figure is None or value is None:
            continue
        key = "further" if own_period == period else "further_of_period"
        label = in_text(counted_label(card, language, in_text=True), language)
        text += say(f"sentence.{key}", language, period=period_name(own_period, language), label=label, value=value)
        text += on_year(figure, card, language)
    return text + say("sentence.end", language)


def _first_clause(area: str, card: Card, period: str, figure: Figure | None, language: Language) -> str:
    """Period, area, indicator and value with its change, or why there is none."""
    parts = {"period": period_name(period, language), "area": area}
    value = stated(figure, card, language)
    if figure is None or value is None:
        reason = _reason(figure, language)
        return say("sentence.withheld", language, **parts, label=label(card, language), reason=reason)
    name = counted_label(card, language) if figure.value is not None else label(card, language)
    return say("sentence.figure", language, **parts, label=name, value=value) + on_year(figure, card, language)


def figures_sentence(card: Card, figures: Iterable[tuple[str, Figure | None]], period: str, language: Language) -> str:
    """One indicator for several areas, by their names, in the order given."""
    values = [figure_of_area(area, card, figure, language) for area, figure in figures]
    name = period_name(period, language)
    text = say("sentence.figures", language, period=name, label=label(card, language), values=listed(values, language))
    return text + say("sentence.end", language)


def largest_sentence(
    card: Card, parts: Iterable[tuple[str, Mapping[str, Figure]]], period: str, language: Language
) -> str:
    """The largest category of each area: areas by name, each with its figures by the category's name."""
    values = []
    for area, figures in parts:
        known = {name: said for name, figure in figures.items() if (said := _least(figure)) is not None}
        if known:
            high = max(known, key=lambda name: known[name])
            alike = [name for name, value in known.items() if value == known[high]]
            name = high if len(alike) == 1 else say("finding.and_others", language, name=high)
            value = stated(figures[high], card, language)
            values.append(say("sentence.part_of_area", language, area=area, part=name, value=value))
    said = listed(values, language) or say("missing", language)
    name = period_name(period, language)
    text = say("sentence.largest", language, period=name, label=label(card, language), values=said)
    return text + say("sentence.end", language)


def figure_of_area(area: str, card: Card, figure: Figure | None, language: Language) -> str:
    value = stated(figure, card, language)
    if value is None:
        return say("sentence.no_figure_of_area", language, area=area, reason=_reason(figure, language))
    return say("sentence.of_area", language, area=area, value=value)


def _least(figure: Figure) -> float | None:
    """What a figure is at least, as shown."""
    return figure.low if figure.band == "at_least" else figure.value


def _reason(figure: Figure | None, language: Language) -> str:
    """Why a figure is not there, in words."""
    return marks(figure, language) or say("missing", language)


def _judged_on_year(figure: Figure, before: Figure | None, card: Card, language: Language) -> str:
    """The change with its verdict; a figure that is unchanged says so once, one that may only seem changed no number."""
    judged = judgement(figure, before, card)
    if judged == "unclear":
        return say("sentence.unclear", language)
    text = on_year(figure, card, language)
    if judged is None or judged == "flat":
        return text
    return text + say("sentence.verdict", language, verdict=say(f"verdicts.{judged}", language))


def on_year(figure: Figure, card: Card, language: Language) -> str:
    """The change to the year before as the rest of a clause, its comma first; empty without a base."""
    if is_within_noise(figure):
        return say("sentence.unclear", language)
    phrase = change(figure, card, language)
    if not phrase:
        return ""
    return say(
        "sentence.on_year_flat" if direction(figure, card) == "flat" else "sentence.on_year", language, change=phrase
    )


def _disputes(value: float, card: Card, language: Language) -> str:
    if language == "zh":
        return quantity(value, card, language)
    return say(
        "sentence.dispute" if value == 1 else "sentence.disputes", language, value=value_text(value, card, language)
    )


def escaped(text: str) -> str:
    """Text for use inside markup and attributes."""
    return html.escape(text, quote=True)
