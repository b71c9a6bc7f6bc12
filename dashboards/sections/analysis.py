"""What tells a real change from noise: control charts, funnels, ranks under their rules.

A point outside the limits says that a month or an area differs from what its own ordinary variation explains. It says
nothing of causes, and it is worded as something to look at, not as an alarm.
"""

from collections.abc import Mapping

from dashboards import charts, markup, rows, wording
from dashboards.markup import Cell, text
from dashboards.rows import Funnel, Signal, charted, funnel, signals, standings
from dashboards.sections import Content, drawing, explorer, opening
from dashboards.selection import Option, Subject
from dashboards.wording import LANGUAGES, Language, say, spoken, year_to_date
from pipelines.catalogue import Card, Words

GAPS: Mapping[str, str] = {"g": "case", "t": "day"}  # the unit of the charts that show what lies between two events


def _names(subject: Subject) -> Mapping[str, str]:
    """The indicators with a control chart of the area, then those with a funnel of its districts only."""
    names = explorer.indicator_names(subject)
    with_chart = charted(subject.source, "signals", subject.place.code)
    districts = rows.children(subject.source, (subject.above or subject.place).code)
    in_funnel = frozenset().union(*(charted(subject.source, "funnels", place.code) for place in districts))
    first = {code: name for code, name in names.items() if code in with_chart}
    return first | {code: name for code, name in names.items() if code in in_funnel}


OPTIONS = (Option("indicator", "indicator", _names),)


def sentence(subject: Subject) -> Content:
    """Whether the last month lies within its ordinary variation."""
    card, points = explorer.card_of(subject), _points(subject)
    if not points:
        return (yield from opening.one_figure(subject, card.id, subject.month))
    yield opening.quote(_said(subject, card, points[-1]), subject.language)
    return ()


def control(subject: Subject) -> Content:
    """The control chart of the indicator, its limits and what stands out."""
    card, points, language = explorer.card_of(subject), _points(subject), subject.language
    yield text("h2", say("analysis.control", language))
    if not points:
        yield text("p", say("analysis.too_few", language), class_="finding")
        return ()
    months_of = points[0].period[:7], f"{points[-1].month:%Y-%m}"
    span = wording.span_name(*months_of, language)
    kind, plotted = say(f"analysis.chart_{points[-1].chart}", language), _as_plotted(card, points[-1])
    title = wording.joined((wording.label(card, language), kind, subject.name, span), language)
    head = [say(f"analysis.{name}", language) for name in ("month", "value", "centre", "lower", "upper", "reading")]
    cells = [_point(point, plotted, subject) for point in reversed(points)]
    broken = rows.breaks(subject.source, card.id, subject.place.code)
    drawn = charts.control(plotted, title, points, broken, _said(subject, card, points[-1]), language)
    asked = {"indicator": card.id, "area": subject.place.code}
    asked |= {"months": "..".join(months_of)}
    note = wording.clauses((wording.unit_of_axis(plotted, language), say("analysis.band", language)), language)
    yield drawing.chart(subject, drawn, "control", note, drawing.data_table(head, cells, title, language), asked)
    gaps = say(f"analysis.gaps_{points[-1].chart}", language) if points[-1].chart in GAPS else ""
    base = say("analysis.baseline", language, points=str(points[-1].baseline_points))
    season = say("analysis.seasonal", language) if points[-1].is_seasonal else ""
    months = wording.listed((wording.month_name(month, language) for month in broken), language)
    breaks = say("analysis.breaks", language, months=months) if broken else ""
    said = (gaps, base, season, breaks, say("analysis.caution", language))
    space = "" if language == "zh" else " "
    yield text("p", space.join(part for part in said if part), class_="finding")
    return ()


def _points(subject: Subject) -> tuple[Signal, ...]:
    """The chart up to the month chosen."""
    points = signals(subject.source, subject.options["indicator"], subject.place.code)
    return tuple(point for point in points if f"{point.month:%Y-%m}" <= subject.month)


def _as_plotted(card: Card, point: Signal) -> Card:
    """The card of what the chart shows: where events are rare the cases or days between them, not the figure itself."""
    if point.chart not in GAPS:
        return card
    names = {
        language: (wording.label(card, language), say(f"analysis.chart_{point.chart}", language))
        for language in LANGUAGES
    }
    label = Words(**{language: wording.joined(parts, language) for language, parts in names.items()})
    return card.model_copy(update={"label": label, "unit": GAPS[point.chart], "decimals": 1})


def _point(point: Signal, card: Card, subject: Subject) -> list[str]:
    language = subject.language
    limits = (point.centre, point.lower, point.upper)
    return [
        wording.period_name(point.period, language),
        wording.value_text(point.value, card, language, exact=True),
        *(wording.limit_text(value, card, language) for value in limits),
        _reading(point, language),
    ]


def _reading(point: Signal, language: Language) -> str:
    """What a point says, with the side on which it says so."""
    key = f"signal_{point.signal}_{point.side}"
    return say(f"analysis.{key if key in wording.lexicon().analysis else f'signal_{point.signal}'}", language)


