"""The demo's exports, read as a stranger would read them: scenes, forms, faults, and nobody real in them."""

import csv
import hashlib
import io
import re
from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import fastexcel
import pytest

from pipelines.catalogue import contracts
from pipelines.demo import IDENTIFIER_HEADERS, PERSONAL_HEADERS, TEXT_HEADERS, generate, people
from pipelines.settings import SEEDS, UserError

Row = dict[str, str]
PREFIXES = {
    "mediation_cases": "mediation-",
    "dispute_screenings": "screening-",
    "petition_matters": "petition-",
    "correction_monthly": "correction-",
    "resettlement_monthly": "resettlement-",
    "reconsideration_cases": "reconsideration-",
    "service_activities": "service-",
    "organisations": "organisation-",
    "population": "population-",
}
BESIDE = ("mediation_monthly", "screening_monthly", "petition_monthly")
BOUGHT = {"mediation_cases": 776 + 80, "dispute_screenings": 1928 + 97 + 172, "petition_matters": 60}  # of the scenes


def read(path: Path) -> list[Row]:
    if path.suffix == ".xlsx":
        sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, skip_rows=0, dtypes="string").to_polars()
        records = [["" if cell is None else cell for cell in row] for row in sheet.rows()]
    else:
        content = path.read_bytes()
        encoding = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "gb18030"
        records = list(csv.reader(io.StringIO(content.decode(encoding), newline="")))
    return [dict(zip(records[0], record, strict=True)) for record in records[1:]]


