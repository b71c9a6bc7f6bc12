"""One delivery after another: what is new, what is known, who sent it, and which months it speaks of."""

import json
import select
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from pipelines.intake import ledger
from pipelines.intake.identifying import export_files
from pipelines.intake.receiving import zero_report
from pipelines.release.checking import problems
from pipelines.settings import UserError
from tests.conftest import FENGQIAO
from tests.offices import CASE, HECHUAN, Office, cases, table

FOREIGN = Path(__file__).parents[1] / "foreign"
REQUEST = {"Unique Key": "12345678", "Created Date": "3/4/2025 9:00", "Borough": "BRONX", "Closed Date": ""}


def _months(office: Office) -> list[tuple[str | None, str | None]]:
    return [(delivery.first_month, delivery.last_month) for delivery in ledger.deliveries()]


def test_a_row_that_repeats_key_and_update_time_is_a_duplicate(office: Office) -> None:
    again, later, other = {"受理日期": "2025-03-04"}, {"更新时间": "2025-04-02"}, {"调解案件编号": "A2"}
    outcome = office.take(cases({}, again, later, other, {}))
    assert (outcome.read, outcome.accepted, outcome.duplicate) == (5, 3, 2)
    assert office.lake()["row_number"].to_list() == [2, 4, 5]


def test_the_first_of_two_equal_versions_stands(office: Office) -> None:
    office.take(cases({"受理日期": "2025-03-01"}, {"受理日期": "2025-03-02"}))
    assert office.lake()["accepted_on"].dt.day().to_list() == [1]


def test_a_refused_row_does_not_make_a_later_one_a_duplicate(office: Office) -> None:
    outcome = office.take(cases({"受理日期": "?"}, {}))
    assert (outcome.accepted, outcome.quarantined, outcome.duplicate) == (1, 1, 0)


def test_a_file_sent_again_is_known_and_changes_nothing(office: Office) -> None:
    first = office.take(cases({}, {"调解案件编号": "A2", "受理日期": "?"}, {}), "march.csv")
    before = office.contents()
    again = office.take(cases({}, {"调解案件编号": "A2", "受理日期": "?"}, {}), "renamed.csv")
    assert (first.outcome, again.outcome) == ("accepted", "already_received")
    counts = ("read", "not_data", "accepted", "quarantined", "duplicate", "reasons", "sha256")
    assert [getattr(again, name) for name in counts] == [getattr(first, name) for name in counts]
    assert office.contents() == before


def test_the_same_case_is_itself_at_another_sender_of_its_register(office: Office) -> None:
    rows = [
        {"信访件编号": "X1", "问题属地": "420500", "登记时间": "2025-03-03", "信访形式": "来信", "初次重复": "初次"}
    ]
    rows[0]["更新时间"] = "2025-04-01"
    for sender in ("petition-420300", "petition-420500", "petition-430300"):
        office.take(table(rows), f"{sender}.csv", sender)
    keys = office.lake("petition_matters")["case_key"].to_list()
    assert keys[0] == keys[1] != keys[2]


def test_cell_numbers_and_keys_are_made_under_different_secrets(office: Office) -> None:
    office.take(cases({}, {"调解案件编号": "A2"}))
    rows = office.lake()
    texts = rows.select(pl.col("case_key").bin.encode("hex").str.head(16).str.to_integer(base=16, dtype=pl.UInt64))
    assert not set(texts.to_series() & (2**63 - 1)) & set(rows["cell_number"])


DRY: dict[str, Callable[[Office], object]] = {
    "a plain file": lambda office: office.take(cases({}, {"受理日期": "?"}), dry_run=True),
    "a contract and a list of areas": lambda office: office.take(
        table([REQUEST]), dry_run=True, contract=str(FOREIGN / "nyc311.yml"), areas=FOREIGN / "nyc311_areas.csv"
    ),
}


@pytest.mark.parametrize("what", DRY)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_dry_run_says_what_would_happen_and_writes_nothing(what: str, is_first: bool, office: Office) -> None:
    if not is_first:
        office.take(cases({"调解案件编号": "A9"}), "earlier.csv")
    before = office.contents()
    outcome = DRY[what](office)
    assert (outcome.outcome, outcome.accepted) == ("dry_run", 1)  # type: ignore[attr-defined]
    assert office.contents() == before


