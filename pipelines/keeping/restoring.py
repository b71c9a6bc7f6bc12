"""A backup brought back into an empty data folder: whole and checked, or not at all.

Nothing in the file is believed: each entry is a plain file below a name that backups hold, or a pointer to its neighbour,
written by us under a name we made, and hashed. It goes to its place when the hashes at the end of the file are those.
"""

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pipelines.data_folder import RESTORING, require_known
from pipelines.intake.lake import sync
from pipelines.keeping.backing_up import BLOCK, FORMAT, HASHES, HEADER
from pipelines.keeping.parts import CLOSED, KEPT
from pipelines.settings import UserError, data_root

LARGEST_HASHES = 1 << 30  # bytes of the two entries that are read into memory
NEIGHBOUR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Restored:
    """What came back: the folder, files, the last delivery the backup knows, when it was made (UTC, ISO 8601)."""

    folder: Path
    files: int
    ledger_sequence: int
    made_at: str


class Damaged(Exception):
    """What is wrong with an archive, in a few words; never shown as it is."""


def restore(file: Path, *, dry_run: bool = False, progress: Callable[[str], None] = lambda name: None) -> Restored:
    """Bring a backup back; with `dry_run` only check it, all hashes included, and write nothing.

    Raises `UserError` when the data folder is not empty, the file is no backup, is damaged or from a newer software, or
    the disk does not take it. Then the folder is as empty as before.
    """
    root = data_root()
    if not dry_run:
        _require_empty(root)
    try:
        if dry_run:
            header, entries = _unpacked(file, None, progress)
        else:
            with _beside(root) as draft:
                header, entries = _unpacked(file, draft, progress)
                _put_in_place(draft, root, entries)
    except Damaged as found:
        raise UserError(f"{file} is damaged or no backup: {found}. Nothing was restored; take another copy.") from None
    return Restored(root, len(entries), int(header["ledger_sequence"]), str(header["made_at"]))


def _require_empty(root: Path) -> None:
    try:
        found = [path.name for path in root.iterdir() if path.name != "lost+found"]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"The data folder {root} cannot be read: {error.strerror}.") from None
    if found:
        raise UserError(
            f"The data folder {root} is not empty; a backup is restored into an empty one only. Set FENGQIAO_DATA to"
            " another folder, or move this one away."
        )


@contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """A folder inside the data folder, so that it is on the same disk; gone at the end. One restore at a time."""
    draft = root / RESTORING
    with _taking(root):
        root.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _taking(root: Path) -> Iterator[None]:
    """Raises `UserError` when the disk does not take what is written inside."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"The data folder {root} cannot be written: {error.strerror or error}. Nothing was restored."
        ) from None


def _unpacked(
    file: Path, draft: Path | None, progress: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, tarfile.TarInfo]]:
    """The header, and the entries by name; their contents lie in `draft` if there is one. Raises `Damaged`, `UserError`."""
    import pyarrow as pa

    try:
        file.open("rb").close()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from None
    found: dict[str, str] = {}
    entries: dict[str, tarfile.TarInfo] = {}
    try:
        with (
            pa.CompressedInputStream(pa.OSFile(str(file), "rb"), "zstd") as packed,
            tarfile.open(fileobj=packed, mode="r|", bufsize=BLOCK) as archive,
        ):
            header = _header(archive)
            while (entry := archive.next()) is not None:
                if entry.name == HASHES:
                    if _json(archive, entry) != found:
                        raise Damaged("its contents differ from their hashes")
                    return header, entries
                progress(entry.name)
                found[entry.name] = _taken(archive, _safe(entry, entries), draft)
                entries[entry.name] = entry
    except (tarfile.TarError, pa.ArrowException, OSError, EOFError, ValueError, TypeError, KeyError) as error:
        raise Damaged(f"it cannot be read ({type(error).__name__})") from None
    raise Damaged("its end is missing")


def _header(archive: tarfile.TarFile) -> dict[str, Any]:
    """What the file says of itself. Raises `UserError` when only a newer software understands it."""
    first = archive.next()
    if first is None or first.name != HEADER:
        raise Damaged("it does not begin as a backup does")
    header = _json(archive, first)
    if header["format"] != FORMAT:
        raise UserError(
            f"This backup is of format {header['format']}; this software reads {FORMAT}. Install the newer."
        )
    require_known(int(header["data_version"]), "The backed-up data folder")
    return header


def _json(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Any:
    content = archive.extractfile(entry) if entry.size <= LARGEST_HASHES else None
    if content is None:
        raise Damaged(f"{entry.name} cannot be read")
    return json.loads(content.read())


def _safe(entry: tarfile.TarInfo, before: dict[str, tarfile.TarInfo]) -> tarfile.TarInfo:
    """An entry that may be written: a file below a known name, or a pointer to its neighbour, and no second of its name."""
    parts = PurePosixPath(entry.name).parts
    plain = "/".join(parts) == entry.name and parts[0] in KEPT and not {"..", "."} & set(parts)
    pointer = entry.issym() and len(parts) == 3 and NEIGHBOUR.fullmatch(entry.linkname)
    if not plain or "\0" in entry.name or not (entry.isreg() or pointer) or entry.name in before:
        raise Damaged("it holds an entry that no backup holds")
    return entry


def _taken(archive: tarfile.TarFile, entry: tarfile.TarInfo, draft: Path | None) -> str:
    """Write an entry's content below `draft`; its sha256, or where the pointer points. Pointers are made at the end."""
    if entry.issym():
        return entry.linkname
    content = archive.extractfile(entry)
    assert content is not None
    if draft is None:
        return _hashed(content, None)
    path = draft / entry.name
    with _taking(draft.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        digest = _hashed(content, file)
    with _taking(draft.parent):
        path.chmod(entry.mode & 0o755)
    return digest


def _hashed(content: IO[bytes], file: IO[bytes] | None) -> str:
    digest = hashlib.sha256()
    while part := content.read(BLOCK):
        digest.update(part)
        if file is not None:
            with _taking(data_root()):
                file.write(part)
    if file is not None:
        with _taking(data_root()):
            file.flush()
    return digest.hexdigest()


def _put_in_place(draft: Path, root: Path, entries: dict[str, tarfile.TarInfo]) -> None:
    """Pointers, and the seal on releases; then, on the disk, one rename a part, the version last."""
    with _taking(root):
        for name, entry in entries.items():
            if entry.issym():
                (draft / name).symlink_to(entry.linkname)
        for folder in sorted(path for path in draft.rglob("*") if path.is_dir()):
            sealed = folder.relative_to(draft).parts[0] == "releases" and (folder / "release.json").exists()
            for path in (folder, *folder.rglob("*")) if sealed else ():
                if path.is_dir():
                    path.chmod(0o555)
        for folder in (draft / name for name in CLOSED):
            if folder.is_dir():
                folder.chmod(0o700)
        os.sync()
        for part in sorted(draft.iterdir(), key=lambda path: KEPT.index(path.name), reverse=True):
            part.rename(root / part.name)
        sync(root)
