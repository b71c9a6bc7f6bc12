"""Received files as they came, encrypted (age) to a key that is not in the data folder, and removed when their time is up.

Intake needs the public recipient only, `archive/recipient` in the data folder or the environment's. The identity that opens originals lies
beside the keys (`archive-identity`, mode 600) or comes from the environment; it may be kept on another machine.
"""

import hashlib
import os
import re
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage

from pipelines.intake.keys import write_secret
from pipelines.intake.lake import sync
from pipelines.settings import UserError, data_root, keys_path

SEALED = ".age"
DRAFT = ".unfinished"
DAYS_KEPT = 30
# Encrypting holds Python's lock; a larger file is encrypted by a process of its own while its rows are read.
ALONE_FROM = 16_000_000
ENCRYPT = """
import sys, pyrage
try:
    pyrage.encrypt_file("/dev/stdin", sys.argv[1], [pyrage.x25519.Recipient.from_str(sys.argv[2])])
except (OSError, pyrage.EncryptError) as error:
    sys.exit(str(error))
"""


def folder() -> Path:
    return data_root() / "archive"


def recipient_path() -> Path:
    return folder() / "recipient"


def identity_path() -> Path:
    """The file of the identity: named by `FENGQIAO_ARCHIVE_IDENTITY`, else beside the keys."""
    named = os.environ.get("FENGQIAO_ARCHIVE_IDENTITY")
    return Path(named).expanduser() if named else keys_path().with_name("archive-identity")


def path_of(sha256: str) -> Path:
    return folder() / f"{sha256}{SEALED}"


def is_wanted() -> bool:
    """Whether originals are kept. Raises `UserError` when `FENGQIAO_ARCHIVE` is neither on nor off."""
    said = os.environ.get("FENGQIAO_ARCHIVE") or "on"
    if said not in ("on", "off"):
        raise UserError("FENGQIAO_ARCHIVE is neither on nor off; leave it away, or set it to off to keep no original.")
    return said == "on"


def days_kept() -> int:
    """Days after receipt for which an original is kept. Raises `UserError` when `FENGQIAO_ARCHIVE_DAYS` is no number."""
    said = os.environ.get("FENGQIAO_ARCHIVE_DAYS", str(DAYS_KEPT))
    if not re.fullmatch("[0-9]{1,4}", said):
        raise UserError("FENGQIAO_ARCHIVE_DAYS is no number of days; set it to one such as 30.")
    return int(said)


def initialise() -> list[Path]:
    """Make the recipient, and the identity where neither is there. Returns what was made.

    Raises `UserError` when the identity would lie inside the data folder or something cannot be written.
    """
    if recipient_path().exists():
        return []
    made = [recipient_path()]
    path = _outside_data()
    if path is not None and not path.exists():
        write_secret(path, f"{pyrage.x25519.Identity.generate()}\n")
        made.insert(0, path)
    write_secret(recipient_path(), f"{_identity().to_public()}\n")
    return made


def recipient() -> str:
    """The public key that originals are encrypted to: `FENGQIAO_ARCHIVE_RECIPIENT`, else the data folder's.

    Raises `UserError` when there is none.
    """
    given = os.environ.get("FENGQIAO_ARCHIVE_RECIPIENT")
    try:
        said = given or recipient_path().read_text(encoding="ascii").strip()
        pyrage.x25519.Recipient.from_str(said)
    except FileNotFoundError:
        raise UserError(
            f"There is no recipient for the archive of received files ({recipient_path()}). Run `fengqiao keys init`, or"
            " set FENGQIAO_ARCHIVE=off to keep no original."
        ) from None
    except (OSError, UnicodeDecodeError, pyrage.RecipientError):
        where = "FENGQIAO_ARCHIVE_RECIPIENT" if given else recipient_path()
        raise UserError(f"{where} is no age recipient (age1…). Correct it, or restore it from a backup.") from None
    return said


def _outside_data() -> Path | None:
    """The file of the identity; None where the environment gives the identity itself."""
    if os.environ.get("FENGQIAO_ARCHIVE_IDENTITY", "").startswith("AGE-SECRET-KEY-"):
        return None
    path = identity_path()
    if path.resolve().is_relative_to(data_root()):
        raise UserError(f"The archive's identity may not lie inside the data folder ({path}). Move it beside the keys.")
    return path


