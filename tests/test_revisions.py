"""Four releases of one period, made by late rows, corrections and a snapshot: what they change, why, and who sees which."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from frictionless import Package, validate

from dashboards.release_reader import Release, open_release
from pipelines import warehouse
from pipelines.catalogue import tables
from pipelines.cli import main
from pipelines.release import changes, publishing, reconciling, sealing, versions
from pipelines.release.checking import problems
from pipelines.settings import DBT_PROJECT, UserError, releases
from tests.offices import MEDIATED, Office, built_house, cases, copied, table

READERS = 50
MARCH = ("mediation_accepted", "500117000000", "2025-03", "total", "total")
PARTS = ("value", "numerator", "denominator")
REPORT = {
    "统计月": "2025-03",
    "区划代码": "500117001",
    "受理": "3",
    "调解成功": "1",
    "调解不成功": "0",
    "撤回/终止": "0",
    "未结": "5",
    "报出日期": "2025-04-02",
}


@dataclass(frozen=True)
class Revised:
    """An office and its releases, the first one first: as it was, late rows, corrections, a case withdrawn.

    `said`: what drafting each of the later ones printed.
    """

    office: Office
    ids: tuple[str, ...]
    said: tuple[str, ...]


@pytest.fixture(scope="module")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Revised]:
    with pytest.MonkeyPatch.context() as patch:
        house = built_house(tmp_path_factory.getbasetemp())
        office = copied(house, tmp_path_factory.mktemp("revised"), patch)
        patch.setattr(reconciling, "AT_A_TIME", 2)  # so few that months have parts
        said: list[str] = []
        _received(office, "2025-06-05")
        late = ({"调解案件编号": "A4"}, {"调解案件编号": "A5", "受理日期": "2025-04-02", "更新时间": "2025-05-02"})
        corrected = (
            MEDIATED[0] | {"调解结果": "不成功", "更新时间": "2025-06-02"},
            MEDIATED[1] | {"受理日期": "2025-04-03", "更新时间": "2025-06-02"},
        )
        office.take(table([REPORT]), "report_2025-03.csv")
        _received(office, "2025-06-06")
        office.take(cases(*late), "late_2025-03..2025-05.csv")
        _received(office, "2025-06-20")
        said.append(_released())
        office.take(cases(*corrected), "corrected_2025-03..2025-05.csv")
        _received(office, "2025-07-02")
        said.append(_released())
        told = {"mode": "snapshot", "scope": "500117,2025-03..2025-05", "taken_at": "2025-07-01T00:00+08:00"}
        office.take(cases(*corrected, *late), "all_2025-03..2025-05.csv", **told)
        said.append(_released())
        ids = (text.split()[1] for text in said)
        yield Revised(office, ("2025-05-1.0", *ids), tuple(said))


def _received(office: Office, day: str) -> None:
    """Let what came today have come on an earlier day."""
    with closing(sqlite3.connect(office.data / "ledger.sqlite")) as connection, connection:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        connection.execute(
            "update deliveries set received_at = ? where received_at >= ?", (f"{day}T08:00:00.000+00:00", today)
        )


def _released() -> str:
    """Build, draft, approve and publish; what the draft printed."""
    warehouse.build()
    said = _done("release")
    release_id = said.split()[1]
    _done("approve", release_id, "--name", "tester", "--role", "科长", "--department", "基层科")
    _done("publish", release_id)
    return said


def _done(*words: str) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def _pairs(revised: Revised) -> Iterator[tuple[Release, Release]]:
    for before, after in zip(revised.ids, revised.ids[1:], strict=False):
        yield open_release(release=before), open_release(release=after)


def _cells(of: Release) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    rows = of.table("figures").select(*changes.KEY, *PARTS)
    return {row[:5]: row[5:] for row in rows.iter_rows()}


def test_what_was_and_the_changes_are_what_is_for_every_cell(revised: Revised) -> None:
    nothing = (None, None, None)
    for before, after in _pairs(revised):
        old, new = _cells(before), _cells(after)
        changed = {
            row[:5]: row[5:] for row in after.changes().select(*changes.KEY, *_sides("before"), *_sides("after")).rows()
        }
        assert changed, after.id
        for cell in old.keys() | new.keys():
            was, becomes = old.get(cell, nothing), new.get(cell, nothing)
            assert (changed[cell][:3], changed[cell][3:]) == (was, becomes) if cell in changed else was == becomes, cell


def _sides(side: str) -> list[str]:
    return [f"{part}_{side}" for part in PARTS]


def test_only_changed_cells_are_told_and_each_has_a_reason(revised: Revised) -> None:
    for _, after in _pairs(revised):
        told = after.changes()
        assert set(",".join(told["reason"]).split(",")) <= changes.REASONS.keys()
        assert "revision" not in set(told["reason"])
        assert after.metadata["revised_cells"] == len(told)
        assert all(row[:3] != row[3:] for row in told.select(*_sides("before"), *_sides("after")).iter_rows())


@pytest.mark.parametrize(
    ("number", "cell", "sides", "reason"),
    [
        (1, MARCH, (3, 4), "late_rows"),
        (2, MARCH, (4, 3), "corrected_down"),
        (2, ("mediation_accepted", "500117000000", "2025-04", "total", "total"), (1, 2), "corrected_up"),
        (2, ("mediation_agreed", "500117001000", "2025-03", "total", "total"), (1, 0), "corrected_down"),
        (3, MARCH, (3, 2), "withdrawal"),
        (3, ("mediation_accepted", "500000000000", "2025-03", "channel", "court"), (1, 0), "withdrawal"),
    ],
)
def test_the_reason_is_what_came_in(
    number: int, cell: tuple[str, ...], sides: tuple[int, int], reason: str, revised: Revised
) -> None:
    told = open_release(release=revised.ids[number]).changes()
    rows = {row[:5]: row[5:] for row in told.select(*changes.KEY, "value_before", "value_after", "reason").iter_rows()}
    assert rows[cell] == (*sides, reason)


def test_revised_cells_bear_a_mark_and_no_other(revised: Revised) -> None:
    last = open_release(release=revised.ids[3])
    rows = last.figures("mediation_accepted", ["500117"], ["2025-03", "2025-04"])
    assert dict(rows.select("period", "status").rows()) == {"2025-03": "r", "2025-04": ""}
    with duckdb.connect(str(last.folder / "fengqiao.duckdb"), read_only=True) as connection:
        marked = connection.execute("select count(*) from figures where list_contains(string_split(status, ','), 'r')")
        assert marked.fetchall()[0][0] == len(last.changes().filter(pl.col("value_after").is_not_null()))


def test_the_list_of_changes_reads_in_both_languages(revised: Revised) -> None:
    text = (open_release(release=revised.ids[1]).folder / "CHANGES.md").read_text(encoding="utf-8")
    assert "补报" in text
    assert "late rows" in text
    first = (open_release(release=revised.ids[0]).folder / "CHANGES.md").read_text(encoding="utf-8")
    assert "首次发布" in first
    assert "|" not in first


def test_drafting_prints_what_changed(revised: Revised) -> None:
    for number, word in enumerate(("补报", "核减", "撤回")):
        assert f"与 {revised.ids[number]} 相比变动" in revised.said[number]
        assert word in revised.said[number]


def test_a_release_says_of_itself_what_a_reader_must_know(revised: Revised) -> None:
    first, second = (open_release(release=name).metadata for name in revised.ids[:2])
    assert (first["version"], first["supersedes"], first["vintage"]) == ("1.0", None, "provisional")
    assert (second["supersedes"], second["vintage"], second["reason"]) == (
        "2025-05-1.0",
        "revised",
        ["late_report", "late_rows"],
    )
    assert first["embargo_until"] == first["due_at"] == "2025-06-12T09:00:00+08:00"
    assert second["embargo_until"] is None
    assert (first["period_kind"], first["next_release"]["period"]) == ("month", "2025-06")
    assert 0 < first["coverage_rate"] < 100
    assert second["largest_revision"]["case"] >= 1
    assert (second["approved_by"], second["approved_role"], second["approved_department"]) == (
        "tester",
        "科长",
        "基层科",
    )
    assert first["permalink"].endswith("/internal/2025-05-1.0")
    assert {"id", "version", "standards", "codes"} <= first["code_lists"][0].keys()


def test_the_package_validates_and_the_record_names_every_file(revised: Revised) -> None:
    folder = open_release(release=revised.ids[3]).folder
    report = validate(str(folder / "datapackage.json"))
    assert report.valid, report.flatten(["title", "note"])[:5]
    package = Package(str(folder / "datapackage.json"))
    record = json.loads((folder / "dcat.jsonld").read_text(encoding="utf-8"))
    assert sorted(d["dct:title"] for d in record["dcat:distribution"]) == sorted(str(r.path) for r in package.resources)
    assert record["dcat:previousVersion"].endswith(revised.ids[2])
    described = pq.read_schema(folder / "figures.parquet").field("area_code").metadata
    assert described[b"description"].startswith(b"Area, 12 digits")


def test_fifty_readers_see_one_whole_release_each_while_publishing_and_rolling_back_alternate(revised: Revised) -> None:
    expected = {name: _cells(open_release(release=name))[MARCH][0] for name in revised.ids[2:]}
    failures: list[BaseException] = []
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                opened = open_release()
                [value] = opened.figures("mediation_accepted", ["500117"], ["2025-03"])["value"]
                assert (opened.metadata["release_id"], value) == (opened.id, expected[opened.id])
                seen.add(opened.id)
            except BaseException as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for _ in range(20):
        assert publishing.rollback("internal") == (revised.ids[3], revised.ids[2])
        publishing.publish(revised.ids[3], "internal")
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert seen == set(revised.ids[2:])
    assert [path.name for path in releases("internal").iterdir() if path.name.startswith(".")] == []
    assert problems() == []


def test_every_model_that_counts_is_known_to_the_list_of_changes() -> None:
    """What organisations and people stand at is not followed case by case."""
    followed = {model for models in (*versions.COUNTED_BY.values(), versions.FORMS_COUNTED_BY) for model in models[1:]}
    counting = {path.stem for path in (DBT_PROJECT / "models" / "measures").glob("events_*.sql")}
    assert counting == followed | {"events_organisation", "events_population"}
    assert {tables()[name].kind for name in versions.FORMS} == {"form"}


def _say(*words: str) -> Any:
    return json.loads(_done(*words, "--json"))


def test_a_scheduled_release_is_published_when_its_instant_has_come(revised: Revised) -> None:
    first = revised.ids[0]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert _say("publish", first, "--at", later.isoformat())["release"] == first
    assert _say("publish", "--due") == {"published": [], "scheduled": {first: later.isoformat()}}
    assert open_release().id == revised.ids[3]
    assert publishing.publish_due("internal", later) == [first]
    assert (open_release().id, publishing.scheduled("internal")) == (first, [])
    assert _say("rollback") == {"left": first, "release": revised.ids[3]}
    assert [move["act"] for move in publishing.publications("internal")][-2:] == [
        "published as scheduled",
        "rolled back",
    ]


@pytest.mark.parametrize(
    ("measure", "books", "why"),
    [
        ("mediation_accepted", (3, 3, 2), (1, -2, 0)),
        ("mediation_agreed", (1, 1, 0), (0, -1, 0)),
        ("mediation_open", (5, 2, 1), (1, -2, 3)),
    ],
)
def test_reported_and_both_books_stand_side_by_side_and_the_difference_is_explained(
    measure: str, books: tuple[int, ...], why: tuple[int, ...], revised: Revised
) -> None:
    """March was first handed in on 5 June; A4 came after it, A1 and A2 were corrected and A3 withdrawn after it."""
    rows = _say("reconcile", "--release", revised.ids[3], "--month", "2025-03", "--sender", "mediation-500117")
    [row] = [row for row in rows if row["measure"] == measure]
    assert (row["table_name"], row["area_code"]) == ("mediation_monthly", "500117000000")
    assert tuple(row[name] for name in ("reported", "counted_at_closing", "counted")) == books
    assert tuple(row[name] for name in ("late", "corrected", "unexplained")) == why


def test_the_current_book_is_the_closed_one_and_what_came_after_it(revised: Revised) -> None:
    for name in revised.ids[1:]:
        rows = open_release(release=name).table("reconciliation")
        moved = pl.col("counted_at_closing") + pl.col("late") + pl.col("corrected")
        assert rows.filter(pl.col("counted") != moved).is_empty()
        assert len(rows), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", "2025-05-1.0", "--at", "2030-01-30T09:00"), "not an instant with a time zone"),
        (("publish", "2025-05-1.0", "--at", "2020-01-30T09:00+08:00"), "has passed"),
        (("publish", "2025-05-9.9", "--at", "2099-01-30T09:00+08:00"), "is not sealed"),
        (("publish",), "Name one release"),
        (("publish", "2025-05-1.0", "--due"), "Name one release"),
        (("rollback", "--edition", "public"), "no earlier publication of the public edition"),
    ],
)
def test_what_cannot_be_published_is_refused_in_one_sentence(
    words: tuple[str, ...], said: str, revised: Revised
) -> None:
    done = CliRunner().invoke(main, list(words))
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def test_an_embargo_is_kept_unless_broken_on_purpose(revised: Revised) -> None:
    folder = _resealed(releases("internal") / revised.ids[0], embargo_until="2099-01-01T09:00:00+08:00")
    try:
        with pytest.raises(UserError, match="is embargoed until 2099-01-01"):
            publishing.publish(folder.name, "internal")
        publishing.publish(folder.name, "internal", early=True)
        assert publishing.publications("internal")[-1]["act"] == "published early"
        publishing.rollback("internal")
    finally:
        _resealed(folder, embargo_until="2025-06-12T09:00:00+08:00")


def _resealed(folder: Path, **said: str) -> Path:
    """A release sealed with other words."""
    folder.chmod(0o755)
    told = sealing.metadata_of(folder) | said
    sealing.write_metadata(folder, told | {"seal": sealing.seal_of(told)})
    return folder


def test_the_calendar_says_what_is_due(revised: Revised) -> None:
    entries = _say("calendar")
    assert [entry["due_at"] for entry in entries] == sorted(entry["due_at"] for entry in entries)
    assert {entry["period_kind"] for entry in entries} == {"month", "quarter", "half_year", "year"}
    assert {entry["state"] for entry in entries} <= {"due", "expected"}
    assert os.readlink(releases("internal") / "current") == revised.ids[3]
