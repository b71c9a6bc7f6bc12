"""The command line through its door: what it prints, what it refuses in one sentence, what it leaves behind."""

import csv
import json
import os
import pty
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.catalogue import code_lists
from pipelines.cli import main
from tests.conftest import FENGQIAO, Road

FIGURE_KEYS = [
    "indicator", "area", "area_name", "period", "breakdown", "category", "value", "numerator", "denominator", "low", "high",
    "change_on_year", "change_on_year_percent", "change_on_period", "status", "edition", "release",
]  # fmt: skip
FILE_KEYS = {
    "file", "sha256", "sender", "contract", "outcome", "read", "not_data", "accepted", "quarantined", "duplicate", "reasons",
}  # fmt: skip
HECHUAN = ("figures", "--indicator", "mediation_accepted", "--area", "500117")

Fengqiao = Callable[..., Result]


@pytest.fixture
def fengqiao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fengqiao:
    """The command line in this process, on an empty data folder `data` beside `keys`, below the test's own folder."""
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FENGQIAO_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    return lambda *words, **options: CliRunner().invoke(main, list(words), **options)


@pytest.fixture
def on_road(road: Road, monkeypatch: pytest.MonkeyPatch) -> Fengqiao:
    """The command line in this process, on the road's data folder."""
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    monkeypatch.setenv("FENGQIAO_KEYS", str(road.keys))
    return lambda *words, **options: CliRunner().invoke(main, list(words), **options)


@pytest.fixture
def ready(fengqiao: Fengqiao, road: Road, tmp_path: Path) -> Fengqiao:
    """The command line on a data folder with keys and two of the demo's exports in its landing."""
    assert fengqiao("keys", "init").exit_code == 0
    for sender in ("mediation-500117", "petition-430300"):
        source = min((road.landing / sender).iterdir())
        (tmp_path / "data" / "landing" / sender).mkdir(parents=True)
        shutil.copy(source, tmp_path / "data" / "landing" / sender)
    return fengqiao


def assert_refused(done: Result, fragment: str) -> None:
    assert done.exit_code == 2, (done.exit_code, done.output)
    assert fragment in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


WITHOUT_DATA = [
    ("serv", "Did you mean 'serve'"),
    ("figures", "Missing option '--indicator'"),
    ("figures --indicator mediation_accepted", "No release of the internal edition is published yet"),
    ("figures --indicator mediation_accepted --edition public", "No release of the public edition is published yet"),
    ("figures --indicator mediation_accepted --edition secret", "'secret' is not one of 'internal', 'public'"),
    ("figures --indicator mediation_accepted --release 2025-1.0", "Release 2025-1.0 does not exist"),
    ("figures --indicator mediation_accepted --colour red", "No such option"),
    ("sql", "No release of the internal edition is published yet"),
    ("serve", "No release of the internal edition is published yet"),
    ("serve --edition public", "No release of the public edition is published yet"),
    ("serve --port 70000", "70000 is not in the range"),
    ("intake", "Name the files or folders"),
    ("intake nowhere.csv", "nowhere.csv"),
    ("intake .", "No export file found there"),
    ("intake --zero --sender mediation-500117", "it needs --sender, --contract and --period"),
    ("intake --zero --sender s --contract nothing --period 2025-01", "nothing is not a table"),
    ("intake --zero --sender s --contract mediation_cases --period 2025-13", "2025-13 is not a period"),
    ("intake x.csv --areas nowhere.csv", "nowhere.csv"),
    ("build", "Nothing has been taken in yet"),
    ("build --as-of yesterday", "yesterday is not an instant"),
    ("release", "Nothing is built yet"),
    ("release --edition public", "Nothing is built yet"),
    ("approve", "Missing argument 'RELEASE'"),
    ("approve 2025-1.0 --name tester", "There is no draft 2025-1.0"),
    ("approve 2025-1.0 --name ''", "Say who approves"),
    ("publish 2025-1.0", "2025-1.0 is not sealed"),
    ("demo --years 0", "0 is not in the range"),
    ("demo --cases many", "'many' is not a valid integer"),
    ("demo --until 2025-02-30", "'2025-02-30' does not match"),
    ("demo --out notes", "notes"),
]


