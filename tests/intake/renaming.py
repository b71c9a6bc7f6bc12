"""Headings as other offices write them. None of them is an alias of a contract: a matcher cannot have learned them by heart.

The whole-heading synonyms and the English headings were written down before the matcher's words
(`seeds/tables/heading_words.csv`) and are not read by it.
"""

import random
import re
from collections.abc import Callable, Mapping

# What a column is called elsewhere, by the label of our contracts.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "调解案件编号": ("案号", "调解编号", "案件号"),
    "所属区划代码": ("辖区代码", "行政区划编码"),
    "所属区划名称": ("辖区名称", "所属地区"),
    "区划代码": ("行政区划编码", "地区代码"),
    "调委会名称": ("人民调解委员会", "调解机构名称"),
    "调委会类型": ("调解委员会类别", "调解组织类型"),
    "调解层级": ("调解级别", "层级"),
    "案件来源": ("纠纷来源", "来源渠道"),
    "委托移送单位": ("移送机关", "委托单位"),
    "对接方式": ("衔接方式", "对接类型"),
    "纠纷类型": ("案件类别", "矛盾纠纷类别"),
    "是否疑难复杂": ("疑难复杂案件", "是否疑难案件"),
    "事件规模": ("规模", "事件规模等级"),
    "涉及人数": ("涉案人数", "牵涉人数"),
    "涉及当事人数": ("当事人数量", "当事人人数"),
    "涉及金额(万元)": ("涉案金额(万元)", "标的额(万元)"),
    "申请日期": ("申请时间", "提出申请时间"),
    "受理日期": ("受理时间", "收案时间"),
    "调解开始日期": ("开始调解时间", "调解启动日期"),
    "调解次数": ("调解轮次", "调解场次"),
    "是否延长期限": ("是否延期", "延长期限标志"),
    "延长至": ("延期截止日期", "延长期限至"),
    "办结日期": ("结案时间", "办结时间"),
    "调解结果": ("处理结果", "调解结论"),
    "未成功原因": ("失败原因", "未达成协议的原因"),
    "协议形式": ("协议类型", "达成协议方式"),
    "协议编号": ("协议书编号", "协议书文号"),
    "协议金额(万元)": ("协议涉及金额(万元)", "达成协议金额(万元)"),
    "履行期限": ("履行截止日期", "约定履行日期"),
    "履行情况": ("履约情况", "协议履行状况"),
    "是否申请司法确认": ("是否司法确认", "申请司法确认"),
    "司法确认申请日期": ("申请司法确认时间", "司法确认申请时间"),
    "裁定日期": ("法院裁定时间", "裁定时间"),
    "是否反复": ("纠纷是否反复", "有无反复"),
    "是否防止民转刑": ("防止民转刑案件", "是否避免民转刑"),
    "申请人姓名": ("申请人", "申请方姓名"),
    "申请人身份证号": ("申请人证件号码", "申请人公民身份号码"),
    "申请人电话": ("申请人联系方式", "申请人手机号"),
    "申请人住址": ("申请人家庭住址", "申请人现住址"),
    "被申请人姓名": ("被申请人", "对方当事人姓名"),
    "被申请人身份证号": ("被申请人证件号码", "对方身份证号码"),
    "被申请人电话": ("被申请人手机", "对方联系电话"),
    "调解员姓名": ("人民调解员", "主调解员"),
    "纠纷简要情况": ("案情简介", "纠纷概况"),
    "协议内容": ("协议主要内容", "达成的协议"),
    "登记时间": ("录入时间", "登记日期时间"),
    "更新时间": ("最后修改时间", "数据更新日期"),
    "数据状态": ("记录状态", "审核状态"),
    "信访件编号": ("信访编号", "信访件号"),
    "行政区划": ("所在行政区", "系统区划"),
    "查询码": ("信访查询码", "群众查询码"),
    "信访日期": ("来访日期", "信访时间"),
    "信访形式": ("信访方式", "信访渠道"),
    "信访人数": ("来访人数", "信访总人数"),
    "登记机构代码": ("登记单位代码", "登记机关区划"),
    "登记机构名称": ("登记单位", "登记机关名称"),
    "登记人": ("登记人员", "录入人"),
    "问题属地": ("问题发生地", "事发属地"),
    "内容分类": ("信访内容分类", "问题分类"),
    "概况信息": ("信访概况", "反映事项"),
    "受信人": ("收信人", "致信对象"),
    "初次重复": ("初重信标志", "是否重复信访"),
    "是否集体访": ("集体访标志", "是否集体信访"),
    "告知日期": ("告知时间", "受理告知日期"),
    "限办截止日期": ("办理期限", "应办结日期"),
    "延期标志": ("是否延期", "有无延期"),
    "延期至": ("延期后截止日期", "延长办理期限至"),
    "办理程序": ("处理程序", "办理途径"),
    "被反映人姓名": ("被反映人", "被投诉人姓名"),
    "事件编号": ("事件号", "纠纷编号"),
    "事件名称": ("事件标题", "纠纷名称"),
    "网格编号": ("网格号", "所属网格编码"),
    "发生日期": ("事发日期", "发生时间"),
    "调解时限": ("化解时限", "调解期限"),
    "发生地址": ("事发地点", "发生地点"),
    "事件类别": ("矛盾类型", "事件分类"),
    "排查方式": ("发现方式", "排查渠道"),
    "工作机制": ("联动机制", "采用的工作机制"),
    "事件简述": ("事件概述", "纠纷描述"),
    "主要当事人": ("当事人", "主要当事人姓名"),
    "当事人身份证号": ("当事人证件号", "当事人公民身份号码"),
    "当事人电话": ("当事人手机号码", "当事人联系电话"),
    "化解方式": ("处理方式", "化解手段"),
    "化解组织": ("化解单位", "调处组织"),
    "化解责任人": ("化解负责人", "责任人员"),
    "化解日期": ("化解时间", "调处完成日期"),
    "化解层级": ("化解级别", "处置层级"),
    "化解状态": ("化解结果状态", "当前状态"),
    "化解情况": ("化解经过", "处置情况"),
    "统计月": ("统计年月", "报表月份"),
    "期初在册": ("月初在册人数", "期初在矫"),
    "本月接收": ("当月接收", "本月接收合计"),
    "解除": ("解除矫正", "本月解除"),
    "终止": ("终止矫正", "本月终止"),
    "迁入": ("本月迁入", "迁入人数"),
    "迁出": ("本月迁出", "迁出人数"),
    "外出审批件数": ("外出审批数", "请假外出审批"),
    "期末在册": ("月末在册人数", "期末在册合计"),
    "调查评估委托": ("委托调查评估数", "受委托调查评估"),
    "调查评估应完成": ("应完成调查评估", "应完成评估数"),
    "调查评估完成": ("已完成调查评估", "完成调查评估数"),
    "调查评估按期": ("按期完成调查评估", "按时完成评估"),
    "应查人数": ("应核查人数", "应核查数"),
    "已查人数": ("已核查人数", "实际核查人数"),
    "教育学习应参加": ("应参加教育学习人数", "应参加学习"),
    "教育学习达标": ("教育学习达标人数", "学习达标数"),
    "公益活动人次": ("参加公益活动人次", "公益活动(人次)"),
    "心理服务人次": ("心理辅导人次", "接受心理服务人次"),
    "矫正方案数": ("制定矫正方案", "矫正方案份数"),
    "就业帮扶人数": ("就业帮扶人员数", "帮扶就业人数"),
    "填表人": ("制表人", "填报人"),
    "审核人": ("复核人", "审核人员"),
    "报出日期": ("上报日期", "填报日期"),
}
ENGLISH: Mapping[str, tuple[str, ...]] = {
    "调解案件编号": ("Case No.", "Case Number", "CaseID"),
    "所属区划代码": ("Area Code", "Division Code"),
    "区划代码": ("Area Code", "Division Code"),
    "所属区划名称": ("Area Name", "Division"),
    "调委会名称": ("Committee Name", "Mediation Committee"),
    "调委会类型": ("Committee Type", "Type of Committee"),
    "调解层级": ("Tier", "Mediation Level"),
    "案件来源": ("Case Source", "Source of Case"),
    "对接方式": ("Channel", "Referral Channel"),
    "纠纷类型": ("Dispute Type", "DisputeCategory"),
    "涉及人数": ("Persons Involved", "No. of Persons Involved"),
    "涉及金额(万元)": ("Amount (10k yuan)", "Amount Involved"),
    "申请日期": ("Application Date", "Applied On"),
    "受理日期": ("Acceptance Date", "DateAccepted"),
    "调解次数": ("Sessions", "Mediation Sessions"),
    "办结日期": ("Closing Date", "ConclusionDate"),
    "调解结果": ("Outcome", "Mediation Result"),
    "协议形式": ("Agreement Form", "Form of Agreement"),
    "协议金额(万元)": ("Agreement Amount", "Agreed Amount"),
    "履行情况": ("Performance", "Performance Status"),
    "申请人姓名": ("Applicant Name", "Name of Applicant"),
    "申请人身份证号": ("Applicant ID No.", "Applicant Identity Card"),
    "申请人电话": ("Applicant Phone", "Applicant Tel"),
    "申请人住址": ("Applicant Address", "Address of Applicant"),
    "被申请人姓名": ("Respondent", "Respondent Name"),
    "调解员姓名": ("Mediator", "Mediator Name"),
    "纠纷简要情况": ("Summary", "Case Description"),
    "协议内容": ("Agreement Text", "Agreement Content"),
    "登记时间": ("Recorded At", "Record Time"),
    "更新时间": ("Updated At", "Last Update"),
    "数据状态": ("Record Status", "Data Status"),
    "信访件编号": ("Petition No.", "Matter Number"),
    "查询码": ("Query Code", "QueryCode"),
    "信访日期": ("Petition Date", "Date of Petition"),
    "信访形式": ("Petition Form", "Form of Petition"),
    "办理程序": ("Route", "Procedure"),
    "登记人": ("Registrar", "Registered By"),
    "被反映人姓名": ("Accused Name", "Name of Accused"),
    "事件编号": ("Event No.", "Event Number"),
    "事件类别": ("Event Type", "Category of Event"),
    "发生日期": ("Date Occurred", "Occurrence Date"),
    "发生地址": ("Address", "Place of Event"),
    "排查方式": ("Screening Method", "Method"),
    "工作机制": ("Mechanism", "Work Mechanism"),
    "主要当事人": ("Parties", "Main Parties"),
    "当事人身份证号": ("Party ID", "ID Number of Party"),
    "当事人电话": ("Party Phone", "Phone of Party"),
    "化解日期": ("Resolution Date", "Resolved On"),
    "化解状态": ("Status", "Resolution Status"),
    "统计月": ("Month", "Statistical Month"),
    "期初在册": ("Opening Stock", "Opening"),
    "期末在册": ("Closing Stock", "Closing"),
    "迁入": ("Moved In", "Transfers In"),
    "迁出": ("Moved Out", "Transfers Out"),
    "填表人": ("Filled By", "Prepared By"),
    "审核人": ("Reviewed By", "Reviewer"),
    "报出日期": ("Report Date", "Reported On"),
}
# How an office says the same in other words, for labels that the lists above do not have.
OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "日期": ("时间", "日"),
    "时间": ("日期",),
    "类型": ("类别", "种类"),
    "类别": ("类型", "分类"),
    "编号": ("号码", "编码"),
    "名称": ("名字", "全称"),
    "人数": ("人员数", "总人数"),
    "件数": ("案件数", "数量"),
    "情况": ("状况", "情形"),
    "方式": ("形式", "途径"),
    "状态": ("情况", "阶段"),
    "标志": ("标识", "与否"),
    "结果": ("结论", "结果类型"),
    "办结": ("结案", "完结"),
    "受理": ("立案", "收案"),
    "收到": ("接收", "收件"),
    "机构": ("单位", "部门"),
    "单位": ("机构", "部门"),
    "区划代码": ("行政区划编码", "辖区编码"),
    "期初": ("月初", "上期末"),
    "期末": ("月末", "本期末"),
    "本月": ("当月", "本期"),
    "姓名": ("名字", "人员姓名"),
    "备注": ("说明", "备注说明"),
    "更新": ("修改", "变更"),
}

