"""What the columns of an export hold, told from their cells: readable types, known code lists, personal values."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

import polars as pl

from pipelines.catalogue import FOLDED_INTO_NBS2023, Column, Contract, Words, areas, code_lists
from pipelines.intake.cells import NOTHING
from pipelines.intake.denying import carries_personal_value, is_value
from pipelines.intake.layouts import Block, Sheet
from pipelines.intake.parsing import parse

DISTINCT_LOOKED_AT = 2000
DISTINCT_OF_CODES = 400
AREA, CODE, CODES = "area_of_", "code_of_", "codes_of_"
LISTABLE_DISTINCT, LISTABLE_LENGTH, LISTABLE_TIMES = 40, 10, 5
Personal = Literal["name", "id_number", "phone", "address", "birthday", "contact", "free_text", "denied"]
TYPES = ("date", "datetime", "month", "integer", "money", "boolean")

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞"
    "熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓"
    "郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫"
    "宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴鬱胥能苍双闻莘党翟谭贡劳逄姬申扶堵"
    "冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧"
    "殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公"
    "亓佴仉眭郄缑妫覃苟代岳帅肖闫付佘邸粟敬谌漆晋原牟党揭涂鄢税青战苑"
)
_COMPOUND = (
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "东方",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "夏侯",
    "司徒",
    "端木",
    "百里",
    "呼延",
)
_PLACE_ENDS = tuple("省市区县镇乡村街道组局所院会站室处办科队厂店路件次类级型")
_HAN = re.compile(r"^[\u3400-\u9fff\U00020000-\U000323af·•*xX某]+$")
_MASKED = re.compile(r"^[1-9][0-9]{2,9}[*xX]{4,}[0-9]{0,4}[0-9Xx]?$")
_PHONE = re.compile(r"^\(?0[0-9]{2,3}\)?[- ]?[2-9][0-9]{6,7}$|^(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9*]{4}){2}$")
_ADDRESS = re.compile(
    r"[路街巷道村组社区园苑里弄].{0,12}?[0-9一二三四五六七八九十]+(?:号|栋|幢|楼|单元|室|组|户|社)"
    r"|[0-9]+号.*[栋幢楼室]|[市区县].{1,8}[镇乡街道].{0,12}村"
)
_MAIL = re.compile(r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$")


def is_name(text: str) -> bool:
    """Whether a text looks like one person's name, or several: a Chinese surname and one to three characters."""
    parts = [part for part in re.split(r"[、,;/和及 ]", text) if part]
    return bool(parts) and all(_is_one_name(part) for part in parts)


def _is_one_name(text: str) -> bool:
    if not 2 <= len(text) <= 4 or not _HAN.match(text) or text.endswith(_PLACE_ENDS):
        return False
    return (text[0] in SURNAMES and len(text) <= 4) or text.startswith(_COMPOUND)


def is_personal(text: str) -> bool:
    """Whether a single cell must not be written down for what it looks like."""
    shapes = (_MASKED, _PHONE, _ADDRESS, _MAIL)
    return text[:1] in SURNAMES or is_value(text) or is_name(text) or any(shape.search(text) for shape in shapes)


@dataclass(frozen=True)
class Profile:
    """What a column holds. Shares are of its filled cells (of its 2,000 commonest texts, where it has more).

    `readable`: by type; `areas` and `lists`: by code list; `codes`: distinct codes met, by code list; `personal`: the
    kind of personal value recognised, else None.
    """

    rows: int
    filled: int
    distinct: int
    longest: int
    all_digits: bool
    has_fractions: bool
    has_time: bool
    readable: Mapping[str, float]
    areas: Mapping[str, float]
    lists: Mapping[str, float]
    several: Mapping[str, float]
    codes: Mapping[str, int]
    bodies: float
    personal: Personal | None

    @property
    def is_unique(self) -> bool:
        return self.filled > 0 and self.distinct >= 0.98 * self.filled


def _probe(columns: Iterable[Column]) -> Contract:
    """A contract that reads a text as many things at once, so that the door itself says what a cell may be."""
    words = Words(zh="探查", en="probe")
    needed = (Column(name="day", label="day", type="date"), Column(name="area_code", label="area_code", type="area"))
    return Contract(
        id="probe", table="probe", version=1, kind="form", label=words, grain=words, system="probe", dated_by="day",
        columns=(*needed, *columns),
    )  # fmt: skip


