"""The bulletin: what its pages say is what the release says, and any reader, browser or printer can take them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import etree
from playwright.sync_api import Browser, expect, sync_playwright

from dashboards import wording
from dashboards.bulletin import write_bulletin
from dashboards.release_reader import Release
from dashboards.wording import Figure
from pipelines.catalogue import NOT_ASSIGNED, cards, padded, publication_plan
from tests.conftest import Road
from tests.offices import Office, built_house

LARGEST = 200_000  # bytes
WIDE, NARROW = 1440, 390
LANGUAGES = {"zh": "zh-CN", "en": "en"}
SAMPLE = (
    *("index.html", "areas/420500.html", "areas/420583.html", "indicators/mediation_success_rate.html"),
    *("indicators/mediation_channel_share.html", "indicators.html", "glossary.html", "contact.html"),
    *("downloads.html", "corrections.html"),
)
SAMPLE_FOR_AXE = ("index.html", "areas/420583.html", "indicators/reconsideration_decision_share.html", "contact.html")
# What the pages are made of, with the attributes that HTML gives each; anything else would be a slip.
GLOBAL = {"class", "id", "lang", "aria-label", "aria-hidden", "aria-current", "role"}
DRAWN = {"fill", "stroke", "x", "y", "x1", "x2", "y1", "y2", "width", "height"}
PLAIN = {
    *("html", "head", "title", "body", "header", "main", "footer", "nav", "section", "h1", "h2", "h3", "p", "b"),
    *("ul", "ol", "li", "dl", "div", "dt", "dd", "blockquote", "span", "code"),
    *("table", "caption", "thead", "tbody", "tr", "td", "desc"),
}
ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "hreflang"},
    "link": {"rel", "href", "hreflang"},
    "meta": {"charset", "name", "content"},
    "th": {"scope"},
    "svg": {"viewBox", "preserveAspectRatio", "aria-labelledby", "aria-describedby", "font-size", *DRAWN},
    "text": {"dy", "text-anchor", *DRAWN},
    "line": DRAWN,
    "rect": DRAWN,
    "circle": {"cx", "cy", "r", "fill"},
    "polyline": {"points", "stroke-width", "stroke-linejoin", *DRAWN},
}
TABLES_OF_A_PUBLIC_EDITION = ("figures", "areas", "periods", "categories", "breaks")
TREE = """() => {
  const tree = node => [
    node.localName,
    [...node.attributes].map(one => [one.name, one.value]).sort(),
    [...node.childNodes].filter(one => one.nodeType === 3).map(one => one.data.trim()).join(""),
    [...node.children].map(tree),
  ];
  return tree(document.documentElement);
}"""


@pytest.fixture(scope="module")
def site(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a site that the command line wrote, and in it the bulletin of the road's release."""
    root = tmp_path_factory.mktemp("site")
    said = road.ask("bulletin", "--edition", "internal", "--out", str(root))
    assert said["folder"] == str(root / road.release.name)
    return root


@pytest.fixture(scope="module")
def bulletin(site: Path, road: Road) -> Path:
    return site / road.release.name


