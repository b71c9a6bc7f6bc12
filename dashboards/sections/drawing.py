"""How a chart stands on a page: title, unit, picture with its finding as text, the same data as a table, and downloads."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from dashboards import drawing, markup, rows, wording
from dashboards.charts import Drawn
from dashboards.markup import tag, text
from dashboards.sections import Chart
from dashboards.selection import Subject, short
from dashboards.wording import Figure, Language, say, spoken
from pipelines.catalogue import Card

FORMATS = {"csv": "CSV", "xlsx": "XLSX"}


def chart(
    subject: Subject,
    drawn: Drawn,
    key: str,
    note: str,
    table: str,
    asked: Mapping[str, str],
) -> Chart:
    """A chart with all that belongs to it. `note` names the unit, `table` holds its data, `asked` asks the interface for
    them.
    """
    language = subject.language
    unit = say("unit", language, unit=note)
    above = markup.titled(drawn.title) + text("p", unit, class_="finding")
    return Chart(key, above, drawn, table + take_away(subject, asked, drawn.title, f"st-key-{key}", unit))


def data_table(head: Sequence[str], cells: Sequence[Sequence[str]], title: str, language: Language) -> str:
    """The data of a chart, folded; a screen reader hears of which."""
    summary = say("data_table", language)
    return markup.plain_table(head, cells, summary, say("of_title", language, what=summary, title=title))


def take_away(
    subject: Subject, asked: Mapping[str, str], title: str, picture: str = "", unit: str = "", *, has_bars: bool = False
) -> str:
    """Links to the same figures as files, and to their picture; named by `title`.

    `picture`: the class of what the browser has drawn, which a button saves (`behaviour.js`) with the `unit` below it.
    `has_bars`: bars or points in a table are drawn by the interface when they are asked for.
    """
    forms = {"svg": "SVG", **FORMATS} if has_bars else FORMATS
    button = _save(subject, asked, title, picture, unit) if picture else ""
    files = "".join(
        text("a", name, href=file_address(subject, asked | {"format": form}), target="_self", download="")
        for form, name in forms.items()
    )
    words = say("take_away", subject.language)
    name = say("of_title", subject.language, what=words, title=title) if title else ""
    return tag("p", text("span", words) + button + files, class_="take", role="group" if name else "", aria_label=name)


def _save(subject: Subject, asked: Mapping[str, str], title: str, picture: str, unit: str) -> str:
    """The button, with the lines that stand below the saved picture."""
    card = rows.cards(subject.source)[asked["indicator"]]
    notes = [unit, *words(subject.source, card, subject.language)]
    lines = "\n".join(line for note in notes for line in drawing.wrapped(note, drawing.NOTE))
    return text("button", "SVG", type="button", class_="save", data_picture=picture, data_title=title, data_words=lines)


def words(source: rows.Source, card: Card, language: Language) -> Sequence[str]:
    """What a picture that leaves its page must say: what the figure is, what to beware of, of which release it is."""
    colon = wording.colon(language)
    said = [wording.label(card, language) + colon + spoken(card.definition, language)]
    if card.caution:
        said.append(say("caution", language) + colon + spoken(card.caution, language))
    about = (
        wording.spoken_metadata(rows.metadata(source), "publisher", language),
        say("product", language),
        say(f"edition_{source.edition}", language),
        say("release", language, release=source.id),
    )
    return [*said, wording.clauses(about, language)]


def drawn_value(figure: Figure, card: Card) -> Decimal | None:
    """A value as it is displayed."""
    return None if figure.value is None else wording.rounded(figure.value, wording.as_carried(card, figure).decimals)


def file_address(subject: Subject, asked: Mapping[str, str]) -> str:
    """The address of figures in the interface; areas in their short form, always with the release."""
    areas = ",".join(short(code) for code in asked["area"].split(","))
    fixed = {"area": areas, "lang": subject.language, "release": subject.source.id}
    return "api/figures?" + urlencode({**asked, **fixed}, safe=",.")
