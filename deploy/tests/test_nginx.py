"""What a reader gets through nginx: pages, fonts and the websocket, protected; and one process for one reader."""

import base64
import gzip
import http.client
import json
import re
import secrets
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
from playwright.sync_api import Browser, sync_playwright

from deploy.installing import BULLETIN, INTERNAL, PUBLIC, Installation, configured, nginx

EDITION = {INTERNAL: "internal", PUBLIC: "public"}  # of each dashboard, by its name
UNPACK = {"gzip": gzip.decompress, "br": brotli.decompress}
PATIENCE = 90_000  # milliseconds
FIRST_VIEW = 3_000_000  # bytes
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def ask(
    installation: Installation, host: str, path: str = "/", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer over TLS, for a name that this machine's own nginx serves."""
    trusted = ssl.create_default_context(cafile=str(installation.certificate))
    trusted.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", installation.https, context=trusted, timeout=60)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", path, headers={"Host": f"{host}:{installation.https}", **told})
    answer = connection.getresponse()
    content = answer.read() if answer.status != 101 else b""
    return answer, content


def test_what_is_asked_in_the_open_is_led_to_tls(installation: Installation) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", installation.http)
    connection.request("GET", "/district?area=500117", headers={"Host": INTERNAL})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{INTERNAL}/district?area=500117")


@pytest.mark.parametrize("host", [BULLETIN, *EDITION])
def test_every_answer_says_what_a_browser_may_do_with_it(host: str, installation: Installation) -> None:
    answer, _ = ask(installation, host)
    assert answer.status == 200
    assert answer.headers["Server"] == "nginx", "no version"
    for name in ("Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert len(answer.headers.get_all(name) or []) == 1, name
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe-eval|https?:|\*", policy)
    assert ("script-src" in policy) == (host != BULLETIN), "the bulletin has no script"


@pytest.mark.parametrize("host", EDITION)
def test_by_each_name_its_own_edition_is_shown(host: str, installation: Installation) -> None:
    for process in "12":
        answer, content = ask(installation, host, "/api/release", Cookie=f"fengqiao_process={process}")
        assert (answer.status, json.loads(content)["edition"]) == (200, EDITION[host])


@pytest.mark.parametrize("packed", UNPACK)
@pytest.mark.parametrize("host", EDITION)
def test_what_is_large_is_packed_and_kept(host: str, packed: str, installation: Installation) -> None:
    _, page = ask(installation, host)
    script = re.search(r'src="\.?(/static/js/[^"]+\.js)"', page.decode())
    assert script
    answer, content = ask(installation, host, script[1], Accept_Encoding=packed)
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, packed)
    assert len(UNPACK[packed](content)) > 2 * len(content)
    assert answer.headers.get_all("Cache-Control") == ["public, immutable, max-age=31536000"]
    font, _ = ask(installation, host, "/app/static/fonts/latin.woff2")
    assert (font.status, font.headers["Cache-Control"]) == (200, "public, max-age=604800")


@pytest.mark.parametrize("packed", UNPACK)
@pytest.mark.parametrize("host", EDITION)
def test_what_a_dashboard_answers_is_packed_too_and_kept_as_it_says(
    host: str, packed: str, installation: Installation
) -> None:
    answer, content = ask(installation, host, "/api/indicators", Accept_Encoding=packed)
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, packed)
    assert len(json.loads(UNPACK[packed](content))) > 1
    assert answer.headers.get_all("Cache-Control") == ["no-cache"]


@pytest.mark.parametrize("packed", UNPACK)
def test_pages_of_the_bulletin_are_packed_and_kept_for_five_minutes(packed: str, installation: Installation) -> None:
    """Not for longer: what is published anew stands at the same address."""
    answer, content = ask(installation, BULLETIN, "/latest/", Accept_Encoding=packed)
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, packed)
    assert UNPACK[packed](content) == ask(installation, BULLETIN, "/latest/")[1]
    assert answer.headers.get_all("Cache-Control") == ["max-age=300"]


