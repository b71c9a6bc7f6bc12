"""`fengqiao reconcile`: what the monthly forms reported beside what case rows count, from a release."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from pipelines import catalogue
from pipelines import cli_output as output
from pipelines.catalogue import Words
from pipelines.periods import months_of
from pipelines.settings import UserError

if TYPE_CHECKING:
    from dashboards.release_reader import Release

NUMBERS = ("reported", "counted_at_closing", "counted", "late", "corrected", "refused", "unexplained")
HEADS = (
    ("上报\nReported", "right"),
    ("关账时统计\nAt closing", "right"),
    ("现时统计\nCounted", "right"),
    ("补报\nLate", "right"),
    ("核增核减\nCorrected", "right"),
    ("退回\nRefused", "right"),
    ("未说明\nUnexplained", "right"),
)


def print_reconciliation(
    release: "Release", sender: str | None, month: str | None, table: str | None, *, as_json: bool
) -> None:
    """Print the rows of a release for a month (default: its last), a sender and a form.

    Raises `UserError` where the release has none, or where nothing matches.
    """
    if not (release.folder / "reconciliation.parquet").is_file():
        raise UserError(f"Release {release.id} was made before reported figures were reconciled. Draft a new one.")
    months = months_of(month or release.metadata["data_cutoff"][:7])
    said = pl.col("month").dt.to_string("%Y-%m")
    rows = release.table("reconciliation").filter(said >= pl.lit(months[0]), said <= pl.lit(months[1]))
    for name, value in (("sender", sender), ("table_name", table)):
        rows = rows.filter(pl.col(name) == value) if value is not None else rows
    if rows.is_empty():
        raise UserError(f"No form of {month or months[1]} is in release {release.id} for what was asked.")
    found = [
        _row(row) for row in rows.sort("table_name", "sender", "area_code", "month", "measure").iter_rows(named=True)
    ]
    if as_json:
        output.print_json(found)
    else:
        _print(release, found)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"month": f"{row['month']:%Y-%m}"}


def _line(row: Mapping[str, Any], names: Mapping[str, str], label: Words) -> tuple[object, ...]:
    numbers = ("—" if row[name] is None else f"{row[name]:,}" for name in NUMBERS)
    return (row["sender"], names[row["area_code"]], row["month"], f"{label.zh} {label.en}", *numbers)


def _print(release: "Release", rows: list[dict[str, Any]]) -> None:
    names = dict(release.areas().select("area_code", "name_zh").iter_rows())
    lines = [_line(row, names, catalogue.measures()[row["measure"]].label) for row in rows]
    heads = [("报送单位\nSender", "left"), ("地区\nArea", "left"), ("月份\nMonth", "left"), ("项目\nMeasure", "left")]
    why = {name: catalogue.measures()[name].uncounted for name in sorted({row["measure"] for row in rows})}
    reasons = "".join(
        f" {catalogue.measures()[name].label.zh}：{said.zh} {said.en}" for name, said in why.items() if said
    )
    note = f"发布 Release {release.id}。退回行数为上限。Refused rows are an upper bound.{reasons}"
    output.print_table("对账 Reported against counted", [*heads, *HEADS], lines, note)