def test_a_contract_and_a_list_of_areas_are_kept_when_the_file_is_taken_in(office: Office) -> None:
    office.take(table([REQUEST]), contract=str(FOREIGN / "nyc311.yml"), areas=FOREIGN / "nyc311_areas.csv")
    kept = sorted(path.name for path in (office.data / "catalogue").rglob("*.*"))
    assert kept == ["nyc311-v1.yml", "nyc311_areas.csv"]
    later = office.take(
        table([REQUEST | {"Unique Key": "12345679"}]), "later.csv", contract=str(FOREIGN / "nyc311.yml")
    )
    assert later.accepted == 1, "the list given before is still known"


def test_a_refused_file_leaves_no_contract_and_no_list_behind(office: Office) -> None:
    with pytest.raises(UserError, match="does not fit contract nyc311"):
        office.take(cases({}), contract=str(FOREIGN / "nyc311.yml"), areas=FOREIGN / "nyc311_areas.csv")
    assert office.contents() == {}


PERIODS = {
    "cases.csv": ("2025-03", "2025-05"),
    "cases_2025.csv": ("2025-01", "2025-12"),
    "cases_2025-Q2.csv": ("2025-04", "2025-06"),
    "cases_2025-01..2025-06.csv": ("2025-01", "2025-06"),
    "cases_0815.csv": ("2025-03", "2025-05"),
    "cases_第2批.csv": ("2025-03", "2025-05"),
}


@pytest.mark.parametrize("name", PERIODS)
def test_the_months_come_from_the_file_name_or_from_the_rows(name: str, office: Office) -> None:
    office.take(cases({}, {"调解案件编号": "A2", "受理日期": "2025-05-31", "更新时间": "2025-06-01"}), name)
    assert _months(office) == [PERIODS[name]]


def test_the_option_goes_before_the_sidecar_and_the_sidecar_before_the_name(office: Office) -> None:
    for number, option in enumerate((None, "2025-11"), 1):
        path = office.write(f"cases{number}_2024.csv", cases({"调解案件编号": f"A{number}"}))
        path.with_name(path.name + ".yml").write_text("period: 2025-H1\n")
        office.hand_in(path, period=option)
    assert _months(office) == [("2025-01", "2025-06"), ("2025-11", "2025-11")]


WRONG_SIDECARS = {
    "period: 2025-13": "2025-13 is not a period",
    "sender: mediation-500117\nperiode: 2025": r"cases\.csv\.yml, line 2: periode: there is no such key",
    "mode: snapshots": r"cases\.csv\.yml, line 1: mode: ",
    "period: 2025\nzero: perhaps": r"cases\.csv\.yml, line 2: zero: ",
    "mode: snapshot\nsheets: [a, b]": r"cases\.csv\.yml, line 2: sheets: ",
    "- 2025": "line 1: expected a mapping",
    "period: [": "not valid YAML",
    "period: 9999": "9999 is not a period",
}


@pytest.mark.parametrize("said", WRONG_SIDECARS)
def test_a_wrong_sidecar_is_refused(said: str, office: Office) -> None:
    path = office.write("cases.csv", cases({}))
    path.with_name(path.name + ".yml").write_text(said)
    with pytest.raises(UserError, match=WRONG_SIDECARS[said]):
        office.hand_in(path)
    assert office.contents() == {}


def test_what_a_sidecar_says_may_look_like_a_number_or_a_date(office: Office) -> None:
    path = office.write("cases.csv", cases({}))
    path.with_name(path.name + ".yml").write_text("period: 2025\nmode: snapshot\nscope: 500117\ntaken_at: 2025-04-30\n")
    office.hand_in(path)
    [entry] = ledger.deliveries()
    assert (entry.first_month, entry.scope, entry.taken_at) == ("2025-01", "500117", "2025-04-30T23:59:59.999999")


FIRST_LEDGER = """
create table deliveries (
    ledger_sequence integer primary key, sha256 text not null, file text not null, sender text not null,
    register text not null, contract text not null, contract_version integer not null, table_name text not null,
    first_month text, last_month text, received_at text not null, read integer not null, not_data integer not null,
    accepted integer not null, quarantined integer not null, duplicate integer not null, reasons text not null,
    warnings text not null, folder text, columns text not null
);
insert into deliveries values (
    1, 'ab', 'zero report', 'mediation-500117', 'mediation-500117', 'mediation_cases', 1, 'mediation_cases',
    '2025-01', '2025-01', '2025-02-03T08:00:00.000+00:00', 0, 0, 0, 0, 0, '{}', '{}', null, '["accepted_on"]'
);
"""


