"""The data to take away: tables as files, the interface, how to ask in SQL."""

from urllib.parse import urlencode

from dashboards import api, markup, rows, wording
from dashboards.markup import Cell, tag, text
from dashboards.sections import Content, explaining
from dashboards.sections.opening import ACCEPTED
from dashboards.selection import Subject, short
from dashboards.wording import ending_with, say

FORMS = {"csv": "CSV", "xlsx": "XLSX", "parquet": "Parquet"}


def tables(subject: Subject) -> Content:
    """Every table of the release, as far as the reader sees it."""
    language, source = subject.language, subject.source
    release = urlencode({"release": source.id})
    names = api.table_names(source)
    cells = [
        [_words(name, subject), Cell(name, kind="code"), *_files(name, release, source)]
        for name in (*(name for name in names if name == "figures"), *(name for name in names if name != "figures"))
    ]
    head = [say("access.table", language), say("definitions.id", language), *FORMS.values()]
    title = say("access.tables", language)
    note = text("p", say("access.tables_note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells, len(head)), title)
    return ()


def _words(name: str, subject: Subject) -> str:
    key = f"table_{name}"
    return say(f"access.{key}", subject.language) if key in wording.lexicon().access else name


def _files(name: str, release: str, source: rows.Source) -> list[str | Cell]:
    """Links to the forms a table fits into."""
    return [
        Cell(f"{name}.{form}", f"api/tables/{name}.{form}?{release}")
        if api.fits(source, name, form)
        else wording.MISSING
        for form in FORMS
    ]


def interface(subject: Subject) -> Content:
    """The paths of the interface, each with a working example."""
    language, area = subject.language, short(subject.place.code)
    release = {"release": subject.source.id}
    asked = {"indicator": ACCEPTED, "area": area, "period": ending_with(subject.month)} | release
    examples = (
        ("access.openapi", f"api/openapi.json?{urlencode(release)}"),
        ("access.release", f"api/release?{urlencode(release)}"),
        ("access.indicators", f"api/indicators?{urlencode(release)}"),
        ("access.areas", f"api/areas?{urlencode(release)}"),
        ("access.figures", f"api/figures?{urlencode(asked)}"),
        ("access.figures_csv", f"api/figures?{urlencode(asked | {'format': 'csv', 'lang': language})}"),
    )
    cells = [[say(key, language), Cell("/" + path, path, "code")] for key, path in examples]
    head = [say("access.what", language), say("access.path", language)]
    title = say("access.interface", language)
    note = text("p", say("access.interface_note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells, 2), title)
    return ()


def sql(subject: Subject) -> Content:
    """How the release's own database is asked, with the question of the opening sentence."""
    language, edition = subject.language, subject.source.edition
    card = rows.cards(subject.source)[ACCEPTED]
    query = explaining.sql(card, subject.place.code, ending_with(subject.month))
    lines = (f'fengqiao sql "{query}" --edition {edition}', f"fengqiao sql --edition {edition}", "show tables;")
    code = "".join(tag("pre", text("code", line), tabindex="0") for line in lines)
    words = text("p", say("access.sql_note", language), class_="finding")
    yield text("h2", say("access.sql", language)) + words + code
    return ()
