"""Open data: no cell that a spreadsheet would run, a workbook that reads back as the release, files that name nobody."""

import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines import catalogue
from pipelines.catalogue import Card
from pipelines.release.open_csv import write_csv
from pipelines.release.open_data import COLUMNS, write_open_data
from pipelines.release.open_workbook import Book, sheet_names, write_workbook
from pipelines.release.sealing import metadata_of
from tests.conftest import Road
from tests.offices import Office, built_house

BEGINS_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
HEADS = 6  # the labels before the years


@pytest.fixture(scope="module")
def open_files(road: Road) -> Path:
    """The folder of a release, which holds its open data."""
    return road.release


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@given(cells=st.lists(CELLS, min_size=1, max_size=6), prefix=st.sampled_from(("", *BEGINS_A_FORMULA)))
def test_no_text_cell_begins_a_formula_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], prefix: str
) -> None:
    texts = [prefix + cell for cell in cells]
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    write_csv(pl.DataFrame({"text": texts, "number": [-1.5] * len(texts)}), path)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]
    assert [row[1] for row in rows] == ["-1.5"] * len(texts)
    for text, row in zip(texts, rows, strict=True):
        assert not row[0].startswith(BEGINS_A_FORMULA)
        assert row[0] == (f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text)


def test_csv_files_hold_the_figures_of_the_release(road: Road, open_files: Path) -> None:
    names = {path.stem for path in (open_files / "csv").iterdir()}
    cards = {card["id"] for card in json.loads((road.release / "cards.json").read_text())}
    assert names == cards | {"changes", "data_quality"}
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(indicator="mediation_success_rate")
    wide = (pl.col("breakdown") == "total") & (pl.col("area_level") != "township")
    key = ["area_code", "period", "breakdown", "category"]
    figures = figures.filter(wide | (pl.col("period_kind") == "year")).collect().sort(key)
    path = open_files / "csv" / "mediation_success_rate.csv"
    read = pl.read_csv(path, schema_overrides={"area_code": pl.String, "period": pl.String}, infer_schema_length=None)
    assert tuple(read.columns) == COLUMNS
    shared = [*key, "value", "numerator", "denominator", "change_on_year"]
    assert_frame_equal(read.sort(key).select(shared), figures.select(shared), check_exact=True)


def _displayed(value: float | None, status: str) -> object:
    """What a cell of the workbook holds: the number, or the markers that say why there is none."""
    if value is None:
        return "".join(f"[{code}]" for code in status.split(",") if code) or "[x]"
    return _as_excel(value)


def _as_excel(value: object) -> object:
    """A number to twelve digits, which Excel keeps whatever it rounds behind them; anything else as it is."""
    return float(f"{value:.12g}") if isinstance(value, int | float) else value


def test_the_workbook_reads_back_as_the_release(road: Road, open_files: Path) -> None:
    """Of every ninth sheet all cells: numbers are the release's values, and what is no number says why."""
    cards = [
        Card.model_validate(card) for card in json.loads((road.release / "cards.json").read_text(encoding="utf-8"))
    ]
    names, checked = sheet_names(cards), cards[::9]
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("period_kind") == "year",
        pl.col("area_level") != "township",
        pl.col("indicator").is_in([card.id for card in checked]),
    )
    workbook = openpyxl.load_workbook(open_files / f"fengqiao-{road.release.name}.xlsx", read_only=True)
    assert workbook.sheetnames[1:] == [names[card.id] for card in cards]
    columns = ("indicator", "area_code", "category", "period", "value", "status")
    expected = Counter(
        (*key, _displayed(value, status)) for *key, value, status in figures.select(columns).collect().iter_rows()
    )
    found: Counter[tuple[object, ...]] = Counter()
    for card in checked:
        rows = list(workbook[names[card.id]].iter_rows(values_only=True))
        start = next(place for place, row in enumerate(rows) if "area_code" in str(row[0])) + 1
        years = rows[start - 1][HEADS:]
        for row in rows[start:]:
            cells = zip(years, row[HEADS:], strict=True)
            found.update(
                (card.id, row[0], row[3], year, _as_excel(value)) for year, value in cells if value is not None
            )
    assert found == expected


def test_a_cell_with_a_marker_is_still_a_number(open_files: Path, road: Road) -> None:
    workbook = openpyxl.load_workbook(open_files / f"fengqiao-{road.release.name}.xlsx", read_only=True)
    sheet = next(sheet for sheet in workbook if "矛盾纠纷排查化解率" in sheet.title)
    rows = list(sheet.iter_rows())
    provisional = [cell for row in rows for cell in row if "[p]" in (cell.number_format or "")]
    assert provisional
    assert all(isinstance(cell.value, int | float) and '"%"' in cell.number_format for cell in provisional)
    said = " ".join(str(row[0].value) for row in rows[:HEADS])
    assert all(f"[{code}]" in said for code in catalogue.markers())


def test_every_sheet_keeps_its_heads_in_sight(open_files: Path, road: Road) -> None:
    with zipfile.ZipFile(open_files / f"fengqiao-{road.release.name}.xlsx") as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert sheets and all(b'state="frozen"' in archive.read(name) for name in sheets)


def test_a_band_stands_in_the_cell_of_a_value_that_is_not_shown(tmp_path: Path) -> None:
    """What only a public edition has: bands, and fewer decimals than the card's where the counts carry fewer."""
    card = catalogue.cards()["mediation_success_rate"]
    labels = {"area_code": "500000000000", "area_zh": "重庆市", "area_en": "Chongqing", "category": "total"}
    labels |= {"category_zh": "合计", "category_en": "Total", "indicator": card.id, "breakdown": "total"}
    given = (
        {"period": "2023", "value": 92.0, "low": 88.0, "high": 95.0, "status": "", "decimals": 0, "band": None},
        {
            "period": "2024",
            "value": None,
            "low": 95.0,
            "high": 100.0,
            "status": "c,p",
            "decimals": 0,
            "band": "at_least",
        },
        {"period": "2025", "value": None, "low": None, "high": None, "status": "c", "decimals": 0, "band": None},
    )
    about = {"release_id": "2025-1.0", "edition": "public", "data_cutoff": "2025-12-31"}
    figures = pl.DataFrame([labels | figure for figure in given])
    book = Book([card], figures, ["2023", "2024", "2025"], about)
    sheet = openpyxl.load_workbook(write_workbook(book, tmp_path / "book.xlsx")).worksheets[1]
    shown = list(sheet.iter_rows())[-1][HEADS:]
    assert [cell.value for cell in shown] == [92, "≥95% [p]", "[c]"]
    assert shown[0].number_format == '#,##0"%"'


def test_the_same_release_gives_the_same_bytes_and_no_name_or_time(tmp_path: Path, house: Office) -> None:
    """A second time from the tables of the release, and the very files of the release."""
    release = (house.data / "releases" / "internal" / "current").resolve()
    about = metadata_of(release)
    for path in (release / "cards.json", *release.glob("*.parquet")):
        (tmp_path / path.name).symlink_to(path)
    made = write_open_data(tmp_path, about)
    names = [path.relative_to(tmp_path) for path in made]
    assert sorted(names) == sorted(
        path.relative_to(release) for path in release.rglob("*") if path.suffix in (".csv", ".xlsx")
    )
    assert all((release / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)
    [workbook] = [path for path in made if path.suffix == ".xlsx"]
    with zipfile.ZipFile(workbook) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    said = openpyxl.load_workbook(workbook).properties
    assert (said.creator or "", said.lastModifiedBy or "") == ("", "")
    assert f"{said.created:%Y-%m-%d}" == about["data_cutoff"]
