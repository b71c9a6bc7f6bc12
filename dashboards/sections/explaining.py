"""What an indicator means and where it comes from: its card, its measures, the exports, and how to ask for its rows."""

from collections.abc import Sequence

from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.sections import Content
from dashboards.selection import Subject, short
from dashboards.wording import Language, ending_with, say, spoken
from pipelines import catalogue
from pipelines.catalogue import Card


def panel(subject: Subject) -> Content:
    """The card of the chosen indicator with its lineage, and the questions to ask for what lies behind a figure."""
    card = rows.cards(subject.source)[subject.options["indicator"]]
    language = subject.language
    yield (
        text("h2", wording.joined((say("definition", language), wording.label(card, language)), language))
        + tag(
            "div",
            tag("div", markup.definition(card, language), class_="definition-text")
            + tag("div", lineage(card, language) + _questions(subject, card), class_="lineage"),
            class_="pair",
        )
    )
    return ()


def of_chosen(subject: Subject) -> Content:
    """The lineage and the questions where an indicator is looked up; its card stands in the dictionary above."""
    if subject.options["indicator"] == "all":
        return ()
    card = rows.cards(subject.source)[subject.options["indicator"]]
    pair = lineage(card, subject.language) + _questions(subject, card)
    yield text("h2", say("definitions.behind", subject.language)) + tag("div", pair, class_="pair")
    return ()


def lineage(card: Card, language: Language) -> str:
    """From the indicator back to the exports: measures, the date that places a case, the register."""
    measures, contracts = catalogue.measures(), catalogue.tables()
    steps = []
    for name in dict.fromkeys(card.measures):
        measure = measures.get(name)
        if measure is None:
            continue
        contract = contracts.get(measure.table)
        export = spoken(contract.label, language) if contract else measure.table
        dated = say("definitions.dated", language, date=measure.date or "—")
        steps.append([spoken(measure.label, language), name, export, dated])
    head = [say(f"definitions.{name}", language) for name in ("measure", "id", "export", "date")]
    title = say("definitions.lineage", language)
    return markup.block(title, markup.scrolled(markup.table(head, steps, len(head)), title))


def _questions(subject: Subject, card: Card) -> str:
    """The same question on the command line and in SQL; internal figures can be taken apart to their rows."""
    language, area, period = subject.language, short(subject.place.code), ending_with(subject.month)
    words = f"--indicator {card.id} --area {area} --period {period}"
    commands = [f"fengqiao figures {words} --edition {subject.source.edition}"]
    commands += [f"fengqiao explain {words}"] if subject.source.edition == "internal" and card.kind != "share" else []
    commands.append(f'fengqiao sql "{sql(card, subject.place.code, period)}" --edition {subject.source.edition}')
    lines = "".join(tag("pre", text("code", command), tabindex="0") for command in commands)
    return markup.block(say("definitions.ask", language), lines)


def sql(card: Card, area: str, period: str) -> str:
    """The query that gives a figure from the release's own database."""
    conditions: Sequence[str] = (
        f"indicator = '{card.id}'",
        f"area_code = '{area}'",
        f"period = '{period}'",
        f"breakdown = '{card.breakdowns[0] if card.kind == 'share' else 'total'}'",
    )
    return "select category, value, numerator, denominator, status from figures where " + " and ".join(conditions)
