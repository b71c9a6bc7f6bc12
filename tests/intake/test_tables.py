"""Every table through the door: the least a sender may write, what each rule refuses or warns of, what reaches the lake."""

from collections.abc import Mapping

import pytest

from pipelines.catalogue import Column, Contract, contract_versions, contracts
from tests.offices import Office, table

HERE = "somewhere"
WRITTEN = "2025-06-30 09:00:00"
# The columns a row cannot do without, and nothing else.
LEAST: Mapping[str, Mapping[str, str]] = {
    "correction_cases": {
        "社区矫正对象编号": "J1", "入矫序号": "1", "居住地区划代码": "500117001", "矫正类别": "缓刑",
        "入矫日期": "2025-03-17",
    },
    "correction_events": {
        "业务编号": "Y1", "社区矫正对象编号": "J1", "入矫序号": "1", "执行地区划代码": "500117", "业务类型": "外出审批",
        "业务日期": "2025/4/9",
    },
    "resettlement_cases": {"人员编号": "R1", "居住地区划": "500117002", "释放日期": "2025-03-30", "更新时间": WRITTEN},
    "reconsideration_cases": {"案号": "F1", "复议机关区划代码": "500117", "收到日期": "2025-03-03", "更新时间": WRITTEN},
    "service_activities": {
        "活动编号": "H1", "活动类别": "普法宣传", "活动日期": "2025-03-03", "所属区划代码": "500117001", "场次": "1", "更新时间": WRITTEN,
    },
    "organisations": {"机构编号": "G1", "机构类型": "调委会", "区划代码": "500117001", "统计日期": "2025-03-31"},
    "population": {"区划代码": "500117", "年份": "2024", "常住人口(人)": "1245300", "发布日期": "2025-04-28", "口径": "抽样"},
    "mediation_cases": {
        "调解案件编号": "A1", "所属区划代码": "500117001", "对接方式": "警调", "纠纷类型": "邻里", "受理日期": "2025-03-03",
        "更新时间": WRITTEN, "数据状态": "审核",
    },
    "dispute_screenings": {
        "事件编号": "E1", "所属区划代码": "500117001", "受理日期": "2025-03-03", "事件类别": "01", "化解状态": "化解中",
        "更新时间": WRITTEN,
    },
    "petition_matters": {
        "信访件编号": "X1", "问题属地": "500117001", "登记时间": "2025-03-03", "信访形式": "来信", "初次重复": "初次", "更新时间": WRITTEN,
    },
}  # fmt: skip


def least(contract: Contract) -> Mapping[str, str]:
    """A row with nothing but what is required; a form in which nothing happened."""
    if contract.kind == "cases":
        return LEAST[contract.table]
    said = {"month": "2025-03", "area_code": "500117", "reported_on": "2025-04-02"}
    return {column.label: said.get(column.name, "0") for column in contract.columns if column.required}


def whole(contract: Contract, cells: Mapping[str, str]) -> Mapping[str, str]:
    """A row with all columns of the contract that are kept, blank but for the given cells."""
    kept = {column.label: "" for column in contract.columns if column.personal != "dropped"}
    assert cells.keys() <= kept.keys(), cells.keys() - kept.keys()
    return kept | dict(cells)


def named(contract: Contract) -> str:
    return f"{contract.id} v{contract.version}"


@pytest.mark.parametrize("contract", contract_versions(), ids=named)
def test_blanks_break_no_rule(contract: Contract, office: Office) -> None:
    outcome = office.take(table([whole(contract, least(contract))]), sender=HERE)
    assert (outcome.contract, outcome.reasons, outcome.warnings) == (contract.id, {}, {})
    assert outcome.accepted == 1
    assert len(office.lake(contract.table))