def _websocket(installation: Installation, host: str, **headers: str) -> int:
    answer, _ = ask(
        installation,
        host,
        "/_stcore/stream",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key=base64.b64encode(secrets.token_bytes(16)).decode(),
        **headers,
    )
    return answer.status


@pytest.mark.parametrize("host", EDITION)
def test_the_websocket_answers_its_own_page_and_no_other(host: str, installation: Installation) -> None:
    assert _websocket(installation, host, Origin=f"https://{host}:{installation.https}") == 101
    for stranger in (
        "https://elsewhere.example",
        f"http://{host}",
        "null",
        f"https://{host}.elsewhere.example",
        *(f"https://{other}:{installation.https}" for other in EDITION if other != host),
    ):
        assert _websocket(installation, host, Origin=stranger) == 403, stranger


@pytest.mark.parametrize("host", EDITION)
def test_a_reader_stays_on_the_process_that_was_drawn(host: str, installation: Installation) -> None:
    drawn = {(ask(installation, host)[0].headers["Set-Cookie"] or "")[:18] for _ in range(40)}
    assert drawn == {"fengqiao_process=1", "fengqiao_process=2"}
    for cookie in sorted(drawn):
        answer, _ = ask(installation, host, Cookie=cookie)
        assert (answer.status, answer.headers["Set-Cookie"]) == (200, None)
    forged, _ = ask(installation, host, Cookie="fengqiao_process=7")
    assert re.match(r"fengqiao_process=[12]; Path=/; Secure; HttpOnly; SameSite=Lax$", forged.headers["Set-Cookie"])


def test_where_a_process_is_gone_the_other_takes_over(installation: Installation, tmp_path: Path) -> None:
    halved = {edition: (ports[0], 9) for edition, ports in installation.processes.items()}
    other = configured(tmp_path, installation.data, halved)
    command = nginx("-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log"), "-g", "daemon on;")
    text = (tmp_path / "nginx.conf").read_text().replace("daemon off;", "")
    (tmp_path / "nginx.conf").write_text(text)
    subprocess.run(command, check=True)
    try:
        for host in EDITION:
            assert ask(other, host, Cookie="fengqiao_process=2")[0].status == 200, host
    finally:
        subprocess.run([*command[:5], "-s", "stop"], check=True)


def test_the_bulletin_is_served_as_files(installation: Installation) -> None:
    answer, page = ask(installation, BULLETIN)
    assert answer.status == 200
    assert "<html" in page.decode()
    assert ask(installation, BULLETIN, "/../ledger.sqlite")[0].status == 400
    assert ask(installation, BULLETIN, "/%2e%2e/ledger.sqlite")[0].status == 400
    assert ask(installation, BULLETIN, "/nothing")[0].status == 404


def sent(installation: Installation, *lines: str) -> str:
    """The first line of the answer to a request that goes out byte by byte as it is; empty where there is none."""
    trusted = ssl.create_default_context(cafile=str(installation.certificate))
    trusted.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", installation.https), timeout=60) as plain,
        trusted.wrap_socket(plain) as connection,
    ):
        connection.sendall("\r\n".join((*lines, "", "")).encode("latin-1"))
        try:
            return connection.recv(4096).decode("latin-1").partition("\r\n")[0]
        except ConnectionResetError:
            return ""


NAME = "NAME"  # in its place stands that of a dashboard
GET, HOST = "GET / HTTP/1.1", f"Host: {NAME}"
CHUNKED, LENGTH = "Transfer-Encoding: chunked", "Content-Length: 4"
REFUSED = {
    "a length and chunks": (400, ("POST / HTTP/1.1", HOST, LENGTH, CHUNKED)),
    "two lengths": (400, ("POST / HTTP/1.1", HOST, LENGTH, "Content-Length: 40")),
    "chunks of an unknown kind": (501, ("POST / HTTP/1.1", HOST, "Transfer-Encoding: xchunked")),
    "a blank before a colon": (400, ("POST / HTTP/1.1", HOST, "Transfer-Encoding : chunked")),
    "a header that goes on": (400, (GET, HOST, "X-A: 1", " Transfer-Encoding: chunked")),
    "a NUL in a header": (400, (GET, HOST, "Cookie: a=\0")),
    "a NUL in the path": (400, ("GET /district%00 HTTP/1.1", HOST)),
    "two hosts": (400, (GET, HOST, f"Host: {BULLETIN}")),
    "no host": (400, (GET,)),
    "a very large cookie": (400, (GET, HOST, f"Cookie: fengqiao_process={'1' * 9_000}")),
    "very many headers": (400, (GET, HOST, *(f"X-{number}: {'a' * 900}" for number in range(40)))),
    "a very long address": (414, (f"GET /?area={'9' * 9_000} HTTP/1.1", HOST)),
    "an echo": (405, ("TRACE / HTTP/1.1", HOST)),
    "a tunnel": (400, (f"CONNECT {NAME}:443 HTTP/1.1", HOST)),
    "a large body": (413, ("POST /api/figures HTTP/1.1", HOST, "Content-Length: 2000000")),
}


