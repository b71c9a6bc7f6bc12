"""What stands around every page: navigation, language, area and month, badge, notices; sources, citation, download."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboards import selection, wording
from dashboards.markup import tag, text
from dashboards.selection import Notice, PageName, Source, View
from dashboards.wording import HTML_LANGUAGES, LANGUAGES, Figure, Language, say, spoken
from pipelines import catalogue

HERE = Path(__file__).parent
SCRIPTS: Mapping[PageName, Path] = {
    "city_overview": HERE / "city_overview.py",
    "district_profile": HERE / "district_profile.py",
}
STYLE = HERE.with_name("style.css")
TITLE = say("product", "zh")
COLUMNS = ("release", "edition", "label", "area", "category_label", "unit", *Figure._fields)


def head(page: PageName) -> View:
    """Read the address and draw all that stands above a page's content. The returned view may lack area or month."""
    view = selection.read(page, st.query_params)
    if view.place and view.month:
        _complete_address(view)
    st.set_page_config(page_title=f"{_title(view)} | {say('product', view.language)}")
    # Streamlit writes lang="en" into every page; a screen reader would read the Chinese with an English voice.
    language = HTML_LANGUAGES[view.language]
    st.html(f"<script>document.documentElement.lang = '{language}'</script>", unsafe_allow_javascript=True)
    _navigation(view)
    st.html(text("h1", _title(view)))
    if view.source:
        _choices(view, view.source)
        st.html(badge(view, view.source))
    for notice in view.notices:
        _tell(notice, view)
    if view.newest and (view.source is None or view.source.id != view.newest):
        if view.source:
            st.info(say("newest", view.language, release=view.source.id, newest=view.newest))
        link = selection.address(view, release=view.newest)
        st.page_link(SCRIPTS[page], label=say("open_newest", view.language), query_params=link)
    return view


def _title(view: View) -> str:
    area = spoken(view.place.name, view.language) if view.place else ""
    return wording.joined((area, say(view.page, view.language)), view.language)


def _complete_address(view: View) -> None:
    """Put what the address leaves open into it, so that it can be copied as it stands."""
    open_parts = {name: code for name, code in selection.address(view).items() if name not in st.query_params}
    if open_parts:
        st.query_params.update(open_parts)


def _navigation(view: View) -> None:
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        st.html(text("p", say("product", view.language), class_="product"), width="content")
        for page, script in SCRIPTS.items():
            place = selection.counterpart(view.source, view.place, page) if view.source else None
            area = {"area": selection.short(place.code)} if place else {}
            st.page_link(script, label=say(page, view.language), query_params=selection.address(view) | area)
        key = "choice_lang"
        st.session_state[key] = view.language
        st.segmented_control(
            say("language", view.language),
            list(LANGUAGES),
            format_func=lambda code: LANGUAGES[code],
            key=key,
            required=True,
            label_visibility="collapsed",
            on_change=_chosen,
            args=("lang", key),
        )


def _choices(view: View, source: Source) -> None:
    language = view.language
    with st.container(key="choices", horizontal=True):
        level = selection.LEVELS[view.page]
        names = {place.code: _place_name(source, place.code, language) for place in selection.offered(source, level)}
        _choice("area", say(f"levels.{level}", language), names, view.place.code if view.place else None, view)
        months = {month: wording.month_name(month, language) for month in reversed(selection.months(source))}
        _choice("period", say("period", language), months, view.month, view)


def _choice(parameter: str, label: str, names: Mapping[str, str], chosen: str | None, view: View) -> None:
    """A selector that shows what the address says; a choice is written to the address and nowhere else."""
    key = f"choice_{parameter}_{view.page}"
    st.session_state[key] = chosen
    st.selectbox(
        label,
        list(names),
        index=None if chosen is None else 0,
        format_func=lambda code: names.get(code, code),
        key=key,
        placeholder=say("choose", view.language),
        on_change=_chosen,
        args=(parameter, key),
    )


def _chosen(parameter: str, key: str) -> None:
    code = st.session_state[key]
    if code is not None:
        st.query_params[parameter] = selection.short(code) if parameter == "area" else code


def _place_name(source: Source, code: str, language: Language) -> str:
    """A city by its name, a district with its city; in English the narrow name comes first, as in an address."""
    place = selection.places(source)[code]
    parent = selection.places(source).get(place.parent)
    if place.level != "district" or parent is None:
        return spoken(place.name, language)
    names = (parent.name, place.name) if language == "zh" else (place.name, parent.name)
    return wording.joined((spoken(name, language) for name in names), language)


