"""The review: figures read back from every format, the same files twice, every section for every kind of area and period,
and words that an office would write."""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import docx
import openpyxl
import polars as pl
import pypdf
import pytest
from fontTools import subset
from fontTools.ttLib import TTFont

from dashboards import wording
from dashboards.drawing import ems
from dashboards.published import compared
from dashboards.release_reader import Release, open_release
from dashboards.review import cells, layout
from dashboards.review.building import build, ordinal
from dashboards.review.document import Cell, Column, Table
from dashboards.review.facts import districts, facts
from dashboards.review.plan import Letterhead, letterhead, plan
from dashboards.review.sentences import FEWEST_RANKED, leading
from dashboards.wording import Figure
from pipelines.catalogue import Words, cards, units
from pipelines.cli_review import write_reviews
from pipelines.settings import UserError
from tests.conftest import Road

DISTRICT, CITY, TOWN = "500117", "500000", "421002004"
PERIODS = ("2025", "2025-H1", "2025-Q3", "2025-10")
FORMATS = ("pdf", "docx", "xlsx", "html")
LANGUAGES = ("zh", "en")
CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
# What stays Latin in a Chinese text: numbers of standards, the names of an estimator, the hashes of code and seeds.
LATIN = re.compile(r"GB/T|SF/T|Kaplan[–-]Meier|[0-9a-f]{12}")


@pytest.fixture(scope="module")
def release(road: Road) -> Iterator[Release]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(road.data))
        yield open_release()


@pytest.fixture(scope="module")
def written(road: Road) -> Mapping[str, Path]:
    """The district's annual review in every format and both languages, by command line: files by language and format."""
    told = road.ask("review", "--period", "2025", "--area", DISTRICT, "--lang", "both")
    files = [Path(file) for file in told["files"]]
    return {f"{file.stem.rpartition('-')[2]} {file.suffix[1:]}": file for file in files}


@pytest.fixture(scope="module")
def figures(release: Release) -> Mapping[str, Mapping[str, Any]]:
    """The release's totals of the district's year, by indicator."""
    frame = release.figures(list(release.cards), [DISTRICT], ["2025"])
    return {row["indicator"]: row for row in frame.iter_rows(named=True)}


