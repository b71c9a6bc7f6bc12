"""`fengqiao bulletin`: the static site of a release, with its open data beside the pages."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import cli_output as output
from pipelines.cli_reading import opened
from pipelines.settings import UserError, data_root

if TYPE_CHECKING:
    from dashboards.release_reader import Release

HOMES = {"public": "bulletin", "internal": "bulletin-internal"}  # never one folder for both: a server shows all of it


def run(release_id: str | None, edition: str, out: Path | None, *, as_json: bool) -> None:
    """Write the site of a release, and let `latest` be the published one. Raises `UserError` where there is no release."""
    release = opened(edition, release_id)
    root = out or data_root() / "documents" / HOMES[edition]
    with output.working("bulletin", quiet=as_json) as step:
        folder = write_site(release, root, step)
    newest = point_at_published(root, edition, release.id)
    pages = sum(1 for _ in folder.rglob("*.html"))
    if as_json:
        output.print_json(
            {"release": release.id, "edition": edition, "folder": str(folder), "pages": pages, "latest": newest}
        )
    else:
        output.say(f"The bulletin of release {release.id} ({edition} edition, {pages} pages) is in {folder}.")


def point_at_published(root: Path, edition: str, written: str) -> str:
    """Let `latest` of a site be the published release, or the written one where the site does not hold that. Returns its id."""
    from dashboards.bulletin import write_front

    published = _published(edition)
    newest = published if published and (root / published).is_dir() else written
    write_front(root, newest)
    return newest


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


def write_site(release: "Release", root: Path, step: Callable[[str], None]) -> Path:
    """Pages and open data of a release under a root, replacing what was written of it before. Returns its folder."""
    from dashboards.bulletin import write_bulletin

    root.mkdir(parents=True, exist_ok=True)
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
