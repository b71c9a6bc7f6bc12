"""Any indicator for any area, areas below or beside it, period and breakdown: as a chart or a table."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dashboards import charts, markup, rows, wording
from dashboards.charts import Series
from dashboards.markup import text
from dashboards.rows import NOT_ASSIGNED, Place, by_key, figures
from dashboards.sections import Chart, Content, Rows, breakdowns, comparing, drawing, opening
from dashboards.selection import Option, Subject
from dashboards.wording import Language, ending_with, say, spoken, year_to_date
from pipelines.catalogue import Card

MOST_LINES = 7  # as many as there are colours


def indicator_names(subject: Subject) -> Mapping[str, str]:
    """All indicators, each with its system."""
    language = subject.language
    return {
        card.id: wording.joined((say(f"systems.{card.system}", language), wording.label(card, language)), language)
        for card in rows.ordered_cards(subject.source)
    }


def _area_sets(subject: Subject) -> Mapping[str, str]:
    below = "towns" if subject.place.level == "district" else "districts"
    beside = {"beside": say("explorer.beside", subject.language)} if subject.place.level == "district" else {}
    own = {"own": say("explorer.own", subject.language), "below": say(f"explorer.{below}", subject.language)}
    return own | beside


def _spans(subject: Subject) -> Mapping[str, str]:
    """The ways to ask for periods, the first that has figures before the others: a public edition says much by year only."""
    names = _all_spans(subject)
    first = next((name for name in names if _has_figures(subject, name)), None)
    return {first: names[first]} | names if first else names


def _all_spans(subject: Subject) -> Mapping[str, str]:
    finest = card_of(subject).finest_period
    known = ("month", "quarter", "year")
    coarser = known[known.index(finest) :]
    over_time = {f"by_{kind}": say(f"explorer.by_{kind}", subject.language) for kind in coarser}
    single = ["to_date"] if finest == "month" else []
    return over_time | {name: say(f"explorer.{name}", subject.language) for name in (*single, "ending")}


def _breakdown_names(subject: Subject) -> Mapping[str, str]:
    card = card_of(subject)
    total = {} if card.kind == "share" else {"total": say("explorer.total", subject.language)}
    return total | {name: say(f"breakdowns.{name}", subject.language) for name in card.breakdowns}


def _forms(subject: Subject) -> Mapping[str, str]:
    return {form: say(f"explorer.{form}", subject.language) for form in ("chart", "table")}


OPTIONS = (
    Option("indicator", "indicator", indicator_names, opening.ACCEPTED),
    Option("areas", "explorer.areas", _area_sets),
    Option("by", "explorer.by", _breakdown_names),
    Option("span", "explorer.span", _spans),
    Option("form", "explorer.form", _forms),
)


def card_of(subject: Subject) -> Card:
    return rows.cards(subject.source)[subject.options["indicator"]]


class Line(NamedTuple):
    """One line of the answer: an area or a category, and its figures by period."""

    name: str
    figures: Sequence[wording.Figure | None]
    is_chosen: bool


def sentence(subject: Subject) -> Content:
    """The indicator in the last of the periods asked for; of a share, what it is."""
    card = card_of(subject)
    if card.kind == "share":
        return opening.definition(subject)
    return opening.one_figure(subject, card.id, _periods(subject, subject.options["span"])[-1])


def answer(subject: Subject) -> Content:
    """The figures asked for."""
    card, periods, breakdown = card_of(subject), _periods(subject, subject.options["span"]), subject.options["by"]
    areas = _asked_areas(subject)
    codes = [area.code for area in areas]
    shown = figures(subject.source, (card.id,), codes, periods, breakdown)
    yield text("h2", say("explorer.answer", subject.language))
    if not any(row.value is not None for row in shown):
        yield text("p", _nothing(subject), class_="finding")
    elif len(periods) > 1:
        yield _over_time(subject, card, periods, _lines(subject, shown, areas, periods), codes)
    elif breakdown == "total":
        yield _side_by_side(subject, card, areas, shown, periods[0])
    else:
        table, _ = breakdowns.categories(subject, card.id, breakdown, periods[0])
        yield table
    return shown


def _nothing(subject: Subject) -> str:
    """That there are no figures for these periods, and for which there are."""
    language = subject.language
    held = [name for span, name in _all_spans(subject).items() if _has_figures(subject, span)]
    if not held:
        return say("explorer.nothing", language)
    return say("explorer.nothing_but", language, spans=wording.listed(held, language))


def _has_figures(subject: Subject, span: str) -> bool:
    codes = [area.code for area in _asked_areas(subject)]
    asked = (card_of(subject).id,), codes, _periods(subject, span), subject.options["by"]
    return any(row.value is not None for row in figures(subject.source, *asked))


def _periods(subject: Subject, span: str) -> Sequence[str]:
    month = subject.month
    if span.startswith("by_"):
        return rows.series(subject.source, span.removeprefix("by_"), month) or (month,)
    is_of_towns = subject.options["areas"] == "below" and subject.place.level == "district"
    return (ending_with(month),) if span == "ending" or is_of_towns else (year_to_date(month),)


def _asked_areas(subject: Subject) -> Sequence[Place]:
    """A breakdown is of one area."""
    return (subject.place,) if subject.options["by"] != "total" else _areas(subject)


def _areas(subject: Subject) -> Sequence[Place]:
    chosen, place = subject.options["areas"], subject.place
    parent = place.code if chosen == "below" else place.parent
    others = rows.children(subject.source, parent) if chosen != "own" else ()
    return (place, *(area for area in others if area.code != place.code and not area.code.endswith(NOT_ASSIGNED)))


def _lines(subject: Subject, shown: Rows, areas: Sequence[Place], periods: Sequence[str]) -> Sequence[Line]:
    """A line an area, or a line a category where the answer is broken down."""
    language, breakdown = subject.language, subject.options["by"]
    if breakdown == "total":
        found = by_key(shown)
        indicator = subject.options["indicator"]
        named = ((spoken(area.name, language), area.code) for area in areas)
        lines = [
            Line(name, [found.get((indicator, code, period)) for period in periods], code == subject.place.code)
            for name, code in named
        ]
    else:
        by_category = {(row.category, row.period): row for row in shown}
        labels = rows.categories(subject.source).get(breakdown, {})
        lines = [
            Line(spoken(label, language), [by_category.get((code, period)) for period in periods], False)
            for code, label in labels.items()
        ]
    return [line for line in lines if any(row and row.value is not None for row in line.figures)]


def _over_time(
    subject: Subject, card: Card, periods: Sequence[str], lines: Sequence[Line], codes: Sequence[str]
) -> str | Chart:
    language, breakdown = subject.language, subject.options["by"]
    first = min(place for line in lines for place, row in enumerate(line.figures) if row and row.value is not None)
    periods = periods[first:]
    lines = [line._replace(figures=line.figures[first:]) for line in lines]
    span = wording.periods_name(periods[0], periods[-1], language)
    whom = (subject.name, _others(subject) if breakdown == "total" and len(lines) > 1 else "")
    title = wording.joined((breakdowns.by_name(card, breakdown, language), *whom, span), language)
    head = [say("period_head", language), *(line.name for line in lines)]
    cells = [
        [wording.period_name(period, language)]
        + [wording.shown(line.figures[place], card, language, exact=True) for line in lines]
        for place, period in reversed(list(enumerate(periods)))
    ]
    asked = {"indicator": card.id, "area": ",".join(codes), "period": ",".join(periods), "by": breakdown}
    if subject.options["form"] == "table":
        table = markup.scrolled(markup.table(head, cells, is_matrix=True), title)
        unit = say("unit", language, unit=wording.unit_of_axis(card, language))
        return markup.block(title, table, unit) + drawing.take_away(subject, asked, title)
    is_by_category = breakdown != "total"
    is_sum = _is_sum_of_the_others(subject, card, lines)
    drawn = [
        Series(line.name, [row.value if row else None for row in line.figures], line.is_chosen)
        for line in (_largest(lines) if is_by_category else lines)
        if not (is_sum and line.is_chosen)
    ]
    broken = rows.breaks(subject.source, card.id, subject.place.code)
    chart = charts.several(card, title, periods, drawn, broken, language, is_coloured=is_by_category)
    note = _note(card, subject, is_by_category=is_by_category, is_sum=is_sum, count=len(lines))
    if any(row and row.value is None and row.band for line in lines for row in line.figures):
        note = wording.clauses((note, say("explorer.bands", language)), language)
    return drawing.chart(subject, chart, "explored", note, drawing.data_table(head, cells, title, language), asked)


def _largest(lines: Sequence[Line]) -> Sequence[Line]:
    """As many categories as have a colour, those largest in the last period, in the order of their list."""

    def last(line: Line) -> float:
        row = line.figures[-1]
        return (row.value or 0.0) if row else 0.0

    kept = sorted(lines, key=last, reverse=True)[:MOST_LINES]
    return [line for line in lines if line in kept]


def _others(subject: Subject) -> str:
    """Which areas stand beside the chosen one; empty where none does."""
    chosen = subject.options["areas"]
    return "" if chosen == "own" else wording.in_text(_area_sets(subject)[chosen], subject.language)


def _is_sum_of_the_others(subject: Subject, card: Card, lines: Sequence[Line]) -> bool:
    """Whether the chosen area's count adds up the others: its line would press theirs against the axis."""
    is_count = card.denominator is None and not card.is_quantile
    return is_count and subject.options["areas"] == "below" and len(lines) > 2 and subject.options["by"] == "total"


def _note(card: Card, subject: Subject, *, is_by_category: bool, is_sum: bool, count: int) -> str:
    """The unit, and what the colours mean."""
    language: Language = subject.language
    parts = [wording.unit_of_axis(card, language)]
    if is_sum:
        parts.append(say("explorer.without_total", language, area=subject.name))
    elif not is_by_category and count > 1:
        parts.append(say("explorer.blue", language, area=subject.name))
    if is_by_category and count > MOST_LINES:
        parts.append(say("explorer.first", language, count=str(MOST_LINES)))
    return wording.clauses(parts, language)


def _side_by_side(subject: Subject, card: Card, areas: Sequence[Place], shown: Rows, period: str) -> str:
    found = by_key(shown)
    parent = subject.place
    if subject.options["areas"] == "beside":
        parent = rows.places(subject.source)[parent.parent]
        found = {**found, **by_key(figures(subject.source, (card.id,), (parent.code,), (period,)))}
    others = [area for area in areas if area.code != parent.code]
    return comparing.ranked(subject, card, parent, others, found, period)