@pytest.fixture(scope="module")
def pages(bulletin: Path) -> dict[str, etree._Element]:
    """Every page by its path, read as strict XML: not one tag left open or wrongly nested."""
    paths = sorted(bulletin.rglob("*.html"))
    return {path.relative_to(bulletin).as_posix(): etree.fromstring(path.read_bytes()) for path in paths}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "These tests need Chromium: `make test` installs it."
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def public_site(public_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bulletin of the public release, written where nothing but its folder is."""
    copied = tmp_path_factory.mktemp("alone") / public_release.name
    shutil.copytree(public_release, copied)
    folder = tmp_path_factory.mktemp("public") / public_release.name
    for path in (*copied.glob("csv/*.csv"), *copied.glob("*.xlsx")):
        offered = folder / "data" / path.relative_to(copied)
        offered.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, offered)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGQIAO_DATA", str(copied.with_name("nowhere")))
        patch.setenv("FENGQIAO_KEYS", str(copied.with_name("none")))
        write_bulletin(_release(copied), folder)
    return folder


@pytest.fixture(scope="module")
def public_bulletin(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by the command line, on the data folder that holds the exact counts."""
    return Path(
        road.ask("bulletin", "--edition", "public", "--out", str(tmp_path_factory.mktemp("by_command")))["folder"]
    )


def _release(folder: Path) -> Release:
    about = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    return Release(about["release_id"], about["edition"], folder, about)


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _sentence(page: etree._Element) -> str:
    return _text(page.find(".//blockquote"))


def test_every_page_is_small_and_asks_nothing_of_script_or_stranger(
    pages: dict[str, etree._Element], bulletin: Path
) -> None:
    assert len(pages) > 400
    for path, page in pages.items():
        assert (bulletin / path).stat().st_size < LARGEST, path
        for link in page.iter("link"):
            if link.get("rel") == "stylesheet":
                assert not urlsplit(link.get("href")).scheme, path
    assert "@import" not in (bulletin / "style.css").read_text() and "url(" not in (bulletin / "style.css").read_text()


def test_pages_are_made_of_known_elements_and_attributes(pages: dict[str, etree._Element]) -> None:
    for path, page in pages.items():
        ids = [element.get("id") for element in page.iter() if element.get("id")]
        assert len(ids) == len(set(ids)), path
        for element in page.iter():
            assert element.tag in PLAIN | ATTRIBUTES.keys(), f"{path}: {element.tag}"
            unknown = set(element.attrib) - ATTRIBUTES.get(element.tag, set()) - GLOBAL
            assert not unknown, f"{path}: {element.tag} {unknown}"


def test_every_page_has_one_heading_one_sentence_and_its_other_language(pages: dict[str, etree._Element]) -> None:
    for path, page in pages.items():
        language = "en" if path.startswith("en/") else "zh"
        assert page.get("lang") == LANGUAGES[language], path
        assert len(list(page.iter("h1"))) == len(list(page.iter("blockquote"))) == 1, path
        sentence = _sentence(page)
        assert sentence.endswith("。" if language == "zh" else "."), path
        assert page.find(".//meta[@name='description']").get("content") == sentence
        other = path.removeprefix("en/") if language == "en" else f"en/{path}"
        link = page.find(".//p[@class='language']/a").get("href")
        assert normpath(join(dirname(path), link)) == other and other in pages, path


def test_every_link_of_the_site_leads_somewhere(site: Path, bulletin: Path, pages: dict[str, etree._Element]) -> None:
    ids = {path: {element.get("id") for element in page.iter()} for path, page in pages.items()}
    front = {f"../{path}": etree.fromstring((site / path).read_bytes()) for path in ("index.html", "en/index.html")}
    for path, page in {**pages, **front}.items():
        for link in (element.get("href") for element in page.iter("a")):
            target, _, fragment = link.partition("#")
            place = normpath(join(dirname(path), target)) if target else path
            assert (bulletin / place).is_file(), f"{path}: {link}"
            assert not fragment or fragment in ids[place], f"{path}: {link}"


def test_addresses_stay_and_the_map_names_every_page(road: Road, house: Office, tmp_path: Path) -> None:
    release = _release((house.data / "releases" / "internal" / "current").resolve())
    written = write_bulletin(release, tmp_path)
    root = f"{release.metadata['bulletin_address']}/{release.id}/"
    mapped = [element.text for element in etree.parse(tmp_path / "sitemap.xml").iter("{*}loc")]
    paths = sorted(path.relative_to(tmp_path).as_posix() for path in written if path.suffix == ".html")
    assert mapped == [root + path for path in paths]
    for path in paths:
        page = etree.parse(tmp_path / path)
        assert page.find(".//link[@rel='canonical']").get("href") == root + path
        alternates = {link.get("hreflang"): link.get("href") for link in page.findall(".//link[@rel='alternate']")}
        bare = path.removeprefix("en/")
        assert alternates == {"zh-CN": root + bare, "en": f"{root}en/{bare}"}
    assert {"areas/500000.html", "areas/500117.html", "indicators/mediation_accepted.html"} <= set(paths)


def test_pages_of_a_release_of_many_cities_stay_small(road: Road, tmp_path: Path) -> None:
    """Every city and district of the area table filled like the demo's largest: an indicator gets a page a city."""
    chosen = ("mediation_accepted", "mediation_success_rate", "mediation_type_share")
    folder = tmp_path / "release"
    folder.mkdir()
    for name in ("areas", "periods", "categories", "breaks"):
        shutil.copyfile(road.release / f"{name}.parquet", folder / f"{name}.parquet")
    held = [
        card for card in json.loads((road.release / "cards.json").read_text(encoding="utf-8")) if card["id"] in chosen
    ]
    (folder / "cards.json").write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8")
    (folder / "release.json").write_bytes((road.release / "release.json").read_bytes())
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(pl.col("indicator").is_in(chosen)).collect()
    areas = pl.read_parquet(folder / "areas.parquet").select("level", code="area_code")
    models = pl.DataFrame({"level": ["city", "district"], "area_code": [padded("500000"), padded("500117")]})
    alike = areas.join(models, on="level").join(figures, on="area_code").with_columns(area_code="code")
    alike.select(figures.columns).write_parquet(folder / "figures.parquet")
    written = [path for path in write_bulletin(_release(folder), tmp_path / "site") if path.suffix == ".html"]
    assert len(written) > 600
    assert [path.name for path in written if path.stat().st_size >= LARGEST] == []
    page = etree.parse(tmp_path / "site" / "indicators" / "mediation_success_rate" / "420500.html")
    assert _sentence(page.getroot()).startswith("2025年，宜昌市调解成功率")
    links = {
        link.get("href")
        for link in etree.parse(tmp_path / "site" / "indicators" / "mediation_success_rate.html").iter("a")
    }
    assert {"mediation_success_rate/420500.html", "mediation_success_rate/433100.html"} <= links


def test_latest_is_the_published_release(site: Path, road: Road) -> None:
    assert (site / "latest").readlink() == Path(road.release.name)
    assert (site / "latest" / "index.html").is_file()


def test_a_second_run_writes_the_same_bytes(house: Office, tmp_path: Path) -> None:
    """By two processes, which hash in another order."""
    made = []
    for name in ("first", "second"):
        office = Road(house.data, house.data.with_name("keys"), (), house.data, {})
        office.ask("bulletin", "--edition", "internal", "--out", str(tmp_path / name))
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        made.append({path.relative_to(tmp_path / name).as_posix(): path.read_bytes() for path in files})
    assert made[0] == made[1] and len(made[0]) > 400


def test_the_sentence_of_every_area_is_true_of_its_figures(road: Road, pages: dict[str, etree._Element]) -> None:
    names = ["mediation_accepted", "mediation_success_rate"]
    rows = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("indicator").is_in(names), pl.col("breakdown") == "total", pl.col("period") == "2025"
    )
    figures = {(row["indicator"], row["area_code"]): row for row in rows.collect().to_dicts()}
    seen = 0
    for path, page in pages.items():
        if not path.startswith("areas/"):
            continue
        code = padded(path.removeprefix("areas/").removesuffix(".html"))
        accepted, rate = (figures[name, code] for name in names)
        sentence = _sentence(page)
        assert f"受理纠纷{accepted['value']:.0f}件" in sentence.replace(",", ""), path
        assert _said_change(sentence.split("；")[0], "增加", "减少") == _direction(accepted["change_on_year"]), path
        if rate["value"] is None:
            assert "调解成功率" not in sentence
            continue
        of_rate = sentence.split("；")[1]
        assert f"调解成功率{wording.rounded(rate['value'], 2)}%" in of_rate, path
        way = _direction(rate["change_on_year"])
        assert _said_change(of_rate, "提高", "下降") == way, path
        word = {"up": "改善", "down": "恶化", "flat": "持平", None: "无法判断"}[way]
        is_known = rate["value_year_before"] is not None
        assert (word in of_rate) == is_known, path
        seen += 1
    assert seen >= 40


