"""What an attacker can write: into addresses, headers, file names and cells. It is refused or shown as text; nothing of it runs."""

import http.client
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from itertools import count, product
from pathlib import Path
from typing import get_args
from urllib.parse import quote, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from dashboards.selection import PageName
from pipelines.intake import ledger
from pipelines.settings import PROJECT
from tests.conftest import FENGQIAO, Road
from tests.offices import CASE, HECHUAN, cases, opened

TEXTS = {
    "script": "<script>window.taken=1</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "markdown": "![x](https://elsewhere.example/x.png) [y](javascript:alert(1))",
    "path": "../../../../etc/passwd",
    "sql": "'; drop table figures; --",
    "quotes": "\"' or 1=1 --",
    "nul": "50\x000117",
    "control": "\x1b]0;taken\x07\r\nSet-Cookie: a=b",
    "long": "9" * 20_000,
    "percent": "%s%n%00{0.__class__}",
    "direction": "\u202e500117",
}
ASKED = ("release", "indicator", "area", "period", "months", "by", "format", "lang")
USUAL = {"indicator": "mediation_accepted", "area": "420500", "period": "2025"}
PATHS = (
    "/api/tables/..%2frelease.json.csv",
    "/api/tables/%2e%2e%2f%2e%2e%2fledger.csv",
    "/api/tables/figures%00.csv",
    "/api/tables/figures'.csv",
    "/api/documents/..%2f..%2frelease.json",
    "/api/documents/review-2025-420500-zh.pdf%00.html",
    "/app/static/..%2fapp.py",
    "/app/static/../app.py",
    "/app/static/fonts/%2e%2e/%2e%2e/access.py",
    "/app/static//etc/passwd",
    "/media/..%2f..%2fetc%2fpasswd",
    "/component/../../etc/passwd",
)
PARAMETERS = ("area", "period", "release", "lang", "indicator", "by", "span")
OF_OURS = ("root:", "from dashboards", "Traceback", "CREATE TABLE")


def ask(served: str, target: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
    """An answer to a request whose target and headers go out as they are."""
    connection = http.client.HTTPConnection(str(urlsplit(served).netloc), timeout=60)
    connection.putrequest("GET", target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read().decode("utf-8", errors="replace")
    connection.close()
    return answer.status, answer.headers, content


@pytest.mark.parametrize("parameter", ASKED)
def test_the_interface_refuses_what_it_cannot_mean(parameter: str, served: str) -> None:
    for name, text in TEXTS.items():
        said = USUAL | {parameter: text}
        target = "/api/figures?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in said.items())
        status, headers, content = ask(served, target)
        # the language falls back to Chinese, and a span of months beside a period adds none
        assert status in ((200,) if parameter in ("lang", "months") else (400, 404, 414)), (name, status, content[:200])
        assert headers["Content-Type"].startswith("application/json"), name
        json.loads(content)
        assert "Set-Cookie" not in headers, name
        assert not any(words in content for words in OF_OURS), name


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_what_is_served(path: str, served: str) -> None:
    status, _, content = ask(served, path)
    assert not any(words in content for words in OF_OURS), content[:200]
    # for a path of its own that is not there Streamlit answers with the page, which then says so
    assert status >= 400 or "<title>Streamlit</title>" in content, (status, content[:200])


@pytest.mark.parametrize(
    "header", ["Host", "Cookie", "Range", "If_None_Match", "Accept_Language", "X_Forwarded_For", "Origin", "User_Agent"]
)
def test_no_header_brings_the_server_down(header: str, served: str) -> None:
    for name in ("script", "path", "sql", "percent", "long"):
        status, headers, content = ask(served, "/api/release", **{header: TEXTS[name]})
        assert status in (200, 206, 400, 403, 416, 431), (name, status)
        assert TEXTS[name] not in content and "taken" not in str(headers), name
    status, _, _ = ask(served, "/api/release")
    assert status == 200


@pytest.fixture
def visit(road: Road, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Open a page of the road's release with one parameter of its address."""
    monkeypatch.setenv("FENGQIAO_DATA", str(road.data))
    monkeypatch.setenv("FENGQIAO_EDITION", "internal")

    def visiting(page: str, parameter: str, text: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=120)
        app.run()
        if page != "city_overview":
            app.switch_page(f"{page}.py")
        app.query_params.clear()
        app.query_params[parameter] = text
        app.run()
        return app

    yield visiting


def shown(app: AppTest) -> Iterator[str]:
    """The markup of a page, and what it warns of in Streamlit's Markdown."""
    yield from (element.proto.body for element in app.get("html"))
    yield from (element.value for element in (*app.warning, *app.error, *app.info, *app.markdown))


@pytest.mark.parametrize("page", get_args(PageName))
def test_a_page_shows_what_its_address_says_as_text(page: str, visit: Callable[..., AppTest]) -> None:
    """Each page meets each parameter; the texts take turns."""
    number = get_args(PageName).index(page)
    names = list(TEXTS)
    for place, parameter in enumerate(PARAMETERS):
        text = TEXTS[names[(number + 3 * place) % len(names)]]
        app = visit(page, parameter, text)
        assert not app.exception, (parameter, text[:50])
        for markup in shown(app):
            # what stands between backticks is shown by Streamlit as it is
            acting = re.sub(r"`[^`\n]*`", "", markup)
            assert "<script>window.taken" not in acting and "<img src=x" not in acting, parameter
            assert "elsewhere.example" not in acting and "javascript:alert" not in acting, parameter
        assert not any(len(warning.value) > 1_000 for warning in app.warning), parameter


NAMES = (
    "<script>alert(1)<script>.csv",
    "'; drop table deliveries; --.csv",
    "$(touch taken) `touch taken`.csv",
    "-rf --contract=x.csv",
    "a..%2f..%2fledger.csv",
    "line\nbreak\x1b[2J.csv",
    "%s%n{0}.csv",
    "\u202egpj.csv",
    f"{'长' * 80}.csv",
)


def test_a_file_may_be_called_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened(tmp_path, monkeypatch)
    for number, name in enumerate(NAMES):
        office.write(name, cases({"调解案件编号": f"A{number}"}))
    command = [FENGQIAO, "intake", str(office.data / "landing")]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(ledger.deliveries()) == len(NAMES)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", done.stdout + done.stderr)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("taken")]
    again = subprocess.run(
        [*command, "--json"], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert {file["outcome"] for file in json.loads(again.stdout)["files"]} == {"already_received"}


def test_a_cell_may_hold_anything_and_none_of_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text in every column: each row is counted once, and of a text no part stands in lake, quarantine or ledger."""
    office, number = opened(tmp_path, monkeypatch), count()
    texts = {name: text for name, text in TEXTS.items() if name not in ("long", "nul", "control")} | {
        "formula": '=HYPERLINK("https://elsewhere.example","taken")',
        "long": "长" * 40_000,
    }
    wrong = [{"调解案件编号": f"A{next(number)}"} | {column: text} for column, text in product(CASE, texts.values())]
    outcome = office.take(cases({"调解案件编号": "right"}, *wrong))
    assert outcome.read == len(wrong) + 1 == outcome.accepted + outcome.quarantined + outcome.duplicate
    assert outcome.accepted >= 1
    kept = b"".join(
        path.read_bytes() for path in office.data.rglob("*") if path.is_file() and "landing" not in path.parts
    )
    for text in texts.values():
        assert text.encode() not in kept, text[:40]
    done = subprocess.run(
        [FENGQIAO, "quarantine", "--json"], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [text for text in texts.values() if text in unescape(done.stdout)]


@pytest.mark.parametrize("bad", [b"\x00", b"\xff\xfe\x00\x00", b"\x00" * 10_000])
def test_a_file_of_nul_is_refused_or_refuses_its_rows(
    bad: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened(tmp_path, monkeypatch)
    office.write("nul.csv", cases({}).encode().replace("邻里".encode(), bad), HECHUAN)
    command = [FENGQIAO, "intake", str(office.data / "landing"), "--json"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    [file] = json.loads(done.stdout)["files"]
    assert (file["outcome"], file["quarantined"]) == ("accepted", 1) or file["outcome"] == "refused"
    assert "Traceback" not in done.stderr
