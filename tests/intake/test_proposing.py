"""`propose`: what it finds in exports whose headings were renamed, and what it must never do."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.catalogue import Column, Contract, contracts, load_contract, tables
from pipelines.cli import main
from pipelines.intake.proposing.drafting import Proposal, propose
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


def renamed(contract: Contract, kind: str, seed: int, number: int = 120) -> Export:
    """Rows of a contract below titles, columns shuffled and one in ten left out, every heading renamed."""
    chance = random.Random(f"{contract.id} {kind} {seed}")
    rows = drawing.rows(contract, number, chance)
    needed = {*contract.key_columns, "area_code", contract.dated_by}
    columns = [c for c in contract.columns if c.name in needed or chance.random() > 0.1]
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
    exports = [
        renamed(contract, kind, seed) for kind, seed in (*((MIXED, n) for n in range(2)), ("synonym", 0), ("pinyin", 0))
    ]
    outcomes = [of for export in exports for of in _found(export, proposed(export, tmp_path, contract.table))]
    found = sum(is_found for _, is_found, _ in outcomes)
    assert [column.name for column, _, is_wrong in outcomes if is_wrong] == []
    assert found >= 0.9 * len(outcomes), f"{found} of {len(outcomes)}"


@pytest.mark.parametrize("table", contracts())
def test_the_table_is_told_by_the_file(table: str, tmp_path: Path) -> None:
    contract = contracts()[table]
    assert proposed(renamed(contract, MIXED, 7), tmp_path).table == contract.table


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
    guessed = [taken.column for taken in proposal.columns if taken.column in integers]
    assert (guessed == []) == (kind == "meaningless")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.sampled_from(sorted(contracts())),
    table=st.sampled_from(sorted(tables())),
    is_own=st.booleans(),
    kind=st.sampled_from([MIXED, *renaming.RENAMERS]),
    seed=st.integers(0, 10**6),
)
def test_no_personal_column_is_ever_stored(
    source: str, table: str, is_own: bool, kind: str, seed: int, tmp_path: Path
) -> None:
    """Whatever the headings say, and even where the file is proposed for a table to which it does not belong."""
    contract = contracts()[source]
    export = renamed(contract, kind, seed, number=40)
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
    own = ("propose", path, "--table", contracts()[table].table)
    for words in (own, (*own, "--json")):
        code, out, err = _fengqiao(capsys, *words)
        assert code == 0, err
        assert not [value for value in values if value in out + err], words


@pytest.mark.parametrize("table", contracts())
def test_what_is_proposed_loads_and_takes_the_file_in(
    table: str, office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = contracts()[table]
    export = renamed(contract, "synonym", 5)
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
