"""Which column of a contract each column of a file is, if any: by heading and by what its cells hold.

A wrong match is worse than none. A pair is taken only when it is likely enough and clearly likelier than every other
pair of either column. What looks personal, by its cells or by its heading, is only ever matched to a column that the
contract drops.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import polars as pl

from pipelines.catalogue import Column, Contract, Rule, Words, denied
from pipelines.intake.proposing.headings import CLEANED, Heading, likeness, taken_apart
from pipelines.intake.proposing.values import Personal, Profile

LIKELY = 0.6
CLEARER_BY = 0.08
CLEARER_THAN_PERSONAL_BY = 0.15  # a stored column must be this much likelier than any that the contract drops
READABLE = 0.5
LIKE_NOTHING = 0.35
CERTAIN_BY_VALUES = 0.7
BROKEN_RULE = 0.3
_TOLD_BY_CELLS = ("code", "codes", "area")
_KIND_OF_WORD: Mapping[str, Personal] = {
    "identity": "id_number",
    "phone": "phone",
    "place": "address",
    "birth": "birthday",
    "summary": "free_text",
    "content": "free_text",
    "reason": "free_text",
    "remark": "free_text",
}
_KIND_OF_DENIED: Mapping[str, Personal] = {
    "name": "name",
    "staff_name": "name",
    "id_number": "id_number",
    "contact": "phone",
    "address": "address",
    "case_text": "free_text",
    "birth": "birthday",
}
WORDS_OF_KIND: Mapping[Personal, Words] = {
    "name": Words(zh="像人名", en="looks like names"),
    "id_number": Words(zh="像身份证号", en="looks like identity numbers"),
    "phone": Words(zh="像电话号码", en="looks like phone numbers"),
    "address": Words(zh="像地址", en="looks like addresses"),
    "birthday": Words(zh="像出生日期", en="looks like dates of birth"),
    "contact": Words(zh="像邮箱或车牌", en="looks like mail addresses or plates"),
    "denied": Words(zh="属不得接收的内容", en="is of a kind never taken in"),
    "free_text": Words(zh="像自由文字", en="looks like free text"),
}


@dataclass(frozen=True)
class FileColumn:
    """A column of the file, by its position from 0."""

    position: int
    heading: Heading
    profile: Profile

    @property
    def is_personal(self) -> bool:
        return self.profile.personal is not None or self.kind_said is not None

    @property
    def kind_said(self) -> Personal | None:
        """The kind of personal value that the heading's words announce, if any; persons that are numbers are counts."""
        kind = kind_announced(self.heading)
        is_count = self.profile.filled and self.profile.readable["integer"] > READABLE
        return None if kind == "name" and is_count and _kept_out(self.heading) is None else kind


@dataclass(frozen=True)
class Match:
    """A file's column and the contract's column it is; `confidence` 0 to 1, `share` of its cells that can be read."""

    position: int
    column: str
    confidence: float
    share: float
    reason: Words


@dataclass(frozen=True)
class Matching:
    """A contract laid on a file: the matches, and by position the columns among which no choice could be made."""

    contract: Contract
    matches: tuple[Match, ...]
    undecided: Mapping[int, tuple[str, ...]]

    @property
    def fit(self) -> float:
        """How well the contract fits: what was found of it, less what it requires and the file lacks."""
        found = {match.column: match.confidence for match in self.matches}
        weight = {c.name: 0.4 if c.personal == "dropped" else 1.0 for c in self.contract.columns}
        missing = sum(1 for c in self.contract.columns if c.required and c.name not in found)
        return sum(weight[name] * confidence for name, confidence in found.items()) - 0.7 * missing


@cache
def kind_announced(heading: Heading) -> Personal | None:
    """What kind of personal value a heading announces: 申请人姓名 a name, 申请人身份证号 a number, 当事人数 none."""
    if (kept_out := _kept_out(heading)) is not None:
        return _KIND_OF_DENIED.get(kept_out, "denied")
    last = heading.words[-1].mark if heading.words else ""
    for word in heading.words:
        if word.mark == "personal" and (last != "sort" or word.concept in ("identity", "phone")):
            return _KIND_OF_WORD.get(word.concept, "name")
    if last == "text":
        return "free_text"
    return "name" if last == "role" else None


@cache
def _kept_out(heading: Heading) -> str | None:
    """What is never stored under such a heading, as `seeds/denied.yml` says; without its id the contract would not load."""
    entry = denied().heading(heading.text) or denied().heading(heading.bare)
    return entry.id if entry is not None else None


@dataclass(frozen=True)
class _Fit:
    confidence: float
    likeness: float
    share: float
    strength: float
    known: str


