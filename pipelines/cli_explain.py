"""`fengqiao explain`: a figure taken apart, from its card down to the files and rows that were counted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines import catalogue
from pipelines import cli_output as output
from pipelines import cli_reading as reading
from pipelines.periods import month_start, months_of
from pipelines.release import explaining
from pipelines.settings import UserError

if TYPE_CHECKING:
    from dashboards.release_reader import Release

ROLES = {
    "numerator": ("分子", "numerator"),
    "denominator": ("分母", "denominator"),
    "denominator_with": ("分母加", "added to the denominator"),
    "censored": ("未结", "still open"),
    "void_where": ("须为零", "must be 0"),
}
NAMED_LINES = 20


def explain(release: "Release", indicator: str, area: str, period: str) -> dict[str, Any]:
    """What `explain --json` prints: the card, the figure, and of each measure its files with their rows.

    `parts[].value` is what the files of the last build add up to; `is_as_released` says whether that build is the
    release's. Raises `UserError` for a share, for what the release lacks, and while a build is running.
    """
    if indicator in release.cards and release.cards[indicator].kind == "share":
        raise UserError(
            f"{indicator} is a share: it has a figure for each category, not one. Explain a count or a rate."
        )
    selection = reading.select(release, indicator, area, period, None)
    card = selection.card
    figure = next(iter(reading.figures(release, selection)))
    months = tuple(month_start(month) for month in months_of(selection.period))
    parts = [
        _part(role, catalogue.measures()[name], selection.areas[0], (months[0], months[1]))
        for role in ROLES
        if (name := getattr(card, role)) is not None and name in catalogue.measures()
    ]
    said = {
        "label",
        "kind",
        "unit",
        "basis",
        "definition",
        "includes",
        "excludes",
        "legal_basis",
        "deadline",
        "caution",
    }
    return {
        **{
            key: figure[key]
            for key in ("indicator", "area", "area_name", "period", "value", "numerator", "denominator")
        },
        "status": figure["status"],
        "release": release.id,
        "edition": release.edition,
        "data_cutoff": selection.data_cutoff,
        "code_version": release.metadata["code_version"],
        "ledger_sequence": release.metadata["ledger_sequence"],
        "is_as_released": explaining.built_sequence() == release.metadata["ledger_sequence"],
        "card": card.model_dump(mode="json", include=said | {"basis_status"}),
        "parts": parts,
    }


def _part(role: str, measure: catalogue.Measure, area: str, months: tuple[Any, Any]) -> dict[str, Any]:
    files = explaining.contributions(measure, area, months)
    return {
        "role": role,
        "measure": measure.id,
        "label": measure.label.model_dump(),
        "definition": measure.definition.model_dump(),
        "table": measure.table,
        "date": measure.date,
        "over_time": measure.over_time,
        "value": sum(file.value for file in files) if explaining.is_counted_from_files(measure) else None,
        "rows": sum(file.rows for file in files),
        "corrections": [_correction(name) for name in explaining.corrections_of(measure, area, months)],
        "files": [vars(file) | {"row_numbers": list(file.row_numbers)} for file in files],
    }


def _correction(name: str) -> dict[str, Any]:
    entry = catalogue.corrections()[name]
    return entry.model_dump(mode="json", include={"id", "action", "expect", "value", "reason", "status", "source"})


def print_explained(found: Mapping[str, Any], *, with_rows: bool) -> None:
    """The same for reading; line numbers only when asked for."""
    card = found["card"]
    output.say(f"{card['label']['zh']} {card['label']['en']}: {found['area_name']} {found['area']}, {found['period']}")
    output.say(_said(found))
    for key in ("definition", "caution", "deadline"):
        if card[key]:
            output.say(f"{card[key]['zh']}\n{card[key]['en']}")
    basis = [f"{law['text']}（{law['version']}）" for law in card["legal_basis"]]
    output.say(f"{'；'.join(basis)}  [{card['basis_status']}]".strip())
    for part in found["parts"]:
        _print_part(part, with_rows=with_rows)
    output.say(
        f"发布 Release {found['release']}，数据截至 data as of {found['data_cutoff']}，代码 code {found['code_version']}，"
        f"台账 ledger {found['ledger_sequence']}"
    )
    if not found["is_as_released"]:
        output.say(
            "仓库已随新数据重建，上列文件可能多于本发布。The warehouse was built again since: files may differ from the release's."
        )


def _said(found: Mapping[str, Any]) -> str:
    """The figure in one line: value and unit, what was divided by what, its marks."""
    unit = catalogue.units()[found["card"]["unit"]]
    value = output.MISSING if found["value"] is None else f"{found['value']:,.4f}".rstrip("0").rstrip(".")
    counted = [f"{number:,}" for number in (found["numerator"], found["denominator"]) if number is not None]
    divided = f"({' / '.join(counted)})" if len(counted) > 1 else ""
    return " ".join(filter(None, (f"= {value} {unit['symbol_zh']}", divided, "、".join(found["status"]))))


def _print_part(part: Mapping[str, Any], *, with_rows: bool) -> None:
    role = " ".join(ROLES[part["role"]])
    value = "不由文件计数 not counted from files" if part["value"] is None else f"{part['value']:,}"
    title = f"{role}: {part['label']['zh']} {part['label']['en']} = {value}"
    columns = [("文件\nFile", "left"), ("单位\nSender", "left"), ("收到\nReceived", "left"), ("sha256", "left")]
    columns += [("行数\nRows", "right"), ("计入\nCounted", "right")]
    columns += [("行号\nLines", "left")] if with_rows else []
    rows: Sequence[Sequence[object]] = [
        (f["file"], f["sender"], f["received_at"][:10], f["sha256"][:12], f["rows"], f["value"])
        + ((_lines(f["row_numbers"]),) if with_rows else ())
        for f in part["files"]
    ]
    output.print_table(title, columns, rows, f"{part['definition']['zh']} {part['definition']['en']}")
    for entry in part["corrections"]:
        output.say(f"更正 Corrected: {entry['id']}. {entry['reason']['zh']} {entry['reason']['en']}")


def _lines(numbers: Sequence[int]) -> str:
    more = f" … (+{len(numbers) - NAMED_LINES})" if len(numbers) > NAMED_LINES else ""
    return ", ".join(str(number) for number in numbers[:NAMED_LINES]) + more
