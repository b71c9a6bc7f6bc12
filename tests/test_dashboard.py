"""The pages against a release of a dozen figures that stand here in full, and the wording of single figures."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import charts, files, markup, rows, wording
from dashboards.rows import Signal
from dashboards.wording import Figure
from pipelines import catalogue
from pipelines.settings import PROJECT

CITY, DISTRICT, NEIGHBOUR, TOWN = "420500000000", "420583000000", "420502000000", "420583101000"
LEVELS = {CITY: "city", DISTRICT: "district", NEIGHBOUR: "district", TOWN: "township"}
MONTH, TOTAL = "2025-12", "2025-01..2025-12"
ACCEPTED, SUCCESS = "mediation_accepted", "mediation_success_rate"

# indicator, area, period, breakdown, category, value, numerator, denominator, value of the year before
FIGURES = (
    (ACCEPTED, CITY, MONTH, "total", "total", 1234.0, 1234, None, 1178.0),
    (ACCEPTED, CITY, TOTAL, "total", "total", 14567.0, 14567, None, 14567.0),
    (ACCEPTED, CITY, "2025-11", "total", "total", 1100.0, 1100, None, None),
    (SUCCESS, CITY, MONTH, "total", "total", 97.4, 974, 1000, 97.9),
    (SUCCESS, CITY, TOTAL, "total", "total", 97.125, 9712, 10000, 96.815),
    ("petition_on_time_rate", CITY, MONTH, "total", "total", None, 0, 0, 100.0),
    ("correction_caseload", CITY, MONTH, "total", "total", 800.0, 800, None, 820.0),
    (ACCEPTED, DISTRICT, MONTH, "total", "total", 12.0, 12, None, 9.0),
    (ACCEPTED, DISTRICT, TOTAL, "total", "total", 140.0, 140, None, 150.0),
    (SUCCESS, DISTRICT, TOTAL, "total", "total", 98.0, 98, 100, 98.001),
    (ACCEPTED, NEIGHBOUR, TOTAL, "total", "total", 900.0, 900, None, None),
    (ACCEPTED, DISTRICT, "2025", "total", "total", 140.0, 140, None, 150.0),
    (ACCEPTED, TOWN, "2025", "total", "total", 0.0, 0, None, 1.0),
    (ACCEPTED, CITY, TOTAL, "channel", "court", 8000.0, 8000, None, 7900.0),
    (ACCEPTED, CITY, TOTAL, "channel", "other", 6567.0, 6567, None, 6667.0),
    ("mediation_channel_share", CITY, TOTAL, "channel", "court", 54.9, 8000, 14567, 54.2),
)


def figure_row(row: tuple[object, ...]) -> dict[str, object]:
    indicator, area, period, breakdown, category, value, numerator, denominator, before = row
    difference = value - before if isinstance(value, float) and isinstance(before, float) else None
    is_count = denominator is None and isinstance(before, float) and before >= 20
    return {
        "indicator": indicator,
        "area_code": area,
        "area_level": LEVELS[str(area)],
        "period": period,
        "breakdown": breakdown,
        "category": category,
        "value": value,
        "numerator": numerator,
        "denominator": denominator,
        "value_year_before": before,
        "value_period_before": None,
        "change_on_year": difference,
        "change_on_year_percent": 100 * difference / before if is_count and difference is not None else None,
        "change_on_period": None,
        "status": "" if value is not None else "z",
    }


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one published release."""
    folder = tmp_path_factory.mktemp("data") / "releases" / "internal" / "2025-1.0"
    folder.mkdir(parents=True)
    folder.with_name("current").symlink_to(folder.name)
    about = {"release_id": "2025-1.0", "edition": "internal", "data_cutoff": "2025-12-31", "status": "final"}
    (folder / "release.json").write_text(json.dumps(about), encoding="utf-8")
    cards = [card.model_dump(mode="json") for card in catalogue.cards().values()]
    (folder / "cards.json").write_text(json.dumps(cards, ensure_ascii=False), encoding="utf-8")
    types = {"value_period_before": pl.Float64, "change_on_period": pl.Float64}
    rows = [figure_row(row) for row in FIGURES]
    pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None).write_parquet(folder / "figures.parquet")
    areas = [area._asdict() for area in catalogue.published_areas()]
    pl.DataFrame(areas).select("area_code", "name_zh", "name_en", "level", "parent_code").write_parquet(
        folder / "areas.parquet"
    )
    periods = [(month, "month", month) for month in ("2024-12", "2025-11", "2025-12")]
    periods.append((TOTAL, "year_to_date", "2025-12"))
    names = ["period", "period_kind", "last_month"]
    pl.DataFrame(periods, schema=names, orient="row").with_columns(
        pl.col("last_month").str.to_date("%Y-%m")
    ).write_parquet(folder / "periods.parquet")
    codes = [
        (code.list_id, code.code, code.label_zh, code.label_en, code.sort) for code in catalogue.code_lists()["channel"]
    ]
    names = ["breakdown", "category", "label_zh", "label_en", "sort"]
    pl.DataFrame(codes, schema=names, orient="row").write_parquet(folder / "categories.parquet")
    return folder.parents[2]


