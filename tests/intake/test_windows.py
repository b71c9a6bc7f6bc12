"""Text read in windows of bytes: the same records and lines whatever the window, the encoding and the damage."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.intake import text
from pipelines.intake.layouts import Layout, Sheet

SHEET = Sheet(None, 1, ("甲", "乙", "丙"))
WINDOWS = ((24 << 20, 1 << 20), (1500, 400), (700, 350))
CELLS = st.sampled_from(["1", "合计", "合肥", 'a"b', "p,q", "l\nm", "", "\u3000", "  ", "𠮷", "a\r\nb"])
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=12)
PIECES = st.lists(
    st.sampled_from(["a", "合", "计", '"', ",", "\n", "\r\n", " ", "1", '""', '","', '"\n"', "合计", "\u3000"]),
    max_size=60,
)
Read = tuple[list[tuple[object, ...]], int]


def _written(rows: Sequence[Sequence[str]], quoting: int, line_end: str) -> str:
    output = io.StringIO()
    csv.writer(output, quoting=quoting, lineterminator=line_end).writerows(rows)
    return output.getvalue()


def _read(folder: Path, body: str, encoding: str, window: tuple[int, int]) -> Read:
    path = folder / "table.csv"
    path.write_bytes(("甲,乙,丙\n" + body).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "WINDOW", window[0])
        patch.setattr(text, "SMALLEST_WINDOW", window[1])
        blocks = list(text.blocks(path, Layout(encoding, (SHEET,)), None, None))  # type: ignore[arg-type]
    return [row for block in blocks for row in block.rows.rows()], sum(block.not_data for block in blocks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("windows")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rows=ROWS,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    pieces=PIECES,
    stray=st.integers(0, 400),
    is_written=st.booleans(),
)
def test_the_window_and_the_encoding_change_nothing(
    rows: list[list[str]], quoting: int, line_end: str, pieces: list[str], stray: int, is_written: bool, folder: Path
) -> None:
    body = _written(rows, quoting, line_end) if is_written else "".join(pieces)
    if stray < len(body):
        body = f'{body[:stray]}"{body[stray:]}'
    read = [_read(folder, body, encoding, window) for encoding in ("utf-8", "gb18030") for window in WINDOWS]
    assert all(other == read[0] for other in read)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rows=ROWS, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), line_end=st.sampled_from(["\n", "\r\n"]))
def test_regular_text_is_read_as_python_reads_it(
    rows: list[list[str]], quoting: int, line_end: str, folder: Path
) -> None:
    body = _written(rows, quoting, line_end)
    found, not_data = _read(folder, body, "utf-8", WINDOWS[0])
    reader, begins, expected = csv.reader(io.StringIO(body, newline="")), 2, []
    for cells in reader:
        if [cell.strip() for cell in cells if cell.strip()][:1] not in ([], ["合计"]):
            width = len(cells) if len(cells) <= 3 or cells[3] else 3
            expected.append((begins, width, *[*cells, "", "", ""][:3]))
        begins = reader.line_num + 2
    assert found == expected
    assert not_data == len(rows) - len(expected)


DAMAGED = """1,"abc,3
2,x,y
3,"two
lines",z
合 计,,5
,,
4,5"TV,6
5,q,"open
6,a,b
"""


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_stray_quotation_mark_costs_no_row_below_it(encoding: str, tmp_path: Path) -> None:
    rows, not_data = _read(tmp_path, DAMAGED, encoding, WINDOWS[0])
    assert not_data == 2
    assert rows == [
        (2, 3, "1", "abc", "3"),
        (3, 3, "2", "x", "y"),
        (4, 3, "3", "two\nlines", "z"),
        (8, 3, "4", '5"TV', "6"),
        (9, 3, "5", "q", "open"),
        (10, 3, "6", "a", "b"),
    ]