@pytest.mark.parametrize(("line", "fragment"), WITHOUT_DATA)
def test_wrong_words_on_an_empty_folder_are_refused_in_one_sentence(
    fengqiao: Fengqiao, tmp_path: Path, line: str, fragment: str
) -> None:
    (tmp_path / "notes").write_text("a file, not a folder")
    done = fengqiao(*("" if word == "''" else word for word in line.split()))
    assert_refused(done, fragment)


WITH_RELEASE = [
    ("--indicator mediation_acepted", "Did you mean mediation_accepted (调解纠纷受理件数)"),
    ("--indicator 成功率", "mediation_success_rate (调解成功率)"),
    ("--indicator mediation_accepted --area 500999", "500999 is not the code of an area"),
    ("--indicator mediation_accepted --area 50011", "50011 is not the code of an area"),
    ("--indicator mediation_accepted --area 合川", "Did you mean 500117 (合川区)"),
    ("--indicator mediation_accepted --area 500117 --by chanel", "Did you mean channel"),
    ("--indicator mediation_accepted --area 500117 --by petition_form", "There are: channel, dispute_type, tier"),
    ("--indicator petition_open --by petition_form", "petition_open has no breakdown"),
    ("--indicator mediation_accepted --area 500117 --period 2025-13", "2025-13 is not a period"),
    ("--indicator mediation_accepted --area 500117 --period 2025-10..2025-01", "is not a period"),
    ("--indicator mediation_accepted --area 500117 --period 2031", "2031 lies outside release 2025-1.0"),
    ("--indicator mediation_accepted --area 500117 --period 1999-01..2025-10", "lies outside release 2025-1.0"),
    ("--indicator mediation_accepted --release 1999-1.0", "Release 1999-1.0 does not exist"),
    ("--indicator mediation_accepted --release ../../keys", "Release ../../keys does not exist"),
]


@pytest.mark.parametrize(("line", "fragment"), WITH_RELEASE)
def test_what_a_release_does_not_hold_is_refused_with_what_is_near(on_road: Fengqiao, line: str, fragment: str) -> None:
    assert_refused(on_road("figures", *line.split()), fragment)


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (("approve", "2025-1.0", "--name", "tester"), "2025-1.0 is sealed already"),
        (("publish", "2025-7.7"), "2025-7.7 is not sealed"),
        (("release", "--period", "2025-13"), "2025-13 is not a period"),
        (("sql", ""), "The query is empty"),
        (("sql", "selec 1"), "syntax error"),
        (("sql", "select * from nothing"), "nothing"),
        (("sql", "drop table figures"), "read-only"),
        (("sql", "copy figures to 'figures.csv'"), "Cannot access file"),
        (("sql", "select * from read_text('/etc/hostname')"), "Cannot access file"),
        (("sql", "attach 'other.duckdb'"), "Cannot access file"),
        (("sql", "set enable_external_access = true"), "locked"),
    ],
)
def test_what_a_release_does_not_allow_is_refused(on_road: Fengqiao, words: tuple[str, ...], fragment: str) -> None:
    assert_refused(on_road(*words), fragment)


@pytest.mark.parametrize("words", [("--json", "build"), ("build", "--json"), ("build", "--json", "--colour")])
def test_json_is_asked_for_before_or_after_the_command_and_carries_the_error(
    fengqiao: Fengqiao, words: tuple[str, ...]
) -> None:
    done = fengqiao(*words)
    assert done.exit_code == 2
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}