@pytest.fixture
def app(release: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The pages, not yet run."""
    monkeypatch.setenv("FENGQIAO_DATA", str(release))
    monkeypatch.setenv("FENGQIAO_EDITION", "internal")
    yield AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=60)


def opened(app: AppTest, page: str = "city_overview.py", **parameters: str) -> AppTest:
    """The app at an address; another page than the first can be switched to only after a run has registered it."""
    if page != "city_overview.py":
        app.run()
        app.switch_page(page)
        app.query_params.clear()
    app.query_params.update(parameters)
    app.run()
    assert not app.exception
    return app


def markup_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def plain(markup: str) -> str:
    return re.sub(r"<[^>]+>", " ", markup)


def card_of(app: AppTest, indicator: str) -> str:
    """The text of an indicator's card, its definition included."""
    cards = re.findall(r"<article.*?</article>", markup_of(app), re.S)
    return next(re.sub(r"\s+", " ", plain(card)) for card in cards if f"<code>{indicator}</code>" in card)


def test_city_overview_opens_with_the_sentence_in_chinese(app: AppTest) -> None:
    page = markup_of(opened(app, area="420500", period=MONTH))
    assert (
        "2025年12月，宜昌市人民调解委员会共受理纠纷1,234件，同比增加56件、增长4.8%；1—12月累计受理1.46万件，同比持平；"
        "1—12月调解成功率97.13%，同比提高0.31个百分点。"
    ) in page
    assert "<h1>宜昌市·全市概览</h1>" in page
    assert "数据截至2025年12月31日" in page
    assert "内部版·未启用登录（仅本机）" in page


def test_district_profile_opens_with_the_sentence_in_english(app: AppTest) -> None:
    page = markup_of(opened(app, "district_profile.py", area="420583", period=MONTH, lang="en"))
    assert (
        "In December 2025, people&#x27;s mediation committees in Zhijiang City accepted 12 disputes, 3 more than a "
        "year earlier; in January–December they accepted 140 disputes, 10 fewer (−6.7%) than a year earlier; the mediation "
        "success rate in January–December was 98.00%, unchanged on the year before (city: 97.13%)."
    ) in page
    assert not re.search(
        "[\u4e00-\u9fff]", plain(re.sub(r'<span lang="zh-CN">.*?</span>|<style>.*?</style>', "", page))
    )


def test_card_gives_month_cumulative_both_years_before_and_the_definition(app: AppTest) -> None:
    card = card_of(opened(app, area="420500", period=MONTH), ACCEPTED)
    for words in (
        "1,234 件",
        "同比 ▲ 增加56件、增长4.8%",
        "上年同期 1,178",
        "1—12月累计 1.46万",
        "累计上年同期 1.46万",
        "累计同比 持平",
        "口径",
        "人民调解法第17条",
    ):
        assert words in card
    assert "改善" not in card and "恶化" not in card


def test_card_judges_only_where_its_indicator_takes_a_side(app: AppTest) -> None:
    page = opened(app, area="420500", period=MONTH)
    assert "下降0.50个百分点 恶化" in card_of(page, SUCCESS)
    caseload = card_of(page, "correction_caseload")
    assert "减少20人、下降2.4%" in caseload and "恶化" not in caseload and "改善" not in caseload


def test_figure_that_is_not_there_is_a_dash_with_its_reason(app: AppTest) -> None:
    page = markup_of(opened(app, area="420500", period=MONTH))
    assert '<span title="不适用">—</span>' in page
    assert '<span title="无数据">—</span>' in page


def test_address_is_completed_and_kept(app: AppTest) -> None:
    page = opened(app, area="420500")
    assert page.query_params == {"area": "420500", "period": MONTH, "lang": "zh", "release": "2025-1.0"}
    page.segmented_control[0].set_value("en").run()
    assert page.query_params == {"area": "420500", "period": MONTH, "lang": "en", "release": "2025-1.0"}
    page.selectbox[1].set_value("2025-11").run()
    assert page.query_params["period"] == "2025-11"
    assert "November 2025" in markup_of(page)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"area": "999999"}, "链接中的地区代码 999999 不在发布 2025-1.0 中"),
        ({"area": "420583"}, "枝江市是区县，本页显示的是市"),
        ({"area": "420600"}, "襄阳市在发布 2025-1.0 中没有数据"),
        ({"area": "420500", "period": "2025-13"}, "链接中的期间 2025-13 不是发布 2025-1.0 中的月份"),
        ({"area": "420500", "period": "2025-Q4"}, "链接中的期间 2025-Q4 不是"),
        ({"release": "2024-9.9"}, "链接中的发布 2024-9.9 不存在"),
        ({"release": "../../2025-1.0"}, "链接中的发布 `../../2025-1.0` 不存在"),
    ],
)
def test_unknown_code_is_told_and_not_replaced(app: AppTest, parameters: dict[str, str], told: str) -> None:
    page = opened(app, **parameters)
    assert told in page.warning[0].value
    assert "<blockquote" not in markup_of(page)
    assert parameters.items() <= page.query_params.items()


