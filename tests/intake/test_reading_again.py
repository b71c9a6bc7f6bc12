"""Refused rows: listed, read again once the rules are mended, and shown as they came to whoever holds the archive's key."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.intake import archive, ledger
from pipelines.intake.identifying import Request
from pipelines.intake.receiving import receive_each
from pipelines.release.checking import problems
from pipelines.settings import UserError
from tests.intake.test_archives import pack
from tests.intake.test_snapshots import case, snapshot, standing
from tests.offices import HECHUAN, MATTER, Office, cases, table
from tests.test_contracts import _forget, seeds

__all__ = ["seeds"]

Fengqiao = Callable[..., Result]


@pytest.fixture
def fengqiao(office: Office) -> Fengqiao:
    return lambda *words: CliRunner().invoke(main, list(words))


def ask(fengqiao: Fengqiao, *words: str) -> dict[str, list[dict[str, object]]]:
    done = fengqiao(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def with_alias(seeds: Path, code: str, text: str) -> None:
    """The clerk's remedy: one more text under which senders write a code of `channel`."""
    path = seeds / "tables" / "code_lists.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if (row["list_id"], row["code"]) == ("channel", code):
            row["aliases"] = "|".join(filter(None, (row["aliases"], text)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    _forget()


THREE = cases(case(1), case(2, 对接方式="云上联调"), case(3, 受理日期="二月三十"))


def test_refused_rows_come_in_after_the_code_list_was_mended(office: Office, seeds: Path, fengqiao: Fengqiao) -> None:
    first = office.take(THREE, "cases_2025-03.csv")
    assert (first.accepted, first.quarantined) == (1, 2)
    assert office.take(THREE, "cases_2025-03.csv").outcome == "already_received", "nothing is mended yet"
    with_alias(seeds, "police", "云上联调")
    [again] = ask(fengqiao, "quarantine", "--again")["files"]
    assert (again["read"], again["accepted"], again["quarantined"], again["duplicate"]) == (2, 1, 1, 0)
    assert standing(office) == {1, 2}
    assert office.lake()["row_number"].to_list() == [2, 3]
    first_entry, second_entry = ledger.deliveries()
    assert (second_entry.retry_of, second_entry.sha256) == (first_entry.ledger_sequence, first_entry.sha256)
    assert second_entry.rules_version != first_entry.rules_version
    assert problems() == []
    assert office.take(THREE, "cases_2025-03.csv").outcome == "already_received"
    [left] = ask(fengqiao, "quarantine", "--sender", HECHUAN)["rows"]
    assert (left["line"], left["reason"]) == (4, "not_a_date")


def test_the_same_file_handed_in_again_does_the_same(office: Office, seeds: Path) -> None:
    office.take(THREE)
    with_alias(seeds, "police", "云上联调")
    again = office.take(THREE)
    assert (again.outcome, again.read, again.accepted, again.quarantined) == ("accepted", 2, 1, 1)
    assert standing(office) == {1, 2}


def test_rules_that_changed_elsewhere_change_nothing(office: Office, seeds: Path) -> None:
    office.take(THREE)
    before = office.contents()
    with_alias(seeds, "police", "别的对接方式")
    assert office.take(THREE).outcome == "already_received"
    assert office.contents() == before


def test_a_mended_contract_is_a_new_version(office: Office, tmp_path: Path) -> None:
    """Version 1 refuses numbers that do not begin with A; version 2 lets them begin with B too."""
    plain = (Path(__file__).parents[2] / "seeds" / "contracts" / "mediation_cases.yml").read_text(encoding="utf-8")
    key = "{name: case_number, label: 调解案件编号,"
    assert key in plain
    contract = tmp_path / "district.yml"
    for version, pattern in ((1, "^A"), (2, "^[AB]")):
        text = plain.replace(key, f"{key} pattern: '{pattern}',").replace("version: 1\n", f"version: {version}\n", 1)
        contract.write_text(text, encoding="utf-8")
        outcome = office.take(cases(case(1), case(2, 调解案件编号="B2")), contract=str(contract))
        assert (outcome.outcome, outcome.accepted) == ("accepted", 1)
    assert [(d.contract_version, d.read, d.quarantined, d.retry_of) for d in ledger.deliveries()] == [
        (1, 2, 1, None),
        (2, 1, 0, 1),
    ]
    assert standing(office) == {1, 2}


def test_a_file_that_left_the_landing_is_read_from_the_archive(office: Office, seeds: Path, fengqiao: Fengqiao) -> None:
    office.take(THREE)
    (office.data / "landing" / HECHUAN / "cases.csv").unlink()
    with_alias(seeds, "police", "云上联调")
    [again] = ask(fengqiao, "quarantine", "--again")["files"]
    assert (again["file"], again["accepted"]) == ("cases.csv", 1)
    assert standing(office) == {1, 2}


def test_what_was_said_beside_a_member_is_known_when_it_is_read_again(
    office: Office, seeds: Path, fengqiao: Fengqiao
) -> None:
    members = {"a.csv": THREE, "a.csv.yml": "period: 2024\n"}
    list(receive_each(pack(office.write("a.zip", b""), members), Request()))
    (office.data / "landing" / HECHUAN / "a.zip").unlink()
    with_alias(seeds, "police", "云上联调")
    [again] = ask(fengqiao, "quarantine", "--again")["files"]
    assert (again["file"], again["accepted"]) == ("a.zip/a.csv", 1)
    assert {(d.first_month, d.last_month) for d in ledger.deliveries()} == {("2024-01", "2024-12")}


def test_without_the_identity_nothing_is_read_from_the_archive(office: Office, seeds: Path, fengqiao: Fengqiao) -> None:
    office.take(THREE)
    (office.data / "landing" / HECHUAN / "cases.csv").unlink()
    archive.identity_path().unlink()
    with_alias(seeds, "police", "云上联调")
    before = office.contents()
    done = fengqiao("quarantine", "--again")
    assert done.exit_code == 2
    assert "no identity" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert office.contents() == before


def test_a_row_read_again_that_a_later_file_has_brought_is_a_duplicate(office: Office, seeds: Path) -> None:
    """The sender mended row 2 by hand before the code list knew the text; row 4 repeats row 1 of the file."""
    odd = {"对接方式": "云上联调"}
    office.take(cases(case(1), case(2, **odd), case(3, **odd), case(1, **odd)), "first.csv")
    office.take(cases(case(2, 对接方式="诉调")), "mended.csv")
    with_alias(seeds, "police", "云上联调")
    again = office.take(cases(case(1), case(2, **odd), case(3, **odd), case(1, **odd)), "first.csv")
    assert (again.read, again.accepted, again.quarantined, again.duplicate) == (3, 1, 0, 2)
    assert office.lake().filter(pl.col("accepted_on").dt.day() == 2)["channel"].to_list() == ["court"]


def test_rows_of_a_snapshot_read_again_withdraw_nothing(office: Office, seeds: Path) -> None:
    office.take(cases(case(1), case(4)), "before.csv")
    snapshot(office, [case(1), case(2, 对接方式="云上联调"), case(4)], "state.csv")
    with_alias(seeds, "police", "云上联调")
    again = snapshot(office, [case(1), case(2, 对接方式="云上联调"), case(4)], "state.csv")
    assert (again.outcome, again.accepted, again.withdrawn) == ("accepted", 1, 0)
    assert standing(office) == {1, 2, 4}
    assert problems() == []


def test_a_file_with_a_heading_that_the_contract_has_learned_is_taken_in_whole(office: Office, seeds: Path) -> None:
    text = cases(case(1), case(2, 对接方式="?")).replace("涉及金额(万元)", "标的额万元")
    first = office.take(text)
    assert first.unknown_columns == ["标的额万元"]
    path = seeds / "contracts" / "mediation_cases.yml"
    plain = path.read_text(encoding="utf-8")
    path.write_text(
        plain.replace("label: 涉及金额(万元),", "label: 涉及金额(万元), aliases: [标的额万元],", 1).replace(
            "aliases: [标的额万元], aliases: [涉及金额]", "aliases: [标的额万元, 涉及金额]"
        ),
        encoding="utf-8",
    )
    _forget()
    again = office.take(text)
    assert (again.outcome, again.read, again.accepted, again.quarantined) == ("accepted", 2, 1, 1)
    assert [d.retry_of for d in ledger.deliveries()] == [None, None]


def test_the_summary_counts_rows_by_sender_table_and_reason(office: Office, fengqiao: Fengqiao) -> None:
    office.take(THREE, "one.csv")
    office.take(cases(case(5, 对接方式="?")), "two.csv")
    office.take(table([MATTER | {"问题属地": "1"}]), "matters.csv", "petition-500000")
    rows = [
        (row["sender"], row["table"], row["reason"], row["rows"], row["files"])
        for row in ask(fengqiao, "quarantine")["summary"]
    ]
    assert rows == [
        (HECHUAN, "mediation_cases", "not_a_date", 1, 1),
        (HECHUAN, "mediation_cases", "unknown_code", 2, 2),
        ("petition-500000", "petition_matters", "unknown_area", 1, 1),
    ]
    printed = fengqiao("quarantine").stdout
    assert "代码不在码表内" in printed
    assert "not in the code list" in printed


def test_a_listed_row_says_where_what_was_expected_and_the_shape_of_what_was_found(
    office: Office, fengqiao: Fengqiao
) -> None:
    outcome = office.take(THREE)
    rows = ask(fengqiao, "quarantine", "--file", outcome.sha256[:8])["rows"]
    told = [(row["line"], row["column"], row["reason"], row["expected_en"], row["found"]) for row in rows]
    assert told[1] == (4, "受理日期", "not_a_date", "a date such as 2025-03-04", "text, 4 characters")
    line, column, reason, expected, found = told[0]
    assert (line, column, reason, found) == (3, "对接方式", "unknown_code", "text, 4 characters")
    assert str(expected).startswith("one of ")
    assert "(list channel)" in str(expected)
    assert "云上联调" not in fengqiao("quarantine", "--file", outcome.sha256[:8]).stdout


def test_filters_leave_what_they_name(office: Office, fengqiao: Fengqiao) -> None:
    office.take(THREE)
    office.take(table([MATTER | {"问题属地": "1"}]), "matters.csv", "petition-500000")

    def lines(*words: str) -> list[tuple[object, object]]:
        return [(row["sender"], row["line"]) for row in ask(fengqiao, "quarantine", *words)["rows"]]

    assert lines("--reason", "not_a_date") == [(HECHUAN, 4)]
    assert lines("--sender", "petition-500000") == [("petition-500000", 2)]
    assert lines("--sender", "petition-500000", "--reason", "not_a_date") == []
    done = fengqiao("quarantine", "--file", "ffff")
    assert (done.exit_code, len(done.stderr.strip().splitlines())) == (2, 1)


def test_rows_written_out_open_in_a_spreadsheet(office: Office, fengqiao: Fengqiao, tmp_path: Path) -> None:
    office.take(THREE)
    out = tmp_path / "refused.csv"
    assert fengqiao("quarantine", "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert [(row["line"], row["reason"]) for row in rows] == [("3", "unknown_code"), ("4", "not_a_date")]
    assert fengqiao("quarantine", "--out", str(tmp_path / "no" / "refused.csv")).exit_code == 2


def test_original_rows_come_out_of_the_archive_with_its_key_only(
    office: Office, fengqiao: Fengqiao, tmp_path: Path
) -> None:
    outcome, out = office.take(THREE), tmp_path / "originals.csv"
    words = ("quarantine", "--file", outcome.sha256, "--originals")
    assert fengqiao(*words, "--out", str(out)).exit_code == 0
    header, *rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["line"], row["调解案件编号"], row["对接方式"]) for row in cells] == [
        ("3", "A2", "云上联调"),
        ("4", "A3", "警调"),
    ]
    assert out.stat().st_mode & 0o077 == 0
    assert "云上联调" in fengqiao(*words).stdout
    inside = fengqiao(*words, "--out", str(office.data / "originals.csv"))
    assert (inside.exit_code, "data folder" in inside.stderr) == (2, True)
    archive.identity_path().unlink()
    without = fengqiao(*words)
    assert (without.exit_code, without.stdout) == (2, "")
    assert "no identity" in without.stderr


def test_options_that_do_not_go_together_are_refused(office: Office, fengqiao: Fengqiao) -> None:
    for words in ("--again --originals", "--originals", "--again --out x.csv", "--originals --file a --sender b"):
        done = fengqiao("quarantine", *words.split())
        assert (done.exit_code, len(done.stderr.strip().splitlines())) == (2, 1), words


def test_refused_rows_that_were_lost_are_one_sentence(office: Office) -> None:
    from pipelines.intake import quarantine

    office.take(THREE)
    [kept] = (office.data / "quarantine").glob("*.parquet")
    kept.unlink()
    [delivery] = quarantine.still_refused()
    with pytest.raises(UserError, match="Restore them from a backup"):
        quarantine.findings(delivery)