@cache
def _of_types() -> Contract:
    types = [Column(name=name, label=name, type=name, unit="yuan" if name == "money" else None) for name in TYPES]
    lists = [Column(name=f"{AREA}{name}", label=f"{AREA}{name}", type="area", code_list=name) for name in area_lists()]
    return _probe((*types, *lists))


@cache
def _of_lists() -> Contract:
    one = [Column(name=f"{CODE}{name}", label=f"{CODE}{name}", type="code", codes=name) for name in code_lists()]
    many = [Column(name=f"{CODES}{name}", label=f"{CODES}{name}", type="codes", codes=name) for name in code_lists()]
    return _probe((*one, *many))


@cache
def area_lists() -> tuple[str, ...]:
    lists = {area.code_list for area in areas()} - set(FOLDED_INTO_NBS2023)
    return tuple(sorted(lists, key=lambda name: (name != "nbs2023", name)))


def counted(texts: pl.Series) -> Counter[str]:
    """The texts of a column as the door reads them, with how often each stands."""
    folded = texts.str.normalize("NFKC").str.strip_chars(" \t\r\n\u3000\ufeff'")
    kept = folded.filter(folded.is_not_null() & ~folded.is_in(NOTHING))
    return Counter(dict(kept.value_counts().iter_rows()))


def profiles(columns: Iterable[Counter[str]], rows: int) -> list[Profile]:
    """What each column holds, in order. Code lists are tried on columns of at most 400 different texts."""
    commonest = [dict(column.most_common(DISTINCT_LOOKED_AT)) for column in columns]
    few = [column if len(column) <= DISTINCT_OF_CODES else {} for column in commonest]
    types, lists = _Read.of(commonest, _of_types()), _Read.of(few, _of_lists())
    return [_profile(number, column, types, lists, rows) for number, column in enumerate(commonest)]


@dataclass(frozen=True)
class _Read:
    """The texts of columns under a contract that reads them as many things.

    `typed`: one row a column and text, with `column`, `times`, `denied` (a personal value in it) and what it was read as.
    """

    typed: pl.DataFrame
    shares: Mapping[str, list[float]]

    @classmethod
    def of(cls, columns: Sequence[Mapping[str, int]], contract: Contract) -> "_Read":
        texts = pl.DataFrame(
            {"text": sorted({text for column in columns for text in column})}, schema={"text": pl.String}
        )
        stand = [(number, text, times) for number, column in enumerate(columns) for text, times in column.items()]
        places = pl.DataFrame(stand, schema={"column": pl.Int64, "text": pl.String, "times": pl.Int64}, orient="row")
        typed = places.join(texts.hstack(_read(texts["text"], contract)), on="text", how="left", maintain_order="left")
        names = [column.name for column in contract.columns]
        number = pl.DataFrame({"column": range(len(columns))}, schema={"column": pl.Int64})
        cells = typed.group_by("column").agg(
            (pl.col(name).is_not_null() * pl.col("times")).sum() / pl.col("times").sum() for name in names
        )
        shares = number.join(cells, on="column", how="left", maintain_order="left").fill_null(0.0)
        return cls(typed, {name: shares[name].to_list() for name in names})

    def column(self, number: int) -> pl.DataFrame:
        return self.typed.filter(pl.col("column") == number)

    def share_by(self, prefix: str, number: int) -> dict[str, float]:
        """The shares of one column by code list, those of none left out."""
        named = ((name.removeprefix(prefix), of[number]) for name, of in self.shares.items() if name.startswith(prefix))
        return {name: share for name, share in named if share}


def _read(texts: pl.Series, contract: Contract) -> pl.DataFrame:
    """The same texts under every column of a contract, typed; with `denied` where one carries a personal value."""
    header = tuple(column.label for column in contract.columns)
    rows = pl.DataFrame({f"c{number}": texts for number in range(len(header))})
    numbers = pl.int_range(len(texts), dtype=pl.Int64, eager=True).alias("row_number")
    rows = rows.with_columns(numbers, pl.lit(len(header), pl.Int64).alias("cells"))
    carried = pl.DataFrame({"text": texts}).select(carries_personal_value(pl.col("text")).alias("denied"))
    return parse(Block(Sheet(None, 1, header), rows, 0), contract).rows.hstack(carried)