def _headline(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Chinese label and row of each headline indicator that has a value."""
    [table] = [table for section in plan().sections for table in section.tables if table.id == "headline"]
    for name in table.indicators:
        if name in figures and figures[name]["value"] is not None:
            yield cards()[name].label.zh, figures[name]


def _read(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def test_every_format_is_written_outside_the_release(written: Mapping[str, Path], road: Road) -> None:
    assert set(written) == {f"{language} {ending}" for language in LANGUAGES for ending in FORMATS}
    assert all(file.parent == road.data / "documents" / road.release.name for file in written.values())


def test_a_second_run_gives_the_same_files(written: Mapping[str, Path], road: Road, tmp_path: Path) -> None:
    told = road.ask("review", "--period", "2025", "--area", DISTRICT, "--lang", "both", "--out", str(tmp_path))
    for file in map(Path, told["files"]):
        language, ending = file.stem.rpartition("-")[2], file.suffix[1:]
        assert file.read_bytes() == written[f"{language} {ending}"].read_bytes(), file.name


def test_the_workbook_holds_the_figures_unrounded(
    written: Mapping[str, Path], figures: Mapping[str, Mapping[str, Any]]
) -> None:
    book = openpyxl.load_workbook(written["zh xlsx"])
    sheet = book["表2 主要指标"]
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=4)}
    for label, figure in _headline(figures):
        assert rows[label][2].value == pytest.approx(figure["value"], abs=1e-9), label
        if figure["value_year_before"] is not None:
            assert rows[label][3].value == pytest.approx(figure["value_year_before"], abs=1e-9), label
        if isinstance(rows[label][4].value, int | float):
            assert rows[label][4].value == pytest.approx(figure["change_on_year"], abs=1e-9), label


def test_every_sheet_is_ready_for_paper(written: Mapping[str, Path]) -> None:
    book = openpyxl.load_workbook(written["zh xlsx"])
    legend = book.worksheets[0]
    assert any(cell.value and "不适用" in str(cell.value) for row in legend.iter_rows() for cell in row)
    for sheet in book.worksheets[1:]:
        texts = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert sheet.freeze_panes == "B4", sheet.title
        assert sheet.print_title_rows == "$3:$3", sheet.title
        assert sheet.print_area, sheet.title
        assert any("符号说明" in text for text in texts), sheet.title
        assert any("数据来源" in text for text in texts), sheet.title


def test_the_caption_of_a_sheet_is_broken_within_its_table(written: Mapping[str, Path]) -> None:
    """What is wider than the print area would be cut off on paper."""
    for sheet in openpyxl.load_workbook(written["en xlsx"]).worksheets[1:]:
        last = max(cell.column_letter for cell in sheet[3] if cell.value is not None)
        assert f"A1:{last}1" in {str(merged) for merged in sheet.merged_cells.ranges}, sheet.title
        assert sheet["A1"].alignment.wrap_text, sheet.title
        width = sum(sheet.column_dimensions[cell.column_letter].width for cell in sheet[3] if cell.value is not None)
        lines = -(-len(sheet["A1"].value) // int(width))
        assert sheet.row_dimensions[1].height >= lines * sheet["A1"].font.size, sheet.title


def test_what_is_divided_is_said_in_full(written: Mapping[str, Path]) -> None:
    """A rate whose denominator is a sum names both parts; a share does not read as a measure divided by itself."""
    page = _told(written["en html"].read_text(encoding="utf-8"))
    assert "÷ (Mediations ended in agreement as reported + Mediations ended without agreement as reported)" in page
    assert not re.findall(r"\b(.{5,}) ÷ \1;", page)


def test_the_word_file_holds_the_figures_and_can_be_edited(
    written: Mapping[str, Path], figures: Mapping[str, Mapping[str, Any]]
) -> None:
    made = docx.Document(str(written["zh docx"]))
    headings = [paragraph.text for paragraph in made.paragraphs if paragraph.style.name == "Heading 1"]
    assert headings[0] == "一、数据覆盖与质量"
    assert len(headings) == len(plan().sections)
    rows = {row.cells[0].text: [cell.text for cell in row.cells] for table in made.tables[2:3] for row in table.rows}
    for label, figure in _headline(figures):
        decimals = cards()[figure["indicator"]].decimals
        assert _read(rows[label][2]) == pytest.approx(figure["value"], abs=0.5 * 10**-decimals + 1e-9), label
    for table in made.tables[1:]:
        assert "w:tblHeader" in table.rows[0]._tr.xml


def test_the_pdf_holds_the_figures(written: Mapping[str, Path], figures: Mapping[str, Mapping[str, Any]]) -> None:
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(written["zh pdf"]).pages)
    table = text.partition("主要指标\n指标")[2]
    for label, figure in _headline(figures):
        card = cards()[figure["indicator"]]
        found = re.search(rf"^{re.escape(label)} \S+ (\S+)", table, flags=re.MULTILINE)
        assert found, label
        shown = _read(found[1])
        assert shown == pytest.approx(figure["value"], abs=0.5 * 10**-card.decimals + 1e-9), label


def test_the_pdf_is_a_page_of_the_standard(written: Mapping[str, Path]) -> None:
    reader = pypdf.PdfReader(written["zh pdf"])
    width, height = (float(side) / 72 * 25.4 for side in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (210, 297)
    assert "— 1 —" in reader.pages[0].extract_text().replace("\xa0", " ")
    assert reader.metadata and reader.metadata.title == "合川区2025年基层法治工作统计年报"
    assert any("一、" in entry.title for entry in reader.outline if not isinstance(entry, list))


def _typefaces(reader: pypdf.PdfReader) -> set[str]:
    return {
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"].get("/Font", {}).values()
    }


def test_the_pdf_carries_of_its_typefaces_only_what_it_shows(written: Mapping[str, Path]) -> None:
    """Body and title in a serif, headings in a sans; a name with + is a subset. Whole, the two files take 20 MB."""
    for language in LANGUAGES:
        faces = _typefaces(pypdf.PdfReader(written[f"{language} pdf"]))
        assert {face.partition("+")[2].partition("-")[0] for face in faces} == {"NotoSerifSC", "NotoSansSC"}
        assert written[f"{language} pdf"].stat().st_size < 3_000_000


def test_a_table_that_goes_on_bears_its_caption_and_head_again(written: Mapping[str, Path]) -> None:
    pages = [page.extract_text() for page in pypdf.PdfReader(written["zh pdf"]).pages]
    going_on = [page for page in pages if "指标口径（续表）" in page]
    assert len(going_on) > 5
    assert all("指标 定义 计算与归期 依据" in page for page in going_on)
    notes = [line for page in pages for line in page.splitlines()[:1] if line.startswith("注：")]
    assert notes == [], "a note has left its table"


@pytest.mark.parametrize(
    ("rows", "note", "groups"),
    [
        (5, "", (5,)),
        (5, "A note that takes a line of its own. " * 12, (2, 1, 2)),
        (6, "", (3, 3)),
        (9, "", (3, 1, 1, 1, 3)),
        (1, "A note that takes a line of its own. " * 12, (1,)),
    ],
)
def test_a_short_table_stays_whole_and_a_long_one_goes_on(rows: int, note: str, groups: tuple[int, ...]) -> None:
    columns = (Column("Indicator", "left"), Column("Value"))
    table = Table("any", "Any", columns, ((Cell("Disputes"), Cell("12")),) * rows, (note,) if note else ())
    assert layout.groups(table) == groups


def test_a_reason_is_broken_over_a_few_lines_only(release: Release) -> None:
    """The column that says why a published figure and ours differ is as wide as its longest text asks for."""
    seen = facts(release, DISTRICT, "2025")
    for language in LANGUAGES:
        document = build(seen, language, letterhead(), list(compared(release, [seen.place.code])))
        [table] = [table for table in document.tables if table.id == "published"]
        width = layout.shares(table)[-1] - layout.PADDING_PT
        texts = [row[-1].text for row in table.rows]
        assert max(len(text) for text in texts) > 30
        assert max(ems(text) for text in texts) * layout.size(table) / width <= layout.LINES[-1], language


def test_no_word_or_number_is_wider_than_its_column(release: Release) -> None:
    seen = facts(release, DISTRICT, "2025")
    for language in LANGUAGES:
        for table in build(seen, language, letterhead(), []).tables:
            shares, points = layout.shares(table), layout.size(table)
            assert sum(shares) == pytest.approx(layout.TEXT_MM * 72 / 25.4), table.title
            for place, column in enumerate(table.columns):
                texts = [row[place].text for row in table.rows]
                whole = texts if column.side == "right" else [word for text in texts for word in layout.words(text)]
                widest = max(map(ems, [*whole, *layout.words(column.label)])) * points
                assert widest + layout.PADDING_PT <= shares[place] + 1e-6, (language, table.title, column.label)


def test_the_page_needs_nothing_from_elsewhere(written: Mapping[str, Path]) -> None:
    for language in LANGUAGES:
        text = written[f"{language} html"].read_text(encoding="utf-8")
        assert "<script" not in text and "src=" not in text and "@import" not in text and "url(" not in text
        assert text.count("<svg") == text.count("<title>") - 1 >= 2, "a title in the head and one in each chart"


@pytest.fixture(scope="module")
def pages(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Every review of the three areas and four kinds of period as a page, by its file's name."""
    folder = tmp_path_factory.mktemp("reviews")
    for period in PERIODS:
        areas = [DISTRICT, CITY, TOWN] if period != "2025" else [CITY, TOWN]
        write_reviews(release, period, areas, formats=["html"], languages=LANGUAGES, out=folder)
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.iterdir())}


