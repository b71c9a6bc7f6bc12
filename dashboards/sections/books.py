"""The books themselves: timeliness by month, plausibility, what was refused and why, what a release revised."""

import polars as pl
import streamlit as st

from dashboards import markup, rows, wording
from dashboards.markup import text
from dashboards.sections import Rows
from dashboards.selection import Subject
from dashboards.wording import say, spoken, year_to_date
from pipelines import catalogue

MOST = 200


def coverage(subject: Subject) -> Rows:
    """Months expected and reported by register, the year to date."""
    source, language, period = subject.source, subject.language, year_to_date(subject.month)
    if not rows.has(source, "coverage"):
        return ()
    frame = rows.opened(source).table("coverage").filter(area_code=subject.place.code, period=period)
    tables = catalogue.tables()
    cells = [
        (
            spoken(tables[name].label, language) if name in tables else name,
            f"{expected:,}",
            f"{reported:,}",
            say("books.complete" if reported == expected else "books.incomplete", language),
        )
        for name, expected, reported in frame.sort("coverage")
        .select("coverage", "expected_months", "reported_months")
        .iter_rows()
        if name in tables
    ]
    if not cells:
        return ()
    head = [say(f"books.{name}", language) for name in ("register", "expected", "reported", "state")]
    title = wording.joined((say("books.coverage", language), wording.period_name(period, language)), language)
    note = text("p", say("books.coverage_note", language), class_="finding")
    st.html(text("h2", title) + note + markup.scrolled(markup.table(head, cells), title))
    return ()


def refused(subject: Subject) -> Rows:
    """Rows still in quarantine by reason, where the release says it."""
    source, language = subject.source, subject.language
    if not rows.has(source, "quarantine_reasons"):
        return ()
    frame = rows.opened(source).table("quarantine_reasons").sort("rows", descending=True)
    cells = [(reason, f"{count:,}") for reason, count in frame.select("reason", "rows").iter_rows()]
    title = say("books.refused", language)
    head = [say("books.reason", language), say("quality.refused", language)]
    st.html(text("h2", title) + markup.scrolled(markup.table(head, cells), title))
    return ()


def plausibility(subject: Subject) -> Rows:
    """How often the books look too even: concluded on the same day, in the last days of a month, lines copied."""
    source, language = subject.source, subject.language
    found = rows.plausibility(source, subject.place.code, year_to_date(subject.month)[:7], subject.month)
    if not found:
        return ()
    tables = catalogue.tables()
    cells = [
        (
            say(f"books.{check}", language) if f"{check}" in wording.lexicon().books else check,
            spoken(tables[table].label, language) if table in tables else table,
            f"{count:,}",
            f"{checked:,}",
        )
        for check, table, count, checked in found
    ]
    head = [say(f"books.{name}", language) for name in ("check", "register", "found", "checked")]
    title = say("books.plausibility", language)
    note = text("p", say("books.plausibility_note", language), class_="finding")
    st.html(text("h2", title) + note + markup.scrolled(markup.table(head, cells, 2), title))
    return ()


def revisions(subject: Subject) -> Rows:
    """The figures of the area that this release revised against the one before."""
    source, language = subject.source, subject.language
    title = say("books.revisions", language)
    if not rows.has(source, "changes"):
        words = wording.spoken_metadata(rows.metadata(source), "revision_policy", language)
        st.html(text("h2", title) + text("p", words or say("books.no_changes", language), class_="finding"))
        return ()
    frame = rows.opened(source).table("changes")
    below = rows.opened(source).table("area_ancestors").filter(ancestor_code=subject.place.code)["area_code"]
    own = frame.filter(pl.col("area_code").is_in(below.to_list())) if "area_code" in frame.columns else frame
    words = say("books.changed", language, count=f"{len(own):,}")
    table = ""
    if len(own):
        cells = [[_cell(value) for value in row] for row in own.head(MOST).iter_rows()]
        table = markup.scrolled(markup.table(own.columns, cells, len(own.columns)), title)
    st.html(text("h2", title) + text("p", words, class_="finding") + table)
    return ()


def _cell(value: object) -> str:
    return wording.MISSING if value is None else str(value)