def test_unknown_language_is_told_and_the_page_shown(app: AppTest) -> None:
    page = opened(app, area="420500", lang="fr")
    assert "语言代码 fr" in page.warning[0].value
    assert "<blockquote" in markup_of(page)


def test_page_before_the_first_publication_says_so(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(tmp_path))
    assert [warning.value for warning in opened(app).warning] == ["还没有已发布的版本。"]


@pytest.mark.parametrize("page", ["city_overview.py", "district_profile.py"])
def test_headings_do_not_skip_a_level(app: AppTest, page: str) -> None:
    area = "420500" if page == "city_overview.py" else "420583"
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", markup_of(opened(app, page, area=area)))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_districts_stand_from_high_to_low_under_their_city(app: AppTest) -> None:
    tables = re.findall(r'<table class="ranked"[^>]*>.*?</table>', markup_of(opened(app, area="420500")), re.S)
    names = re.findall(r'scope="row">(?:<a[^>]*>)?([^<]+)', tables[0])
    assert names == ["宜昌市", "西陵区", "枝江市"]
    assert 'href="district?area=420502&amp;period=2025-12&amp;lang=zh&amp;release=2025-1.0"' in tables[0]


def test_town_without_a_case_is_nought_and_not_missing(app: AppTest) -> None:
    page = plain(markup_of(opened(app, "district_profile.py", area="420583")))
    assert re.search(r"安福寺镇\s+0\s+−1", page)


def test_channels_carry_label_count_share_and_change(app: AppTest) -> None:
    page = re.sub(r"\s+", " ", plain(markup_of(opened(app, area="420500"))))
    assert "诉调对接 8,000 54.9% +100 (+1.3%) 其他 6,567 — −100 (−1.5%)" in page


