"""The data-quality record of each sender and month: a table to check by hand, and a second count that shares no code with it."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from pipelines import warehouse
from pipelines.catalogue import contracts
from pipelines.cli import main
from pipelines.release import drafting
from pipelines.settings import SEEDS
from tests.intake.test_across import month
from tests.offices import CASE, Office, cases, opened, release, table

FIRST, SECOND, SILENT = "mediation-420302", "mediation-420303", "mediation-420304"  # due on the 5th
FORMS = "correction-420300"  # due on the 8th
WRONG = month("2025-04", 5, 5, area="420303") | {"期末在册": "6"}  # neither the stock nor its four parts give six
COUNTS = ("accepted", "quarantined", "warned", "inconsistencies")


def case(number: int, accepted_on: str, **said: str) -> dict[str, str]:
    return (
        CASE
        | {
            "调解案件编号": f"A{number}",
            "所属区划代码": "420302",
            "受理日期": accepted_on,
            "更新时间": "2025-05-01 09:00:00",
        }
        | said
    )


def received(office: Office, instant: str) -> None:
    """Let the newest delivery have come at an instant of the past."""
    with sqlite3.connect(office.data / "ledger.sqlite") as entries:
        newest = "(select max(ledger_sequence) from deliveries)"
        entries.execute(f"update deliveries set received_at = ? where ledger_sequence = {newest}", [instant])


def hand_in(office: Office, sender: str, instant: str, rows: list[Mapping[str, str]], name: str, **said: Any) -> None:
    office.take(table(rows) if rows else cases({}).split("\n")[0] + "\n", f"{name}.csv", sender, **said)
    received(office, instant)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Four months: the first sender is late once and has a row refused, the second leaves a month out, the third is silent,
    and a form does not open with what the month before closed with."""
    with pytest.MonkeyPatch.context() as patch:
        office = opened(tmp_path_factory.mktemp("quality"), patch)
        hand_in(office, FIRST, "2025-02-05T15:59:00+00:00", [case(1, "2025-01-03"), case(2, "2025-01-04")], "m01")
        hand_in(office, FIRST, "2025-03-05T16:01:00+00:00", [case(3, "2025-02-03")], "m02")  # the 6th in China
        hand_in(
            office, FIRST, "2025-04-02T08:00:00+08:00",
            [case(4, "2025-03-03"), case(5, "三月"), case(6, "2025-03-09", 对接方式="云上")], "m03",
        )  # fmt: skip
        hand_in(office, FIRST, "2025-05-04T08:00:00+08:00", [], "m04", period="2025-04")
        hand_in(office, SECOND, "2025-02-01T08:00:00+08:00", [case(1, "2025-01-03", 所属区划代码="420303")], "m01")
        warehouse.build()
        hand_in(office, SECOND, "2025-05-20T08:00:00+08:00", [case(2, "2025-04-03", 所属区划代码="420303")], "m04")
        hand_in(office, FORMS, "2025-04-08T08:00:00+08:00", [month("2025-03", 10, 11)], "m03")
        hand_in(office, FORMS, "2025-05-08T08:00:00+08:00", [month("2025-04", 9, 9), WRONG], "m04")
        warehouse.build()
    return office


