"""Originals are kept encrypted, come back byte for byte with the identity, and go when their time is up."""

import hashlib
import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from pipelines.cli_intake import enter_zero, take_in
from pipelines.intake import archive, ledger
from pipelines.intake.identifying import Request
from pipelines.release.checking import problems
from pipelines.settings import UserError, keys_path
from tests.offices import HECHUAN, Office, cases

NAME = "王某某"
TEXT = cases({"调解案件编号": "A1"}, {"调解案件编号": "A2"}).replace("A1", NAME)


def _sha256(text: str | bytes) -> str:
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def _archived(office: Office) -> list[str]:
    return sorted(path.stem for path in (office.data / "archive").glob("*.age"))


def _received_days_ago(days: float) -> None:
    """As if the deliveries so far had come earlier."""
    instant = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    with sqlite3.connect(ledger.ledger_path()) as connection:
        connection.execute("update deliveries set received_at = ?", [instant])


def test_what_came_in_is_kept_and_comes_back_byte_for_byte(office: Office) -> None:
    assert office.take(TEXT).sha256 == _sha256(TEXT)
    assert _archived(office) == [_sha256(TEXT)]
    with archive.original(_sha256(TEXT)) as path:
        assert path.read_bytes() == TEXT.encode()
        assert not path.resolve().exists(), "in memory: nothing of it is on a disk"
    assert not path.exists()


def test_the_archived_file_reveals_nothing_and_is_plain_age(office: Office) -> None:
    office.take(TEXT)
    sealed = archive.path_of(_sha256(TEXT)).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert NAME.encode() not in sealed
    identity = pyrage.x25519.Identity.from_str(archive.identity_path().read_text().strip())
    assert pyrage.decrypt(sealed, [identity]) == TEXT.encode()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [pyrage.x25519.Identity.generate()])


