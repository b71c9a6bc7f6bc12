"""What stands around every page: sign-in, navigation, choices, badge, notices; sources, citation, link, downloads.

A page is a name, its own options and a list of sections; `show` draws it.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from dashboards import access, charts, files, rows, selection, wording
from dashboards.access import NotAdmitted, Person
from dashboards.markup import Markup, tag, text
from dashboards.rows import Source
from dashboards.sections import Beside, Chart, Piece, Section, collected
from dashboards.selection import Notice, Option, PageName, Subject, View
from dashboards.wording import HTML_LANGUAGES, LANGUAGES, Figure, Language, say, spoken
from pipelines import catalogue

HERE = Path(__file__).parent
SCRIPTS: Mapping[PageName, Path] = {page: HERE / f"{page}.py" for page in selection.LEVELS}
# The first page has no path of its own; the paths are part of links and stay as they are.
URL_PATHS: Mapping[PageName, str] = {
    "district_profile": "district",
    "explorer": "explorer",
    "analysis": "analysis",
    "map": "map",
    "three_tiers": "tiers",
    "annual_review": "review",
    "data_quality": "quality",
    "definitions": "definitions",
    "data_access": "data",
}
STYLE = Markup(tag("style", HERE.with_name("style.css").read_text(encoding="utf-8")))
BEHAVIOUR = (HERE.with_name("behaviour.js")).read_text(encoding="utf-8")
TITLE = say("product", "zh")
WALL = "wall"
SECONDS_BETWEEN_LOOKS = 60
FORMS = ("csv", "xlsx")
PLAIN = re.compile(r"[\w.\-]{1,80}")
LONGEST = 80


class Page(NamedTuple):
    """A page: what it is called, what it adds to the choice of area and month, and its sections in order."""

    name: PageName
    sections: Sequence[Section]
    options: Sequence[Option] = ()


def show(page: Page) -> None:
    """Draw a page for whoever asks for it, as far as that person may see."""
    language = selection.language_of(st.query_params.get("lang"))
    _set_language(language)
    person = signed_in(language)
    if person is None:
        return
    if st.query_params.get("view") == WALL and page.name == "city_overview" and rows.edition() == "internal":
        wall(page, person)
        return
    view = head(page, person)
    if view.subject:
        foot(view, view.subject, draw(page.sections, view.subject))


def draw(sections: Iterable[Section], subject: Subject) -> list[Figure]:
    """Draw sections one after the other; all figures they showed.

    Markup that follows on markup is drawn in one go: each message to the browser has its price.
    """
    contents = [collected(section(subject)) for section in sections]
    pieces = (piece for content, _ in contents for piece in content)
    for is_markup, run in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if is_markup:
            st.html(Markup("".join(run)))
        else:
            for piece in run:
                _place(piece)
    return [figure for _, shown in contents for figure in shown]


def _place(piece: Piece) -> None:
    match piece:
        case str():
            st.html(piece)
        case Beside(left, right):
            for column, half in zip(st.columns(2, gap="medium"), (left, right), strict=True):
                with column:
                    _place(half)
        case Chart(key, above, drawn, below):
            with st.container(key=key):
                st.html(above)
                st.plotly_chart(drawn.figure, key=f"chart_{key}", config=charts.CONFIG, alt=drawn.finding)
                st.html(below)


def signed_in(language: Language) -> Person | None:
    """Whoever reads. None, with what to do, where sign-in is on and the person is not signed in or not admitted."""
    if rows.edition() == "public" or not access.has_sign_in():
        return Person("", None)
    if st.user.is_logged_in:
        try:
            return access.admitted(st.user.to_dict())
        except NotAdmitted as error:
            reason = error.reason
    else:
        reason = "signed_out"
    st.html(text("h1", say("product", language)) + text("p", say(f"sign_in.{reason}", language)))
    if reason in ("signed_out", "too_long_ago"):
        st.button(say("sign_in.sign_in", language), on_click=st.login, type="primary")
    else:
        st.button(say("sign_in.sign_out", language), on_click=st.logout)
    return None


def head(page: Page, person: Person) -> View:
    """Read the address and draw all that stands above a page's content. The returned view may lack its subject."""
    view = selection.read(page.name, st.query_params, page.options, person.scope)
    if view.subject:
        _complete_address(view)
    st.set_page_config(page_title=f"{_title(view)} | {say('product', view.language)}")
    if not st.context.is_embedded:
        _navigation(view, person)
    st.html(text("h1", _title(view)))
    if view.source:
        if page.name in selection.offered_pages(view.source):
            _choices(page, view, view.source)
        st.html(badge(view, view.source))
    for notice in view.notices:
        _tell(notice, view)
    if view.newest and (view.source is None or view.source.id != view.newest):
        if view.source:
            st.info(say("newest", view.language, release=view.source.id, newest=view.newest))
        link = selection.address(view, release=view.newest)
        st.page_link(SCRIPTS[page.name], label=say("open_newest", view.language), query_params=link)
    return view