CITIES = {"十堰市": "420300", "宜昌市": "420500", "荆州市": "421000", "湘潭市": "430300", "重庆市": "500000"}


def test_public_sentences_of_indicators_are_true_of_the_exact_data_within_their_noise(
    road: Road, public_site: Path
) -> None:
    """Of every city named: a count lies less than two bases away (whole less rest), a band less than that in percent."""
    rows = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("breakdown") == "total", pl.col("period") == "2025"
    )
    columns = ("indicator", "area_code", "value", "denominator")
    exact = {row[:2]: row[2:] for row in rows.select(columns).collect().iter_rows()}
    seen = {"": 0, "%": 0, "%以上": 0}
    for path in sorted((public_site / "indicators").glob("*.html")):
        said = _sentence(etree.parse(path).getroot())
        for name, number, unit in re.findall(r"(\w\w市)([\d,.]+)(%以上|%|)", said):
            if (at := (path.stem, padded(CITIES[name]))) not in exact:
                continue
            value, denominator = exact[at]
            base = 10 if cards()[path.stem].unit == "person" else 5
            noise = 2 * base if not unit else 100 * 2 * base / denominator + 0.5
            shown = float(number.replace(",", ""))
            assert value > shown - noise if unit == "%以上" else abs(value - shown) < noise, (path.stem, name)
            seen[unit] += 1
    assert seen[""] > 20
    assert seen["%"] + seen["%以上"] > 0


