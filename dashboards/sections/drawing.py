"""How a chart stands on a page: title, unit, picture with its finding as text, the same data as a table, and downloads."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from dashboards import markup
from dashboards.charts import Drawn
from dashboards.markup import tag, text
from dashboards.sections import Chart
from dashboards.selection import Subject, short
from dashboards.wording import Language, say

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
    above = text("h3", drawn.title) + text("p", say("unit", language, unit=note), class_="finding")
    return Chart(key, above, drawn, table + take_away(subject, asked, drawn.title, f"st-key-{key}"))


def data_table(head: Sequence[str], cells: Sequence[Sequence[str]], title: str, language: Language) -> str:
    """The data of a chart, folded; a screen reader hears of which."""
    summary = say("data_table", language)
    return markup.plain_table(head, cells, summary, say("of_title", language, what=summary, title=title))


def take_away(subject: Subject, asked: Mapping[str, str], title: str, picture: str = "") -> str:
    """Links to the same figures as files, and a button that saves the picture (`behaviour.js`); named by `title`."""
    button = (
        text("button", "SVG", type="button", class_="save", data_picture=picture, data_title=title) if picture else ""
    )
    files = "".join(
        text("a", name, href=file_address(subject, asked | {"format": form}), target="_self", download="")
        for form, name in FORMATS.items()
    )
    words = say("take_away", subject.language)
    name = say("of_title", subject.language, what=words, title=title) if title else ""
    return tag("p", text("span", words) + button + files, class_="take", role="group" if name else "", aria_label=name)


def file_address(subject: Subject, asked: Mapping[str, str]) -> str:
    """The address of figures in the interface; areas in their short form, always with the release."""
    areas = ",".join(short(code) for code in asked["area"].split(","))
    fixed = {"area": areas, "lang": subject.language, "release": subject.source.id}
    return "api/figures?" + urlencode({**asked, **fixed}, safe=",.")
