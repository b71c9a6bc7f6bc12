"""How much two headings say the same: by their words, by known synonyms, by the first letters of their pinyin."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, cached_property

from pipelines.catalogue import Column, heading, read_rows
from pipelines.settings import SEEDS

SAME, CLEANED, INITIALS, SYNONYMS = 1.0, 0.98, 0.9, 0.92
LONGEST = 60
UNKNOWN_WEIGHT = 0.6
_NOTE = re.compile(
    r"[(\[【<](?:必填|选填|必选|可选|必填项|选填项|下拉选择|只读|年月日|[a-z年月日:/.-]*yy[a-z年月日:/.-]*)[)\]】>]",
    re.I,
)
_NUMBERING = re.compile(r"^(?:[0-9]{1,3}[.、]|\([0-9一二三四五六七八九十]{1,3}\)|[一二三四五六七八九十]{1,3}、)(?=.)")
_BRACKETED = re.compile(r"[(\[【<]([^)\]】>]*)[)\]】>]")
# In GB 2312 the common characters (0xB0A1 to 0xD7F9) stand in the order of their pinyin: the first code of each letter.
_FIRST_OF_LETTER = (
    (0xB0A1, "a"), (0xB0C5, "b"), (0xB2C1, "c"), (0xB4EE, "d"), (0xB6EA, "e"), (0xB7A2, "f"), (0xB8C1, "g"), (0xB9FE, "h"),
    (0xBBF7, "j"), (0xBFA6, "k"), (0xC0AC, "l"), (0xC2E8, "m"), (0xC4C3, "n"), (0xC5B6, "o"), (0xC5BE, "p"), (0xC6DA, "q"),
    (0xC8BB, "r"), (0xC8F6, "s"), (0xCBFA, "t"), (0xCDDA, "w"), (0xCEF4, "x"), (0xD1B9, "y"), (0xD4D1, "z"),
)  # fmt: skip
_LAST = 0xD7F9
# Characters of the field that are read in two ways; GB 2312 knows one of them.
_OTHER_READING = {
    "调": "td",
    "重": "cz",
    "长": "cz",
    "行": "hx",
    "参": "cs",
    "解": "jx",
    "单": "ds",
    "降": "jx",
    "传": "cz",
}


@dataclass(frozen=True)
class Word:
    """A concept of headings. `mark`: personal, role, text or sort, where the word says what a column holds."""

    concept: str
    weight: float
    mark: str
    is_known: bool = True


@dataclass(frozen=True)
class Heading:
    """A heading taken apart. `bare` is the text without notes, numbers and units; `unit` what stood in brackets."""

    text: str
    bare: str
    unit: str
    words: tuple[Word, ...]

    @property
    def is_latin(self) -> bool:
        return self.bare.isascii() and any(c.isalpha() for c in self.bare)

    @property
    def has_known_words(self) -> bool:
        return any(word.is_known and word.concept != "filler" for word in self.words)

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """What each concept weighs in the heading, times how often it stands."""
        found: dict[str, float] = {}
        for word in self.words:
            found[word.concept] = found.get(word.concept, 0.0) + word.weight
        return found


@cache
def _lexicon() -> Mapping[str, Word]:
    """Words of headings by their text, from the declared table."""
    found: dict[str, Word] = {}
    for row in read_rows(SEEDS / "tables" / "heading_words.csv"):
        for text in row["words"].split("|"):
            found[text] = Word(row["concept"], float(row["weight"]), row["mark"])
    return found


@cache
def taken_apart(text: str) -> Heading:
    """A heading without what offices write about it, cut into words."""
    folded = _NUMBERING.sub("", _NOTE.sub("", heading(text)).strip("*:;【】[]"))
    unit = "".join(_BRACKETED.findall(folded))
    bare = _BRACKETED.sub("", folded) or folded
    return Heading(heading(text), bare, unit, tuple(_cut(bare)))


def _cut(text: str) -> list[Word]:
    """The words of a text: the cut that leaves the fewest characters unknown, then the fewest words."""
    text, lexicon = text.lower()[:LONGEST], _lexicon()
    best: list[tuple[int, int, tuple[str, ...]]] = [(0, 0, ())]
    for end in range(1, len(text) + 1):
        unknown, words, cut = best[end - 1]
        options = [(unknown + text[end - 1].isalnum(), words + 1, (*cut, text[end - 1]))]
        for start in range(max(0, end - 14), end):
            if text[start:end] in lexicon:
                unknown, words, cut = best[start]
                options.append((unknown, words + 1, (*cut, text[start:end])))
        best.append(min(options))
    return [lexicon.get(part) or Word(part, UNKNOWN_WEIGHT, "", is_known=False) for part in _joined(best[-1][2])]


def _joined(parts: tuple[str, ...]) -> list[str]:
    """Unknown Latin letters that follow each other as one word; what is neither letter nor digit falls out."""
    joined: list[str] = []
    open_run = False
    for part in parts:
        is_letter = len(part) == 1 and part.isascii() and part.isalnum() and part not in _lexicon()
        if is_letter and open_run:
            joined[-1] += part
        elif any(c.isalnum() for c in part):
            joined.append(part)
        open_run = is_letter
    return joined


@cache
def initials(text: str) -> tuple[str, ...]:
    """The letters with which each character's pinyin may begin ("" where unknown), Latin characters as they are."""
    return tuple(_letters(character) for character in text if character.isalnum())