def _set_language(language: Language) -> None:
    """Streamlit writes lang="en" into every page: a screen reader would read the Chinese with an English voice."""
    words = {say(key, "en"): say(key, language) for key in ("skip", "open_list")} | {"pages": say("pages", language)}
    said = f"document.documentElement.lang = '{HTML_LANGUAGES[language]}'; window.said = {json.dumps(words)};"
    st.html(f"<script>{said}{BEHAVIOUR}</script>", unsafe_allow_javascript=True)


def _title(view: View) -> str:
    area = (
        spoken(view.place.name, view.language) if view.place and view.page not in ("definitions", "data_access") else ""
    )
    return wording.joined((area, say(f"pages.{view.page}", view.language)), view.language)


def _complete_address(view: View) -> None:
    """Put what the address leaves open into it, so that it can be copied as it stands."""
    open_parts = {name: code for name, code in selection.address(view).items() if name not in st.query_params}
    if open_parts:
        st.query_params.update(open_parts)


def _navigation(view: View, person: Person) -> None:
    language = view.language
    with st.container(key="top", horizontal=True, vertical_alignment="center"):
        st.html(text("p", say("product", language), class_="product"), width="content")
        if person.name:
            st.button(say("sign_in.leave", language, name=person.name), on_click=st.logout, type="tertiary")
        key = "choice_lang"
        st.session_state[key] = language
        st.segmented_control(
            say("language", language),
            list(LANGUAGES),
            format_func=lambda code: LANGUAGES[code],
            key=key,
            required=True,
            label_visibility="collapsed",
            on_change=_chosen,
            args=("lang", key),
        )
    with st.container(key="pages", horizontal=True):
        for page in selection.offered_pages(view.source):
            st.page_link(SCRIPTS[page], label=say(f"pages.{page}", language), query_params=_link_to(view, page))


def _link_to(view: View, page: PageName) -> dict[str, str]:
    """Another page with the same area, month, language and release; the indicator goes along."""
    place = selection.counterpart(view.source, view.place, page) if view.source else None
    kept = {name: code for name, code in view.options.items() if name == "indicator" and page == "explorer"}
    dropped = dict.fromkeys(view.options, "") if page != view.page else {}
    area = {"area": selection.short(place.code)} if place else {}
    return selection.address(view, **dropped | kept | area)


def _choices(page: Page, view: View, source: Source) -> None:
    language = view.language
    with st.container(key="choices", horizontal=True):
        levels = selection.LEVELS[view.page]
        names = {place.code: _place_name(source, place.code, language) for place in rows.offered(source, levels)}
        label = say(f"levels.{levels[0]}" if len(levels) == 1 else "area", language)
        _choice("area", label, names, view.place.code if view.place else None, view)
        months = {month: wording.month_name(month, language) for month in reversed(rows.months(source))}
        _choice("period", say("period", language), months, view.month, view)
        for option in page.options:
            _option(option, view, _subject_so_far(view))


def _subject_so_far(view: View) -> Subject | None:
    """The subject that the lists of options are made for, also where one of them was wrong."""
    if not (view.source and view.place and view.month):
        return None
    return Subject(view.page, view.language, view.source, view.place, view.month, view.options)


def _option(option: Option, view: View, subject: Subject | None) -> None:
    if subject is None:
        return
    label = say(option.label, view.language)
    if option.is_searched:
        key = f"choice_{option.parameter}_{view.page}"
        st.session_state[key] = view.options.get(option.parameter, "")
        st.text_input(label, key=key, on_change=_chosen, args=(option.parameter, key))
        return
    try:
        names = option.names(subject)
    except KeyError:  # the list depends on a choice that the address names wrongly
        return
    if len(names) > 1:
        _choice(option.parameter, label, names, view.options.get(option.parameter), view)


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
    """Write a choice to the address; what depended on another indicator falls back to its default."""
    code = st.session_state[key]
    if code is None:
        return
    st.query_params[parameter] = selection.short(code) if parameter == "area" else code
    if parameter in ("indicator", "area"):
        for name in ("by", "span", "areas"):
            st.query_params.pop(name, None)


def _place_name(source: Source, code: str, language: Language) -> str:
    """A city by its name, a district with its city; in English the narrow name comes first, as in an address."""
    place = rows.places(source)[code]
    parent = rows.places(source).get(place.parent)
    if place.level != "district" or parent is None:
        return spoken(place.name, language)
    names = (parent.name, place.name) if language == "zh" else (place.name, parent.name)
    return wording.joined((spoken(name, language) for name in names), language)


def _as_text(value: str) -> str:
    """What an address says, in a notice, which is Markdown: a plain code as it is, anything else cut short and as code, in
    which nothing becomes a link, a picture or markup."""
    if PLAIN.fullmatch(value):
        return value
    shown = "".join(character for character in value[:LONGEST] if character.isprintable()).replace("`", "'")
    return f"`{shown}{'…' if len(value) > LONGEST else ''}`"


