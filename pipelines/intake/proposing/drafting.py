"""An export nobody has described becomes a contract as YAML, with reasons, and with what could not be told."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from pipelines.catalogue import Column, Contract, Words, contracts, heading, tables
from pipelines.intake.layouts import Block
from pipelines.intake.parsing import parse
from pipelines.intake.proposing.headings import taken_apart
from pipelines.intake.proposing.matching import (
    WORDS_OF_KIND,
    FileColumn,
    Match,
    Matching,
    columns_of,
    contradicted,
    match,
)
from pipelines.intake.proposing.sampling import Sample, may_be_shown, sampled
from pipelines.intake.proposing.values import Profile, counted, listable, outside, profiles
from pipelines.settings import UserError

FEWEST_FOUND = 3
OF_A_PATTERN = 0.9


@dataclass(frozen=True)
class Proposed:
    """What a column of the file is taken for. `column`: the contract's, one of its own where it is personal, else None;
    `confidence` 0 to 1; `outside`: texts that its code list does not know, where there are any."""

    position: int
    heading: str
    column: str | None
    type: str | None
    personal: str | None
    confidence: float | None
    reason: Words
    outside: "Outside | None" = None


@dataclass(frozen=True)
class Outside:
    """Cells whose text no code list knows: how many, how many different, and those texts that may be written down."""

    cells: int
    different: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """A contract for an export, as YAML, and how it came about: `accepted` of the `sampled` rows would be taken in."""

    table: str
    next_best: tuple[str, ...]
    layout: str
    columns: tuple[Proposed, ...]
    could_not_tell: tuple[Words, ...]
    sampled: int
    accepted: int
    contract: str


@dataclass(frozen=True)
class _Draft:
    """A matching on its way to a contract: the file's columns in order, and how often each text stands in them."""

    matching: Matching
    columns: Sequence[FileColumn]
    counts: Sequence[Counter[str]]

    def found(self, name: str | None) -> Match | None:
        return next((m for m in self.matching.matches if m.column == name), None)

    @cached_property
    def proposed(self) -> tuple[Proposed, ...]:
        return tuple(_proposed(column, self) for column in self.columns)


def propose(path: Path, table: str | None = None) -> Proposal:
    """A contract for an export. Raises `UserError` where it has no header, or fits no table well enough to choose one."""
    known = _contracts_of(table)
    sample = sampled(path)
    counts = [counted(sample.rows[f"c{number}"]) for number in range(len(sample.header))]
    columns = [
        FileColumn(number, taken_apart(text if may_be_shown(text, profile) else ""), profile)
        for number, (text, profile) in enumerate(zip(sample.header, profiles(counts, len(sample.rows)), strict=True))
    ]
    ranked = sorted((match(columns, contract) for contract in known), key=lambda m: m.fit, reverse=True)
    if table is None and _kept_found(ranked[0]) < FEWEST_FOUND:
        raise UserError(
            f"{path.name} resembles none of the tables ({', '.join(sorted(tables()))}). Name one with --table to have it"
            " proposed all the same."
        )
    draft = _Draft(ranked[0], columns, counts)
    matching, broken = contradicted(ranked[0], _parse(_contract(draft), sample)[0])
    draft = _Draft(matching, columns, counts)
    proposed = [replace(column, outside=_outside(column, draft)) for column in draft.proposed]
    doubts = (*_doubts(draft, proposed), *(_broken(rule.label) for rule in broken))
    _, accepted = _parse(_contract(draft), sample)
    close = tuple(m.contract.table for m in ranked[1:3] if m.fit > 0.7 * matching.fit)
    said = _header_lines(matching.contract, close, len(sample.rows), accepted)
    text = "\n".join((*said, *_yaml_lines(draft), *_doubt_lines(doubts), ""))
    return Proposal(
        table=matching.contract.table,
        next_best=close,
        layout=str(sample.layout),
        columns=tuple(proposed),
        could_not_tell=doubts,
        sampled=len(sample.rows),
        accepted=accepted,
        contract=text,
    )


def _contracts_of(table: str | None) -> list[Contract]:
    if table is not None and table not in tables():
        raise UserError(f"{table} is not a table; name one of {', '.join(sorted(tables()))} with --table.")
    return [contract for contract in contracts().values() if table in (None, contract.table)]


def _kept_found(matching: Matching) -> int:
    return sum(1 for m in matching.matches if matching.contract.column(m.column).personal != "dropped")


def _parse(contract: Contract, sample: Sample) -> tuple[Any, int]:
    """The sampled rows typed by a contract, and how many of them it accepts."""
    rows = parse(Block(sample.sheet, sample.rows, 0), contract).rows
    return rows, rows["reason"].null_count()