def _differing(site: Path, alone: Path) -> set[str]:
    """Files that one of two sites has otherwise, or not at all."""
    names = {path.relative_to(held).as_posix() for held in (site, alone) for path in held.rglob("*") if path.is_file()}
    return {name for name in names if not _is_alike(site / name, alone / name)}


def _is_alike(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def test_every_byte_of_the_public_bulletin_follows_from_the_published_folder(
    public_bulletin: Path, public_site: Path
) -> None:
    """Texts, attributes and coordinates are the same where no exact count is within reach."""
    assert len(list(public_bulletin.rglob("*.html"))) > 100
    assert _differing(public_bulletin, public_site) == set()


def test_no_line_of_a_public_page_is_drawn_of_what_is_mostly_rounding(public_site: Path) -> None:
    """A district of a score of cases a year has 0, 5 or 10 in a month by chance alone: its years are drawn, or its quarters."""
    month, quarter, year = (wording.say(f"bulletin.{kind}", "zh") for kind in ("month", "quarter", "year"))
    tables = {month: 0, quarter: 0, year: 0}
    for path in sorted((public_site / "areas").glob("*.html")):
        for table in etree.parse(path).getroot().iter("table"):
            head = _text(table.find("thead/tr")[0])
            cells = [_text(cell) for row in table.find("tbody") for cell in row[1:]]
            counts = (re.fullmatch(r"([\d,]+)( \[\w\])*", cell) for cell in cells)
            values = sorted(int(count[1].replace(",", "")) for count in counts if count)
            if head in tables and not any("%" in cell for cell in cells):
                tables[head] += 1
                assert head == year or not values or values[len(values) // 2] >= 10, path.name
    assert min(tables.values()) > 0, tables


def test_every_file_for_download_is_named_in_words(public_site: Path) -> None:
    for path in ("downloads.html", "en/downloads.html"):
        page = etree.parse(public_site / path).getroot()
        names = {link.get("href").rpartition("/")[2]: _text(link) for link in page.find("body/main").iter("a")}
        files = {name: said for name, said in names.items() if name.endswith(".csv")}
        assert len(files) > 10
        assert not [name for name, said in files.items() if name in said]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("areas/420500.html", "</blockquote>", "1237</blockquote>"),
        ("areas/420500.html", "<table", '<table aria-label="1237"'),
        ("areas/420500.html", "</body>", "<!-- 1237 --></body>"),
        ("en/areas/420500.html", "</head>", '<script type="application/ld+json">{"n": 1237}</script></head>'),
        ("areas/420500.html", 'points="', 'points="12.37,4 '),
        ("areas/420500.html", "<svg", "<svg data-n='1237'"),
        ("indicators/mediation_accepted.html", "</title>", " 1237</title>"),
        ("style.css", "body", "/* 1237 */ body"),
        ("sitemap.xml", "<url>", "<!-- 1237 --><url>"),
        ("data/csv/mediation_accepted.csv", ",total,", ",total,1237,"),
    ],
)
def test_one_exact_value_is_found_wherever_it_lies(
    name: str, before: str, after: str, public_bulletin: Path, public_site: Path, tmp_path: Path
) -> None:
    copied = tmp_path / name
    copied.parent.mkdir(parents=True, exist_ok=True)
    content = (public_bulletin / name).read_text(encoding="utf-8")
    assert before in content
    assert _is_alike(public_bulletin / name, public_site / name)
    copied.write_text(content.replace(before, after, 1), encoding="utf-8")
    assert not _is_alike(copied, public_site / name)