def test_a_ledger_of_the_first_version_is_read_and_goes_on(office: Office) -> None:
    office.data.mkdir(exist_ok=True)
    with closing(sqlite3.connect(ledger.ledger_path())) as connection:
        connection.executescript(FIRST_LEDGER)
    assert office.take(cases({})).outcome == "accepted"
    first, second = ledger.deliveries()
    assert (first.sha256, first.mode, first.withdrawn, first.retry_of, first.rules_version) == (
        "ab",
        "changes",
        0,
        None,
        None,
    )
    assert second.ledger_sequence == 2
    assert second.rules_version is not None
    assert problems() == []


def test_a_second_intake_waits_its_turn_and_says_so(office: Office) -> None:
    file = office.write("cases.csv", cases({}))
    with ledger.writer_lock():
        command = [FENGQIAO, "intake", str(file), "--json"]
        second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert select.select([second.stderr], [], [], 60)[0], "it says nothing"
        assert "Waiting for another intake" in second.stderr.readline()
        assert ledger.deliveries() == []
    output, rest = second.communicate()
    assert (second.returncode, rest) == (0, "")
    assert json.loads(output)["files"][0]["outcome"] == "accepted"


def test_the_sender_by_sidecar_by_option_by_folder(office: Office) -> None:
    path = office.write("one.csv", cases({}))
    path.with_name(path.name + ".yml").write_text("sender: mediation-500118\n")
    assert office.hand_in(path).sender == "mediation-500118"
    assert office.hand_in(path, sender="mediation-500113").sender == "mediation-500113"
    assert office.take(cases({}), "two.csv").sender == HECHUAN


def test_a_file_that_nobody_sent_is_refused(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "somewhere" / "cases.csv"
    path.parent.mkdir()
    path.write_text(cases({}), encoding="utf-8")
    with pytest.raises(UserError, match="who sent it"):
        office.hand_in(path)


def test_a_header_alone_is_a_zero_report_of_its_period(office: Office) -> None:
    outcome = office.take(cases({}).splitlines()[0], "cases_2025-02.csv")
    assert (outcome.outcome, outcome.read, outcome.accepted) == ("accepted", 0, 0)
    assert _months(office) == [("2025-02", "2025-02")]
    assert problems() == []


def test_a_header_alone_without_a_period_is_refused(office: Office) -> None:
    with pytest.raises(UserError, match="--period"):
        office.take(cases({}).splitlines()[0])
    assert office.contents() == {}


def test_a_zero_report_is_entered_once(office: Office) -> None:
    said = [zero_report(HECHUAN, "mediation_cases", "2025-02").outcome for _ in range(2)]
    assert said == ["accepted", "already_received"]
    assert _months(office) == [("2025-02", "2025-02")]
    assert problems() == []


@pytest.mark.parametrize(
    "said",
    [("mediation-500711", "mediation_cases", "2025"), (HECHUAN, "cases", "2025"), (HECHUAN, "mediation_cases", "2")],
)
def test_a_zero_report_of_an_unknown_sender_table_or_period_is_refused(
    said: tuple[str, str, str], office: Office
) -> None:
    with pytest.raises(UserError):
        zero_report(*said)
    assert ledger.deliveries() == []


def test_a_sender_known_by_its_files_may_report_zero(office: Office) -> None:
    office.take(table([REQUEST]), contract=str(FOREIGN / "nyc311.yml"), areas=FOREIGN / "nyc311_areas.csv")
    with pytest.raises(UserError, match="no sender"):
        zero_report("nyc311", "petition_matters", "2025-04")
    assert zero_report(HECHUAN, "petition_matters", "2025-04").outcome == "accepted"


def test_all_rows_refused_is_still_a_delivery(office: Office) -> None:
    outcome = office.take(cases({"受理日期": "?"}), "cases_2025.csv")
    assert (outcome.outcome, outcome.accepted, outcome.quarantined) == ("accepted", 0, 1)
    assert problems() == []


def test_exports_are_found_in_folders_in_a_stable_order(office: Office) -> None:
    for name in ("b.csv", "a.CSV", "c.tsv", "~$d.xlsx", ".e.csv", "a.csv.yml", "notes.docx"):
        office.write(name, "x")
    found = export_files([office.data / "landing"])
    assert [path.name for path in found] == ["a.CSV", "b.csv", "c.tsv"]
    (office.data / "empty").mkdir()
    with pytest.raises(UserError, match="No export file"):
        export_files([office.data / "empty"])


def test_case_rows_of_one_register_keep_apart_from_equal_numbers_of_another(office: Office) -> None:
    for sender in (HECHUAN, "mediation-500118"):
        office.take(table([CASE]), f"{sender}.csv", sender)
    rows = office.lake()
    assert rows["case_key"].n_unique() == rows["cell_number"].n_unique() == 2
