"""What a reader's browser sees: both pages, in both languages, wide and narrow; and that nothing is asked of another machine."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

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
PAGES = {"/": "420500", "/district": "420583"}
LANGUAGES = {"zh": "zh-CN", "en": "en"}
PERIOD = "2025-11"
WIDE, NARROW = 1440, 390
PATIENCE = 90_000  # milliseconds; a page takes two seconds, the rest is for a machine with much else to do
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
# On a page with a path of its own, Streamlit's browser side looks for the server below that path before it looks above it.
PROBES = re.compile(r"/district/_stcore/(health|host-config)$")

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
    def visiting(address: str, width: int = WIDE) -> Iterator[Page]:
        strangers: list[str] = []
        errors: list[str] = []

        def note_stranger(url: str) -> None:
            if urlsplit(url).hostname not in ("127.0.0.1", None):
                strangers.append(url)

        def note_error(message: ConsoleMessage) -> None:
            if message.type == "error" and not PROBES.search(message.location["url"]):
                errors.append(f"{message.text} ({message.location['url']})")

        context = browser.new_context(viewport={"width": width, "height": 900})
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
    return f"{served}{path}?" + urlencode({"area": PAGES[path], "period": PERIOD, "lang": language} | changed)


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


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_page_stands(served: str, visit: Visit, path: str, language: str, width: int) -> None:
    area = next(area for area in catalogue.published_areas() if area.area_code == catalogue.padded(PAGES[path]))
    with visit(address(served, path, language), width) as page:
        expect(page.locator("h1").first).to_contain_text(area.name_zh if language == "zh" else area.name_en)
        assert page.locator("html").get_attribute("lang") == LANGUAGES[language]
        for box in ("html", "[data-testid=stMain]"):
            beyond = page.locator(box).evaluate("box => box.scrollWidth - box.clientWidth")
            assert beyond <= 0, f"{box} scrolls sideways by {beyond} px at {width} px"


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
