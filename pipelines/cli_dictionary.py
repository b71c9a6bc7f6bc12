"""`fengqiao dictionary`: what every export may hold and what is made of it, derived from contracts, code lists, measures and cards."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import cli_output as output
from pipelines.catalogue import (
    STORED,
    Code,
    Column,
    Contract,
    cards,
    code_lists,
    contract_versions,
    contracts,
    corrections,
    json_schemas,
    measures,
)
from pipelines.settings import UserError

KINDS = {"cases": "明细 cases", "form": "报表 form"}
BAR = "\\|"  # in a cell of a Markdown table
DAYS = {"working": "工作日 working days", "natural": "日 natural days"}


def run(table: str | None, out: Path | None, site: Path | None, schema: Path | None, *, as_json: bool) -> None:
    """Print the dictionary (of one table), or write it as Markdown; `site`: a folder for it and for dbt's own pages;
    `schema`: a folder for JSON schemas of what is declared.

    Raises `UserError` for a table that is none, and where nothing is built whose pages dbt could make.
    """
    if schema is not None:
        _write_schemas(schema)
        return
    if site is not None:
        _write_site(site)
        return
    known = list(dict.fromkeys(contract.table for contract in contract_versions()))
    if table is not None and table not in known:
        raise UserError(f"{table} is not a table; name one of {', '.join(known)}.")
    contracts = [contract for contract in contract_versions() if table in (None, contract.table)]
    said = dictionary(contracts, whole=table is None)
    if as_json:
        output.print_json(said)
    elif out is None:
        output.say("\n".join(markdown(said)))
    else:
        _write(out, said)
        output.say(f"The dictionary of {len({contract.table for contract in contracts})} tables is in {out}.")


def _write_schemas(folder: Path) -> None:
    _make(folder)
    for name, schema in json_schemas().items():
        path = folder / f"{name}.schema.json"
        try:
            path.write_text(json.dumps(schema, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    output.say(f"The schemas of {', '.join(f'seeds/{name}' for name in json_schemas())} are in {folder}.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}.") from None


def _write_site(folder: Path) -> None:
    from pipelines.warehouse import write_docs

    _make(folder)
    _write(folder / "dictionary.md", dictionary(contract_versions(), whole=True))
    write_docs(folder / "models.html")
    output.say(f"dictionary.md and models.html are in {folder}; both can be read without a network.")


def _write(out: Path, said: Mapping[str, Any]) -> None:
    try:
        out.write_text("\n".join(markdown(said)) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}.") from None


def dictionary(contracts: Sequence[Contract], *, whole: bool = False) -> dict[str, Any]:
    """Contracts as plain values, newest version first, the code lists that they name and the corrections of their tables;
    when `whole`, the cards and their measures too."""
    used = {name for contract in contracts for column in contract.columns for name in _lists(column)}
    told = {contract.table for contract in contracts}
    return {
        "contracts": [_contract(contract) for contract in contracts],
        "corrections": [entry.model_dump(mode="json") for entry in corrections().values() if entry.table in told],
        "code_lists": {name: [_code(code) for code in code_lists()[name]] for name in sorted(used)},
        "indicators": [card.model_dump(mode="json") for card in cards().values()] if whole else [],
        "measures": [measure.model_dump(mode="json") for measure in measures().values()] if whole else [],
    }


def _contract(contract: Contract) -> dict[str, Any]:
    said = contract.model_dump(
        mode="json",
        include={"id", "table", "version", "kind", "label", "grain", "system", "dash", "dated_by", "updated"},
    )
    return said | {
        "retired": contract.retired.isoformat() if contract.retired else None,
        "key": list(contract.key_columns),
        "columns": [_column(column, contract) for column in contract.columns],
        "rules": [rule.model_dump(mode="json") for rule in contract.rules],
        "clocks": [clock.model_dump(mode="json") for clock in contract.clocks],
        "carried": [carried.model_dump(mode="json") for carried in contract.carried],
    }


def _column(column: Column, contract: Contract) -> dict[str, Any]:
    said = column.model_dump(
        mode="json", include={"name", "label", "aliases", "type", "unit", "required", "personal", "codes", "breakdown"}
    )
    return said | {
        "category": None if column.item is None else column.category,
        "stored_as": None if column.personal != "none" else STORED[column.type],
        "stored_in": _stored_in(column, contract),
        "rules": [rule.id for rule in contract.rules if column.name in rule.columns],
        "clocks": [clock.id for clock in contract.clocks if column.name in (clock.starts, clock.ends, *clock.where)],
    }


def _stored_in(column: Column, contract: Contract) -> str | None:
    """Where the lake holds what a column says; None where nothing of it is kept."""
    lake = f"lake.{contract.table}"
    if column.personal == "dropped":
        return None
    if column.item is not None:
        return f"{lake}.value (item {column.item}, category {column.category})"
    names = [column.name] if column.personal == "none" else []
    if column.name in contract.key_columns:
        names.append("case_key")
    named = (c for c in contract.columns if c.references and column.name in contracts()[c.references].key_columns)
    return ", ".join(f"{lake}.{name}" for name in (*names, *(c.pseudonym for c in named)))


def _lists(column: Column) -> list[str]:
    yes_no = "yes_no" if column.type == "boolean" and column.codes is None else None
    return [name for name in (column.codes, column.breakdown, yes_no) if name is not None]


def _code(code: Code) -> dict[str, Any]:
    return code.model_dump(mode="json", exclude={"list_id", "sort"})


def markdown(said: Mapping[str, Any]) -> Iterator[str]:
    """The dictionary as Markdown, line by line."""
    yield "# 数据字典 Data dictionary"
    for contract in said["contracts"]:
        yield from _contract_lines(contract)
    if said["corrections"]:
        yield from _correction_lines(said["corrections"])
    yield from ("", "## 码表 Code lists")
    for name, codes in said["code_lists"].items():
        yield from ("", f"### {name}", "")
        heads = (
            "代码 code",
            "中文",
            "English",
            "写法 written as",
            "施行 in force",
            "标准 standard",
            "可信度 status",
            "来源 source",
        )
        yield from _table(heads, (_code_cells(code) for code in codes))
    if said["indicators"]:
        yield from _indicator_lines(said["indicators"])
        yield from _measure_lines(said["measures"])


def _correction_lines(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", "## 更正登记 Corrections register", "")
    heads = ("更正 correction", "单元格 where", "处理 action", "原报 expected", "状态 status", "说明 reason")
    cells = (
        (
            entry["id"],
            ", ".join(str(part) for part in (entry["table"], *entry["match"].values())),
            entry["action"] + ("" if entry["action"] == "drop" else f" {_corrected_to(entry['value'])}"),
            ", ".join(_corrected_to(expected) for expected in entry["expect"]),
            f"{entry['status']} ({entry['since']})",
            f"{entry['reason']['zh']} {entry['reason']['en']}",
        )
        for entry in entries
    )
    yield from _table(heads, cells)


def _corrected_to(value: object) -> str:
    return "empty" if value is None else str(value)


def _indicator_lines(indicators: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", "## 指标 Indicators")
    for card in indicators:
        label, divided = card["label"], [card["denominator"], card["denominator_with"]]
        yield from ("", f"### {label['zh']} {label['en']}: `{card['id']}`", "")
        yield f"{card['definition']['zh']} {card['definition']['en']}"
        parts = f"`{card['numerator']}`" + (f" ÷ `{' + '.join(filter(None, divided))}`" if divided[0] else "")
        laws = "；".join(f"{law['text']}（{law['version']}）" for law in card["legal_basis"])
        for heading, text in (
            ("算法 counted as", f"{card['kind']}: {parts}"),
            ("单位 unit", card["unit"]),
            ("日期 dated by", card["basis"]),
            ("依据 basis", f"{laws} [{card['basis_status']}]"),
            ("分组 broken down by", ", ".join(card["breakdowns"])),
        ):
            if text:
                yield f"- {heading}: {text}"
        for heading, entries in (("含 includes", card["includes"]), ("不含 excludes", card["excludes"])):
            yield from (f"- {heading}: {entry['zh']} {entry['en']}" for entry in entries)
        if card["caution"]:
            yield from ("", f"{card['caution']['zh']} {card['caution']['en']}")


def _measure_lines(measures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", "## 基础量 Measures", "")
    heads = ("基础量 measure", "名称 label", "单位 unit", "跨月 over months", "表 table", "定义 definition")
    cells = (
        (
            f"`{m['id']}`",
            f"{m['label']['zh']} {m['label']['en']}",
            m["unit"],
            m["over_time"],
            m["table"],
            f"{m['definition']['zh']} {m['definition']['en']}",
        )
        for m in measures
    )
    yield from _table(heads, cells)


def _contract_lines(contract: Mapping[str, Any]) -> Iterator[str]:
    label, grain = contract["label"], contract["grain"]
    yield from ("", f"## {label['zh']} {label['en']}: `{contract['table']}` v{contract['version']}", "")
    until = f" 停用 retired {contract['retired']}." if contract["retired"] else ""
    key = f" 主键 key: {', '.join(contract['key'])}." if contract["key"] else ""
    yield f"{KINDS[contract['kind']]}; {grain['zh']}, {grain['en']}.{key} 计入月份 dated by: {contract['dated_by']}.{until}"
    yield ""
    heads = (
        "列 column",
        "表头 heading",
        "别名 aliases",
        "类型 type",
        "个人信息 personal",
        "存于 stored in",
        "规则 rules",
    )
    yield from _table(heads, (_column_cells(column) for column in contract["columns"]))
    checks = [(r["id"], r["severity"], r["require"], r["label"]) for r in contract["rules"]]
    checks += [(c["id"], c["severity"], f"{c['closing']} → {c['opening']}", c["label"]) for c in contract["carried"]]
    if checks:
        yield ""
        heads = ("规则 rule", "处理 severity", "要求 require", "说明")
        yield from _table(heads, ((*cells, f"{label['zh']} {label['en']}") for *cells, label in checks))
    if contract["clocks"]:
        yield ""
        heads = ("期限 clock", "起 from", "止 to", "天数 days", "条件 where", "依据 legal basis", "说明")
        yield from _table(heads, (_clock_cells(clock) for clock in contract["clocks"]))


def _column_cells(column: Mapping[str, Any]) -> Sequence[str]:
    named = [name for name in (column["unit"], column["codes"], column["breakdown"]) if name]
    kind = column["type"] + (f" ({', '.join(named)})" if named else "") + (", required" if column["required"] else "")
    personal = "" if column["personal"] == "none" else column["personal"]
    checks = ", ".join((*column["rules"], *column["clocks"]))
    aliases = "、".join(column["aliases"])
    return (column["name"], column["label"], aliases, kind, personal, column["stored_in"] or "—", checks)


def _clock_cells(clock: Mapping[str, Any]) -> Sequence[str]:
    extended = f"+{clock['extended_by']}" if clock["extended_by"] else ""
    days = f"{clock['days']}{extended} {DAYS[clock['calendar']]}"
    where = ", ".join(f"{name} = {value}" for name, value in clock["where"].items())
    basis = f"{clock['legal_basis']['text']} ({clock['legal_basis']['version']})"
    label = f"{clock['label']['zh']} {clock['label']['en']}"
    return (clock["id"], clock["starts"], clock["ends"], days, where, basis, label)


def _code_cells(code: Mapping[str, Any]) -> Sequence[str]:
    span = f"{code['valid_from'] or ''}–{code['valid_to'] or ''}" if code["valid_from"] or code["valid_to"] else ""
    names = (code["code"], code["label_zh"], code["label_en"], "、".join(code["aliases"]), span)
    return (*names, code["standard"], code["status"], code["source"])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', BAR) for cell in row)} |"
