"""Who sees what: claims against the scope file, a release cut down to a scope, and both through a real sign-in."""

import importlib
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, Route, expect

from dashboards import access
from dashboards.access import Grant, NotAdmitted
from dashboards.release_reader import Release, Scope, open_release
from pipelines.settings import UserError
from tests.conftest import Road, Serve
from tests.test_browser import Visit, browser, settle, visit

__all__ = ["browser", "visit"]

CITY, OWN, OTHER, TOWN, OTHER_TOWN = "420500000000", "420583000000", "420502000000", "420583001000", "420502001000"
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SCOPES = """
area_claim: areas
role_claim: role
signed_in_hours: 8
roles:
  city_office: {sees: everything}
  district_office: {sees: own_areas}
grants:
  - {area: "420583", may_see: ["420502"], until: 2026-01-05}
"""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a scope file."""
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path))
    (tmp_path / "access.yml").write_text(SCOPES, encoding="utf-8")
    return tmp_path


def claims(**changed: object) -> dict[str, object]:
    return {"sub": "s", "name": "某某", "iat": NOW.timestamp(), "role": "district_office", "areas": "420583"} | changed


def test_a_district_officer_sees_the_own_areas_the_city_s_total_and_what_is_granted(office: Path) -> None:
    person = access.admitted(claims(), NOW)
    assert person.name == "某某"
    assert person.scope == Scope(frozenset({OWN, OTHER}), frozenset({CITY}))
    later = access.admitted(claims(iat=(NOW + timedelta(days=1)).timestamp()), NOW + timedelta(days=1))
    assert later.scope == Scope(frozenset({OWN}), frozenset({CITY}))


def test_a_role_that_sees_everything_has_no_scope(office: Path) -> None:
    assert access.admitted(claims(role="city_office", areas=None), NOW).scope is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"role": None}, "no_role"),
        ({"role": "mayor"}, "no_role"),
        ({"areas": None}, "no_area"),
        ({"areas": "everything"}, "no_area"),
        ({"areas": ["999999", 420583]}, "no_area"),
        ({"iat": (NOW - timedelta(hours=9)).timestamp()}, "too_long_ago"),
        ({"iat": None}, "too_long_ago"),
        ({"iat": "2026"}, "too_long_ago"),
    ],
)
def test_who_is_not_known_sees_nothing(office: Path, changed: dict[str, object], reason: str) -> None:
    with pytest.raises(NotAdmitted) as refused:
        access.admitted(claims(**changed), NOW)
    assert refused.value.reason == reason


def test_a_grant_of_another_area_gives_nothing() -> None:
    scope = access.scope_of(["420502"], [Grant(area="420583", may_see=("420503",))], date(2026, 1, 5))
    assert scope.whole == {OTHER}


def test_a_wrong_scope_file_names_its_line(office: Path) -> None:
    (office / "access.yml").write_text("roles:\n  a: {sees: all}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"access\.yml, line 2: roles\.a\.sees"):
        access.access()
    (office / "access.yml").write_text(SCOPES.replace("420502", "999999"), encoding="utf-8")
    with pytest.raises(UserError, match="999999 is not the code of a published area"):
        access.access()


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "oidc.toml"
    monkeypatch.setenv("FENGQIAO_OIDC", str(path))
    path.write_text('client_id = "x"\n', encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(UserError, match="can be read by others"):
        access.sign_in_settings()
    path.chmod(0o600)
    with pytest.raises(UserError, match="does not say redirect_uri, cookie_secret, client_secret"):
        access.sign_in_settings()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])
def test_the_internal_edition_does_not_leave_this_machine_without_login(road: Road, address: str) -> None:
    done = road.fengqiao("serve", "--edition", "internal", "--address", address)
    assert done.returncode == 2
    assert f"may not listen on {address} without login" in done.stderr


@pytest.fixture(scope="module")
def cut(road: Road) -> Release:
    """The road's release as an officer of 枝江市 sees it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FENGQIAO_DATA", str(road.data))
        return open_release("internal", None, Scope(frozenset({OWN}), frozenset({CITY})))


