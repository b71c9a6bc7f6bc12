"""Every chart of every page in both editions: it says what it shows and what it finds, stands beside its data, and can be
taken away as a drawing, CSV and XLSX that hold the same figures and the words of the card.

Charts are found by what draws on a page, not by a list: a new one that lacks any of this fails here.
"""

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import parse_qs, unquote, urlsplit

import polars as pl
import pytest
from lxml import etree, html
from playwright.sync_api import Page
from starlette.requests import Request
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from dashboards import api, rows, selection, wording
from dashboards.rows import Source
from dashboards.selection import PageName
from dashboards.wording import Language, say, spoken
from pipelines import catalogue
from tests.conftest import Road
from tests.test_browser import Visit, browser, visit
from tests.test_pages import Open, map_of, opened

__all__ = ["browser", "opened", "visit"]

DRAWS = "//figure | //img | //svg | //canvas | //ul[@class='tiles'] | //table[.//*[contains(@class, 'rail')]]"
KEY = ("area_code", "period", "breakdown", "category")
SVG = "{http://www.w3.org/2000/svg}"
ASKED: Sequence[tuple[PageName, Mapping[str, str]]] = (
    *((page, {}) for page in get_args(PageName)),
    ("city_overview", {"view": "wall"}),
    ("explorer", {"areas": "below"}),
    ("explorer", {"areas": "below", "span": "to_date"}),
    ("explorer", {"areas": "below", "span": "to_date", "indicator": "mediation_success_rate"}),
    ("explorer", {"area": "420583", "areas": "beside", "span": "to_date"}),
    ("explorer", {"area": "420583", "areas": "below", "span": "ending"}),
    ("explorer", {"by": "channel", "span": "to_date"}),
    ("explorer", {"by": "channel", "span": "by_year"}),
    ("explorer", {"indicator": "organisation_judicial_offices"}),
    ("analysis", {"indicator": "mediation_success_rate"}),
    ("map", {"indicator": "mediation_accepted"}),
)


class Chart(NamedTuple):
    """What draws, and the part of the page that belongs to it alone."""

    drawn: Any
    box: Any
    page: Any

    @property
    def kind(self) -> str:
        return (
            "bars" if self.drawn.tag == "table" else self.drawn.get("id") or self.drawn.get("class") or self.drawn.tag
        )

    @property
    def title(self) -> str:
        return str(self.box.find(".//h3").text_content())

    @property
    def alternative(self) -> str:
        """What a screen reader says of it; bars and tiles are read themselves, with the sentence above them."""
        if self.kind in ("bars", "tiles"):
            return str(self.drawn.get("aria-label")) + " ".join(self.box.xpath(".//p[@class='finding']/text()"))
        return self.drawn.get("alt") or ""

    @property
    def table(self) -> Any:
        """The same data: bars stand in it, a map beside it, all else over it."""
        if self.kind == "bars":
            return self.drawn
        own = self.box.xpath(".//details[@class='data']//table")
        return (own or self.page.xpath(f"//table[@class='ranked'][@aria-label='{self.title}']"))[0]

    @property
    def links(self) -> Mapping[str, str]:
        return {link.text: link.get("href") for link in self.box.xpath(".//p[@class='take']/a")}


def charts_of(app: AppTest) -> Iterator[Chart]:
    """The charts of a page. Fails for one that has no title and no downloads of its own."""
    page = html.fromstring(_tree(app.main))
    for drawn in page.xpath(DRAWS):
        boxes = [above for above in drawn.iterancestors() if above.xpath(".//p[@class='take']")]
        assert boxes, f"No downloads: {etree.tostring(drawn)[:200]!r}"
        assert len(boxes[0].xpath(".//h3")) == len(boxes[0].xpath(".//p[@class='take']")) == 1, boxes[0].text_content()
        yield Chart(drawn, boxes[0], page)


def _tree(block: Any) -> str:
    """The page as markup; what the framework draws as a figure."""
    if isinstance(block, Block):
        return "<div>" + "".join(_tree(child) for child in block.children.values()) + "</div>"
    if block.type == "html":
        return str(re.sub(r"<(style|script)>.*?</\1>", "", block.proto.body, flags=re.DOTALL))
    if re.search("chart|imgs|image|graph", block.type):
        return f'<figure id="{block.key}"></figure>'.replace(">", f' alt="{block.proto.alt}">', 1)
    return ""


