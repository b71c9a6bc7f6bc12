"""What a reader's browser sees: every page in both languages, wide, narrow, dark and read aloud; the journeys of readers;
and that nothing is asked of another machine."""

import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright
from pypdf import PdfReader

from dashboards.pages import frame
from pipelines import catalogue
from tests.conftest import Road, Serve

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CITY = "420500"
PAGES = {"/": CITY, "/district": "420583"}
ALL_PAGES = ("/", "/district", *(f"/{path}" for path in frame.URL_PATHS.values() if path != "district"))
LANGUAGES = {"zh": "zh-CN", "en": "en"}
PERIOD = "2025-11"
WIDE, NARROW = 1440, 390
TWICE = 640  # as a browser at 200% lays out a window of 1280 px
PATIENCE = 90_000  # milliseconds; a page takes two seconds, the rest is for a machine with much else to do
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# On a page with a path of its own, Streamlit's browser side looks for the server below that path before it looks above it.
PROBES = re.compile(r"/\w+/_stcore/(health|host-config)$")
SERIOUS = ("serious", "critical")


class FrameworkFault(NamedTuple):
    """A rule that the framework itself breaks, the issue it is known under, and the day after which it fails here too."""

    rule: str
    issue: str
    expires: date


# Empty at present: what Streamlit breaks is mended in style.css and by the frame.
FRAMEWORK_FAULTS: tuple[FrameworkFault, ...] = ()

Visit = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    program = shutil.which("chromium")
    assert program, "These tests need Chromium: `make test` installs it."
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visit(browser: Browser) -> Visit:
    """Open an address in a fresh browser context; fails when the page asked another machine, logged an error or showed one."""

    @contextmanager
    def visiting(address: str, width: int = WIDE, scheme: Literal["light", "dark"] = "light") -> Iterator[Page]:
        strangers: list[str] = []
        errors: list[str] = []

        def note_stranger(url: str) -> None:
            if urlsplit(url).hostname not in ("127.0.0.1", None):
                strangers.append(url)

        def note_error(message: ConsoleMessage) -> None:
            if message.type == "error" and not PROBES.search(message.location["url"]):
                errors.append(f"{message.text} ({message.location['url']})")

        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE)
        context.on("request", lambda request: note_stranger(request.url))
        page = context.new_page()
        page.on("websocket", lambda websocket: note_stranger(websocket.url))
        page.on("console", note_error)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        settle(page)
        yield page
        settle(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert "Traceback" not in page.locator("body").inner_text()
        context.close()
        assert strangers == []
        assert errors == []

    return visiting


def settle(page: Page) -> None:
    """Wait until the page stands: its script has ended, its heading is there, nothing is being fetched or still to be drawn."""
    page.locator(SETTLED).wait_for()
    page.locator("h1").first.wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def address(served: str, path: str, language: str, **changed: str) -> str:
    return f"{served}{path}?" + urlencode({"area": PAGES.get(path, CITY), "period": PERIOD, "lang": language} | changed)


def codes(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def headline(page: Page, label: str) -> Locator:
    """The card of an indicator, by its heading."""
    return page.locator("article.card").filter(has=page.get_by_role("heading", name=label, exact=True))


def fonts_of(page: Page, selector: str) -> list[tuple[str, bool]]:
    """The fonts that drew the text of the matching elements, and whether each was a font of the page, not of the machine."""
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    nodes = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
    drawn = [session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"] for node in nodes]
    return [(font["familyName"], font["isCustomFont"]) for fonts in drawn for font in fonts]


def test_first_deep_link_after_a_start_opens_its_page(serve: Serve, visit: Visit) -> None:
    with serve() as fresh, visit(address(fresh, "/district", "zh")) as page:
        expect(page.locator("h1").first).to_contain_text("枝江市")


def test_a_request_to_another_address_does_not_pass(served: str, visit: Visit) -> None:
    with pytest.raises(AssertionError, match=re.escape("127.0.0.2")), visit(address(served, "/", "zh")) as page:
        page.evaluate("fetch('http://127.0.0.2:9/').catch(() => null)")


def violations(page: Page) -> list[str]:
    """What axe finds serious or critical, but for faults of the framework that are known and not yet due."""
    known = {fault.rule for fault in FRAMEWORK_FAULTS if date.today() <= fault.expires}
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in SERIOUS and rule["id"] not in known
        for node in rule["nodes"]
    ]


def beyond(page: Page) -> dict[str, int]:
    """By how many pixels the page and its main part scroll sideways."""
    boxes = ("html", "[data-testid=stMain]")
    widths = {box: page.locator(box).evaluate("box => box.scrollWidth - box.clientWidth") for box in boxes}
    return {box: width for box, width in widths.items() if width > 0}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ALL_PAGES)
def test_page_stands_reads_aloud_and_fits_a_phone(served: str, visit: Visit, path: str, language: str) -> None:
    with visit(address(served, path, language)) as page:
        assert page.locator("html").get_attribute("lang") == LANGUAGES[language]
        expect(page.locator("blockquote")).to_be_visible()
        assert beyond(page) == {}
        assert violations(page) == []
        for width in (TWICE, NARROW):
            page.set_viewport_size({"width": width, "height": 844})
            settle(page)
            assert beyond(page) == {}, width


@pytest.mark.parametrize("path", ["/", "/district", "/tiers", "/review", "/quality", "/data"])
def test_tables_of_many_columns_are_read_on_a_phone_without_scrolling(served: str, visit: Visit, path: str) -> None:
    with visit(address(served, path, "en"), width=NARROW) as page:
        tables = page.locator("table.flows:visible")
        assert tables.count()
        for table in tables.all():
            assert table.evaluate("t => t.closest('.scroll') ? t.closest('.scroll').scrollWidth <= innerWidth : true")
            cells = table.locator("td").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().right)")
            assert max(cells) <= NARROW


