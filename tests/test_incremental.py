"""Counting again only what changed gives what counting everything gives, whatever was delivered in whatever order."""

import random
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import duckdb
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines import warehouse
from tests.offices import CASE, DISPUTE, FORM, MATTER, Office, opened, table

FIRST_DAY = date(2024, 11, 1)
AREAS = ("500117", "500117001", "500117002", "500118001")
PERIODS = ("2025-01..2025-02", "2025-02", "2025-02..2025-04")
CASES = 30

Drawn = dict[str, str]


def _day(rng: random.Random) -> date:
    return FIRST_DAY + timedelta(rng.randrange(200))


def _later(rng: random.Random, day: date) -> str:
    """A day within three months, or none."""
    return "" if rng.random() < 0.3 else str(day + timedelta(rng.randrange(90)))


def _any_row(rng: random.Random) -> tuple[int, str, str]:
    """Number, area and update time: every row may move a case to another area and be newer or older than the last."""
    return rng.randrange(CASES), rng.choice(AREAS), f"2025-09-{rng.randrange(1, 29):02d} 08:00:00"


def _mediated(rng: random.Random) -> Drawn:
    number, area, updated = _any_row(rng)
    accepted = _day(rng)
    said = {"调解案件编号": f"A{number}", "所属区划代码": area, "更新时间": updated, "受理日期": str(accepted)}
    said |= {"对接方式": rng.choice(("诉调", "警调")), "数据状态": rng.choice(("审核", "审核", "审核", "作废", "草稿"))}
    said |= {"办结日期": _later(rng, accepted), "调解结果": rng.choice(("成功", "成功", "不成功", "调解中", ""))}
    said |= {
        "延长至": _later(rng, accepted),
        "履行期限": _later(rng, accepted),
        "司法确认申请日期": _later(rng, accepted),
    }
    said |= {
        "协议形式": rng.choice(("口头", "书面")),
        "履行情况": rng.choice(("已履行", "未到期", "")),
        "协议金额(万元)": "1.5",
    }
    return CASE | said | {"裁定结果": rng.choice(("有效", "")), "调解层级": rng.choice(("网格", "镇", "县"))}


def _screened(rng: random.Random) -> Drawn:
    number, area, updated = _any_row(rng)
    found = _day(rng)
    said = {"事件编号": f"E{number}", "所属区划代码": area, "更新时间": updated, "受理日期": str(found)}
    said |= {"化解日期": _later(rng, found), "工作机制": rng.choice(("", "警司联动", "警司联动、驻所调解"))}
    return DISPUTE | said | {"化解状态": rng.choice(("已化解", "缓和", "化解中"))}


def _petitioned(rng: random.Random) -> Drawn:
    number, area, updated = _any_row(rng)
    registered, due = _day(rng), _day(rng)
    said = {"信访件编号": f"X{number}", "问题属地": area, "更新时间": updated, "登记时间": str(registered)}
    said |= {"办理程序": "信访处理意见", "信访人数": str(rng.randrange(5)), "初次重复": rng.choice(("初次", "重复"))}
    said |= {"登记机构代码": rng.choice(("500117", "500118", "")), "是否依法逐级走访": rng.choice(("是", "否", ""))}
    said |= {"信访形式": rng.choice(("来访", "网上")), "对责任单位满意度": rng.choice(("满意", "不满意", ""))}
    said |= {"交换日期": _later(rng, registered), "告知日期": _later(rng, registered), "限办截止日期": str(due)}
    return MATTER | said | {"办结日期": _later(rng, registered), "延期至": _later(rng, due)}


def _reported(rng: random.Random) -> Drawn:
    received = rng.randrange(4)
    said = {"统计月": rng.choice(("2024-12", "2025-01", "2025-02")), "报出日期": f"2025-09-{rng.randrange(1, 29):02d}"}
    said |= dict.fromkeys(("本月接收_缓刑", "本月接收"), str(received))
    return FORM | said | dict.fromkeys(("期末在册_缓刑", "期末在册"), str(9 + received))


def _appealed(rng: random.Random) -> Drawn:
    number, area, updated = _any_row(rng)
    received = _day(rng)
    said = {"案号": f"F{number}", "复议机关区划代码": area[:6], "更新时间": updated, "收到日期": str(received)}
    said |= {"受理日期": _later(rng, received), "审理程序": rng.choice(("普通程序", "简易程序", ""))}
    return said | {"延期至": _later(rng, received)}


def _served(rng: random.Random) -> Drawn:
    number, area, updated = _any_row(rng)
    said = {"活动编号": f"H{number}", "所属区划代码": area, "更新时间": updated, "活动日期": str(_day(rng))}
    return said | {"活动类别": rng.choice(("法治讲座", "应急演练")), "场次": "1", "参加人次": str(rng.randrange(90))}


