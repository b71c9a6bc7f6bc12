"""Backups: whole or not at all, without keys, and back on an empty machine with the same figures; what tidying leaves."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from pipelines import warehouse
from pipelines.cli import main
from pipelines.data_folder import VERSION
from pipelines.intake import ledger
from pipelines.keeping.backing_up import FORMAT, HASHES, HEADER, back_up
from pipelines.keeping.parts import KEPT, unknown_parts
from pipelines.keeping.restoring import restore
from pipelines.release import drafting
from pipelines.release.checking import problems
from pipelines.settings import PROJECT, UserError, releases
from tests.conftest import FENGQIAO, Road
from tests.offices import Office, built_house, cases, copied, opened
from tests.test_faults import LIMIT, refused, small_disk

RELEASE = "2025-05-1.0"
Elsewhere = Callable[[], Path]


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A house with a published release, its build left behind: a backup does not hold one."""
    house = copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    shutil.rmtree(house.data / "warehouse")
    return house


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """Turn to another machine: an empty data folder, the same keys."""

    def turn() -> Path:
        monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path / "elsewhere"))
        return tmp_path / "elsewhere"

    return turn


def fengqiao(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def _data_files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.suffix in (".parquet", ".csv"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_is_restored_gives_the_same_figures_byte_for_byte(
    own: Office, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    before, keys = own.contents(), own.data.with_name("keys").read_text()
    made = fengqiao("backup", "--out", tmp_path / "kept.tar.zst", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["ledger_sequence"] == ledger.deliveries()[-1].ledger_sequence
    assert (tmp_path / "kept.tar.zst").stat().st_mode & 0o077 == 0
    published = _data_files(releases("internal") / RELEASE)
    folder = elsewhere()
    assert fengqiao("restore", tmp_path / "kept.tar.zst").exit_code == 0
    assert problems() == []
    kept = {name: digest for name, digest in before.items() if name.split("/")[0] in KEPT}
    assert Office(folder).contents() == kept
    assert os.readlink(releases("internal") / "current") == RELEASE
    assert json.loads(fengqiao("figures", "--indicator", "mediation_accepted", "--json").stdout)
    _forget(releases("internal") / RELEASE)
    warehouse.build()
    assert _data_files(drafting.draft().folder) == published
    content = pa.input_stream(str(tmp_path / "kept.tar.zst"), compression="zstd").read()
    assert not [line for line in keys.splitlines() if line.split(" = ")[1].encode() in content]
    assert b"AGE-SECRET-KEY" not in content


def test_after_a_restore_the_public_edition_repeats_what_it_has_published(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One late case is fewer than are needed to draw a cell anew: what was drawn before stands."""
    copied(built_house(tmp_path_factory.getbasetemp()), tmp_path, monkeypatch)
    drafted = drafting.draft(edition="public").release_id
    words = [("approve", drafted, "--edition", "public", "--name", "tester"), ("audit", drafted)]
    for command in (
        *words,
        ("publish", drafted, "--edition", "public"),
        ("backup", "--out", tmp_path / "kept.tar.zst"),
    ):
        done = fengqiao(*command)
        assert done.exit_code == 0, done.output
    folder = elsewhere()
    assert fengqiao("restore", tmp_path / "kept.tar.zst").exit_code == 0
    assert json.loads((folder / "releases" / "audits" / f"{drafted}.json").read_text(encoding="utf-8"))["passed"]
    drawn = folder / "releases" / "drawn"
    assert [path.stat().st_mode & 0o077 for path in (drawn, *drawn.iterdir())] == [0, 0]
    Office(folder).take(cases({"调解案件编号": "A4"}), "late_2025-03..2025-05.csv")
    warehouse.build()
    again = drafting.draft(edition="public").folder
    published = (releases("public") / drafted / "measures.parquet").read_bytes()
    assert (again / "measures.parquet").read_bytes() == published


def _forget(release: Path) -> None:
    for folder in (release, *(path for path in release.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    shutil.rmtree(release)
    (release.parent / "current").unlink()


def test_the_backup_says_that_the_keys_are_not_in_it(own: Office, tmp_path: Path) -> None:
    said = fengqiao("backup", "--out", tmp_path / "kept.tar.zst").stdout
    assert "The keys are not in it" in said
    assert "Not in it: landing" in said
    with _opened(tmp_path / "kept.tar.zst") as archive:
        assert "Keys" in json.loads(archive.extractfile(archive.next()).read())["without"]  # type: ignore[arg-type, union-attr]


def _opened(path: Path) -> tarfile.TarFile:
    return tarfile.open(fileobj=pa.input_stream(str(path), compression="zstd"), mode="r|")


def test_an_intake_waits_for_the_backup_and_is_not_in_it(own: Office, elsewhere: Elsewhere, tmp_path: Path) -> None:
    file = own.write("later_2025-05.csv", cases({"调解案件编号": "A8"}))
    began: list[subprocess.Popen[str]] = []

    def begin(name: str, done: int, total: int) -> None:
        """Start an intake once, and go on when it says that it waits."""
        if not began:
            began.append(subprocess.Popen([FENGQIAO, "intake", str(file)], stderr=subprocess.PIPE, text=True))
            assert began[0].stderr is not None
            assert "Waiting" in began[0].stderr.readline()

    sequence = ledger.next_sequence() - 1
    made = back_up(tmp_path / "kept.tar.zst", progress=begin)
    assert began[0].wait(timeout=60) == 0
    assert ledger.next_sequence() - 1 == sequence + 1
    elsewhere()
    assert restore(made.file).ledger_sequence == ledger.next_sequence() - 1 == sequence
    assert problems() == []


def test_every_part_of_a_data_folder_is_kept_or_left_out_for_a_reason(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    assert unknown_parts() == []


def test_what_is_damaged_anywhere_is_refused_and_nothing_is_restored(
    own: Office, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    sound = back_up(tmp_path / "kept.tar.zst").file.read_bytes()
    damaged, folder = tmp_path / "damaged.tar.zst", elsewhere()
    step = len(sound) // 12
    altered = [
        sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :] for place in range(0, len(sound), step)
    ]
    for content in (*altered, *(sound[:length] for length in range(0, len(sound), step)), b"no backup at all"):
        damaged.write_bytes(content)
        done = fengqiao("restore", damaged)
        assert (done.exit_code, "is damaged or no backup" in done.stderr) == (2, True), done.output
        assert not list(folder.glob("*"))
    assert fengqiao("restore", "--dry-run", tmp_path / "kept.tar.zst").exit_code == 0
    assert not list(folder.glob("*"))


def _entry(name: str, kind: bytes = tarfile.REGTYPE, leads_to: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, leads_to, size
    return entry


TRICKS: Mapping[str, list[tarfile.TarInfo]] = {
    "above": [_entry("../stray")],
    "above, later": [_entry("lake/../../stray")],
    "absolute": [_entry("/tmp/stray")],
    "not a part": [_entry("landing/stray")],
    "hidden behind a dot": [_entry("lake/./stray")],
    "two slashes": [_entry("lake//stray")],
    "a link out of the folder": [_entry("lake/table/link", tarfile.SYMTYPE, "../../..")],
    "a link to the system": [_entry("lake/table/link", tarfile.SYMTYPE, "/etc")],
    "a pointer upwards": [_entry("releases/internal/current", tarfile.SYMTYPE, "..")],
    "a link where a part is": [_entry("lake", tarfile.SYMTYPE, "elsewhere"), _entry("lake/stray")],
    "a hard link": [_entry("lake/table/link", tarfile.LNKTYPE, "version")],
    "a device": [_entry("lake/table/device", tarfile.CHRTYPE)],
    "a pipe": [_entry("lake/table/pipe", tarfile.FIFOTYPE)],
    "a second of its name": [_entry("lake/table/part"), _entry("lake/table/part")],
}


def _crafted(path: Path, entries: list[tarfile.TarInfo], header: Mapping[str, object]) -> Path:
    with (
        pa.output_stream(str(path), compression="zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for name, said in ((HEADER, header), *((entry, None) for entry in entries), (HASHES, {})):
            content = json.dumps(said).encode() if isinstance(name, str) else b""
            archive.addfile(
                name if isinstance(name, tarfile.TarInfo) else _entry(name, size=len(content)), io.BytesIO(content)
            )
    return path


OURS = {"format": FORMAT, "data_version": VERSION, "made_at": "2026-01-01T00:00:00+00:00", "ledger_sequence": 1}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_entry_leaves_the_data_folder(trick: str, elsewhere: Elsewhere, tmp_path: Path) -> None:
    folder = elsewhere()
    crafted = _crafted(tmp_path / "crafted.tar.zst", TRICKS[trick], OURS)
    before = sorted(tmp_path.rglob("*"))
    done = fengqiao("restore", crafted)
    assert (done.exit_code, "an entry that no backup holds" in done.stderr) == (2, True), done.output
    assert sorted(path for path in tmp_path.rglob("*") if path != folder) == before


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (OURS | {"data_version": VERSION + 1}, f"is of version {VERSION + 1}; this software knows versions up to"),
        (OURS | {"format": FORMAT + 1}, f"is of format {FORMAT + 1}"),
        ({"format": FORMAT}, "is damaged or no backup"),
    ],
)
def test_a_backup_of_a_newer_software_is_refused(
    header: Mapping[str, object], said: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    elsewhere()
    done = fengqiao("restore", _crafted(tmp_path / "crafted.tar.zst", [], header))
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def test_a_folder_with_anything_in_it_is_not_restored_into(own: Office, tmp_path: Path) -> None:
    made = back_up(tmp_path / "kept.tar.zst")
    before = own.contents()
    with pytest.raises(UserError, match="is not empty; a backup is restored into an empty one only"):
        restore(made.file)
    assert own.contents() == before


def test_a_folder_in_which_a_restore_was_stopped_is_worked_in_by_no_command(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    (elsewhere() / ".restoring").mkdir(parents=True)
    done = fengqiao("figures", "--indicator", "mediation_accepted")
    assert (done.exit_code, "empty the folder and restore again" in done.stderr) == (2, True), done.output


def test_a_backup_that_the_disk_does_not_take_leaves_nothing(own: Office, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    said = refused([str(FENGQIAO), "backup", "--out", str(tmp_path / "kept" / "a.tar.zst"), "--json"], own.data, LIMIT)
    assert "cannot be written" in said
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize(("out", "said"), [("data/a.tar.zst", "may not lie in the data folder"), ("keys", "is there")])
def test_a_backup_goes_nowhere_where_it_does_harm(out: str, said: str, own: Office, tmp_path: Path) -> None:
    done = fengqiao("backup", "--out", tmp_path / out)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


def _nightly(backups: Path, command: Path) -> subprocess.CompletedProcess[str]:
    told = {"FENGQIAO_COMMAND": str(command), "FENGQIAO_BACKUPS": str(backups)}
    script = [PROJECT / "deploy" / "nightly-backup"]
    return subprocess.run(script, env=os.environ | told, capture_output=True, text=True, check=False)


def test_a_night_whose_backup_fails_its_check_leaves_none_and_takes_no_earlier_one(own: Office, tmp_path: Path) -> None:
    """The disk writes something else than it was given: between backup and check, a byte is turned over."""
    backups, command = tmp_path / "backups", tmp_path / "fengqiao"
    backups.mkdir()
    earlier = [f"fengqiao-202503{day:02d}-023000.tar.zst" for day in range(1, 15)]
    for name in earlier:
        (backups / name).touch()
    spoil = 'printf X | dd of="$3" bs=1 seek=2000 conv=notrunc status=none'
    command.write_text(f'#!/bin/sh\n{FENGQIAO} "$@" && {{ [ "$1" = restore ] || {spoil}; }}\n')
    command.chmod(0o755)
    done = _nightly(backups, command)
    assert (done.returncode, "is damaged or no backup" in done.stderr) == (2, True), done.stderr
    assert sorted(path.name for path in backups.iterdir()) == earlier
    assert _nightly(backups, FENGQIAO).returncode == 0
    [sound] = {path.name for path in backups.glob("fengqiao-*")} - set(earlier)
    assert fengqiao("restore", "--dry-run", backups / sound).exit_code == 0
    assert sorted(path.name for path in backups.glob("fengqiao-*")) == sorted([*earlier[1:], sound])


def test_a_night_removes_what_a_killed_one_left_and_not_what_is_being_written(own: Office, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    left = (".fengqiao-1.tar.zst", "..fengqiao-2.tar.zst.4711", ".fengqiao-3.tar.zst.4712", ".seeds-1.tar.gz")
    for name in (*left, ".fengqiao-4.tar.zst.4713"):
        (backups / name).touch()
    for name in left:
        os.utime(backups / name, (time.time() - 86400,) * 2)
    assert _nightly(backups, FENGQIAO).returncode == 0
    assert [path.name for path in backups.iterdir() if path.name.startswith(".")] == [".fengqiao-4.tar.zst.4713"]


def _doctor() -> list[str]:
    """What the doctor finds wrong; its exit code says that there is something."""
    done = fengqiao("doctor", "--json")
    found = json.loads(done.stdout)["problems"]
    assert done.exit_code == bool(found), done.output
    return found


def test_the_doctor_finds_too_small_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_disk(tmp_path / "data") as mounted:
        opened(tmp_path, monkeypatch)
        found = _doctor()
    disk = f"The disk of {tmp_path / 'data'} has 0.0 GB left; a build and a release may need 0.5 GB."
    assert [sentence.startswith(disk) for sentence in found] == ([True] if mounted else [])


def test_the_doctor_wants_four_times_the_build_left_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with nothing in it is as large as it says and takes no room."""
    office = opened(tmp_path, monkeypatch)
    (office.data / "warehouse").mkdir(parents=True)
    (office.data / "warehouse" / "sparse").touch()
    found = []
    for part in (3, 5):
        os.truncate(office.data / "warehouse" / "sparse", shutil.disk_usage(office.data).free // part)
        found.append([sentence.partition(" has ")[0] for sentence in _doctor()])
    assert found == [[f"The disk of {office.data}"], []]


def _halve(folder: Path) -> None:
    [file] = folder.glob("*.parquet")
    pl.read_parquet(file).head(1).write_parquet(file)


def _spoil(folder: Path) -> None:
    for file in folder.glob("*.parquet"):
        file.write_bytes(b"PAR1 no more")


LAKE_HARMS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "a folder is gone": (shutil.rmtree, "Delivery 1 (cases.csv): its folder is missing from the lake."),
    "a row is gone": (_halve, "Delivery 1 (cases.csv): the ledger says 2 rows, the lake has 1."),
    "all rows are gone": (
        lambda folder: [file.unlink() for file in folder.iterdir()],
        "Delivery 1 (cases.csv): the ledger says 2 rows, the lake has 0.",
    ),
    "a file is no Parquet": (_spoil, "Delivery 1 (cases.csv): its rows in the lake cannot be read."),
    "a folder is too many": (
        lambda folder: (folder.parent / "stray").mkdir(),
        "Lake folder stray has no entry in the ledger;",
    ),
}


@pytest.mark.parametrize("harm", LAKE_HARMS)
def test_the_doctor_finds_a_lake_that_is_not_what_the_ledger_says(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened(tmp_path, monkeypatch)
    office.take(cases({"调解案件编号": "A1"}, {"调解案件编号": "A2"}))
    assert _doctor() == []
    [folder] = (office.data / "lake" / "mediation_cases").iterdir()
    do, said = LAKE_HARMS[harm]
    do(folder)
    [sentence] = _doctor()
    assert sentence.startswith(said)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("alerts.yml", "link: https://a.example/\nchannels: [}\n", "line 2: not valid YAML"),
        ("alerts.yml", "link: https://a.example/\nkinds: [failures]\nchannels: []\n", "line 2: kinds.0: Input"),
        ("access.yml", "area_claim: area_code\nroles:\n  office: {sees: all}\n", "line 3: roles.office.sees: Input"),
    ],
)
def test_the_doctor_reads_the_declarations_in_the_data_folder(
    name: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(tmp_path, monkeypatch).data / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    [sentence] = _doctor()
    assert sentence.startswith(f"{file}, {said}")


def test_the_doctor_asks_for_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs at a terminal, where the variables of the services are not set."""
    file = opened(tmp_path, monkeypatch).data / "alerts.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("link: https://a.example/\nchannels: [{kind: wecom, url_from: FENGQIAO_NOT_SET}]\n")
    assert _doctor() == []


def test_tidying_removes_old_drafts_and_logs_and_no_release(own: Office) -> None:
    drafts = own.data / "releases" / "drafts" / "internal"
    for name, days in (("2025-05-1.1", 40), (".writing-left", 40), ("2025-05-1.2", 20)):
        (drafts / name).mkdir(parents=True)
        os.utime(drafts / name, (time.time() - days * 86400,) * 2)
    log = own.data / "logs" / "failure-20250101T000000.000000.log"
    log.write_text("old\n")
    os.utime(log, (0, 0))
    before = {path for path in own.data.rglob("*") if path.is_file()}
    would = json.loads(fengqiao("tidy", "--dry-run", "--json").stdout)
    assert {path for path in own.data.rglob("*") if path.is_file()} == before
    done = json.loads(fengqiao("tidy", "--json").stdout)
    assert done["removed"] == would["removed"]
    assert sorted(Path(name).name for name in done["removed"]) == [".writing-left", "2025-05-1.1", log.name]
    assert [path.name for path in drafts.iterdir()] == ["2025-05-1.2"]
    assert before - {path for path in own.data.rglob("*") if path.is_file()} == {log}
    assert problems() == []
