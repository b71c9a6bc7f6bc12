"""The review of one area and period as a document: its head, its sections in the order of the plan, its notes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dashboards import wording
from dashboards.release_reader import Release
from dashboards.review import records, sentences, tables
from dashboards.review.document import Block, Document, Field, Paragraph, Section, Table, Told, numbered
from dashboards.review.facts import Facts
from dashboards.review.plan import Letterhead, SectionPlan, TablePlan, plan
from dashboards.review.records import Published
from dashboards.wording import Language, say, spoken

ORDINALS = "一二三四五六七八九十"
LEGEND = ("x", "z", "p", "b", "points")


@dataclass(frozen=True)
class Built:
    """What a section is being made of: facts, language, what others published, and the cards told so far."""

    facts: Facts
    language: Language
    published: Published
    told: dict[str, None]

    def tell(self, names: Sequence[str]) -> None:
        self.told.update(dict.fromkeys(name for name in names if self.facts.total(name) is not None))

    def say(self, key: str, **values: object) -> str:
        period = wording.period_name(self.facts.period, self.language)
        if self.language == "en" and self.facts.kind in ("half_year", "quarter") and not key.startswith("title"):
            period = f"the {period}"
        place = spoken(self.facts.place.name, self.language)
        return say(f"review.{key}", self.language, **({"period": period, "area": place} | values))


def build(seen: Facts, language: Language, lines: Letterhead, published: Published) -> Document:
    """The review. `published`: rows of figures others published of this area, each with ours and a verdict."""
    release, period = seen.release, seen.period
    built = Built(seen, language, published, {})
    abstract = _abstract(built)
    sections = numbered(_ordered(tuple(_section(built, section) for section in _held(seen)), language))
    area = spoken(seen.full_name, language)
    title_lines = (built.say("title_of", area=area), built.say(f"title_{seen.kind}"))
    return Document(
        language=language,
        title="".join(title_lines),
        title_lines=title_lines,
        area=area,
        period=wording.period_name(period, language),
        number=_words(lines.number, language),
        classification=_words(lines.classification, language),
        head=_head(built, lines),
        foot=_foot(built, lines),
        abstract=abstract,
        sections=sections,
        legend=_legend(language),
        told=_told(seen, language),
        source=_source(release, language),
        release=release.id,
        made_at=datetime.fromisoformat(release.metadata.get("issued") or release.metadata["drafted_at"]),
    )


def _held(seen: Facts) -> tuple[SectionPlan, ...]:
    """The sections that can hold anything at this level; the first says which cannot."""
    is_town = seen.place.level == "township"
    return tuple(section for section in plan().sections if not (is_town and section.lowest_level == "district"))


def _words(words: object, language: Language) -> str:
    return "" if words is None else str(getattr(words, language))


def _source(release: Release, language: Language) -> str:
    cutoff = wording.day_name(release.metadata["data_cutoff"], language)
    edition = say(f"edition_{release.edition}", language)
    return say("review.source", language, release=release.id, edition=edition, cutoff=cutoff)


def _told(seen: Facts, language: Language) -> tuple[Told, ...]:
    found = ((card, seen.total(card.id)) for card in seen.cards.values())
    return tuple(
        Told(
            card.id,
            wording.label(card, language),
            wording.quantity(figure.value, card, language, exact=True),
            wording.change(figure, card, language),
        )
        for card, figure in found
        if figure is not None and figure.value is not None
    )


def _legend(language: Language) -> tuple[str, ...]:
    return (say("review.none_explained", language), *(say(f"review.legend_{code}", language) for code in LEGEND))


def _head(built: Built, lines: Letterhead) -> tuple[Field, ...]:
    issued = wording.day_name(lines.issued_on.isoformat(), built.language) if lines.issued_on else ""
    values = {
        "office": _words(lines.office, built.language),
        "period": wording.capital(wording.period_name(built.facts.period, built.language)),
        "compiler": _words(lines.compiler, built.language),
        "reviewer": _words(lines.reviewer, built.language),
        "head": _words(lines.head, built.language),
        "issued_on": issued,
    }
    return tuple(Field(name, say(f"review.field_{name}", built.language), value) for name, value in values.items())


def _foot(built: Built, lines: Letterhead) -> tuple[Field, ...]:
    values = {"copies_to": _words(lines.copies_to, built.language), "printed": _words(lines.printed, built.language)}
    return tuple(
        Field(name, say(f"review.field_{name}", built.language), value) for name, value in values.items() if value
    )


def _abstract(built: Built) -> tuple[Paragraph, ...]:
    texts: list[str] = []
    for names in plan().abstract:
        text = sentences.sentence(built.facts, names, built.language, opens=not texts)
        if text:
            texts.append(text)
    return tuple(map(Paragraph, texts))


def _ordered(sections: tuple[Section, ...], language: Language) -> tuple[Section, ...]:
    """Ordinals of the sections, and of the annexes in their titles."""
    done, count, annexes = [], 0, 0
    for section in sections:
        if section.is_annex:
            annexes += 1
            done.append(replace(section, title=say("review.annex", language, number=annexes, title=section.title)))
        else:
            count += 1
            done.append(replace(section, ordinal=ordinal(count, language)))
    return tuple(done)


def ordinal(number: int, language: Language) -> str:
    """Of a section, as GB/T 9704-2012 (7.3.3) counts the first level: 一、 二、 … 十一、; in English 1. 2."""
    if language == "en":
        return f"{number}. "
    tens, ones = divmod(number, 10)
    ten = "" if not tens else ("十" if tens == 1 else f"{ORDINALS[tens - 1]}十")
    return f"{ten}{ORDINALS[ones - 1] if ones else ''}、"


def _section(built: Built, section: SectionPlan) -> Section:
    title = spoken(section.title, built.language)
    blocks: list[Block] = list(_paragraphs(built, section))
    for table in section.tables:
        blocks += BUILDERS[table.kind](built, table)
    if not blocks:
        blocks = [Paragraph(built.say("absent_data"))]
    return Section(section.id, "", title, tuple(_with_notes(blocks, built.language)), section.is_annex)


def _paragraphs(built: Built, section: SectionPlan) -> tuple[Paragraph, ...]:
    """The computed sentences of a section, then the largest categories of its tables."""
    texts: list[str] = []
    for names in section.sentences:
        text = sentences.sentence(built.facts, names, built.language, opens=not texts)
        if text:
            texts.append(text)
            built.tell(names)
    parts: list[str] = []
    for table in section.tables:
        found = tables.counted(built.facts, table) if table.is_told else None
        if found:
            card, _, rows = found
            said = [(words, count, share) for words, count, share in rows if count is not None]
            parts.append(sentences.leading(card, table.by or "", said, built.language))
    told = (wording.run(list(filter(None, run)), built.language) for run in (texts, parts))
    return tuple(Paragraph(text) for text in told if text)


def _with_notes(blocks: Sequence[Block], language: Language) -> Sequence[Block]:
    """Tables with the notes that what stands in them asks for."""
    return [_noted(block, language) if isinstance(block, Table) else block for block in blocks]


def _noted(table: Table, language: Language) -> Table:
    heads = {column.label for column in table.columns}
    asked = {
        "note_growth": say("review.growth", language) in heads,
        "note_target": say("review.to_target", language) in heads,
        "note_provisional": any(cell.text == say("review.marker_p", language) for row in table.rows for cell in row),
    }
    notes = [say(f"review.{key}", language) for key, is_asked in asked.items() if is_asked]
    return replace(table, notes=(*notes, *table.notes))


def _figures(built: Built, table: TablePlan) -> list[Block]:
    built.tell(table.indicators)
    made = tables.figures(built.facts, table, built.language)
    if made:
        return [made]
    nought = tables.nought(built.facts, table, built.language)
    return [Paragraph(nought)] if nought else []


def _standing(built: Built, table: TablePlan) -> list[Block]:
    made = tables.standing(built.facts, table, built.language)
    return [made] if made else []


def _months(built: Built, table: TablePlan) -> list[Block]:
    built.tell(table.indicators)
    return [block for block in reversed(tables.months(built.facts, table, built.language)) if block]


def _categories(built: Built, table: TablePlan) -> list[Block]:
    made, chart = tables.categories(built.facts, table, built.language)
    if made and table.share:
        built.told[table.share] = None
    built.tell(table.indicators)
    return [block for block in (chart, made) if block]


def _level(built: Built) -> str:
    return say(f"review.level_{built.facts.children[0].level}", built.language)


def _areas(built: Built, table: TablePlan) -> list[Block]:
    if not built.facts.children and table.id != "open":
        return []
    made, nought, silent = tables.areas(built.facts, table, built.language)
    if made is None:
        return [Paragraph(built.say("open_none"))] if table.id == "open" and nought else []
    counts = {"areas_nought": nought, "areas_silent": silent}
    notes = [built.say(key, count=count, level=_level(built)) for key, count in counts.items() if count]
    return [replace(made, notes=(*made.notes, *notes))]


def _identity(built: Built, table: TablePlan) -> list[Block]:
    made = tables.identity(built.facts, table, built.language)
    if made is None:
        return []
    built.tell((*table.indicators, *table.minus))
    balance = built.facts.total("correction_balance")
    if balance is None or balance.value is None:
        return [made]
    card = built.facts.cards["correction_balance"]
    said = wording.quantity(abs(balance.value), card, built.language)
    text = built.say("identity_fails", balance=said) if balance.value else built.say("identity_holds")
    return [made, Paragraph(text)]


def _senders(built: Built, table: TablePlan) -> list[Block]:
    made, sums = records.senders(built.facts, table, built.language)
    unseen = _not_at_this_level(built)
    if made is None:
        return unseen
    numbers = {name: f"{number:,}" for name, number in sums.items()}
    own = "_own" if say("review.note_whole", built.language) in made.notes else ""
    texts = [built.say("coverage_full" if sums["owed"] == sums["reported"] else "coverage_missing", **numbers)]
    texts += [built.say(f"late{own}", **numbers)] if sums.get("late") else []
    if "refused" in sums:
        found = [key for key, name in (("refused", "refused"), ("contradicted", "contradictions")) if sums[name]]
        texts += [built.say(key, **numbers) for key in found] or [built.say(f"refused_none{own}")]
    return [Paragraph(wording.run(texts, built.language)), *unseen, made]


def _not_at_this_level(built: Built) -> list[Block]:
    """Of a town: which sections it has none of."""
    names = [spoken(section.title, built.language) for section in plan().sections if section not in _held(built.facts)]
    said = wording.listed([wording.in_text(name, built.language) for name in names], built.language)
    return [Paragraph(built.say("absent_level", sections=said))] if names else []


def _refusals(built: Built, table: TablePlan) -> list[Block]:
    made = records.refusals(built.facts, table, built.language)
    return [made] if made else []


def _unreported(built: Built, table: TablePlan) -> list[Block]:
    made = records.unreported(built.facts, table, built.language)
    return [made] if made else [Paragraph(built.say("unreported_none"))]


def _occurrences(built: Built, table: TablePlan) -> list[Block]:
    made = records.occurrences(built.facts, table, built.language)
    if made is None:
        return []
    built.tell([card.id for card in records.zero_lines(built.facts)])
    items = []
    for card in records.zero_lines(built.facts):
        figure = built.facts.total(card.id)
        if figure and figure.value:
            label = wording.counted_label(card, built.language, in_text=True)
            said = wording.counted_value(figure.value, card, built.language)
            items.append(say("review.zero_item", built.language, label=label, value=said))
    text = built.say("zero_some", items=wording.listed(items, built.language)) if items else built.say("zero_all")
    return [Paragraph(text), made]


def _reported(built: Built, table: TablePlan) -> list[Block]:
    made = records.reported(built.facts, table, built.language)
    return [made] if made else [Paragraph(built.say("absent_reported"))]


def _differences(built: Built, table: TablePlan) -> list[Block]:
    made = records.differences(built.facts, table, built.language)
    return [made] if made else []


def _changes(built: Built, table: TablePlan) -> list[Block]:
    if built.facts.changes() is None:
        return [Paragraph(built.say("absent_changes"))]
    made = records.changes(built.facts, table, built.language)
    return [made] if made else [Paragraph(built.say("absent_changes_here"))]


def _published(built: Built, table: TablePlan) -> list[Block]:
    made, unchecked = records.published(built.facts, table, built.language, built.published)
    if made is None:
        absent = "absent_published_year" if built.facts.kind == "year" else "absent_published"
        return [Paragraph(built.say("unchecked_all" if unchecked else absent, count=unchecked))]
    return [made, *([Paragraph(built.say("unchecked", count=unchecked))] if unchecked else [])]


def _years(built: Built, table: TablePlan) -> list[Block]:
    built.tell(table.indicators)
    made = tables.years(built.facts, table, built.language) or Paragraph(built.say("absent_years"))
    return [made, Paragraph(built.say("no_budget"))]


def _methods(built: Built, table: TablePlan) -> list[Block]:
    metadata = built.facts.release.metadata
    approved = wording.day_name(metadata.get("approved_at") or metadata["drafted_at"], built.language)
    texts = [
        built.say(
            "as_of",
            release=built.facts.release.id,
            edition=say(f"edition_{built.facts.release.edition}", built.language),
            approved=approved,
            cutoff=wording.day_name(metadata["data_cutoff"], built.language),
        ),
        built.say("vintage", vintage=wording.day_name(metadata["geography"][-10:], built.language)),
        built.say("rounding"),
        built.say("comparison"),
        built.say(
            "version",
            code=metadata["code_version"],
            seeds=metadata["seeds_version"],
            sequence=metadata["ledger_sequence"],
        ),
    ]
    made = records.methods(built.facts, table, built.language, built.told)
    return [*map(Paragraph, texts), *([made] if made else [])]


BUILDERS: dict[str, Callable[[Built, TablePlan], list[Block]]] = {
    "figures": _figures,
    "standing": _standing,
    "months": _months,
    "categories": _categories,
    "areas": _areas,
    "identity": _identity,
    "senders": _senders,
    "refusals": _refusals,
    "unreported": _unreported,
    "occurrences": _occurrences,
    "reported": _reported,
    "differences": _differences,
    "changes": _changes,
    "published": _published,
    "years": _years,
    "methods": _methods,
}
