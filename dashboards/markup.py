"""The pieces of a page as markup: headline cards with their definitions, tables, bars. One string a piece, escaped.

Plain markup instead of widgets, because a card of widgets costs a dozen messages a view, cannot stand two in a row
on a phone and does not print.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dashboards import wording
from dashboards.wording import Figure, Language, escaped, say
from pipelines import catalogue
from pipelines.catalogue import Card, Words

CHINESE = "chinese"  # the kind of a cell that is Chinese on the English page too
ARROWS = {"up": "▲", "down": "▼", "flat": "■"}
ROOM = 5  # columns of numbers that a phone holds; a column of text takes the room of two


class Markup(str):
    """Markup that says of itself that it is: what comes as mere text Streamlit takes apart line by line at every run."""

    def _repr_html_(self) -> str:
        return self


class Bar(NamedTuple):
    """A row of a ranked table; `is_reference` marks the line that the others are held against."""

    name: str
    figure: Figure | None
    address: str = ""
    is_chosen: bool = False
    is_reference: bool = False


def tag(name: str, content: str, /, **attributes: str) -> str:
    """One element; attribute values are escaped here, `content` is markup already. `class_` loses its underscore."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"' for key, value in attributes.items() if value
    )
    return f"<{name}{written}>{content}</{name}>"


def text(name: str, content: str, /, **attributes: str) -> str:
    """One element that holds plain text."""
    return tag(name, escaped(content), **attributes)


def titled(title: str) -> str:
    """The heading of a chart or table. A Chinese one that is too long for a line is broken between its parts."""
    *parts, last = title.split("·")
    return tag("h3", "".join(text("span", f"{part}·") for part in parts) + text("span", last))


def headline_card(
    card: Card, now: Figure | None, cumulative: Figure | None, of_city: Figure | None, month: str, language: Language
) -> str:
    """A card: the month and its change, the year before, the cumulative figure with its own; its definition folded.

    Where a release holds no month of it, as the public edition of most, the cumulative figure stands in its place.
    """
    is_cumulative = now is None and cumulative is not None
    lead = cumulative if is_cumulative else now
    shown = _value(lead, card, language) + _fraction(lead, card, language) + _marks(lead, language)
    about = text("small", _cumulative_name(card, month, language), class_="about") if is_cumulative else ""
    parts = [
        text("h3", wording.label(card, language)),
        tag("p", shown + about, class_="value"),
        _change(lead, card, language),
        tag("dl", "".join(_card_rows(card, now, cumulative, of_city, month, language))),
        tag(
            "details",
            text("summary", say("definition", language)) + definition(card, language),
            class_="definition",
            name="definition",
        ),
    ]
    return tag("article", "".join(parts), class_="card")


def _value(figure: Figure | None, card: Card, language: Language) -> str:
    shown = escaped(wording.shown(figure, card, language))
    if figure is None or figure.value is None:
        said = wording.stated(figure, card, language)
        return tag(
            "span", escaped(said) if said else shown, title=wording.marks(figure, language) or say("missing", language)
        )
    exact = wording.quantity(figure.value, card, language, exact=True)
    return tag("span", shown + text("small", wording.unit_text(figure.value, card, language)), title=exact)


def _marks(figure: Figure | None, language: Language) -> str:
    words = wording.marks(figure, language) if figure and figure.value is not None else ""
    return text("span", words, class_="mark") if words else ""


def _change(figure: Figure | None, card: Card, language: Language) -> str:
    """Arrow for the direction, colour and word for better or worse; no direction where noise may have made it."""
    way = wording.direction(figure, card) if figure else None
    if figure is None or way is None:
        return text("p", "", class_="change")
    if wording.is_within_noise(figure):
        words = (
            text("span", say("on_year", language), class_="about") + " " + text("b", say("verdicts.unclear", language))
        )
        return tag("p", words, class_="change neutral")
    judged = wording.verdict(figure, card)
    arrow = text("span", ARROWS[way], class_="arrow", aria_hidden="true")
    words = "" if way == "flat" else escaped(wording.change(figure, card, language)) + " "
    judgement = text("b", say(f"verdicts.{judged}", language)) if judged else ""
    about = text("span", say("on_year", language), class_="about")
    return tag("p", f"{about} {arrow} {words}{judgement}", class_=f"change {judged or 'neutral'}")