def _proposed(column: FileColumn, draft: _Draft) -> Proposed:
    found = next((m for m in draft.matching.matches if m.position == column.position), None)
    text = column.heading.text
    if found is not None:
        known = draft.matching.contract.column(found.column)
        personal = None if known.personal == "none" else known.personal
        return Proposed(column.position, text, known.name, known.type, personal, found.confidence, found.reason)
    kind = column.profile.personal or column.kind_said
    if kind is not None and text and _stands_once(column, draft):
        named = sorted(c.position for c in draft.columns if (c.profile.personal or c.kind_said) == kind)
        name = f"personal_{kind}_{named.index(column.position) + 1}"
        by = Words(zh="内容", en="its cells") if column.profile.personal else Words(zh="表头", en="its heading")
        words = WORDS_OF_KIND[kind]
        reason = Words(zh=f"按{by.zh}：{words.zh}，不入库", en=f"by {by.en}: {words.en}; never stored")
        return Proposed(column.position, text, name, "text", "dropped", None, reason)
    return Proposed(column.position, text, None, None, None, None, _unclear(column, draft))


def _stands_once(column: FileColumn, draft: _Draft) -> bool:
    return sum(1 for other in draft.columns if other.heading.text == column.heading.text) == 1


def _outside(column: Proposed, draft: _Draft) -> Outside | None:
    """What of a code column's cells its list does not know."""
    if column.type not in ("code", "codes"):
        return None
    known, counts = draft.matching.contract.column(column.column or ""), draft.counts[column.position]
    strange = outside(counts, known.codes or "", several=known.type == "codes")
    return Outside(sum(counts[t] for t in strange), len(strange), tuple(listable(counts, strange))) if strange else None


def _unclear(column: FileColumn, draft: _Draft) -> Words:
    """What can be said of a column that was not matched."""
    if not column.heading.text:
        return Words(zh="没有可用的表头", en="it has no heading that can be used")
    if not _stands_once(column, draft):
        return Words(zh="表头重复出现", en="its heading stands twice")
    holds = _holds(column.profile, draft.counts[column.position])
    among = draft.matching.undecided.get(column.position, ())
    if among:
        return Words(
            zh=f"{holds.zh}；可能是{'、'.join(among)}，无法断定", en=f"{holds.en}; perhaps {' or '.join(among)}"
        )
    return Words(zh=f"{holds.zh}；与任何已知列都不相似", en=f"{holds.en}; like no column that is known")


def _holds(profile: Profile, counts: Counter[str]) -> Words:
    """What a column holds, without any of its cells but the texts that may be written down."""
    if not profile.filled:
        return Words(zh="空列", en="empty")
    name, share = max(profile.lists.items(), key=lambda of: (of[1], profile.codes[of[0]]), default=("", 0.0))
    if share > 0.9 and not profile.all_digits:
        return Words(zh=f"{share:.0%}的值属于码表{name}", en=f"{share:.0%} of cells are of the code list {name}")
    if max(profile.areas.values()) > 0.9:
        return Words(zh="区划代码", en="area codes")
    for kind, zh, en in (("date", "日期", "dates"), ("integer", "整数", "whole numbers"), ("money", "数字", "numbers")):
        if profile.readable[kind] > 0.9:
            return Words(zh=zh, en=en)
    texts = listable(counts, counts)
    shown = f"：{'、'.join(texts)}" if texts else ""
    en = f"{profile.distinct} different texts" + (f", such as {', '.join(texts)}" if texts else "")
    return Words(zh=f"{profile.distinct}种文字{shown}", en=en)


def _doubts(draft: _Draft, proposed: Sequence[Proposed]) -> Iterator[Words]:
    """What a person must still say: columns not matched, columns not found, texts of no code list, units."""
    for column in proposed:
        place = Words(
            zh=f"第{column.position + 1}列“{column.heading}”", en=f"column {column.position + 1} ({column.heading})"
        )
        if column.column is None:
            yield Words(zh=f"{place.zh}：{column.reason.zh}", en=f"{place.en}: {column.reason.en}")
        if column.outside is not None:
            yield _strange(place, column.outside)
        if column.type == "money" and "元" not in draft.columns[column.position].heading.unit:
            yield Words(
                zh=f"{place.zh}：表头未注明单位是元还是万元",
                en=f"{place.en}: yuan or 10,000 yuan? The heading does not say",
            )
    for column in draft.matching.contract.columns:
        if (column.required or column.name in _needed(draft.matching.contract)) and draft.found(column.name) is None:
            yield Words(
                zh=f"未找到“{column.label}”（{column.name}）",
                en=f"no column was found to be {column.name} ({column.label})",
            )


def _strange(place: Words, strange: Outside) -> Words:
    texts = "、".join(strange.texts)
    more = strange.different - len(strange.texts)
    zh = f"{place.zh}：{strange.cells}格共{strange.different}种文字不在码表内"
    en = f"{place.en}: {strange.cells} cells with {strange.different} texts that its code list does not know"
    if texts:
        zh, en = (
            f"{zh}：{texts}{f'，另{more}种不宜列出' if more else ''}",
            f"{en}: {texts}{f' and {more} not to be shown' if more else ''}",
        )
    return Words(zh=zh, en=en)


def _broken(label: Words) -> Words:
    return Words(
        zh=f"多数行不合规则“{label.zh}”，请核对所涉各列", en=f"most rows break the rule “{label.en}”: check its columns"
    )


def _needed(contract: Contract) -> list[str]:
    """The columns without which no contract of a table can be."""
    return [*contract.key_columns, "area_code", contract.dated_by]


