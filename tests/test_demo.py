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
}
BOUGHT = {"mediation_cases": 776, "dispute_screenings": 1928 + 97, "petition_matters": 0}  # rows of the scenes


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
    return [row for path in sorted(folder.glob(f"{PREFIXES[table]}*/*")) for row in read(path)]


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
    assert names == {"2017-12", *(str(year) for year in range(2018, 2022)), "2022", "2023"}
    assert {path.stem.partition("_")[2] for path in (other_time / "petition-420300").iterdir()} == {
        "2022-06..2022-12",
        "2023-01..2023-06",
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


def test_shiyan_2025_everybody_checked(exports: Path) -> None:
    months = read(exports / "correction-420300" / "correction-420300_2025.csv")
    assert len(months) == 8 * 12
    assert all(int(row["应查人数"]) == int(row["已查人数"]) > 0 for row in months)


def test_monthly_forms_balance(exports: Path) -> None:
    closed: dict[tuple[str, int], int] = {}
    forms = rows_of(exports, "correction_monthly")
    for row in forms:
        number = {key: int(text) for key, text in row.items() if text.isdigit()}
        came = number["期初在册"] + number["本月接收"] + number["迁入"]
        assert came - number["解除"] - number["终止"] - number["迁出"] == number["期末在册"]
        for total in ("本月接收", "期末在册"):
            assert sum(number[f"{total}_{kind}"] for kind in ("管制", "缓刑", "假释", "暂予监外执行")) == number[total]
        assert number["已查人数"] <= number["应查人数"]
        assert 60 <= number["期末在册"] <= 600
        year, month = (int(text) for text in re.findall(r"\d+", row["统计月"])[:2])
        closed[row["区划代码"], year * 12 + month] = number["期末在册"]
    for row in forms:
        year, month = (int(text) for text in re.findall(r"\d+", row["统计月"])[:2])
        before = closed.get((row["区划代码"], year * 12 + month - 1))
        assert before is None or before == int(row["期初在册"])


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
        for path in other_time.glob(f"{PREFIXES[table]}*/*_2023.*"):
            for row in read(path):
                assert (day(row["办结日期"]) or date.min) <= date(2023, 6, 15)


def test_personal_headers_stand_in_the_files(other_time: Path) -> None:
    for table, prefix in PREFIXES.items():
        labels = {column.label for column in contracts()[table].columns if column.personal != "none"}
        filled = Counter()
        for row in rows_of(other_time, table):
            filled.update(key for key, text in row.items() if text)
        personal = [*PERSONAL_HEADERS[table], *TEXT_HEADERS[table], *IDENTIFIER_HEADERS[table]]
        assert set(personal) <= labels, prefix
        assert all(filled[header] for header in personal), prefix


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