def _told(page: str) -> str:
    """What a page says, a line each piece."""
    text = re.sub(r"<style>.*?</style>|<svg.*?>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", text))


def _cells(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'<t[dh] (?:scope="row" )?class="[a-z]+">([^<]*)<', page)]


def test_every_section_says_something(pages: Mapping[str, str]) -> None:
    assert len(pages) == 22
    for name, page in pages.items():
        sections = re.findall(r'<section id="(\w+)".*?</h2>(.*?)</section>', page, flags=re.DOTALL)
        held = [section.id for section in plan().sections if TOWN not in name or section.lowest_level == "township"]
        assert [section for section, _ in sections] == held, name
        empty = [section for section, body in sections if not re.search(r"<p>[^<]|<td", body)]
        assert empty == [], name


def test_a_town_has_no_figure_of_correction_and_says_so(pages: Mapping[str, str]) -> None:
    said = {
        "zh": "社区矫正与安置帮教、行政争议实质化解、应零发生事项只统计到区县",
        "en": "Counted by district at the finest",
    }
    for name in (name for name in pages if TOWN in name):
        assert 'id="correction"' not in pages[name], name
        assert "在册社区矫正对象" not in pages[name], name
        assert said[name[-7:-5]] in _section(pages[name], "coverage"), name


def test_a_district_tells_of_the_offices_of_its_city_too(written: Mapping[str, Path]) -> None:
    """Chongqing's offices report screening, petitions and the rest for all its districts."""
    told = _cells(_section(written["zh html"].read_text(encoding="utf-8"), "coverage"))
    tables = {
        "人民调解案件明细",
        "矛盾纠纷排查化解明细",
        "信访件明细",
        "行政复议案件明细",
        "社区矫正工作月报",
        "人口数",
    }
    assert tables <= set(told)


def test_a_percentage_of_few_cases_is_told_with_them_and_compared_with_none(pages: Mapping[str, str]) -> None:
    told = [text for name, page in pages.items() if name.endswith("-zh.html") for text in _paragraphs(page)]
    few = [found for text in told for found in re.findall(r"率[\d.]+%（(\d+)(?:件次?|人)中\d+[^，；。]*）(.?)", text)]
    assert few, "the town has some"
    assert all(int(cases) < 20 and after in "；。" for cases, after in few)


def test_categories_add_up_to_the_whole_in_both_years(written: Mapping[str, Path]) -> None:
    """What had cases the year before only has its row too."""
    page = written["zh html"].read_text(encoding="utf-8")
    for caption, label in (
        ("受理纠纷类型", "调解纠纷受理件数"),
        ("受理纠纷对接方式", "调解纠纷受理件数"),
        ("信访形式", "信访件次"),
    ):
        unit = "件次" if caption == "信访形式" else "件"
        assert f">本期（{unit}）</th>" in page.partition(f"{caption}</caption>")[2].partition("</tr>")[0], caption
        rows = re.findall(
            r'<tr><th scope="row".*?</tr>', page.partition(f"{caption}</caption>")[2].partition("</table>")[0]
        )
        whole = re.search(rf">{label}</th>.*?</tr>", page.partition("主要指标</caption>")[2], flags=re.DOTALL)
        assert whole
        _, now, before, *_ = _cells(whole[0])
        assert [sum(_read(_cells(row)[place]) for row in rows) for place in (1, 2)] == [_read(now), _read(before)], (
            caption
        )