def test_download_holds_each_figure_once_with_mark_and_labels(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(release))
    source = rows.source_of("internal", "2025-1.0")
    assert source
    shown = rows.figures(source, (ACCEPTED,), (CITY,), (MONTH,))
    content = files.figures_as("csv", source, (*shown, *shown), "zh")
    assert content.startswith(b"\xef\xbb\xbf")
    table = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(table) == 1
    assert table[0]["指标"] == "调解纠纷受理件数" and table[0]["地区"] == "宜昌市"
    assert (table[0]["数值"], table[0]["单位"], table[0]["发布"]) == ("1234", "件", "2025-1.0")


def test_a_series_says_its_finding(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(release))
    source = rows.source_of("internal", "2025-1.0")
    assert source
    found = rows.by_key(rows.figures(source, (ACCEPTED,), (CITY,), ("2025-11", MONTH)))
    points = [found[ACCEPTED, CITY, month] for month in ("2025-11", MONTH)]
    card = rows.cards(source)[ACCEPTED]
    assert wording.series_finding(card, "宜昌市", ("2025-11", MONTH), points, "zh") == (
        "宜昌市调解纠纷受理件数，2025年11—12月逐月：2025年12月1,234件；期间最高为2025年12月1,234件，最低为2025年11月1,100件；"
        "最近一月同比增加56件、增长4.8%。"
    )


def figure(value: float | None, before: float | None, percent: float | None = None) -> Figure:
    difference = value - before if value is not None and before is not None else None
    return Figure("", CITY, MONTH, "total", "total", value, None, None, before, None, difference, percent, None, ())


@pytest.mark.parametrize(
    ("value", "decimals", "zh", "en"),
    [
        (0, 0, "0", "0"),
        (1234, 0, "1,234", "1,234"),
        (9999, 0, "9,999", "9,999"),
        (10000, 0, "1万", "10,000"),
        (15912, 0, "1.59万", "15,912"),
        (15950, 0, "1.6万", "15,950"),
        (12345678, 0, "1,234.57万", "12,345,678"),
        (0.125, 2, "0.13", "0.13"),
        (2.5, 0, "3", "3"),
        (94.865, 2, "94.87", "94.87"),
    ],
)
def test_numbers_are_rounded_half_up_and_wan_begins_at_ten_thousand(
    value: float, decimals: int, zh: str, en: str
) -> None:
    assert wording.number(value, decimals, "zh") == zh
    assert wording.number(value, decimals, "en") == en


@pytest.mark.parametrize(
    ("indicator", "value", "zh", "en"),
    [
        (ACCEPTED, 1.0, "1件", "1 case"),
        (ACCEPTED, 2.0, "2件", "2 cases"),
        ("petition_matters", 5.0, "5件次", "5 matters"),
        ("petition_persons", 5.0, "5人次", "5 person-times"),
        ("correction_caseload", 1.0, "1人", "1 person"),
        ("mediation_days_to_conclude_median", 12.0, "12天", "12 days"),
        ("mediation_days_to_conclude_median", 12.5, "12.5天", "12.5 days"),
        (SUCCESS, 94.86307, "94.86%", "94.86%"),
        (SUCCESS, 0.0, "0%", "0%"),
        (SUCCESS, None, "—", "—"),
    ],
)
def test_quantity_carries_its_unit(indicator: str, value: float | None, zh: str, en: str) -> None:
    card = catalogue.cards()[indicator]
    assert wording.quantity(value, card, "zh") == zh
    assert wording.quantity(value, card, "en") == en


