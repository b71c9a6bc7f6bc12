"""Every page against the road's release, in both languages, as the server sees it: what it says, offers and refuses."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import maps, rows, selection, wording
from dashboards.sections import mapping
from dashboards.selection import PageName
from pipelines.release.tables import tables_of
from pipelines.settings import PROJECT, UserError
from tests.conftest import Road

PERIOD = "2025-11"
CITY, DISTRICT = "420500", "420583"
Open = Callable[..., AppTest]


@pytest.fixture
def opened(road: Road, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open a page of the road's release at an address, or of another data folder."""

    def opening(page: str, data: Path = road.data, edition: str = "internal", **parameters: str) -> AppTest:
        monkeypatch.setenv("FENGQIAO_DATA", str(data))
        monkeypatch.setenv("FENGQIAO_EDITION", edition)
        app = AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=120)
        if page != "city_overview":
            app.run()
            app.switch_page(f"{page}.py")
            app.query_params.clear()
        usual = {"area": DISTRICT if page == "district_profile" else CITY, "period": PERIOD}
        app.query_params.update(usual | parameters)
        app.run()
        assert not app.exception
        return app

    yield opening


def markup_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def text_of(app: AppTest) -> str:
    whole = markup_of(app).replace("·</span><span>", "·")  # the parts of a title
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", whole)))


def without_chinese_parts(markup: str) -> str:
    """The markup without what is marked as Chinese on an English page: laws, sources."""
    return re.sub(
        r'<(\w+)[^>]*lang="zh-CN"[^>]*>.*?</\1>|<style>.*?</style>|<script>.*?</script>', "", markup, flags=re.S
    )


@pytest.mark.parametrize("page", get_args(PageName))
def test_page_opens_with_a_sentence_and_ends_with_its_sources(opened: Open, page: str) -> None:
    for language in ("zh", "en"):
        markup = markup_of(opened(page, lang=language))
        assert len(re.findall('<blockquote class="quote"', markup)) == 1
        sentence = re.search(r"<blockquote.*?<p>(.*?)</p>", markup, re.S)
        assert sentence and sentence[1].strip().endswith((".", "。"))
        levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", markup)]
        assert levels.count(1) == 1 and all(after - before <= 1 for before, after in pairwise(levels))
        for word in (
            ("来源", "修订", "引用", "本页链接") if language == "zh" else ("Sources", "Revisions", "Cite as", "Link")
        ):
            assert word in markup.rpartition("<h2>")[2]
        if language == "en":
            assert not re.search("[\u4e00-\u9fff]", re.sub(r"<[^>]+>", " ", without_chinese_parts(markup)))


@pytest.mark.parametrize("page", get_args(PageName))
def test_language_changes_without_losing_the_place(opened: Open, page: str) -> None:
    app = opened(page, lang="zh")
    before = dict(app.query_params)
    app.segmented_control[0].set_value("en").run()
    assert dict(app.query_params) == before | {"lang": "en"}


@pytest.mark.parametrize(
    ("page", "parameter", "told"),
    [
        ("explorer", "indicator", "链接中的“指标”nonsense 不在发布"),
        ("explorer", "by", "链接中的“分组”nonsense 不在发布"),
        ("explorer", "span", "链接中的“期间方式”nonsense 不在发布"),
        ("analysis", "indicator", "链接中的“指标”nonsense 不在发布"),
        ("map", "indicator", "链接中的“指标”nonsense 不在发布"),
        ("definitions", "indicator", "链接中的“指标”nonsense 不在发布"),
    ],
)
def test_code_that_is_gone_is_told_and_not_replaced(opened: Open, page: str, parameter: str, told: str) -> None:
    app = opened(page, **{parameter: "nonsense"})
    assert told in app.warning[0].value
    assert "<blockquote" not in markup_of(app)
    assert app.query_params[parameter] in ("nonsense", ["nonsense"])