def test_what_no_rows_can_count_is_reported_with_the_reason(release: Release, written: Mapping[str, Path]) -> None:
    rows = release.table("reconciliation").filter(pl.col("measure") == "petition_acceptance_due_reported")
    assert len(rows) > 0
    assert rows["reported"].null_count() == 0
    assert rows["counted"].null_count() == rows["unexplained"].null_count() == len(rows)
    section = _section(written["zh html"].read_text(encoding="utf-8"), "reconciliation")
    assert "应受理件次（上报口径）无统计数：信访件明细没有" in section


def test_no_cell_is_empty_and_no_change_reads_nought(pages: Mapping[str, str]) -> None:
    for name, page in pages.items():
        found = _cells(page)
        assert found and all(cell.strip() for cell in found), name
        assert not [cell for cell in found if re.fullmatch(r"[+−-]0(\.0+)?(百分点| pp)?", cell)], name
        assert "None" not in _told(page) and "nan" not in _told(page).split(), name


def test_chinese_is_chinese_and_english_is_english(pages: Mapping[str, str]) -> None:
    for name, page in pages.items():
        lines = _told(page).splitlines()
        if name.endswith("-en.html"):
            assert [line for line in lines if CHINESE.search(line)] == [], name
        else:
            assert [line for line in lines if re.search(r"[A-Za-z]{2}", LATIN.sub("", line))] == [], name


def _paragraphs(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<p>([^<]+)</p>", page)]


def test_nothing_is_said_of_nothing(pages: Mapping[str, str]) -> None:
    """No clause and no row on a count that is nought and was; no order among a handful of cases."""
    for name in (name for name in pages if name.endswith("-zh.html")):
        for text in _paragraphs(pages[name]):
            assert not re.search(r"(?<![\d,.])0(件|人|场|次|个|批)[^，；。]{0,2}，同比持平", text), (name, text)
            for told in re.findall(r"居前的是([^。]+)。", text):
                shares = re.findall(r"([\d,]+)件次?（占([\d.]+)%）", told)
                assert all(_read(count) / _read(share) * 100 > FEWEST_RANKED - 1 for count, share in shares), (
                    name,
                    told,
                )
        for row in re.findall(r'<tr><th scope="row".*?</tr>', pages[name]):
            _, unit, *values = _cells(row)
            assert unit == "%" or not {"0", "持平"} <= set(values) <= {"0", "持平", "—"}, (name, row)


def test_a_reported_figure_of_a_city_names_the_districts_it_is_of(pages: Mapping[str, str]) -> None:
    page = pages[f"review-2025-{CITY}-zh.html"]
    for caption in ("调解成功率各口径", "排查化解各口径", "信访时限（两个十五日与办结期限）"):
        below = page.partition(f"{caption}</caption>")[2].partition("<caption>")[0]
        assert "上报数只含有月报的地区：合川区。" in below, caption
    beside = page.partition("上报数与统计数对照</caption>")[2].partition("</table>")[0]
    assert set(re.findall(r'<th scope="row" class="left">([^<]*)<', beside)) == {"合川区"}


def test_what_only_forms_tell_names_the_districts_it_is_of(pages: Mapping[str, str]) -> None:
    page = pages[f"review-2025-{CITY}-zh.html"]
    below = page.partition("信访工作</caption>")[2].partition("<caption>")[0]
    [told] = re.findall(r"([^。]*)取自月报，只含有月报的地区：合川区。", below)
    assert "信访督办件数" in told and "信访件次" not in told


def test_no_district_is_held_against_a_city_that_is_itself_alone(written: Mapping[str, Path]) -> None:
    """The city's reported figures are those of its only district with forms."""
    page = written["zh html"].read_text(encoding="utf-8")
    table = page.partition("调解成功率各口径</caption>")[2].partition("</table>")[0]
    beside = re.findall(r'<th scope="col">([^<]*)', table).index("全市")
    rows = {found[0]: found for row in re.findall(r'<tr><th scope="row".*?</tr>', table) if (found := _cells(row))}
    assert rows["调解成功率（上报口径）"][beside] == "—"
    assert re.fullmatch(r"[\d.]+", rows["调解成功率"][beside])


def test_a_form_of_a_whole_district_reports_nothing_of_a_town(release: Release, pages: Mapping[str, str]) -> None:
    """Screening is reported by district, so that the form's nought of a town is none; mediation is reported by town."""
    seen = facts(release, TOWN, "2025")
    [nought] = release.figures(["screening_found_reported"], [TOWN], ["2025"])["value"]
    assert nought == 0 and seen.total("screening_found_reported") is None
    beside = pages[f"review-2025-{TOWN}-zh.html"].partition("上报数与统计数对照</caption>")[2].partition("</table>")[0]
    assert "调解纠纷受理件数" in beside and "矛盾纠纷排查件数" not in beside


def test_a_half_year_has_its_breakdowns_and_its_article(pages: Mapping[str, str]) -> None:
    for area in (DISTRICT, CITY):
        assert "受理纠纷类型</caption>" in pages[f"review-2025-H1-{area}-zh.html"], area
    assert "In the first half of 2025, " in _told(pages[f"review-2025-H1-{CITY}-en.html"])
    assert "Hechuan District, third quarter of 2025. " in _told(pages[f"review-2025-Q3-{DISTRICT}-en.html"])


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ((30, 20, 10, 5), ["甲30件", "乙20件", "丙10件"]),
        ((30, 20, 10, 10), ["甲30件", "乙20件"]),
        ((30, 10, 10, 10), []),
        ((9, 5, 3, 1), []),
        ((30, 20, 0, 0), []),
    ],
)
def test_only_what_is_larger_than_the_rest_is_said_to_lead(counts: Sequence[int], named: Sequence[str]) -> None:
    figures = [
        _figure(float(count), None)._replace(category=name) for name, count in zip("甲乙丙丁", counts, strict=True)
    ]
    rows = [(Words(zh=figure.category, en=figure.category), figure, None) for figure in figures]
    said = leading(cards()["mediation_accepted"], "dispute_type", rows, "zh")
    assert re.findall(r"[甲乙丙丁]\d+件", said) == list(named)


