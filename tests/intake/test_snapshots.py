"""What a snapshot takes back and what it leaves, case by case, as a clerk would decide it."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.intake import ledger
from pipelines.intake.receiving import Outcome
from pipelines.release.checking import problems
from pipelines.settings import UserError
from tests.offices import FORM, HECHUAN, MATTER, Office, cases, table

Row = dict[str, str]
OTHER_TOWN = "500117002"


def case(number: int, updated: str = "2025-04-01", **said: str) -> Row:
    """Case A<number>, accepted on that day of March: the day tells which case a row of the lake is."""
    day = f"2025-03-{number:02d}"
    return {"调解案件编号": f"A{number}", "受理日期": day, "更新时间": f"{updated} 09:00:00"} | said


def matter(number: int, updated: str) -> Row:
    day = f"2025-03-{number:02d}"
    return MATTER | {"信访件编号": f"X{number}", "登记时间": day, "更新时间": updated}


def standing(office: Office, name: str = "mediation_cases", day: str = "accepted_on") -> set[int]:
    """The cases that count, by their day: a row came after the newest withdrawal."""
    rows = office.lake(name)
    withdrawn: dict[bytes, int] = {}
    for part in sorted((office.data / "lake" / "withdrawals").glob("*/*.parquet")):
        for key, sequence in pl.read_parquet(part).select("case_key", "ledger_sequence").iter_rows():
            withdrawn[key] = max(sequence, withdrawn.get(key, 0))
    last = rows.group_by("case_key").agg(pl.col("ledger_sequence").max(), pl.col(day).last()).iter_rows()
    return {on.day for key, sequence, on in last if sequence > withdrawn.get(key, 0)}


def snapshot(office: Office, rows: Iterable[Row], name: str, sender: str = HECHUAN, **said: str | bool) -> Outcome:
    return office.take(cases(*rows), name, sender, mode="snapshot", **said)


def test_what_a_snapshot_does_not_have_is_withdrawn(office: Office) -> None:
    office.take(cases(*map(case, (1, 2, 3))), "first.csv")
    outcome = snapshot(office, [case(1), case(3)], "second.csv")
    assert (outcome.outcome, outcome.mode, outcome.withdrawn) == ("accepted", "snapshot", 1)
    assert standing(office) == {1, 3}
    assert problems() == []


def test_changes_withdraw_nothing(office: Office) -> None:
    office.take(cases(*map(case, (1, 2, 3))), "first.csv")
    assert office.take(cases(case(1)), "second.csv").withdrawn == 0
    assert standing(office) == {1, 2, 3}


def test_withdrawn_then_returned(office: Office) -> None:
    """The second return has an update time that all snapshots have seen: it came with a later state of the source."""
    snapshot(office, map(case, (1, 2)), "april.csv", taken_at="2025-04-30")
    snapshot(office, [case(1)], "may.csv", taken_at="2025-05-31")
    assert standing(office) == {1}
    snapshot(office, map(case, (1, 2)), "june.csv", taken_at="2025-06-30")
    assert standing(office) == {1, 2}
    snapshot(office, [case(1)], "july.csv", taken_at="2025-07-31")
    office.take(cases(case(2, "2025-08-02")), "changed.csv")
    assert standing(office) == {1, 2}


def test_the_same_bytes_said_to_be_something_else_are_another_delivery(office: Office) -> None:
    office.take(cases(*map(case, (1, 2))), "first.csv")
    said: list[dict[str, str]] = [
        {},
        {"mode": "snapshot", "taken_at": "2025-05-01"},
        {"mode": "snapshot", "taken_at": "2025-05-01"},
        {"mode": "snapshot"},
        {"mode": "snapshot", "taken_at": "2025-05-02"},
        {"mode": "snapshot", "taken_at": "2025-05-01", "scope": "500117"},
        {},
    ]
    outcomes = [office.take(cases(case(1)), "second.csv", **words).outcome for words in said]
    new, known = "accepted", "already_received"
    assert outcomes == [new, new, known, known, new, new, known]


def test_a_late_snapshot_withdraws_nothing_newer_and_brings_back_nothing_older(office: Office) -> None:
    snapshot(
        office, [case(1, "2025-05-02"), case(2, "2025-03-30"), case(5, "2025-05-20")], "may.csv", taken_at="2025-05-31"
    )
    snapshot(office, [case(1, "2025-05-02"), case(5, "2025-05-20")], "june.csv", taken_at="2025-06-30")
    late = snapshot(office, [case(1, "2025-04-01"), case(2, "2025-03-30")], "april.csv", taken_at="2025-04-30")
    assert late.outcome == "accepted"
    assert standing(office) == {1, 5}, "5 is newer than April, 2 was gone by June"


def test_what_a_later_snapshot_has_seen_is_newer_though_it_was_updated_long_ago(office: Office) -> None:
    snapshot(office, map(case, (1, 2)), "may.csv", taken_at="2025-05-31")
    snapshot(office, [case(1)], "april.csv", taken_at="2025-04-30")
    assert standing(office) == {1, 2}


def test_the_newest_update_time_tells_when_a_snapshot_was_taken(office: Office) -> None:
    office.take(cases(case(1, "2025-05-02"), case(2, "2025-04-10"), case(3, "2025-04-20")), "first.csv")
    outcome = snapshot(office, [case(4, "2025-04-15")], "second.csv")
    assert outcome.withdrawn == 1
    assert standing(office) == {1, 3, 4}
    assert ledger.deliveries()[-1].taken_at == "2025-04-15T09:00:00"


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        ("2025-04-30", datetime.max.replace(2025, 4, 30)),
        ("2025-04-30T08:00", datetime(2025, 4, 30, 8)),
        ("2025-04-30T00:00Z", datetime(2025, 4, 30, 8)),
    ],
)
def test_an_instant_is_a_day_until_its_end_or_the_time_it_says(said: str, instant: datetime, office: Office) -> None:
    snapshot(office, [case(1)], "cases.csv", taken_at=said)
    assert ledger.deliveries()[-1].taken_at == instant.isoformat()


SCOPES: dict[str, tuple[str, set[int]]] = {
    "a township": ("500117001", {2, 3, 4}),
    "two townships": ("500117001,500117002", {4}),
    "the district, with what lies below it": ("500117", set()),
    "another district": ("500118", {1, 2, 3, 4}),
    "a month": ("2025-04", {1, 2, 3, 4}),
    "a township and a month": ("500117001，2025-03", {2, 3, 4}),
    "a quarter": ("2025-Q1", set()),
}


@pytest.mark.parametrize("what", SCOPES)
def test_a_snapshot_withdraws_in_its_scope_only(what: str, office: Office) -> None:
    areas = {1: "500117001", 2: OTHER_TOWN, 3: OTHER_TOWN, 4: "500117"}
    office.take(cases(*(case(n, 所属区划代码=area) for n, area in areas.items())), "first.csv")
    said, left = SCOPES[what]
    empty = cases(case(1)).splitlines()[0]
    office.take(empty, "second_2025.csv", mode="snapshot", scope=said, taken_at="2025-12-31")
    assert standing(office) == left


def test_a_township_belongs_to_the_district_that_governs_it_not_to_the_one_its_digits_name(office: Office) -> None:
    """滩桥镇 421071100 stands under 江陵县 421024 in the list of areas."""
    office.take(cases(case(1, 所属区划代码="421071100")), "first.csv")
    header = cases(case(1)).splitlines()[0]
    office.take(header, "second_2025.csv", mode="snapshot", scope="421071100", taken_at="2025-03-01")
    assert standing(office) == {1}, "it was updated in April"
    office.take(header, "third_2025-03.csv", mode="snapshot", scope="421024", taken_at="2025-05-01")
    assert standing(office) == set()


def test_overlapping_scopes(office: Office) -> None:
    """The town's snapshot, then the district's: where both speak, the later one has the last word."""
    office.take(
        cases(case(1), case(2), case(3, 所属区划代码=OTHER_TOWN), case(4, 所属区划代码=OTHER_TOWN)), "first.csv"
    )
    snapshot(office, [case(1)], "town.csv", scope="500117001", taken_at="2025-05-01")
    assert standing(office) == {1, 3, 4}
    whole = [case(2), case(3, 所属区划代码=OTHER_TOWN)]
    snapshot(office, whole, "district.csv", scope="500117", taken_at="2025-05-02")
    assert standing(office) == {2, 3}


def test_the_months_a_file_reports_on_are_its_scope_where_nothing_else_is_said(office: Office) -> None:
    april = case(9, "2025-04-20") | {"受理日期": "2025-04-09"}
    office.take(cases(case(1), case(2), april), "first.csv")
    snapshot(office, [case(1)], "mediation_2025-03.csv", taken_at="2025-05-01")
    assert standing(office) == {1, 9}


def test_a_row_outside_the_scope_is_taken_in_and_warned_of(office: Office) -> None:
    rows = [
        case(1),
        case(2, 所属区划代码=OTHER_TOWN),
        case(3) | {"受理日期": "2025-02-03"},
        case(4) | {"受理日期": "?"},
    ]
    outcome = snapshot(office, rows, "cases.csv", scope="500117001,2025-03")
    assert (outcome.accepted, outcome.quarantined, outcome.warnings) == (3, 1, {"outside_scope": 2})
    warned = office.quarantine().filter(reason="outside_scope")
    assert warned.select("row_number", "severity", "month").rows() == [
        (3, "warn", datetime(2025, 3, 1).date()),
        (4, "warn", datetime(2025, 2, 1).date()),
    ]


WRONG = {
    "2025-13": "is not a period",
    "500117,2025,2026": "more than one period",
    "999999": "is no area of list nbs2023",
    "合川": "is not a period",
}


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_scope_is_refused(said: str, office: Office) -> None:
    with pytest.raises(UserError, match=WRONG[said]):
        snapshot(office, [case(1)], "cases.csv", scope=said)
    assert office.contents() == {}


@pytest.mark.parametrize("said", [{"scope": "500117"}, {"taken_at": "2025-04-01"}, {"withdraw": True}])
def test_changes_have_neither_scope_nor_instant(said: dict[str, str | bool], office: Office) -> None:
    with pytest.raises(UserError, match="only a snapshot"):
        office.take(cases(case(1)), **said)
    with pytest.raises(UserError, match="not an instant"):
        snapshot(office, [case(1)], "cases.csv", taken_at="yesterday")


def test_a_snapshot_without_a_row_must_say_when_it_was_taken(office: Office) -> None:
    header = cases(case(1)).splitlines()[0]
    with pytest.raises(UserError, match="--taken-at"):
        office.take(header, "cases_2025.csv", mode="snapshot")


def test_a_case_that_changes_sender(office: Office) -> None:
    """Petitions of one province have one register. 宜昌 hands X2 over to 荆州."""
    from_yichang, from_jingzhou = "petition-420500", "petition-421000"

    def take(rows: list[Row], name: str, sender: str, taken_at: str) -> None:
        office.take(table(rows), name, sender, mode="snapshot", taken_at=taken_at)

    def standing_matters() -> set[int]:
        return standing(office, "petition_matters", "registered_on")

    take([matter(1, "2025-04-01"), matter(2, "2025-04-01")], "april.csv", from_yichang, "2025-04-30")
    take([matter(1, "2025-04-01")], "may.csv", from_yichang, "2025-05-31")
    assert standing_matters() == {1}, "before the other delivers it, it is gone"
    take([matter(2, "2025-05-09"), matter(3, "2025-05-09")], "may.csv", from_jingzhou, "2025-05-31")
    assert standing_matters() == {1, 2, 3}, "it returns with the other"
    take([matter(1, "2025-04-01")], "june.csv", from_yichang, "2025-06-30")
    assert standing_matters() == {1, 2, 3}, "the first can no longer withdraw it"
    take([matter(3, "2025-05-09")], "june.csv", from_jingzhou, "2025-06-30")
    assert standing_matters() == {1, 3}, "the second can"


def _many(numbers: Iterable[int]) -> str:
    return cases(*({"调解案件编号": f"A{n}", "受理日期": "2025-03-03"} for n in numbers))


@pytest.mark.parametrize(
    ("had", "has", "is_held"), [(60, 40, False), (60, 39, True), (300, 270, False), (300, 269, True), (20, 1, False)]
)
def test_a_snapshot_that_withdraws_many_cases_is_held(had: int, has: int, is_held: bool, office: Office) -> None:
    """More than twenty and more than a tenth of those in its scope."""
    office.take(_many(range(had)), "first.csv")
    before = office.contents()
    outcome = office.take(_many(range(has)), "second.csv", mode="snapshot")
    assert (outcome.outcome, outcome.withdrawn) == ("held" if is_held else "accepted", had - has)
    assert (office.contents() == before) == is_held
    if is_held:
        assert outcome.note is not None
        assert f"would withdraw {had - has} of the {had} cases" in outcome.note
        assert "--withdraw" in outcome.note
        again = office.take(_many(range(has)), "second.csv", mode="snapshot", withdraw=True)
        assert (again.outcome, again.withdrawn) == ("accepted", had - has)
    assert problems() == []


def test_what_is_held_is_one_sentence_and_exit_code_2_until_it_is_confirmed(office: Office) -> None:
    office.take(_many(range(60)), "first.csv")
    file = str(office.write("second.csv", _many(range(10))))

    def intake(*words: str) -> Result:
        return CliRunner().invoke(main, ["intake", file, "--mode", "snapshot", *words])

    held = intake()
    assert held.exit_code == 2
    sentence = held.stderr.strip()
    assert len(sentence.splitlines()) == 1
    assert "would withdraw 50 of the 60 cases" in sentence
    as_json = intake("--json")
    said = json.loads(as_json.stdout)
    assert (as_json.exit_code, said["files"][0]["outcome"], said["error"]) == (2, "held", sentence)
    assert (said["files"][0]["withdrawn"], said["files"][0]["accepted"]) == (50, 10)
    assert intake("--withdraw").exit_code == 0


def test_a_case_whose_row_was_refused_is_not_withdrawn(office: Office) -> None:
    office.take(cases(*map(case, (1, 2, 3))), "first.csv")
    outcome = snapshot(office, [case(1), case(2) | {"受理日期": "?"}], "second.csv")
    assert (outcome.quarantined, outcome.withdrawn) == (1, 1)
    assert standing(office) == {1, 2}


@pytest.mark.parametrize(
    "fault", [{"调解案件编号": ""}, {"调解案件编号": "/", "对接方式": "?"}, {"调解案件编号": "5.00117E+11"}]
)
def test_a_refused_row_without_a_number_holds_all_withdrawals(fault: Row, office: Office) -> None:
    office.take(cases(*map(case, (1, 2, 3))), "first.csv")
    before, rows = office.contents(), [case(1), case(2) | fault]
    held = snapshot(office, rows, "second.csv")
    assert (held.outcome, held.withdrawn) == ("held", 2)
    assert held.note is not None
    assert "1 of its rows have no readable number" in held.note
    assert office.contents() == before
    assert snapshot(office, rows, "second.csv", withdraw=True).withdrawn == 2


def test_a_refused_row_without_a_number_holds_nothing_where_nothing_is_missing(office: Office) -> None:
    office.take(cases(case(1)), "first.csv")
    assert snapshot(office, [case(1), case(2) | {"调解案件编号": ""}], "second.csv").outcome == "accepted"


def test_a_form_can_be_a_snapshot_too(office: Office) -> None:
    sender, other = "correction-500000", {"区划代码": "500106"}
    office.take(table([FORM, FORM | other]), "first.csv", sender)
    items = office.lake("correction_monthly").filter(area_code="500117000000").height
    refused = FORM | other | {"期初在册": "十"}
    said = {"mode": "snapshot", "taken_at": "2025-06-01", "withdraw": True}
    outcome = office.take(table([refused]), "second.csv", sender, **said)
    assert (outcome.quarantined, outcome.withdrawn) == (1, items), "those of the refused row stand"


def test_a_dry_run_of_a_snapshot_says_what_it_would_withdraw(office: Office) -> None:
    office.take(cases(*map(case, (1, 2))), "first.csv")
    before = office.contents()
    outcome = snapshot(office, [case(1)], "second.csv", dry_run=True)
    assert (outcome.outcome, outcome.withdrawn) == ("dry_run", 1)
    assert office.contents() == before


def test_a_sidecar_says_what_the_options_say(office: Office) -> None:
    office.take(cases(*map(case, (1, 2)), case(3, 所属区划代码=OTHER_TOWN)), "first.csv")
    path = office.write("second.csv", cases(case(1)))
    said = "mode: snapshot\nscope: 500117001\ntaken_at: 2025-04-30 18:00:00\n"
    path.with_name("second.csv.yml").write_text(said, encoding="utf-8")
    assert office.hand_in(path).withdrawn == 1
    assert standing(office) == {1, 3}
    entry = ledger.deliveries()[-1]
    assert (entry.mode, entry.scope, entry.taken_at, entry.withdrawn) == (
        "snapshot",
        "500117001",
        "2025-04-30T18:00:00",
        1,
    )


def test_a_sidecar_that_says_zero_beside_rows_is_refused(office: Office, tmp_path: Path) -> None:
    path = office.write("cases_2025-03.csv", cases(case(1)))
    path.with_name(path.name + ".yml").write_text("zero: true\n")
    with pytest.raises(UserError, match="zero report and has 1 rows"):
        office.hand_in(path)
    empty = office.write("cases_2025-04.csv", cases(case(1)).splitlines()[0])
    empty.with_name(empty.name + ".yml").write_text("zero: true\n")
    assert office.hand_in(empty).read == 0
