"""Tables of figures: indicators beside the year before, months, categories, areas, the register's identity, five years.

A table that would hold no figure is None, and its section says why.
"""

from collections.abc import Iterable, Sequence

from dashboards import drawing, wording
from dashboards.review import cells, sentences
from dashboards.review.document import Cell, Chart, Column, Series, Table
from dashboards.review.facts import YEARS, Facts, Place, Standing, is_coarser
from dashboards.review.plan import TablePlan
from dashboards.wording import Figure, Language, say, spoken
from pipelines import catalogue
from pipelines.catalogue import Card, Words

BARS = 12
WHOLE = 100
FEWEST_DRAWN = 5  # below it a line jumps between nought and one and shows nothing
LAST = ("other", "not_stated")
PROVISIONAL = "p"

Counted = tuple[Words, Figure | None, Figure | None]
Filled = tuple[Column, Sequence[Cell]]


def known_cards(facts: Facts, names: Iterable[str]) -> tuple[Card, ...]:
    return tuple(facts.cards[name] for name in names if name in facts.cards)


def _heads(keys: Sequence[str], language: Language) -> list[Column]:
    return [Column(say(f"review.{key}", language)) for key in keys]


def _assembled(
    plan: TablePlan, filled: Sequence[Filled], language: Language, notes: Sequence[str] = ()
) -> Table | None:
    """A table from its columns; those in which no cell says anything are left out, the first two never."""
    empty = ("", say("review.none", language))
    shown = [pair for place, pair in enumerate(filled) if place < 2 or any(cell.text not in empty for cell in pair[1])]
    rows = tuple(zip(*(column for _, column in shown), strict=True))
    if not rows:
        return None
    return Table(
        plan.id, spoken(plan.title, language), tuple(head for head, _ in shown), rows, tuple(filter(None, notes))
    )


def _shown(facts: Facts, plan: TablePlan) -> tuple[tuple[Card, ...], tuple[Card, ...], tuple[Card, ...]]:
    """The cards of a table: with a row in the release, of longer periods only, and not reported."""
    cards = known_cards(facts, plan.indicators)
    fitting = tuple(card for card in cards if _is_counted_at(card, facts))
    coarse = tuple(card for card in fitting if is_coarser(card, facts.kind))
    present = tuple(card for card in cards if card not in coarse and facts.total(card.id) is not None)
    return present, coarse, tuple(card for card in fitting if card not in present and card not in coarse)


def _is_counted_at(card: Card, facts: Facts) -> bool:
    levels = ("township", "district", "city", "province")
    lowest = card.lowest_level or facts.lowest_level(card.numerator)
    return levels.index(facts.place.level) >= levels.index(lowest)


