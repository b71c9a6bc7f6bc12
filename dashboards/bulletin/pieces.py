"""The pieces of a bulletin's pages: tables of figures, lines over time with their table, bars."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from dashboards import drawing, wording
from dashboards.bulletin import addresses
from dashboards.bulletin.contents import Contents, Place, Series, rounded
from dashboards.bulletin.frame import Page, place_name, section
from dashboards.markup import tag, text
from dashboards.wording import Figure, Language, escaped, label, label_with_unit, say, spoken
from pipelines.catalogue import Card, Words


class Column(NamedTuple):
    """A column of a table: its heading and what its cells hold: number, text, drawing (or number change)."""

    name: str
    holds: str = "number"


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names its rows. Cells are markup; a caption that the heading above says is left out."""
    head = "".join(
        text("th", column.name, scope="col", class_=column.holds)
        if column.name
        else text("td", "", class_=column.holds)
        for column in columns
    )
    body = "".join(
        tag(
            "tr",
            tag("th", row[0], scope="row")
            + "".join(tag("td", cell, class_=column.holds) for cell, column in zip(row[1:], columns[1:], strict=True)),
        )
        for row in rows
    )
    kind = "compared" if any("change" in column.holds for column in columns) else ""
    name = text("caption", caption) if caption else ""
    return tag("table", name + tag("thead", tag("tr", head)) + tag("tbody", body), class_=kind)


def change_cell(now: Figure | None, before: Figure | None, card: Card, language: Language) -> str:
    """The change on the year before, and the verdict where there is one."""
    judged = wording.judgement(now, before, card)
    if judged == "unclear":
        return text("span", say("verdicts.unclear", language), class_="unclear")
    said = escaped(wording.signed_change(now, card, language))
    if judged in (None, "flat"):
        return said
    return f"{said} " + text("b", say(f"verdicts.{judged}", language), class_=str(judged))


def compared_columns(contents: Contents, language: Language, *, years: int = 2) -> list[Column]:
    """The heads of the figures of the last `years`, and of the change."""
    names = [Column(wording.period_name(period, language)) for period in reversed(contents.compared[-years:])]
    return [*names, Column(say("on_year", language), "number change")]


def compared_cells(figures: Sequence[Figure | None], card: Card, language: Language) -> list[str]:
    """Figures of the same period of several years, the newest first, and the change of the newest."""
    before = figures[1] if len(figures) > 1 else None
    shown = [escaped(wording.cell(figure, card, language)) for figure in figures]
    return [*shown, change_cell(figures[0], before, card, language)]


def indicator_table(
    contents: Contents, page: Page, cards: Sequence[Card], place: Place, caption: str, *, with_lines: bool = False
) -> str:
    """Indicators of one area: the period, the year before, the change; each leads to its own page.

    `with_lines`: beside each the small line of its last years.
    """
    language = page.language
    rows = []
    for card in cards:
        figures = [contents.total(card, place, period) for period in reversed(contents.compared[-2:])]
        name = text("a", label_with_unit(card, language), href=page.link(addresses.indicator(card.id)))
        lines = [_sparkline(contents, card, place)] if with_lines else []
        rows.append([name, *lines, *compared_cells(figures, card, language)])
    columns = [Column(say("bulletin.indicator", language), "text"), *([Column("", "drawing")] if with_lines else [])]
    return table(caption, [*columns, *compared_columns(contents, language)], rows) if rows else ""


def _sparkline(contents: Contents, card: Card, place: Place) -> str:
    series = contents.series(card, place)
    points = (contents.total(card, place, year + part) for year in series.years for part in series.parts)
    return drawing.sparkline([rounded(point, card) for point in points])


def area_table(
    contents: Contents, page: Page, card: Card, places: Sequence[Place], reference: Place | None, caption: str
) -> str:
    """Areas in the order of their codes; `reference` is the area that holds them, named first.

    Beside a rate stands its denominator, beside anything else a bar: rates near 100 percent give bars of one length.
    """
    language = page.language
    shown = [
        place
        for place in places
        if not place.is_not_assigned or _is_counted(contents.total(card, place, contents.period))
    ]
    longest = _longest([contents.total(card, place, contents.period) for place in shown], card)
    rows = []
    for place in [*([reference] if reference else []), *shown]:
        figures = [contents.total(card, place, period) for period in reversed(contents.compared[-2:])]
        drawn = "" if place is reference else _bar(figures[0], card, longest)
        second = escaped(_denominator(figures[0])) if card.kind == "ratio" else drawn
        rows.append([linked_place(place, page), second, *compared_cells(figures, card, language)])
    columns = [Column(say("area", language), "text"), _beside(card, language), *compared_columns(contents, language)]
    return table(caption, columns, rows)


def _is_counted(figure: Figure | None) -> bool:
    """Whether there is anything to say of an area that is none: what no district was assigned."""
    return figure is not None and (bool(figure.value) or bool(figure.denominator))


def _denominator(figure: Figure | None) -> str:
    return "" if figure is None or figure.denominator is None else f"{figure.denominator:,}"