@pytest.mark.parametrize("path", ["/", "/analysis", "/map"])
def test_page_stands_in_the_dark(served: str, visit: Visit, path: str) -> None:
    with visit(address(served, path, "zh"), scheme="dark") as page:
        ground = page.locator("[data-testid=stApp]").evaluate("app => getComputedStyle(app).backgroundColor")
        assert max(map(int, re.findall(r"\d+", ground)[:3])) < 60
        assert violations(page) == []


NAMED = "e => (e.getAttribute('aria-label') ?? e.innerText).trim()"
RING = "e => { const style = getComputedStyle(e); return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; }"


@pytest.mark.parametrize("path", ["/", "/district", "/definitions"])
def test_every_fold_opens_within_the_page_and_reads_aloud(served: str, visit: Visit, path: str) -> None:
    """Definitions that stand over the page, tables behind their charts: all opened at once, wide and on a phone."""
    with visit(address(served, path, "zh")) as page:
        page.evaluate("() => document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert violations(page) == []
        page.set_viewport_size({"width": NARROW, "height": 844})
        settle(page)
        assert beyond(page) == {}


def test_every_stop_of_the_tabulator_is_named_and_shown(served: str, visit: Visit) -> None:
    with visit(address(served, "/district", "zh")) as page:
        stops = 0
        while stops < 200:
            page.keyboard.press("Tab")
            here = page.locator(":focus")
            if not here.count():
                break
            stops += 1
            name, ring = here.evaluate(NAMED), here.evaluate(RING)
            assert name, here.evaluate("e => e.outerHTML.slice(0, 200)")
            assert ring, name
        assert 50 < stops < 200


def tab_to(page: Page, wanted: str) -> None:
    """Go by tabulator to what has this name, and see that one stands there."""
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.locator(":focus")
        if here.count() and here.evaluate(NAMED) == wanted:
            assert here.evaluate(RING), f"nothing shows that {wanted} has the focus"
            return
    raise AssertionError(f"{wanted} is not reached within sixty steps")


def test_page_is_worked_by_keyboard_alone(served: str, visit: Visit) -> None:
    """Another language, another city, a definition, another page: by tabulator, arrows and enter."""
    with visit(address(served, "/", "zh")) as page:
        for wanted, keys, then in (
            ("中文", ["ArrowRight", "Enter"], "lang=en"),
            ("City", [*"Shiyan", "Enter"], "area=420300"),
            ("Definition", ["Enter"], ""),
            ("Three tiers", ["Enter"], "/tiers"),
        ):
            tab_to(page, wanted)
            for key in keys:
                page.keyboard.press(key)
            page.wait_for_url(re.compile(then))
            settle(page)
            if not then:
                expect(page.locator("details[open] .body").first).to_be_visible()
                page.reload()
                settle(page)


def test_a_chart_is_printed_as_wide_as_the_paper(served: str, visit: Visit) -> None:
    """What is drawn for the screen shrinks as a whole: the names at the right end of the lines are on the paper too."""
    with visit(address(served, "/explorer", "zh", indicator="mediation_accepted", areas="below")) as page:
        expect(page.locator(".js-plotly-plot .annotation").first).to_be_visible()
        names = [name for name in page.locator(".js-plotly-plot .annotation").all_text_contents() if "…" not in name]
        printed = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
        text = "".join("".join(sheet.extract_text() for sheet in printed.pages).split())
        assert names and [name for name in names if name not in text] == []


def test_page_is_printed_whole_on_a4(served: str, visit: Visit) -> None:
    with visit(address(served, "/", "zh")) as page:
        printed = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
        assert {tuple(round(float(edge)) for edge in sheet.mediabox[2:]) for sheet in printed.pages} <= {
            (595, 842),
            (596, 842),
        }
        text = "".join(sheet.extract_text() for sheet in printed.pages)
        headings = [heading for heading in page.locator("h2").all_inner_texts() if heading]
        missing = [heading for heading in headings if "".join(heading.split()) not in "".join(text.split())]
        assert len(headings) > 5 and missing == []
        assert "下载本页数据" not in text, "what can only be clicked is left out"


def test_bars_are_seen_where_the_system_sets_the_colours(browser: Browser, served: str) -> None:
    context = browser.new_context(viewport={"width": WIDE, "height": 900}, forced_colors="active")
    page = context.new_page()
    page.goto(address(served, "/", "zh"))
    settle(page)
    colours = "bar => [getComputedStyle(bar).backgroundColor, getComputedStyle(document.body).backgroundColor]"
    bar, ground = page.locator(".bar").first.evaluate(colours)
    assert bar != ground and bar != "rgba(0, 0, 0, 0)"
    context.close()


def test_words_of_the_framework_are_in_the_language_of_the_page(served: str, visit: Visit) -> None:
    with visit(address(served, "/", "zh")) as page:
        expect(page.get_by_role("link", name="跳到正文")).to_have_count(1)
        expect(page.get_by_role("button", name="展开选项").first).to_be_visible()
        expect(page.get_by_role("navigation", name="页面").get_by_role("link")).to_have_count(10)
        expect(page.get_by_role("button", name="Open", exact=True)).to_have_count(0)


def test_tiles_are_taken_away_as_a_picture(served: str, visit: Visit) -> None:
    with visit(address(served, "/map", "zh")) as page:
        shown = page.locator("ul.tiles li").evaluate_all(
            "tiles => tiles.map(tile => [...tile.children].map(c => c.textContent))"
        )
        with page.expect_download() as taken:
            page.get_by_role("button", name="SVG").click()
        drawing = Path(taken.value.path()).read_text(encoding="utf-8")
        assert drawing.startswith("<svg") and "release=" in drawing
        assert shown and [part for tile in shown for part in tile if f">{part}<" not in drawing] == []


def test_embedded_page_has_no_navigation(served: str, visit: Visit) -> None:
    with visit(address(served, "/map", "zh", embed="true")) as page:
        expect(page.locator("blockquote")).to_be_visible()
        expect(page.get_by_role("link", name="三级治理")).to_have_count(0)


def test_wall_shows_the_newest_figures_large(served: str, visit: Visit, road: Road) -> None:
    with visit(f"{served}/?area=420500&view=wall") as page:
        expect(page.locator("article.card").first).to_be_visible()
        expect(page.locator("ul.badge")).to_contain_text(road.release.name)
        expect(page.get_by_role("combobox")).to_have_count(0)


def test_wall_looks_again_after_a_minute(served: str, visit: Visit) -> None:
    with visit(f"{served}/?area=420500&view=wall") as page:
        page.clock.install()
        with page.expect_websocket() as opened:
            page.reload()
        expect(page.locator("article.card").first).to_be_visible()
        with opened.value.expect_event("framereceived"):
            page.clock.fast_forward("01:05")
        expect(page.locator("article.card").first).to_be_visible()


def test_official_goes_from_a_sentence_to_its_definition_and_to_a_document(
    served: str, visit: Visit, road: Road
) -> None:
    """By keyboard: the definition is folded out and read; the review made for the district is taken away and read."""
    printed = road.ask("review", "--period", "2025", "--area", "420583", "--formats", "pdf")
    [made] = [Path(one) for one in printed["files"]]
    try:
        with visit(address(served, "/district", "zh", period="2025-12")) as page:
            sentence = page.locator("blockquote").inner_text()
            said = re.search(r"1—12月累计受理([\d,]+)件", sentence)
            assert said and "枝江市" in sentence
            card = headline(page, "调解成功率")
            card.locator("summary").focus()
            page.keyboard.press("Enter")
            expect(card.get_by_text("分母（办结件数）")).to_be_visible()
            page.get_by_role("link", name="年度评估").click()
            page.wait_for_url(re.compile("/review"))
            settle(page)
            assert codes(page.url)["area"] == "420583"
            with page.expect_download() as taken:
                page.get_by_role("link", name=made.name).click()
            read = "".join(sheet.extract_text() for sheet in PdfReader(taken.value.path()).pages)
            assert re.search(rf"(?<![\d,]){said[1]}(?![\d,])", read), (
                "the figure of the sentence stands in the document"
            )
    finally:
        made.unlink()


def test_analyst_goes_from_a_chart_to_its_data_and_to_sql(served: str, visit: Visit, road: Road) -> None:
    with visit(address(served, "/explorer", "zh", indicator="mediation_accepted", areas="below")) as page:
        chart = page.locator(".st-key-explored")
        expect(chart.locator(".js-plotly-plot")).to_be_visible()
        with page.expect_download() as taken:
            chart.get_by_role("link", name="CSV").click()
        table = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text(encoding="utf-8-sig"))))
        with page.expect_download() as taken:
            chart.get_by_role("link", name="XLSX").click()
        with zipfile.ZipFile(taken.value.path()) as book:
            assert "人民调解委员会受理" in book.read("xl/sharedStrings.xml").decode()
        with page.expect_download() as taken:
            chart.get_by_role("button", name="SVG").click()
        drawing = Path(taken.value.path()).read_text(encoding="utf-8")
        assert drawing.startswith("<svg") and "调解纠纷受理件数·宜昌市" in drawing and "release=" in drawing
        command = page.locator("pre code").filter(has_text="fengqiao sql").inner_text()
        query = re.search(r'"(.*)"', command)
        assert query
        [answered] = road.ask("sql", query[1])
        [shown] = [row for row in table if row["地区代码"] == "420500000000" and row["期间"] == PERIOD]
        assert float(shown["数值"]) == answered["value"]
        assert shown["口径"] and shown["发布"] == road.release.name