def test_a_town_is_named_with_its_district(pages: Mapping[str, str]) -> None:
    assert "<title>沙市区胜利街道2025年基层法治工作统计年报</title>" in pages[f"review-2025-{TOWN}-zh.html"]


def test_every_measure_word_is_that_of_its_card(pages: Mapping[str, str]) -> None:
    """In a Chinese sentence a count is followed by its own unit: 件次 for petition matters, 人次, 人, 个百分点."""
    for name in (name for name in pages if name.endswith("-zh.html")):
        text = _told(pages[name])
        assert not re.search(r"信访\d[\d,]*件(?!次)", text), name
        assert not re.search(r"(提高|下降|高|低)[\d.]+%", re.sub(r"、(增长|下降)[\d,.]+%", "", text)), name
        assert not re.search(r"\d百分点[，；。]", text), name
        assert not re.search(
            r"\d{1,3}(\.\d+)?万(?!元)", re.sub(r"[\d.]+万", lambda m: m[0] if float(m[0][:-1]) < 1 else "", text)
        )


def test_no_percentage_stands_on_a_small_base(release: Release, pages: Mapping[str, str]) -> None:
    for name, page in pages.items():
        for table in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL):
            heads = [html.unescape(head) for head in re.findall(r'<th scope="col">([^<]*)<', table)]
            growth = next((place for place, head in enumerate(heads) if head in ("同比增减（%）", "Change (%)")), None)
            if growth is None:
                continue
            before = next(place for place, head in enumerate(heads) if head in ("上年同期", "Year before"))
            for row in re.findall(r"<tr><th.*?</tr>", table):
                line = _cells(row)
                if len(line) == len(heads) and line[growth] not in ("—", "不足0.01", "under 0.01"):
                    assert _read(line[before]) >= 20, (name, line)


def test_a_month_stands_beside_january_to_its_end(pages: Mapping[str, str], release: Release) -> None:
    page = pages[f"review-2025-10-{DISTRICT}-zh.html"]
    row = release.figures("mediation_accepted", [DISTRICT], ["2025-01..2025-10"]).row(0, named=True)
    line = re.search(r">调解纠纷受理件数</th>.*?</tr>", page.partition("主要指标</caption>")[2])
    assert line and f">{row['value']:,.0f}<" in line[0]
    assert "1—10月累计" in page


def test_the_register_adds_up(written: Mapping[str, Path]) -> None:
    page = written["zh html"].read_text(encoding="utf-8")
    table = re.search(r"收支平衡表</caption>.*?</table>", page, flags=re.DOTALL)
    assert table
    names, values = _cells(table[0])[::2], [_read(cell) for cell in _cells(table[0])[1::2]]
    signs = {"期初": 1, "加：": 1, "减：": -1, "期末": -1}
    assert sum(signs[name[:2]] * value for name, value in zip(names, values, strict=True)) == 0


def test_reviews_of_all_districts_are_those_in_which_anything_was_counted(release: Release) -> None:
    chosen = districts(release, "2025")
    assert DISTRICT + "000000" in chosen
    assert len(chosen) > 20
    assert not [code for code in chosen if code[6:] != "000000"]


@pytest.fixture
def revised(release: Release, tmp_path: Path) -> Release:
    """The release as one that changed a figure of an earlier one."""
    folder = tmp_path / "2025-1.1"
    folder.mkdir()
    for path in release.folder.iterdir():
        if path.name != "changes.parquet":
            (folder / path.name).symlink_to(path)
    change = {
        "indicator": "mediation_accepted",
        "area_code": DISTRICT + "000000",
        "period": "2025",
        "breakdown": "total",
        "category": "total",
        "value_before": 770.0,
        "value_after": 776.0,
        "reason": "late_rows,corrected_up",
        "against": "2025-1.0",
    }
    pl.DataFrame([change]).write_parquet(folder / "changes.parquet")
    return Release(
        "2025-1.1", release.edition, folder, dict(release.metadata) | {"revisions": [{"against": "2025-1.0"}]}
    )