# First letters of the readings, from a dictionary; where a word reads a character otherwise, the word stands first.
_WORD_INITIALS = {"调解": "tj", "调委": "tw", "重复": "cf", "重新": "cx", "延长": "yc", "时长": "sc", "行业": "hy"}
_INITIALS = {
    "a": "安按案碍",
    "b": "不保别办包变备布帮报本标比毕班白编般表被败部驳",
    "c": "产传偿册出初参场城处存察层常惩成才承抽拆持撤材村查次测称程草裁除",
    "d": "代低党到动单地大定对导度当待档毒点电登的盾第等答订调贷达道队",
    "e": "而额",
    "f": "份分反发否复废房扶放方服法犯纷罚范访负费防风",
    "g": "个估公关功告国工故更构果格概稿管规轨过",
    "h": "会划化号合后和回婚害患户护换核活环缓话",
    "j": "举交件价借假健兼加卷及基境奖家就居建径急截据接救教机检监矫积简籍精紧纠级纪经结荐街见解警计记讲诫迹金间集",
    "k": "况口库康开控科考跨",
    "l": "令例六劳履录律恋料旅来林流漏理疗离立类累练络联路轮邻里领",
    "m": "名明末模民满盟目矛码貌门面",
    "n": "内农匿女年男能难",
    "p": "判培平批排普派片聘评赔",
    "q": "企侵全其前区去情旗期权欠求清渠确签群请起迁青",
    "r": "人任入容日染热融认",
    "s": "三上书事似受司商四失始审室少属山岁市师式所手损收数时是束死涉生申疏省社神讼设识诉身述送速释首",
    "t": "他体厅台同团土塘填头它庭态托投拖推提条特统脱通题",
    "w": "万五亡伍位务危围外委完屋微慰文无晚未武污物稳维网违问",
    "x": "下习乡休信修刑协县向吸响型姓学宣小序形心性息效新消现相系线细续行衔训询象销限险需",
    "y": "一业予于以依元医原员因姻岳已应延引影意扬押援易映月有样洋游源演狱用疑益移育营要言议越邀院预",
    "z": "专中主之争仲众住作再制助咨在址子宅宗展州座征志总执政族早暂杂止正治注照状真知组织终综罪置者职自至证责账质资走踪转逐重镇长障驻",
}
_INITIAL_OF = {character: letter for letter, characters in _INITIALS.items() for character in characters}
_NOTES = ("(必填)", "（必填）", "*", "（选填）", ":", "：", "(下拉选择)")
_UNITS = {"人数": "（人）", "人次": "（人次）", "次数": "（次）", "件数": "（件）", "日期": "(年月日)"}


