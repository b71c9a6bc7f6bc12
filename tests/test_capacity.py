"""Organisations, activities and people through the doors: what stands at a year's end, and what is divided by whom."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards.release_reader import Release, open_release
from pipelines import warehouse
from pipelines.cli_review import write_reviews
from tests.offices import DISPUTE, MATTER, Office, cases, opened, release, table

HECHUAN, YONGCHUAN, CHONGQING = "500117000000", "500118000000", "500000000000"
COMMITTEE = {
    "机构编号": "T1",
    "机构类型": "调委会",
    "层级": "乡镇(街道)",
    "区划代码": "500117001",
    "成立日期": "",
    "撤销日期": "",
    "行业类别": "",
    "人民调解员数": "8",
    "专职调解员数": "2",
    "统计日期": "2024-12-31",
    "状态": "正常",
}
RECONSIDERED = {
    "案号": "F1",
    "复议机关区划代码": "500117",
    "收到日期": "2025-03-03",
    "受理日期": "2025-03-05",
    "更新时间": "2025-04-01 09:00:00",
}
HELD = {
    "活动编号": "H1",
    "活动类别": "普法宣传",
    "活动日期": "2025-03-03",
    "所属区划代码": "500117001",
    "场次": "1",
    "参加人次": "250",
    "更新时间": "2025-04-01 09:00:00",
}
YEARS = ("2021", "2022", "2023", "2024", "2025")
PEOPLE = {
    "区划代码": "500117",
    "年份": "2025",
    "常住人口(人)": "1250000",
    "户籍人口(人)": "1500000",
    "发布日期": "2026-04-01",
    "口径": "抽样",
}


def _counted(*rows: Mapping[str, str]) -> str:
    return table(COMMITTEE | dict(row) for row in rows)


def _value(opened_release: Release, card: str, area: str, period: str = "2025") -> tuple[float | None, str]:
    row = opened_release.figures(card, [area], [period]).row(0, named=True)
    return row["value"], row["status"]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Two districts report cases of five years and organisations of 2024; the residents of one of them are known."""
    with pytest.MonkeyPatch.context() as patch:
        office = opened(tmp_path_factory.mktemp("capacity"), patch)
        _hand_in(office)
        warehouse.build()
        release()
        return open_release()


def _hand_in(office: Office) -> None:
    mediated = ({"调解案件编号": f"A{n}", "受理日期": f"2025-03-0{n}"} for n in range(1, 6))
    elsewhere = {"调解案件编号": "A9", "所属区划代码": "500118001", "受理日期": "2025-02-03"}
    office.take(cases(*mediated), "mediation-a_2025.csv", "justice-a")
    office.take(cases(elsewhere), "mediation-b_2025.csv", "justice-b")
    before = ({"调解案件编号": f"B{year}", "受理日期": f"{year}-05-06"} for year in YEARS[:-1])
    office.take(cases(*before), "mediation-a_2021-2024.csv", "justice-a")
    office.take(table([DISPUTE]), "screening_2025.csv", "centre")
    office.take(table([MATTER, MATTER | {"信访件编号": "X2"}]), "petition_2025.csv", "petition")
    office.take(table([RECONSIDERED]), "reconsideration_2025.csv", "law")
    office.take(table([HELD]), "service_2025.csv", "service")
    organisations = _counted(
        {},
        {"机构编号": "T2", "统计日期": "2023-12-31", "人民调解员数": "20"},
        {"机构编号": "T2", "人民调解员数": "12", "专职调解员数": ""},
        {"机构编号": "T3", "行业类别": "医疗", "区划代码": "500117", "人民调解员数": "5", "专职调解员数": "5"},
        {"机构编号": "T4", "撤销日期": "2025-12-31", "人民调解员数": "90"},
        {"机构编号": "T5", "统计日期": "2024-10-31", "人民调解员数": "70"},
        {"机构编号": "Z1", "机构类型": "综治中心", "人民调解员数": "", "专职调解员数": ""},
        {"机构编号": "Z2", "机构类型": "综治中心", "人民调解员数": "", "专职调解员数": ""},
        {"机构编号": "Z3", "机构类型": "综治中心", "层级": "村(社区)", "区划代码": "500117002", "人民调解员数": ""},
        {"机构编号": "S1", "机构类型": "司法所", "区划代码": "500117002", "人民调解员数": ""},
    )
    office.take(organisations, "organisations_2024.csv", "justice-a")
    office.take(_counted({"区划代码": "500118001"}), "organisations-b_2024.csv", "justice-b")
    people = [PEOPLE | {"年份": year, "发布日期": f"{int(year) + 1}-04-01"} for year in YEARS]
    office.take(table(people), "population.csv", "statistics")