def _of_every_row(contract: Contract) -> list[str]:
    """The columns a contract must declare even where a file has not got them: every part of a pseudonym, and what each
    row of a form carries whatever its item."""
    keyed = [column.name for column in contract.columns if column.personal == "keyed"]
    return keyed + [column.name for column in contract.stored if contract.kind == "form"]


def _contract(draft: _Draft) -> Contract:
    """The contract as it will be read from its YAML."""
    text = "\n".join(_yaml_lines(draft))
    return Contract.model_validate({"id": "proposed", **yaml.load(text, Loader=yaml.CSafeLoader)})


def _yaml_lines(draft: _Draft) -> Iterator[str]:
    contract = draft.matching.contract
    declared = [(_declared(column, draft), _comment(column)) for column in draft.proposed if column.column is not None]
    labels = {heading(values["label"]) for values, _ in declared}
    for name in dict.fromkeys((*_needed(contract), *_of_every_row(contract))):
        if draft.found(name) is None:
            lacking = _missing(contract.column(name), labels, is_needed=name in _needed(contract))
            declared.append((lacking, "未找到，请填写表头 not found; write its heading here"))
    kept = {values["name"] for values, _ in declared}
    whole = contract.model_dump(mode="json", exclude_defaults=True, exclude={"id", "columns", "rules"})
    whole |= {"version": 1} | ({"updated": None} if contract.updated not in kept else {})
    for key in ("sender", "register_name", "retired"):
        whole.pop(key, None)
    for key, value in whole.items():
        if value is not None and (not isinstance(value, list) or (value := _of_kept(value, contract, kept))):
            yield f"{key}: {_flow(value)}"
    yield "columns:"
    yield from (f"  - {_flow(values)}  # {comment}" for values, comment in declared)
    rules = [rule for rule in contract.rules if columns_of(rule, contract) <= kept]
    yield from ["rules:"] if rules else []
    for rule in rules:
        values = rule.model_dump(mode="json", exclude_defaults=True)
        lines = [f"{key}: {_flow(value)}" for key, value in values.items()]
        yield from (f"  - {line}" if number == 0 else f"    {line}" for number, line in enumerate(lines))


def _of_kept(entries: list[Any], contract: Contract, kept: set[str]) -> list[Any]:
    """Declared entries (clocks and the like) without those that name a column of the contract which was not found."""
    names = {column.name for column in contract.columns}
    return [
        e
        for e in entries
        if not isinstance(e, Mapping) or {v for v in e.values() if isinstance(v, str)} & names <= kept
    ]


def _declared(proposed: Proposed, draft: _Draft) -> dict[str, Any]:
    """A column as the contract declares it, under the file's heading."""
    if proposed.confidence is None:
        return {"name": proposed.column, "label": proposed.heading, "type": "text", "personal": "dropped"}
    known = draft.matching.contract.column(proposed.column or "")
    column = draft.columns[proposed.position]
    values = known.model_dump(mode="json", exclude_defaults=True, exclude={"name", "label", "aliases"})
    if known.type == "money" and "元" in column.heading.unit:
        values["unit"] = "wan_yuan" if "万" in column.heading.unit else "yuan"
    if known.type == "area":
        values["code_list"] = max(
            column.profile.areas, key=lambda name: (column.profile.areas[name], name == known.code_list)
        )
    if known.pattern and not _fits(known.pattern, draft.counts[proposed.position]):
        del values["pattern"]
    return {"name": known.name, "label": proposed.heading, **values}


def _fits(pattern: str, counts: Counter[str]) -> bool:
    return sum(number for text, number in counts.items() if re.search(pattern, text)) >= OF_A_PATTERN * counts.total()


def _missing(column: Column, labels: set[str], *, is_needed: bool) -> dict[str, Any]:
    values = column.model_dump(mode="json", exclude_defaults=True, exclude={"name", "label", "aliases", "pattern"})
    if not is_needed:
        values.pop("required", None)
    label = column.label if heading(column.label) not in labels else f"待填_{column.name}"
    return {"name": column.name, "label": label, **values}


def _comment(proposed: Proposed) -> str:
    sure = "" if proposed.confidence is None else f"{proposed.confidence:.2f} "
    return f"{sure}{proposed.reason.zh} {proposed.reason.en}"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=1 << 20)
    return text.strip().removesuffix("...").strip()


def _header_lines(contract: Contract, close: Sequence[str], rows: int, accepted: int) -> Iterator[str]:
    yield "# 拟稿，请逐行核对后使用；每列后的数字为把握程度（0至1）。"
    yield "# A proposal: check every line before use. The number behind a column says how sure it is (0 to 1)."
    yield f"# 前{rows}行中有{accepted}行可按此入库。Of the first {rows} rows {accepted} would be taken in under it."
    if close:
        yield f"# 也近似于 also like: {', '.join(close)}"


def _doubt_lines(doubts: Sequence[Words]) -> Iterator[str]:
    if doubts:
        yield "# 无法断定的，请人工处理 What could not be told, for a person to say:"
    yield from (f"# - {doubt.zh} {doubt.en}" for doubt in doubts)