def test_a_link_outlives_a_relabelling(opened: Open, road: Road, tmp_path: Path) -> None:
    folder = tmp_path / "releases" / "internal" / road.release.name
    shutil.copytree(road.release, folder, ignore=shutil.ignore_patterns("*.duckdb", "csv"))
    folder.parent.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    (folder.parent / "current").symlink_to(folder.name)
    names = pl.col("name_zh").replace("枝江市", "丹阳区")
    pl.read_parquet(folder / "areas.parquet").with_columns(names).write_parquet(folder / "areas.parquet")
    cards = folder / "cards.json"
    cards.write_text(cards.read_text(encoding="utf-8").replace("调解成功率", "调解达成率"), encoding="utf-8")
    asked = {"area": DISTRICT, "indicator": "mediation_success_rate", "span": "to_date"}
    before, after = (text_of(opened("explorer", data=data, **asked)) for data in (road.data, tmp_path))
    assert "调解成功率·枝江市" in before
    assert "调解达成率·丹阳区" in after


ASKED: Mapping[str, tuple[Mapping[str, str], str]] = {
    "an area month by month": ({"indicator": "mediation_accepted"}, "调解纠纷受理件数·宜昌市·"),
    "its districts, the year to date": ({"areas": "below", "span": "to_date"}, "调解纠纷受理件数·宜昌市·2025年1—11月"),
    "towns of a district": ({"area": DISTRICT, "areas": "below", "span": "ending"}, "安福寺镇"),
    "a district beside its peers": ({"area": DISTRICT, "areas": "beside", "span": "to_date"}, "西陵区"),
    "categories": ({"by": "channel", "span": "to_date"}, "诉调对接"),
    "a share over time": ({"indicator": "mediation_channel_share", "by": "channel", "span": "by_month"}, "数据表"),
    "what is counted by quarter": ({"indicator": "mediation_village_resolution_rate"}, "2025年第三季度"),
    "what is counted by year": ({"indicator": "organisation_judicial_offices"}, "司法所数"),
    "as a table": ({"areas": "below", "form": "table"}, "西陵区"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_explorer_answers(opened: Open, asked: str) -> None:
    parameters, said = ASKED[asked]
    page = text_of(opened("explorer", **parameters))
    assert said in page
    assert "该范围没有数据" not in page


def test_explorer_explains_the_indicator_down_to_the_export(opened: Open) -> None:
    page = text_of(opened("explorer", indicator="mediation_success_rate"))
    for words in (
        "分子",
        "人民调解案件明细",
        "concluded_on",
        "fengqiao explain --indicator mediation_success_rate --area 420500",
    ):
        assert words in page


def test_choosing_another_indicator_drops_what_belonged_to_the_one_before(opened: Open) -> None:
    app = opened("explorer", indicator="mediation_accepted", by="channel")
    app.selectbox(key="choice_indicator_explorer").set_value("petition_matters").run()
    assert app.query_params["indicator"] in ("petition_matters", ["petition_matters"])
    assert app.query_params["by"] in ("total", ["total"])
    assert not app.warning


def test_search_finds_cards_by_the_words_of_either_language(opened: Open) -> None:
    page = text_of(opened("definitions", q="调解 成功率"))
    assert "调解成功率（上报口径）" in page and "在册社区矫正对象人数" not in page.partition("法律依据")[0]
    assert "Mediation success rate" in text_of(opened("definitions", q="success RATE", lang="en"))


def test_a_point_outside_its_limits_is_worded_as_unlike_before_and_not_as_alarm(opened: Open) -> None:
    page = text_of(opened("analysis", indicator="mediation_accepted"))
    assert "不说明原因，也不等于好坏" in page
    assert not re.search("预警|异常|报警|警报", page)


@pytest.mark.parametrize(("chart", "said"), [("g", r"相隔件数）[\d,.]+件"), ("t", r"相隔天数）[\d,.]+天")])
def test_a_chart_of_gaps_says_cases_or_days_and_never_the_unit_of_its_figure(
    opened: Open, road: Road, chart: str, said: str
) -> None:
    signals = pl.read_parquet(road.release / "signals.parquet").filter(pl.col("chart") == chart)
    of_districts = signals.filter(pl.col("area_code").str.slice(6) == "000000", pl.col("area_code") != "420500000000")
    indicator, area = of_districts.sort("indicator", "area_code").select("indicator", "area_code").row(0)
    page = markup_of(opened("analysis", indicator=indicator, area=area[:6], period="2025-12"))
    sentence = re.search(r"<blockquote.*?<p>(.*?)</p>", page, re.S)
    assert sentence and re.search(said, sentence[1]) and "%" not in sentence[1]
    assert "图中数值为前后两次" in page


def test_every_line_has_a_title_a_finding_its_data_and_downloads(opened: Open) -> None:
    markup = markup_of(opened("city_overview"))
    lines = re.findall(r'<section class="trend trend-(\w+)">(.*?)</section>', markup, re.DOTALL)
    assert lines
    for indicator, line in lines:
        image = re.search(r'<img src="data:image/svg\+xml,([^"]+)" alt="([^"]+)">', line)
        assert image and "期间最高为" in image[2]
        title = re.search(rf'<title id="trend-{indicator}-title">([^<]+)<', unquote(image[1]))
        assert title and "宜昌市" in title[1] and f"<h3>{title[1]}</h3>" in re.sub("</?span>", "", line)
        assert not re.search("[㐀-鿿]", re.sub("<(title|desc).*?</", "", unquote(image[1]))), (
            "no font of ours reaches into it"
        )
        assert line.count('class="save"') == 1 and "<table" in line
        links = re.findall(r'href="(api/figures\?[^"]*)"', line)
        assert [("format=xlsx" in link, "release=" in link) for link in links] == [(False, True), (True, True)]


def test_a_page_without_its_tables_is_not_offered(opened: Open, road: Road, tmp_path: Path) -> None:
    folder = tmp_path / "releases" / "internal" / road.release.name
    shutil.copytree(road.release, folder, ignore=shutil.ignore_patterns("signals.parquet", "*.duckdb", "csv"))
    folder.parent.chmod(0o755)
    (folder.parent / "current").symlink_to(folder.name)
    app = opened("analysis", data=tmp_path)
    assert "没有本页所需的数据" in app.warning[0].value
    assert "<blockquote" not in markup_of(app)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)


PUBLIC = ("areas", "breaks", "categories", "figures", "indicator_breakdowns", "indicators", "periods")


@pytest.fixture(scope="module")
def public(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a public release of the tables that disclose least."""
    data = tmp_path_factory.mktemp("public")
    folder = data / "releases" / "public" / road.release.name
    folder.mkdir(parents=True)
    for name in ("release.json", "cards.json", *(f"{table}.parquet" for table in PUBLIC)):
        shutil.copyfile(road.release / name, folder / name)
    protected = {"area_code": ["420500000000"], "period": ["2025"], "measure": ["mediation_accepted"], "value": [120]}
    pl.DataFrame(protected).write_parquet(folder / "measures.parquet")
    (folder.parent / "current").symlink_to(folder.name)
    return data


@pytest.mark.parametrize("page", get_args(PageName))
def test_public_edition_stands_on_its_own_tables_without_ranks(opened: Open, public: Path, page: str) -> None:
    app = opened(page, data=public, edition="public")
    if page in selection.NEEDS:
        assert "没有本页所需的数据" in app.warning[0].value
        return
    said = text_of(app)
    assert "公开版" in said
    assert not re.search("位次|最高：|fengqiao explain|未启用登录", said)
    for table in re.findall(r'<table class="ranked"[^>]*>.*?</table>', markup_of(app), re.S):
        names = re.findall(r'scope="row"><a[^>]*>([^<]+)', table)
        source = rows.source_of("public", rows.newest_release("public") or "")
        assert source
        codes = {place.name.zh: place.code for place in rows.places(source).values() if place.level == "district"}
        assert [codes[name] for name in names] == sorted(codes[name] for name in names)


@pytest.mark.parametrize("page", get_args(PageName))
def test_no_page_of_the_published_public_edition_is_empty(opened: Open, page: str) -> None:
    for language in ("zh", "en"):
        app = opened(page, edition="public", lang=language, period="2025-12")
        source = rows.source_of("public", rows.newest_release("public") or "")
        if page not in selection.offered_pages(source):
            assert app.warning and "<blockquote" not in markup_of(app) and not app.selectbox
            continue
        markup = markup_of(app)
        assert re.search(r"<blockquote[^>]*><p>[^<]{10,}</p>", markup)
        assert "<tbody></tbody>" not in markup and not re.search(r"<h2>[^<]*</h2>\s*<h2>", markup)
        if language == "en":
            assert not re.search("[\u4e00-\u9fff]", re.sub(r"<[^>]+>", " ", without_chinese_parts(markup)))


def test_explorer_of_the_public_edition_begins_with_periods_that_have_figures(opened: Open, road: Road) -> None:
    """Much is published by year only: whoever asks for it by month hears what there is."""
    public = pl.read_parquet(road.data / "releases" / "public" / "current" / "figures.parquet")
    of_city = public.filter(area_code="420500000000", breakdown="total").filter(pl.col("value").is_not_null())
    by_month = set(of_city.filter(pl.col("period").str.contains(r"^\d{4}-\d{2}$"))["indicator"])
    indicator = min(set(of_city["indicator"]) - by_month)
    asked = {"edition": "public", "period": "2025-12", "indicator": indicator}
    assert "数据表" in text_of(opened("explorer", **asked))
    assert re.search("有数据的是：.*逐年", text_of(opened("explorer", span="by_month", **asked)))


def test_public_edition_says_in_bands_what_was_reported_and_no_row(opened: Open) -> None:
    said = text_of(opened("data_quality", edition="public", period="2025-12"))
    assert re.search(r"宜昌市\d+个区县中，\d+个区县的各项台账和报表全部报齐", said)
    assert "人民调解案件明细" in said and not re.search("退回（行）|逾期（月）|各报送单位", said)


def test_variants_stand_with_their_difference(opened: Open, road: Road) -> None:
    """The difference is that of the figures before rounding, so it may differ by the last digit of what is shown."""
    markup = markup_of(opened("district_profile"))
    table = re.search(r"同一指标的不同口径.*?<tbody>(.*?)</tbody>", markup, re.S)
    assert table
    lines = [re.findall(r"<t[hd][^>]*>(?:<a[^>]*>)?([^<]*)", line) for line in table[1].split("</tr>") if line]
    base, compared = 0.0, 0
    for _, value, difference, *_ in lines:
        shown = float(value.rstrip("%").replace(",", ""))
        if not difference:
            base = shown
            continue
        apart = 0.0 if difference == "相同" else float(difference.removesuffix("个百分点").replace("−", "-"))
        assert shown - base == pytest.approx(apart, abs=0.0101)
        compared += 1
    assert compared >= 3


def test_what_is_overdue_is_said_with_the_areas_total(opened: Open, road: Road) -> None:
    asked = ("figures", "--indicator", "mediation_overdue", "--area", CITY, "--period", PERIOD)
    [figure] = road.ask(*asked)
    assert re.search(rf"超期{figure['value']:,.0f}件，七日内到期\d+件", text_of(opened("city_overview")))


def test_tables_of_many_columns_carry_their_headings_into_each_cell_and_matrices_do_not(opened: Open) -> None:
    markup = markup_of(opened("three_tiers"))
    flowing = re.findall(r'<table class="plain flows">(.*?)</table>', markup, re.S)
    matrices = re.findall(r'<table class="plain matrix">(.*?)</table>', markup, re.S)
    assert flowing and matrices
    for table in flowing:
        heads = re.findall(r"<th[^>]*>([^<]*)</th>", table.partition("</thead>")[0])
        first = re.findall(r'data-head="([^"]*)"', table.partition("<tbody>")[2].partition("</tr>")[0])
        assert first == heads[1:]
    assert "data-head" not in "".join(matrices)


def test_the_wall_shows_the_first_sections_and_no_choices(opened: Open) -> None:
    app = opened("city_overview", view="wall", release="")
    assert "<blockquote" in markup_of(app) and not app.selectbox
    assert 'class="ranked"' not in markup_of(app)


SQUARE = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]]


def map_of(folder: Path, codes: list[str], geometry: str = "Polygon") -> None:
    shapes = SQUARE if geometry == "Polygon" else [SQUARE]
    features = [
        {"properties": {"adcode": code}, "geometry": {"type": geometry, "coordinates": shapes}} for code in codes
    ]
    (folder / "maps").mkdir()
    (folder / "maps" / "d.geojson").write_text(str({"features": features}).replace("'", '"'), encoding="utf-8")
    about = "geojson: d.geojson\ncode_property: adcode\napproval_number: 鄂S（2024）001号\n"
    (folder / "maps" / "map.yml").write_text(about, encoding="utf-8")


@pytest.mark.parametrize("geometry", ["Polygon", "MultiPolygon"])
def test_rings_run_clockwise_and_holes_the_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, geometry: str
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path))
    map_of(tmp_path, ["420502"], geometry)
    found = maps.approved_map()
    assert found and found.approval_number == "鄂S（2024）001号"
    outer, hole = found.rings["420502000000"]
    assert outer == [(0, 0), (0, 4), (4, 4), (4, 0), (0, 0)]
    assert hole == [(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]


def _luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, as WCAG 2.1 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("shade", mapping.DARK)
def test_white_letters_are_read_on_the_dark_tiles(shade: str) -> None:
    """WCAG 2.1, 1.4.3: a contrast of at least 4.5, whatever tile has which figure."""
    assert 1.05 / (_luminance(shade) + 0.05) >= 4.5


def test_map_without_an_approval_number_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path))
    map_of(tmp_path, ["420502"])
    (tmp_path / "maps" / "map.yml").write_text("geojson: d.geojson\ncode_property: adcode\n", encoding="utf-8")
    with pytest.raises(UserError, match="approval_number"):
        maps.approved_map()


def test_approved_map_stands_with_its_number_and_tiles_say_they_are_none(opened: Open, road: Road) -> None:
    assert "不是地理位置" in text_of(opened("map"))
    source = rows.source_of("internal", road.release.name)
    assert source
    districts = [place.code for place in rows.children(source, "420500000000") if not place.code.endswith("999000")]
    map_of(road.data, districts)
    try:
        app = opened("map")
        assert "审图号：鄂S（2024）001号" in text_of(app)
        assert len(app.get("plotly_chart")) == 1
    finally:
        shutil.rmtree(road.data / "maps")


def test_every_page_has_a_path_and_words() -> None:
    from dashboards.pages import frame

    assert selection.LEVELS.keys() == set(get_args(PageName)) == frame.SCRIPTS.keys()
    assert all(path.is_file() for path in frame.SCRIPTS.values())
    assert len(set(frame.URL_PATHS.values())) == len(frame.SCRIPTS) - 1


def test_every_table_of_a_release_has_words() -> None:
    known = {f"table_{name}" for edition in ("internal", "public") for name in tables_of(edition)}
    assert known - wording.lexicon().access.keys() == set()


@pytest.mark.parametrize(
    ("page", "language", "said", "link"),
    [
        ("district_profile", "zh", "枝江市·区县画像", "district"),
        ("explorer", "en", "Zhijiang City, Explorer", "explorer"),
        ("city_overview", "zh", "枝江市·区县画像", "district"),
    ],
)
def test_a_town_is_shown_with_its_district(opened: Open, page: str, language: str, said: str, link: str) -> None:
    """No page is a town's own: an address with one leads on to its district, in the month and language asked for."""
    app = opened(page, area="420583106", lang=language)
    [warning] = app.warning
    assert "本页显示" in warning.value or "this page shows" in warning.value
    [onward] = [found for found in app.get("page_link") if said in found.proto.label]
    assert onward.proto.page == link
    assert f"area={DISTRICT}&period={PERIOD}&lang={language}" in onward.proto.query_string


def test_no_district_is_held_against_a_city_that_is_itself_alone(opened: Open) -> None:
    """Of Yichang's districts Zhijiang alone hands in forms: beside the city it would stand beside itself."""
    page = markup_of(opened("district_profile"))
    held = page.partition("与全市和同级比较")[2].partition("</table>")[0]
    assert "调解成功率</th>" in held
    assert "调解成功率（上报口径）" not in held
    assert "调解成功率（上报口径）" in page, "it stands beside its other rules"


def test_no_source_is_chinese_on_an_english_page(opened: Open) -> None:
    page = markup_of(opened("annual_review", lang="en"))
    assert "Article A5 of 29 December 2022" in page
    assert "报道（枝江，2022年12月29日）" in markup_of(opened("annual_review"))


def test_a_session_keeps_the_downloads_of_a_page_once_and_not_once_a_view(opened: Open) -> None:
    """What a session holds of a button goes by its id: an id a view would make it grow with every choice."""
    names = [
        [
            (button.proto.id, button.proto.label)
            for button in opened("city_overview", period=month).get("download_button")
        ]
        for month in ("2025-10", PERIOD)
    ]
    assert len(names[0]) == 2 and names[0] == names[1]