def test_public_pages_hold_published_counts_only(public_site: Path) -> None:
    """Every whole number in a cell of a table, a change among them, is a multiple of the base, on every page in both languages."""
    seen = 0
    for path in sorted(public_site.rglob("*.html")):
        for cell in etree.parse(path).getroot().iter("td"):
            if said := re.fullmatch(r"[+−-]?(\d[\d,]*)( \[\w\])*", _text(cell)):
                assert int(said[1].replace(",", "")) % 5 == 0, (path, _text(cell))
                seen += 1
    assert seen > 5000


def test_a_breakdown_of_which_nothing_is_shown_is_a_sentence(public_release: Path, public_site: Path) -> None:
    """No list of marks in place of figures."""
    figures = pl.read_parquet(public_release / "figures.parquet")
    types = figures.filter(pl.col("indicator") == "mediation_accepted", pl.col("breakdown") == "dispute_type")
    types = types.filter(pl.col("area_level") == "district", pl.col("period").is_in(["2024", "2025"]))
    hidden = types.group_by("area_code").agg(pl.col("value").is_null().all()).filter("value")["area_code"]
    assert len(hidden) > 0
    for code in hidden:
        if code.endswith("999000000"):
            continue
        page = etree.parse(public_site / "areas" / f"{code[:6]}.html").getroot()
        section = next(s for s in page.iter("section") if s.findtext("h2") == "纠纷类型")
        assert section.find(".//table") is None
        assert "不公布此项细分" in _text(section)


def _direction(change: float | None) -> str | None:
    return None if change is None else "flat" if abs(change) < 0.005 else "up" if change > 0 else "down"


def _said_change(text: str, up: str, down: str) -> str | None:
    return "up" if up in text else "down" if down in text else "flat" if "持平" in text else None


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_show_the_figures_of_the_release(road: Road, pages: dict[str, etree._Element], language: str) -> None:
    """Every row of an indicator's areas, in both languages, against the release's own table."""
    card = cards()["petition_on_time_rate"]
    path = f"indicators/{card.id}.html"
    page = pages[path if language == "zh" else f"en/{path}"]
    areas = pl.read_parquet(road.release / "areas.parquet")
    named = {
        name: code
        for code, name in areas.select("area_code", f"name_{language}").iter_rows()
        if not code.endswith(NOT_ASSIGNED)
    }
    figures = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("indicator") == card.id, pl.col("breakdown") == "total", pl.col("period") == "2025"
    )
    by_area = {row["area_code"]: row for row in figures.collect().to_dicts()}
    rows = [
        [_text(cell) for cell in row]
        for table in page.iter("table")
        if table.get("class") == "compared"
        for row in table.find("tbody")
    ]
    shown = {named[row[0]]: row for row in rows if row[0] in named}
    assert len(shown) >= 40
    for code, (_, base, value, _, _) in shown.items():
        figure = by_area[code]
        assert base == f"{figure['denominator']:,}"
        marks = "".join(f"[{mark}]" for mark in figure["status"].split(",") if mark)
        number = (
            ""
            if figure["value"] is None
            else f"{wording.rounded(figure['value'], card.decimals if figure['value'] else 0)}%"
        )
        assert value == " ".join(part for part in (number, marks) if part)


