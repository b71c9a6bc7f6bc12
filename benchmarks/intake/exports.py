"""Make-believe exports of mediation cases to measure with: 22 columns, about 470 bytes a row, one row in a hundred dirty.

All is drawn from one seed in blocks, so the same number of rows gives the same bytes, and a longer file begins like a
shorter one. Beside each file stands its truth: what must become of every record, and on which line it begins.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.settings import SEEDS

SEED = 20260101
BLOCK_ROWS = 50_000
DIRTY = 0.01
REVISED = 0.005
FIRST_DAY = date(2021, 9, 1)
DAYS = 1500
DISTRICT = "500117"
NUMBERS = ("涉及人数", "涉及金额(万元)")
TRUTH = {"record": pl.Int64, "line": pl.Int64, "outcome": pl.String, "reason": pl.String}

# What is done to a dirty row, and the reason it must be refused for.
DUPLICATE, SHORT, LONG = "duplicate", "short", "long"
SPOILT: dict[str, tuple[str, str, str]] = {
    "impossible_date": ("受理日期", "2025-02-30", "not_a_date"),
    "impossible_end": ("办结日期", "2024年13月1日", "not_a_date"),
    "impossible_time": ("更新时间", "2025-06-01 25:61:00", "not_a_date"),
    "unknown_type": ("纠纷类型", "星际纠纷", "unknown_code"),
    "unknown_outcome": ("调解结果", "不详", "unknown_code"),
    "unknown_area": ("所属区划代码", "990101001000", "unknown_area"),
    "no_number": ("调解案件编号", "", "missing_value"),
    "ruined_number": ("调解案件编号", "5.00117E+11", "ruined_number"),
    "ruined_area": ("所属区划代码", "5.00117E+11", "ruined_number"),
    "mobile_as_number": ("调解案件编号", "13912345678", "personal_value"),
    "identity_as_number": ("调解案件编号", "11010519491231002X", "personal_value"),
    "mobile_as_count": ("涉及人数", "13912345678", "personal_value"),
    "no_date": ("受理日期", " — ", "missing_value"),
    "ended_first": ("办结日期", "2019-01-02", "concluded_before_accepted"),
    "updated_first": ("更新时间", "2019-01-02 08:00:00", "accepted_after_update"),
    "half_a_person": ("涉及人数", "3.5", "not_a_number"),
    "about_so_much": ("涉及金额(万元)", "约3万", "not_a_number"),
    "neither": ("是否疑难复杂", "有时", "not_yes_or_no"),
}
KINDS = (DUPLICATE, SHORT, LONG, *SPOILT)
REASONS = {SHORT: "ragged_row", LONG: "ragged_row", **{kind: reason for kind, (_, _, reason) in SPOILT.items()}}


@dataclass(frozen=True)
class Export:
    """A file of so many records (the header and the row of totals not counted) and its truth, a Parquet file.

    The truth has a row a record: `record` and `line` from 1, the header being line 1; `outcome` accepted, quarantined or
    duplicate; `reason` of the quarantined.
    """

    path: Path
    truth: Path
    rows: int


def export(folder: Path, rows: int, *, is_ragged: bool = True) -> Export:
    """A CSV file in UTF-8, made if it is not there. Without ragged rows their cells are complete, and nothing is wrong."""
    place = folder / f"{_version()}-{rows}{'' if is_ragged else '-even'}"
    made = Export(place / "cases.csv", place / "truth.parquet", rows)
    if not made.truth.exists():
        place.mkdir(parents=True, exist_ok=True)
        truth = pl.concat(_written(made.path, rows, is_ragged))
        draft = made.truth.with_suffix(".unfinished")
        truth.write_parquet(draft)
        draft.replace(made.truth)
    return made


def in_gb18030(made: Export) -> Export:
    """The same rows in GB18030."""
    path = made.path.with_name("cases-gb18030.csv")
    if not path.exists():
        draft = path.with_suffix(".unfinished")
        with made.path.open(encoding="utf-8", newline="") as source, draft.open("wb") as target:
            while text := source.read(1 << 24):
                target.write(text.encode("gb18030"))
        draft.replace(path)
    return Export(path, made.truth, made.rows)


def as_workbook(made: Export) -> Export:
    """The same rows as an office saves them from the system's table: numbers as numbers, all else as text."""
    path = made.path.with_name("cases.xlsx")
    if not path.exists():
        import xlsxwriter

        draft = path.with_suffix(".unfinished")
        with made.path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows)
            numeric = {header.index(name) for name in NUMBERS}
            with xlsxwriter.Workbook(draft, {"constant_memory": True, "strings_to_urls": False}) as workbook:
                sheet = workbook.add_worksheet("调解案件")
                sheet.write_row(0, 0, header)
                for number, row in enumerate(rows, 1):
                    for position, text in enumerate(row):
                        if position in numeric and text.replace(".", "", 1).isdecimal() and text.isascii():
                            sheet.write_number(number, position, float(text))
                        elif text:
                            sheet.write_string(number, position, text)
        draft.replace(path)
    return Export(path, made.truth, made.rows)