def _card_rows(
    card: Card, now: Figure | None, cumulative: Figure | None, of_city: Figure | None, month: str, language: Language
) -> Iterable[str]:
    """The figures below the change, without their unit: it stands beside the value."""
    before = say("year_before", language)
    if now is None and cumulative is not None:
        yield _pair(before, wording.before_text(cumulative, card, language))
        return
    yield _pair(before, wording.before_text(now, card, language))
    if of_city is not None:
        yield _pair(say("whole_city", language), wording.shown(of_city, card, language))
    if card.kind == "stock":
        month_before = now.value_period_before if now else None
        yield _pair(
            say("month_before", language), wording.value_text(month_before, wording.as_carried(card, now), language)
        )
        return
    period = _abbreviated(month, language)
    yield _pair(say("cumulative", language, period=period), wording.shown(cumulative, card, language))
    yield _pair(say("cumulative_before", language, period=period), wording.before_text(cumulative, card, language))
    yield _pair(say("cumulative_on_year", language, period=period), wording.signed_change(cumulative, card, language))


def _cumulative_name(card: Card, month: str, language: Language) -> str:
    """What the cumulative figure is called: the months of the year so far, of a stock their end."""
    if card.kind == "stock":
        return say("at_period_end", language)
    return say("cumulative", language, period=_abbreviated(month, language))


def _abbreviated(month: str, language: Language) -> str:
    return wording.short_span(wording.year_to_date(month), language, abbreviated=True)


def _pair(name: str, value: str) -> str:
    return tag("div", text("dt", name) + text("dd", value))


def definition(card: Card, language: Language) -> str:
    """Everything a card says about its figure."""
    parts = [text("p", wording.spoken(card.definition, language))]
    for key, name in (
        ("numerator" if card.denominator else "measure", card.numerator),
        ("denominator", card.denominator),
    ):
        measure = catalogue.measures().get(name or "")
        if measure:
            said = wording.spoken(measure.label, language)
            head = say("measure_named", language, measure=say(key, language), label=said)
            parts.append(_entry(head, [wording.spoken(measure.definition, language)], language))
    for key, entries in (("includes", card.includes), ("excludes", card.excludes)):
        if entries:
            parts.append(_entry(say(key, language), [wording.spoken(entry, language) for entry in entries], language))
    if card.legal_basis:
        parts.append(
            tag("p", text("b", say("legal_basis", language)) + wording.colon(language) + _laws(card, language))
        )
    for key, words in (("deadline", card.deadline), ("caution", card.caution)):
        if isinstance(words, Words):
            parts.append(_entry(say(key, language), [wording.spoken(words, language)], language))
    parts.append(tag("p", text("b", say("indicator_id", language)) + wording.colon(language) + text("code", card.id)))
    return tag("div", "".join(parts), class_="body")


def _laws(card: Card, language: Language) -> str:
    """The legal basis with its version; a statute that is not listed in English stands in Chinese."""
    said = wording.laws(card, language)
    if language == "zh":
        return escaped(wording.listed(said, language))
    return "; ".join(text("span", name, lang="zh-CN" if wording.is_chinese(name) else "") for name in said)


def _entry(name: str, entries: Sequence[str], language: Language) -> str:
    if len(entries) == 1:
        return tag("p", text("b", name) + wording.colon(language) + escaped(entries[0]))
    return tag("p", text("b", name) + wording.colon(language)) + tag(
        "ul", "".join(text("li", entry) for entry in entries)
    )


