"""The section on data quality: what an area's senders owed, brought, brought late and had refused."""

import re
import shutil
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from pipelines.settings import PROJECT
from tests.test_dashboard import CITY, DISTRICT, NEIGHBOUR, TOWN, markup_of, opened, release

__all__ = ["release"]

SENDERS = (
    ("mediation_cases", "m-583", DISTRICT, "枝江市司法局", "Zhijiang"),
    ("mediation_cases", "m-502", NEIGHBOUR, "西陵区司法局", "Xiling"),
    ("correction_monthly", "c-5", CITY, "宜昌市司法局", "Yichang"),
    ("dispute_screenings", "s-both", DISTRICT, "宜昌市综治中心", "Yichang centre"),
    ("dispute_screenings", "s-both", NEIGHBOUR, "宜昌市综治中心", "Yichang centre"),
    ("mediation_cases", "m-else", "500117000000", "合川区司法局", "Hechuan"),
)
# table, sender, month, owed, reported, late, accepted, refused, warned, contradictions
RECORD = (
    ("mediation_cases", "m-583", date(2025, 11, 1), 1, 1, False, 60, 0, 0, 0),
    ("mediation_cases", "m-583", date(2025, 12, 1), 1, 1, True, 70, 1234, 0, 0),
    ("mediation_cases", "m-583", date(2024, 12, 1), 1, 0, None, 0, 9, 0, 0),
    ("mediation_cases", "m-502", date(2025, 11, 1), 1, 0, None, 0, 0, 0, 0),
    ("mediation_cases", "m-502", date(2025, 12, 1), 1, 0, None, 0, 0, 0, 0),
    ("correction_monthly", "c-5", date(2025, 12, 1), 1, 1, False, 13, 0, 1, 2),
    ("dispute_screenings", "s-both", date(2025, 12, 1), 2, 1, True, 9, 3, 0, 1),
    ("mediation_cases", "m-else", date(2025, 12, 1), 1, 1, True, 5, 5, 5, 5),
)


@pytest.fixture(scope="module")
def recorded(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the other tests, with a record of data quality."""
    copy = tmp_path_factory.mktemp("recorded") / "data"
    shutil.copytree(release, copy, symlinks=True)
    folder = copy / "releases" / "internal" / "2025-1.0"
    names = ["table_name", "sender", "area_code", "name_zh", "name_en"]
    always = {"valid_from": None, "valid_to": None}
    senders = pl.DataFrame(SENDERS, schema=names, orient="row").with_columns(
        pl.lit(value, dtype=pl.Date).alias(name) for name, value in always.items()
    )
    senders.write_parquet(folder / "senders.parquet")
    there = [("dispute_screenings", NEIGHBOUR, date(2025, 12, 1))]
    pl.DataFrame(there, schema=["coverage", "area_code", "month"], orient="row").write_parquet(
        folder / "reporting.parquet"
    )
    names = ["table_name", "sender", "month", "areas_owed", "areas_reported", "is_late"]
    names += ["accepted", "quarantined", "warned", "inconsistencies"]
    pl.DataFrame(RECORD, schema=names, orient="row").write_parquet(folder / "data_quality.parquet")
    within = [(TOWN, DISTRICT), (DISTRICT, CITY), (NEIGHBOUR, CITY), (TOWN, CITY)]
    within += [(area, area) for area in (CITY, DISTRICT, NEIGHBOUR, TOWN)]
    pl.DataFrame(within, schema=["area_code", "ancestor_code"], orient="row").write_parquet(
        folder / "area_ancestors.parquet"
    )
    return copy


@pytest.fixture
def app(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("FENGQIAO_DATA", str(recorded))
    monkeypatch.setenv("FENGQIAO_EDITION", "internal")
    yield AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=60)


def section(app: AppTest, title: str) -> tuple[str, list[list[str]]]:
    """The sentence and the cells of the section's table."""
    [drawn] = [part for part in markup_of(app).split("<h2>") if part.startswith(title)]
    [sentence] = re.findall(r'<p class="finding">(.*?)</p>', drawn)
    rows = re.findall(r"<tr>(.*?)</tr>", drawn.partition("</details>")[0])
    return unescape(sentence), [[unescape(c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_a_city_shows_its_districts_senders_and_its_own(app: AppTest) -> None:
    sentence, rows = section(opened(app, area="420500", period="2025-12"), "数据质量")
    assert sentence == ("2025年1—12月，4个报送单位应报7份，已报4份，其中逾期2月次；仍被退回1,237行，数据不一致3处。")
    assert rows == [
        ["报送单位", "应报（份）", "已报（份）", "逾期（月）", "退回（行）", "不一致（处）"],
        ["宜昌市司法局·社区矫正工作月报", "1", "1", "0", "0", "2"],
        ["宜昌市综治中心·矛盾纠纷排查化解明细", "2", "1", "1", "3", "1"],
        ["西陵区司法局·人民调解案件明细", "2", "0", "0", "0", "0"],
        ["枝江市司法局·人民调解案件明细", "2", "2", "1", "1,234", "0"],
    ]


def test_a_district_shows_its_own_senders_to_the_month_chosen(app: AppTest) -> None:
    app = opened(app, "district_profile.py", area="420583", period="2025-11", lang="en")
    sentence, rows = section(app, "Data quality")
    said = "reports owed 1 (senders: 1), reported 1, months late 0; rows still refused 0, contradictions 0."
    assert sentence.endswith(said)
    assert [row[1:] for row in rows[1:]] == [["1", "1", "0", "0", "0"]]


def test_a_release_without_the_record_has_no_such_section(
    release: Path, monkeypatch: pytest.MonkeyPatch, app: AppTest
) -> None:
    monkeypatch.setenv("FENGQIAO_DATA", str(release))
    assert "数据质量" not in markup_of(opened(app, area="420500"))


def test_a_district_counts_its_own_reports_of_a_sender_that_owes_for_others_too(app: AppTest) -> None:
    """The neighbour's report is in, the district's is not; what is refused of the sender as a whole is not said here."""
    _, rows = section(opened(app, "district_profile.py", area="420583", period="2025-12"), "数据质量")
    assert rows[1:] == [
        ["宜昌市综治中心·矛盾纠纷排查化解明细", "1", "0", "—", "—", "—"],
        ["枝江市司法局·人民调解案件明细", "2", "2", "1", "1,234", "0"],
    ]


def test_the_city_says_who_has_not_reported_for_the_month(app: AppTest) -> None:
    page = markup_of(opened(app, area="420500", period="2025-12")).partition("<h2>未报单位·2025年12月</h2>")[2]
    silent = re.findall(r'<th scope="row">([^<]+)</th>', page.partition("</table>")[0])
    assert silent == ["宜昌市综治中心·矛盾纠纷排查化解明细", "西陵区司法局·人民调解案件明细"]
