"""ZIP archives: each member becomes an export of its own, unpacked into memory and never onto a disk."""

import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from pipelines.intake.sidecars import sidecar_path
from pipelines.settings import UserError

MOST_BYTES = 2 << 30
MOST_MEMBERS = 1_000
HIGHEST_RATIO = 200
RATIO_COUNTS_FROM = 10 << 20  # a small file of one repeated row is no bomb
PIECE = 1 << 20
BROKEN_ARCHIVE = (
    OSError,  # a place before the file's beginning
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)
UTF8_NAMES = 0x800
ENCRYPTED = 0x1
NESTED = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz")


@contextmanager
def members(path: Path) -> Iterator[Iterator[tuple[str, Path]]]:
    """Name (`archive.zip/member.csv`) and path of one export after the other, its sidecar beside it.

    A path is a link into this process's memory and lasts until the next is asked for. Raises `UserError`, before the
    first, on an archive that is damaged, protected, holds an archive, unpacks to an implausible size, or names members
    so that they would lie outside.
    """
    with ExitStack() as opened:
        try:
            archive = opened.enter_context(zipfile.ZipFile(path))
            kept = _kept(archive, path.name)
            _require_sound(archive, kept.values(), path.name)
        except BROKEN_ARCHIVE:
            raise UserError(f"{path.name} cannot be unpacked: it is damaged or cut off. Pack it anew.") from None
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="fengqiao-")))
        yield _one_by_one(archive, kept, folder, path)


def _one_by_one(
    archive: zipfile.ZipFile, kept: Mapping[str, zipfile.ZipInfo], folder: Path, path: Path
) -> Iterator[tuple[str, Path]]:
    """A member without a sidecar of its own has that of the archive."""
    common = sidecar_path(path).absolute()
    sidecars = {f"{name}.yml" for name in kept}
    for name in (name for name in kept if name not in sidecars):
        with ExitStack() as opened:
            for part in (name, f"{name}.yml"):
                if part in kept:
                    _link(archive, kept[part], folder / part, opened)
                elif common.exists():
                    (folder / part).symlink_to(common)
                    opened.callback((folder / part).unlink, missing_ok=True)
            yield f"{path.name}/{name}", folder / name


def require_harmless(archive: zipfile.ZipFile, name: str) -> None:
    """Raises `UserError` when what an archive, or a workbook, says it unpacks to is implausible."""
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise UserError(
            f"{name} holds {len(entries)} files, more than {MOST_MEMBERS}. Hand them in as several archives."
        )
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES or any(_is_implausible(entry.file_size, entry.compress_size) for entry in entries):
        raise _bomb(name)


def _is_implausible(unpacked: int, packed: int) -> bool:
    return unpacked > RATIO_COUNTS_FROM and unpacked > HIGHEST_RATIO * packed


def _bomb(name: str) -> UserError:
    return UserError(
        f"{name} unpacks to an implausible size and is not unpacked. Hand in the files without packing them."
    )


def _kept(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The members to unpack, by their names; what operating systems and offices leave behind is passed over."""
    require_harmless(archive, name)
    kept: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        member = _name(entry)
        inside = PurePosixPath(member)
        if entry.is_dir() or _is_left_behind(inside):
            continue
        _require_allowed(entry, inside, name)
        if str(inside) in kept:
            raise UserError(f"{name} holds two files of the same name. Pack it anew with each file once.")
        kept[str(inside)] = entry
    if any(str(folder) in kept for member in kept for folder in PurePosixPath(member).parents):
        raise UserError(f"{name} holds a file and a folder of the same name. Pack it anew.")
    if not kept:
        raise UserError(f"{name} holds no file.")
    return kept


def _name(entry: zipfile.ZipInfo) -> str:
    """A member's name with slashes; without the mark of UTF-8 it is UTF-8 or, from Chinese Windows, GBK."""
    name = entry.orig_filename
    if not entry.flag_bits & UTF8_NAMES:
        raw = name.encode("cp437")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _is_left_behind(inside: PurePosixPath) -> bool:
    hidden = inside.name.startswith((".", "~$")) or inside.name in ("Thumbs.db", "desktop.ini")
    return hidden or "__MACOSX" in inside.parts


def _require_allowed(entry: zipfile.ZipInfo, inside: PurePosixPath, name: str) -> None:
    if (
        inside.is_absolute()
        or not inside.parts
        or ".." in inside.parts
        or ":" in inside.parts[0]
        or "\0" in str(inside)
    ):
        raise UserError(f"{name} holds a file that would be unpacked outside its folder. Pack it anew.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UserError(f"{name} holds a symbolic link. Pack the files themselves.")
    if entry.flag_bits & ENCRYPTED:
        raise UserError(f"{name} is protected by a password. Pack it without one and hand it in again.")
    if inside.name.lower().endswith(NESTED):
        raise UserError(f"{name} holds another archive. Unpack that one and pack all files into one archive.")


def _require_sound(archive: zipfile.ZipFile, entries: Iterable[zipfile.ZipInfo], name: str) -> None:
    """Unpack everything once into nothing: sums are checked, and what comes out is counted, since a header may lie."""
    total = 0
    for entry in entries:
        begins = total
        with archive.open(entry) as packed:
            while piece := packed.read(PIECE):
                total += len(piece)
                if total > MOST_BYTES or _is_implausible(total - begins, entry.compress_size):
                    raise _bomb(name)


def _link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, link: Path, opened: ExitStack) -> None:
    """A member in memory, behind a link of its own name as long as `opened` lasts."""
    memory = os.memfd_create("member")
    opened.callback(os.close, memory)
    with archive.open(entry) as packed, os.fdopen(os.dup(memory), "wb") as unpacked:
        shutil.copyfileobj(packed, unpacked, PIECE)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/proc/self/fd/{memory}")
    opened.callback(link.unlink, missing_ok=True)