def test_an_unforeseen_failure_is_one_sentence_and_a_log_without_values(
    fengqiao: Fengqiao, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def break_down(**_: object) -> None:
        try:
            int("李某某 13800000000")
        except ValueError as error:
            raise RuntimeError("李某某") from error

    monkeypatch.setattr("pipelines.warehouse.build", break_down)
    done = fengqiao("build")
    assert done.exit_code == 1
    [sentence] = done.stderr.splitlines()
    [log] = (tmp_path / "data" / "logs").iterdir()
    assert str(log) in sentence
    assert "RuntimeError" in sentence
    places = log.read_text(encoding="utf-8")
    assert "builtins.RuntimeError" in places
    assert "builtins.ValueError" in places
    assert "test_cli.py" in places
    assert "李" not in sentence + places
    assert "1380" not in sentence + places


def test_a_damaged_ledger_is_one_sentence(fengqiao: Fengqiao, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.sqlite").write_text("this is not a database at all, and longer than a header " * 40)
    done = fengqiao("build", "--json")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert json.loads(done.stdout) == {"error": done.stderr.strip()}


def test_figures_print_the_total_first_and_then_the_categories_in_the_order_of_their_list(on_road: Fengqiao) -> None:
    rows = json.loads(on_road(*HECHUAN, "--period", "2025", "--by", "channel", "--json").stdout)
    assert all(list(row) == FIGURE_KEYS for row in rows)
    assert {(row["indicator"], row["area"], row["area_name"], row["period"]) for row in rows} == {
        ("mediation_accepted", "500117000000", "合川区", "2025")
    }
    assert (rows[0]["category"], rows[0]["value"]) == (None, 776)
    categories = [row["category"] for row in rows[1:]]
    assert categories == [code.code for code in code_lists()["channel"] if code.code in categories]
    assert {row["breakdown"] for row in rows[1:]} == {"channel"}
    assert sum(row["value"] for row in rows[1:]) == 776
    assert all(isinstance(row["status"], list) and row["edition"] == "internal" for row in rows)


@pytest.mark.parametrize("area", ["500117", "500117000", "500117000000"])
def test_an_area_is_named_by_6_9_or_12_digits(on_road: Fengqiao, area: str) -> None:
    [row] = json.loads(on_road("figures", "--indicator", "mediation_accepted", "--area", area, "--json").stdout)
    assert (row["area"], row["value"]) == ("500117000000", 776)


def test_without_a_period_it_is_the_latest_year_and_without_an_area_every_city(on_road: Fengqiao) -> None:
    rows = json.loads(on_road("figures", "--indicator", "mediation_success_rate", "--json").stdout)
    assert {row["period"] for row in rows} == {"2025"}
    areas = [row["area"] for row in rows]
    assert areas == sorted(set(areas))
    assert {"420300000000", "420500000000", "421000000000", "430300000000", "500000000000"} <= set(areas)
    assert not any(area.endswith("999000") for area in areas)
    absent = next(row for row in rows if row["area"] == "420100000000")
    assert (absent["value"], absent["status"]) == (None, ["x"])


@pytest.mark.parametrize(
    ("area", "period", "by"),
    [
        ("421002004", "2017-12..2023-12", "event_type"),
        ("420583", "2022-01..2022-05", None),
        ("420583001", "2022-H1", "tier"),
    ],
)
def test_what_a_release_does_not_hold_ready_is_computed(
    on_road: Fengqiao, area: str, period: str, by: str | None
) -> None:
    words = ("figures", "--indicator", "screening_found", "--area", area, "--period", period)
    rows = json.loads(on_road(*words, *(("--by", by) if by else ()), "--json").stdout)
    assert rows[0]["category"] is None
    assert rows[0]["value"] > 0
    if by:
        assert sum(row["value"] for row in rows[1:]) == rows[0]["value"]


def test_twelve_months_that_end_anywhere_are_compared_with_the_twelve_before(on_road: Fengqiao) -> None:
    """Rolling twelve months are a range: the sum of its months, and the same months a year earlier beside it."""

    def asked(period: str) -> dict[str, Any]:
        words = ("figures", "--indicator", "mediation_accepted", "--area", "420583", "--period", period, "--json")
        [row] = json.loads(on_road(*words).stdout)
        return row

    twelve, before = asked("2024-11..2025-10"), asked("2023-11..2024-10")
    months = [f"2024-{month:02d}" for month in (11, 12)] + [f"2025-{month:02d}" for month in range(1, 11)]
    assert twelve["value"] == sum(asked(month)["value"] for month in months)
    assert twelve["change_on_year"] == twelve["change_on_period"] == twelve["value"] - before["value"]


def test_a_share_has_no_total_and_its_only_breakdown_goes_without_saying(on_road: Fengqiao) -> None:
    rows = json.loads(on_road("figures", "--indicator", "mediation_type_share", "--area", "500117", "--json").stdout)
    assert {row["breakdown"] for row in rows} == {"dispute_type"}
    assert sum(row["value"] for row in rows) == pytest.approx(100)


def test_figures_are_rounded_for_reading_only(on_road: Fengqiao) -> None:
    words = ("figures", "--indicator", "screening_resolved_rate", "--area", "420583", "--period", "2022-H1")
    [row] = json.loads(on_road(*words, "--json").stdout)
    assert row["value"] == pytest.approx(100 * 1829 / 1928, rel=1e-12)
    shown = on_road(*words).stdout
    for text in (
        "94.87%",
        "枝江市 Zhijiang City",
        "420583000000",
        "1,829",
        "1,928",
        "矛盾纠纷排查化解率",
        "2025-1.0",
        "2025-12-31",
    ):
        assert text in shown


def test_a_second_intake_changes_nothing_and_says_so(ready: Fengqiao) -> None:
    first = ready("intake", "data/landing")
    assert first.exit_code == 0, first.output
    assert "已入库 taken in" in first.stdout
    second = ready("intake", "data/landing")
    assert second.exit_code == 0
    assert "已接收过，没有任何变化。All 2 files were already received; nothing changed." in second.stdout
    files = json.loads(ready("intake", "data/landing", "--json").stdout)["files"]
    assert [file["outcome"] for file in files] == ["already_received"] * 2


def test_intake_counts_every_row_once(ready: Fengqiao) -> None:
    files = json.loads(ready("intake", "data/landing", "--json").stdout)["files"]
    assert [file["sender"] for file in files] == ["mediation-500117", "petition-430300"]
    for file in files:
        assert set(file) >= FILE_KEYS
        assert file["outcome"] == "accepted"
        assert file["read"] == file["accepted"] + file["quarantined"] + file["duplicate"]
        assert sum(file["reasons"].values()) == file["quarantined"]


def test_a_wrong_file_does_not_stop_the_others(ready: Fengqiao, tmp_path: Path) -> None:
    wrong = tmp_path / "data" / "landing" / "mediation-500117" / "a_letter.csv"
    wrong.write_text("dear colleagues\nthe export follows next week\n")
    done = ready("intake", "data/landing", "missing.csv", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    outcomes = {file["file"]: file["outcome"] for file in told["files"]}
    assert list(outcomes.values()).count("accepted") == 2
    assert (outcomes["a_letter.csv"], outcomes["missing.csv"]) == ("refused", "refused")
    assert all(set(file) >= FILE_KEYS for file in told["files"])
    assert "a_letter.csv" in told["error"]
    assert [name for line in done.stderr.splitlines() for name in ("a_letter.csv", "missing.csv") if name in line] == [
        "a_letter.csv", "missing.csv"
    ]  # fmt: skip


def test_intake_names_reasons_in_words(ready: Fengqiao, road: Road, tmp_path: Path) -> None:
    source = next(path for path in road.exports if path.suffix == ".csv" and path.name.startswith("petition"))
    copy = tmp_path / "data" / "landing" / "petition-430300" / "damaged.csv"
    damage(source, copy, "登记时间", "去年的某一天", rows=3)
    done = ready("intake", str(copy))
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if "not_a_date" in line)
    assert "不是日期 not a date" in line
    assert "去年" not in done.output


def damage(source: Path, copy: Path, heading: str, text: str, rows: int) -> None:
    """Write a copy of a CSV export whose first rows hold a wrong text in one column."""
    raw = source.read_bytes()
    content = raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "gb18030")
    records = list(csv.reader(content.splitlines()))
    start = next(number for number, record in enumerate(records) if heading in record)
    for record in records[start + 1 : start + 1 + rows]:
        record[records[start].index(heading)] = text
    with copy.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(records)


def test_a_dry_run_writes_nothing(ready: Fengqiao, tmp_path: Path) -> None:
    files = json.loads(ready("intake", "data/landing", "--dry-run", "--json").stdout)["files"]
    assert [file["outcome"] for file in files] == ["dry_run"] * 2
    assert not (tmp_path / "data" / "lake").exists()
    assert json.loads(ready("intake", "data/landing", "--json").stdout)["files"][0]["outcome"] == "accepted"


def test_a_zero_report_is_taken_in_once(ready: Fengqiao) -> None:
    words = (
        "intake",
        "--zero",
        "--sender",
        "mediation-500117",
        "--contract",
        "mediation_cases",
        "--period",
        "2025-01",
        "--json",
    )
    outcomes = [json.loads(ready(*words).stdout)["files"][0]["outcome"] for _ in range(2)]
    assert outcomes == ["accepted", "already_received"]


def test_intake_without_keys_takes_nothing_in(ready: Fengqiao, tmp_path: Path) -> None:
    (tmp_path / "keys").unlink()
    done = ready("intake", "data/landing", "--json")
    assert done.exit_code == 2
    assert "fengqiao keys init" in json.loads(done.stdout)["error"]
    assert not (tmp_path / "data" / "lake").exists()


def test_many_files_are_counted_together(on_road: Fengqiao, road: Road) -> None:
    done = on_road("intake", str(road.landing))
    assert f"All {len(road.exports)} files were already received; nothing changed." in done.stdout
    assert all(table in done.stdout for table in ("mediation_cases", "dispute_screenings", "petition_matters"))
    assert len(done.stdout.splitlines()) < 25


def test_keys_are_made_once(fengqiao: Fengqiao, tmp_path: Path) -> None:
    made = json.loads(fengqiao("keys", "init", "--json").stdout)
    assert made["file"] == str(tmp_path / "keys")
    assert {"cell_number", "mediation", "petition"} <= set(made["made"])
    content = (tmp_path / "keys").read_text()
    assert "nothing changed" in fengqiao("keys", "init").stdout
    assert (tmp_path / "keys").read_text() == content
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


def test_the_same_demo_is_the_same_bytes(fengqiao: Fengqiao, tmp_path: Path) -> None:
    words = ("demo", "--years", "1", "--cases", "200", "--seed", "7", "--json")
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        files = json.loads(fengqiao(*words, "--out", str(folder)).stdout)["files"]
        assert files
        assert all(Path(file).is_relative_to(folder) for file in files)
    contents = [{path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")} for folder in folders]
    assert contents[0] == contents[1]


def test_a_second_build_changes_nothing(on_road: Fengqiao) -> None:
    report = json.loads(on_road("build", "--json").stdout)
    assert (report["outcome"], report["recomputed_months"]) == ("unchanged", [])


def test_publishing_again_and_the_doctor_on_a_sound_folder(on_road: Fengqiao) -> None:
    assert json.loads(on_road("publish", "2025-1.0", "--json").stdout)["release"] == "2025-1.0"
    done = on_road("doctor", "--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["problems"]) == (0, [])
    assert said["late"], "the demo ends with 2025: by now every sender is late"


def test_the_doctor_finds_keys_that_others_may_read(fengqiao: Fengqiao, tmp_path: Path) -> None:
    fengqiao("keys", "init")
    (tmp_path / "keys").chmod(0o644)
    done = fengqiao("doctor", "--json")
    assert done.exit_code == 1
    assert any("can be read by others" in problem for problem in json.loads(done.stdout)["problems"])


def test_sql_answers_from_the_argument_and_from_standard_input(on_road: Fengqiao) -> None:
    query = "select area_code, name_zh from areas where area_code = '500117000000'"
    expected = [{"area_code": "500117000000", "name_zh": "合川区"}]
    assert json.loads(on_road("sql", query, "--json").stdout) == expected
    assert json.loads(on_road("sql", "--json", input=query).stdout) == expected
    assert "合川区" in on_road("sql", query).stdout


def test_sql_cuts_a_long_answer_and_says_so(on_road: Fengqiao) -> None:
    assert "The first 500 rows; --json prints all." in on_road("sql", "select * from range(501)").stdout
    assert len(json.loads(on_road("sql", "select * from range(501)", "--json").stdout)) == 501


def test_sql_without_a_query_is_a_prompt_on_a_terminal(road: Road) -> None:
    typed, terminal = pty.openpty()
    prompt = subprocess.Popen(
        [FENGQIAO, "sql"],
        env=road.environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(typed, b"select nothing;\nselect 6\n* 7 as answer;\n.quit\n")
    said, _ = prompt.communicate(timeout=60)
    os.close(typed)
    os.close(terminal)
    assert prompt.returncode == 0
    assert "answer" in said
    assert "42" in said
    assert "Binder Error" in said


def test_serve_refuses_a_port_that_is_taken(on_road: Fengqiao) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_refused(on_road("serve", "--port", str(port)), f"Port {port} of 127.0.0.1 cannot be used")


def test_serve_says_its_address_and_that_login_is_off(served: str, road: Road) -> None:
    port = served.rpartition(":")[2]
    first = (road.data.parent / f"serve-{port}.log").read_text().splitlines()[0]
    assert first.startswith(f"{served} ")
    assert "login is off" in first


def test_help_lists_every_command() -> None:
    told: Any = CliRunner().invoke(main, ["--help"])
    commands = ("demo", "keys", "intake", "quarantine", "build", "release", "approve", "publish")
    commands += ("figures", "sql", "serve", "doctor")
    assert told.exit_code == 0
    assert all(f"\n  {command} " in told.stdout for command in commands)
