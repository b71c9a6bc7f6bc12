"""Plausible exports of any contract, drawn from its column types and code lists: nobody's real rows."""

import csv
import io
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from pipelines.catalogue import Code, Column, Contract, areas, code_lists

FIRST_DAY = date(2024, 1, 1)
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
)
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂芝玉梅建国志红春华文斌海燕鹏辉晨宇欣怡子涵浩然诗雨"
STREETS = ("解放路", "人民路", "胜利街", "滨江大道", "建设巷", "和平村三组", "新华小区", "黄桷坪正街")
BODIES = ("人民法院", "公安局", "检察院", "信访局", "其他", "司法局", "街道办事处", "法院", "公安", "信访部门")
OFFICES = ("合阳城街道人民调解委员会", "钓鱼城街道司法所", "医疗纠纷调解中心", "盐井街道综治中心", "云门街道调委会")
REMEDIES = ("调解", "协商", "劝导", "转交", "其他")
SENTENCES = (
    "双方因{}问题发生争执，{}到场要求处理，经多次沟通后暂未谈妥。",
    "{}反映邻居{}占用公共通道，希望尽快协调解决。",
    "经调解，{}一次性赔偿{}医药费，双方握手言和，不再追究。",
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

Row = dict[str, str]


def name(chance: random.Random) -> str:
    return chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2, 2))))


def id_number(chance: random.Random) -> str:
    """Eighteen digits with a valid check digit (GB 11643-1999)."""
    birthday = date(1945, 1, 1) + timedelta(days=chance.randrange(22_000))
    first = f"{chance.choice(('500117', '420302', '430102'))}{birthday:%Y%m%d}{chance.randrange(1000):03d}"
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, _WEIGHTS, strict=True)) % 11]


def phone(chance: random.Random) -> str:
    return f"1{chance.choice('3578')}{chance.randrange(10**9):09d}"


def address(chance: random.Random) -> str:
    return f"{chance.choice(('合川区', '茅箭区', '沙市区'))}{chance.choice(STREETS)}{chance.randint(1, 300)}号{chance.randint(1, 30)}栋"


def sentence(chance: random.Random) -> str:
    return chance.choice(SENTENCES).format(name(chance), name(chance))


# What a dropped column holds, by its label; the first that fits.
_TEXTS: Sequence[tuple[str, Callable[[random.Random], str]]] = (
    ("身份证|证件号", id_number),
    ("电话|手机", phone),
    ("住址|地址|地点", address),
    ("出生", lambda chance: f"{date(1945, 1, 1) + timedelta(days=chance.randrange(22_000))}"),
    ("日期$|^电子定位", lambda chance: f"{FIRST_DAY + timedelta(days=chance.randrange(600))}"),
    ("测评$|咨询$|评估类型$", lambda chance: chance.choice(("是", "否"))),
    ("编号|书号|查询码|文号|案号|号$", lambda chance: f"{chance.choice('ABCD')}{chance.randrange(10**8):08d}"),
    ("^行政区划|区划代码|户籍区划", lambda chance: chance.choice(_townships())),
    ("区划名称|属地|地区", lambda chance: chance.choice(("合阳城街道", "钓鱼城街道", "南津街街道", "云门街道"))),
    ("委托|移送", lambda chance: chance.choice(BODIES)),
    ("单位|机构|组织|调委会|场所", lambda chance: chance.choice(OFFICES)),
    ("方式|分类|类别|类型", lambda chance: chance.choice(REMEDIES)),
    ("人$|姓名|调解员|当事人|人员$|管教", name),
    ("", sentence),
)
_PERSONAL = (id_number, phone, address, name, sentence)


def _townships() -> list[str]:
    published = (area for area in areas() if area.code_list == "nbs2023" and area.level == "township")
    return [area.area_code for area in published if area.parent_code == "500117000000"]


def _text_of(column: Column) -> Callable[[random.Random], str]:
    return next(draw for words, draw in _TEXTS if re.search(words, column.label))


def is_personal(column: Column) -> bool:
    """Whether the drawn cells of a column are personal as they stand: a person's, or a number that leads to one."""
    if column.personal == "keyed":
        return column.type == "identifier"
    return column.personal == "dropped" and _text_of(column) in _PERSONAL


def rows(contract: Contract, number: int, chance: random.Random, *, quiet: bool = False) -> list[Row]:
    """So many rows as texts by column name. Dates stand in order, codes are written in one of their ways a column,
    cells that need not be filled are sometimes empty, and the plain sums of a form come out. `quiet`: all counts are 0.
    """
    writers = {column.name: _writer(column, contract, chance, quiet=quiet) for column in contract.columns}
    drawn = []
    for count in range(number):
        day = FIRST_DAY + timedelta(days=chance.randrange(600))
        row = {name: write(count, day) for name, write in writers.items()}
        drawn.append(_summed(row, contract))
    return drawn