def synonym(label: str, chance: random.Random) -> str | None:
    if label in SYNONYMS:
        return chance.choice(SYNONYMS[label])
    swaps = [(word, other) for word, others in OTHER_WORDS.items() if word in label for other in others]
    return label.replace(*chance.choice(swaps)) if swaps else None


def english(label: str, chance: random.Random) -> str | None:
    text = chance.choice(ENGLISH[label]) if label in ENGLISH else None
    return text and chance.choice((text, text.lower(), text.replace(" ", "_"), text.upper()))


def pinyin(label: str, chance: random.Random) -> str | None:
    """The field name that a Chinese programmer would give: first letters of the readings."""
    bare = re.sub(r"[(（].*?[)）]", "", label)
    for word, initials in _WORD_INITIALS.items():
        bare = bare.replace(word, initials)
    letters = [_INITIAL_OF.get(character, character) for character in bare if character not in "_、/"]
    if not all(letter.isascii() and letter.isalnum() for letter in letters):
        return None
    text = "".join(letters)
    return chance.choice((text, text.upper(), f"{text[:2]}_{text[2:]}" if len(text) > 3 else text))


def abbreviated(label: str, chance: random.Random) -> str | None:
    """Words left out that a clerk finds needless."""
    shorter = [
        re.sub(r"[(（].*?[)）]", "", label),
        label.removeprefix("所属"),
        label.removeprefix("是否"),
        label.replace("日期", "日"),
        label.replace("编号", "号"),
        label.replace("人数", "人"),
        label.replace("调查评估", "评估"),
        label.replace("本月", ""),
        label.replace("身份证号", "身份证"),
        label.replace("电话", "手机"),
    ]
    shorter = [text for text in shorter if text != label and len(text) > 1]
    return chance.choice(shorter) if shorter else None