def test_nothing_finer_than_what_is_shown_is_in_the_markup(pages: dict[str, etree._Element]) -> None:
    finest = max(card.decimals for card in cards().values())
    too_fine = re.compile(rf"\d\.\d{{{finest + 1},}}")
    for path, page in pages.items():
        assert not too_fine.search(etree.tostring(page, encoding="unicode")), path
        for drawn in page.iter("svg"):
            for element in drawn.iter():
                where = " ".join(
                    value for name, value in element.attrib.items() if name in DRAWN | {"points", "cx", "cy"}
                )
                assert not re.search(r"\.\d\d", where), path


@pytest.fixture
def public(house: Office, tmp_path: Path) -> Path:
    """A data folder whose public edition is the house's release, cut down to what such an edition has, some cells hidden."""
    origin = (house.data / "releases" / "internal" / "current").resolve()
    folder = tmp_path / "data" / "releases" / "public" / origin.name
    folder.mkdir(parents=True)
    for name in TABLES_OF_A_PUBLIC_EDITION:
        (folder / f"{name}.parquet").write_bytes((origin / f"{name}.parquet").read_bytes())
    for name in ("cards.json", "release.json", "indicators.parquet"):
        (folder / name).write_bytes((origin / name).read_bytes())
    about = json.loads((folder / "release.json").read_text(encoding="utf-8")) | {"edition": "public"}
    about["reasons"] = {"revision": {"zh": "修订", "en": "revision"}}
    (folder / "release.json").write_text(json.dumps(about), encoding="utf-8")
    hidden = (pl.col("indicator") == "mediation_accepted") & (pl.col("area_code") == padded("500117"))
    numbers = [name for name, kind in pl.read_parquet_schema(folder / "figures.parquet").items() if kind.is_numeric()]
    figures = pl.read_parquet(folder / "figures.parquet").with_columns(
        *(pl.when(hidden).then(None).otherwise(pl.col(name)).alias(name) for name in numbers),
        status=pl.when(hidden).then(pl.lit("c")).otherwise("status"),
    )
    figures.write_parquet(folder / "figures.parquet")
    changed = {
        "indicator": "mediation_concluded",
        "area_code": padded("500000"),
        "period": "2025-03",
        "breakdown": "total",
    }
    revised = {"value_before": 15.0, "value_after": 20.0, "reason": "revision", "against": "2025-04-1.0"}
    pl.DataFrame([changed | {"category": "total"} | revised]).write_parquet(folder / "changes.parquet")
    (folder.parent / "current").symlink_to(folder.name)
    return tmp_path / "data"


def test_a_public_release_needs_no_more_than_it_may_hold(public: Path, house: Office) -> None:
    """No ranks, senders or quality records to read; a hidden figure says so in every place, and nothing is drawn of it."""
    office = Road(public, house.data.with_name("keys"), (), public, {})
    said = office.ask("bulletin")
    folder = public / "documents" / "bulletin" / said["release"]
    assert said["folder"] == str(folder)
    page = etree.fromstring((folder / "areas" / "500117.html").read_bytes())
    assert "不公布" in _sentence(page)
    assert page.find(".//p[@class='warning']") is None and page.find(".//meta[@name='robots']") is None
    assert "合计可能不等于分项之和" in _text(page.find(".//footer"))
    accepted = next(row for row in page.iter("tr") if "调解纠纷受理件数" in _text(row))
    assert [_text(cell) for cell in accepted][-2:] == ["[c]", "—"]
    assert "调解纠纷受理件数" not in {svg.findtext("title") for svg in page.iter("svg")}


