"""Tables that are no figures: what was reported, what should not occur, what was revised, what others published, methods."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboards import wording
from dashboards.review import cells, sentences
from dashboards.review.document import Cell, Column, Table
from dashboards.review.facts import REPORTED, Facts
from dashboards.review.plan import TablePlan
from dashboards.wording import Language, say, spoken
from pipelines import catalogue
from pipelines.catalogue import Card

ACCOUNT: Mapping[str, str] = {
    "reported": "reported",
    "counted": "counted",
    "late_rows": "late",
    "corrected_rows": "corrected",
    "refused_rows": "refused",
    "unexplained": "unexplained",
}
QUALITY = ("owed", "reported", "late", "refused", "contradictions")

Published = Sequence[Mapping[str, Any]]


def _table(
    plan: TablePlan, language: Language, columns: Iterable[Column], rows: Iterable[Sequence[Cell]], *notes: str
) -> Table | None:
    found = tuple(tuple(row) for row in rows)
    return Table(plan.id, spoken(plan.title, language), tuple(columns), found, notes) if found else None


def _label(card: Card, language: Language) -> Cell:
    return Cell(wording.label(card, language))


def _table_name(table: str, language: Language) -> str:
    known = catalogue.tables()
    return spoken(known[table].label, language) if table in known else table


def senders(facts: Facts, plan: TablePlan, language: Language) -> tuple[Table | None, Mapping[str, int]]:
    """How each sender kept what it owes for this area, by table, and the sums of what is known of any of them."""
    kept = [row for row in facts.kept().to_dicts() if row["owed"] or row["reported"]]
    heads = [Column(say(f"review.{name}", language), "left") for name in ("sender", "table")]
    heads += [Column(say(f"quality.{name}", language)) for name in QUALITY]
    form = wording.FULL_WIDTH if language == "zh" else {}
    rows = []
    for row in kept:
        named = [Cell((row[f"name_{language}"] or "").translate(form)), Cell(_table_name(row["table_name"], language))]
        rows.append([*named, *(cells.count(row[column], language) for column in QUALITY)])
    sums = {name: sum(row[name] or 0 for row in kept) for name in QUALITY if any(row[name] is not None for row in kept)}
    is_part = any(row["late"] is None for row in kept)
    return _table(plan, language, heads, rows, *([say("review.note_whole", language)] if is_part else [])), sums


def refusals(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """Why rows were refused or warned of: reason, export, what was done, rows."""
    heads = [Column(say(f"books.{name}", language), "left") for name in ("reason", "export")]
    heads += [Column(say("books.treatment", language), "centre"), Column(say("review.rows", language))]
    rows = [
        [
            Cell(wording.capital(spoken(reason, language))),
            Cell(_table_name(table, language)),
            Cell(say(f"books.{severity}", language)),
            cells.count(count, language),
        ]
        for reason, table, severity, count in facts.refused()
    ]
    return _table(plan, language, heads, rows)


def unreported(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    heads = [
        Column(say("area", language), "left"),
        Column(say("review.table", language), "left"),
        Column(say("review.months_owed", language)),
        Column(say("review.months_reported", language)),
    ]
    rows = [
        [
            Cell(spoken(place.name, language)),
            Cell(_table_name(table, language)),
            cells.count(owed, language),
            cells.count(done, language),
        ]
        for place, table, owed, done in facts.unreported()
    ]
    return _table(plan, language, heads, rows)


def zero_lines(facts: Facts) -> tuple[Card, ...]:
    """The cards of what should not occur that have a value here and now."""
    lines = (card for card in facts.cards.values() if card.is_zero_line)
    return tuple(card for card in lines if (row := facts.total(card.id)) is not None and row.value is not None)


def occurrences(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    last = facts.occurrences()
    heads = [
        Column(say("review.item", language), "left"),
        Column(say("review.unit", language), "centre"),
        Column(say("review.occurred", language)),
        Column(say("review.year_before", language)),
        Column(say("review.last_occurred", language), "centre"),
        Column(say("review.months_since", language)),
    ]
    rows = []
    for card in zero_lines(facts):
        month, ago = last.get(card.id, (None, None))
        when = wording.month_name(month, language) if month else say("review.never", language)
        figure = facts.total(card.id)
        rows.append(
            [
                _label(card, language),
                cells.unit(card, language),
                cells.value(figure, card, language),
                cells.year_before(figure, facts.total(card.id, facts.year_before), card, language),
                Cell(when if card.id in last else say("review.none", language)),
                cells.count(ago, language),
            ]
        )
    note = sentences.formed_by(facts, zero_lines(facts), language)
    return _table(plan, language, heads, rows, *([note] if note else []))


def reported(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """Every indicator that has a monthly form beside what was counted from cases of the same area.

    Of a city that of each of its districts with forms: the city's own count has those without.
    """
    places = sentences.reporting(facts) or [facts.place]
    is_own = places == [facts.place]
    heads = [
        *([] if is_own else [Column(say("area", language), "left")]),
        Column(say("review.indicator", language), "left"),
        Column(say("review.unit", language), "centre"),
        Column(say("review.counted", language)),
        Column(say("review.reported", language)),
    ]
    rows = []
    for place in places:
        for card in facts.cards.values():
            figure = facts.total(card.id + REPORTED, area=place.code)
            if figure is None or figure.value is None:
                continue
            rows.append(
                [
                    *([] if is_own else [Cell(spoken(place.name, language))]),
                    _label(card, language),
                    cells.unit(card, language),
                    cells.value(facts.total(card.id, area=place.code), card, language),
                    cells.value(figure, card, language),
                ]
            )
    return _table(plan, language, heads, rows)


def differences(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """What explains the difference between the forms and the case rows of the areas that hand both in."""
    heads = [Column(say("review.item", language), "left")]
    heads += [Column(say(f"review.{name}", language)) for name in ACCOUNT]
    known = [row for row in facts.reconciled() if row["measure"] in facts.measures]
    rows = [
        [
            Cell(spoken(facts.measures[row["measure"]][0], language)),
            *(cells.count(row[column], language) for column in ACCOUNT.values()),
        ]
        for row in known
    ]
    notes = [_uncounted(facts, row["measure"], language) for row in known if row["counted"] is None]
    return _table(plan, language, heads, rows, say("review.note_account", language), *filter(None, notes))


def _uncounted(facts: Facts, measure: str, language: Language) -> str:
    """Why no case rows count what the form reports."""
    why = catalogue.measures()[measure].uncounted if measure in catalogue.measures() else None
    label = spoken(facts.measures[measure][0], language)
    return "" if why is None else say("books.uncounted", language, label=label, why=spoken(why, language))


def changes(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    heads = [
        Column(say("review.indicator", language), "left"),
        Column(say("review.before", language)),
        Column(say("review.after", language)),
        Column(say("review.reason", language), "left"),
        Column(say("review.against", language), "centre"),
    ]
    rows = []
    for row in facts.changes() or ():
        card = facts.cards.get(row["indicator"])
        if card is None:
            continue
        rows.append(
            [
                _label(card, language),
                _kept(row["value_before"], card, language),
                _kept(row["value_after"], card, language),
                Cell(_reason(row["reason"], facts, language)),
                Cell(row["against"]),
            ]
        )
    return _table(plan, language, heads, rows)


def _kept(value: float | None, card: Card, language: Language) -> Cell:
    return cells.marker((), language) if value is None else cells.quantity(value, card, language)


def _reason(codes: str, facts: Facts, language: Language) -> str:
    """Why a cell changed, in the words that the release itself has for its codes."""
    known = facts.release.metadata.get("reasons", {})
    return wording.listed([known[code][language] if code in known else code for code in codes.split(",")], language)


def published(facts: Facts, plan: TablePlan, language: Language, given: Published) -> tuple[Table | None, int]:
    """What others published of this area or one in it, beside ours: only what a card counts, of periods that concern us.

    A source and an area that all rows share are told once, below. And how many more figures there are of periods that
    the data do not reach.
    """
    near = [row for row in given if facts.concerns(row["period"])]
    known = [(row, facts.cards.get(row["indicator"] or ""), facts.places.get(row["area_code"])) for row in near]
    all_told = [
        (row, card, place) for row, card, place in known if card and place and row["verdict"] != "not_published"
    ]
    told = [(row, card, place) for row, card, place in all_told if row["value"] is not None]
    sources = {wording.source_of(row, language) for row, *_ in told}
    places = {place for *_, place in told}
    is_by_one, is_of_one = len(sources) == 1, len(places) == 1
    heads = [
        *([] if is_by_one else [Column(say("review.published_by", language), "left")]),
        *([] if is_of_one else [Column(say("area", language), "left")]),
        Column(say("review.period", language), "left"),
        Column(say("review.indicator", language), "left"),
        Column(say("review.published", language)),
        Column(say("review.ours", language)),
        Column(say("review.verdict", language), "centre"),
        Column(say("review.why", language), "left"),
    ]
    rows = []
    for row, card, place in told:
        ours = cells.quantity(row["value"], card, language)
        rows.append(
            [
                *([] if is_by_one else [Cell(wording.source_of(row, language))]),
                *([] if is_of_one else [Cell(spoken(place.name, language))]),
                Cell(wording.period_name(row["period"], language) if row["period"] else say("review.none", language)),
                Cell(_published_label(facts, card, row, language)),
                Cell(row["value_text"] if language == "zh" else _bounds(row["low"], row["high"])),
                ours,
                Cell(say(f"compared.{row['verdict']}", language)),
                Cell(row[f"reason_{language}"] or say("review.none", language)),
            ]
        )
    notes = [say("review.all_by", language, name=name) for name in sources] if is_by_one else []
    inner = places - {facts.place} if is_of_one else ()
    notes += [say("review.all_of", language, area=spoken(place.name, language)) for place in inner]
    return _table(plan, language, heads, rows, *notes), len(all_told) - len(told)


def _published_label(facts: Facts, card: Card, row: Mapping[str, Any], language: Language) -> str:
    words = facts.category_words.get(row["breakdown"] or "", {})
    parts = [spoken(words[name], language) for name in (row["category"] or "").split("|") if name in words]
    return wording.joined((wording.label(card, language), wording.listed(parts, language)), language)


def _bounds(low: float | None, high: float | None) -> str:
    """What a published text says as bounds: 99.5% and more is 99.5–100."""
    said = [f"{bound:,g}" if abs(bound) < 1e6 else f"{bound:,.0f}" for bound in (low, high) if bound is not None]
    if low is not None and high is None:
        return f"≥ {said[0]}"
    if high is not None and low is None:
        return f"≤ {said[0]}"
    return "–".join(dict.fromkeys(said))


def methods(facts: Facts, plan: TablePlan, language: Language, names: Iterable[str]) -> Table | None:
    """Definition, calculation and legal basis of every indicator that the review shows."""
    heads = [
        Column(say("review.indicator", language), "left"),
        Column(say("review.definition", language), "left"),
        Column(say("review.method", language), "left"),
        Column(say("review.basis", language), "left"),
    ]
    cards = (facts.cards[name] for name in names if name in facts.cards)
    rows = [
        [
            _label(card, language),
            Cell(spoken(card.definition, language)),
            Cell(_method(facts, card, language)),
            Cell(_basis(card, language)),
        ]
        for card in cards
    ]
    return _table(plan, language, heads, rows)


def _method(facts: Facts, card: Card, language: Language) -> str:
    text = _divided(facts, card, language)
    unit = say("review.unit", language) + wording.colon(language) + cells.unit(card, language).text
    basis = wording.in_text(say(f"basis.{card.basis}", language), language)
    parts = [text, basis, wording.in_text(unit, language), _decimals(card, language)]
    if card.matures_after is not None:
        parts.append(say("review.matures", language, days=card.matures_after))
    return _sentence(parts, language)


def _divided(facts: Facts, card: Card, language: Language) -> str:
    """What is counted, and what it is divided by; a share is a part of the very measure that it is divided by."""
    parts = {
        key: spoken(facts.measures[name][0], language)
        for key, name in (
            ("numerator", card.numerator),
            ("denominator", card.denominator),
            ("added", card.denominator_with),
        )
        if name is not None
    }
    if "added" in parts:
        return say("review.fraction_of_sum", language, **parts)
    if card.kind == "share" and card.numerator == card.denominator:
        return say("review.fraction_of_each", language, numerator=parts["numerator"])
    return say("review.fraction", language, **parts) if "denominator" in parts else parts["numerator"]


def _decimals(card: Card, language: Language) -> str:
    if not card.decimals:
        return say("review.whole_numbers", language)
    return say("review.decimals", language, decimals=card.decimals)


def _sentence(parts: Sequence[str], language: Language) -> str:
    return ("；" if language == "zh" else "; ").join(parts) + say("sentence.end", language)


def _basis(card: Card, language: Language) -> str:
    return wording.listed(wording.laws(card, language), language) or say("review.no_law", language)