@cache
def _version() -> str:
    """Digest of all that the files are made from: a changed generator makes new ones."""
    parts = (Path(__file__), SEEDS / "tables" / "code_lists.csv", SEEDS / "tables" / "areas.csv")
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]


def _written(path: Path, rows: int, is_ragged: bool) -> Iterator[pl.DataFrame]:
    """Write the file block by block; the truth of each block."""
    line, opening = 2, None
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
            block = _block(number, first, opening).head(rows - first)
            opening, kinds = opening or block, pl.Series(block.kinds)
            kinds = kinds if is_ragged else kinds.replace([SHORT, LONG], "")
            records = _records(block.cells, kinds)
            if number == 0:
                file.write(",".join(block.cells.columns) + "\n")
            file.write("\n".join(records) + "\n")
            lines = records.str.count_matches("\n", literal=True).cast(pl.Int64) + 1
            yield _truth(first, line + lines.cum_sum() - lines, kinds)
            line += int(lines.sum())
        file.write(f"合计{',' * (len(block.cells.columns) - 1)}\n")


def _truth(first: int, lines: pl.Series, kinds: pl.Series) -> pl.DataFrame:
    reason = kinds.replace_strict(REASONS, default=None, return_dtype=pl.String)
    return pl.DataFrame({"line": lines, "kind": kinds, "reason": reason}).select(
        pl.int_range(first + 1, first + 1 + pl.len(), dtype=pl.Int64).alias("record"),
        "line",
        pl.when(pl.col("kind") == DUPLICATE)
        .then(pl.lit("duplicate"))
        .when(pl.col("reason").is_not_null())
        .then(pl.lit("quarantined"))
        .otherwise(pl.lit("accepted"))
        .alias("outcome"),
        "reason",
    )