def match(columns: Sequence[FileColumn], contract: Contract) -> Matching:
    """Lay a contract on a file's columns."""
    twice = {c.heading.text for c in columns if sum(1 for d in columns if d.heading.text == c.heading.text) > 1}
    able = [c for c in columns if c.heading.text and c.heading.text not in twice]
    rivals = {c.position: _rivals(c.profile, contract) for c in able}
    fits = {
        (c.position, column.name): fit
        for c in able
        for column in contract.columns
        if (fit := _fit(c, column, rivals[c.position][column.name])).confidence > 0
    }
    taken, undecided = _assigned(fits, contract)
    profiles = {c.position: c.profile for c in able}
    matches = [
        Match(position, name, round(fits[position, name].confidence, 2), fits[position, name].share,
              _reason(fits[position, name], contract.column(name), profiles[position]))
        for position, name in sorted(taken.items())
    ]  # fmt: skip
    return Matching(contract, tuple(matches), undecided)


def _rivals(profile: Profile, contract: Contract) -> dict[str, int]:
    """For each column of a contract, how many of its columns the same cells would fit as well."""
    kept = [column for column in contract.columns if column.personal != "dropped"]
    shares = [(_family(column), _share(profile, column)) for column in kept]
    found = {column.name: 1 for column in contract.columns}
    for column, (family, share) in zip(kept, shares, strict=True):
        alike = sum(1 for other, of in shares if other == family and of >= share - 0.1)
        found[column.name] = alike + _dropped_alike(profile, column, contract)
    return found


def _family(column: Column) -> str:
    return "code" if column.type == "codes" else column.type


def _dropped_alike(profile: Profile, column: Column, contract: Contract) -> int:
    """How many columns that the contract drops could hold the same cells: areas, or bodies written as in a code list."""
    wanted = {"area"} if column.type == "area" else {"body", "refer"} if profile.bodies > 0.2 else set()
    if not wanted:
        return 0
    dropped = (taken_apart(c.label).weights.keys() for c in contract.columns if c.personal == "dropped")
    return sum(1 for concepts in dropped if concepts & wanted)


def _fit(found: FileColumn, column: Column, rivals: int) -> _Fit:
    like, known = likeness(found.heading, column)
    if like < LIKE_NOTHING and (column.type not in _TOLD_BY_CELLS or rivals > 1 or column.personal == "dropped"):
        return _Fit(0.0, like, 0.0, 0.0, known)
    share, strength = _share(found.profile, column), _strength(found.profile, column) / rivals
    nothing = _Fit(0.0, like, share, strength, known)
    if column.personal != "dropped":
        announced = found.kind_said is not None and (like < CLEANED or _kept_out(found.heading) is not None)
        if found.profile.personal is not None or announced:
            return nothing
        if share < READABLE and like < CLEANED:
            return nothing
        if like < LIKE_NOTHING and strength < CERTAIN_BY_VALUES:
            return nothing
    if like >= CLEANED:
        return replace(nothing, confidence=like * (0.75 + 0.24 * share))
    by_heading = like * (0.4 + 0.6 * share)
    return replace(nothing, confidence=min(0.97, 1 - (1 - by_heading) * (1 - strength)))


def _share(profile: Profile, column: Column) -> float:
    """The share of a column's cells that can be read as a contract's column; 1 where there is nothing to read."""
    if not profile.filled:
        return 1.0
    match column.type:
        case "code" | "boolean" if column.codes is not None:
            return profile.lists.get(column.codes, 0.0)
        case "codes":
            return profile.several.get(column.codes or "", 0.0)
        case "area":
            return max(profile.areas.values())
        case "identifier":
            return 1.0 if profile.is_unique else 0.4
        case "integer":
            is_day = profile.all_digits and profile.readable["date"] > 0.9 and profile.longest == 8
            return 0.3 * profile.readable["integer"] if is_day else profile.readable["integer"]
        case "text":
            expected = kind_announced(taken_apart(column.label))
            return 1.0 if profile.personal == expected else 0.3 if profile.personal and expected else 0.7
        case _:
            return profile.readable[column.type]


def _strength(profile: Profile, column: Column) -> float:
    """How much the cells alone speak for a column, were it the only one of its type, 0 to 1."""
    share = _share(profile, column)
    if not profile.filled or share < READABLE:
        return 0.0
    match column.type:
        case "code" | "codes":
            met = profile.codes.get(column.codes or "", 0)
            return 0.85 * share * min(1.0, met / 4) * (0.4 if profile.all_digits else 1.0)
        case "area":
            return 0.8 * share
        case "month":
            return 0.5 if profile.readable["date"] < 0.5 else 0.1
        case "datetime":
            return 0.25 if profile.has_time else 0.1
        case "date":
            return 0.1 if profile.has_time else 0.15
        case "money":
            return 0.3 if profile.has_fractions else 0.05
        case "boolean":
            return 0.1 if profile.all_digits else 0.2
        case "identifier":
            return 0.3
        case "text":
            expected = kind_announced(taken_apart(column.label))
            if expected is None or profile.personal != expected:
                return 0.0
            return 0.5 if expected in ("id_number", "phone") else 0.3
        case _:
            return 0.05