def ranked_table(card: Card, bars: Sequence[Bar], title: str, finding: str, head: str, language: Language) -> str:
    """A ranked table with bars (counts) or points against the city's line (rates); the table is its own data.

    Without the line, as where a public edition withholds it, points would lie in the air: rates then stand alone.
    """
    values = [bar.figure.value for bar in bars if bar.figure and bar.figure.value is not None and not bar.is_reference]
    reference = next((bar.figure.value for bar in bars if bar.is_reference and bar.figure), None)
    is_rate = card.unit == "percent"
    low, high = _scale([*values, *([reference] if is_rate and reference is not None else [])], is_rate)
    has_track = not is_rate or reference is not None
    has_change = any(wording.signed_change(bar.figure, card, language) != wording.MISSING for bar in bars)
    has_fraction = any(_fraction(bar.figure, card, language) for bar in bars)
    has = {"has_track": has_track, "has_fraction": has_fraction, "has_change": has_change}
    line = reference if is_rate else None
    rows = "".join(_bar_row(bar, card, low, high, line, language, **has) for bar in bars)
    header = "".join(
        (
            text("th", head, scope="col"),
            text("td", "", class_="track"),
            text("th", wording.unit_of_axis(card, language), scope="col", class_="number"),
            text("th", say("on_year", language), scope="col", class_="number") if has_change else "",
        )
    )
    table = tag("table", tag("thead", tag("tr", header)) + tag("tbody", rows), class_="ranked", aria_label=title)
    return block(title, table, finding)


def _scale(values: Sequence[float], is_rate: bool) -> tuple[float, float]:
    """The span of the drawing: from nought for counts, from the smallest value for rates."""
    if not values:
        return 0.0, 1.0
    return (min(values) if is_rate else 0.0), max(values)


def _bar_row(
    bar: Bar,
    card: Card,
    low: float,
    high: float,
    reference: float | None,
    language: Language,
    *,
    has_track: bool,
    has_fraction: bool,
    has_change: bool,
) -> str:
    figure = bar.figure
    value = figure.value if figure else None
    name = text("a", bar.name, href=bar.address, target="_self") if bar.address else escaped(bar.name)
    is_drawn = has_track and value is not None and not (bar.is_reference and card.unit != "percent")
    track = _track(value, low, high, reference, bar.is_reference) if is_drawn and value is not None else ""
    fraction = _fraction(figure, card, language) or (text("small", "", class_="fraction") if has_fraction else "")
    shown = escaped(wording.shown(figure, card, language, exact=True)) + fraction
    cells = (
        tag("th", name, scope="row"),
        tag("td", track, class_="track", aria_hidden="true"),
        tag("td", shown + _marks(figure, language), class_="number"),
        text("td", wording.signed_change(figure, card, language), class_="number") if has_change else "",
    )
    kind = "reference" if bar.is_reference else "chosen" if bar.is_chosen else ""
    return tag("tr", "".join(cells), class_=kind)


def _track(value: float, low: float, high: float, reference: float | None, is_reference: bool) -> str:
    if reference is None:
        return tag("span", tag("i", "", class_="bar", style=f"width:{_place(value, low, high)}%"), class_="rail")
    line = tag("i", "", class_="line", style=f"left:{_place(reference, low, high)}%")
    point = "" if is_reference else tag("i", "", class_="point", style=f"left:{_place(value, low, high)}%")
    return tag("span", line + point, class_="rail points")


def _place(value: float, low: float, high: float) -> str:
    """Where a value lies on the drawing, in percent of its width."""
    return f"{100 * (value - low) / (high - low):.1f}" if high > low else "50"


def _fraction(figure: Figure | None, card: Card, language: Language) -> str:
    """Numerator over denominator under a rate, so that nobody reads a rate without its base."""
    if card.unit != "percent" or figure is None or figure.value is None or not figure.denominator:
        return ""
    words = say("of", language, numerator=f"{figure.numerator:,}", denominator=f"{figure.denominator:,}")
    return text("small", words, class_="fraction")


class Cell(NamedTuple):
    """A cell that is more than text: an address to go to, or a mark of better or worse."""

    words: str
    address: str = ""
    kind: str = ""