def test_months_are_those_of_work_and_not_of_publication(figures: Release) -> None:
    assert figures.metadata["data_cutoff"] == "2025-12-31"


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("mediation_per_10k", 0.04),
        ("screening_per_10k", 0.008),
        ("petition_matters_per_10k", 0.016),
        ("reconsideration_per_10k", 0.008),
        ("service_publicity_per_10k", 2.0),
    ],
)
def test_what_is_counted_per_10k_residents(figures: Release, card: str, value: float) -> None:
    """Five mediations, one dispute found, two petitions, one reconsideration, 250 attendances; 1.25 million residents."""
    assert _value(figures, card, HECHUAN) == (pytest.approx(value), "")


def test_the_annex_for_the_congress_has_five_years_and_what_they_are_per_10k(figures: Release, tmp_path: Path) -> None:
    [file] = write_reviews(figures, "2025", [HECHUAN], formats=["html"], out=tmp_path)
    page = file.read_text(encoding="utf-8")
    annex = re.search(r'<section id="congress".*?</section>', page, flags=re.DOTALL)
    assert annex
    assert re.findall(r'<th scope="col">(\d{4})年</th>', annex[0]) == list(YEARS)
    rows = {row[0]: row[2:] for row in (re.findall(r">([^<>]+)</t[hd]>", line) for line in annex[0].split("<tr>")[2:])}
    assert rows["调解纠纷受理件数"] == ["1", "1", "1", "1", "5"]
    assert rows["每万人调解纠纷数"] == ["0.01", "0.01", "0.01", "0.01", "0.04"]
    assert rows["每万人普法宣传参加人次"] == ["无数据"] * 4 + ["2.00"]


@pytest.mark.parametrize("card", ["mediation_per_10k", "organisation_mediators_per_10k"])
def test_a_city_of_whose_two_districts_one_lacks_residents_has_no_figure(figures: Release, card: str) -> None:
    assert _value(figures, card, CHONGQING)[0] is None
    assert _value(figures, card, YONGCHUAN)[0] is None
    assert figures.figures("mediation_accepted", [CHONGQING], ["2025"])["value"].to_list() == [6]


def test_who_stands_at_the_end_of_the_year(figures: Release) -> None:
    """T1 to T3; T4 is abolished by then, and the count of T5 is 14 months old."""
    assert _value(figures, "organisation_committees", HECHUAN)[0] == 3
    assert _value(figures, "organisation_industry_committees", HECHUAN)[0] == 1
    assert _value(figures, "organisation_mediators", HECHUAN)[0] == 8 + 12 + 5
    assert _value(figures, "organisation_mediators_per_10k", HECHUAN)[0] == pytest.approx(0.2)


def test_the_share_of_full_time_mediators_leaves_out_who_does_not_tell(figures: Release) -> None:
    row = figures.figures("organisation_full_time_share", [HECHUAN], ["2025"]).row(0, named=True)
    assert (row["numerator"], row["denominator"]) == (2 + 5, 8 + 5)


def test_townships_with_a_centre_are_counted_once_and_against_the_list_of_areas(figures: Release) -> None:
    units = figures.areas().filter(
        (figures.areas()["parent_code"] == HECHUAN) & ~figures.areas()["area_code"].str.ends_with("999000")
    )
    for card in ("organisation_township_centre_coverage", "organisation_judicial_office_coverage"):
        row = figures.figures(card, [HECHUAN], ["2025"]).row(0, named=True)
        assert (row["numerator"], row["denominator"]) == (1, units.height)
    assert _value(figures, "organisation_governance_centres", HECHUAN)[0] == 3
