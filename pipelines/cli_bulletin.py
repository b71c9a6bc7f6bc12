"""`fengqiao bulletin`: the static site of a release, with its open data beside the pages."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import cli_output as output
from pipelines.cli_reading import opened
from pipelines.release.publishing import current
from pipelines.settings import UserError, documents

if TYPE_CHECKING:
    from dashboards.release_reader import Release

HOMES = {"public": "bulletin", "internal": "bulletin-internal"}  # never one folder for both: a server shows all of it


def run(release_id: str | None, edition: str, out: Path | None, *, due: bool, as_json: bool) -> None:
    """Write the site of a release, and let `latest` be the published one. `due`: only where the published one's is not written.

    Raises `UserError` where there is no release.
    """
    root = out or home(edition)
    if due and not is_due(edition, root):
        _say_nothing_due(edition, root, as_json=as_json)
        return
    release = opened(edition, release_id)
    with output.working("bulletin", quiet=as_json) as step:
        folder, newest = write(release, root, step)
    pages = sum(1 for _ in folder.rglob("*.html"))
    if as_json:
        output.print_json(
            {"release": release.id, "edition": edition, "folder": str(folder), "pages": pages, "latest": newest}
        )
    else:
        output.say(f"The bulletin of release {release.id} ({edition} edition, {pages} pages) is in {folder}.")


def home(edition: str) -> Path:
    return documents() / HOMES[edition]


def is_due(edition: str, root: Path) -> bool:
    """Whether readers have a release of which `latest` is not the site: it was published, and its bulletin is not written."""
    published = current(edition)
    return published is not None and published != _latest(root)


def _latest(root: Path) -> str | None:
    """The release whose site `latest` is; None where there is none."""
    from dashboards.bulletin.addresses import LATEST, START

    pointer = root / LATEST
    return os.readlink(pointer) if pointer.is_symlink() and (pointer / START).is_file() else None


def _say_nothing_due(edition: str, root: Path, *, as_json: bool) -> None:
    latest = _latest(root) if current(edition) is not None else None
    if as_json:
        output.print_json({"release": None, "edition": edition, "folder": None, "pages": 0, "latest": latest})
    elif latest is None:
        output.say(f"Nothing of the {edition} edition is published; there is no bulletin to write.")
    else:
        output.say(f"The bulletin of release {latest} ({edition} edition) is written already.")


def write(release: "Release", root: Path, step: Callable[[str], None]) -> tuple[Path, str]:
    """Write the site of a release under a root, and let `latest` be the published one, or this one where the root does not hold
    that. One writes at a time; a second waits. Returns the site's folder and what `latest` is."""
    from dashboards.bulletin import write_front

    root.mkdir(parents=True, exist_ok=True)
    with _writing(root):
        folder = _write_site(release, root, step)
        published = _published(release.edition)
        newest = published if published and (root / published).is_dir() else release.id
        write_front(root, newest)
    return folder, newest


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    """A lock on the folder itself: what lies in it is served."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _published(edition: str) -> str | None:
    """The id of the published release; None before the first publication, when only a named one can be read."""
    try:
        return opened(edition).id
    except UserError:
        return None


def _copy_open_data(release: Path, folder: Path) -> None:
    """The CSV files and the workbook of a release, as they were sealed; as copies, so that nobody who edits the site edits it."""
    for path in (*release.glob("csv/*.csv"), *release.glob("*.xlsx")):
        target = folder / path.relative_to(release)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _write_site(release: "Release", root: Path, step: Callable[[str], None]) -> Path:
    """Pages and open data of a release under a root, replacing what was written of it before. Returns its folder."""
    from dashboards.bulletin import write_bulletin

    written = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    try:
        step("open data")
        _copy_open_data(release.folder, written / "data")
        step("pages")
        write_bulletin(release, written)
        written.chmod(0o755)
        folder, before = root / release.id, written.with_name(f"{written.name}-before")
        if folder.is_dir():
            folder.rename(before)
        written.rename(folder)
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(written, ignore_errors=True)
    return folder