def category_table(contents: Contents, page: Page, card: Card, breakdown: str, place: Place, caption: str) -> str:
    """The categories of a breakdown in their declared order, with bars; nothing where the release has none.

    Of a place where none of them is shown, in neither of the periods compared, a sentence stands in place of the table.
    """
    language = page.language
    rows = []
    labels = _known_categories(contents, card, breakdown, place)
    newest = [contents.part(card, breakdown, category, place, contents.period) for category in labels]
    longest = _longest(newest, card)
    shown = False
    for category, words in labels.items():
        figures = [
            contents.part(card, breakdown, category, place, period) for period in reversed(contents.compared[-2:])
        ]
        shown = shown or any(figure and (figure.value is not None or figure.band) for figure in figures)
        second = escaped(_denominator(figures[0])) if card.kind == "ratio" else _bar(figures[0], card, longest)
        rows.append([escaped(spoken(words, language)), second, *compared_cells(figures, card, language)])
    if rows and not shown:
        return text("p", say("bulletin.none_shown", language))
    columns = [Column(say(f"breakdowns.{breakdown}", language), "text"), _beside(card, language)]
    return table(caption, [*columns, *compared_columns(contents, language)], rows) if rows else ""


def _beside(card: Card, language: Language) -> Column:
    """What stands beside a name: the denominator of a rate, else a bar."""
    return Column(say("bulletin.base", language)) if card.kind == "ratio" else Column("", "drawing")


def _known_categories(contents: Contents, card: Card, breakdown: str, place: Place) -> Mapping[str, Words]:
    """The categories for which the release has a row, in their declared order."""
    labels = contents.categories.get(breakdown, {})
    return {
        category: words
        for category, words in labels.items()
        if contents.part(card, breakdown, category, place, contents.period) is not None
    }


def _longest(figures: Sequence[Figure | None], card: Card) -> Decimal:
    """The value that a bar of full length stands for."""
    return max((value for figure in figures if (value := rounded(figure, card)) is not None), default=Decimal(0))


def _bar(figure: Figure | None, card: Card, longest: Decimal) -> str:
    return drawing.bar(rounded(figure, card), longest)


def linked_place(place: Place, page: Page) -> str:
    """The name of an area, leading to its page where it has one."""
    name = place_name(place, page.language)
    if place.level not in ("city", "district") or place.is_not_assigned or page.path == addresses.area(place.short):
        return escaped(name)
    return text("a", name, href=page.link(addresses.area(place.short)))


def over_time(contents: Contents, page: Page, card: Card, place: Place, title: str) -> str:
    """A line over the months (or quarters, or years) of the last years, and the table it is drawn from."""
    series = contents.series(card, place)
    periods = [year + part for year in series.years for part in series.parts]
    points = [contents.total(card, place, period) for period in periods]
    if not any(is_shown(point) for point in points):
        return ""
    beside = _time_table(contents, card, place, series, page.language)
    if not any(point and point.value is not None for point in points):
        return section(title, beside, level="h3")  # bands only, which are no points
    values = [rounded(point, card) for point in points]
    finding = wording.series_finding(card, place_name(place, page.language), periods, points, page.language)
    marks = [(number * len(series.parts), year) for number, year in enumerate(series.years)]
    name = f"line-{card.id.replace('_', '-')}-{place.short}"
    drawn = drawing.line(values, drawing.axis_of(values, card, page.language), marks, title, finding, name)
    pair = tag("div", drawn, class_="chart") + tag("div", beside, class_="beside")
    return section(title, tag("div", pair, class_="pair"), level="h3")


def is_shown(figure: Figure | None) -> bool:
    """Whether a figure says more than why it is not there."""
    return figure is not None and (figure.value is not None or bool(figure.band))


def _time_table(contents: Contents, card: Card, place: Place, series: Series, language: Language) -> str:
    """A row a month and a column a year: the season is read down, the change across. Years alone are rows."""

    def cell(period: str) -> str:
        return escaped(wording.cell(contents.total(card, place, period), card, language))

    unit = say("unit", language, unit=wording.unit_of_axis(card, language))
    caption = wording.joined((label(card, language), unit), language)
    if series.kind == "year":
        columns = [Column(say("bulletin.year", language), "text"), Column(wording.unit_of_axis(card, language))]
        return table(caption, columns, [[escaped(year), cell(year)] for year in series.years])
    columns = [Column(say(f"bulletin.{series.kind}", language), "text"), *(Column(year) for year in series.years)]
    rows = [
        [escaped(_part_name(series.kind, part, language)), *(cell(year + part) for year in series.years)]
        for part in series.parts
    ]
    return table(caption, columns, rows)


def _part_name(kind: str, part: str, language: Language) -> str:
    """The name of a month or a quarter of any year."""
    if kind == "quarter":
        return say(f"bulletin.quarters_{part[-1]}", language)
    month = int(part[1:])
    return f"{month}月" if language == "zh" else wording.MONTHS[month - 1]