def _standing(rng: random.Random) -> Drawn:
    number, area, _ = _any_row(rng)
    said = {"机构编号": f"O{number % 9}", "区划代码": area, "统计日期": f"2025-{rng.randrange(1, 5):02d}-28"}
    return said | {"机构类型": rng.choice(("调委会", "综治中心", "司法所")), "人民调解员数": str(rng.randrange(9))}


def _living(rng: random.Random) -> Drawn:
    said = {
        "区划代码": rng.choice(("500117", "500118")),
        "年份": rng.choice(("2024", "2025")),
        "发布日期": "2025-09-01",
    }
    return said | {"口径": rng.choice(("普查", "抽样")), "常住人口(人)": str(rng.randrange(10_000))}


SENDERS: dict[str, Callable[[random.Random], Drawn]] = {
    "mediation-500117": _mediated,
    "screening-500000": _screened,
    "petition-500000": _petitioned,
    "correction-500000": _reported,
    "reconsideration-500000": _appealed,
    "service-500000": _served,
    "organisation-500000": _standing,
    "population-500000": _living,
}


def _deliver(office: Office, rng: random.Random, rows: int) -> None:
    """A file of each sender, over months that may come before those reported so far, with rows from outside them."""
    for sender, row in SENDERS.items():
        office.take(table(row(rng) for _ in range(rows)), f"{sender}-{rng.random()}_{rng.choice(PERIODS)}.csv", sender)


def _state(office: Office, rng: random.Random, rows: int) -> int:
    """A snapshot of each sender, late or not, of some area and months; how many cases were withdrawn.

    What they withdraw may come back with any file of those that follow.
    """
    withdrawn = 0
    for sender, row in SENDERS.items():
        said = {"taken_at": f"2025-09-{rng.randrange(1, 29):02d}", "scope": rng.choice((*AREAS, "2024-11..2025-03"))}
        text = table(row(rng) for _ in range(rows))
        outcome = office.take(text, f"{sender}-{rng.random()}.csv", sender, mode="snapshot", withdraw=True, **said)
        withdrawn += outcome.withdrawn
    return withdrawn


# What a build brings up to date part by part, and what is made of it.
KEPT = (
    "core.fct_mediation_cases",
    "core.fct_dispute_screenings",
    "core.fct_petition_matters",
    "core.fct_reconsideration_cases",
    "core.fct_service_activities",
    "core.fct_form_months",
    "core.plausibility",
    "core.data_quality",
    "core.quarantine_reasons",
    "catalogue.accepted_rows",
    "measures.measures_monthly",
    "measures.coverage",
    "measures.measures_by_period",
)


def _counted() -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
        return {table: connection.sql(f"select * from {table} order by all").pl() for table in KEPT}


def _by_steps() -> dict[str, pl.DataFrame]:
    assert not warehouse.build().full
    return _counted()


def _in_full() -> dict[str, pl.DataFrame]:
    assert warehouse.build(full=True).full
    return _counted()


