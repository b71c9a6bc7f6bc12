"""Where the pages of a bulletin lie, as paths from the folder of their release: codes and ids, which do not change.

Chinese pages lie at the top, English ones under `en/` with the same path, so that one changes language in one step. Links
are written from page to page and work from a disk as from a server. The root of a site holds one folder a release and
`latest`, which is the newest of them.
"""

from posixpath import dirname, relpath

from dashboards.wording import Language

START = "index.html"
INDICATORS = "indicators.html"
GLOSSARY = "glossary.html"
CONTACT = "contact.html"
DOWNLOADS = "downloads.html"
CORRECTIONS = "corrections.html"
STYLE = "style.css"
SITEMAP = "sitemap.xml"
DATA = "data"
LATEST = "latest"


def area(short_code: str) -> str:
    return f"areas/{short_code}.html"


def indicator(indicator_id: str) -> str:
    return f"indicators/{indicator_id}.html"


def in_language(path: str, language: Language) -> str:
    """The path of a page in a language."""
    return path if language == "zh" else f"{language}/{path}"


def link(target: str, *, source: str) -> str:
    """The link from one file of a release's bulletin to another; a target that begins with `../` leaves the folder."""
    return relpath(target, dirname(source) or ".")