def table(head: Sequence[str], rows: Iterable[Sequence[str | Cell]], words: int = 1, *, is_matrix: bool = False) -> str:
    """A table: the first cell names the row, the first `words` columns hold text, the others numbers.

    On a phone a table that has no room there is set row by row, each cell after its heading; a matrix, the same numbers
    for many areas or months, stays one and scrolls beside its first column.
    """
    kinds = ["" if place < words else "number" for place in range(len(head))]
    header = "".join(text("th", name, scope="col", class_=kind) for name, kind in zip(head, kinds, strict=True))
    flows = len(head) + words > ROOM and not is_matrix
    heads = head if flows else [""] * len(head)
    body = "".join(
        tag(
            "tr",
            "".join(
                _cell(cell, place, kind, name)
                for place, (cell, kind, name) in enumerate(zip(row, kinds, heads, strict=True))
            ),
        )
        for row in rows
    )
    kind = "plain flows" if flows else "plain matrix" if is_matrix else "plain"
    return tag("table", tag("thead", tag("tr", header)) + tag("tbody", body), class_=kind)


def _cell(cell: str | Cell, place: int, kind: str, head: str) -> str:
    given = cell if isinstance(cell, Cell) else Cell(cell)
    inner = text("a", given.words, href=given.address, target="_self") if given.address else escaped(given.words)
    name, more = ("th", {"scope": "row"}) if place == 0 else ("td", {"data_head": head})
    more |= {"lang": "zh-CN"} if given.kind == CHINESE else {}
    return tag(name, inner, class_=" ".join(part for part in (kind, given.kind) if part), **more)


def scrolled(content: str, name: str) -> str:
    """Content that may be wider than the page: it scrolls by itself, by keyboard too."""
    return tag("div", content, class_="scroll", tabindex="0", role="region", aria_label=name)


def folded(summary: str, content: str) -> str:
    return tag("details", text("summary", summary) + content, class_="data")


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str, name: str = "") -> str:
    """A folded table: the first column names the row, the others are numbers. `name` says more than the summary."""
    return folded(summary, scrolled(table(head, rows, is_matrix=True), name or summary))


def block(title: str, content: str, finding: str = "", *, class_: str = "") -> str:
    """A titled part of a section, with its finding as a sentence."""
    return tag(
        "section",
        titled(title) + (text("p", finding, class_="finding") if finding else "") + content,
        class_=" ".join(part for part in ("block", class_) if part),
    )


def links(entries: Iterable[tuple[str, str]]) -> str:
    """Links side by side: what follows a chart or table, to take its data away."""
    return tag("p", "".join(text("a", name, href=address, target="_self") for name, address in entries), class_="take")


def categories_table(
    title: str,
    finding: str,
    head: str,
    rows: Sequence[tuple[str, Figure, Figure | None]],
    card: Card,
    share: Card | None,
    language: Language,
) -> str:
    """Categories with bars: label, count, share where the release has one, change on year."""
    high = max((figure.value for _, figure, _ in rows if figure.value is not None), default=1.0)
    columns = [(head, ""), ("", "track"), (wording.unit_of_axis(card, language), "number")]
    columns += [(say("share", language), "number")] if share else []
    has_change = any(wording.signed_change(figure, card, language) != wording.MISSING for _, figure, _ in rows)
    columns += [(say("on_year", language), "number")] if has_change else []
    header = "".join(
        text("td", name, class_=kind) if kind == "track" else text("th", name, class_=kind, scope="col")
        for name, kind in columns
    )
    body = "".join(
        _category_row(name, figure, part, card, share, high, language, has_change=has_change)
        for name, figure, part in rows
    )
    table = tag("table", tag("thead", tag("tr", header)) + tag("tbody", body), class_="ranked", aria_label=title)
    return block(title, table, finding)


def _category_row(
    name: str,
    figure: Figure,
    part: Figure | None,
    card: Card,
    share: Card | None,
    high: float,
    language: Language,
    *,
    has_change: bool,
) -> str:
    track = "" if figure.value is None else _track(figure.value, 0.0, high, None, False)
    cells = [
        text("th", name, scope="row"),
        tag("td", track, class_="track", aria_hidden="true"),
        text("td", wording.shown(figure, card, language, exact=True), class_="number"),
    ]
    if share:
        cells.append(text("td", wording.shown(part, share, language), class_="number"))
    if has_change:
        cells.append(text("td", wording.signed_change(figure, card, language), class_="number"))
    return tag("tr", "".join(cells))