def _differing(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> list[str]:
    return [table for table in KEPT if not left[table].equals(right[table])]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with sixty rows of each table counted; each example goes on from where the last one ended."""
    with pytest.MonkeyPatch.context() as patch:
        office = opened(tmp_path_factory.mktemp("incremental"), patch)
        _deliver(office, random.Random(0), rows=2 * CASES)
        warehouse.build()
        yield office


def test_what_is_open_is_followed_to_the_new_last_day(office: Office) -> None:
    """A case of May and no word of the others: those open are open, and followed, for as much longer; those too that are older than
    all that has been reported, with which the office begins."""
    longest = pl.col("bucket").filter(pl.col("measure") == "mediation_cohort_open_days").max()
    followed, until = _counted()["measures.measures_monthly"].select(longest).item(), warehouse.last_month()
    new = {"调解案件编号": "A99", "受理日期": "2025-05-05", "更新时间": "2025-06-01 08:00:00"}
    office.take(table([CASE | new]), "mediation_2025-05..2025-06.csv", "mediation-500117")
    by_steps = _by_steps()
    days = (date(2025, 6, 30) - until.replace(day=monthrange(until.year, until.month)[1])).days
    assert by_steps["measures.measures_monthly"].select(longest).item() == followed + days > followed
    assert _differing(by_steps, _in_full()) == []


@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seed=st.integers(0, 10_000))
def test_incremental_is_full(office: Office, seed: int) -> None:
    rng = random.Random(seed)
    _deliver(office, rng, rows=4)
    assert _state(office, rng, rows=4), "some cases are withdrawn"
    assert _differing(_by_steps(), _in_full()) == []


def test_a_case_that_moves_is_counted_again_in_all_months_in_which_it_was_open(office: Office) -> None:
    """Between acceptance and conclusion it has no date, and is open at the end of each month all the same."""
    told = {"调解案件编号": "A98", "受理日期": "2024-12-09", "办结日期": "2025-04-09", "调解结果": "成功"}
    areas = ("500117001", "500117002")
    for day, area in enumerate(areas, start=1):
        moved = CASE | told | {"所属区划代码": area, "更新时间": f"2025-10-0{day} 08:00:00"}
        office.take(table([moved]), f"mediation-{area}_2025-02.csv", "mediation-500117")
        touched = warehouse.build().touched
    months = {month for one in touched if one.table == "mediation_cases" for month in one.months}
    assert months == {"2024-12", "2025-01", "2025-02", "2025-03", "2025-04"}
    assert _differing(_counted(), _in_full()) == []


def test_what_changes_here_and_there_is_counted_again(office: Office) -> None:
    """Every second month and district: too many to be looked for as spans of those that follow each other."""
    for day, said in enumerate(("来访", "网上"), start=1):
        matters = []
        for number in range(10):
            month = f"{2022 + number // 6}-{2 * (number % 6) + 1:02d}"
            told = {"信访件编号": f"S{number}", "问题属地": f"5001{2 * number + 1:02d}", "信访形式": said}
            told |= {"登记时间": f"{month}-01", "办结日期": f"{month}-20", "更新时间": f"2025-10-0{day} 08:00:00"}
            matters.append(MATTER | told)
        office.take(table(matters), f"petition-{day}_2025-03.csv", "petition-500000")
        touched = warehouse.build().touched
        [months] = [one.months for one in touched if (one.table, one.cause) == ("petition_matters", "changed")]
        assert len(months) == len(matters)
    assert _differing(_counted(), _in_full()) == []


def test_what_is_made_of_another_month_or_table_is_counted_again(office: Office) -> None:
    """What a form says of a month is compared with the month before, and residents stand beside whatever has been reported."""
    for day, (month, held) in enumerate((("2025-01", 20), ("2025-02", 30), ("2025-01", 30)), start=1):
        said = {"统计月": month, "报出日期": f"2025-10-0{day}"}
        said |= dict.fromkeys(("本月接收_缓刑", "本月接收"), str(held - 9))
        said |= dict.fromkeys(("期末在册_缓刑", "期末在册"), str(held))
        office.take(table([FORM | said]), f"correction-{day}_{month}.csv", "correction-500000")
        assert not warehouse.build().full
    found = {"事件编号": "E99", "受理日期": "2025-06-05", "更新时间": "2025-10-01 08:00:00"}
    office.take(table([DISPUTE | found]), "screening-99_2025-06.csv", "screening-500000")
    assert _differing(_by_steps(), _in_full()) == []


REGISTERED = """
    select sum(value) filter (area_code[:6] = '500118') as before, sum(value) filter (area_code[:6] = '500119') as after
    from measures.measures_monthly where measure = 'petition_matters_by_registration' and month = '2025-03-01'
"""


def test_a_matter_of_another_registering_body_is_counted_again_in_both_districts(office: Office) -> None:
    """It arose in a third district and stays there; nothing but the body that registered it is told otherwise."""
    registered = []
    for day, body in enumerate(("500118", "500119"), start=1):
        said = {"信访件编号": "X99", "登记机构代码": body, "更新时间": f"2025-10-0{day} 08:00:00"}
        office.take(table([MATTER | said]), f"petition-{body}_2025-03.csv", "petition-500000")
        assert not warehouse.build().full
        with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as connection:
            registered.append([count or 0 for count in connection.execute(REGISTERED).fetchall()[0]])
    [(before, after), moved] = registered
    assert moved == [before - 1, after + 1]
    assert _differing(_counted(), _in_full()) == []


def test_a_release_carries_the_sql_of_a_full_build(office: Office) -> None:
    """An incremental build looks for its months; what is asked of a release later has other ones."""
    models = ("measures_by_period", "coverage")
    warehouse.build(full=True)
    in_full = [warehouse.compiled_sql("duckdb", "measures", model) for model in models]
    _deliver(office, random.Random(1), rows=1)
    assert not warehouse.build().full
    assert [warehouse.compiled_sql("duckdb", "measures", model) for model in models] != in_full
    warehouse.compile_in_full()
    assert [warehouse.compiled_sql("duckdb", "measures", model) for model in models] == in_full