def _tell(notice: Notice, view: View) -> None:
    language, values = view.language, dict(notice.values)
    if "level" in values:
        shown, level = (
            say(f"levels.{name}", language).lower() for name in (selection.LEVELS[view.page], values["level"])
        )
        values |= {"shown": shown, "level": level}
    st.warning(say(f"notices.{notice.key}", language, **values))
    if notice.page:
        label = say("open_page", language, page=say(notice.page, language))
        st.page_link(
            SCRIPTS[notice.page], label=label, query_params=selection.address(view, area=notice.values["value"])
        )


def badge(view: View, source: Source) -> str:
    """The as-of badge: data cutoff, release, edition and its state; and that login is off where it is."""
    about, language = selection.metadata(source), view.language
    cutoff = about.get("data_cutoff")
    edition = "login_off" if source.edition == "internal" else "edition_public"
    words = [
        say("data_cutoff", language, date=wording.day_name(str(cutoff), language)) if cutoff else "",
        say("release", language, release=source.id),
        _metadata_text(source, "publisher", language),
        say("state_final" if about.get("status") == "final" else "state_draft", language),
    ]
    marks = [text("li", word) for word in words if word] + [text("li", say(edition, language), class_="edition")]
    return tag("ul", "".join(marks), class_="badge")


def foot(view: View, source: Source, rows: Sequence[Figure]) -> None:
    """Sources, citation, link and download of what the page shows."""
    language = view.language
    about = (
        ("sources", _sources(source, rows, language)),
        ("revisions", _metadata_text(source, "revision_policy", language)),
        ("cite", _citation(view, source)),
        ("link", _link(view)),
        ("signs", say("legend", language)),
    )
    entries = (text("dt", say(key, language)) + text("dd", words) for key, words in about if words)
    st.html(text("h2", say("foot", language)) + tag("dl", "".join(entries), class_="about"))
    st.download_button(
        say("download", language),
        data=partial(table, source, rows, language),
        file_name="_".join(("fengqiao", view.page, *selection.address(view).values())) + ".csv",
        mime="text/csv",
        on_click="ignore",
    )


def _metadata_text(source: Source, name: str, language: Language) -> str:
    """A text that the release says of itself in both languages; empty where it does not."""
    return str(selection.metadata(source).get(f"{name}_{language}") or "")


def _sources(source: Source, rows: Iterable[Figure], language: Language) -> str:
    """The exports behind the rows, by the labels of their contracts."""
    cards, measures, contracts = selection.cards(source), catalogue.measures(), catalogue.contracts()
    used = {cards[row.indicator].numerator for row in rows}
    exports = sorted({measures[measure].table for measure in used if measure in measures})
    labels = [spoken(contracts[export].label, language) for export in exports if export in contracts]
    return wording.listed(labels, language)


def _citation(view: View, source: Source) -> str:
    language = view.language
    edition = say(f"edition_{source.edition}", language)
    month = wording.month_name(view.month, language) if view.month else ""
    publisher = _metadata_text(source, "publisher", language)
    parts = (
        publisher,
        say("product", language),
        edition,
        say("release", language, release=source.id),
        _title(view),
        month,
    )
    return ("，" if language == "zh" else ", ").join(part for part in parts if part)


def _link(view: View) -> str:
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, here.path or "/", urlencode(selection.address(view)), ""))


def table(source: Source, rows: Iterable[Figure], language: Language) -> bytes:
    """The rows as CSV with byte order mark, each figure once; labels and, in Chinese, the heading as on the page."""
    cards, places = selection.cards(source), selection.places(source)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(say(f"columns.{name}", language) for name in COLUMNS)
    for row in dict.fromkeys(rows):
        card, area = cards[row.indicator], places.get(row.area_code)
        category = selection.categories(source).get(row.breakdown, {}).get(row.category)
        words = (
            wording.label(card, language),
            spoken(area.name, language) if area else "",
            spoken(category, language) if category else "",
            wording.unit_of_axis(card, language),
        )
        cells = (int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in row[:-1])
        writer.writerow((source.id, source.edition, *words, *cells, ",".join(row.status)))
    return out.getvalue().encode("utf-8-sig")
