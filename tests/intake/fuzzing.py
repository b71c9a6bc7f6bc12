"""Exports of every contract, damaged in every way, through the door: what becomes of each, and what is written of it.

    python -m tests.intake.fuzzing --examples 10000 [--seed N]      prints what went wrong, and keeps such files
    python -m tests.intake.fuzzing --lines 1000000                  line numbers in quarantine, in both encodings

The n-th example of a seed is always the same file.
"""

import argparse
import csv
import io
import json
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
import xlwt

from pipelines.catalogue import Contract, contract_versions, senders
from pipelines.intake import ledger, text
from pipelines.intake.identifying import Request
from pipelines.intake.parsing import FINDINGS
from pipelines.intake.receiving import Outcome, Refused, receive_each
from pipelines.release.checking import problems
from tests.conftest import FENGQIAO
from tests.intake import drawing
from tests.offices import CASE, Office, opened
from tests.test_privacy import finds

BATCH = 100  # examples that share a data folder
BY_COMMAND = 15  # of them, taken in by the command
LONGEST_SENTENCE = 500
ENCODINGS = ("utf-8", "gb18030", "utf-16-le", "utf-16-be")

Table = list[list[str]]
Chance = random.Random


@dataclass(frozen=True)
class Example:
    """A damaged export. `rows`: how many records stand below its header, where nothing was done that could change that.

    `beside`: what its sidecar says, empty where it has none.
    """

    number: int
    suffix: str
    table: str
    content: bytes
    personal: frozenset[str]
    rows: int | None
    beside: str

    @property
    def name(self) -> str:
        return f"{self.number:06d}{self.suffix}"


# what is wrong in the cells

NASTY = (
    "", " ", "\u3000", "/", "—", "合计", "同上", "NULL", "#REF!", "=1+1", "2025-02-30", "0000-00-00", "9999-12-31", "20250229", "45720",
    "1e9", "8.9E+17", "-0", "１２３", "1,234.5", "12.3.4", "-9223372036854775809", "99999999999999999999", "nan", "inf", "是否",
    "a\nb", "a\r\nb", "\r", "\n", "\t", '"', '""', '","', "'", "\\", "\u2028", "\x0b", "\x0c", "\x1c", "\x85", "\x7f", "\ufeff",
    "\u200b", "\ud7ff", "\ue000", "\ufffd", "𠮷", "e\u0301", "👩‍👩‍👧", "\u202e审核", "甲" * 5000, "9" * 400,
)  # fmt: skip


def _any_cell(table: Table, chance: Chance) -> tuple[int, int]:
    row = chance.randrange(1, len(table))
    return row, chance.randrange(len(table[row]) or 1)


def _nasty_cells(table: Table, chance: Chance) -> None:
    for _ in range(chance.randrange(1, 6)):
        row, column = _any_cell(table, chance)
        table[row][column : column + 1] = [chance.choice(NASTY)]


def _other_column(table: Table, chance: Chance) -> None:
    """A cell stands under the wrong heading."""
    row, column = _any_cell(table, chance)
    cells = table[row]
    other = chance.randrange(len(cells) or 1)
    if cells:
        cells[column], cells[other] = cells[other], cells[column]


def _shuffled(table: Table, chance: Chance) -> None:
    order = list(range(len(table[0])))
    chance.shuffle(order)
    table[:] = [[row[n] for n in order if n < len(row)] for row in table]


def _column_dropped(table: Table, chance: Chance) -> None:
    column = chance.randrange(len(table[0]))
    for row in table:
        del row[column : column + 1]


def _column_doubled(table: Table, chance: Chance) -> None:
    column, place = chance.randrange(len(table[0])), chance.randrange(len(table[0]))
    for row in table:
        row[place:place] = row[column : column + 1]


def _headings_swapped(table: Table, chance: Chance) -> None:
    first, second = chance.randrange(len(table[0])), chance.randrange(len(table[0]))
    table[0][first], table[0][second] = table[0][second], table[0][first]


def _ragged(table: Table, chance: Chance) -> None:
    row = table[chance.randrange(1, len(table))]
    if chance.random() < 0.5:
        row.append(chance.choice(("", "多")))
    else:
        del row[chance.randrange(len(row) or 1) :]


def _total(table: Table, chance: Chance) -> None:
    table.insert(
        chance.randrange(1, len(table) + 1), [chance.choice(("合计", "小 计", "总计：")), *["1"] * (len(table[0]) - 1)]
    )