# table: cells beside those required -> the reason for which the row is refused or warned of
BROKEN: list[tuple[str, Mapping[str, str], str]] = [
    ("correction_cases", {"矫正开始日期": "2025-03-01", "矫正结束日期": "2025-02-01"}, "correction_ends_before_it_begins"),
    ("correction_cases", {"解除日期": "2025-02-28", "解除类型": "期满解除"}, "discharged_before_admitted"),
    ("correction_cases", {"终止日期": "2025-02-28", "终止类型": "死亡"}, "terminated_before_admitted"),
    (
        "correction_cases",
        {"终止日期": "2025-04-01", "终止类型": "死亡", "解除日期": "2025-04-01", "解除类型": "01"},
        "discharged_and_terminated",
    ),
    ("correction_cases", {"终止类型": "死亡"}, "termination_without_date"),
    ("correction_cases", {"解除类型": "01"}, "discharge_without_date"),
    ("correction_cases", {"终止日期": "2025-04-01"}, "termination_without_type"),
    ("correction_cases", {"解除日期": "2025-04-01"}, "discharge_without_type"),
    ("correction_cases", {"终止日期": "2025-04-01", "终止类型": "撤销假释"}, "termination_of_another_category"),
    ("correction_cases", {"委托日期": "2025-02-10", "完成日期": "2025-02-09"}, "assessed_before_entrusted"),
    ("correction_cases", {"是否调查评估": "01", "委托日期": "2025-02-10"}, "assessment_marked_as_none"),
    ("correction_cases", {"矫正方案日期": "2025-02-28"}, "planned_before_admitted"),
    ("correction_cases", {"公益活动次数": "-1"}, "negative_number"),
    ("correction_cases", {"更新时间": "2025-02-28"}, "admitted_after_update"),
    ("correction_cases", {"解除日期": "2025-05-01", "解除类型": "01", "更新时间": "2025-04-30"}, "ended_after_update"),
    ("correction_events", {"更新时间": "2025-03-31"}, "happened_after_update"),
    ("correction_events", {"终止类型": "死亡"}, "termination_type_of_another_event"),
    ("correction_events", {"解除类型": "01"}, "discharge_type_of_another_event"),
    ("correction_events", {"奖惩类型": "警告"}, "discipline_of_another_event"),
    ("correction_events", {"业务类型": "解除"}, "event_without_its_type"),
    ("resettlement_cases", {"衔接日期": "2025-02-28", "衔接情况": "06"}, "linked_before_released"),
    ("resettlement_cases", {"安置日期": "2025-02-28", "安置情况": "07"}, "settled_before_released"),
    ("resettlement_cases", {"帮教结束日期": "2025-02-28"}, "aftercare_ended_before_released"),
    ("resettlement_cases", {"预释放名单接收日期": "2025-04-01"}, "announced_after_release"),
    ("resettlement_cases", {"衔接情况": "06"}, "linked_without_date"),
    ("resettlement_cases", {"衔接日期": "2025-04-01"}, "link_without_kind"),
    ("resettlement_cases", {"安置情况": "07"}, "settled_without_date"),
    ("resettlement_cases", {"安置日期": "2025-04-01"}, "settlement_without_kind"),
    ("resettlement_cases", {"是否有安置需求": "否", "安置日期": "2025-04-01", "安置情况": "07"}, "settled_without_need"),
    ("resettlement_cases", {"帮教情况": "帮教结束"}, "ended_without_date"),
    ("resettlement_cases", {"就业培训(人次)": "-2"}, "negative_number"),
    ("resettlement_cases", {"更新时间": "2025-02-28"}, "released_after_update"),
    ("reconsideration_cases", {"受理日期": "2025-03-02"}, "accepted_before_received"),
    ("reconsideration_cases", {"受理日期": "2025-03-05", "结案日期": "2025-03-04", "结案方式": "维持"}, "decided_before_accepted"),
    ("reconsideration_cases", {"受理日期": "2025-03-05", "申请书副本发送日期": "2025-03-04"}, "sent_before_accepted"),
    ("reconsideration_cases", {"申请书副本发送日期": "2025-03-06", "被申请人答复日期": "2025-03-05"}, "answered_before_sent"),
    ("reconsideration_cases", {"结案方式": "不予受理"}, "decision_without_date"),
    ("reconsideration_cases", {"受理日期": "2025-03-05", "结案日期": "2025-03-09"}, "concluded_without_decision"),
    ("reconsideration_cases", {"结案日期": "2025-03-09", "结案方式": "撤销"}, "concluded_without_acceptance"),
    ("reconsideration_cases", {"延期标志": "是"}, "extended_without_date"),
    ("reconsideration_cases", {"延期标志": "是", "延期至": "2025-06-01", "审理程序": "简易"}, "extended_in_summary_procedure"),
    ("reconsideration_cases", {"更新时间": "2025-03-02"}, "received_after_update"),
    ("service_activities", {"更新时间": "2025-03-02"}, "held_after_update"),
    ("service_activities", {"参加人次": "-1"}, "negative_number"),
    ("service_activities", {"服务人数": "9", "参加人次": "8"}, "more_persons_than_attendances"),
    ("service_activities", {"场次": ""}, "nothing_counted"),
    ("organisations", {"成立日期": "2020-05-01", "撤销日期": "2020-04-30"}, "abolished_before_founded"),
    ("organisations", {"人民调解员数": "9", "专职调解员数": "3", "兼职调解员数": "5"}, "mediators_parts"),
    ("organisations", {"聘任专家数": "-1"}, "negative_number"),
    ("organisations", {"成立日期": "2025-04-01"}, "counted_before_founded"),
    ("organisations", {"状态": "撤销"}, "abolished_without_date"),
    ("organisations", {"状态": "正常", "撤销日期": "2025-03-01"}, "active_after_abolition"),
    ("population", {"年份": "1848"}, "year_out_of_range"),
    ("population", {"年份": "2026"}, "published_before_the_year"),
    ("population", {"常住人口(人)": ""}, "no_population"),
    ("population", {"户籍人口(人)": "-1", "常住人口(人)": ""}, "negative_number"),
    ("population", {"户籍人口(人)": "124530"}, "unlike_populations"),
    ("mediation_cases", {"涉及人数": "-3"}, "negative_number"),
    ("mediation_cases", {"司法确认申请日期": "2025-04-02", "裁定日期": "2025-04-01"}, "confirmed_before_requested"),
    ("mediation_cases", {"办结日期": "2025-07-01", "调解结果": "不成功"}, "concluded_after_update"),
    ("mediation_cases", {"调解结果": "不成功"}, "outcome_without_date"),
    ("mediation_cases", {"申请日期": "2025-03-04"}, "applied_after_accepted"),
    ("mediation_cases", {"是否延长期限": "是"}, "extended_without_date"),
    ("mediation_cases", {"裁定日期": "2025-04-01"}, "confirmation_without_request"),
    ("mediation_cases", {"涉及当事人数": "4", "涉及人数": "3"}, "more_parties_than_persons"),
    ("dispute_screenings", {"涉及人数": "-3"}, "negative_number"),
    ("dispute_screenings", {"化解日期": "2025-07-01", "化解状态": "已化解"}, "resolved_after_update"),
    ("dispute_screenings", {"化解日期": "2025-04-01"}, "date_of_what_is_not_resolved"),
    ("dispute_screenings", {"化解日期": "2025-04-01", "化解状态": "已化解", "化解是否成功": "否"}, "resolved_and_not_successful"),
    ("dispute_screenings", {"发生日期": "2025-03-04"}, "occurred_after_found"),
    ("dispute_screenings", {"调解时限": "2025-03-02"}, "deadline_before_found"),
    ("dispute_screenings", {"事件子类": "0201"}, "subtype_of_another_type"),
    ("petition_matters", {"信访人数": "-3"}, "negative_number"),
    ("petition_matters", {"受理日期": "2025-03-02", "限办截止日期": "2025-05-02"}, "accepted_before_registered"),
    (
        "petition_matters",
        {"受理日期": "2025-03-09", "限办截止日期": "2025-05-02", "办结日期": "2025-03-08"},
        "concluded_before_accepted",
    ),
    ("petition_matters", {"限办截止日期": "2025-03-03"}, "due_before_registered"),
    ("petition_matters", {"限办截止日期": "2025-05-02", "延期至": "2025-05-01"}, "extended_before_due"),
    ("petition_matters", {"限办截止日期": "2025-05-02", "延期至": "2025-06-02"}, "extended_too_long"),
    ("petition_matters", {"延期标志": "是"}, "extended_without_date"),
    ("petition_matters", {"办结日期": "2025-07-01"}, "concluded_after_update"),
    ("petition_matters", {"办结标志": "是"}, "marked_concluded_without_date"),
    ("petition_matters", {"信访日期": "2025-03-04"}, "petition_after_registration"),
    ("petition_matters", {"初次重复": "重复", "全国初次标志": "是"}, "repeat_marked_as_first"),
    ("petition_matters", {"是否集体访": "是", "信访人数": "4"}, "collective_of_few"),
    ("petition_matters", {"办结日期": "2025-05-02", "评价日期": "2025-05-01"}, "rated_before_conclusion"),
    ("correction_monthly", {"本月接收": "1", "本月接收_缓刑": "1"}, "stock_identity"),
    ("correction_monthly", {"本月接收_缓刑": "1"}, "received_parts"),
    ("correction_monthly", {"期末在册_缓刑": "1"}, "closing_parts"),
    ("correction_monthly", {"终止_死亡": "1"}, "terminated_parts"),
    ("correction_monthly", {"训诫": "-1"}, "negative_number"),
    ("correction_monthly", {"已查人数": "1"}, "more_checked_than_due"),
    ("correction_monthly", {"应查人数": "1"}, "more_to_check_than_on_register"),
    ("correction_monthly", {"调查评估完成": "1", "调查评估按期": "2"}, "more_on_time_than_done"),
    ("correction_monthly", {"调查评估应完成": "1", "调查评估完成": "2"}, "more_done_than_due"),
    ("correction_monthly", {"教育学习应参加": "1", "教育学习达标": "2"}, "more_met_than_due"),
    ("correction_monthly", {"脱管人数": "1"}, "more_absconded_persons_than_times"),
    ("correction_monthly", {"心理测评人次": "1", "心理疏导人次": "1", "心理服务人次": "3"}, "psychological_parts"),
    ("correction_monthly", {"再犯罪人数": "1"}, "more_reoffended_than_on_register"),
    ("correction_monthly", {"区划代码": "500117001"}, "form_below_the_district"),
    ("correction_monthly", {"报出日期": "2025-02-28"}, "reported_before_the_month"),
    ("mediation_monthly", {"纠纷类型_邻里": "1"}, "dispute_type_parts"),
    ("mediation_monthly", {"调解组织_村调委会": "1"}, "committee_parts"),
    ("mediation_monthly", {"主动": "1"}, "source_parts"),
    ("mediation_monthly", {"接受委托移送_法院": "1"}, "referral_parts"),
    ("mediation_monthly", {"期初未结": "1"}, "open_identity"),
    ("mediation_monthly", {"口头协议": "1"}, "agreement_parts"),
    ("mediation_monthly", {"司法确认有效": "1", "司法确认申请": "0"}, "more_confirmed_than_requested"),
    ("mediation_monthly", {"司法确认申请": "1"}, "more_requested_than_agreed"),
    ("mediation_monthly", {"疑难复杂": "1"}, "more_difficult_than_accepted"),
    ("mediation_monthly", {"未结": "-1"}, "negative_number"),
    ("screening_monthly", {"缓和": "1"}, "status_parts"),
    ("screening_monthly", {"事件类别_其他": "1"}, "event_type_parts"),
    ("screening_monthly", {"化解层级_网格": "1"}, "tier_parts"),
    ("petition_monthly", {"件次_来信": "1"}, "matters_parts"),
    ("petition_monthly", {"人次_来访": "1"}, "persons_parts"),
    ("petition_monthly", {"初次": "1"}, "first_repeat_parts"),
    ("petition_monthly", {"件次": "1", "件次_来信": "1", "初次": "1"}, "more_matters_than_persons"),
    ("petition_monthly", {"人次_来访": "0", "集体访人次": "5"}, "more_collective_than_visitors"),
    ("petition_monthly", {"集体访批次": "1"}, "more_collective_visits_than_visits"),
    ("petition_monthly", {"集体访批次": "0", "集体访人次": "-1"}, "negative_number"),
    ("petition_monthly", {"应受理": "1", "15日内告知": "2"}, "more_informed_than_due"),
    ("petition_monthly", {"应办结": "1", "按期办结": "2"}, "more_on_time_than_due"),
    ("petition_monthly", {"积案期初清单": "1", "积案化解": "2"}, "more_backlog_resolved_than_listed"),
    ("petition_monthly", {"信访部门满意件": "2", "信访部门评价件": "1"}, "office_more_satisfied_than_rated"),
    ("petition_monthly", {"信访部门评价件": "2", "信访部门应评件": "1"}, "office_more_rated_than_to_rate"),
    ("petition_monthly", {"责任单位满意件": "2", "责任单位评价件": "1"}, "unit_more_satisfied_than_rated"),
    ("petition_monthly", {"责任单位评价件": "2", "责任单位应评件": "1"}, "unit_more_rated_than_to_rate"),
    ("resettlement_monthly", {"已衔接": "1"}, "more_linked_than_due"),
    ("resettlement_monthly", {"帮教": "1", "期末在册": "1"}, "more_in_aftercare_than_due"),
    ("resettlement_monthly", {"帮教": "1", "应帮教": "1"}, "more_in_aftercare_than_on_register"),
    ("resettlement_monthly", {"安置": "1"}, "more_settled_than_needed"),
    ("resettlement_monthly", {"重新犯罪": "1"}, "more_reoffended_than_on_register"),
]  # fmt: skip