def seen(code: str) -> bool:
    return code.startswith("420583") or code == CITY


def test_no_table_of_a_cut_release_names_another_area(cut: Release) -> None:
    for path in cut.folder.glob("*.parquet"):
        frame = cut.table(path.stem)
        if "area_code" in frame.columns:
            assert all(seen(code) for code in frame["area_code"].unique() if code), path.stem
        elif "sender" in frame.columns:
            whole = pl.read_parquet(path)
            assert 0 < len(frame) < len(whole), path.stem


def test_figures_of_another_area_are_not_there_and_not_computed(cut: Release) -> None:
    assert cut.figures("mediation_accepted", [OTHER, OTHER_TOWN], None).is_empty()
    assert len(cut.figures("mediation_accepted", [OWN, TOWN, CITY], ["2025"])) == 3
    for area in (OTHER, OTHER_TOWN):
        with pytest.raises(UserError, match="is not an area of release"):
            cut.compute("mediation_accepted", area, "2025-02..2025-04")


def test_the_city_s_total_is_the_whole_city_s(cut: Release, road: Road) -> None:
    """Computed from districts the reader does not see."""
    [whole] = road.ask(
        "figures", "--indicator", "mediation_accepted", "--area", "420500", "--period", "2025-02..2025-04"
    )
    computed = cut.compute("mediation_accepted", CITY, "2025-02..2025-04")
    assert computed["value"].to_list() == [whole["value"]]


def test_a_provider_out_of_reach_is_a_sentence_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit writes a traceback of fifty lines, of which the operator needs one."""
    monkeypatch.setenv("FENGQIAO_OIDC", str(tmp_path / "oidc.toml"))
    spoken = io.StringIO()
    log = logging.Logger("sign-in")
    log.addHandler(logging.StreamHandler(spoken))
    log.addFilter(access.in_a_sentence)
    try:
        raise OSError("certificate verify failed: self-signed certificate")
    except OSError:
        log.warning("Error during %s.", "OAuth authorization redirect", exc_info=True)
    said = spoken.getvalue()
    assert said.startswith("Error during OAuth authorization redirect. OSError: certificate verify failed: self-signed")
    assert (said.count("\n"), f"{tmp_path}/oidc.toml" in said) == (1, True)


def test_the_server_of_the_pages_says_so_of_streamlit_s_sign_in() -> None:
    importlib.import_module("dashboards.app")

    assert access.in_a_sentence in logging.getLogger("streamlit.web.server.starlette.starlette_auth_routes").filters


@pytest.fixture(scope="module")
def secured(serve: Serve, road: Road, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The internal edition behind a provider on this machine, with an office's scope file."""
    people = [
        User(sub="district", claims={"name": "Officer", "role": "district_office", "areas": "420583"}),
        User(sub="stranger", claims={"name": "Stranger"}),
    ]
    (road.data / "access.yml").write_text(SCOPES, encoding="utf-8")
    settings = tmp_path_factory.mktemp("oidc") / "oidc.toml"
    with run_server_in_thread(user_claims=people) as provider:
        about = {
            "redirect_uri": "http://127.0.0.1:{port}/oauth2callback",
            "cookie_secret": "0123456789abcdef0123456789abcdef",
            "client_id": "fengqiao",
            "client_secret": "secret",
            "server_metadata_url": f"http://127.0.0.1:{provider.server_port}/.well-known/openid-configuration",
        }
        settings.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in about.items()), encoding="utf-8")
        os.chmod(settings, 0o600)
        with serve(FENGQIAO_OIDC=str(settings)) as address:
            yield address
    (road.data / "access.yml").unlink()


