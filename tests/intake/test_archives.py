"""ZIP archives: what is in them is taken in as if it lay beside them; what would harm is refused in one sentence."""

import json
import os
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.intake import ledger, quarantine
from pipelines.intake.archives import members
from pipelines.intake.identifying import Request
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.settings import UserError
from tests.intake.drawn import Drawn, draw
from tests.offices import CASE, HECHUAN, Office, cases, table


def pack(path: Path, contents: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def unpacked(path: Path) -> dict[str, bytes]:
    with members(path) as found:
        return {name: member.read_bytes() for name, member in found}


def test_each_member_is_an_export_named_by_archive_and_member(tmp_path: Path) -> None:
    book = draw(tmp_path / "b.xlsx", {"Sheet1": Drawn([[*CASE], [*CASE.values()]])})
    path = pack(tmp_path / "三月.zip", {"a.csv": cases({}), "合川/b.xlsx": book.read_bytes()})
    assert unpacked(path) == {"三月.zip/a.csv": cases({}).encode(), "三月.zip/合川/b.xlsx": book.read_bytes()}


def test_what_systems_leave_behind_is_passed_over_and_sidecars_stand_beside_their_members(tmp_path: Path) -> None:
    left = ["__MACOSX/._a.csv", ".DS_Store", "合川/.DS_Store", "~$b.xlsx", "Thumbs.db"]
    contents = {"a.csv": cases({}), "a.csv.yml": "period: 2025-03\n", "leer/": ""} | dict.fromkeys(left, "nothing")
    with members(pack(tmp_path / "a.zip", contents)) as found:
        seen = [(name, member.name, member.with_name("a.csv.yml").read_text()) for name, member in found]
        assert seen == [("a.zip/a.csv", "a.csv", "period: 2025-03\n")]


NAMES = {
    "GBK, as Chinese Windows packs": ("合川区三月.csv".encode("gbk"), 0),
    "UTF-8 without its mark": ("合川区三月.csv".encode(), 0),
    "UTF-8": ("合川区三月.csv".encode(), 0x800),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_are_read_as_they_were_written(kind: str, tmp_path: Path) -> None:
    raw, flag = NAMES[kind]
    stand_in = b"x" * len(raw)
    content = bytearray(pack(tmp_path / "a.zip", {stand_in.decode(): cases({})}).read_bytes().replace(stand_in, raw))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", content, content.index(signature) + place, flag)
    (tmp_path / "a.zip").write_bytes(content)
    assert list(unpacked(tmp_path / "a.zip")) == ["a.zip/合川区三月.csv"]


def test_nothing_is_unpacked_onto_a_disk_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where temporary files would lie there are links only, and none when the archive is closed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with members(pack(tmp_path / "a.zip", {f"{n}.csv": cases({}) for n in range(5)})) as found:
        for number, (_, member) in enumerate(found):
            assert member.name == f"{number}.csv"
            (standing,) = (p for p in (tmp_path / "temporary").rglob("*") if not p.is_dir() or p.is_symlink())
            assert standing.is_symlink()
            assert os.readlink(standing).startswith("/proc/self/fd/")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before


def _zeros(path: Path) -> None:
    """300 MB that pack to 300 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))


def _lying(path: Path) -> None:
    """The same, whose headers say that it unpacks to a hundred bytes."""
    _zeros(path)
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 300 << 20), struct.pack("<I", 100)))


def _link(path: Path) -> None:
    entry = zipfile.ZipInfo("a.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")


def _protected(path: Path) -> None:
    """The bit that says a member is encrypted, in both its headers."""
    content = bytearray(pack(path, {"a.csv": cases({})}).read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1
    path.write_bytes(content)


def _twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.csv", cases({}))
        archive.writestr("a.csv", cases({"更新时间": "2025-05-01"}))


def _cut(path: Path) -> None:
    content = pack(path, {"a.csv": cases({})}).read_bytes()
    path.write_bytes(content[:-30])


def _damaged(path: Path) -> None:
    content = bytearray(pack(path, {"a.csv": cases({})}).read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)


def _named(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", cases({}))
            archive.writestr(zipfile.ZipInfo(name), "nothing")

    return write


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bomb": (_zeros, "unpacks to an implausible size"),
    "a bomb whose headers lie": (_lying, "cannot be unpacked|unpacks to an implausible size"),
    "an archive inside": (_named("b.zip"), "holds another archive"),
    "a RAR inside": (_named("合川/b.RAR"), "holds another archive"),
    "an absolute path": (_named("/etc/cron.d/x.csv"), "outside its folder"),
    "a path of Windows": (_named("C:\\x.csv"), "outside its folder"),
    "a way up": (_named("a/../../x.csv"), "outside its folder"),
    "a way up, written as Windows does": (_named("..\\x.csv"), "outside its folder"),
    "a symbolic link": (_link, "holds a symbolic link"),
    "a file and a folder of one name": (_named("a.csv/b.csv"), "a file and a folder of the same name"),
    "a name that is none": (_named("."), "outside its folder"),
    "a password": (_protected, "protected by a password"),
    "a name twice": (_twice, "two files of the same name"),
    "cut off": (_cut, "damaged or cut off"),
    "damaged inside": (_damaged, "damaged or cut off"),
    "nothing": (lambda path: pack(path, {}) and None, "holds no file"),
    "too many files": (lambda path: pack(path, {f"{n}.csv": "" for n in range(1001)}) and None, "holds 1001 files"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_archive_that_would_harm_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    write, said = WRONG[kind]
    write(tmp_path / "a.zip")
    with pytest.raises(UserError, match=said) as refused, members(tmp_path / "a.zip"):
        pass
    assert str(refused.value).startswith("a.zip ")
    assert "\n" not in str(refused.value)


def test_a_small_file_of_one_repeated_row_is_no_bomb(tmp_path: Path) -> None:
    same = table([CASE] * 50_000)
    assert len(unpacked(pack(tmp_path / "a.zip", {"a.csv": same}))["a.zip/a.csv"]) == len(same.encode())


# through the door


def test_an_archive_in_a_senders_folder_is_taken_in_file_by_file(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder inside that is named like another sender chooses nobody; a wrong file stops no other."""
    path = office.write("三月.zip", b"")
    rows = cases({"调解案件编号": "B1"}, {"调解案件编号": "B2"})
    pack(path, {"a.csv": cases({}), "mediation-500000/b.csv": rows, "c.csv": "姓名,年龄\n某,3\n", "d.csv": b""})
    with pytest.raises(SystemExit) as ended:
        main(["intake", str(path), "--json"])
    assert ended.value.code == 2
    said = {file["file"]: file for file in json.loads(capsys.readouterr().out)["files"]}
    assert {name: (file["outcome"], file["sender"], file["accepted"]) for name, file in said.items()} == {
        "三月.zip/a.csv": ("accepted", HECHUAN, 1),
        "三月.zip/b.csv": ("accepted", HECHUAN, 2),
        "c.csv": ("refused", None, 0),
        "d.csv": ("refused", None, 0),
    }
    assert said["c.csv"]["error"].startswith("In 三月.zip: c.csv: no header of a known export")
    assert office.lake()["sender"].unique().to_list() == [HECHUAN]
    assert [delivery.file for delivery in ledger.deliveries()] == ["三月.zip/a.csv", "三月.zip/b.csv"]


def test_what_stands_beside_an_archive_is_said_of_all_its_files_without_a_word_of_their_own(office: Office) -> None:
    path = pack(
        office.write("a.zip", b""),
        {"a.csv": table([CASE]), "b.csv": cases({"调解案件编号": "B1"}), "b.csv.yml": "period: 2024\n"},
    )
    path.with_name("a.zip.yml").write_text("period: 2025-03\n")
    became = list(receive_each(path, Request()))
    assert all(isinstance(outcome, Outcome) for outcome in became)
    months = {delivery.file: (delivery.first_month, delivery.last_month) for delivery in ledger.deliveries()}
    assert months == {"a.zip/a.csv": ("2025-03", "2025-03"), "a.zip/b.csv": ("2024-01", "2024-12")}


def test_a_member_comes_out_of_the_archive_of_originals_under_its_own_name(office: Office) -> None:
    list(receive_each(pack(office.write("a.zip", b""), {"a.csv": cases({})}), Request()))
    (delivery,) = ledger.deliveries()
    with quarantine.original(delivery) as path:
        assert (path.name, path.read_text(encoding="utf-8")) == ("a.csv", cases({}))
    assert quarantine.request_of(delivery).archive == Path("a.zip")


def test_a_harmful_archive_is_named_once_and_nothing_of_it_is_taken(office: Office) -> None:
    path = office.write("a.zip", b"")
    _named("b.zip")(path)
    (refused,) = receive_each(path, Request())
    assert isinstance(refused, Refused)
    assert "holds another archive" in refused.sentence
    assert office.contents() == {}