@pytest.mark.parametrize("name", sorted({name for name, _, _ in BROKEN}))
def test_a_row_that_contradicts_itself_is_refused_or_warned_of(name: str, office: Office) -> None:
    contract = contracts()[name]
    severity = {rule.id: rule.severity for rule in contract.rules}
    broken = [(cells, reason) for table_name, cells, reason in BROKEN if table_name == name]
    rows = [whole(contract, {**least(contract), **cells}) for cells, _ in broken]
    office.take(table(rows), sender=HERE)
    found = office.quarantine().select("row_number", "severity", "reason").rows()
    for line, (cells, reason) in enumerate(broken, 2):
        assert (line, severity[reason], reason) in found, (reason, cells)
        assert [other for at, how, other in found if at == line and how == "refuse" and other != reason] == [], reason


def test_both_versions_of_a_form_are_read_and_stand_in_one_table(office: Office) -> None:
    present, earlier = (v for v in contract_versions() if v.id == "correction_monthly")
    old = {**least(earlier), "统计月": "2025-12", "期初在册": "7", "期末在册": "7", "期末在册_缓刑": "7"}
    new = {
        **least(present),
        "统计月": "2026-01",
        "期初在册": "7",
        "期末在册": "6",
        "期末在册_缓刑": "6",
        "终止": "1",
        "终止_死亡": "1",
    }
    assert office.take(table([old]), "old.csv", "correction-500000").accepted == 1
    assert office.take(table([new]), "new.csv", "correction-500000").accepted == 1
    assert office.take(table([old | {"解除": "0"}]), "named.csv", HERE, contract="correction_monthly").accepted == 1
    lake = office.lake("correction_monthly").filter(sender="correction-500000")
    closing = lake.filter(item="closing", category="total").select("month", "value").rows()
    assert [(f"{month:%Y-%m}", value) for month, value in closing] == [("2025-12", 7), ("2026-01", 6)]
    causes = lake.filter(item="terminated_by_cause").group_by("month").len()
    assert [(f"{month:%Y-%m}", number) for month, number in causes.rows()] == [("2026-01", 5)]


