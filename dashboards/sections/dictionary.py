"""Definitions: search, the dictionary by system, the legal basis, and what changed from release to release."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from urllib.parse import urlencode

from dashboards import markup, rows, wording
from dashboards.markup import Cell, tag, text
from dashboards.sections import Content, explorer, opening
from dashboards.selection import Option, Subject, address
from dashboards.wording import say, spoken
from pipelines import catalogue
from pipelines.catalogue import Card

MOST_NAMED = 8  # of the indicators that are new in a release


def _names(subject: Subject) -> Mapping[str, str]:
    return {"all": say("definitions.all", subject.language)} | dict(explorer.indicator_names(subject))


OPTIONS = (
    Option("q", "definitions.search", lambda _: {}, is_searched=True),
    Option("indicator", "indicator", _names),
)


def sentence(subject: Subject) -> Content:
    """The definition looked up, or what the release holds."""
    return opening.release(subject) if subject.options["indicator"] == "all" else opening.definition(subject)


def entries(subject: Subject) -> Content:
    """The cards that hold the words searched for, by system, each folded; all where nothing is searched for."""
    language, wanted = subject.language, subject.options["q"].casefold()
    cards = [card for card in rows.ordered_cards(subject.source) if _holds(card, wanted)]
    chosen = subject.options["indicator"]
    cards = [card for card in cards if chosen in ("all", card.id)]
    found = say("definitions.found", language, count=str(len(cards)))
    parts = [text("h2", say("definitions.dictionary", language)), text("p", found, class_="finding")]
    for system in dict.fromkeys(card.system for card in cards):
        parts.append(text("h3", say(f"systems.{system}", language)))
        parts += [_entry(card, subject, is_open=chosen == card.id) for card in cards if card.system == system]
    yield "".join(parts)
    return ()


def _holds(card: Card, wanted: str) -> bool:
    """Whether a card says all the words, in either language or its id."""
    words = [card.id, *_said(card.label), *_said(card.definition), *(law.text for law in card.legal_basis)]
    haystack = " ".join(words).casefold()
    return all(word in haystack for word in wanted.split())


def _said(words: catalogue.Words) -> tuple[str, str]:
    return words.zh, words.en


def _entry(card: Card, subject: Subject, *, is_open: bool) -> str:
    head = text("summary", wording.label(card, subject.language))
    more = tag("p", _link(card, subject, "explorer", say("explorer_page", subject.language)))
    body = markup.definition(card, subject.language) + ("" if is_open else _lineage_link(card, subject)) + more
    return tag("details", head + body, class_="entry", **({"open": "open"} if is_open else {}))


def _lineage_link(card: Card, subject: Subject) -> str:
    return tag("p", _link(card, subject, "definitions", say("definitions.lineage", subject.language)))


def _link(card: Card, subject: Subject, path: str, name: str) -> str:
    own = dict.fromkeys(subject.options, "") | {"indicator": card.id}
    return text("a", name, href=f"{path}?{urlencode(address(subject, **own))}", target="_self")


def legal_basis(subject: Subject) -> Content:
    """Every law and rule that cards rest on, with the indicators that do."""
    language = subject.language
    laws: dict[tuple[str, str], list[Card]] = {}
    for card in rows.ordered_cards(subject.source):
        for law in card.legal_basis:
            laws.setdefault((law.text, law.version), []).append(card)
    head = [say(f"definitions.{name}", language) for name in ("law", "version", "indicators")]
    cells = [
        (
            Cell(said := wording.law(law, language), kind="chinese" if said == law else ""),
            version,
            wording.listed((wording.label(card, language) for card in cards), language),
        )
        for (law, version), cards in sorted(laws.items())
    ]
    title, folded = say("definitions.laws", language), say("definitions.laws_count", language, count=str(len(cells)))
    yield text("h2", title) + markup.folded(folded, markup.scrolled(markup.table(head, cells, 3), title))
    return ()


def releases(subject: Subject) -> Content:
    """The releases of this edition, the newest first: what each holds and where definitions changed."""
    language = subject.language
    names = ("release", "period", "cutoff", "status", "revised", "indicators", "differs")
    head = [say(f"definitions.{name}", language) for name in names]
    sealed = rows.sealed(subject.source)
    cells = [
        _release(subject, *one, earlier[1] if earlier else None) for one, earlier in zip_longest(sealed, sealed[1:])
    ]
    title = say("definitions.changes", language)
    yield text("h2", title) + markup.scrolled(markup.table(head, cells, len(head)), title)
    return ()


def _release(
    subject: Subject, release: str, about: Mapping[str, object], earlier: Mapping[str, object] | None
) -> Sequence[str | Cell]:
    language = subject.language
    link = f"definitions?{urlencode(address(subject, release=release))}"
    indicators, revised = about.get("indicators"), about.get("revised_cells")
    status = say("state_final" if about.get("status") == "final" else "state_draft", language)
    return (
        Cell(release, link),
        wording.period_name(str(about.get("reference_period") or ""), language),
        wording.day_name(str(about.get("data_cutoff") or ""), language),
        status,
        f"{revised:,}" if isinstance(revised, int) else wording.MISSING,
        str(len(indicators)) if isinstance(indicators, list) else wording.MISSING,
        _differs(subject, indicators, earlier.get("indicators") if earlier else None),
    )


def _differs(subject: Subject, now: object, before: object) -> str:
    """The indicators that a release has and the one before it had not, and those that left."""
    language = subject.language
    if not isinstance(now, list) or not isinstance(before, list):
        return wording.MISSING
    parts = (("new", sorted(set(now) - set(before))), ("left", sorted(set(before) - set(now))))
    said = [say(f"definitions.{key}", language, names=_named(subject, names)) for key, names in parts if names]
    return wording.clauses(said, language) or say("definitions.same", language)


def _named(subject: Subject, names: Sequence[str]) -> str:
    """Indicators by their labels, by their number where there are many."""
    language, cards = subject.language, rows.cards(subject.source)
    if len(names) > MOST_NAMED:
        return say("definitions.many", language, count=len(names))
    return wording.listed((wording.label(cards[name], language) if name in cards else name for name in names), language)


def glossary(subject: Subject) -> Content:
    """The signs of the tables and the words of the categories."""
    language = subject.language
    parts = [text("h2", say("definitions.signs", language)), text("p", say("legend", language))]
    for breakdown, labels in rows.categories(subject.source).items():
        if breakdown == "total":
            continue
        words = [[spoken(label, language), code] for code, label in labels.items()]
        title = say(f"breakdowns.{breakdown}", language) if breakdown in wording.lexicon().breakdowns else breakdown
        head = [say("category", language), say("definitions.id", language)]
        parts.append(markup.folded(title, markup.scrolled(markup.table(head, words, 2), title)))
    yield "".join(parts)
    return ()