def _identity() -> pyrage.x25519.Identity:
    """Raises `UserError` when there is none, inside the data folder, or when others may read it."""
    path = _outside_data()
    try:
        if path is None:
            return pyrage.x25519.Identity.from_str(os.environ["FENGQIAO_ARCHIVE_IDENTITY"])
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise UserError(
                f"The archive's identity at {path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`."
            )
        lines = path.read_text(encoding="ascii").splitlines()
        return pyrage.x25519.Identity.from_str(
            next(line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-"))
        )
    except FileNotFoundError:
        raise UserError(
            f"There is no identity at {path}: without it no original can be opened. Bring it, or name it by"
            " FENGQIAO_ARCHIVE_IDENTITY."
        ) from None
    except (OSError, UnicodeDecodeError, StopIteration, pyrage.IdentityError):
        raise UserError(f"{path or 'FENGQIAO_ARCHIVE_IDENTITY'} holds no age identity (AGE-SECRET-KEY-1…).") from None


class Original:
    """A received file on its way into the archive, in three steps, each of which takes those before it.

    All raise `OSError` when the disk does not take it; `begin` raises `UserError` where there is no recipient and the
    archive is not off. With the archive off they do nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._is_whole = False

    def begin(self) -> None:
        """Encrypt the file; a large one is encrypted beside what follows."""
        if self._draft is not None or not is_wanted():
            return
        public = recipient()
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        self._draft = folder() / f".{secrets.token_hex(8)}{DRAFT}"
        os.close(os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if self._path.stat().st_size >= ALONE_FROM:
            command = [sys.executable, "-I", "-c", ENCRYPT, str(self._draft), public]
            with self._path.open("rb") as source:
                self._process = subprocess.Popen(command, stdin=source, stderr=subprocess.PIPE)
            return
        try:
            pyrage.encrypt_file(str(self._path), str(self._draft), [pyrage.x25519.Recipient.from_str(public)])
        except pyrage.EncryptError as error:
            raise _os_error(str(error)) from None

    def finish(self) -> None:
        """Wait until the file is encrypted and on the disk."""
        self.begin()
        if self._draft is None or self._is_whole:
            return
        if self._process is not None:
            said = self._process.communicate()[1].decode(errors="replace")
            if self._process.returncode:
                raise _os_error(said)
        sync(self._draft)
        self._is_whole = True

    def keep(self, sha256: str) -> None:
        """Give the encrypted file its name; it is in the archive when this returns."""
        self.finish()
        if self._draft is not None:
            self._draft.replace(path_of(sha256))
            self._draft = None
            sync(folder())

    def abandon(self) -> None:
        """Leave nothing of a file that was not kept."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        if self._draft is not None:
            self._draft.unlink(missing_ok=True)


def _os_error(said: str) -> OSError:
    """The error behind a message of the library; the message itself is not repeated."""
    number = re.search(r"os error ([0-9]+)", said)
    return OSError(int(number[1]), os.strerror(int(number[1]))) if number else OSError("it cannot be encrypted")


@contextmanager
def archiving(path: Path) -> Iterator[Original]:
    """A received file that may be kept in the archive; what is not kept by the end leaves nothing behind."""
    original = Original(path)
    try:
        yield original
    finally:
        original.abandon()


def remove_unnamed(known: Iterable[str]) -> list[Path]:
    """Remove drafts, and archived files that no entry of the ledger names (by their sha256). Returns what was removed."""
    named = {path_of(sha256) for sha256 in known} | {recipient_path()}
    gone = [path for path in folder().glob("*") if path not in named]
    for path in gone:
        path.unlink()
    return gone


def outlived(received: Iterable[tuple[str, str]], days: int) -> list[Path]:
    """Originals whose last receipt lies more than `days` ago. `received`: sha256 and instant (ISO 8601)."""
    return [path for sha256 in sorted(_expired(received, days)) if (path := path_of(sha256)).exists()]


def remove_old(received: Iterable[tuple[str, str]], days: int) -> int:
    """Remove the originals that are `outlived`. Returns how many were removed."""
    old = outlived(received, days)
    for path in old:
        path.unlink()
    return len(old)


def _newest(received: Iterable[tuple[str, str]]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for sha256, instant in received:
        newest[sha256] = max(datetime.fromisoformat(instant), newest.get(sha256, datetime.min.replace(tzinfo=UTC)))
    return newest


def _expired(received: Iterable[tuple[str, str]], days: int) -> set[str]:
    until = datetime.now(UTC) - timedelta(days=days)
    return {sha256 for sha256, instant in _newest(received).items() if instant < until}


@contextmanager
def original(sha256: str) -> Iterator[Path]:
    """A received file as it came, in memory only: the path leads to no disk and ends with the block.

    Raises `UserError` when it is not in the archive (any more), or cannot be opened without the identity.
    """
    sealed = path_of(sha256)
    if not sealed.exists():
        raise UserError(
            f"The file {sha256[:12]} is not in the archive; originals are kept for {days_kept()} days after receipt."
            " Ask the sender to send it again."
        )
    identity = _identity()
    descriptor = os.memfd_create("original", os.MFD_CLOEXEC)
    try:
        path = Path(f"/proc/self/fd/{descriptor}")
        try:
            pyrage.decrypt_file(str(sealed), str(path), [identity])
        except (OSError, pyrage.DecryptError):
            raise UserError(f"{sealed} cannot be opened with this identity, or is damaged.") from None
        with path.open("rb") as file:
            is_same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        if not is_same:
            raise UserError(f"{sealed} holds another file than its name says. Restore it from a backup.")
        yield path
    finally:
        os.close(descriptor)


def problems(received: Iterable[tuple[str, str]]) -> list[str]:
    """What is wrong with the archive, a sentence each; `received`: sha256 and instant of the files the ledger names."""
    found: list[str] = []
    try:
        if not is_wanted() or not (recipient_path().exists() or "FENGQIAO_ARCHIVE_RECIPIENT" in os.environ):
            return []
        recipient()
        path = _outside_data()
        received = list(received)
        missing = _newest(received).keys() - _expired(received, days_kept())
    except UserError as error:
        return [str(error)]
    if path is not None and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        found.append(f"The archive's identity at {path} can be read by others. Run `chmod 600 {path}`.")
    found += [
        f"The archive lacks the received file {sha256[:12]}. Restore it from a backup; figures do not need it."
        for sha256 in sorted(missing)
        if not path_of(sha256).exists()
    ]
    found += [
        f"The archived file {path.name[:12]} can be read by others. Run `chmod 600 {path}`."
        for path in sorted(folder().glob(f"*{SEALED}"))
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    return found + [
        f"A part of an archived file is left: the next intake removes {p}." for p in folder().glob(f"*{DRAFT}")
    ]