def _records(cells: pl.DataFrame, kinds: pl.Series) -> pl.Series:
    """Each row as the text of a CSV record; quoted where it must be, and cut or lengthened where it is to be ragged."""
    quoted = [
        pl.when(pl.col(name).str.contains('[",\n]'))
        .then(pl.concat_str(pl.lit('"'), pl.col(name).str.replace_all('"', '""', literal=True), pl.lit('"')))
        .otherwise(pl.col(name))
        for name in cells.columns
    ]
    record, kind = pl.concat_str(quoted, separator=","), pl.col("kind")
    text = (
        pl.when(kind == SHORT)
        .then(pl.concat_str(quoted[: len(quoted) // 2], separator=","))
        .when(kind == LONG)
        .then(pl.concat_str(record, pl.lit(",多出一格")))
        .otherwise(record)
    )
    return cells.with_columns(kinds.alias("kind")).select(text).to_series()


def _block(number: int, first: int, opening: "_Block | None") -> "_Block":
    """A whole block, however few of its rows are wanted: so that files of all lengths begin alike."""
    size = BLOCK_ROWS
    draw = np.random.default_rng((SEED, number))
    cells = _clean(draw, first, size)
    kinds = np.where(draw.random(size) < DIRTY, draw.choice(np.array(KINDS), size), "")
    # What is repeated is clean: a row of the first block or, within it, the row above; only later blocks have revisions.
    above = opening or _Block(cells, kinds)
    earlier = draw.integers(0, len(above.kinds), size) if opening else np.arange(size) - 1
    can_repeat = (above.kinds[earlier] == "") & (np.arange(size) > 0)
    kinds = np.where((kinds == DUPLICATE) & ~can_repeat, "", kinds)
    is_revised = (kinds == "") & can_repeat & (draw.random(size) < REVISED) & (opening is not None)
    told, kind = above.cells[earlier], pl.Series(kinds)
    changed: dict[str, pl.Expr] = {
        name: pl.when(kind == DUPLICATE).then(told[name]).otherwise(pl.col(name))
        for name in cells.columns
        if name != "涉及人数"
    }
    changed["调解案件编号"] = (
        pl.when(pl.Series(is_revised)).then(told["调解案件编号"]).otherwise(changed["调解案件编号"])
    )
    written_otherwise = told["更新时间"].str.replace_all("-", "/", literal=True)
    changed["更新时间"] = pl.when(kind == DUPLICATE).then(written_otherwise).otherwise(pl.col("更新时间"))
    for name, (column, text, _) in SPOILT.items():
        changed[column] = pl.when(kind == name).then(pl.lit(text)).otherwise(changed.get(column, pl.col(column)))
    return _Block(cells.with_columns(**changed), kinds)


@dataclass(frozen=True)
class _Block:
    """Cells by heading, all texts, and what is wrong with each row ("" for most)."""

    cells: pl.DataFrame
    kinds: np.ndarray

    def head(self, rows: int) -> "_Block":
        return _Block(self.cells.head(rows), self.kinds[:rows])


def _clean(draw: np.random.Generator, first: int, size: int) -> pl.DataFrame:
    """Rows as a good clerk enters them. Days, codes, areas and numbers are written in the ways that occur."""
    towns = _towns()
    town = draw.integers(0, len(towns), size)
    accepted = draw.integers(0, DAYS, size)
    lasted = np.minimum(draw.geometric(1 / 15, size) - 1, 200)
    is_open = draw.random(size) < 0.12
    agreed = ~is_open & (draw.random(size) < 0.85)
    number = np.arange(first + 1, first + size + 1)
    last = accepted + np.where(is_open, 0, lasted)
    updated = last + draw.integers(0, 20, size)
    outcome = np.where(agreed, 0, np.where(is_open, 2, np.where(draw.random(size) < 0.03, 3, 1)))
    return pl.DataFrame(
        {
            "调解案件编号": _format("HC2025-{}", _padded(number, 8)),
            "所属区划代码": _areas(draw, towns, town),
            "案件来源": _codes(draw, "mediation_source", size),
            "对接方式": _codes(draw, "channel", size),
            "纠纷类型": _codes(draw, "dispute_type", size),
            "是否疑难复杂": _pick(draw, ("否", "是", ""), size, (0.85, 0.1, 0.05)),
            "涉及人数": pl.Series(draw.integers(1, 40, size)).cast(pl.String),
            "涉及金额(万元)": _amounts(draw, size),
            "受理日期": _days(draw, accepted),
            "办结日期": _emptied(_days(draw, accepted + lasted), is_open),
            "调解结果": pl.Series(("调解成功", "不成功", "调解中", "")).gather(outcome),
            "协议形式": _emptied(_codes(draw, "agreement_form", size), ~agreed | (draw.random(size) < 0.01)),
            "履行情况": _emptied(_codes(draw, "performance", size), ~agreed),
            "是否申请司法确认": _pick(draw, ("否", "是"), size, (0.9, 0.1)),
            "申请人姓名": _names(draw, size),
            "申请人身份证号": _identities(draw, size),
            "申请人电话": _format("13{}", _padded(draw.integers(0, 10**9, size), 9)),
            "申请人住址": _addresses(draw, towns, town),
            "纠纷简要情况": _summaries(draw, size),
            "登记时间": _format("{} {}", _iso(accepted), _clock(draw, size).str.head(5)),
            "更新时间": _format("{} {}", _iso(updated), _clock(draw, size)),
            "数据状态": _pick(draw, ("审核", "已审核", "上报", "草稿", "作废"), size, (0.8, 0.15, 0.03, 0.01, 0.01)),
        }
    )


def _pick(
    draw: np.random.Generator, texts: tuple[str, ...], size: int, weights: tuple[float, ...] | None = None
) -> pl.Series:
    return pl.Series(texts).gather(draw.choice(len(texts), size, p=weights))


def _format(pattern: str, *parts: pl.Series) -> pl.Series:
    return pl.select(pl.format(pattern, *(pl.lit(part) for part in parts))).to_series()


def _padded(numbers: np.ndarray, digits: int) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.zfill(digits)


def _emptied(texts: pl.Series, is_empty: np.ndarray) -> pl.Series:
    return texts.set(pl.Series(is_empty), "")


@cache
def _towns() -> pl.DataFrame:
    """Code (12 digits) and name of the townships of one district."""
    areas = pl.read_csv(SEEDS / "tables" / "areas.csv", infer_schema=False)
    is_ours = (pl.col("code_list") == "nbs2023") & (pl.col("level") == "township")
    return areas.filter(is_ours & pl.col("area_code").str.starts_with(DISTRICT)).select("area_code", "name_zh")


def _areas(draw: np.random.Generator, towns: pl.DataFrame, town: np.ndarray) -> pl.Series:
    """Twelve digits or nine, some of them full-width."""
    long = towns["area_code"].gather(town)
    texts = pl.Series(np.where(draw.random(len(town)) < 0.8, long.str.head(9), long))
    wide = texts.str.replace_many(list("0123456789"), list("０１２３４５６７８９"))
    return pl.Series(np.where(draw.random(len(town)) < 0.005, wide, texts))


def _codes(draw: np.random.Generator, list_id: str, size: int) -> pl.Series:
    """The labels of a code list, now and then another text that the list declares."""
    codes = pl.read_csv(SEEDS / "tables" / "code_lists.csv", infer_schema=False).fill_null("")
    codes = codes.filter(pl.col("list_id") == list_id)
    aliases = [text for cell in codes["aliases"] for text in cell.split("|") if text]
    weights = [0.9 / len(codes)] * len(codes) + [0.1 / len(aliases)] * len(aliases)
    return _pick(draw, (*codes["label_zh"], *aliases), size, tuple(weights))


def _amounts(draw: np.random.Generator, size: int) -> pl.Series:
    fen = draw.integers(1, 5_000_000, size)
    plain = pl.select(pl.format("{}.{}", pl.lit(fen // 10_000), pl.lit(_padded(fen % 10_000, 4)))).to_series()
    return (
        pl.Series(draw.choice(4, size, p=(0.4, 0.38, 0.2, 0.02)))
        .to_frame("form")
        .select(
            pl.when(pl.col("form") == 0)
            .then(pl.lit(""))
            .when(pl.col("form") == 1)
            .then(plain)
            .when(pl.col("form") == 2)
            .then(pl.lit(pl.Series(fen % 300)).cast(pl.String))
            .otherwise(pl.format("1,{}", pl.lit(plain.str.tail(8).str.strip_chars_start(".").str.zfill(8))))
        )
        .to_series()
    )


@cache
def _calendar() -> pl.DataFrame:
    """Every day of the file in the ways it is written: dashes, slashes, dots, Chinese, digits only, a workbook's serial."""
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS + 300)]
    return pl.DataFrame(
        {
            "dashes": [day.isoformat() for day in days],
            "slashes": [f"{day.year}/{day.month}/{day.day}" for day in days],
            "dots": [f"{day:%Y.%m.%d}" for day in days],
            "chinese": [f"{day.year}年{day.month}月{day.day}日" for day in days],
            "digits": [f"{day:%Y%m%d}" for day in days],
            "serial": [str((day - date(1899, 12, 30)).days) for day in days],
        }
    )


def _iso(day: np.ndarray) -> pl.Series:
    return _calendar()["dashes"].gather(day)


def _days(draw: np.random.Generator, day: np.ndarray) -> pl.Series:
    forms = _calendar()
    form = draw.choice(len(forms.columns), len(day), p=(0.94, 0.02, 0.01, 0.01, 0.01, 0.01))
    return pl.concat(forms.get_columns()).gather(form * len(forms) + day)


def _clock(draw: np.random.Generator, size: int) -> pl.Series:
    hour, minute, second = draw.integers(8, 18, size), draw.integers(0, 60, size), draw.integers(0, 60, size)
    return _format("{}:{}:{}", _padded(hour, 2), _padded(minute, 2), _padded(second, 2))


def _names(draw: np.random.Generator, size: int) -> pl.Series:
    """Two or three characters; one name in a thousand has a character that takes four bytes in GB18030."""
    family = _pick(draw, tuple("王李张刘陈杨黄赵周吴徐孙胡朱高林何郭马罗"), size)
    given = tuple("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玲")
    second = pl.Series(np.where(draw.random(size) < 0.001, "𬱖", _pick(draw, (*given, "", "", "", ""), size)))
    return _format("{}{}{}", family, _pick(draw, given, size), second)


def _identities(draw: np.random.Generator, size: int) -> pl.Series:
    """Eighteen digits with the right check digit (GB 11643-1999)."""
    born = np.datetime64("1950-01-01") + draw.integers(0, 20_000, size)
    month = born.astype("datetime64[M]").astype(int)
    day = (born - born.astype("datetime64[M]")).astype(int) + 1
    date_of_birth = (1970 + month // 12) * 10_000 + (month % 12 + 1) * 100 + day
    digits = int(DISTRICT) * 10**11 + date_of_birth * 1000 + draw.integers(0, 1000, size)
    weighted = sum((digits // 10**k % 10) * (2 ** (k + 1) % 11) for k in range(17))
    check = (12 - weighted % 11) % 11
    return _format("{}{}", pl.Series(digits).cast(pl.String), pl.Series(tuple("0123456789X")).gather(check))


def _addresses(draw: np.random.Generator, towns: pl.DataFrame, town: np.ndarray) -> pl.Series:
    street = _pick(draw, ("人民路", "解放街", "江城大道", "学府巷", "滨江路", "果园村三组"), len(town))
    house = pl.Series(draw.integers(1, 400, len(town))).cast(pl.String)
    return _format("重庆市合川区{}{}{}号院内", towns["name_zh"].gather(town), street, house)


def _summaries(draw: np.random.Generator, size: int) -> pl.Series:
    """Free text with commas; one in ten with quotation marks, one in thirty over several lines."""
    who = _pick(draw, ("申请人", "双方当事人", "申请人及其家属", "居民"), size)
    what = _pick(draw, ("因楼上漏水", "因工资拖欠", "因宅基地边界", "因离婚后抚养费", "因交通事故赔偿"), size)
    then = _pick(draw, ("发生争执,多次协商未果", "产生矛盾,社区网格员上门了解情况后报告", "协商不成,遂申请调解"), size)
    said = _pick(draw, ("", '对方称"从未收到通知",', '其表示"可以分期",'), size, (0.9, 0.05, 0.05))
    line = _pick(draw, ("", "\n", "\n\n"), size, (0.967, 0.03, 0.003))
    end = _pick(draw, ("经调解员当面沟通,双方互谅互让达成一致", "调解员释法说理,当事人同意三日内履行,无其他争议"), size)
    met = _pick(draw, ("经司法所与社区民警共同到场查看现场并核对票据后,", "经两次组织双方到调解室说明情况,"), size)
    return _format("{}{}{},{}{}{}{}。", who, what, then, said, line, met, end)