def figures(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """A row an indicator: this period, the year before, the change, the cumulative figure, the city, the target."""
    known, coarse, silent = _shown(facts, plan)
    present = tuple(card for card in known if not _is_nought(facts, card))
    rows = [facts.total(card.id) for card in present]
    if not any(row and row.value is not None for row in rows):
        return None
    pairs = [(row, facts.total(card.id, facts.year_before), card) for row, card in zip(rows, present, strict=True)]
    filled: list[Filled] = [
        (
            Column(say("review.indicator", language), "left"),
            [Cell(wording.label(card, language)) for card in present],
        ),
        (Column(say("review.unit", language), "centre"), [cells.unit(card, language) for card in present]),
        *_compared(pairs, language),
        *_cumulative(facts, present, language),
        *(_last_quarter(facts, present, language) if plan.is_headline else ()),
        *_beside(facts, present, language),
        *(_to_targets(facts, present, language) if plan.is_headline else ()),
        (Column(say("review.remark", language), "centre"), [cells.remark(row, language) for row in rows]),
    ]
    labels = {"coarser": coarse, "silent": silent, "nought": tuple(card for card in known if card not in present)}
    notes = [_said_of(key, found, language) for key, found in labels.items()]
    notes += [_beyond(card, row, language) for card, row in zip(present, rows, strict=True)]
    notes += [say("review.note_few", language)] if any(_is_withheld(row, card) for row, _, card in pairs) else []
    notes += [_targets(facts, present, language)] if plan.is_headline else []
    notes += [sentences.reported_by(facts, present, language), sentences.formed_by(facts, present, language)]
    return _assembled(plan, filled, language, notes)


def _is_withheld(row: Figure | None, card: Card) -> bool:
    """Whether a percentage of few cases has another value than the year before, and the change is not printed."""
    return row is not None and wording.direction(row, card) in ("up", "down") and cells.is_of_few(row, card)


def nought(facts: Facts, plan: TablePlan, language: Language) -> str:
    """What is nought now and was nought the year before, in a sentence; empty where nothing is."""
    known, _, _ = _shown(facts, plan)
    return _said_of("nought", tuple(card for card in known if _is_nought(facts, card)), language)


def _beyond(card: Card, row: Figure | None, language: Language) -> str:
    """Why a percentage passes 100, which a reader takes for a mistake unless told; empty where none does."""
    values = (row.value, row.value_year_before) if row and card.unit == "percent" else ()
    if card.caution is None or all(value is None or value <= WHOLE for value in values):
        return ""
    return say("review.beyond", language, label=wording.label(card, language), caution=spoken(card.caution, language))


def _said_of(key: str, cards: Sequence[Card], language: Language) -> str:
    labels = wording.listed((wording.label(card, language) for card in cards), language)
    return say(f"review.{key}", language, labels=labels) if cards else ""


def _is_nought(facts: Facts, card: Card) -> bool:
    """Whether a count is nought in this period, in the same of the year before, and since January."""
    now, whole = facts.total(card.id), facts.total(card.id, facts.year_to_date) if facts.year_to_date else None
    if now is None or not sentences.is_counted(card) or (whole is not None and whole.value):
        return False
    return now.value == 0 and now.value_year_before == 0


def _compared(
    rows: Sequence[tuple[Figure | None, Figure | None, Card]], language: Language, whole: Figure | None = None
) -> list[Filled]:
    """Each figure and that of the year before, side by side.

    `rows`: the figure, its row a year before, its card. `whole`: of categories, their total; where that is known of the
    year before, no category was left unreported then, and one without a row has nothing to be compared with.
    """
    is_whole = whole is not None and whole.value_year_before is not None
    before = [
        cells.none(language)
        if is_whole and (row is None or row.value_year_before is None)
        else cells.year_before(row, earlier, card, language)
        for row, earlier, card in rows
    ]
    columns = {
        "this_period": [cells.value(row, card, language) for row, _, card in rows],
        "year_before": before,
        "difference": [cells.difference(row, card, language) for row, _, card in rows],
        "growth": [cells.growth(row, card, language) for row, _, card in rows],
    }
    return [(Column(say(f"review.{key}", language)), column) for key, column in columns.items()]


def _cumulative(facts: Facts, present: Sequence[Card], language: Language) -> list[Filled]:
    """January to the end of the period, where it does not begin in January itself; stocks have none."""
    period = facts.year_to_date
    if period is None:
        return []
    span = wording.short_span(period, language, abbreviated=True)
    rows = [None if card.kind == "stock" else facts.total(card.id, period) for card in present]
    values, changes = [], []
    for row, card in zip(rows, present, strict=True):
        values.append(cells.none(language) if row is None else cells.value(row, card, language))
        changes.append(cells.none(language) if row is None else cells.difference(row, card, language))
    return [
        (Column(say("review.cumulative", language, period=span)), values),
        (Column(say("review.cumulative_difference", language, period=span)), changes),
    ]


def _last_quarter(facts: Facts, present: Sequence[Card], language: Language) -> list[Filled]:
    """The last quarter of a year or half-year; of a stock it would be the same figure again."""
    period = facts.last_quarter
    if period is None:
        return []
    rows = [
        None if card.kind == "stock" or is_coarser(card, "quarter") else facts.total(card.id, period)
        for card in present
    ]
    column = [
        cells.none(language) if row is None else cells.value(row, card, language)
        for row, card in zip(rows, present, strict=True)
    ]
    return [(Column(say("review.last_quarter", language, number=period[-1])), column)]


def _to_targets(facts: Facts, present: Sequence[Card], language: Language) -> list[Filled]:
    """The distance to the target in cases, of the indicators that have one."""
    found = [facts.standing(card.id) for card in present]
    column = [cells.distance(standing.cases_to_target if standing else None, language) for standing in found]
    return [(Column(say("review.to_target", language)), column)]


def _targets(facts: Facts, present: Sequence[Card], language: Language) -> str:
    """The targets themselves, in a note."""
    found = [
        (card, standing) for card in present if (standing := facts.standing(card.id)) and standing.target is not None
    ]
    said = [
        say(
            f"review.{of.target_direction}",
            language,
            label=wording.label(card, language),
            target=_target(of, card, language),
        )
        for card, of in found
    ]
    return say("review.targets", language, targets=wording.listed(said, language)) if said else ""


def _target(standing: Standing, card: Card, language: Language) -> str:
    return wording.short_value(standing.target or 0, card, language)


def _beside(facts: Facts, present: Sequence[Card], language: Language) -> list[Filled]:
    """The same figure of the city, or of a town's district; for rates and durations only, where it can be compared.

    None where the city's is made of this area's cases alone, as of a form that no other district hands in.
    """
    if facts.parent is None:
        return []
    key = "whole_city" if facts.parent.level == "city" else "whole_district"
    column = []
    for card in present:
        row = facts.total(card.id, area=facts.parent.code) if _is_comparable(card) else None
        is_own = wording.is_of_the_same(row, facts.total(card.id))
        column.append(cells.none(language) if row is None or is_own else cells.value(row, card, language))
    return [(Column(say(f"review.{key}", language)), column)]


def _is_comparable(card: Card) -> bool:
    return card.kind == "ratio" or card.is_quantile


def standing(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """What has a place among the districts of its city: value, city, difference, rank."""
    found = [(card, facts.standing(card.id)) for card in known_cards(facts, plan.indicators)]
    rows = [(card, standing) for card, standing in found if standing and standing.rank]
    filled: list[Filled] = [
        (
            Column(say("review.indicator", language), "left"),
            [Cell(wording.label(card, language)) for card, _ in rows],
        ),
        (Column(say("review.unit", language), "centre"), [cells.unit(card, language) for card, _ in rows]),
    ]
    columns: dict[str, list[Cell]] = {
        "this_period": [cells.value(facts.total(card.id), card, language) for card, _ in rows],
        "whole_city": [cells.bare(of.city_value, card, language) for card, of in rows],
        "to_city": [cells.apart(of.difference_to_city, card, language) for card, of in rows],
        "rank": [cells.rank(of.rank, of.ranked_units, language) for _, of in rows],
    }
    filled += [(Column(say(f"review.{key}", language)), column) for key, column in columns.items()]
    return _assembled(plan, filled, language)


def months(facts: Facts, plan: TablePlan, language: Language) -> tuple[Table | None, Chart | None]:
    """A row a month from January on, and what they come to; the first indicator drawn over the year before."""
    cards = [card for card in known_cards(facts, plan.indicators) if not is_coarser(card, "month")]
    cards = [card for card in cards if any(facts.total(card.id, month) for month in facts.months)]
    if not cards:
        return None, None
    whole = facts.year_to_date or facts.period
    names = [_month_label(month, language) for month in facts.months]
    names += [wording.short_span(f"{facts.months[0]}..{facts.months[-1]}", language, abbreviated=True)] * (
        len(names) > 1
    )
    periods = [*facts.months, *([whole] if len(facts.months) > 1 else [])]
    filled: list[Filled] = [(Column(say("month", language), "left"), [Cell(name) for name in names])]
    for card in cards:
        column = [cells.value(facts.total(card.id, period), card, language) for period in periods]
        filled.append((Column(_headed(card, language)), column))
    notes = [say("review.note_month", language)] if any(card.kind == "stock" for card in cards) else []
    table = _assembled(plan, filled, language, notes)
    return table, _trend(facts, cards[0], plan, language) if plan.chart and len(facts.months) > 1 else None


def _month_label(month: str, language: Language) -> str:
    number = wording.month_of(month)[1]
    return f"{number}月" if language == "zh" else wording.MONTHS[number - 1][:3]


def _headed(card: Card, language: Language) -> str:
    return wording.headed(wording.label(card, language), card.unit, language)


def _trend(facts: Facts, card: Card, plan: TablePlan, language: Language) -> Chart | None:
    points = [facts.total(card.id, month) for month in facts.months]
    now = tuple(point.value if point else None for point in points)
    before = tuple(point.value_year_before if point else None for point in points)
    if max((value for value in (*now, *before) if value is not None), default=0) < FEWEST_DRAWN:
        return None
    area, unit = spoken(facts.place.name, language), catalogue.units()[card.unit][f"symbol_{language}"]
    span = wording.span_name(facts.months[0], facts.months[-1], language)
    title = wording.joined((wording.label(card, language), area, span), language)
    alt = wording.series_finding(card, area, facts.months, points, language)
    labels = tuple(_month_label(month, language) for month in facts.months)
    names = (say("this_month", language), say("year_before", language))
    shown = [[None if value is None else wording.rounded(value, card.decimals) for value in of] for of in (now, before)]
    ticks = drawing.ticks([value for of in shown for value in of], from_nought=True, whole=True)
    axis = drawing.Axis(ticks, tuple(f"{tick:,f}" for tick in ticks))
    svg = drawing.lines(list(zip(names, shown, strict=True)), axis, labels, unit, title, alt)
    series = (Series(names[0], now), Series(names[1], before))
    return Chart(f"{plan.id}_chart", title, alt, "lines", unit, labels, series, svg)


def counted(facts: Facts, plan: TablePlan) -> tuple[Card, Card | None, tuple[Counted, ...]] | None:
    """The categories of a table: their words, count and share, largest first, what is not sorted in at the end.

    Those that have no case now and had none the year before are left out. None where the release has none. The card
    is that of the count, or of the share where only that has the breakdown.
    """
    share = facts.cards.get(plan.share or "")
    card = next(iter(known_cards(facts, plan.indicators)), None)
    breakdown = plan.by or ""
    parts = {row.category: row for row in facts.categories(share.id, breakdown)} if share else {}
    counts = {row.category: row for row in facts.categories(card.id, breakdown)} if card else {}
    words = facts.category_words.get(breakdown, {})
    named = [(words[name], counts.get(name), parts.get(name)) for name in words if name in counts or name in parts]
    of = [row for row in named if _size(row) or (row[1] is not None and row[1].value_year_before)]
    if not of or (card or share) is None:
        return None
    ordered = sorted(of, key=lambda row: (_category(row) in LAST, -_size(row)))
    return card or share, share, tuple(ordered)  # type: ignore[return-value]


def _category(row: Counted) -> str:
    return next(part.category for part in row[1:] if part is not None)


def _size(row: Counted) -> float:
    """What the category counts: its count, or the numerator of its share."""
    if row[1] is not None:
        return row[1].value or 0.0
    return float(row[2].numerator or 0) if row[2] is not None else 0.0


def categories(facts: Facts, plan: TablePlan, language: Language) -> tuple[Table | None, Chart | None]:
    """A row a category: its count, the year before, the change, its share.

    What is judged at the data's cutoff and has not had its time yet is not held against the year before.
    """
    found = counted(facts, plan)
    if found is None:
        return None, None
    card, share, rows = found
    name = say(f"breakdowns.{plan.by}", language)
    filled: list[Filled] = [(Column(name, "left"), [Cell(spoken(words, language)) for words, _, _ in rows])]
    is_early = any(part is not None and PROVISIONAL in part.status for *_, part in rows)
    if is_early:
        rows = tuple(row for row in rows if _size(row))
        filled = [(Column(name, "left"), [Cell(spoken(words, language)) for words, _, _ in rows])]
    elif any(row for _, row, _ in rows):
        this_period, *others = _compared([(row, None, card) for _, row, _ in rows], language, facts.total(card.id))
        filled += [(Column(_headed_unit(card, language)), this_period[1]), *others]
    if share is not None and len(filled) == 1:
        words, unit = facts.measures[share.numerator]
        head = wording.headed(spoken(words, language), unit, language)
        filled.append((Column(head), [cells.count(_numerator(part), language) for *_, part in rows]))
    if share is not None:
        column = [cells.none(language) if part is None else cells.value(part, share, language) for *_, part in rows]
        filled.append((Column(say("review.share", language)), column))
    is_drawn = plan.chart and len(rows) > 1 and _size(rows[0]) >= FEWEST_DRAWN
    chart = _bars(facts, card, plan, rows, language) if is_drawn else None
    return _assembled(plan, filled, language), chart


def _numerator(figure: Figure | None) -> int | None:
    return figure.numerator if figure else None


def _bars(facts: Facts, card: Card, plan: TablePlan, rows: Sequence[Counted], language: Language) -> Chart:
    known = [row for row in rows if _size(row)]
    shown = known[:BARS]
    labels = tuple(spoken(words, language) for words, _, _ in shown)
    values = tuple(_size(row) for row in shown)
    texts = [wording.number(value, 0, language, exact=True) for value in values]
    area, period = spoken(facts.place.name, language), wording.period_name(facts.period, language)
    title = wording.joined((spoken(plan.title, language), area, period), language)
    title += say("review.first", language, count=BARS) if len(known) > BARS else ""
    alt = title + wording.colon(language) + wording.listed(map(" ".join, zip(labels, texts, strict=True)), language)
    unit = catalogue.units()[card.unit][f"symbol_{language}"]
    sizes = [wording.rounded(value, 0) for value in values]
    svg = drawing.bars(list(zip(labels, sizes, texts, strict=True)), unit, title, alt)
    return Chart(
        f"{plan.id}_chart", title, alt, "bars", unit, labels, (Series(wording.label(card, language), values),), svg
    )


def areas(facts: Facts, plan: TablePlan, language: Language) -> tuple[Table | None, int, int]:
    """A row an area directly below in which anything was counted, with the whole first.

    And how many are left out because all is nought there, and because nobody reports for them.
    """
    cards = [card for card in known_cards(facts, plan.indicators) if not is_coarser(card, facts.kind)]
    below = [place for place in facts.children if _has_any(facts, place, cards)]
    others = [place for place in facts.children if place not in below and not place.is_not_assigned]
    nought = sum(any(_is_known(facts.total(card.id, area=place.code)) for card in cards) for place in others)
    silent = len(others) - nought
    if not cards or (facts.children and not below):
        return None, nought, silent
    places = [facts.place, *below]
    names = [Cell(say("review.total", language)), *(Cell(spoken(place.name, language)) for place in below)]
    filled: list[Filled] = [(Column(say("area", language), "left"), names)]
    for card in cards:
        column = [cells.value(facts.total(card.id, area=place.code), card, language) for place in places]
        filled.append((Column(_headed(card, language)), column))
    titled = plan.model_copy(update={"title": _titled(plan.title, below[0].level if below else facts.place.level)})
    return _assembled(titled, filled, language), nought, silent


def _titled(title: Words, level: str) -> Words:
    """The title with the level of the areas in its gap."""
    each = wording.lexicon().review[f"each_{level}"]
    return Words(zh=title.zh.format(each=each.zh), en=title.en.format(each=each.en))


def _has_any(facts: Facts, place: Place, cards: Sequence[Card]) -> bool:
    rows = (facts.total(card.id, area=place.code) for card in cards)
    return any(row is not None and row.value for row in rows)


def identity(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """A register as stock and flow: at first, what came, what went, at last. The stock's period before is its opening."""
    stock, *arrivals = known_cards(facts, plan.indicators)
    now = facts.total(stock.id)
    if now is None or now.value is None:
        return None
    rows = [(say("review.at_first", language), _opening(now, stock, language))]
    flows = [("plus", card) for card in arrivals] + [("minus", card) for card in known_cards(facts, plan.minus)]
    for sign, card in flows:
        label = say(f"review.{sign}", language, label=wording.label_in_text(card, language))
        rows.append((label, cells.value(facts.total(card.id), card, language)))
    rows.append((say("review.at_last", language), cells.value(now, stock, language)))
    filled: list[Filled] = [
        (Column(say("review.item", language), "left"), [Cell(label) for label, _ in rows]),
        (Column(_headed_unit(stock, language)), [cell for _, cell in rows]),
    ]
    return _assembled(plan, filled, language)


def _opening(now: Figure, stock: Card, language: Language) -> Cell:
    before = now.value_period_before
    return cells.marker((), language) if before is None else cells.quantity(before, stock, language)


def _headed_unit(card: Card, language: Language) -> str:
    return wording.headed(say("review.this_period", language), card.unit, language)


def years(facts: Facts, plan: TablePlan, language: Language) -> Table | None:
    """A row an indicator, a column a year; years in which nothing at all is known are left out."""
    cards = [card for card in known_cards(facts, plan.indicators)]
    known = [year for year in facts.years if any(_is_known(facts.total(card.id, year)) for card in cards)]
    cards = [card for card in cards if any(_is_known(facts.total(card.id, year)) for year in known)]
    if not cards:
        return None
    filled: list[Filled] = [
        (
            Column(say("review.indicator", language), "left"),
            [Cell(wording.label(card, language)) for card in cards],
        ),
        (Column(say("review.unit", language), "centre"), [cells.unit(card, language) for card in cards]),
    ]
    for year in known:
        column = [cells.value(facts.total(card.id, year), card, language) for card in cards]
        filled.append((Column(wording.period_name(year, language)), column))
    first = wording.period_name(known[0], language)
    notes = [say("review.years_from", language, year=first)] if len(known) < YEARS else []
    notes += [_early(facts, cards, known, language)]
    return _assembled(plan, filled, language, notes)


def _early(facts: Facts, cards: Sequence[Card], known: Sequence[str], language: Language) -> str:
    """Which figures are provisional, and of which years; empty where none is."""
    found = []
    for card in cards:
        rows = [(year, facts.total(card.id, year)) for year in known]
        early = [year for year, row in rows if row is not None and row.value is not None and PROVISIONAL in row.status]
        names = ("、" if language == "zh" else ", ").join(wording.period_name(year, language) for year in early)
        if early:
            found.append(say("review.of_years", language, label=wording.label(card, language), years=names))
    return say("review.note_years", language, labels=wording.listed(found, language)) if found else ""


def _is_known(figure: Figure | None) -> bool:
    return figure is not None and figure.value is not None