def answer(link: str) -> bytes:
    """What the interface answers to a link."""
    parts = urlsplit(link)
    asked = {"type": "http", "method": "GET", "path": f"/{parts.path}", "path_params": {}, "headers": []}
    response = api.ANSWERS["figures"](Request(asked | {"query_string": parts.query.encode()}))
    assert response.status_code == 200, (link, bytes(response.body)[:300])
    assert "attachment" in response.headers["Content-Disposition"]
    return bytes(response.body)


@cache
def published(folder: Path, indicator: str) -> Mapping[tuple[Any, ...], float | None]:
    """The figures of an indicator by area, period, breakdown and category, from the release's own file."""
    frame = pl.scan_parquet(folder / "figures.parquet").filter(indicator=indicator)
    return {tuple(cells[:-1]): cells[-1] for cells in frame.select(*KEY, "value").collect().iter_rows()}


def words_of_card(source: Source, indicator: str, language: Language) -> Sequence[str]:
    card = rows.cards(source)[indicator]
    return [wording.label(card, language), spoken(card.definition, language)] + (
        [spoken(card.caution, language)] if card.caution else []
    )


def _bare(text: str) -> str:
    return re.sub(r"\s+", "", text)


def check_drawing(content: bytes, chart: Chart, words: Sequence[str], source: Source, values: Sequence[str]) -> None:
    """A drawing of its own: readable as one, titled, with its finding, its values, its card's words and its release."""
    drawn = etree.fromstring(content)
    assert drawn.tag == f"{SVG}svg" and drawn.findtext(f"{SVG}title") == chart.title
    assert _bare(drawn.findtext(f"{SVG}desc") or "")
    written = _bare("".join(part.text or "" for part in drawn.iter(f"{SVG}text")))
    assert [part for part in (chart.title, *words, source.id) if _bare(part) not in written] == []
    assert [value for value in values if _bare(value) not in written] == []


def check_tables(chart: Chart, source: Source, words: Sequence[str], language: Language) -> Sequence[Mapping[str, str]]:
    """CSV and XLSX: the release's own figures, with the words; the rows of the CSV."""
    head = {name: say(f"columns.{name}", language) for name in api.files.COLUMNS}
    table = list(csv.DictReader(io.StringIO(answer(chart.links["CSV"]).decode("utf-8-sig"))))
    assert table
    figures = published(rows.opened(source).folder, table[0][head["indicator"]])
    for row in table:
        value = figures[tuple(row[head[name]] for name in KEY)]
        assert (float(row[head["value"]]) if row[head["value"]] else None) == value
        assert (row[head["release"]], row[head["label"]], row[head["definition"]]) == (source.id, *words[:2])
    with zipfile.ZipFile(io.BytesIO(answer(chart.links["XLSX"]))) as book:
        said = unescape(book.read("xl/sharedStrings.xml").decode())
    assert [part for part in (*words, source.id) if part not in said] == []
    return table


def check(chart: Chart, source: Source, language: Language) -> None:
    """All that a chart must have."""
    asked = {name: value[0] for name, value in parse_qs(urlsplit(unquote(chart.links["CSV"])).query).items()}
    words = words_of_card(source, asked["indicator"], language)
    places = rows.places(source)
    own = places[catalogue.padded(asked["area"].partition(",")[0])]
    area = {spoken(place.name, language) for place in (own, places.get(own.parent, own))}
    last = asked.get("period", asked.get("months", "")).split(",")[-1].split("..")[-1]
    assert words[0] in chart.title
    assert any(name in chart.title for name in area), chart.title
    assert last[:4] in chart.title
    assert _bare(chart.alternative.replace(chart.title, "")), f"{chart.title}: no finding"
    table = check_tables(chart, source, words, language)
    shown = chart.table.xpath(".//tbody/tr/th[@scope='row']")
    assert len(shown) >= 2 or len(table) == 1
    if chart.kind != "bars":
        assert len(chart.box.xpath(".//button[@class='save']")) == 1
        return
    names = [name.text_content() for name in shown]
    key = say(f"columns.{'area' if asked.get('by', 'total') == 'total' else 'category_label'}", language)
    assert sorted(names) == sorted(row[key] for row in table)
    values = [cell.text or "" for cell in chart.table.xpath(".//tbody/tr/td[@class='number'][1]")]
    check_drawing(answer(chart.links["SVG"]), chart, words, source, [*names, *values])