@pytest.mark.parametrize(
    ("indicator", "row", "zh", "en", "judged"),
    [
        (ACCEPTED, figure(56, 50, 12.0), "增加6件、增长12.0%", "6 more (+12.0%)", None),
        (ACCEPTED, figure(44, 50, -12.0), "减少6件、下降12.0%", "6 fewer (−12.0%)", None),
        (ACCEPTED, figure(12, 9), "增加3件", "3 more", None),
        (ACCEPTED, figure(9, 9), "持平", "unchanged", "flat"),
        (ACCEPTED, figure(20003, 20000, 0.015), "增加3件、增长不足0.1%", "3 more (up less than 0.1%)", None),
        (ACCEPTED, figure(9, None), "", "", None),
        (SUCCESS, figure(97.31, 97.0), "提高0.31个百分点", "0.31 percentage points higher", "better"),
        (SUCCESS, figure(96.69, 97.0), "下降0.31个百分点", "0.31 percentage points lower", "worse"),
        (SUCCESS, figure(97.004, 97.0), "持平", "unchanged", "flat"),
        ("petition_repeat_rate", figure(18.0, 20.0), "下降2.00个百分点", "2.00 percentage points lower", "better"),
        ("mediation_days_to_conclude_median", figure(7, 8.5), "缩短1.5天", "1.5 days shorter", "better"),
        ("mediation_days_to_conclude_median", figure(9, 8), "延长1天", "1 day longer", "worse"),
        ("correction_caseload", figure(30, 20, 50.0), "增加10人、增长50.0%", "10 more (+50.0%)", None),
    ],
)
def test_change_is_said_as_an_office_says_it(indicator: str, row: Figure, zh: str, en: str, judged: str | None) -> None:
    card = catalogue.cards()[indicator]
    assert wording.change(row, card, "zh") == zh
    assert wording.change(row, card, "en") == en
    assert wording.verdict(row, card) == judged


def test_several_figures_make_one_sentence() -> None:
    cards = catalogue.cards()
    found, rate, village = (
        cards[name] for name in ("screening_found", "screening_resolved_rate", "screening_village_resolution_rate")
    )
    total, quarter = "2025-01..2025-12", "2025-Q4"
    said = [
        (found, total, figure(794, 778, 2.06)),
        (rate, total, figure(93.83, None)),
        (village, quarter, figure(71, None)),
    ]
    assert wording.several_sentence("宜昌市", said, "zh") == (
        "2025年1—12月，宜昌市矛盾纠纷排查794件，同比增加16件、增长2.1%；矛盾纠纷排查化解率93.83%；"
        "2025年第四季度不出村化解率（排查）71.00%。"
    )
    english = wording.several_sentence("Yichang City", [said[0], (rate, total, None), said[2]], "en")
    assert english == (
        "Disputes found by screening, Yichang City, January–December 2025: 794 cases, 16 more (+2.1%) than a year "
        "earlier; share of screened disputes resolved in the village, fourth quarter of 2025: 71.00%."
    )


def test_a_card_without_its_month_shows_the_year_so_far() -> None:
    card = catalogue.cards()[SUCCESS]
    band = figure(None, None)._replace(band="at_least", low=95.0, decimals=0)
    drawn = markup.headline_card(card, None, band, None, "2025-12", "zh")
    assert "95%以上" in drawn and "1—12月累计" in drawn and ">—<" not in drawn.partition("<dl>")[0]


def test_a_change_within_the_noise_has_neither_arrow_nor_direction() -> None:
    card = catalogue.cards()[ACCEPTED]
    row = figure(120, 115, 4.3)._replace(decimals=0, change_word="cannot_tell")
    drawn = markup.headline_card(card, row, None, None, "2025-12", "zh")
    assert "无法判断" in drawn and "▲" not in drawn
    ranked = markup.ranked_table(card, [markup.Bar("宜昌市", row)], "", "", "", "zh")
    assert "无法判断" in ranked and "+4.3" not in ranked
    sentence = wording.opening_sentence("宜昌市", (card, row, None), None, None, "2025-12", "zh")
    assert sentence.endswith("与上年同期相比增减无法判断。") and "增加" not in sentence