def _writer(column: Column, contract: Contract, chance: random.Random, *, quiet: bool) -> Callable[[int, date], str]:
    empty = (
        0.0
        if column.required or column.name in {*needed(contract), contract.updated}
        else chance.choice((0.0, 0.1, 0.5))
    )
    write = _filled(column, contract, chance, quiet=quiet)
    return lambda count, day: "" if empty and chance.random() < empty else write(count, day)


def needed(contract: Contract) -> set[str]:
    """The columns without which no row of a contract is taken in."""
    return {*contract.key_columns, "area_code", contract.dated_by}


def _filled(column: Column, contract: Contract, chance: random.Random, *, quiet: bool) -> Callable[[int, date], str]:
    match column.type:
        case "date" | "datetime":
            return _day(column, contract, chance)
        case "month":
            form = chance.choice(("%Y-%m", "%Y年%m月", "%Y%m"))
            return lambda count, day: day.strftime(form)
        case "integer" if column.name == "year":
            return lambda count, day: str(2020 + count % 5)
        case "integer" if column.name in needed(contract):
            return lambda count, day: str(count + 1)
        case "integer" if quiet:
            return lambda count, day: "0"
        case "integer":
            return lambda count, day: str(int(chance.expovariate(0.2)))
        case "money":
            return lambda count, day: f"{chance.expovariate(0.2):.2f}"
        case "boolean" if column.codes is not None:
            texts = _code_texts(code_lists()[column.codes], chance)
            return lambda count, day: chance.choice(texts)
        case "boolean":
            words = chance.choice((("是", "否"), ("1", "0"), ("Y", "N")))
            return lambda count, day: chance.choice(words)
        case "code" | "codes":
            texts = _code_texts(code_lists()[column.codes or ""], chance)
            several = chance.choice((1, 2)) if column.type == "codes" else 1
            return lambda count, day: "、".join(sorted({chance.choice(texts) for _ in range(several)}))
        case "area":
            is_whole = "district" in contract.grain.en
            digits, codes = (6, ["500117", "420302"]) if is_whole else (chance.choice((9, 12)), _townships())
            return lambda count, day: chance.choice(codes)[:digits]
        case "identifier":
            start = chance.choice(("渝合调〔2024〕", "500117-", "HC2024"))
            return lambda count, day: f"{start}{count + 1:06d}"
        case _:
            draw = _text_of(column)
            return lambda count, day: draw(chance)


def _code_texts(codes: Sequence[Code], chance: random.Random) -> list[str]:
    """All codes of a list, written as its labels, as numbers where it has them, or under any of its names."""
    style = chance.choice(("labels", "numbers", "any"))
    numbers = [[alias for alias in code.aliases if alias.isdigit()] for code in codes]
    if style == "numbers" and all(numbers):
        return [texts[0] for texts in numbers]
    return [chance.choice((code.label_zh, *code.aliases)) if style == "any" else code.label_zh for code in codes]


def _day(column: Column, contract: Contract, chance: random.Random) -> Callable[[int, date], str]:
    """Days around the one that dates a row, in the order of the contract's columns; the update is last."""
    names = [c.name for c in contract.columns]
    place = names.index(column.name) - names.index(contract.dated_by)
    form = chance.choice(("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日"))
    if column.type == "datetime":
        form = chance.choice(("%Y-%m-%d 09:%M:%S", "%Y/%m/%d 14:30"))
    latest = column.name == contract.updated

    def write(count: int, day: date) -> str:
        away = 400 if latest else 0 if place == 0 else 5 * place + chance.randrange(5)
        return (day + timedelta(days=away)).strftime(form)

    return write


_SUM = re.compile(r"^(\w+(?: [+-] \w+)*) = (\w+)$")
_AT_MOST = re.compile(r"^(\w+) <= (\w+)$")


def _summed(row: Row, contract: Contract) -> Row:
    """A row in which the contract's sums hold: totals are computed from their parts, until nothing changes."""
    for _ in range(6):
        for rule in contract.rules:
            if (found := _SUM.match(rule.require)) and all(row[name].isdigit() for name in rule.columns):
                row[found[2]] = str(_value(found[1], row))
            if (found := _AT_MOST.match(rule.require)) and all(row[name].isdigit() for name in rule.columns):
                row[found[1]] = str(min(int(row[found[1]]), int(row[found[2]])))
    return row


def _value(expression: str, row: Mapping[str, str]) -> int:
    signs = re.findall(r"([+-]?) ?(\w+)", expression)
    return sum(-int(row[name]) if sign == "-" else int(row[name]) for sign, name in signs)


def as_csv(headings: Sequence[str], cells: Sequence[Sequence[str]], titles: Sequence[Sequence[str]] = ()) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([*titles, headings, *cells])
    return text.getvalue()