def _said(subject: Subject, card: Card, point: Signal) -> str:
    """A point as a sentence: the value, the range of ordinary variation, and how it lies to it."""
    language, card = subject.language, _as_plotted(card, point)
    reading = "within" if point.signal == "none" else point.side or "within"
    return say(
        f"analysis.{reading}_sentence",
        language,
        period=wording.period_name(point.period, language),
        area=subject.name,
        label=wording.label(card, language),
        value=wording.quantity(point.value, card, language),
        lower=wording.limit_text(point.lower, card, language),
        upper=wording.limit_text(point.upper, card, language),
        reading=say(f"analysis.signal_{point.signal}", language),
    )


def changes(subject: Subject) -> Content:
    """Every indicator of the area in the month that its own variation does not explain."""
    source, language = subject.source, subject.language
    month = wording.month_name(subject.month, language)
    title = wording.joined((say("analysis.changes", language), subject.name, month), language)
    found = []
    for card in rows.ordered_cards(source):
        if card.id not in charted(source, "signals", subject.place.code):
            continue
        points = [point for point in signals(source, card.id, subject.place.code) if _is_of(point, subject.month)]
        found += [(card, point) for point in points]
    outside = [(card, point) for card, point in found if point.is_real_change]
    words = say("analysis.changes_note", language, charted=str(len(found)), outside=str(len(outside)))
    head = [say(f"analysis.{name}", language) for name in ("indicator", "value", "lower", "upper", "reading")]
    cells = [_change(card, point, subject) for card, point in outside]
    table = markup.scrolled(markup.table(head, cells), title) if cells else ""
    yield text("h2", title) + text("p", words, class_="finding") + table
    return ()


def _is_of(point: Signal, month: str) -> bool:
    return f"{point.month:%Y-%m}" == month


def _change(card: Card, point: Signal, subject: Subject) -> list[str | Cell]:
    language, card = subject.language, _as_plotted(card, point)
    return [
        wording.label_with_unit(card, language),
        wording.value_text(point.value, card, language),
        wording.limit_text(point.lower, card, language),
        wording.limit_text(point.upper, card, language),
        _reading(point, language),
    ]


def areas_in_funnel(subject: Subject) -> Content:
    """The districts of the city in the funnel of the year to date."""
    source, card, language = subject.source, explorer.card_of(subject), subject.language
    city = subject.above or subject.place
    places, period = rows.children(source, city.code), year_to_date(subject.month)
    points = funnel(source, card.id, [place.code for place in places], period)
    name = wording.period_name(period, language)
    whole = spoken(city.name, language)
    title = wording.joined((wording.label(card, language), say("analysis.funnel", language), whole, name), language)
    yield text("h2", say("analysis.funnel_title", language))
    if not points:
        reason = "no_funnel" if card.denominator else "only_rates"
        yield text("p", say(f"analysis.{reason}", language), class_="finding")
        return ()
    names = {place.code: spoken(place.name, language) for place in places}
    outside = [names[point.area_code] for point in points if point.signal != "none"]
    finding = (
        say("analysis.funnel_outside", language, title=title, areas=wording.listed(outside, language))
        if outside
        else say("analysis.funnel_within", language, title=title)
    )
    drawn = charts.funnel(card, title, points, names, subject.place.code, finding, language)
    head = [say(f"analysis.{name}", language) for name in ("area", "cases_axis", "value", "lower", "upper", "reading")]
    cells = [_in_funnel(point, card, names, subject) for point in points]
    asked = {"indicator": card.id, "area": ",".join(point.area_code for point in points), "period": period}
    note = wording.clauses((wording.unit_of_axis(card, language), say("analysis.limits", language)), language)
    yield drawing.chart(subject, drawn, "funnel", note, drawing.data_table(head, cells, title, language), asked)
    yield text("p", finding, class_="finding")
    return ()


def _in_funnel(point: Funnel, card: Card, names: Mapping[str, str], subject: Subject) -> list[str]:
    language = subject.language
    return [
        names[point.area_code],
        f"{point.cases:,}",
        wording.value_text(point.value, card, language),
        wording.limit_text(point.lower_998, card, language),
        wording.limit_text(point.upper_998, card, language),
        say(f"analysis.funnel_{point.signal}", language),
    ]


def ranks(subject: Subject) -> Content:
    """The rank of the districts under its rules; inside the house only, and only where the release gives ranks."""
    source, card, language = subject.source, explorer.card_of(subject), subject.language
    city = subject.above or subject.place
    places = {place.code: place for place in rows.children(source, city.code)}
    period = year_to_date(subject.month)
    held = [row for row in standings(source, (card.id,), places, (period,)) if row.rank is not None]
    if source.edition != "internal" or not card.denominator:
        return ()
    title = wording.joined((say("analysis.ranks", language), wording.label(card, language)), language)
    if not held:
        yield text("h2", title) + text("p", say("analysis.no_rank", language), class_="finding")
        return ()
    shown = rows.figures(source, (card.id,), [row.area_code for row in held], (period,))
    found = rows.by_key(shown)
    head = [say(f"analysis.{name}", language) for name in ("area", "rank", "value", "to_city")]
    ordered = sorted(held, key=lambda row: (row.rank or 0, row.area_code))
    cells = [
        [
            spoken(places[row.area_code].name, language),
            say("standing.rank_of", language, rank=str(row.rank), units=str(row.ranked_units)),
            wording.shown(found.get((card.id, row.area_code, period)), card, language),
            wording.signed_amount(row.difference_to_city, card, language),
        ]
        for row in ordered
    ]
    note = text("p", say("standing.note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells), title)
    return shown