def test_a_large_file_is_encrypted_by_a_process_of_its_own(office: Office, tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * 17
    assert len(content) > archive.ALONE_FROM
    file = tmp_path / "large"
    file.write_bytes(content)
    with archive.archiving(file) as original:
        original.begin()
        original.keep(_sha256(content))
    assert _archived(office) == [_sha256(content)]
    with archive.original(_sha256(content)) as path, path.open("rb") as came:
        assert hashlib.file_digest(came, "sha256").hexdigest() == _sha256(content)


@pytest.mark.parametrize("size", [1000, archive.ALONE_FROM])
def test_what_is_not_kept_leaves_nothing_behind(size: int, office: Office, tmp_path: Path) -> None:
    file = tmp_path / "given up"
    file.write_bytes(b"\0" * size)
    with archive.archiving(file) as original:
        original.begin()
    assert list(archive.folder().iterdir()) == [archive.recipient_path()]


def test_only_the_owner_may_read_the_archive_and_the_identity(office: Office) -> None:
    office.take(TEXT)
    for path in (archive.path_of(_sha256(TEXT)), archive.identity_path()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert archive.identity_path().parent == keys_path().parent


def test_nothing_is_kept_of_what_was_not_taken_in(office: Office) -> None:
    office.take(TEXT, dry_run=True)
    assert _archived(office) == []
    with pytest.raises(UserError):
        office.take("调解案件编号,受理日期\nA1,2025-03-03\n", contract="mediation_cases")
    enter_zero(HECHUAN, "mediation_cases", "2025-03")
    assert _archived(office) == []
    office.take(TEXT)
    assert office.take(TEXT, "again.csv").outcome == "already_received"
    assert _archived(office) == [_sha256(TEXT)]


def test_without_a_recipient_nothing_is_taken_in_unless_the_archive_is_off(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.recipient_path().unlink()
    with pytest.raises(UserError, match=r"no recipient for the archive .* Run `fengqiao keys init`"):
        office.take(TEXT)
    assert office.contents() == {}
    monkeypatch.setenv("FENGQIAO_ARCHIVE", "off")
    assert office.take(TEXT).accepted == 2
    assert _archived(office) == []
    assert problems() == []
    monkeypatch.setenv("FENGQIAO_ARCHIVE", "no")
    with pytest.raises(UserError, match="neither on nor off"):
        office.take(TEXT + "\n")


def test_the_recipient_may_come_from_the_environment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.recipient_path().rename(office.data.with_name("recipient"))
    monkeypatch.setenv("FENGQIAO_ARCHIVE_RECIPIENT", office.data.with_name("recipient").read_text().strip())
    office.take(TEXT)
    with archive.original(_sha256(TEXT)) as path:
        assert path.read_bytes() == TEXT.encode()
    assert problems() == []
    monkeypatch.setenv("FENGQIAO_ARCHIVE_RECIPIENT", "nobody")
    with pytest.raises(UserError, match="FENGQIAO_ARCHIVE_RECIPIENT is no age recipient"):
        office.take(cases({"调解案件编号": "B1"}), "other.csv")


def test_a_damaged_recipient_is_refused(office: Office) -> None:
    archive.recipient_path().write_text("age1nonsense\n")
    with pytest.raises(UserError, match="no age recipient"):
        office.take(TEXT)
    assert any("no age recipient" in said for said in problems())


def test_init_makes_what_is_missing_and_leaves_what_is_there(office: Office) -> None:
    recipient, identity = archive.recipient_path().read_text(), archive.identity_path().read_text()
    assert archive.initialise() == []
    archive.identity_path().unlink()
    assert archive.initialise() == [], "the identity may be kept elsewhere"
    archive.identity_path().write_text(identity)
    archive.identity_path().chmod(0o600)
    archive.recipient_path().unlink()
    assert archive.initialise() == [archive.recipient_path()]
    assert archive.recipient_path().read_text() == recipient


def test_the_identity_may_come_from_the_environment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.take(TEXT)
    elsewhere = keys_path().with_name("a safe place")
    archive.identity_path().rename(elsewhere)
    with pytest.raises(UserError, match="no identity at"), archive.original(_sha256(TEXT)):
        pass
    for said in (str(elsewhere), elsewhere.read_text().strip()):
        monkeypatch.setenv("FENGQIAO_ARCHIVE_IDENTITY", said)
        with archive.original(_sha256(TEXT)) as path:
            assert path.read_bytes() == TEXT.encode()
    monkeypatch.setenv("FENGQIAO_ARCHIVE_IDENTITY", str(pyrage.x25519.Identity.generate()))
    with pytest.raises(UserError, match="cannot be opened with this identity"), archive.original(_sha256(TEXT)):
        pass


def test_an_identity_inside_the_data_folder_or_open_to_others_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.take(TEXT)
    archive.identity_path().chmod(0o640)
    with pytest.raises(UserError, match="mode 640"), archive.original(_sha256(TEXT)):
        pass
    assert any("identity" in said and "chmod 600" in said for said in problems())
    inside = office.data / "identity"
    archive.identity_path().rename(inside)
    monkeypatch.setenv("FENGQIAO_ARCHIVE_IDENTITY", str(inside))
    with pytest.raises(UserError, match="may not lie inside the data folder"), archive.original(_sha256(TEXT)):
        pass
    assert any("may not lie inside the data folder" in said for said in problems())


def test_originals_go_when_their_time_is_up_and_the_ledger_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    office.take(TEXT)
    _received_days_ago(29)
    fresh = office.write("fresh.csv", cases({"调解案件编号": "B1"}))
    take_in([fresh], Request(), quiet=False)
    assert len(_archived(office)) == 2
    _received_days_ago(31)
    newest = office.write("newest.csv", cases({"调解案件编号": "C1"}))
    before = ledger.deliveries()
    capsys.readouterr()
    take_in([newest], Request(), quiet=False)
    assert _archived(office) == [_sha256(newest.read_bytes())]
    said = [line for line in capsys.readouterr().out.splitlines() if "removed from the archive" in line]
    assert len(said) == 1
    assert "2 originals" in said[0]
    assert ledger.deliveries()[:2] == before
    assert problems() == [], "what was removed in time is not missing"
    with pytest.raises(UserError, match="kept for 30 days"), archive.original(_sha256(TEXT)):
        pass
    monkeypatch.setenv("FENGQIAO_ARCHIVE_DAYS", "0")
    take_in([newest], Request(), quiet=True)
    assert _archived(office) == []
    monkeypatch.setenv("FENGQIAO_ARCHIVE_DAYS", "a month")
    with pytest.raises(UserError, match="FENGQIAO_ARCHIVE_DAYS is no number"):
        take_in([newest], Request(), quiet=True)


def test_the_doctor_misses_an_original_and_finds_one_that_others_may_read(office: Office) -> None:
    office.take(TEXT)
    other = cases({"调解案件编号": "B1"})
    office.take(other, "other.csv")
    assert problems() == []
    archive.path_of(_sha256(TEXT)).unlink()
    archive.path_of(_sha256(other)).chmod(0o644)
    assert [said.split(_sha256(text)[:12])[0] for said, text in zip(problems(), (TEXT, other), strict=True)] == [
        "The archive lacks the received file ",
        "The archived file ",
    ]


def test_a_damaged_or_exchanged_original_is_not_given_out(office: Office) -> None:
    office.take(TEXT)
    other = cases({"调解案件编号": "B1"})
    office.take(other, "other.csv")
    sealed = archive.path_of(_sha256(TEXT))
    archive.path_of(_sha256(other)).replace(sealed)
    with pytest.raises(UserError, match="holds another file"), archive.original(_sha256(TEXT)):
        pass
    sealed.write_bytes(sealed.read_bytes()[:-1])
    with pytest.raises(UserError, match="or is damaged"), archive.original(_sha256(TEXT)):
        pass


def test_what_a_kill_left_in_the_archive_is_removed_by_the_next_intake(office: Office) -> None:
    office.take(TEXT)
    (archive.folder() / f"{'0' * 64}.age").write_bytes(b"named by no entry")
    (archive.folder() / f".0123{archive.DRAFT}").write_bytes(b"half of a file")
    office.take(cases({"调解案件编号": "B1"}), "other.csv")
    assert len(_archived(office)) == 2
    assert len(list(archive.folder().iterdir())) == 3