def test_public_sentences_are_true_of_the_exact_data_within_their_noise(road: Road, public_site: Path) -> None:
    """Of every district, city and province: counts lie less than a base from the exact ones, rates less than what two bases
    are in percent; what is called more or better is more or better."""
    base = publication_plan().tables["mediation_totals"].base
    rows = pl.scan_parquet(road.release / "figures.parquet").filter(
        pl.col("indicator").is_in(["mediation_accepted", "mediation_success_rate"]),
        pl.col("breakdown") == "total",
        pl.col("period").is_in(["2024", "2025"]),
    )
    columns = ("indicator", "area_code", "period", "value", "denominator")
    exact = {row[:3]: row[3:] for row in rows.select(columns).collect().iter_rows()}
    counts, rates = 0, 0
    for path in sorted((public_site / "areas").glob("*.html")):
        sentence, area = _sentence(etree.parse(path).getroot()), padded(path.stem)
        if said := re.search(r"受理纠纷([\d,]+)件(?P<change>[^；。]*)", sentence):
            now, before = (exact["mediation_accepted", area, year][0] for year in ("2025", "2024"))
            assert abs(int(said[1].replace(",", "")) - now) < base, path.stem
            assert "增加" not in said["change"] or now > before, path.stem
            assert "减少" not in said["change"] or now < before, path.stem
            counts += 1
        if said := re.search(r"调解成功率([\d.]+)%(?P<band>以上|以下)?(?P<change>[^；。]*)", sentence):
            now, cases = exact["mediation_success_rate", area, "2025"]
            before, noise = exact["mediation_success_rate", area, "2024"][0], 100 * 2 * base / cases + 0.5
            assert now > float(said[1]) - noise if said["band"] == "以上" else abs(now - float(said[1])) < noise, (
                path.stem
            )
            assert "改善" not in said["change"] or now > before, path.stem
            assert "恶化" not in said["change"] or now < before, path.stem
            rates += 1
    assert counts >= 40
    assert rates > 3


def test_a_revised_figure_is_listed_with_what_it_was(public: Path, tmp_path: Path) -> None:
    release = _release((public / "releases" / "public" / "current").resolve())
    write_bulletin(release, tmp_path / "site")
    page = etree.fromstring((tmp_path / "site" / "corrections.html").read_bytes())
    assert _sentence(page) == f"发布 {release.id}修订了1个数字。"
    [row] = page.find(".//table/tbody")
    assert [_text(cell) for cell in row] == ["调解办结件数", "重庆市", "2025年3月", "15", "20", "修订"]


def _public_figure(**said: Any) -> Figure:
    """A figure as a public edition gives it: its decimals are said, and no change without a word for it."""
    given = dict.fromkeys(Figure._fields) | {"status": (), "decimals": 0, "breakdown": "total", "category": "total"}
    return Figure(**(given | said))


def test_a_band_stands_where_a_rate_would_betray_the_rest() -> None:
    card = cards()["mediation_success_rate"]
    figure = _public_figure(status=("c",), band="at_least", low=95.0, high=100.0)
    assert [wording.cell(figure, card, language) for language in ("zh", "en")] == ["95%以上", "95% or more"]
    sentence = wording.figure_sentence("宜昌市", card, figure, figure, "2025", "zh")
    assert sentence == "2025年，宜昌市调解成功率95%以上。"
    days = _public_figure(status=("c", "p"), band="16-30", low=16.0, high=30.0)
    assert wording.cell(days, cards()["mediation_days_to_conclude_p90"], "zh") == "16—30 [p]"
    withheld = _public_figure(status=("c",))
    assert wording.cell(withheld, card, "zh") == "[c]"
    assert wording.figure_sentence("宜昌市", card, withheld, None, "2025", "zh") == "2025年，宜昌市调解成功率：不公布。"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("cannot_tell", "2025年，宜昌市调解成功率90%，与上年同期相比增减无法判断。"),
        ("improved", "2025年，宜昌市调解成功率90%，同比提高3个百分点（改善）。"),
        ("worsened", "2025年，宜昌市调解成功率90%，同比提高3个百分点（恶化）。"),
        (None, "2025年，宜昌市调解成功率90%。"),
    ],
)
def test_a_change_within_the_noise_is_called_so(word: str | None, said: str) -> None:
    """The word is the release's own; without one there is no change to speak of."""
    change = {"change_on_year": 3.0, "value_year_before": 87.0} if word else {}
    now, before = _public_figure(value=90.0, change_word=word, **change), _public_figure(value=87.0)
    card = cards()["mediation_success_rate"]
    assert wording.figure_sentence("宜昌市", card, now, before, "2025", "zh") == said