@pytest.mark.parametrize(("first_of_series", "drawn_at"), [("2024-01", "2024-02"), ("2024-05", "2024-05")])
def test_a_break_is_drawn_before_the_first_point_of_the_new_series(first_of_series: str, drawn_at: str) -> None:
    """January and February are one point, which bears the name of February."""
    card = catalogue.cards()[ACCEPTED]
    months = [f"2023-{month:02d}" for month in range(2, 13)] + [f"2024-{month:02d}" for month in range(2, 13)]
    points = [
        Signal(
            month, date.fromisoformat(f"{month}-01"), "xmr", 9.0, 9.0, 6.0, 12.0, True, "none", None, None, False, 22
        )
        for month in months
    ]
    [line] = charts.control(card, "", points, [first_of_series], "", "zh").figure.layout.shapes
    assert line.x0 == line.x1 == drawn_at
    assert not charts.control(card, "", points, ["2023-01"], "", "zh").figure.layout.shapes


def test_names_at_the_ends_of_lines_do_not_touch() -> None:
    card = catalogue.cards()[SUCCESS]
    lines = [charts.Series(f"Area {place}", [95.0, 100.0 - place / 100], place == 3) for place in range(12)]
    layout = charts.several(card, "", ["2024", "2025"], lines, (), "en", is_coloured=False).figure.layout
    per_point = (layout.height - charts.NAMED_AXIS) / (layout.yaxis.range[1] - layout.yaxis.range[0])
    at = sorted((layout.yaxis.range[1] - note.y) * per_point + note.ay for note in layout.annotations)
    assert len(at) == 12 and all(below - above >= charts.NAME["size"] for above, below in pairwise(at))
    assert at[0] >= 0


def test_english_words_have_no_quotes_as_wide_as_a_chinese_character() -> None:
    measures = catalogue.measures().values()
    said = [card.model_dump_json() for card in catalogue.cards().values()]
    said += [measure.model_dump_json() for measure in measures]
    english = re.findall(r'"en":"((?:[^"\\\\]|\\\\.)*)"', "".join(said))
    assert english and not [words for words in english if re.search("[“”‘’]", words)]


def test_sentence_says_nothing_that_the_figures_do_not_carry() -> None:
    card, rate = catalogue.cards()[ACCEPTED], catalogue.cards()[SUCCESS]
    assert (
        wording.opening_sentence("枝江市", (card, figure(7, None), None), (rate, None), None, "2025-03", "zh")
        == "2025年3月，枝江市人民调解委员会共受理纠纷7件。"
    )
    assert (
        wording.opening_sentence("枝江市", (card, None, None), None, None, "2025-03", "zh")
        == "2025年3月，枝江市调解纠纷受理件数无数据。"
    )
    january = wording.opening_sentence("枝江市", (card, figure(1, 1), figure(1, 1)), None, None, "2025-01", "en")
    assert january == (
        "In January 2025, people's mediation committees in 枝江市 accepted 1 dispute, unchanged on the year before."
    )


@pytest.mark.parametrize(
    ("period", "zh", "en"),
    [
        ("2025-10", "2025年10月", "October 2025"),
        ("2025-01..2025-10", "2025年1—10月", "January–October 2025"),
        ("2025", "2025年", "2025"),
        ("2025-H1", "2025年上半年", "first half of 2025"),
        ("2025-Q3", "2025年第三季度", "third quarter of 2025"),
        ("2022-10..2023-07", "2022年10月—2023年7月", "October 2022–July 2023"),
    ],
)
def test_periods_have_names(period: str, zh: str, en: str) -> None:
    assert wording.period_name(period, "zh") == zh
    assert wording.period_name(period, "en") == en


@pytest.mark.parametrize(
    ("month", "period"), [("2025-12", "2025"), ("2025-06", "2025-H1"), ("2025-09", "2025-Q3"), ("2025-11", "2025-11")]
)
def test_longest_standard_period_that_ends_with_a_month(month: str, period: str) -> None:
    assert wording.ending_with(month) == period


def test_every_word_stands_in_both_languages_with_the_same_gaps() -> None:
    for section in wording.Lexicon.model_fields:
        for key, words in getattr(wording.lexicon(), section).items():
            gaps = [set(re.findall(r"{(\w+)}", text)) for text in (words.zh, words.en)]
            assert gaps[0] >= gaps[1] or gaps[1] >= gaps[0], f"{section}.{key}"
            assert not re.search("[\u4e00-\u9fff]", words.en), f"{section}.{key}"
