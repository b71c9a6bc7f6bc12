"""The books themselves: timeliness by month, plausibility, what was refused and why, what a release revised."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from dashboards import markup, rows, wording
from dashboards.markup import text
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import say, spoken, year_to_date
from pipelines import catalogue

MOST = 200


def coverage(subject: Subject) -> Content:
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
    head = [say(f"books.{name}", language) for name in ("register", "expected", "there", "state")]
    title = wording.joined((say("books.coverage", language), wording.period_name(period, language)), language)
    note = text("p", say("books.coverage_note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells), title)
    return ()


@kept
def refused(subject: Subject) -> Content:
    """Rows in quarantine or warned of, by reason, the year to date; of the senders that owe for no area but these."""
    source, language, period = subject.source, subject.language, year_to_date(subject.month)
    if not rows.has(source, "quarantine_reasons"):
        return ()
    found = rows.refused(source, subject.place.code, period[:7], subject.month)
    title = wording.joined((say("books.why_refused", language), wording.period_name(period, language)), language)
    if not found:
        yield text("h2", title) + text("p", say("books.none_refused", language), class_="finding")
        return ()
    head = [say(f"books.{name}", language) for name in ("reason", "export", "treatment")]
    head.append(say("books.rows", language))
    cells = [
        (
            wording.capital(spoken(reason, language)),
            spoken(export, language),
            say(f"books.{severity}", language),
            f"{count:,}",
        )
        for reason, export, severity, count in found
    ]
    yield text("h2", title) + markup.scrolled(markup.table(head, cells, 3), title)
    return ()


def plausibility(subject: Subject) -> Content:
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
    period = wording.period_name(year_to_date(subject.month), language)
    title = wording.joined((say("books.plausibility", language), period), language)
    note = text("p", say("books.plausibility_note", language), class_="finding")
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells, 2), title)
    return ()


def revisions(subject: Subject) -> Content:
    """The figures of the area, and of those in it, that differ from an earlier release: before, after, why."""
    source, language = subject.source, subject.language
    title = say("books.revisions", language)
    if not rows.has(source, "changes"):
        words = wording.spoken_metadata(rows.metadata(source), "revision_policy", language)
        yield text("h2", title) + text("p", words or say("books.no_changes", language), class_="finding")
        return ()
    below = {subject.place.code, *(place.code for place in rows.children(source, subject.place.code))}
    own = rows.opened(source).changes().filter(pl.col("area_code").is_in(sorted(below)))
    said = say("books.changed", language, count=f"{len(own):,}") if len(own) else say("books.unchanged", language)
    words = text("p", said, class_="finding")
    names = ("area", "period", "indicator", "before", "after", "reason", "against")
    head = [say(f"books.{name}", language) for name in names]
    cells = [_revision(row, subject) for row in own.sort("period", descending=True).head(MOST).iter_rows(named=True)]
    table = markup.scrolled(markup.table(head, cells, 3), title) if cells else ""
    yield text("h2", title) + words + table
    return ()


def _revision(row: Mapping[str, Any], subject: Subject) -> list[str]:
    source, language = subject.source, subject.language
    card, labels = rows.cards(source).get(row["indicator"]), rows.categories(source).get(row["breakdown"], {})
    category = spoken(labels[row["category"]], language) if row["category"] in labels else ""
    known = rows.metadata(source).get("reasons", {})
    reasons = (known[code][language] if code in known else code for code in row["reason"].split(","))
    sides = (row["value_before"], row["value_after"])
    return [
        spoken(rows.places(source)[row["area_code"]].name, language),
        wording.capital(wording.period_name(row["period"], language)),
        wording.joined((wording.label(card, language) if card else row["indicator"], category), language),
        *(wording.value_text(side, card, language, exact=True) if card else wording.MISSING for side in sides),
        wording.listed(reasons, language),
        row["against"],
    ]


@kept
def reported_and_counted(subject: Subject) -> Content:
    """What the monthly forms reported beside what case rows count in the month, and what explains the difference."""
    source, language = subject.source, subject.language
    found = rows.reconciled(source, subject.place.code, subject.month)
    if not found:
        return ()
    measures = catalogue.measures()
    head = [say("books.measure", language), *(say(f"books.{name}", language) for name in rows.RECONCILED)]
    cells = [
        [spoken(measures[measure].label, language) if measure in measures else measure]
        + [wording.MISSING if count is None else wording.whole(count) for count in counts]
        for measure, *counts in found
    ]
    month = wording.month_name(subject.month, language)
    title = wording.joined((say("books.reconciled", language), subject.name, month), language)
    note = text("p", say("books.reconciled_note", language), class_="finding")
    known = [measures[measure] for measure, *_ in found if measure in measures]
    reasons = "".join(
        text(
            "p",
            say("books.uncounted", language, label=spoken(one.label, language), why=spoken(one.uncounted, language)),
            class_="finding",
        )
        for one in known
        if one.uncounted
    )
    yield text("h2", title) + note + markup.scrolled(markup.table(head, cells), title) + reasons
    return ()