def sign_in(page: Page, person: str) -> None:
    """Sign in at the provider; its form is answered here, because the form asks the network for its looks."""

    def answer(route: Route) -> None:
        sent = route.fetch(max_redirects=0)
        given = page.request.post(sent.headers["location"], form={"sub": person}, max_redirects=0)
        route.fulfill(response=sent, headers=sent.headers | {"location": given.headers["location"]})

    page.route(re.compile("/auth/login"), answer)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("button", name=re.compile("退出")).wait_for()
    settle(page)


def test_signed_out_shows_nothing(secured: str, visit: Visit) -> None:
    with visit(f"{secured}/district?area=420583&period=2025-11") as page:
        expect(page.get_by_text("内部版须登录后查看")).to_be_visible()
        assert page.locator("blockquote, table, article, a[href*=api]").count() == 0
        for path in (
            "release",
            "areas",
            "figures?indicator=mediation_accepted&area=420583&period=2025",
            "tables/areas.csv",
        ):
            assert page.request.get(f"{secured}/api/{path}").status == 401, path


def test_a_stranger_is_told_and_shown_nothing(secured: str, visit: Visit) -> None:
    with visit(f"{secured}/") as page:
        sign_in(page, "stranger")
        expect(page.get_by_text("您的账号没有本系统的角色")).to_be_visible()
        assert page.locator("blockquote, table").count() == 0
        assert page.request.get(f"{secured}/api/areas").status == 403


@pytest.fixture
def documents(road: Road) -> Iterator[None]:
    """A document for the city and one for each of two districts."""
    folder = road.data / "documents" / road.release.name
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"review-2025-{area}-zh.pdf" for area in ("420500", "420583", "420502")]
    for path in made:
        path.write_bytes(b"%PDF-1.7 make-believe")
    yield
    for path in made:
        path.unlink()


def test_an_officer_sees_the_own_district_and_the_city_s_total_by_no_link_more(
    secured: str, visit: Visit, road: Road, documents: None
) -> None:
    with visit(f"{secured}/") as page:
        sign_in(page, "district")
        page.goto(f"{secured}/district?area=420583&period=2025-11&lang=zh")
        settle(page)
        expect(page.locator("blockquote")).to_contain_text("枝江市")
        assert "西陵区" not in page.locator("body").inner_text()
        page.goto(f"{secured}/district?area=420502&period=2025-11&lang=zh")
        settle(page)
        expect(page.get_by_text("链接中的地区代码 420502 不在发布")).to_be_visible()
        assert page.locator("blockquote").count() == 0
        page.goto(f"{secured}/?area=420500&period=2025-11&lang=zh")
        settle(page)
        expect(page.locator("blockquote")).to_contain_text("宜昌市")
        assert "西陵区" not in page.locator("body").inner_text()
        codes = {row["area_code"] for row in page.request.get(f"{secured}/api/areas").json()}
        assert OWN in codes and CITY in codes and all(seen(code) for code in codes)
        asked = f"{secured}/api/figures?indicator=mediation_accepted&period=2025&area="
        assert page.request.get(asked + "420583").status == 200
        assert page.request.get(asked + "420502").status == 404
        assert "枝江市" in page.request.get(asked + "420500,420583&format=svg").text()
        assert page.request.get(asked + "420500,420583,420502&format=svg").status == 404
        for area, status in (("420583", 200), ("420500", 404), ("420502", 404)):
            path = f"{secured}/api/documents/review-2025-{area}-zh.pdf"
            assert page.request.get(path).status == status, area
        page.goto(f"{secured}/review?area=420500&period=2025-11&lang=zh")
        settle(page)
        expect(page.locator("blockquote")).to_contain_text("宜昌市")
        expect(page.get_by_text("review-2025-420500-zh.pdf")).to_have_count(0)
        table = page.request.get(f"{secured}/api/tables/standings.csv").text()
        assert "420583" in table and "420502" not in table
        assert "sources" not in page.request.get(f"{secured}/api/release").json()