@pytest.mark.parametrize("host", EDITION)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_two_servers_could_read_in_two_ways_ends_at_the_first(
    kind: str, host: str, installation: Installation
) -> None:
    status, lines = REFUSED[kind]
    assert sent(installation, *(line.replace(NAME, host) for line in lines)).split()[1] == str(status)
    assert ask(installation, host)[0].status == 200


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1", f"{INTERNAL}.elsewhere.example"])
def test_by_another_name_nobody_is_served_or_led_anywhere(host: str, installation: Installation) -> None:
    """Else a page of somebody's own name could be led to this address and read what the office's network sees."""
    assert sent(installation, GET, f"Host: {host}", f"Origin: https://{host}") == ""
    connection = http.client.HTTPConnection("127.0.0.1", installation.http)
    connection.request("GET", "/", headers={"Host": host})
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "These tests need Chromium: `make test-deploy` installs it."
    names = "--host-resolver-rules=" + ", ".join(f"MAP {host} 127.0.0.1" for host in (BULLETIN, *EDITION))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, names])
        yield started
        started.close()


@pytest.mark.parametrize(
    ("host", "path"), [(INTERNAL, "/"), (INTERNAL, "/analysis"), (INTERNAL, "/map"), (PUBLIC, "/"), (PUBLIC, "/map")]
)
def test_a_browser_shows_the_dashboard_and_refuses_nothing_of_it(
    host: str, path: str, browser: Browser, installation: Installation
) -> None:
    """The policy of the headers, held by the browser itself: it says on its console what it refuses."""
    refused: list[str] = []
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"https://{host}:{installation.https}{path}")
    page.wait_for_selector(SETTLED, timeout=PATIENCE)
    page.wait_for_selector("h1", timeout=PATIENCE)
    fonts = page.evaluate("[...document.fonts].filter(font => font.status === 'loaded').length")
    context.close()
    assert refused == []
    assert fonts > 0


@pytest.mark.parametrize("host", EDITION)
def test_the_first_view_of_the_city_page_is_light(host: str, browser: Browser, installation: Installation) -> None:
    """All bytes of the network until the page stands, with an empty cache: scripts, fonts, styles, figures."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    network, sizes = context.new_cdp_session(page), []
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda said: sizes.append(said["encodedDataLength"]))
    network.on(
        "Network.webSocketFrameReceived", lambda said: sizes.append(len(said["response"]["payloadData"]) * 3 / 4)
    )
    page.goto(f"https://{host}:{installation.https}/?area=500000")
    page.wait_for_selector(SETTLED, timeout=PATIENCE)
    page.wait_for_selector("h1", timeout=PATIENCE)
    page.wait_for_load_state("networkidle")
    context.close()
    assert 100_000 < sum(sizes) <= FIRST_VIEW


def test_a_browser_shows_the_bulletin_and_refuses_nothing_of_it(browser: Browser, installation: Installation) -> None:
    refused: list[str] = []
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.on("console", lambda said: refused.append(said.location["url"]) if said.type == "error" else None)
    page.goto(f"https://{BULLETIN}:{installation.https}/")
    page.wait_for_selector("h1", timeout=PATIENCE)
    context.close()
    assert [url for url in refused if not url.endswith("/favicon.ico")] == []
