"""Reading a release from the command line: `figures` checks what was asked for, `sql` opens the release's database."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import polars as pl

from pipelines import cli_output as output
from pipelines.catalogue import Card, padded
from pipelines.periods import months_of
from pipelines.settings import UserError

if TYPE_CHECKING:
    import duckdb

    from dashboards.release_reader import Release

CODE_LENGTHS = (6, 9, 12)
NOT_AVAILABLE = "x"
ROWS_SHOWN = 500


@dataclass(frozen=True)
class Selection:
    """What `figures` was asked for, checked. `area_names` (Chinese, English) and `category_labels` are by code."""

    release: str
    edition: str
    data_cutoff: str
    card: Card
    areas: tuple[str, ...]
    period: str
    breakdown: str
    area_names: Mapping[str, tuple[str, str]]
    category_labels: Mapping[str, str]


def opened(edition: str, release: str | None = None) -> "Release":
    """A release for reading. Raises `UserError` when there is none."""
    from dashboards.release_reader import open_release

    return open_release(edition, release)


def select(release: "Release", indicator: str, area: str | None, period: str | None, by: str | None) -> Selection:
    """Check what was asked for against a release. Raises `UserError`, naming what is near, for what it lacks."""
    card = _card(release, indicator)
    areas = release.areas()
    cities = areas.filter((pl.col("level") == "city") & ~pl.col("is_not_assigned"))["area_code"].sort()
    chosen = (_area(areas, area),) if area is not None else tuple(cities)
    breakdown = _breakdown(card, by)
    categories = release.categories().filter(pl.col("breakdown") == breakdown).sort("sort")
    return Selection(
        release=release.id,
        edition=release.metadata["edition"],
        data_cutoff=release.metadata["data_cutoff"],
        card=card,
        areas=chosen,
        period=_period(release, period),
        breakdown=breakdown,
        area_names={code: (zh, en) for code, zh, en in areas.select("area_code", "name_zh", "name_en").iter_rows()},
        category_labels={
            code: f"{zh} {en}" for code, zh, en in categories.select("category", "label_zh", "label_en").iter_rows()
        },
    )


def figures(release: "Release", selection: Selection) -> list[dict[str, Any]]:
    """The objects of `figures --json`: for each area the total (category null), then the categories in list order.

    `value` is unrounded and in the card's unit. An area without a figure has one row, value null and status `x`.
    """
    parts = [_read(release, selection, breakdown) for breakdown in dict.fromkeys(("total", selection.breakdown))]
    found = pl.concat([part.select(parts[0].columns) for part in parts])
    order = {"total": 0} | {category: place for place, category in enumerate(selection.category_labels, 1)}
    rows = []
    for area in selection.areas:
        of_area = sorted(
            found.filter(pl.col("area_code") == area).iter_rows(named=True), key=lambda row: order[row["category"]]
        )
        rows += [_object(row, selection) for row in of_area or [_absent(area, found.columns)]]
    return rows


def _read(release: "Release", selection: Selection, breakdown: str) -> pl.DataFrame:
    """Rows the release holds; what lies off its grid (ranges of months, of townships cumulatives and breakdowns, breakdowns
    of half-years) is computed from its own measures. The public edition holds all that it shows."""
    rows = release.figures(selection.card.id, list(selection.areas), [selection.period], breakdown)
    if release.edition == "public":
        return rows
    townships = release.areas().filter(pl.col("level") == "township")["area_code"]
    kinds = dict(release.periods().select("period", "period_kind").iter_rows())
    is_off_grid = selection.period not in kinds or (breakdown != "total" and kinds[selection.period] == "half_year")
    held = set(rows["area_code"])
    on_request = [area for area in selection.areas if area not in held and (is_off_grid or area in townships)]
    computed = (release.compute(selection.card.id, area, selection.period, breakdown) for area in on_request)
    return pl.concat([rows, *(part.select(rows.columns) for part in computed)])


def _object(row: Mapping[str, Any], selection: Selection) -> dict[str, Any]:
    value = row["value"]
    if value is not None and value == row["numerator"]:  # a count of whole things
        value = int(value)
    return {
        "indicator": selection.card.id,
        "area": row["area_code"],
        "area_name": selection.area_names[row["area_code"]][0],
        "period": selection.period,
        "breakdown": None if row["category"] in (None, "total") else selection.breakdown,
        "category": None if row["category"] in (None, "total") else row["category"],
        "value": value,
        **{key: row[key] for key in ("numerator", "denominator", "low", "high")},
        **{key: row[key] for key in ("change_on_year", "change_on_year_percent", "change_on_period")},
        **{key: row[key] for key in ("decimals", "band", "change_word") if key in row},
        "status": [code for code in (row["status"] or "").split(",") if code],
        "edition": selection.edition,
        "release": selection.release,
    }


def _absent(area: str, columns: Sequence[str]) -> dict[str, Any]:
    return dict.fromkeys(columns) | {"area_code": area, "status": NOT_AVAILABLE}


def _card(release: "Release", indicator: str) -> Card:
    if indicator in release.cards:
        return release.cards[indicator]
    cards = release.cards.values()
    near = difflib.get_close_matches(indicator, release.cards, 3, 0.5)
    near += [
        card.id
        for card in cards
        if indicator in card.label.zh or indicator.casefold() in f"{card.id} {card.label.en}".casefold()
    ]
    labels = [f"{name} ({release.cards[name].label.zh})" for name in dict.fromkeys(near)][:3]
    raise UserError(
        f"{indicator} is not an indicator of release {release.id}. {_suggestion(labels, list(release.cards))}"
    )


def _area(areas: pl.DataFrame, text: str) -> str:
    code = padded(text.strip()) if len(text.strip()) in CODE_LENGTHS else text.strip()
    names = {row["area_code"]: f"{_short(row['area_code'])} ({row['name_zh']})" for row in areas.iter_rows(named=True)}
    if code in names:
        return code
    if code.isdigit():
        alike = difflib.get_close_matches(code.ljust(12, "0"), names, 9, 0.8)
        near = sorted(alike, key=lambda name: name[:6] != code[:6])[:3]
    else:
        named = pl.col("name_zh").str.contains(text, literal=True) | (
            pl.col("name_en").str.to_lowercase() == text.lower()
        )
        near = areas.filter(named).sort(pl.col("area_code"))["area_code"].to_list()[:3]
    suggestion = _suggestion([names[area] for area in near], [])
    raise UserError(
        f"{text} is not the code of an area of this release; codes have 6, 9 or 12 digits. {suggestion}".strip()
    )


def _short(code: str) -> str:
    """A 12-digit code in its shortest usual form: 6 digits down to districts, 9 for townships."""
    return next(code[:length] for length in CODE_LENGTHS if not code[length:].strip("0"))


def _period(release: "Release", text: str | None) -> str:
    """The period asked for, or the newest year. Raises `UserError` when it lies outside the release."""
    periods = release.periods()
    if text is None:
        years = periods.filter(pl.col("period_kind") == "year")["period"]
        return str(years.max()) if len(years) else str(release.metadata["reference_period"])
    first, last = months_of(text)
    held = periods.filter(pl.col("period_kind") == "month")["period"]
    if not (held.min() <= first and last <= held.max()):  # type: ignore[operator]
        raise UserError(f"{text} lies outside release {release.id}, which holds {held.min()} to {held.max()}.")
    return text


def _breakdown(card: Card, by: str | None) -> str:
    known = ", ".join(card.breakdowns)
    if by is None and card.kind == "share":
        if len(card.breakdowns) == 1:
            return card.breakdowns[0]
        raise UserError(f"{card.id} is a share and has no total; add --by with one of {known}.")
    if by is None or by in card.breakdowns:
        return by or "total"
    if not card.breakdowns:
        raise UserError(f"{card.id} has no breakdown; leave --by out.")
    near = difflib.get_close_matches(by, card.breakdowns, 1)
    raise UserError(f"{card.id} is not broken down by {by}. {_suggestion(near, card.breakdowns)}")


def _suggestion(near: Sequence[str], known: Sequence[str]) -> str:
    """`Did you mean …?` with what is near; else what there is."""
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(sorted(known))}." if known else ""


QUALITY: Mapping[str, tuple[str, str]] = {
    "sender": ("单位\nSender", "left"),
    "table_name": ("表\nTable", "left"),
    "month": ("月份\nMonth", "left"),
    "areas_owed": ("应报\nOwed", "right"),
    "areas_reported": ("已报\nReported", "right"),
    "days_late": ("逾期（天）\nDays late", "right"),
    "accepted": ("收下（行）\nAccepted", "right"),
    "quarantined": ("退回（行）\nRefused", "right"),
    "warned": ("提示（行）\nWarned", "right"),
    "inconsistencies": ("不一致\nContradictions", "right"),
}


def print_quality(release: "Release", period: str | None, sender: str | None, *, as_json: bool) -> None:
    """Print the data-quality record. Raises `UserError` for a sender it does not know, or a period outside the release."""
    span = ("0000-00", release.metadata["data_cutoff"][:7]) if period is None else months_of(_period(release, period))
    record = release.quality(*span).with_columns(pl.col("month").dt.to_string("%Y-%m"))
    if sender is not None:
        known = sorted(set(record["sender"]) | set(release.table("senders")["sender"]))
        if sender not in known:
            near = difflib.get_close_matches(sender, known, 3)
            raise UserError(f"{sender} is no sender of release {release.id}. {_suggestion(near, [])}".strip())
        record = record.filter(pl.col("sender") == sender)
    if as_json:
        output.print_json(record.to_dicts())
        return
    note = f"发布 Release {release.id}，数据截至 data as of {release.metadata['data_cutoff']}"
    output.print_table("数据质量 Data quality", list(QUALITY.values()), record.select(list(QUALITY)).iter_rows(), note)


def open_database(release: "Release") -> "duckdb.DuckDBPyConnection":
    """The release's database, read-only, without access to any other file."""
    import duckdb

    connection = duckdb.connect(str((release.folder / "fengqiao.duckdb").resolve()), read_only=True)
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def answer(connection: "duckdb.DuckDBPyConnection", query: str, *, as_json: bool) -> None:
    """Print what a query gives. Raises `UserError` with DuckDB's first line when it cannot be answered."""
    import duckdb

    if not query.strip():
        raise UserError("The query is empty.")
    try:
        cursor = connection.execute(query)
        columns = [column[0] for column in cursor.description or []]
        rows = cursor.fetchall() if as_json else cursor.fetchmany(ROWS_SHOWN + 1)
    except duckdb.Error as error:
        raise UserError(
            next(line for line in [*str(error).splitlines(), type(error).__name__] if line.strip())
        ) from None
    if as_json:
        output.print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    note = f"The first {ROWS_SHOWN} rows; --json prints all." if len(rows) > ROWS_SHOWN else None
    output.print_table("", [(name, "left") for name in columns], rows[:ROWS_SHOWN], note)


def converse(release: "Release", *, as_json: bool) -> None:
    """Answer queries typed at a prompt; a wrong one is said and does not end it."""
    output.say(f"Release {release.id}, read-only. End a query with ; and leave with .quit. Tables: show tables;")
    with open_database(release) as connection:
        for statement in _statements():
            try:
                answer(connection, statement, as_json=as_json)
            except UserError as error:
                click.echo(str(error), err=True)


def _statements() -> Iterator[str]:
    """Statements typed at a prompt, each ended by `;`, until end of input or `.quit`."""
    typed: list[str] = []
    while True:
        try:
            line = input("      ...> " if typed else "fengqiao> ")
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            typed = []
            sys.stdout.write("\n")
            continue
        if not typed and line.strip() in (".quit", ".exit", "\\q", "quit", "exit"):
            return
        typed += [line] if line.strip() else []
        if line.rstrip().endswith(";"):
            yield "\n".join(typed)
            typed = []