def day(text: str) -> date | None:
    """A date in any of the forms that senders write; None for an empty or impossible one."""
    if re.fullmatch(r"\d{5}", text):
        return date(1899, 12, 30) + timedelta(int(text))
    found = re.match(r"(\d{4})(\d\d)(\d\d)$", text) or re.match(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


@cache
def rows_of(folder: Path, table: str) -> list[Row]:
    """All rows of a table: its files carry only the sender's name, or beside another table's the table's own."""
    beside = {path for form in BESIDE for path in folder.glob(f"*/*_{form}_*")}
    named = sorted(folder.glob(f"{PREFIXES.get(table, '')}*/*")) if table in PREFIXES else []
    paths = sorted(folder.glob(f"*/*_{table}_*")) if table in BESIDE else [p for p in named if p not in beside]
    return [row for path in paths for row in read(path)]


@pytest.fixture(scope="module")
def four_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("four_years")
    generate(folder, cases=6_000)
    return folder


@pytest.fixture(scope="module")
def other_time(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another scale, seed and period, which ends before most of the scenes."""
    folder = tmp_path_factory.mktemp("other_time")
    generate(folder, cases=400, years=1, seed=7, until=date(2023, 6, 15))
    return folder


@pytest.fixture(params=["four_years", "other_time"])
def exports(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_the_same_arguments_give_the_same_bytes(other_time: Path, tmp_path: Path) -> None:
    files = generate(tmp_path, cases=400, years=1, seed=7, until=date(2023, 6, 15))
    assert files == sorted(files)
    assert {path.suffix for path in files} == {".csv", ".xlsx"}

    def digests(folder: Path) -> dict[Path, str]:
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    assert digests(tmp_path) == digests(other_time)


def test_a_file_is_named_for_the_months_it_reports_on(other_time: Path) -> None:
    names = {path.stem.partition("_")[2] for path in (other_time / "screening-421000").iterdir()}
    own = {"2017-12", *(str(year) for year in range(2018, 2022)), "2022", "2023"}
    assert names == own | {"screening_monthly_2022-07..2022-12", "screening_monthly_2023-01..2023-05"}
    assert {path.stem.partition("_")[2] for path in (other_time / "petition-420300").iterdir()} == {
        "2022-06..2022-12",
        "2023-01..2023-06",
        "petition_monthly_2022-07..2022-12",
        "petition_monthly_2023-01..2023-05",
    }


def test_another_seed_gives_other_rows_and_the_same_scenes(other_time: Path, tmp_path: Path) -> None:
    generate(tmp_path, cases=400, years=1, seed=8, until=date(2023, 6, 15))
    scene, ordinary = (f"mediation-500117/mediation-500117_{p}.csv" for p in ("2025", "2023-01..2023-06"))
    assert (tmp_path / scene).read_bytes() == (other_time / scene).read_bytes()
    assert (tmp_path / ordinary).read_bytes() != (other_time / ordinary).read_bytes()


@pytest.mark.parametrize(("folder", "cases"), [("four_years", 6_000), ("other_time", 400)])
def test_the_number_of_ordinary_cases_is_kept(folder: str, cases: int, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(folder)
    found = {table: len(rows_of(root, table)) - BOUGHT[table] for table in BOUGHT}
    assert found == {
        "mediation_cases": cases * 5 // 10,
        "dispute_screenings": cases * 3 // 10,
        "petition_matters": cases * 2 // 10,
    }


def test_hechuan_2025_by_channel(exports: Path) -> None:
    of_district = [row for row in rows_of(exports, "mediation_cases") if row["所属区划代码"].startswith("500117")]
    accepted = [row for row in of_district if day(row["受理日期"]).year == 2025]
    courses = Counter((row["对接方式"], row["调解结果"]) for row in accepted)
    channel = {"诉调": "court", "警调": "police", "访调": "petition"}
    outcome = {"调解成功": "agreed", "成功": "agreed", "1": "agreed"}
    named = Counter()
    for (channel_text, outcome_text), count in courses.items():
        named[channel[channel_text[:2]], outcome.get(outcome_text, "other")] += count
    assert named == {
        ("court", "agreed"): 124,
        ("police", "agreed"): 624,
        ("police", "other"): 2,
        ("petition", "agreed"): 26,
    }
    assert {row["数据状态"] for row in accepted} <= {"审核", "已审核", "2"}
    assert len({day(row["受理日期"]).month for row in accepted}) == 12
    assert len({row["所属区划代码"] for row in accepted}) == 30
    concluded = [row for row in of_district if (end := day(row["办结日期"])) and end.year == 2025]
    assert len(concluded) == 776
    assert [row for row in of_district if not row["办结日期"]] == []


def test_zhijiang_first_half_of_2022(exports: Path) -> None:
    found = [
        row
        for row in rows_of(exports, "dispute_screenings")
        if row["所属区划代码"].startswith("420583") and date(2022, 1, 1) <= day(row["受理日期"]) <= date(2022, 6, 30)
    ]
    assert len(found) == 1928
    assert sum(row["化解状态"] in ("已化解", "化解") for row in found) == 1829
    assert len(Counter(row["化解状态"] for row in found)) == 5


def test_shengli_subdistrict(exports: Path) -> None:
    found = [
        row
        for row in rows_of(exports, "dispute_screenings")
        if row["所属区划代码"].startswith("421002004")
        and date(2017, 12, 1) <= day(row["受理日期"]) <= date(2023, 12, 31)
    ]
    assert sorted(Counter(row["化解状态"] for row in found).values()) == [12, 36, 49]
    assert min(day(row["受理日期"]) for row in found) < date(2018, 1, 1)
    assert max(day(row["受理日期"]) for row in found) > date(2023, 12, 1)


def test_yuetang_172_disputes_by_police_and_justice(exports: Path) -> None:
    together = [
        row
        for row in rows_of(exports, "dispute_screenings")
        if row["所属区划代码"].startswith("430304001") and {"警司联动", "警司"} & set(row["工作机制"].split("、"))
    ]
    span = [row for row in together if date(2022, 10, 1) <= day(row["受理日期"]) <= date(2023, 7, 31)]
    assert len(span) == 172
    assert min(day(row["受理日期"]) for row in span) == date(2022, 10, 28)
    assert all(row["化解日期"] for row in span if row["化解状态"] in ("已化解", "化解"))


def test_zhijiang_80_agreed_by_lawyers(exports: Path) -> None:
    agreed = [
        row
        for row in rows_of(exports, "mediation_cases")
        if row["所属区划代码"].startswith("420583")
        and row["对接方式"] in ("律调对接", "律调")
        and row["调解结果"] in ("调解成功", "成功", "1")
        and (end := day(row["办结日期"]))
        and end.year == 2022
    ]
    assert len(agreed) == 80


def test_zhijiang_old_matters(exports: Path) -> None:
    """Those open on 1 October 2022 and on the list, and which of them were concluded by the end of the year."""
    listed = [
        row
        for row in rows_of(exports, "petition_matters")
        if row["问题属地"].startswith("420583")
        and row["积案标志"] in ("是", "1", "Y")
        and day(row["登记时间"]) < date(2022, 10, 1) <= (day(row["办结日期"]) or date.max)
    ]
    done = [row for row in listed if (day(row["办结日期"]) or date.max) <= date(2022, 12, 31)]
    assert (len(listed), len(done)) == (60, 56)
    assert len(done) / len(listed) >= 0.93


def test_columns_that_indicators_need_are_filled(four_years: Path) -> None:
    cases = rows_of(four_years, "mediation_cases")
    for row in cases:
        assert not row["裁定日期"] or row["裁定结果"]
        assert int(row["涉及当事人数"]) <= int(row["涉及人数"])
        assert bool(row["履行情况"]) == bool(row["履行期限"]) == bool(row["协议形式"])
    for flag in ("是否疑难复杂", "是否申请司法确认", "是否反复", "是否防止民转刑", "是否防止群体性事件"):
        assert 0 < sum(row[flag] in ("是", "1", "Y") for row in cases) < 0.1 * len(cases), flag
    matters = rows_of(four_years, "petition_matters")
    assert len({row["办理程序"][:2] for row in matters} - {""}) >= 6
    for flag in ("积案标志", "复查标志", "领导包案标志", "是否集体访"):
        assert 0 < sum(row[flag] in ("是", "1", "Y") for row in matters) < 0.15 * len(matters), flag
    for row in matters:
        assert not row["评价日期"] or day(row["评价日期"]) >= day(row["办结日期"])
        assert bool(row["是否依法逐级走访"]) == (row["信访形式"] in ("来访", "走访")) or row["信访形式"] == "短视频留言"
        assert not row["对信访部门满意度"] or row["初次重复"] in ("初次", "初", "初次信访")
    disputes = rows_of(four_years, "dispute_screenings")
    for column in ("渠道", "工作机制", "排查方式", "化解层级"):
        assert len({row[column] for row in disputes}) > 3, column


DISTRICTS_WITH_FORMS = {"420304", "420583", "421002", "430304", "500117"}


def test_five_districts_hand_in_forms_beside_their_rows(four_years: Path) -> None:
    forms = rows_of(four_years, "mediation_monthly")
    townships = {row["区划代码"][:9] for row in forms}
    assert {code[:6] for code in townships} - {"421071", "430371", "430372"} == DISTRICTS_WITH_FORMS, "and their zones"
    assert len(forms) == len(townships) * 48
    for table in ("screening_monthly", "petition_monthly"):
        rows = rows_of(four_years, table)
        assert {row["区划代码"][:6] for row in rows} == DISTRICTS_WITH_FORMS
        assert len(rows) == 5 * 48


def test_mediation_forms_add_up(four_years: Path) -> None:
    closed: dict[tuple[str, int], int] = {}
    forms = rows_of(four_years, "mediation_monthly")
    for row in forms:
        number = numbers(row)
        out = number["调解成功"] + number["调解不成功"] + number["撤回/终止"]
        assert number["期初未结"] + number["受理"] - out == number["未结"] >= 0
        for kind in ("纠纷类型_", "调解组织_"):
            assert sum(n for name, n in number.items() if name.startswith(kind)) == number["受理"]
        if number["受理"]:
            assert number["依申请"] + number["主动"] + number["接受委托移送"] == number["受理"]
            referred = sum(number[f"接受委托移送_{body}"] for body in ("法院", "检察", "公安", "信访", "其他"))
            assert referred == number["接受委托移送"]
        assert number.get("口头协议", 0) + number.get("书面协议", 0) == number["调解成功"]
        assert number["司法确认有效"] <= number["司法确认申请"] <= number["调解成功"]
        closed[row["区划代码"], month(row["统计月"])] = number["未结"]
    for row in forms:
        assert closed.get((row["区划代码"], month(row["统计月"]) - 1), 0) == int(row["期初未结"])


def reported(folder: Path, table: str, district: str, item: str, months: range) -> int:
    rows = (row for row in rows_of(folder, table) if row["区划代码"].startswith(district))
    return sum(int(row[item]) for row in rows if month(row["统计月"]) in months)


def test_what_is_reported_is_what_was_counted_but_for_known_habits(four_years: Path) -> None:
    year = {at: range(at * 12 + 1, at * 12 + 13) for at in range(2022, 2026)}
    monthly = "mediation_monthly"
    assert reported(four_years, monthly, "500117", "受理", year[2025]) == 776
    assert reported(four_years, monthly, "500117", "调解成功", year[2025]) == 774
    assert reported(four_years, monthly, "500117", "调解不成功", year[2025]) == 2
    assert reported(four_years, monthly, "420583", "调解成功", year[2022]) >= 80
    for at in year:
        assert reported(four_years, monthly, "420583", "调解不成功", range(at * 12 + 1, at * 12 + 4)) == 0
    assert reported(four_years, "screening_monthly", "420583", "排查", range(2022 * 12 + 1, 2022 * 12 + 7)) == 1928
    counted = Counter(
        f"{on:%Y-%m}"
        for row in rows_of(four_years, "mediation_cases")
        if row["所属区划代码"].startswith("421002")
        and len(row["所属区划代码"]) > 6
        and row["数据状态"] in ("审核", "已审核", "2")
        and (on := day(row["受理日期"]))
    )
    in_2024 = {
        f"2024-{at:02d}": reported(four_years, monthly, "421002", "受理", range(2024 * 12 + at, 2024 * 12 + at + 1))
        for at in range(1, 13)
    }
    assert sum(in_2024.values()) - sum(n for at, n in counted.items() if at.startswith("2024")) in (0, 1)
    assert any(counted[at] != n for at, n in in_2024.items())


def test_screening_and_petition_forms_add_up(four_years: Path) -> None:
    for row in rows_of(four_years, "screening_monthly"):
        number = numbers(row)
        became = ("化解", "缓和", "引导司法程序", "转办", "未化解")
        assert sum(number[name] for name in became) == number["排查"]
        assert sum(n for name, n in number.items() if name.startswith("事件类别_")) == number["排查"]
        assert sum(n for name, n in number.items() if name.startswith("化解层级_")) == number["化解"]
    for row in rows_of(four_years, "petition_monthly"):
        number = numbers(row)
        for what in ("件次", "人次"):
            assert sum(number[f"{what}_{form}"] for form in ("来信", "来访", "网上", "来电")) == number[what]
        assert number["初次"] + number["重复"] == number["件次"] <= number["人次"]
        assert number["15日内告知"] <= number["应受理"] and number["按期办结"] <= number["应办结"]
        assert number["积案化解"] <= number["积案期初清单"]
    autumn = range(2022 * 12 + 10, 2022 * 12 + 13)
    assert reported(four_years, "petition_monthly", "420583", "积案期初清单", autumn[:1]) == 60
    assert reported(four_years, "petition_monthly", "420583", "积案化解", autumn) == 56


def test_shiyan_2025_everybody_checked(exports: Path) -> None:
    months = read(exports / "correction-420300" / "correction-420300_2025.csv")
    assert len(months) == 8 * 12
    assert all(int(row["应查人数"]) == int(row["已查人数"]) > 0 for row in months)


def month(text: str) -> int:
    """Months since year 0 of a month as a form writes it."""
    year, number = (int(part) for part in re.findall(r"\d+", text)[:2])
    return year * 12 + number


def numbers(row: Row) -> dict[str, int]:
    return {key: int(text) for key, text in row.items() if text.isdigit()}


def test_monthly_forms_balance(exports: Path) -> None:
    closed: dict[tuple[str, int], int] = {}
    forms = rows_of(exports, "correction_monthly")
    for row in forms:
        number = numbers(row)
        came = number["期初在册"] + number["本月接收"] + number["迁入"]
        assert came - number["解除"] - number["终止"] - number["迁出"] == number["期末在册"]
        for total in ("本月接收", "期末在册"):
            assert sum(number[f"{total}_{kind}"] for kind in ("管制", "缓刑", "假释", "暂予监外执行")) == number[total]
        assert number["已查人数"] <= number["应查人数"]
        assert 60 <= number["期末在册"] <= 600
        closed[row["区划代码"], month(row["统计月"])] = number["期末在册"]
    for row in forms:
        before = closed.get((row["区划代码"], month(row["统计月"]) - 1))
        assert before is None or before == int(row["期初在册"])


def test_present_forms_tell_causes_and_lapses(exports: Path) -> None:
    forms = [row for row in rows_of(exports, "correction_monthly") if "脱管人次" in row]
    assert {row["区划代码"][:4] for row in forms} == {"4203", "4205", "4210", "5001"}
    for row in forms:
        number = numbers(row)
        causes = ("撤销缓刑", "撤销假释", "收监执行", "死亡", "其他")
        assert sum(number[f"终止_{cause}"] for cause in causes) == number["终止"]
        assert number["心理测评人次"] + number["心理疏导人次"] == number["心理服务人次"]
        assert number["脱管人数"] <= number["脱管人次"]
        assert bool(number["脱管人数"]) == bool(number["脱管人次"])
        assert number["期末在册"] - 8 <= number["矫正方案数"] <= number["期末在册"]
    for rare in ("脱管人次", "漏管人数", "再犯罪人数", "提请治安处罚"):
        some = sum(row[rare] != "0" for row in forms)
        assert 0 < some < 0.3 * len(forms), rare


def test_who_moves_into_a_district_moved_out_of_another_of_its_city(exports: Path) -> None:
    moved: Counter[tuple[str, int, str]] = Counter()
    for row in rows_of(exports, "correction_monthly"):
        for way in ("迁入", "迁出"):
            moved[row["区划代码"][:4], month(row["统计月"]), way] += int(row[way])
    assert sum(moved.values()) > 0
    assert all(moved[city, at, "迁入"] == moved[city, at, "迁出"] for city, at, _ in moved)


def test_one_city_reports_on_the_earlier_form(exports: Path) -> None:
    earlier = [row for row in rows_of(exports, "correction_monthly") if "脱管人次" not in row]
    assert {row["区划代码"][:4] for row in earlier} == {"4303"}


def test_hechuan_assessed_58_from_june_on(exports: Path) -> None:
    forms = [row for row in rows_of(exports, "correction_monthly") if row["区划代码"].startswith("500117")]
    since_june = [row for row in forms if 2025 * 12 + 6 <= month(row["统计月"]) <= 2025 * 12 + 12]
    assert sum(int(row["调查评估完成"]) for row in since_june) == 58


def test_hechuan_settled_95_28_percent_for_good(exports: Path) -> None:
    decided = [
        row
        for row in rows_of(exports, "reconsideration_cases")
        if row["复议机关区划代码"].startswith("500117") and (end := day(row["结案日期"])) and end.year == 2025
    ]
    again = [row for row in decided if {row["后续诉讼标志"], row["后续信访标志"]} & {"是", "1", "Y"}]
    assert (len(decided), len(again)) == (106, 5)
    assert round(100 * 101 / 106, 2) == 95.28


ACTIVITY = {  # area, first and last month, kind in every wording of a sender, number -> total
    "job placement": ("421002004", "2017-12", "2023-12", {"就业安置"}, {"服务人数": 65}),
    "lectures": ("421002004", "2017-12", "2023-12", {"普法宣传", "普法"}, {"场次": 7}),
    "messages": ("421002004", "2017-12", "2023-12", {"信息推送", "推送"}, {"参加人次": 174}),
    "counselled": ("421002004", "2017-12", "2023-12", {"心理疏导", "心理辅导"}, {"参加人次": 31}),
    "plans made": ("421002004", "2017-12", "2023-12", {"应急预案制定", "预案制定"}, {"场次": 1}),
    "plans revised": ("421002004", "2017-12", "2023-12", {"应急预案修订", "预案修订"}, {"场次": 2}),
    "drills": ("421002004", "2017-12", "2023-12", {"应急演练", "演练"}, {"场次": 5}),
    "psychology": ("500117", "2025-01", "2025-12", {"心理讲座"}, {"场次": 3}),
    "counselled in Hechuan": ("500117", "2025-01", "2025-12", {"心理疏导", "心理辅导"}, {"参加人次": 45}),
    "fund": ("500117", "2025-01", "2025-12", {"帮扶慰问", "帮扶"}, {"服务人数": 12}),
    "education in aftercare": ("430304001", "2022-10", "2023-07", {"集中教育", "集中学习"}, {"参加人次": 49}),
    "online": ("420583", "2022-01", "2022-12", {"普法宣传", "普法"}, {"参加人次": 1_746}),
    "advice": ("420583", "2022-01", "2022-12", {"法律咨询", "咨询"}, {"参加人次": 328}),
    "check-ups": ("420583", "2022-01", "2022-12", {"企业法治体检", "法治体检"}, {"场次": 12}),
    "trained": ("4203", "2025-03", "2025-03", {"业务培训", "培训"}, {"服务人数": 172}),
    "education": ("420304", "2025-03", "2025-03", {"集中教育", "集中学习"}, {"服务人数": 236}),
}


@pytest.mark.parametrize("what", ACTIVITY)
def test_activities_that_articles_tell_of(what: str, exports: Path) -> None:
    within, first, last, kinds, totals = ACTIVITY[what]
    found = [
        row
        for row in rows_of(exports, "service_activities")
        if row["所属区划代码"].startswith(within)
        and row["活动类别"] in kinds
        and first <= f"{day(row['活动日期']):%Y-%m}" <= last
    ]
    assert {number: sum(int(row[number]) for row in found) for number in totals} == totals
    if what == "online":
        assert {row["形式"] for row in found} == {"线上"}


def organisations_of(folder: Path, code: str, year: int) -> list[Row]:
    rows = (row for row in rows_of(folder, "organisations") if row["区划代码"].startswith(code))
    return [row for row in rows if day(row["统计日期"]) == date(year, 12, 31)]


def test_hechuan_473_committees(exports: Path) -> None:
    standing = organisations_of(exports, "500117", 2025)
    committees = [row for row in standing if row["机构类型"] in ("调委会", "人民调解委员会")]
    of_industry = [row for row in committees if row["行业类别"] not in ("综合", "无")]
    assert (len(committees), len(of_industry)) == (473, 23)
    assert sum(int(row["聘任专家数"] or 0) for row in standing) == 164
    assert sum(row["机构类型"] in ("安置帮教基地", "就业基地") for row in standing) == 3
    for row in committees:
        assert int(row["专职调解员数"]) + int(row["兼职调解员数"]) == int(row["人民调解员数"])


def test_zhijiang_centres_and_pool(exports: Path) -> None:
    standing = organisations_of(exports, "420583", 2022)
    centres = [row for row in standing if row["机构类型"] in ("综治中心", "社会治安综合治理中心")]
    tiers = Counter("town" if row["层级"].startswith(("乡", "镇")) else row["层级"][0] for row in centres)
    assert sorted(tiers.values()) == [1, 8, 203]
    assert not [row for row in centres if row["区划代码"].startswith("420583102")]
    (own,) = (row for row in centres if row["功能室数"])
    assert [own[name] for name in ("功能室数", "常驻部门数", "社会工作者数(本科以上)")] == ["18", "5", "26"]
    assert 200 < int(own["备案社会组织数"]) < 300 and int(own["社区社会组织数"]) > 1_000
    (pool,) = (row for row in standing if row["机构类型"] in ("人才库", "专家库"))
    assert [pool[f"{who}数"] for who in ("专科医护", "心理治疗师", "心理咨询师", "心理教师")] == [
        "44",
        "14",
        "42",
        "60",
    ]
    of_industry = [row for row in standing if row["行业类别"] and row["行业类别"] not in ("综合", "无")]
    assert (len(of_industry), sum(int(row["专职调解员数"]) for row in of_industry)) == (9, 7)


def test_yunyang_has_19_judicial_offices_and_none_in_the_forest_farm(exports: Path) -> None:
    offices = [row for row in organisations_of(exports, "420304", 2025) if row["机构类型"] == "司法所"]
    assert len(offices) == 19
    assert not [row for row in offices if row["区划代码"].startswith("420304400")]


def test_every_district_has_its_people_counted_each_year(four_years: Path) -> None:
    people_of = {
        (row["区划代码"][:6], row["年份"]): int(row["常住人口(人)"]) for row in rows_of(four_years, "population")
    }
    districts = {code for code, _ in people_of}
    assert len(districts) == 42
    assert set(people_of) == {(code, str(year)) for code in districts for year in range(2022, 2026)}
    assert all(90_000 < residents < 2_500_000 for residents in people_of.values())
    spring = {
        (day(row["发布日期"]).year - int(row["年份"]), day(row["发布日期"]).month)
        for row in rows_of(four_years, "population")
    }
    assert spring <= {(1, 3), (1, 4)}


def test_registers_of_aftercare_go_on_from_month_to_month(four_years: Path) -> None:
    forms = {
        (row["区划代码"], month(row["统计月"])): numbers(row) for row in rows_of(four_years, "resettlement_monthly")
    }
    assert len(forms) == 42 * 48
    for (area, at), form in forms.items():
        before = forms.get((area, at - 1))
        assert form["帮教"] <= form["期末在册"] and form["安置"] <= form["有安置需求"]
        assert before is None or abs(form["期末在册"] - before["期末在册"] - form["已衔接"]) < 60


def test_faults_are_few_and_of_the_named_kinds(four_years: Path) -> None:
    rows = rows_of(four_years, "mediation_cases")
    faults = Counter(
        "date" if day(row["受理日期"]) is None
        else "number" if not row["调解案件编号"]
        else "area" if row["所属区划代码"] == "429999001"
        else "channel" if row["对接方式"] == "网络直播间"
        else "order" if row["办结日期"] and day(row["办结日期"]) < day(row["受理日期"])
        else "none"
        for row in rows
    )  # fmt: skip
    assert 0 < len(rows) - faults["none"] < 0.01 * len(rows)


def test_volumes_are_uneven_and_seasonal(four_years: Path) -> None:
    """At a tenth of the default scale: 合川's book of 2024, and February beside November."""
    begun = [(row, day(row["受理日期"])) for row in rows_of(four_years, "mediation_cases")]
    hechuan = [row for row, on in begun if on and on.year == 2024 and row["所属区划代码"].startswith("500117")]
    assert 65 <= len(hechuan) <= 75
    by_month = Counter(on.month for _, on in begun if on and on.year < 2025)
    assert by_month[2] < 0.75 * by_month[11]


def test_petitions_of_the_clock_route_are_mostly_on_time(four_years: Path) -> None:
    rows = [
        row for row in rows_of(four_years, "petition_matters") if row["办理程序"] in ("信访处理意见", "6", "信访程序")
    ]
    late = due = 0
    for row in rows:
        accepted, deadline = day(row["受理日期"]), day(row["限办截止日期"])
        assert deadline - accepted == timedelta(60)
        deadline = day(row["延期至"]) or deadline
        if deadline <= date(2025, 12, 31):
            due += 1
            late += (day(row["办结日期"]) or date.max) > deadline
    assert 0.01 < late / due < 0.06


def test_nothing_is_known_after_the_cutoff(other_time: Path) -> None:
    for table in ("mediation_cases", "petition_matters"):
        for path in other_time.glob(f"{PREFIXES[table]}*/{PREFIXES[table]}*_2023-01..2023-06.*"):
            for row in read(path):
                assert (day(row["办结日期"]) or date.min) <= date(2023, 6, 15)


def test_personal_headers_stand_in_the_files(other_time: Path) -> None:
    for table in (*PREFIXES, *BESIDE):
        labels = {column.label for column in contracts()[table].columns if column.personal != "none"}
        filled = Counter()
        for row in rows_of(other_time, table):
            filled.update(key for key, text in row.items() if text)
        personal = [*PERSONAL_HEADERS[table], *TEXT_HEADERS[table], *IDENTIFIER_HEADERS[table]]
        assert set(personal) <= labels, table
        assert all(filled[header] for header in personal), table


def test_people_are_unmistakable_and_well_formed(other_time: Path) -> None:
    declared = "".join(path.read_text(encoding="utf-8") for path in SEEDS.rglob("*.csv"))
    assert not [name for name in people.every_name() if name[1:] in declared]
    known = set(people.every_name())
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    mentioned = 0
    for row in rows_of(other_time, "mediation_cases"):
        number = row["申请人身份证号"]
        total = sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))
        assert re.fullmatch(r"890117(19|20)\d{9}[\dX]", number) and number[17] == "10X98765432"[total % 11]
        assert re.fullmatch(r"154\d{8}", row["申请人电话"])
        assert row["申请人姓名"] in known
        mentioned += row["申请人姓名"] in row["纠纷简要情况"] and row["申请人电话"] in row["纠纷简要情况"]
    assert mentioned > 0


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    files = generate(tmp_path, cases=0, years=1, progress=lambda *step: told.append(step))
    assert [done for _, done, _ in told] == list(range(1, len(files) + 1))
    assert {total for _, _, total in told} == {len(files)}


@pytest.mark.parametrize("wrong", [{"years": 0}, {"cases": -1}, {"seed": -1}, {"until": date(1900, 1, 1)}])
def test_impossible_orders_are_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(UserError):
        generate(tmp_path, **wrong)
    assert list(tmp_path.iterdir()) == []