def _letters(character: str) -> str:
    if character.isascii():
        return character.lower()
    if character in _OTHER_READING:
        return _OTHER_READING[character]
    raw = character.encode("gb2312", errors="ignore")
    code = int.from_bytes(raw, "big") if len(raw) == 2 else 0
    if not _FIRST_OF_LETTER[0][0] <= code <= _LAST:
        return ""
    return _FIRST_OF_LETTER[bisect_right(_FIRST_OF_LETTER, (code, "~")) - 1][1]


def likeness(found: Heading, column: Column) -> tuple[float, str]:
    """How well a heading fits a column, 0 to 1, and the known text that it fits best."""
    known = (column.label, *column.aliases)
    best = max(((_alike(found.text, text), text) for text in known), key=lambda fit: fit[0])
    if found.is_latin:
        named = 0.95 * _common(found, taken_apart(column.name.replace("_", "")))
        return max(best, (named, column.name), key=lambda fit: fit[0])
    return best


@cache
def _alike(ours: str, theirs: str) -> float:
    found, known = taken_apart(ours), taken_apart(theirs)
    if found.text == known.text:
        return SAME
    if found.bare.lower() == known.bare.lower():
        return CLEANED
    words = SYNONYMS * _common(found, known)
    return max(words, _by_initials(found.bare, known.bare)) if found.is_latin else words


def _common(ours: Heading, theirs: Heading) -> float:
    """The weight of the words that both have, of all their words (Dice)."""
    shared = sum(min(weight, theirs.weights.get(concept, 0.0)) for concept, weight in ours.weights.items())
    whole = sum(ours.weights.values()) + sum(theirs.weights.values())
    return 2 * shared / whole if whole else 0.0


def _by_initials(latin: str, known: str) -> float:
    """How well Latin letters are the first letters of a known heading's pinyin."""
    letters = "".join(c for c in latin.lower() if c.isalnum())
    readings = initials(known)
    if len(letters) < 2 or not readings:
        return 0.0
    if len(letters) == len(readings):
        right = sum(1 for letter, reading in zip(letters, readings, strict=True) if not reading or letter in reading)
        if right == len(letters):
            return INITIALS
    plain = "".join(reading[:1] or "?" for reading in readings)
    near = SequenceMatcher(None, letters, plain, autojunk=False).ratio()
    return 0.6 * near if min(len(letters), len(plain)) > 3 and near > 0.8 else 0.0