def test_of_a_correction_case_only_the_month_and_the_district_are_kept(office: Office) -> None:
    case = {**LEAST["correction_cases"], "姓名": "某人", "出生日期": "1990-01-01", "是否调查评估": "02"}
    assert office.take(table([case]), sender=HERE).accepted == 1
    [row] = office.lake("correction_cases").rows(named=True)
    assert f"{row['admitted_month']:%Y-%m-%d}" == "2025-03-01"
    assert row["area_code"] == "500117000000"
    assert row["is_assessed"] is True
    assert not {"person_name", "born_on", "correction_case", "admission"} & row.keys()


def test_a_bare_one_or_zero_is_no_answer_where_two_digits_mean_yes_and_no(office: Office) -> None:
    rows = [
        {**LEAST["correction_cases"], "入矫序号": str(n), "是否调查评估": text}
        for n, text in enumerate(("01", "02", "1", "0"))
    ]
    assert office.take(table(rows), sender=HERE).reasons == {"not_yes_or_no": 2}
    assert office.lake("correction_cases")["is_assessed"].to_list() == [False, True]


def test_an_event_names_its_case_as_the_case_is_named(office: Office) -> None:
    cases = [{**LEAST["correction_cases"], "入矫序号": number} for number in ("1", "2")]
    office.take(table(cases), "cases.csv", HERE)
    office.take(table([{**LEAST["correction_events"], "入矫序号": "2"}]), "events.csv", HERE)
    keys = office.lake("correction_cases")["case_key"].to_list()
    assert len(set(keys)) == 2
    [event] = office.lake("correction_events").rows(named=True)
    assert event["correction_case_key"] == keys[1]
    assert event["case_key"] not in keys


def test_a_population_is_known_by_area_year_and_basis_and_the_last_published_counts(office: Office) -> None:
    first = LEAST["population"]
    others = [{"年份": "2023"}, {"口径": "公安"}, {"发布日期": "2025-10-01", "常住人口(人)": "1245400"}]
    office.take(table([first, *({**first, **other} for other in others)]), sender=HERE)
    lake = office.lake("population")
    assert lake["case_key"].n_unique() == 3
    assert lake.filter(year=2024, basis="sample")["residents"].to_list() == [1245300, 1245400]


def _item(column: Column) -> tuple[str, str, str]:
    return (column.item or "", column.breakdown or "", column.category)


@pytest.mark.parametrize("contract", [c for c in contract_versions() if c.kind == "form"], ids=named)
def test_a_form_says_each_figure_once(contract: Contract) -> None:
    items = [_item(column) for column in contract.columns if column.item is not None]
    assert len(items) == len(set(items))
    assert len({item: breakdown for item, breakdown, _ in items if breakdown}) == len(
        {(item, breakdown) for item, breakdown, _ in items if breakdown}
    )
