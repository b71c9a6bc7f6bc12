"""`propose`: what it finds in exports whose headings were renamed, and what it must never do."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.catalogue import Column, Contract, contracts, load_contract, read_rows, tables
from pipelines.cli import main
from pipelines.intake.proposing.drafting import Proposal, propose
from pipelines.settings import SEEDS
from tests.intake import drawing, renaming
from tests.offices import Office

TITLES = (("2024年工作台账",), ("填报单位：某区司法局", "", "填表人：欧阳无名"))
MIXED = "mixed"


@dataclass(frozen=True)
class Export:
    """A renamed export, the columns behind its positions, and how each was renamed (None: its label was kept)."""

    content: bytes
    columns: tuple[Column, ...]
    kinds: tuple[str | None, ...]
    headings: tuple[str, ...]
    rows: tuple[drawing.Row, ...]


def renamed(
    contract: Contract, kind: str, seed: int, number: int = 60, *, quiet: bool = False, half: bool = False
) -> Export:
    """Rows of a contract below titles, columns shuffled, every heading renamed that can be. One column in ten is left
    out that is not needed; or half of them, needed or not."""
    chance = random.Random(f"{contract.id} {kind} {seed}")
    rows = drawing.rows(contract, number, chance, quiet=quiet)
    needed = set() if half else drawing.needed(contract)
    columns = [c for c in contract.columns if c.name in needed or chance.random() > (0.5 if half else 0.1)]
    chance.shuffle(columns)
    kinds, headings = [], []
    for column in columns:
        drawn = chance.choice(tuple(renaming.READABLE)) if kind == MIXED else kind
        text = renaming.RENAMERS[drawn](column.label, chance)
        taken = {" ".join(h.split()) for h in headings}
        if text is None or " ".join(text.split()) in taken:
            drawn, text = None, column.label
        kinds.append(drawn)
        headings.append(text)
    titles = chance.choice((TITLES, TITLES[:1], ()))
    text = drawing.as_csv(headings, [[row[c.name] for c in columns] for row in rows], titles)
    content = text.encode(chance.choice(("utf-8", "utf-8-sig", "gb18030")))
    return Export(content, tuple(columns), tuple(kinds), tuple(headings), tuple(rows))


def proposed(export: Export, folder: Path, table: str | None = None) -> Proposal:
    path = folder / "export.csv"
    path.write_bytes(export.content)
    return propose(path, table)


def _is_kept(name: str | None, personal: str | None) -> bool:
    return name is not None and personal != "dropped"


def _found(export: Export, proposal: Proposal) -> Iterator[tuple[Column, bool, bool]]:
    """Each column of the export: whether it was found, and whether it was taken for another that is kept.

    A column that the contract drops is found where it is proposed to be dropped, under whatever name.
    """
    for column, taken in zip(export.columns, proposal.columns, strict=True):
        if column.personal == "dropped":
            yield column, taken.personal == "dropped", _is_kept(taken.column, taken.personal)
        else:
            is_found = taken.column == column.name
            yield column, is_found, not is_found and _is_kept(taken.column, taken.personal)


@pytest.mark.parametrize("table", contracts())
def test_nine_columns_in_ten_are_found_and_none_is_taken_for_another(table: str, tmp_path: Path) -> None:
    contract = contracts()[table]
    exports = [renamed(contract, kind, seed) for seed, kind in enumerate((MIXED, MIXED, "synonym", "pinyin"))]
    outcomes = [of for export in exports for of in _found(export, proposed(export, tmp_path, contract.table))]
    found = sum(is_found for _, is_found, _ in outcomes)
    assert [column.name for column, _, is_wrong in outcomes if is_wrong] == []
    assert found >= 0.9 * len(outcomes), f"{found} of {len(outcomes)}"


@pytest.mark.parametrize("kind", ["meaningless", "synonym"])
def test_what_cannot_be_told_is_said_and_not_guessed(kind: str, tmp_path: Path) -> None:
    """Twenty-six columns of whole numbers under meaningless headings look all the same."""
    contract = contracts()["correction_monthly"]
    export = renamed(contract, kind, 1)
    proposal = proposed(export, tmp_path, contract.table)
    lost = [taken for taken in proposal.columns if taken.column is None]
    said = " ".join(doubt.en for doubt in proposal.could_not_tell)
    assert all(f"column {taken.position + 1} (" in said for taken in lost)
    assert all(f"第{taken.position + 1}列" in proposal.contract for taken in lost)
    integers = {column.name for column in contract.columns if column.type == "integer"}
    renamed_ones = [taken for taken, how in zip(proposal.columns, export.kinds, strict=True) if how is not None]
    guessed = [taken.column for taken in renamed_ones if taken.column in integers]
    assert (guessed == []) == (kind == "meaningless")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.sampled_from(sorted(contracts())),
    table=st.sampled_from(sorted(tables())),
    is_own=st.booleans(),
    kind=st.sampled_from([MIXED, *renaming.RENAMERS]),
    seed=st.integers(0, 10**6),
    half=st.booleans(),
)
def test_no_personal_column_is_ever_stored(
    source: str, table: str, is_own: bool, kind: str, seed: int, half: bool, tmp_path: Path
) -> None:
    """Whatever the headings say, and even where the file is proposed for a table to which it does not belong."""
    contract = contracts()[source]
    export = renamed(contract, kind, seed, number=40, half=half)
    assume(len(export.columns) > 3)
    proposal = proposed(export, tmp_path, contract.table if is_own else table)
    for column, taken in zip(export.columns, proposal.columns, strict=True):
        if column.personal == "dropped" and (is_own or drawing.is_personal(column)):
            assert not _is_kept(taken.column, taken.personal), (column.label, taken.heading, taken.column)


@pytest.mark.parametrize("table", contracts())
def test_no_personal_value_is_written(table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = renamed(contracts()[table], "meaningless", 3)
    (tmp_path / "export.csv").write_bytes(export.content)
    values = {row[c.name] for row in export.rows for c in export.columns if drawing.is_personal(c)} - {""}
    path = str(tmp_path / "export.csv")
    for words in ([], ["--json"]) if table == "mediation_cases" else ([],):
        code, out, err = _fengqiao(capsys, "propose", path, "--table", contracts()[table].table, *words)
        assert code == 0, err
        assert not [value for value in values if value in out + err], words


@pytest.mark.parametrize("table", contracts())
def test_what_is_proposed_loads_and_takes_the_file_in(
    table: str, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = contracts()[table]
    export = renamed(contract, "synonym", 5, quiet=contract.kind == "form")
    path = office.write("export.csv", export.content, sender="somewhere")
    code, _, err = _fengqiao(capsys, "propose", str(path), "--out", str(tmp_path / "own.yml"))
    assert code == 0, err
    own = load_contract(tmp_path / "own.yml")
    missing = [c.name for c in own.columns if c.label not in path.read_text("utf-8", errors="replace") and c.required]
    assert own.table == contract.table
    if not missing:
        outcome = office.hand_in(path, sender="somewhere", contract=str(tmp_path / "own.yml"))
        assert outcome.read == len(export.rows)
        assert outcome.accepted + outcome.duplicate >= 0.9 * outcome.read, outcome.reasons


Said = tuple[int, str, str]


def _fengqiao(capsys: pytest.CaptureFixture[str], *words: str) -> Said:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        main.main(list(words))
    return int(ended.value.code or 0), *capsys.readouterr()


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code, out, err = _fengqiao(capsys, "propose", *words, "--json")
    assert code == 0, err
    return json.loads(out)


HEADINGS = (
    "案号",
    "辖区代码",
    "衔接方式",
    "案件类别",
    "收案时间",
    "标的额(元)",
    "当事人",
    "经办",
    "结论",
    "最后修改时间",
)
LINE = "渝{n:03d},500117001,{channel},邻里,2025-03-{day:02d},{n}.50,{name},{clerk},{result},2025-04-01 09:00:00"


def _written(folder: Path, extra: str = "") -> Path:
    """Forty cases: two clerks, an outcome that no list knows in a quarter of them, and one said once."""
    people = drawing.GIVEN[:20]
    lines = [
        LINE.format(
            n=n,
            day=n % 28 + 1,
            channel="派单调解" if n % 4 == 0 else "警调",
            name=f"王{people[n % 20]}{people[n // 2]}",
            clerk="李明" if n % 2 else "赵芳",
            result="撤销" if n == 7 else "调解成功",
        )
        for n in range(40)
    ]
    path = folder / "cases.csv"
    path.write_text("\n".join((",".join(HEADINGS), *lines, extra)), encoding="utf-8")
    return path


def test_every_column_comes_with_its_reason_and_how_sure_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _said(capsys, str(_written(tmp_path)))
    by_heading = {column["heading"]: column for column in told["columns"]}
    assert told["table"] == "mediation_cases"
    taken_for = {text: column["column"] for text, column in by_heading.items() if column["confidence"] is not None}
    assert taken_for == {
        "案号": "case_number",
        "辖区代码": "area_code",
        "衔接方式": "channel",
        "案件类别": "dispute_type",
        "收案时间": "accepted_on",
        "标的额(元)": "amount",
        "结论": "outcome",
        "最后修改时间": "updated_at",
    }
    assert all(0.6 <= by_heading[text]["confidence"] <= 1 for text in taken_for)
    assert all(column["reason"]["zh"] and column["reason"]["en"] for column in told["columns"])
    assert by_heading["当事人"]["personal"] == by_heading["经办"]["personal"] == "dropped"
    assert by_heading["经办"]["column"].startswith("personal_name")
    own = yaml.safe_load(told["contract"])
    assert next(c for c in own["columns"] if c["name"] == "amount")["unit"] == "yuan"
    assert own["key"] == "case_number"


def test_texts_of_no_code_list_are_shown_only_where_they_are_nobodys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """派单调解 stands ten times and is shown; what stands once is counted; 李明 and 赵芳 stand often and are not shown."""
    told = _said(capsys, str(_written(tmp_path)))
    outside = {column["heading"]: column["outside"] for column in told["columns"] if column["outside"]}
    assert outside == {
        "衔接方式": {"cells": 10, "different": 1, "texts": ["派单调解"]},
        "结论": {"cells": 1, "different": 1, "texts": []},
    }
    assert told["sampled"] == 40
    assert told["accepted"] == 29, "all but ten with an unknown channel and one with an unknown outcome"
    written = json.dumps(told, ensure_ascii=False)
    assert not [text for text in ("李明", "赵芳", "王伟", "撤销", "渝001") if text in written]


def test_a_contract_goes_into_a_file_and_over_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = _written(tmp_path), tmp_path / "own.yml"
    code, printed, explained = _fengqiao(capsys, "propose", str(path), "--out", str(out))
    assert (code, printed) == (0, "")
    assert "表头近似" in explained
    assert load_contract(out).table == "mediation_cases"
    before = out.read_bytes()
    code, _, err = _fengqiao(capsys, "propose", str(path), "--out", str(out))
    assert (code, err.count("\n")) == (2, 1)
    assert out.read_bytes() == before
    code, printed, _ = _fengqiao(capsys, "propose", str(path))
    assert code == 0
    assert printed == before.decode(), "standard output is the contract and nothing else"


def test_a_workbook_with_titles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split(",") for line in _written(tmp_path).read_text("utf-8").splitlines()]
    path = tmp_path / "cases.xlsx"
    workbook = xlsxwriter.Workbook(path)
    sheet = workbook.add_worksheet()
    for row, cells in enumerate([["调解案件台账"], ["填报单位：某司法所"], *lines]):
        sheet.write_row(row, 0, cells)
    workbook.close()
    text, book = _said(capsys, str(tmp_path / "cases.csv")), _said(capsys, str(path))
    assert [column["column"] for column in book["columns"]] == [column["column"] for column in text["columns"]]
    assert "header in line 3" in book["layout"]


NOT_TO_BE_PROPOSED = {
    # what is wrong: content, options, what is said
    "no header": ("王伟,50011719800101001X,13800000000,2025-03-01\n李娜,500117198001010028,13900000000,2025-03-02\n", (), "header"),
    "no header, texts only": ("男,农业,邻里,警调\n" * 4, (), "header"),
    "one column": ("案号\n1\n2\n", (), "header"),
    "nothing of ours": ("colour,size,weight\nred,3,4\nblue,4,5\n", (), "resembles none of the tables"),
    "no such table": ("案号,受理日期\n1,2025-03-01\n", ("--table", "cases"), "cases is not a table"),
    "empty": ("", (), "empty"),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_TO_BE_PROPOSED)
def test_a_file_that_cannot_be_understood_gets_one_sentence(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, options, said = NOT_TO_BE_PROPOSED[what]
    path = tmp_path / "export.csv"
    path.write_text(content, encoding="utf-8")
    code, out, err = _fengqiao(capsys, "propose", str(path), *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not [value for value in ("王伟", "李娜", "13800000000", "邻里") if value in err]


def test_a_heading_that_stands_twice_or_not_at_all_is_left_to_a_person(tmp_path: Path) -> None:
    lines = _written(tmp_path).read_text("utf-8").splitlines()
    path = tmp_path / "twice.csv"
    tails = [",结案时间,结案时间,", *[",2025-03-30,2025-03-30,7"] * (len(lines) - 1)]
    path.write_text("\n".join(line + tail for line, tail in zip(lines, tails, strict=True)), encoding="utf-8")
    last = propose(path).columns[-3:]
    assert [column.column for column in last] == [None, None, None]
    assert [column.reason.en for column in last] == ["its heading stands twice"] * 2 + [
        "it has no heading that can be used"
    ]


def test_values_in_the_header_row_are_not_written_down(tmp_path: Path) -> None:
    """A clerk's name and a phone stand beside the headings."""
    path = _written(tmp_path)
    text = path.read_text("utf-8").replace("最后修改时间\n", "最后修改时间,填表人：欧阳无名,13800000000\n")
    path.write_text(text.replace("09:00:00\n", "09:00:00,,\n"), encoding="utf-8")
    proposal = propose(path)
    assert "13800000000" not in proposal.contract
    assert "欧阳无名" not in proposal.contract


def test_a_rule_that_most_rows_break_is_said(tmp_path: Path) -> None:
    """Concluded before accepted in every row: the two headings were swapped, or the columns."""
    content = "调解案件编号,所属区划代码,对接方式,纠纷类型,受理日期,办结日期,更新时间,数据状态\n"
    content += "".join(f"A{n},500117001,警调,邻里,2025-03-2{n},2025-03-1{n},2025-04-01,审核\n" for n in range(9))
    path = tmp_path / "swapped.csv"
    path.write_text(content, encoding="utf-8")
    proposal = propose(path)
    assert proposal.accepted == 0
    assert any("办结日期早于受理日期" in doubt.zh for doubt in proposal.could_not_tell)


def test_a_word_of_headings_stands_in_one_concept() -> None:
    rows = read_rows(SEEDS / "tables" / "heading_words.csv")
    words = Counter(word for row in rows for word in row["words"].split("|"))
    assert [word for word, number in words.items() if number > 1 or word != word.lower().strip()] == []
    assert {row["mark"] for row in rows} == {"", "personal", "role", "text", "sort"}