def test_the_internal_edition_says_on_every_page_that_it_is(pages: dict[str, etree._Element]) -> None:
    for path, page in pages.items():
        assert page.find(".//p[@class='warning']") is not None, path
        assert page.find(".//meta[@name='robots']").get("content") == "noindex", path


def test_without_a_release_the_command_says_what_to_do(tmp_path: Path) -> None:
    done = Road(tmp_path, tmp_path / "keys", (), tmp_path, {}).fengqiao("bulletin", "--edition", "internal")
    assert done.returncode == 2
    assert "Run `fengqiao release`" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_browsers_read_the_very_tree_that_was_written(bulletin: Path, browser: Browser, language: str) -> None:
    """What HTML's own parser makes of a page is what strict XML makes of it: nothing had to be mended."""
    page = browser.new_page()
    for path in SAMPLE:
        place = bulletin / (path if language == "zh" else f"{language}/{path}")
        page.goto(place.as_uri())
        assert page.evaluate(TREE) == _tree(etree.fromstring(place.read_bytes())), path
    page.close()


def _tree(element: etree._Element) -> list[Any]:
    text = "".join((part or "").strip() for part in (element.text, *(child.tail for child in element)))
    return [
        element.tag,
        sorted([list(pair) for pair in element.attrib.items()]),
        text,
        [_tree(child) for child in element],
    ]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_fit_their_window(bulletin: Path, browser: Browser, language: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    for path in SAMPLE:
        page.goto((bulletin / (path if language == "zh" else f"{language}/{path}")).as_uri())
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{path} scrolls sideways by {beyond} px at {width} px"
    page.close()


@pytest.mark.parametrize(("language", "width"), [("zh", NARROW), ("en", WIDE)])
def test_pages_are_clean_to_axe(bulletin: Path, public_site: Path, browser: Browser, language: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    for site, path in [*((bulletin, path) for path in SAMPLE_FOR_AXE), (public_site, "areas/420500.html")]:
        page.goto((site / (path if language == "zh" else f"{language}/{path}")).as_uri())
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
    page.close()


def test_the_public_goes_from_the_sentence_of_a_city_to_its_data(public_bulletin: Path, browser: Browser) -> None:
    """The sentence, the indicator behind it, the file it is published in: the same figure."""
    page = browser.new_page()
    page.goto((public_bulletin / "areas" / "420500.html").as_uri())
    said = re.search(r"^(\d{4})年，宜昌市人民调解委员会共受理纠纷([\d,]+)件", page.locator("blockquote").inner_text())
    assert said
    page.get_by_role("link", name="调解纠纷受理件数", exact=False).first.click()
    expect(page.locator("h1")).to_contain_text("调解纠纷受理件数")
    page.get_by_role("navigation").first.get_by_role("link", name="下载").click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="调解纠纷受理件数", exact=True).first.click()
    table = pl.read_csv(taken.value.path(), infer_schema=False)
    city = table.filter(area_code="420500000000", period=said[1], breakdown="total")
    assert [float(value) for value in city["value"]] == [float(said[2].replace(",", ""))]
    page.close()


def test_a_page_says_all_it_has_to_say_without_scripts(bulletin: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto((bulletin / "areas" / "420500.html").as_uri())
    assert page.locator("blockquote").inner_text().startswith("2025年，宜昌市人民调解委员会")
    assert page.locator("table").count() > 10 and page.locator("svg[role=img]").count() >= 4
    assert all(url.startswith("file:") for url in asked) and len(asked) == 2
    context.close()