def _assigned(
    fits: Mapping[tuple[int, str], _Fit], contract: Contract
) -> tuple[dict[int, str], dict[int, tuple[str, ...]]]:
    """The pairs that are likely and clearly the likeliest, surest first; and between which columns others remain."""
    dropped = {column.name for column in contract.columns if column.personal == "dropped"}
    left = {pair: fit.confidence for pair, fit in fits.items() if fit.confidence >= LIKE_NOTHING}
    taken: dict[int, str] = {}
    while sure := [pair for pair, of in left.items() if of >= LIKELY and _is_clear(pair, left, dropped)]:
        position, name = max(sure, key=lambda pair: (left[pair], pair))
        taken[position] = name
        left = {pair: of for pair, of in left.items() if pair[0] != position and pair[1] != name}
    undecided: dict[int, tuple[str, ...]] = {}
    for position in sorted({position for position, _ in left}):
        ranked = sorted(((of, name) for (at, name), of in left.items() if at == position), reverse=True)
        undecided[position] = tuple(name for of, name in ranked[:3] if of >= 0.45)
    return taken, {position: names for position, names in undecided.items() if names}


def _is_clear(pair: tuple[int, str], left: Mapping[tuple[int, str], float], dropped: set[str]) -> bool:
    position, name = pair
    for (other_position, other_name), of in left.items():
        if (other_position, other_name) == pair or (other_position != position and other_name != name):
            continue
        by = CLEARER_THAN_PERSONAL_BY if other_name in dropped and name not in dropped else CLEARER_BY
        if of > left[pair] - by and left[pair] < CLEANED * 0.75 + 0.24:
            return False
        if of >= left[pair]:
            return False
    return True


def _reason(fit: _Fit, column: Column, profile: Profile) -> Words:
    if fit.likeness == 1:
        heading = Words(zh=f"表头即“{fit.known}”", en=f"heading is {fit.known}")
    elif fit.likeness >= CLEANED:
        heading = Words(zh=f"表头去掉附注即“{fit.known}”", en=f"heading without its notes is {fit.known}")
    elif fit.likeness >= LIKE_NOTHING:
        heading = Words(zh=f"表头近似“{fit.known}”", en=f"heading like {fit.known}")
    else:
        heading = Words(zh="仅凭内容", en="by its cells alone")
    if not profile.filled:
        cells = Words(zh="列内无内容", en="no cell is filled")
    elif column.type == "text":
        kind = WORDS_OF_KIND[profile.personal] if profile.personal else Words(zh="不入库", en="never stored")
        cells = kind
    else:
        what = column.codes or column.type
        cells = Words(zh=f"{fit.share:.0%}可读作{what}", en=f"{fit.share:.0%} of cells read as {what}")
    return Words(zh=f"{heading.zh}；{cells.zh}", en=f"{heading.en}; {cells.en}")


def columns_of(rule: Rule, contract: Contract) -> set[str]:
    """The columns that a rule speaks of, those only its condition names included."""
    names = {column.name for column in contract.columns}
    return {*rule.columns, *re.findall(r"[a-z_0-9]+", rule.require)} & names


def contradicted(matching: Matching, typed: pl.DataFrame) -> tuple[Matching, list[Rule]]:
    """The matching without the doubtful columns that the contract's own rules contradict, and those rules.

    `typed`: the sampled rows, read as matched. Where a rule that refuses fails on more than three rows in ten whose
    cells are all filled, the least sure of its columns is given up, unless all were named by their headings.
    """
    texts = typed.with_columns(pl.col(pl.Categorical).cast(pl.String))  # what rules are written for
    given_up: set[str] = set()
    broken: list[Rule] = []
    surety = {m.column: m.confidence for m in matching.matches}
    for rule in matching.contract.rules:
        named = columns_of(rule, matching.contract)
        if rule.severity != "refuse" or not named <= surety.keys() - given_up:
            continue
        filled = texts.drop_nulls(sorted(named))
        if len(filled) < 5:
            continue
        holds = filled.select(pl.sql_expr(rule.require).cast(pl.Boolean).fill_null(value=False)).to_series()
        if 1 - float(holds.mean() or 0.0) <= BROKEN_RULE:
            continue
        broken.append(rule)
        weakest = min(sorted(named), key=surety.__getitem__)
        if surety[weakest] < 0.75 and weakest != matching.contract.dated_by:
            given_up.add(weakest)
    kept = tuple(m for m in matching.matches if m.column not in given_up)
    lost = {m.position: (m.column,) for m in matching.matches if m.column in given_up}
    return replace(matching, matches=kept, undecided={**matching.undecided, **lost}), broken
