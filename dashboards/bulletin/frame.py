"""What stands around every page of the bulletin: head, navigation, the sentence to quote, footer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboards import wording
from dashboards.bulletin import addresses
from dashboards.bulletin.contents import Contents, Place
from dashboards.markup import tag, text
from dashboards.wording import HTML_LANGUAGES, LANGUAGES, Language, escaped, say, spoken
from pipelines.catalogue import markers

SITE = "bulletin_address"  # in a release's metadata: where the root of the site is served, as an absolute address
SECTIONS: Mapping[str, str] = {
    "home": addresses.START,
    "indicators": addresses.INDICATORS,
    "glossary": addresses.GLOSSARY,
    "downloads": addresses.DOWNLOADS,
    "corrections": addresses.CORRECTIONS,
    "contact": addresses.CONTACT,
}


@dataclass(frozen=True)
class Page:
    """One page in one language. `path` is the one without the language; `trail` are the pages above it, with their paths.

    `blocks` are markup; `sentence` is the one to quote.
    """

    path: str
    language: Language
    title: str
    sentence: str
    blocks: tuple[str, ...] = ()
    trail: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        return addresses.in_language(self.path, self.language)

    def link(self, path: str) -> str:
        """The link to another page of the same language."""
        return link_between(self.path, path, self.language)


def with_blocks(page: Page, blocks: Iterable[str]) -> Page:
    """The page with its blocks, which are written with its own address in hand; empty ones fall away."""
    return replace(page, blocks=tuple(block for block in blocks if block))


def link_between(source: str, target: str, language: Language) -> str:
    """The link from a page to another of the same language, both by their paths without it."""
    return addresses.link(addresses.in_language(target, language), source=addresses.in_language(source, language))


def void(name: str, /, **attributes: str) -> str:
    """One element that has no content."""
    return tag(name, "", **attributes).removesuffix(f"></{name}>") + "/>"


def write_page(page: Page, contents: Contents) -> str:
    """The whole page."""
    body = (
        text("a", say("bulletin.skip", page.language), class_="skip", href="#content")
        + tag("header", _header(page), class_="site")
        + tag("main", _trail(page) + _opening(page, contents) + "".join(page.blocks), id="content")
        + tag("footer", _footer(page, contents), class_="site")
    )
    return _document("".join(_head(page, contents)), body, page.language)


def front_page(held: Sequence[str], newest: str, language: Language) -> str:
    """The page above the releases: the newest by its address that stays, and every release by its own."""
    place = addresses.in_language(addresses.START, language)
    title = say("bulletin.title", language)
    sentence = say("bulletin.archive_sentence", language, release=newest)

    def entry(name: str, folder: str) -> str:
        target = f"{folder}/{addresses.in_language(addresses.START, language)}"
        return tag("li", text("a", name, href=addresses.link(target, source=place)))

    other = next(known for known in LANGUAGES if known != language)
    head = (
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        text("title", title),
        void("meta", name="description", content=sentence),
        void("link", rel="stylesheet", href=addresses.link(addresses.STYLE, source=place)),
    )
    releases = "".join(entry(say("release", language, release=name), name) for name in held)
    content = (
        text("h1", title),
        tag("blockquote", text("p", sentence), class_="quote"),
        tag("ul", entry(say("open_newest", language), addresses.LATEST)),
        section(say("bulletin.archive", language), tag("ul", releases)),
    )
    header = text("p", title, class_="product") + _language_link(
        place, addresses.in_language(addresses.START, other), other
    )
    body = tag("header", header, class_="site") + tag("main", "".join(content))
    return _document("".join(head), body, language)


def _document(head: str, body: str, language: Language) -> str:
    """Both HTML and well-formed XML, so that the oldest and the strictest readers take it."""
    return (
        "<!DOCTYPE html>\n" + tag("html", tag("head", head) + tag("body", body), lang=HTML_LANGUAGES[language]) + "\n"
    )


def full_title(page: Page) -> str:
    return " | ".join(dict.fromkeys((page.title, say("bulletin.title", page.language))))


def absolute(contents: Contents, place: str) -> str:
    """The absolute address of a file of the bulletin; empty where the release does not say where its site is."""
    root = str(contents.release.metadata.get(SITE) or "").rstrip("/")
    return f"{root}/{contents.release.id}/{place}" if root else ""


def _head(page: Page, contents: Contents) -> Iterable[str]:
    yield void("meta", charset="utf-8")
    yield void("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield text("title", full_title(page))
    yield void("meta", name="description", content=page.sentence)
    if contents.release.edition != "public":
        yield void("meta", name="robots", content="noindex")
    if absolute(contents, page.place):
        yield void("link", rel="canonical", href=absolute(contents, page.place))
    for language in LANGUAGES:
        place = addresses.in_language(page.path, language)
        href = absolute(contents, place) or addresses.link(place, source=page.place)
        yield void("link", rel="alternate", hreflang=HTML_LANGUAGES[language], href=href)
    yield void("link", rel="stylesheet", href=addresses.link(addresses.STYLE, source=page.place))


def _header(page: Page) -> str:
    language = page.language
    name = text("p", say("bulletin.title", language), class_="product")
    entries = "".join(tag("li", _entry(say(f"bulletin.{key}", language), path, page)) for key, path in SECTIONS.items())
    navigation = tag("nav", tag("ul", entries), aria_label=say("bulletin.site", language))
    return name + _other_language(page) + navigation


def _entry(name: str, path: str, page: Page) -> str:
    here = {"aria_current": "page"} if path == page.path else {}
    return text("a", name, href=page.link(path), **here)


def _other_language(page: Page) -> str:
    other = next(language for language in LANGUAGES if language != page.language)
    return _language_link(page.place, addresses.in_language(page.path, other), other)


def _language_link(source: str, target: str, other: Language) -> str:
    """The same page in the other language, whose name is written in that language."""
    code = HTML_LANGUAGES[other]
    name = text("a", LANGUAGES[other], href=addresses.link(target, source=source), lang=code, hreflang=code)
    return tag("p", name, class_="language")


def _trail(page: Page) -> str:
    if not page.trail:
        return ""
    steps = "".join(tag("li", text("a", name, href=page.link(path))) for name, path in page.trail)
    return tag(
        "nav",
        tag("ol", steps + text("li", page.title)),
        class_="trail",
        aria_label=say("bulletin.where", page.language),
    )


def _opening(page: Page, contents: Contents) -> str:
    quote = tag("blockquote", text("p", page.sentence), class_="quote")
    warning = ""
    if contents.release.edition != "public":
        warning = text("p", say("bulletin.internal", page.language), class_="warning")
    return text("h1", page.title) + warning + quote + text("p", as_of(contents, page.language), class_="as-of")


def as_of(contents: Contents, language: Language) -> str:
    """Data cutoff, release and publisher, as one line."""
    about = contents.release.metadata
    parts = (
        say("data_cutoff", language, date=wording.day_name(str(about["data_cutoff"]), language)),
        say("release", language, release=contents.release.id),
        str(about.get(f"publisher_{language}") or ""),
    )
    return wording.joined(parts, language)


def _footer(page: Page, contents: Contents) -> str:
    language = page.language
    newest = addresses.link(f"../{addresses.LATEST}/{page.place}", source=page.place)
    fixed = escaped(say("bulletin.fixed", language, release=contents.release.id)) + " "
    parts = [
        tag("p", text("b", say("bulletin.signs", language)) + wording.colon(language) + escaped(legend(language))),
        text("p", say("rounding_note", language)) if contents.release.edition == "public" else "",
        tag(
            "p",
            text("b", say("cite", language))
            + wording.colon(language)
            + escaped(citation(page.title, contents, language)),
        ),
        tag("p", fixed + text("a", say("bulletin.newest", language), href=newest)),
    ]
    return "".join(parts)


def legend(language: Language) -> str:
    """Every marker with its meaning."""
    return wording.listed((f"[{code}] {spoken(words, language)}" for code, words in markers().items()), language)


def citation(title: str, contents: Contents, language: Language) -> str:
    about = contents.release.metadata
    parts = (
        str(about.get(f"publisher_{language}") or ""),
        say("bulletin.title", language),
        say(f"edition_{contents.release.edition}", language),
        say("release", language, release=contents.release.id),
        title,
    )
    return ("，" if language == "zh" else ", ").join(part for part in parts if part)


def place_name(place: Place, language: Language) -> str:
    return spoken(place.name, language)


def section(title: str, *parts: str, level: str = "h2") -> str:
    """A heading with what stands below it; nothing where there is nothing."""
    content = "".join(parts)
    return tag("section", text(level, title) + content) if content else ""


def listing(pairs: Sequence[tuple[str, str]]) -> str:
    """A list of names with their texts, without those that have none."""
    entries = "".join(tag("div", text("dt", name) + text("dd", said)) for name, said in pairs if said)
    return tag("dl", entries) if entries else ""