def _tell(notice: Notice, view: View) -> None:
    language, values = view.language, {name: _as_text(value) for name, value in notice.values.items()}
    if "level" in values:
        values["shown"] = _levels(selection.LEVELS[view.page], language)
        values["level"] = _levels((values["level"],), language)
    if notice.key == "unknown_option":
        values["name"] = say(values["name"], language)
    st.warning(say(f"notices.{notice.key}", language, **values))
    if notice.page:
        name = spoken(notice.place.name, language) if notice.place else ""
        label = say("open_page", language, page=wording.joined((name, say(f"pages.{notice.page}", language)), language))
        area = {"area": selection.short(notice.place.code)} if notice.place else {}
        st.page_link(SCRIPTS[notice.page], label=label, query_params=selection.address(view, **area))


def _levels(levels: Sequence[str], language: Language) -> str:
    return wording.listed((say(f"levels.{level}", language).lower() for level in levels), language)


def badge(view: View, source: Source) -> str:
    """The as-of badge: data cutoff, release, edition and its state; and that login is off where it is."""
    about, language = rows.metadata(source), view.language
    cutoff = about.get("data_cutoff")
    is_open = source.edition == "internal" and not access.has_sign_in()
    edition = "login_off" if is_open else f"edition_{source.edition}"
    words = [
        say("data_cutoff", language, date=wording.day_name(str(cutoff), language)) if cutoff else "",
        say("release", language, release=source.id),
        wording.spoken_metadata(about, "publisher", language),
        say("state_final" if about.get("status") == "final" else "state_draft", language),
    ]
    marks = [text("li", word) for word in words if word] + [text("li", say(edition, language), class_="edition")]
    return tag("ul", "".join(marks), class_="badge")


def foot(view: View, subject: Subject, shown: Sequence[Figure]) -> None:
    """Sources, revisions, citation, link and downloads of what the page shows."""
    language, source = view.language, subject.source
    about = (
        ("sources", _sources(source, shown, language)),
        ("revisions", wording.spoken_metadata(rows.metadata(source), "revision_policy", language)),
        ("cite", _citation(view, source)),
        ("link", _link(view)),
        ("signs", say("legend", language)),
        ("rounding", say("rounding_note", language) if source.edition == "public" else ""),
    )
    entries = (text("dt", say(key, language)) + text("dd", words) for key, words in about if words)
    st.html(text("h2", say("foot", language)) + tag("dl", "".join(entries), class_="about"))
    name = "_".join(("fengqiao", view.page, *selection.address(view).values()))
    with st.container(key="files", horizontal=True):
        for form in FORMS:
            _download(form, partial(files.figures_as, form, source, shown, language), name, language)


def _download(form: str, content: Callable[[], bytes], name: str, language: Language) -> None:
    """A button that makes its file when it is pressed. It has a key, or a session would keep one of it for each file name."""
    label = say("download", language, form=form.upper())
    file_name, kind = f"{name}.{form}", files.TYPES[form]
    st.download_button(label, data=content, file_name=file_name, mime=kind, on_click="ignore", key=f"file_{form}")


def _sources(source: Source, shown: Iterable[Figure], language: Language) -> str:
    """The exports behind the rows, by the labels of their contracts; all of the release where a page shows none."""
    cards, measures, contracts = rows.cards(source), catalogue.measures(), catalogue.contracts()
    used = {cards[row.indicator].numerator for row in shown} or {card.numerator for card in cards.values()}
    exports = sorted({measures[measure].table for measure in used if measure in measures})
    labels = [spoken(contracts[export].label, language) for export in exports if export in contracts]
    return wording.listed(labels, language)


def _citation(view: View, source: Source) -> str:
    language = view.language
    parts = (
        wording.spoken_metadata(rows.metadata(source), "publisher", language),
        say("product", language),
        say(f"edition_{source.edition}", language),
        say("release", language, release=source.id),
        _title(view),
        wording.month_name(view.month, language) if view.month else "",
    )
    return ("，" if language == "zh" else ", ").join(part for part in parts if part)


def _link(view: View) -> str:
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, here.path or "/", urlencode(selection.address(view)), ""))


def wall(page: Page, person: Person) -> None:
    """The page as a big screen: no choices, the newest release, looked for again every minute."""
    st.html(
        tag(
            "style",
            "html { font-size: 22px } .stMainBlockContainer { max-width: none } .card details { display: none }",
        )
    )

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS)
    def look() -> None:
        asked = {name: code for name, code in st.query_params.items() if name not in ("release", "period")}
        view = selection.read(page.name, asked, (), person.scope)
        st.html(text("h1", _title(view)))
        if view.source and view.subject:
            st.html(badge(view, view.source))
            draw(page.sections[:2], view.subject)

    look()