def _profile(number: int, column: Mapping[str, int], types: _Read, lists: _Read, rows: int) -> Profile:
    filled = sum(column.values())

    def matching(pattern: str) -> float:
        return sum(times for text, times in column.items() if re.search(pattern, text)) / filled if filled else 0.0

    known, several = lists.share_by(CODE, number), lists.share_by(CODES, number)
    met = lists.column(number).select(pl.col(f"{CODE}{name}").drop_nulls().n_unique().alias(name) for name in known)
    return Profile(
        rows=rows,
        filled=filled,
        distinct=len(column),
        longest=max(map(len, column), default=0),
        all_digits=all(text.isdigit() for text in column),
        has_fractions=matching(r"^[0-9,]+\.[0-9]+$") > 0.02,
        has_time=matching(r"[T ][0-9]{1,2}:[0-9]{2}") > 0.5,
        readable={name: types.shares[name][number] for name in TYPES},
        areas={name: types.shares[f"{AREA}{name}"][number] for name in area_lists()},
        lists=known,
        several=several,
        codes=met.row(0, named=True) if known else {},
        bodies=matching(r"[院局厅所会站办部委]$|公安|信访|中心$|办事处|法院|检察"),
        personal=_personal(
            column, filled, max((*known.values(), *several.values()), default=0.0), types.column(number)
        ),
    )


def _personal(column: Mapping[str, int], filled: int, known: float, read: pl.DataFrame) -> Personal | None:
    """The kind of personal value that a column holds. `known`: the share of its cells that a code list knows."""

    def matching(test: Callable[[str], object]) -> float:
        return sum(number for text, number in column.items() if test(text)) / filled

    if not filled:
        return None
    denied = [text for text, is_denied in zip(column, read["denied"], strict=True) if is_denied]
    if sum(column[text] for text in denied) > 0.02 * filled:
        return _kind_of(denied)
    if matching(_MASKED.match) > 0.2:
        return "id_number"
    if matching(_PHONE.match) > 0.2:
        return "phone"
    if matching(_MAIL.match) > 0.2:
        return "contact"
    if matching(_ADDRESS.search) > 0.3:
        return "address"
    if known < 0.9 and matching(is_name) > 0.6:
        return "name"
    words = matching(lambda text: len(text) >= 12 and re.search(r"[\u4e00-\u9fff]{4}|[a-z] [a-z]", text))
    if words > 0.3 and known < 0.5:
        return "free_text"
    return "birthday" if _are_birthdays(read["date"].drop_nulls().to_list(), filled) else None


def _kind_of(denied: Sequence[str]) -> Personal:
    """What texts that carry denied values are for the most part: numbers, or sentences that mention them."""
    typical = sorted(denied, key=len)[len(denied) // 2]
    digits = sum(character.isdigit() for character in typical)
    if len(typical) > 25:
        return "free_text"
    return "id_number" if digits >= 14 else "phone" if digits >= 7 else "contact"


def _are_birthdays(days: list[date], filled: int) -> bool:
    """Days of many decades: half of them lie at least eighteen years before the last."""
    days = sorted(days)
    if len(days) < max(5, 0.2 * min(filled, DISTINCT_LOOKED_AT)):
        return False
    return (days[-1] - days[0]).days > 40 * 365 and (days[-1] - days[len(days) // 2]).days > 18 * 365


def listable(column: Mapping[str, int], strange: Iterable[str]) -> list[str]:
    """Of texts that no code list knows, those that may be written down: short, few, often repeated, no person's.

    A column of many different texts has none.
    """
    if len(column) > LISTABLE_DISTINCT:
        return []
    short = (text for text in strange if len(text) <= LISTABLE_LENGTH and column[text] >= LISTABLE_TIMES)
    return sorted(text for text in short if text.isprintable() and not is_personal(text) and not _is_number(text))


def _is_number(text: str) -> bool:
    return sum(c.isdigit() for c in text) > 2


def outside(column: Counter[str], list_id: str, *, several: bool) -> list[str]:
    """The texts of a column that a code list does not know (`several`: codes may stand together in a cell)."""
    texts = pl.Series([text for text, _ in column.most_common(DISTINCT_LOOKED_AT)], dtype=pl.String)
    read = _read(
        texts, _probe((Column(name="code", label="code", type="codes" if several else "code", codes=list_id),))
    )
    return texts.filter(read["code"].is_null()).to_list()
