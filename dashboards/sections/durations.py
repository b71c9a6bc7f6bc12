"""How long cases take: days to conclusion, and how old the open ones are."""

from dashboards import markup, rows, wording
from dashboards.markup import tag, text
from dashboards.rows import by_days, by_key, figures
from dashboards.sections import Content, kept
from dashboards.selection import Subject
from dashboards.wording import say, year_to_date

QUANTILES = (
    "mediation_days_to_conclude_median",
    "mediation_days_to_conclude_p90",
    "mediation_days_to_conclude_survival_median",
    "mediation_within_30_days_rate",
    "petition_days_to_conclude_median",
    "petition_survival_days_median",
)
CONCLUDED = (("mediation", "mediation_days_to_conclude"), ("petition", "petition_days_to_conclude"))
OPEN = (("mediation", "mediation_cohort_open_days"), ("petition", "petition_cohort_open_days"))


@kept
def durations(subject: Subject) -> Content:
    """Medians beside the city's, and how many cases fell into which band of days."""
    source, language, period = subject.source, subject.language, year_to_date(subject.month)
    cards = [rows.cards(source)[name] for name in QUANTILES if name in rows.cards(source)]
    city = subject.above
    areas = (subject.place.code, *([city.code] if city else []))
    shown = figures(source, [card.id for card in cards], areas, (period,))
    found = by_key(shown)
    head = [say("indicator", language), subject.name, *([say("whole_city", language)] if city else [])]
    cells = [
        [wording.label(card, language)]
        + [
            wording.shown(row := found.get((card.id, code, period)), card, language)
            + wording.unit_text(row.value if row else None, card, language)
            for code in areas
        ]
        for card in cards
    ]
    name = wording.period_name(period, language)
    title = wording.joined((say("days.title", language), name), language)
    middle = wording.joined((say("days.medians", language), name), language)
    parts = [markup.block(middle, markup.scrolled(markup.table(head, cells), middle))]
    if not any(row.value is not None or row.band for row in shown):
        return ()
    parts.append(_bands(subject, CONCLUDED, period[:7], subject.month, name, "concluded"))
    cutoff = str(rows.metadata(source).get("data_cutoff") or "")
    parts.append(_bands(subject, OPEN, "", cutoff[:7], wording.day_name(cutoff, language), "open"))
    yield text("h2", title) + tag("div", "".join(parts), class_="pair")
    return shown


def _bands(subject: Subject, measures: tuple[tuple[str, str], ...], first: str, last: str, when: str, kind: str) -> str:
    """Cases by band of days, a column a system; nothing where the release carries no histograms."""
    source, language = subject.source, subject.language
    columns = [by_days(source, measure, subject.place.code, first, last) for _, measure in measures]
    if not all(columns):
        return ""
    head = [say("days.band", language), *(say(f"systems.{system}", language) for system, _ in measures)]
    cells = [
        [_band(low, high, language), *(f"{column[place][2]:,}" for column in columns)]
        for place, (low, high, _) in enumerate(columns[0])
    ]
    title = wording.joined((say(f"days.{kind}", language), subject.name, when), language)
    return markup.block(title, markup.scrolled(markup.table(head, cells), title), say(f"days.{kind}_note", language))


def _band(low: int, high: int | None, language: wording.Language) -> str:
    if high is None:
        return say("days.from", language, low=str(low))
    return say("days.between", language, low=str(low), high=str(high))