def _blank(table: Table, chance: Chance) -> None:
    table.insert(chance.randrange(1, len(table) + 1), [""] * chance.choice((0, 1, len(table[0]))))


def _row_repeated(table: Table, chance: Chance) -> None:
    table.insert(chance.randrange(1, len(table) + 1), list(table[chance.randrange(0, len(table))]))


def _signed(table: Table, chance: Chance) -> None:
    table.append(["填表人：", "", "负责人：", "", "填报日期：2025-04-02"])


IN_CELLS: Sequence[Callable[[Table, Chance], None]] = (
    _nasty_cells, _nasty_cells, _other_column, _shuffled, _column_dropped, _column_doubled, _headings_swapped, _ragged, _total,
    _blank, _row_repeated, _signed,
)  # fmt: skip


# what is wrong in the bytes


def _place(content: bytes, chance: Chance) -> int:
    return chance.randrange(len(content) + 1)


def _flipped(content: bytes, chance: Chance) -> bytes:
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 4, 40))):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _deleted(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    return content[:at] + content[at + chance.choice((1, 2, 3, 50, 500)) :]


def _truncated(content: bytes, chance: Chance) -> bytes:
    return content[: _place(content, chance)]


def _doubled(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    end = at + chance.choice((1, 10, 300, 3000))
    return content[:end] + content[at:]


def _inserted(content: bytes, chance: Chance) -> bytes:
    at = _place(content, chance)
    return content[:at] + chance.choice(PIECES) + content[at:]


def _several_inserted(content: bytes, chance: Chance) -> bytes:
    for _ in range(chance.randrange(2, 12)):
        content = _inserted(content, chance)
    return content


def _of_two_encodings(content: bytes, chance: Chance) -> bytes:
    whole = content.decode("utf-8", "replace")
    at = chance.randrange(len(whole) + 1)
    first, second = chance.choice((("utf-8", "gb18030"), ("gb18030", "utf-8"), ("utf-8", "utf-16-le")))
    return whole[:at].encode(first) + whole[at:].encode(second)


def _other_line_ends(content: bytes, chance: Chance) -> bytes:
    return content.replace(b"\n", chance.choice((b"\r", b"\r\r\n", b"\n\n", b"\n\r")))


PIECES = (
    b'"', b'"', b'""', b'",', b',"', b'"\n', b"\n", b"\r", b"\r\n", b",", b"\t", b";", b"\0", b"\x01\x02\x1b", b"\x1a", b"\xff",
    b"\x80\x81", b"\xef\xbb\xbf", b"\xff\xfe", b"\x84\x31\xa4\x37", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"{", b"]", b"\\ud800", b"<", b"x" * 70_000,
    "甲\u2028乙\U0010fffe".encode(), b"\xe3\x80\x80",
)  # fmt: skip
IN_BYTES: Sequence[Callable[[bytes, Chance], bytes]] = (
    _flipped, _deleted, _truncated, _doubled, _inserted, _several_inserted, _of_two_encodings, _other_line_ends,
)  # fmt: skip


# how it is written


def _text(table: Table, chance: Chance) -> tuple[str, bytes]:
    encoding = chance.choice(("utf-8", "utf-8-sig", "gb18030"))
    delimiter, suffix = chance.choice(((",", ".csv"), (",", ".csv"), ("\t", ".tsv"), (";", ".txt")))
    quoting = chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    output, line_end = io.StringIO(), chance.choice(("\n", "\r\n"))
    csv.writer(output, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(table)
    return suffix, output.getvalue().encode(encoding)


def _workbook(table: Table, chance: Chance) -> tuple[str, bytes]:
    """Cells as text, some as numbers; sometimes a title above, a merged range, a hidden row."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        begins = chance.choice((0, 0, 1, 2))
        if begins:
            sheet.merge_range(0, 0, 0, max(1, len(table[0]) - 1), "情况统计表（2025年3月）")
        for line, row in enumerate(table, begins):
            for column, cell in enumerate(row):
                if cell.isascii() and cell.isdigit() and len(cell) < 16 and chance.random() < 0.3:
                    sheet.write_number(line, column, int(cell))
                elif cell:
                    sheet.write_string(line, column, cell[:32_767])
        if chance.random() < 0.2:
            sheet.set_row(chance.randrange(1, len(table) + 1), None, None, {"hidden": True})
    return ".xlsx", content.getvalue()


def _records(table: Table, chance: Chance) -> tuple[str, bytes]:
    header, *rows = table
    objects = [{name: cell for name, cell in zip(header, row, strict=False)} for row in rows]
    if chance.random() < 0.5:
        return ".jsonl", "".join(json.dumps(o, ensure_ascii=chance.random() < 0.2) + "\n" for o in objects).encode()
    return ".json", json.dumps(objects, ensure_ascii=False, indent=chance.choice((None, 1))).encode()


def _old_workbook(table: Table, chance: Chance) -> tuple[str, bytes]:
    """The same cells as an .xls, whose sheets end at 256 columns."""
    book, content = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Sheet1")
    for line, row in enumerate(table):
        for column, cell in enumerate(row[:256]):
            if cell.isascii() and cell.isdigit() and len(cell) < 16 and chance.random() < 0.3:
                sheet.write(line, column, int(cell))
            elif cell:
                sheet.write(line, column, cell[:32_767])
    book.save(content)
    return ".xls", content.getvalue()


def _columns(table: Table, chance: Chance) -> tuple[str, bytes]:
    """A Parquet file, some of whose columns are numbers, with nothing where a text is none."""
    header, *rows = table
    cells = {name: [row[n] if n < len(row) else None for row in rows] for n, name in enumerate(header)}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))
    numbers = [name for name in cells if chance.random() < 0.1]
    content = io.BytesIO()
    frame.with_columns(pl.col(numbers).cast(chance.choice((pl.Int64, pl.Float64)), strict=False)).write_parquet(content)
    return ".parquet", content.getvalue()


def _archive(table: Table, chance: Chance) -> tuple[str, bytes]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(chance.choice((1, 1, 2))):
            suffix, member = _text(table, chance) if chance.random() < 0.7 else _workbook(table, chance)
            archive.writestr(f"{number}{suffix}", _damaged(member, chance) if chance.random() < 0.3 else member)
    return ".zip", content.getvalue()


WRITERS = (*(_text,) * 6, *(_workbook,) * 2, _old_workbook, _records, _columns, _archive)
SNAPSHOTS = 0.15  # of all examples: the state of a source, said so beside the file


def _damaged(content: bytes, chance: Chance) -> bytes:
    for _ in range(chance.choice((1, 1, 2))):
        content = chance.choice(IN_BYTES)(content, chance) if content else content
    return content


def _damaged_inside(content: bytes, chance: Chance) -> bytes:
    """A workbook or archive, one of whose members is damaged before it is packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other:
        names = whole.namelist()
        damaged = chance.choice([name for name in names if "sheet" in name or "shared" in name.lower()] or names)
        for name in names:
            member = whole.read(name)
            other.writestr(name, _damaged(member, chance) if name == damaged else member)
    return packed.getvalue()


def _contracts() -> list[Contract]:
    return [contract for contract in contract_versions() if contract.retired is None]


def example(number: int, seed: int = 0) -> Example:
    chance = random.Random(f"{seed}/{number}")
    contract = chance.choice(_contracts())
    rows = drawing.rows(contract, chance.randrange(1, 12), chance)
    personal = {row[c.name] for c in contract.columns if drawing.is_personal(c) for row in rows}
    table = [[c.label for c in contract.columns], *([row[c.name] for c in contract.columns] for row in rows)]
    done = chance.choices(IN_CELLS, k=chance.choice((0, 1, 1, 2, 4)))
    for change in done:
        if len(table) > 1 and table[0]:
            change(table, chance)
    write = chance.choice(WRITERS)
    suffix, content = write(table, chance)
    is_whole = chance.random() < 0.5
    if not is_whole:
        packed = suffix in (".xlsx", ".zip") and chance.random() < 0.7
        content = (_damaged_inside if packed else _damaged)(content, chance)
    is_counted = is_whole and write in (_text, _records, _columns)
    is_snapshot = chance.random() < SNAPSHOTS
    return Example(
        number=number,
        suffix=suffix,
        table=contract.table,
        content=content,
        personal=frozenset(value for value in personal if len(value) > 2),
        rows=len(table) - 1 if is_counted else None,
        beside=f"mode: snapshot\ntaken_at: 2025-{chance.randrange(1, 13):02d}-28\n" if is_snapshot else "",
    )


# what must be true of each


@dataclass
class Found:
    """What went wrong, by example, and how many files met which end."""

    wrong: list[tuple[int, str]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)


def run(numbers: Sequence[int], seed: int, folder: Path) -> Found:
    """Take the examples in, in data folders of their own below a folder."""
    found = Found()
    for begin in range(0, len(numbers), BATCH):
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir=folder) as own:
            office = opened(Path(own), patch)
            batch = [example(number, seed) for number in numbers[begin : begin + BATCH]]
            _run(batch, office, found)
    return found


def _run(batch: Sequence[Example], office: Office, found: Found) -> None:
    mine = {sender.table: sender.sender for sender in senders()}
    files = {e: office.write(e.name, e.content, mine.get(e.table, "somebody")) for e in batch}
    for e in (e for e in batch if e.beside):
        office.write(f"{e.name}.yml", e.beside, mine.get(e.table, "somebody"))
    by_command = batch[:BY_COMMAND] if len(batch) > BY_COMMAND else []
    for e in batch[len(by_command) :]:
        found.wrong += [(e.number, said) for said in _taken_in(e, files[e], office, found.ends)]
    found.wrong += [
        (batch[0].number, said) for said in _by_command(by_command, [files[e] for e in by_command], found.ends)
    ]
    found.wrong += [(batch[0].number, f"after all: {said}") for said in problems()]
    personal = frozenset().union(*(e.personal for e in batch))
    found.wrong += [(batch[0].number, f"personal value in {where}") for where in _written(office.data, personal)]


def _taken_in(e: Example, file: Path, office: Office, ends: Counter[str]) -> Iterator[str]:
    try:
        with ledger.writer_lock():
            ledger.heal()
            became = list(receive_each(file, Request()))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        yield f"{type(error).__name__} at {_where(error)}"
        return
    for each in became:
        ends[each.outcome if isinstance(each, Outcome) else "refused"] += 1
        yield from _sentence(each.sentence) if isinstance(each, Refused) else _counts(each, e, office)
        said = each.sentence if isinstance(each, Refused) else json.dumps(asdict(each), ensure_ascii=False)
        yield from (f"personal value said: {said}" for value in e.personal if value in said)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "nowhere" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def _sentence(said: str) -> Iterator[str]:
    if not said.isprintable() or len(said) > LONGEST_SENTENCE or not said.endswith((".", "。")):
        yield f"not a sentence: {said!r}"


def _counts(outcome: Outcome, e: Example, office: Office) -> Iterator[str]:
    counts = (outcome.read, outcome.accepted, outcome.quarantined, outcome.duplicate, outcome.not_data)
    if outcome.read != outcome.accepted + outcome.quarantined + outcome.duplicate or min(counts) < 0:
        yield f"read, accepted, quarantined, duplicate, not data: {counts}"
    if outcome.quarantined != sum(outcome.reasons.values()):
        yield f"{outcome.quarantined} rows are quarantined for {outcome.reasons}"
    if e.rows is not None and outcome.read + outcome.not_data != e.rows:
        yield f"{e.rows} records were written, of which {outcome.read} are data and {outcome.not_data} are not"
    if outcome.outcome == "accepted":
        yield from _lake(outcome, ledger.deliveries()[-1], office)


def _lake(outcome: Outcome, entry: ledger.Delivery, office: Office) -> Iterator[str]:
    """What is wrong in lake and quarantine, where each record of a file has a line of its own."""
    if entry.sha256 != outcome.sha256 or not outcome.layout.startswith(("utf", "gb", "json")):
        return
    rows = office.lake(entry.table_name).filter(pl.col("ledger_sequence") == entry.ledger_sequence)
    taken = rows["row_number"].n_unique()
    path = office.data / "quarantine" / f"{entry.folder}.parquet"
    findings = pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=FINDINGS)
    refused = findings.filter(pl.col("severity") == "refuse")["row_number"].n_unique()
    if (taken, refused) != (outcome.accepted, outcome.quarantined):
        yield f"{outcome.accepted} were accepted and {outcome.quarantined} refused, lines of {taken} and {refused} are named"


def _by_command(batch: Sequence[Example], files: Sequence[Path], ends: Counter[str]) -> Iterator[str]:
    if not batch:
        return
    done = subprocess.run([FENGQIAO, "intake", *map(str, files), "--json"], capture_output=True, text=True, check=False)
    yield from (
        f"said by the command: {line}" for line in done.stderr.splitlines() if "Traceback" in line or "panicked" in line
    )
    try:
        said = json.loads(done.stdout)["files"]
    except (ValueError, KeyError):
        yield f"the command printed no outcomes, and said: {done.stderr[-300:]!r}"
        return
    ends.update(each["outcome"] for each in said)
    if (done.returncode == 2) != any(each["outcome"] in ("refused", "held") for each in said):
        yield f"exit code {done.returncode}"
    for each in said:
        if each["read"] != each["accepted"] + each["quarantined"] + each["duplicate"]:
            yield f"counts by the command: {each}"
        yield from _sentence(each.get("error", "."))
    values = (value for e in batch for value in e.personal)
    yield from (
        f"personal value said by the command on {batch[0].name} and after"
        for v in values
        if v in done.stdout + done.stderr
    )


def _written(data: Path, personal: frozenset[str]) -> Iterator[str]:
    """Places in which a personal value was written, whole numbers included."""
    patterns = sorted({value.encode(encoding).decode("latin-1") for value in personal for encoding in ENCODINGS})
    yield from sorted(finds(data, patterns))
    numbers = {int(value) for value in personal if re.fullmatch(r"[1-9][0-9]{8,17}", value)}
    for path in data.rglob("lake/*/*/*.parquet"):
        rows = pl.read_parquet(path).select(pl.col(pl.Int64).exclude("cell_number"))
        for column in rows.iter_columns():
            held = set(column.drop_nulls().unique().to_list())
            if held & numbers or {value // 100 for value in held} & numbers:
                yield f"{path.name}, {column.name}"


# lines

WINDOWS = ((24 << 20, 1 << 20), (96_000, 24_000))
STORIES = ("", "甲\n乙", '他说"\n\n"，𠮷', "一,二\r\n三", "合计\n合计", "\n" * 7)


def wrong_lines(rows: int, folder: Path) -> list[str]:
    """What is wrong with the lines that quarantine and lake name, in both encodings, in large windows and in small ones."""
    written, refused, begins = _written_lines(rows)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        office = opened(folder, patch)
        for encoding in ("utf-8", "gb18030"):
            for size, (window, smallest) in enumerate(WINDOWS):
                patch.setattr(text, "WINDOW", window)
                patch.setattr(text, "SMALLEST_WINDOW", smallest)
                outcome = office.hand_in(office.write(f"{encoding}.csv", written, f"window-{size}", encoding))
                name = f"{ledger.next_sequence() - 1:08d}-{outcome.sha256[:12]}"
                quarantine = pl.read_parquet(office.data / "quarantine" / f"{name}.parquet")
                lake = pl.read_parquet(office.data / "lake" / "mediation_cases" / name)["row_number"]
                if quarantine.filter(pl.col("severity") == "refuse")["row_number"].to_list() != refused:
                    found.append(f"{encoding}, window of {window} bytes: quarantine")
                if sorted([*lake, *refused]) != begins:
                    found.append(f"{encoding}, window of {window} bytes: lake")
    return found


def _written_lines(rows: int) -> tuple[str, list[int], list[int]]:
    """An export with line breaks inside its cells; the lines on which its refused records begin, and all its records."""
    chance, line, refused, begins = Chance(rows), 2, [], []
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerow(["纠纷简要情况", *CASE])
    for number in range(rows):
        story, is_wrong = chance.choice(STORIES), chance.random() < 0.01
        cells = CASE | {"调解案件编号": f"N{number}"} | ({"受理日期": "二月三十"} if is_wrong else {})
        csv.writer(output, lineterminator="\n").writerow([story, *cells.values()])
        begins.append(line)
        refused += [line] * is_wrong
        line += 1 + story.count("\n")
    return output.getvalue(), refused, begins


def main() -> int:
    """Exit code 1 when anything went wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--examples", type=int, default=0)
    options.add_argument("--first", type=int, default=0, help="number of the first example")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, help="folder for the files that something went wrong with")
    options.add_argument("--lines", type=int, default=0, help="records of an export whose lines are counted")
    said = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="fengqiao-fuzzing-") as folder:
        lines = wrong_lines(said.lines, Path(folder)) if said.lines else []
        found = run(range(said.first, said.first + said.examples), said.seed, Path(folder))
    for number, what in found.wrong:
        print(f"example {number} of seed {said.seed}: {what}")
        if said.keep is not None:
            said.keep.mkdir(parents=True, exist_ok=True)
            e = example(number, said.seed)
            (said.keep / e.name).write_bytes(e.content)
    print(f"{said.examples} examples, {len(found.wrong)} wrong: {dict(found.ends.most_common())}")
    print(f"{said.lines} records in two encodings and two windows, wrong lines: {lines or 'none'}")
    return 1 if found.wrong or lines else 0


if __name__ == "__main__":
    sys.exit(main())