def test_interface_is_described_and_answers_as_described(served: str, visit: Visit, road: Road) -> None:
    with visit(address(served, "/data", "en")) as page:
        told = page.request.get(f"{served}/api/openapi.json").json()
        assert told["openapi"].startswith("3.") and "/api/figures" in told["paths"]
        for link in page.locator("a[href^='api/']").evaluate_all("links => links.map(link => link.href)"):
            if "/tables/" not in link or link.partition("?")[0].endswith(
                ("areas.csv", "periods.xlsx", "breaks.parquet")
            ):
                assert page.request.get(link).ok, link
        asked = f"{served}/api/figures?area=420500&period="
        [figure] = page.request.get(f"{asked}{PERIOD}&indicator=mediation_accepted").json()
        [printed] = road.ask("figures", "--indicator", "mediation_accepted", "--area", "420500", "--period", PERIOD)
        assert (figure["value"], figure["release"]) == (printed["value"], printed["release"])
        [computed] = page.request.get(f"{asked}2025-02..2025-04&indicator=mediation_accepted").json()
        assert computed["period"] == "2025-02..2025-04"
        for wrong, status in (
            ("&indicator=nonsense", 404),
            ("&indicator=mediation_accepted&format=exe", 400),
            ("", 400),
        ):
            answer = page.request.get(f"{asked}{PERIOD}{wrong}")
            assert answer.status == status and json.loads(answer.text())["error"]
        for path in (
            "tables/%2e%2e%2frelease.json",
            "documents/%2e%2e%2f%2e%2e%2fkeys",
            "tables/nonsense.csv",
            "nonsense",
        ):
            assert page.request.get(f"{served}/api/{path}").status >= 400, path


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_headline_figure_is_the_one_of_the_command_line(
    served: str, visit: Visit, road: Road, path: str, language: str
) -> None:
    asked = ("figures", "--indicator", "mediation_accepted", "--area", PAGES[path], "--period", PERIOD)
    [figure] = road.ask(*asked)
    label = catalogue.cards()["mediation_accepted"].label
    with visit(address(served, path, language)) as page:
        card = headline(page, label.zh if language == "zh" else label.en)
        shown = re.match(r"[\d,]+", card.locator("p.value").inner_text())
        assert shown and int(shown[0].replace(",", "")) == figure["value"]
        expect(page.locator("blockquote")).to_contain_text(f"{figure['value']:,.0f}")


@pytest.mark.parametrize("path", PAGES)
def test_changing_the_language_keeps_area_period_and_release(served: str, visit: Visit, road: Road, path: str) -> None:
    with visit(address(served, path, "zh")) as page:
        before = codes(page.url)
        page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).click()
        page.wait_for_url(re.compile("lang=en"))
        settle(page)
        assert page.locator("html").get_attribute("lang") == "en"
        expect(page.locator("h1").first).not_to_contain_text(re.compile("[\u4e00-\u9fff]"))
        assert codes(page.url) == before | {"lang": "en"}
        assert before["area"] == PAGES[path]
        assert before["period"] == PERIOD
        assert before["release"] == road.release.name


@pytest.mark.parametrize("path", PAGES)
def test_chinese_is_drawn_with_the_font_of_the_page(served: str, visit: Visit, path: str) -> None:
    with visit(address(served, path, "zh")) as page:
        fetched = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        slices = {Path(urlsplit(url).path).stem for url in fetched if "/static/fonts/" in url}
        assert {"latin", "words"} <= slices <= {"latin", "words", "names"}
        drawn = fonts_of(page, "h1, h2, h3, blockquote p, th, td")
        assert drawn
        assert {family for family, is_of_the_page in drawn if not is_of_the_page} == set()