def _section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, flags=re.DOTALL)
    assert found, name
    return found[0]


def test_revisions_are_told_with_their_reasons(revised: Release, tmp_path: Path) -> None:
    [file] = write_reviews(revised, "2025", [DISTRICT], formats=["html"], out=tmp_path / "out")
    section = _section(file.read_text(encoding="utf-8"), "reconciliation")
    told = _cells(section.partition("较前次发布的修订</caption>")[2].partition("</table>")[0])
    assert told == ["调解纠纷受理件数", "770", "776", "补报、核增", "2025-1.0"]


def test_a_first_release_says_that_there_is_none_before(written: Mapping[str, Path]) -> None:
    assert "本期为首次发布" in _section(written["zh html"].read_text(encoding="utf-8"), "reconciliation")


def test_published_figures_are_those_of_the_period(written: Mapping[str, Path], pages: Mapping[str, str]) -> None:
    of_year = _section(written["zh html"].read_text(encoding="utf-8"), "reconciliation")
    assert "已公布数与本库数</caption>" in of_year and "报道（合川）" in of_year
    of_month = _section(pages[f"review-2025-10-{DISTRICT}-zh.html"], "reconciliation")
    assert "已公布数与本库数</caption>" not in of_month
    assert "没有登记合川区2025年10月已公布的可比数。" in of_month


@pytest.mark.parametrize(
    ("period", "published", "concerns"),
    [
        ("2025-10", "2025-10", True),
        ("2025-10", "2025-01..2025-10", True),
        ("2025-10", "2025", False),
        ("2025-10", "2022", False),
        ("2025-Q3", "2025-08", True),
        ("2025-Q3", "2025-H1", False),
        ("2025", "2022", True),
        ("2025", "2026", False),
        ("2025", "", True),
        ("2025-10", "", False),
    ],
)
def test_what_was_published_stands_beside_the_period_in_which_it_ends(
    release: Release, period: str, published: str, concerns: bool
) -> None:
    assert facts(release, DISTRICT, period).concerns(published) is concerns


def test_what_no_export_carries_is_said(pages: Mapping[str, str]) -> None:
    """A congress asks for the budget; no office hands in money spent or planned."""
    for language, said in (("zh", "没有经费数据"), ("en", "this annex has no budget")):
        assert said in _section(pages[f"review-2025-{CITY}-{language}.html"], "congress")


def test_differences_of_forms_and_rows_are_those_of_the_release(written: Mapping[str, Path], release: Release) -> None:
    rows = release.table("reconciliation").filter(
        pl.col("area_code") == DISTRICT + "000000",
        pl.col("month").dt.year() == 2025,
        pl.col("measure") == "screening_resolved",
    )
    sums = [int(rows[name].sum()) for name in ("reported", "counted", "late", "corrected", "refused", "unexplained")]
    section = _section(written["zh html"].read_text(encoding="utf-8"), "reconciliation")
    told = _cells(section.partition("差额说明</caption>")[2])
    place = told.index(release.table("measure_words").filter(measure="screening_resolved")["label_zh"][0])
    assert [_read(cell) for cell in told[place + 1 : place + 7]] == sums


def _template(path: Path, *lines: str) -> Path:
    made = docx.Document()
    for line in lines:
        made.add_paragraph(line)
    made.save(str(path))
    return path


def test_an_offices_own_template_is_filled(
    road: Road, tmp_path: Path, figures: Mapping[str, Mapping[str, Any]]
) -> None:
    template = _template(
        tmp_path / "office.docx",
        "某某区司法局",
        "{{ title }}",
        "受理{{ figures.mediation_accepted.value }}",
        "{{ content }}",
        "此页完",
    )
    words = ["--period", "2025", "--area", DISTRICT, "--formats", "docx", "--out", str(tmp_path / "out")]
    [file] = road.ask("review", *words, "--template", str(template))["files"]
    made = docx.Document(file)
    texts = [paragraph.text for paragraph in made.paragraphs]
    assert texts[:3] == [
        "某某区司法局",
        "合川区2025年基层法治工作统计年报",
        f"受理{figures['mediation_accepted']['value']:,.0f}件",
    ]
    assert texts[-1] == "此页完"
    assert "一、数据覆盖与质量" in texts
    assert len(made.tables) > 20