def decorated(label: str, chance: random.Random) -> str:
    """Notes, numbers and units about the label."""
    unit = next((text for word, text in _UNITS.items() if label.endswith(word)), "")
    forms = (f"{label}{chance.choice(_NOTES)}", f"*{label}", f"{chance.randint(1, 40)}.{label}", f"【{label}】")
    return chance.choice((*forms, label + unit) if unit else forms)


def spaced(label: str, chance: random.Random) -> str:
    """White space and line ends inside the label, and full-width letters and brackets."""
    wide = label.translate({ord("("): "（", ord(")"): "）", ord("_"): "＿"})
    cut = chance.randrange(1, len(wide)) if len(wide) > 1 else 0
    return chance.choice((" ".join(wide), f"{wide[:cut]}\n{wide[cut:]}", f"  {wide}　", "\u3000".join(wide)))


def meaningless(label: str, chance: random.Random) -> str:
    return f"{chance.choice(('F', 'col', 'x_', '字段'))}{chance.randint(1, 999)}"


Renamer = Callable[[str, random.Random], str | None]
READABLE: Mapping[str, Renamer] = {
    "synonym": synonym,
    "english": english,
    "pinyin": pinyin,
    "abbreviated": abbreviated,
    "decorated": decorated,
    "spaced": spaced,
}
RENAMERS: Mapping[str, Renamer] = {**READABLE, "meaningless": meaningless}
