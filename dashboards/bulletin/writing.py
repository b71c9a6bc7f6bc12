"""Writing the bulletin of a release into a folder, and the front of a site that holds several."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from dashboards.bulletin import addresses
from dashboards.bulletin.area_pages import area_page, start_page
from dashboards.bulletin.contents import Contents, read_contents
from dashboards.bulletin.frame import Page, absolute, front_page, write_page
from dashboards.bulletin.indicator_pages import city_indicator_page, has_city_pages, indicator_page, indicators_page
from dashboards.bulletin.reference_pages import contact_page, corrections_page, downloads_page, glossary_page
from dashboards.release_reader import Release
from dashboards.wording import LANGUAGES, Language

STYLE = Path(__file__).with_name("style.css")
SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def write_bulletin(release: Release, folder: Path) -> tuple[Path, ...]:
    """Write every page of a release's bulletin, its style sheet and its sitemap into a folder; the same release gives the
    same bytes.

    Data files that lie under `data/` of the folder are offered for download. Returns the files written, by path. Raises
    `UserError` where the release has no figure for any city.
    """
    contents = read_contents(release)
    files = tuple(sorted(path for path in (folder / addresses.DATA).rglob("*") if path.is_file()))
    written = []
    for language in LANGUAGES:
        for page in _pages(contents, files, folder, language):
            written.append(_write(folder / page.place, write_page(page, contents)))
    written.append(_write(folder / addresses.STYLE, STYLE.read_text(encoding="utf-8")))
    places = sorted(path.relative_to(folder).as_posix() for path in written if path.suffix == ".html")
    if absolute(contents, ""):
        written.append(_write(folder / addresses.SITEMAP, _sitemap([absolute(contents, place) for place in places])))
    return tuple(sorted(written))


def _pages(contents: Contents, files: tuple[Path, ...], folder: Path, language: Language) -> Iterator[Page]:
    yield start_page(contents, language)
    for place in (*contents.cities, *contents.districts):
        yield area_page(contents, place, language)
    yield indicators_page(contents, language)
    for card in contents.cards:
        yield indicator_page(contents, card, language)
        for city in contents.cities if has_city_pages(contents) else ():
            yield city_indicator_page(contents, card, city, language)
    yield glossary_page(contents, language)
    yield contact_page(contents, language)
    yield downloads_page(contents, files, folder, language)
    yield corrections_page(contents, language)


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")
    return path


def _sitemap(addresses_of_pages: list[str]) -> str:
    entries = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses_of_pages)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{SITEMAPS}">\n{entries}</urlset>\n'


def write_front(root: Path, newest: str) -> None:
    """Let `latest` of a site's root be the newest release, and list the releases that the root holds."""
    held = sorted((p.parent.name for p in root.glob(f"*/{addresses.START}") if not p.parent.is_symlink()), reverse=True)
    _write(root / addresses.STYLE, STYLE.read_text(encoding="utf-8"))
    for language in LANGUAGES:
        _write(root / addresses.in_language(addresses.START, language), front_page(held, newest, language))
    pointer = root / f".{addresses.LATEST}"  # last: where it leads, all the rest was written
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(newest)
    pointer.replace(root / addresses.LATEST)