@pytest.mark.parametrize(("edition", "language"), [("internal", "zh"), ("public", "en")])
def test_every_chart_says_what_it_shows_and_can_be_taken_away(
    opened: Open, road: Road, edition: str, language: Language
) -> None:
    kinds: set[str] = set()
    for page, parameters in ASKED:
        app = opened(page, edition=edition, lang=language, **({"period": "2025-12"} | parameters))
        source = rows.source_of(edition, rows.newest_release(edition) or "")
        assert source
        if page not in selection.offered_pages(source):
            continue
        for chart in charts_of(app):
            kinds.add(chart.kind)
            check(chart, source, language)
    assert kinds >= {"bars", "chart_explored", "tiles"}
    assert edition == "public" or kinds >= {"img", "chart_control", "chart_funnel"}


@pytest.fixture
def source(road: Road, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The road's internal release."""
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    found = rows.source_of("internal", road.release.name)
    assert found
    return found


def test_an_approved_map_is_taken_away_too(opened: Open, road: Road, source: Source) -> None:
    map_of(road.data, [place.code for place in rows.children(source, "420500000000") if place.code[-6:] != "999000"])
    try:
        charts = list(charts_of(opened("map", period="2025-12")))
        assert [chart.kind for chart in charts] == ["chart_map", "bars"]
        for chart in charts:
            check(chart, source, "zh")
    finally:
        shutil.rmtree(road.data / "maps")


def test_a_column_that_is_not_drawn_offers_no_drawing(opened: Open) -> None:
    """Where a public edition withholds the line that rates are held against, they stand as numbers alone."""
    page = html.fromstring(_tree(opened("map", edition="public", lang="en", period="2025-12").main))
    [table] = page.xpath("//table[@class='ranked']")
    links = table.xpath("../..//p[@class='take']/a/text()")
    assert ("SVG" in links) == bool(table.xpath(".//*[contains(@class, 'rail')]"))


@pytest.mark.parametrize(
    "page",
    [
        "",
        "explorer?areas=below",
        "explorer?by=channel&span=by_year",
        "analysis?indicator=mediation_success_rate",
        "map?lang=en",
    ],
)
def test_what_the_browser_has_drawn_is_saved_with_the_words_of_its_card(
    served: str, visit: Visit, source: Source, page: str
) -> None:
    language: Language = "en" if "lang=en" in page else "zh"
    with visit(f"{served}/{page}{'&' if '?' in page else '?'}area=420500&period=2025-12") as seen:
        buttons = seen.locator("button.save")
        titles = buttons.evaluate_all("all => all.map(one => one.dataset.title)")
        assert titles
        for place, title in enumerate(titles):
            drawing = etree.fromstring(_saved(seen, place))
            link = buttons.nth(place).locator("xpath=following-sibling::a[1]").get_attribute("href") or ""
            indicator = parse_qs(urlsplit(link).query)["indicator"][0]
            unit = say("unit", language, unit=wording.unit_of_axis(rows.cards(source)[indicator], language))
            words = [*words_of_card(source, indicator, language), unit]
            written = _bare("".join(part.text or "" for part in drawing.iter(f"{SVG}text")))
            assert (drawing.tag, drawing.findtext(f"{SVG}title")) == (f"{SVG}svg", title)
            assert len(drawing.findtext(f"{SVG}desc") or "") > len("2025年")
            assert [part for part in (title, *words, source.id) if _bare(part) not in written] == []


def _saved(page: Page, place: int) -> bytes:
    button = page.locator("button.save").nth(place)
    page.locator(f".{button.get_attribute('data-picture')} :is(img, .main-svg, ul.tiles)").first.wait_for()
    with page.expect_download() as taken:
        button.click()
    return Path(taken.value.path()).read_bytes()