@pytest.mark.parametrize(
    ("line", "said"), [("{{ titel }}", "titel"), ("{{ figures.no_such.value }}", "no_such"), ("{{ title", "Fields are")]
)
def test_a_wrong_template_is_told(release: Release, tmp_path: Path, line: str, said: str) -> None:
    template = _template(tmp_path / "office.docx", line)
    with pytest.raises(UserError, match=said):
        write_reviews(release, "2025-10", [DISTRICT], formats=["docx"], template=template, out=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--period", "2026", "--area", DISTRICT), "2026"),
        (("--period", "2025-01..2025-10", "--area", DISTRICT), "2025-01..2025-10"),
        (("--period", "2025", "--area", "420000"), "neither a town nor a district nor a city"),
        (("--period", "2025", "--area", "999999"), "not an area"),
        (("--period", "2025", "--area", DISTRICT, "--formats", "odt"), "odt"),
        (("--period", "2025", "--area", DISTRICT, "--edition", "public"), "public"),
    ],
)
def test_what_no_review_is_made_of_is_told_in_a_sentence(road: Road, words: Sequence[str], said: str) -> None:
    done = road.fengqiao("review", *words)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_the_offices_lines_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "lines.yml"
    path.write_text('compiler: {zh: 某某, en: N. N.}\nnumber: {zh: "某统[2026]1号", en: "1"}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"lines\.yml, line 2: number"):
        letterhead(path)
    path.write_text('number: {zh: "某统〔2026〕12号", en: "No. 12 of 2026"}\nissued_on: 2026-02-10\n', encoding="utf-8")
    assert letterhead(path) == Letterhead(
        number={"zh": "某统〔2026〕12号", "en": "No. 12 of 2026"}, issued_on=date(2026, 2, 10)
    )


def test_the_offices_lines_stand_in_every_format(release: Release, tmp_path: Path) -> None:
    said = {
        "number": "某统〔2026〕3号",
        "classification": "内部资料",
        "office": "某某司法局",
        "compiler": "张某",
        "reviewer": "李某",
        "head": "王某",
        "copies_to": "某某委",
        "printed": "某某办公室",
    }
    lines = tmp_path / "lines.yml"
    words = "".join(f'{name}: {{zh: "{text}", en: "X"}}\n' for name, text in said.items())
    lines.write_text(f"{words}issued_on: 2026-02-10\n", encoding="utf-8")
    files = write_reviews(release, "2025-10", [TOWN], formats=FORMATS, letterhead=lines, out=tmp_path / "out")
    for file in files:
        text = READERS[file.suffix](file).replace("\n", "").replace(" ", "")
        assert [text.count(wanted) for wanted in (*said.values(), "2026年2月10日")] == [1] * 9, file.suffix


def _document_text(file: Path) -> str:
    made = docx.Document(str(file))
    cells_of = [cell.text for row in made.tables[0].rows for cell in dict.fromkeys(row.cells)]
    return "\n".join([*(paragraph.text for paragraph in made.paragraphs), *cells_of])


READERS: Mapping[str, Callable[[Path], str]] = {
    ".pdf": lambda file: "\n".join(page.extract_text() for page in pypdf.PdfReader(file).pages),
    ".docx": _document_text,
    ".xlsx": lambda file: "\n".join(
        str(cell) for row in openpyxl.load_workbook(file).worksheets[0].values for cell in row if cell is not None
    ),
    ".html": lambda file: _told(file.read_text(encoding="utf-8")),
}


def test_the_plan_names_cards_only() -> None:
    assert set(plan().indicators) <= cards().keys()


def test_every_statute_has_an_english_name() -> None:
    laws = {basis.text for card in cards().values() for basis in card.legal_basis}
    assert [law for law in sorted(laws) if CHINESE.search(wording.law(law, "en"))] == []
    assert wording.law("行政复议法第63至71条", "en") == "Administrative Reconsideration Law, art. 63–71"


@pytest.mark.parametrize(
    ("indicator", "language", "said"),
    [
        ("mediation_success_rate", "zh", ["人民调解法第28条、第29条（2010）"]),
        ("mediation_success_rate", "en", ["People's Mediation Law, arts. 28, 29 (2010)"]),
        ("reconsideration_decision_share", "en", ["Administrative Reconsideration Law, arts. 63–71, 73 (2023)"]),
        ("screening_found", "zh", ["信访工作条例第15条（2022）", "GB/T 31000-2015"]),
        ("mediation_confirmation_requested", "zh", ["人民调解法第33条（2010）", "民事诉讼法第205条（2023）"]),
    ],
)
def test_a_statute_is_named_once_with_its_articles(
    indicator: str, language: wording.Language, said: Sequence[str]
) -> None:
    assert wording.laws(cards()[indicator], language) == said


@pytest.mark.parametrize(
    ("indicator", "language", "head"),
    [
        ("mediation_accepted", "zh", "调解纠纷受理件数"),
        ("mediation_accepted_reported", "zh", "受理件数（上报口径）"),
        ("organisation_social_workers", "zh", "社会工作者数（本科以上，人）"),
        ("mediation_days_to_conclude_median", "zh", "调解用时中位数（天）"),
        ("petition_matters_reported", "en", "Petition matters as reported"),
        ("mediation_accepted", "en", "Disputes accepted for mediation (cases)"),
    ],
)
def test_a_head_says_its_unit_once(indicator: str, language: wording.Language, head: str) -> None:
    assert wording.label_with_unit(cards()[indicator], language) == head


def test_no_head_has_two_brackets_in_a_row() -> None:
    heads = [wording.label_with_unit(card, language) for card in cards().values() for language in LANGUAGES]
    assert [head for head in heads if re.search(r"[）)] ?[（(]", head)] == []


def test_a_label_counts_in_the_unit_of_its_card() -> None:
    """件数 are 件, 人数 are 人; 件次, 人次, 场次 and 批次 are themselves."""
    told = re.compile(r"(件次|人次|场次|批次|件|人|项|个|场|次)(?=数?(（.*）)?$)")
    others = {"petition_matters_per_10k", "service_publicity_per_10k"}  # whose unit is per 10,000 residents
    wrong = [
        (card.id, card.label.zh, units()[card.unit]["symbol_zh"])
        for card in cards().values()
        if card.id not in others and (found := told.search(card.label.zh))
        if found[1].removesuffix("次" if found[1] == "场次" else "") != units()[card.unit]["symbol_zh"]
    ]
    assert wrong == []


def _figure(
    value: float | None, before: float | None, percent: float | None = None, status: tuple[str, ...] = ()
) -> Figure:
    change = None if value is None or before is None or status else value - before
    return Figure(
        "any", "any", "2025", "total", "total", value, None, None, before, None, change, percent, None, status
    )


@pytest.mark.parametrize(
    ("figure", "indicator", "said"),
    [
        (_figure(95.804, 95.801), "mediation_success_rate", ("持平", "—")),
        (_figure(96.0, 95.5), "mediation_success_rate", ("+0.50百分点", "—")),
        (_figure(12.0, 15.0), "mediation_accepted", ("−3", "—")),
        (_figure(40_001.0, 40_000.0, 0.0025), "mediation_accepted", ("+1", "不足0.01")),
        (_figure(4_001.0, 4_000.0, 0.025), "mediation_accepted", ("+1", "+0.03")),
        (_figure(50.0, 40.0, status=("b",)), "mediation_accepted", ("不可比", "—")),
        (_figure(50.0, None), "mediation_accepted", ("—", "—")),
    ],
)
def test_changes_are_said_as_they_are_printed(figure: Figure, indicator: str, said: tuple[str, str]) -> None:
    card = cards()[indicator]
    assert (cells.difference(figure, card, "zh").text, cells.growth(figure, card, "zh").text) == said


@pytest.mark.parametrize(
    ("indicator", "value", "said"),
    [
        ("mediation_concluded", 776, "调解办结776件"),
        ("petition_matters", 24, "信访24件次"),
        ("petition_persons", 26, "信访26人次"),
        ("correction_caseload", 481, "在册社区矫正对象481人"),
        ("mediation_escalated", 2, "民转刑案件2件"),
        ("organisation_mediators_per_10k", 20.28, "每万人人民调解员20.28人"),
        ("service_publicity_attendances", 12_345, "普法宣传参加1.23万人次"),
        ("mediation_success_rate", 99.742, "调解成功率99.74%"),
    ],
)
def test_a_count_is_said_with_one_measure_word(indicator: str, value: float, said: str) -> None:
    card = cards()[indicator]
    assert wording.counted_label(card, "zh") + wording.counted_value(value, card, "zh") == said


def test_every_count_is_said_with_the_unit_of_its_card() -> None:
    for card in cards().values():
        unit = units()[card.unit]["symbol_zh"]
        if card.kind in ("count", "stock") and card.unit != "percent":
            said = wording.counted_label(card, "zh") + wording.counted_value(3.0, card, "zh")
            assert said.endswith(unit), said
            assert not re.search(r"(件数|人数|次数|场次|人次|件次|(?<![案事])件|人|场|个|项)3", said), said


def test_sections_are_counted_in_chinese() -> None:
    assert [ordinal(number, "zh") for number in (1, 10, 11, 20, 21)] == ["一、", "十、", "十一、", "二十、", "二十一、"]


@pytest.fixture
def own_typefaces(tmp_path: Path) -> Path:
    """A folder with an office's 仿宋, which holds the character 年 alone, and its 黑体, which holds 一 alone."""
    folder = tmp_path / "typefaces"
    folder.mkdir()
    source = Path(str(find_spec("pylopdf_fonts_zh_cn").origin)).parent  # type: ignore[union-attr]
    for family, file, characters in (
        ("FangSong", "NotoSerifSC-Regular.otf", "年"),
        ("SimHei", "NotoSansSC-Regular.otf", "一"),
    ):
        with TTFont(source / file, lazy=True) as font:
            few = subset.Subsetter(subset.Options(name_IDs=[1, 2, 4, 6]))
            few.populate(text=characters)
            few.subset(font)
            for record in font["name"].names:
                record.string = family if record.nameID != 2 else "Regular"
            font["CFF "].cff.fontNames[0] = family
            font.save(folder / f"{family}.otf")
    return folder


def test_an_offices_own_typefaces_are_taken_for_what_the_standard_names(
    release: Release, own_typefaces: Path, tmp_path: Path
) -> None:
    [file] = write_reviews(release, "2025-10", [TOWN], formats=["pdf"], fonts=own_typefaces, out=tmp_path / "out")
    faces = {face.partition("+")[2].partition("-")[0] for face in _typefaces(pypdf.PdfReader(file))}
    assert faces == {"FangSong", "SimHei", "NotoSerifSC", "NotoSansSC"}


def test_a_folder_of_typefaces_holds_typefaces(release: Release, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no font file"):
        write_reviews(release, "2025-10", [DISTRICT], formats=["pdf"], fonts=tmp_path, out=tmp_path / "out")