def record(office: Office) -> pl.DataFrame:
    with duckdb.connect(str(office.data / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        return connection.sql("select * from core.data_quality order by table_name, sender, month").pl()


# sender, month -> areas owed and reported, days late, accepted, quarantined, warned, inconsistencies
BY_HAND = {
    (FIRST, "2025-01"): (1, 1, 0, 2, 0, 0, 0),
    (FIRST, "2025-02"): (1, 1, 1, 1, 0, 0, 0),
    (FIRST, "2025-03"): (1, 1, 0, 1, 2, 0, 0),
    (FIRST, "2025-04"): (1, 1, 0, 0, 0, 0, 0),
    (SECOND, "2025-01"): (1, 1, 0, 1, 0, 0, 0),
    (SECOND, "2025-02"): (1, 0, None, 0, 0, 0, 0),
    (SECOND, "2025-03"): (1, 0, None, 0, 0, 0, 0),
    (SECOND, "2025-04"): (1, 1, 15, 1, 0, 0, 0),
    (SILENT, "2025-01"): (1, 0, None, 0, 0, 0, 0),
    (SILENT, "2025-02"): (1, 0, None, 0, 0, 0, 0),
    (SILENT, "2025-03"): (1, 0, None, 0, 0, 0, 0),
    (SILENT, "2025-04"): (1, 0, None, 0, 0, 0, 0),
    (FORMS, "2025-03"): (1, 1, 0, 1, 0, 0, 0),
    (FORMS, "2025-04"): (1, 1, 0, 1, 1, 1, 3),
}


def test_the_record_is_what_a_clerk_counts(office: Office) -> None:
    rows = record(office).filter(pl.col("sender").is_in([FIRST, SECOND, SILENT, FORMS])).iter_rows(named=True)
    names = ("areas_owed", "areas_reported", "days_late", *COUNTS)
    assert {(r["sender"], f"{r['month']:%Y-%m}"): tuple(r[name] for name in names) for r in rows} == BY_HAND
    assert record(office).filter(pl.col("is_late"))["sender"].to_list() == [FIRST, SECOND]


def test_refused_rows_are_told_by_reason_in_both_languages(office: Office) -> None:
    with duckdb.connect(str(office.data / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.sql("select * from core.quarantine_reasons where sender = $1", params=[FIRST]).pl()
    told = {(row["severity"], row["reason"]): row["failing_rows"] for row in found.iter_rows(named=True)}
    assert told == {("refuse", "not_a_date"): 1, ("refuse", "unknown_code"): 1}
    assert set(found["month"].dt.to_string("%Y-%m")) == {"2025-03"}
    assert set(found["reason_zh"]) == {"不是日期", "代码不在码表内"} and set(found["reason_en"]) >= {"not a date"}


def test_every_registered_sender_of_a_table_that_began_stands_in_every_month(office: Office) -> None:
    known = pl.read_csv(SEEDS / "tables" / "senders.csv").filter(table="mediation_cases")
    rows = record(office).filter(table_name="mediation_cases")
    assert set(rows["sender"]) == set(known["sender"])
    assert rows.group_by("sender").len()["len"].unique().to_list() == [4]
    assert set(record(office)["table_name"]) == {"mediation_cases", "correction_monthly"}, "nobody began the others"


def test_a_second_count_from_the_ledger_and_the_exports_agrees(office: Office) -> None:
    again = _recounted(office)
    columns = [name for name in again.columns if name not in ("table_name", "sender", "month")]
    found = record(office).join(again, on=["table_name", "sender", "month"], how="full", suffix="_again")
    wrong = [found.filter(pl.col(name).ne_missing(pl.col(f"{name}_again"))) for name in columns]
    assert [part.to_dicts() for part in wrong if len(part)] == []
    assert len(found) == len(record(office)) == len(again) > 100


def _recounted(office: Office) -> pl.DataFrame:
    """The record once more, a sender and month at a time, in plain loops over ledger, lake and quarantine."""
    with sqlite3.connect(office.data / "ledger.sqlite") as entries:
        entries.row_factory = sqlite3.Row
        ledger = [dict(row) for row in entries.execute("select * from deliveries")]
    tables = {entry["table_name"] for entry in ledger}
    known = [s for s in pl.read_csv(SEEDS / "tables" / "senders.csv").iter_rows(named=True) if s["table"] in tables]
    firsts = {t: min(e["first_month"] for e in ledger if e["table_name"] == t) for t in tables}
    lasts = [e["last_month"] for e in ledger]
    calendar = [f"{y}-{m:02d}" for y in range(2024, 2027) for m in range(1, 13)]
    calendar = [one for one in calendar if min(firsts.values()) <= one <= max(lasts)]
    rows = []
    for name, sender in sorted({(s["table"], s["sender"]) for s in known}):
        own = [e for e in ledger if (e["table_name"], e["sender"]) == (name, sender)]
        for one in (m for m in calendar if m >= firsts[name]):
            reports = [e for e in own if e["first_month"] <= one <= e["last_month"]]
            areas = [s for s in known if (s["table"], s["sender"]) == (name, sender)]
            counts = [_counted(office, e, one) for e in own]
            due = date(int(one[:4]) + (one[5:] == "12"), int(one[5:]) % 12 + 1, areas[0]["due_day"])
            came = [
                datetime.fromisoformat(e["received_at"]).astimezone(ZoneInfo("Asia/Shanghai")).date() for e in reports
            ]
            late = max((min(came) - due) / timedelta(days=1), 0) if came else None
            rows.append(
                {"table_name": name, "sender": sender, "month": date.fromisoformat(f"{one}-01")}
                | {"areas_owed": len(areas), "areas_reported": len(areas) if reports else 0}
                | {"days_late": late, "is_late": None if late is None else late > 0}
                | {key: sum(count[key] for count in counts) for key in COUNTS}
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _counted(office: Office, entry: Mapping[str, Any], one: str) -> dict[str, int]:
    """Rows of a month in one delivery."""
    contract = yaml.safe_load((SEEDS / "contracts" / f"{entry['contract']}.yml").read_text(encoding="utf-8"))
    lake = office.lake(entry["table_name"]).filter(pl.col("ledger_sequence") == entry["ledger_sequence"])
    lines = {r["row_number"] for r in lake.iter_rows(named=True)
             if f"{r[contract['dated_by']]:%Y-%m}" == one}  # fmt: skip
    quarantine = office.data / "quarantine" / f"{entry['folder']}.parquet"
    found = pl.read_parquet(quarantine).to_dicts() if quarantine.exists() else []
    found = [f for f in found if (f"{f['month']:%Y-%m}" if f["month"] else entry["last_month"]) == one]
    refused = {f["row_number"] for f in found if f["severity"] == "refuse"}
    rules = [*contract.get("carried", ()), *contract["rules"]]
    unequal = {rule["id"] for rule in rules if "≠" in rule["label"]["zh"]}
    return {
        "accepted": len(lines),
        "quarantined": len(refused),
        "warned": len({f["row_number"] for f in found} - refused),
        "inconsistencies": sum(f["reason"] in unequal for f in found),
    }


def test_the_release_carries_the_record_and_the_command_prints_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(office.data))
    monkeypatch.setenv("FENGQIAO_KEYS", str(office.data.with_name("keys")))
    folder = office.data / "releases" / "internal" / release()
    assert_frame_equal(pl.read_parquet(folder / "data_quality.parquet"), record(office), check_row_order=False)
    as_csv = pl.read_csv(folder / "csv" / "data_quality.csv")
    assert as_csv.filter(sender=FIRST)["quarantined"].to_list() == [0, 0, 2, 0]
    assert as_csv.filter(sender=FIRST)["sender_zh"].null_count() == 0
    with duckdb.connect(str(folder / "fengqiao.duckdb"), read_only=True) as connection:
        said = connection.sql("select comment from duckdb_columns() where table_name = 'data_quality'").fetchall()
    assert len(said) == len(record(office).columns) and all(comment for (comment,) in said)
    assert drafting.draft().outcome == "unchanged"
    asked = ("quality", "--period", "2025-02..2025-03", "--sender", FIRST)
    printed = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    found = [(row["month"], row["days_late"], row["quarantined"]) for row in printed]
    assert found == [("2025-02", 1, 0), ("2025-03", 0, 2)]
    assert "mediation-420302" in CliRunner().invoke(main, list(asked)).stdout
    wrong = CliRunner().invoke(main, ["quality", "--sender", "mediation-42030"])
    assert (wrong.exit_code, "Did you mean" in wrong.stderr) == (2, True)


def test_every_check_stops_the_build_or_stands_in_the_record(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of the models are none that only warn; what the door warns of, or sends back, is counted in the record."""
    monkeypatch.setenv("FENGQIAO_DATA", str(office.data))
    nodes = json.loads(warehouse.manifest_path().read_text(encoding="utf-8"))["nodes"].values()
    severities = {node["config"]["severity"].upper() for node in nodes if node["resource_type"] == "test"}
    assert severities == {"ERROR"}
    assert {rule.severity for contract in contracts().values() for rule in contract.rules} == {"refuse", "warn"}
    assert record(office)["warned"].sum() > 0 and record(office)["quarantined"].sum() > 0


def test_a_build_from_nothing_gives_the_same_record(office: Office) -> None:
    before = record(office)  # of a second build, which counted again what came after the first
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(office.data))
        warehouse.build(full=True)
    assert_frame_equal(record(office), before)
