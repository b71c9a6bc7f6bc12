"""The office's own words and its calendar: wrong ones are named by file, line and key, and periods follow each other."""

import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.catalogue import closes_on, publisher, release_due_at, reporting_calendar
from pipelines.cli import main
from pipelines.periods import period_after, period_ending, period_kind
from pipelines.settings import SEEDS, UserError
from tests.conftest import read_seeds_from

CALENDAR = "calendar,month,starts_on,ends_on,closes_on\n"


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of what this module reads, to be spoilt."""
    (tmp_path / "tables").mkdir()
    shutil.copy(SEEDS / "release.yml", tmp_path)
    shutil.copy(SEEDS / "tables" / "reporting_calendar.csv", tmp_path / "tables")
    read_seeds_from(tmp_path, monkeypatch)
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    publisher.cache_clear()
    reporting_calendar.cache_clear()


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("time_zone: Asia/Shanghai", "time_zone: Mars/Base", "Mars/Base is not known"),
        ("closing_day: 10", "closing_day: 31", "calendar.closing_day"),
        ("dataset_id: fengqiao-demo", "dataset: fengqiao-demo", "dataset: there is no such key"),
        ('hour: "09:00"', "hour: nine", "calendar.hour"),
        (
            "example.invalid/bulletin",
            "example.invalid/bulletin/",
            "bulletin_address: https://stats.example.invalid/bulletin/ is not",
        ),
    ],
)
def test_a_wrong_word_is_named_by_file_line_and_key(was: str, becomes: str, said: str, seeds: Path) -> None:
    path = seeds / "release.yml"
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes), encoding="utf-8")
    with pytest.raises(UserError, match=r"release\.yml, line \d+: ") as refused:
        publisher()
    assert said in str(refused.value)


def test_a_declared_month_closes_when_it_is_said_to(seeds: Path) -> None:
    path = seeds / "tables" / "reporting_calendar.csv"
    path.write_text(f"{CALENDAR}mediation,2025-03,2025-02-26,2025-03-25,2025-03-28\n", encoding="utf-8")
    assert closes_on(date(2025, 3, 1)) == date(2025, 3, 28)
    assert closes_on(date(2025, 12, 1)) == date(2026, 1, 10)
    assert release_due_at("month", date(2025, 3, 1)).isoformat() == "2025-03-30T09:00:00+08:00"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "mediation,2025-03,2025-03-01,2025-03-31,2025-03-15\n",
            "line 2: starts_on, ends_on and closes_on",
        ),
        ("a,2025-03,2025-03-01,2025-03-31,2025-04-02\n" * 2, "line 3: 2025-03 stands twice"),
        ("a,2025-3,2025-03-01,2025-03-31,2025-04-02\n", "line 2: month"),
    ],
)
def test_a_wrong_month_is_named_by_its_line(rows: str, said: str, seeds: Path) -> None:
    (seeds / "tables" / "reporting_calendar.csv").write_text(CALENDAR + rows, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        reporting_calendar()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("period", "kind", "following"),
    [
        ("2025-12", "month", "2026-01"),
        ("2025-Q4", "quarter", "2026-Q1"),
        ("2025-Q1", "quarter", "2025-Q2"),
        ("2025-H1", "half_year", "2025-H2"),
        ("2025", "year", "2026"),
        ("2025-01..2025-12", "year_to_date", "2026-01..2026-01"),
        ("2025-01..2025-10", "year_to_date", "2025-01..2025-11"),
        ("2024-11..2025-01", "range", "2025-02..2025-04"),
    ],
)
def test_periods_follow_each_other_kind_by_kind(period: str, kind: str, following: str) -> None:
    assert (period_kind(period), period_after(period)) == (kind, following)


def test_a_month_ends_the_periods_it_ends() -> None:
    kinds = ("month", "quarter", "half_year", "year")
    assert [period_ending(kind, date(2025, 6, 1)) for kind in kinds] == ["2025-06", "2025-Q2", "2025-H1", None]
    assert [period_ending(kind, date(2025, 12, 1)) for kind in kinds] == ["2025-12", "2025-Q4", "2025-H2", "2025"]


def test_the_doctor_names_each_wrong_declaration_before_a_release_is_made(seeds: Path) -> None:
    (seeds / "release.yml").write_text("dataset_id: of our office\n", encoding="utf-8")
    (seeds / "tables" / "reporting_calendar.csv").write_text(f"{CALENDAR}mediation,May,,,\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["doctor", "--json"])
    assert done.exit_code == 1
    problems = json.loads(done.stdout)["problems"]
    assert [
        any(f"{name}, line " in said for said in problems) for name in ("release.yml", "reporting_calendar.csv")
    ] == [
        True,
        True,
    ]
