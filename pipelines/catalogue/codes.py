"""Code lists and units: the categories of breakdowns, and what figures are counted in."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Literal

from pipelines.catalogue.declaring import Declared, Words, declare, read_rows
from pipelines.settings import SEEDS


class Code(Declared):
    """A category: id, labels, the texts under which sources write it, how well it is attested, when it was in force."""

    list_id: str
    code: str
    label_zh: str
    label_en: str
    parent_code: str
    aliases: tuple[str, ...]
    sort: int
    standard: str
    status: Literal[
        "verified",
        "verified_labels",
        "verified_image",
        "secondary_verified",
        "mapping",
        "form_seen_not_standard",
        "unofficial",
        "own_knowledge",
        "own",
    ]
    source: str
    note: str
    valid_from: date | None
    valid_to: date | None


@cache
def code_lists() -> Mapping[str, tuple[Code, ...]]:
    """Categories by list id, in their declared order."""
    found: dict[str, list[Code]] = {}
    path = SEEDS / "tables" / "code_lists.csv"
    for line, row in enumerate(read_rows(path), 2):
        values = {name: row.get(name) for name in Code.model_fields}
        values |= {name: row.get(name) or None for name in ("valid_from", "valid_to")}
        aliases = tuple(text for text in (row.get("aliases") or "").split("|") if text)
        code: Code = declare(Code, {**values, "aliases": aliases}, path, lambda _, line=line: line)
        found.setdefault(code.list_id, []).append(code)
    return {name: tuple(sorted(codes, key=lambda code: code.sort)) for name, codes in found.items()}


@cache
def units() -> Mapping[str, Mapping[str, str]]:
    return {row["unit"]: row for row in read_rows(SEEDS / "tables" / "units.csv")}


@cache
def markers() -> Mapping[str, Words]:
    """What each marker of a figure means, in the order in which a legend tells them."""
    rows = read_rows(SEEDS / "tables" / "markers.csv")
    return {row["marker"]: Words(zh=row["label_zh"], en=row["label_en"]) for row in rows}
