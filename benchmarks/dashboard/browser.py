"""What a reader's browser sees of a page: the bytes of a first view, and the time from a choice to the chart redrawn.

Debian's Chromium, a fresh context for each first view. Times are the browser's own: from the click on another choice to
the last change of the chart that follows.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, Request, sync_playwright

from pipelines.settings import UserError

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
DRAWN = ".st-key-explored .js-plotly-plot .main-svg"
QUIET = 400  # milliseconds without a change, after which a chart counts as drawn
WATCH = """
() => {
  const seen = { clicked: 0, changed: 0 };
  window.seen = seen;
  document.addEventListener("mousedown", () => { seen.clicked = performance.now(); seen.changed = 0; }, true);
  new MutationObserver((changes) => {
    if (changes.some((change) => change.target.closest?.(".st-key-explored"))) seen.changed = performance.now();
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}
"""
WAIT = f"() => window.seen.changed > 0 && performance.now() - window.seen.changed > {QUIET}"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Raises `UserError` where there is none."""
    program = shutil.which("chromium")
    if program is None:
        raise UserError("The benchmark of the pages needs Chromium: make chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


def first_view(browser: Browser, port: int, query: str) -> float:
    """Megabytes that come over the wire, as packed as the server packs them, until the first page stands."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    done: list[Request] = []
    page.on("requestfinished", lambda request: done.append(request))
    page.goto(f"http://127.0.0.1:{port}/?{query}", wait_until="networkidle")
    page.wait_for_selector(SETTLED)
    size = sum(request.sizes()["responseBodySize"] for request in done)
    context.close()
    return size / 1e6


def redrawn(browser: Browser, port: int, area: str, months: Sequence[str], times: int) -> list[float]:
    """Milliseconds from a click on another area set of the explorer, or another month, to its chart redrawn."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    asked = {"area": area, "indicator": "mediation_accepted", "period": months[-1], "lang": "zh"}
    page.goto(f"http://127.0.0.1:{port}/explorer?{urlencode(asked)}")
    page.wait_for_selector(DRAWN)
    page.wait_for_selector(SETTLED)
    page.evaluate(WATCH)
    taken = [_choose(page, place) for place in range(times)]
    context.close()
    return taken


def _choose(page: Page, place: int) -> float:
    """Choose the next month in the list of months, the one before the last and the last in turn."""
    page.locator(".st-key-choices [data-testid=stSelectbox]").nth(1).locator(
        "[data-baseweb=select], input"
    ).first.click()
    page.get_by_role("option").nth(1 - place % 2).click()
    page.wait_for_function(WAIT)
    return float(page.evaluate("() => window.seen.changed - window.seen.clicked"))
