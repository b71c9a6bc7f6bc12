"""The declarations under `seeds/`: all load, a wrong one is named with its file and line, a new card is one new file."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from dashboards import api
from dashboards.release_reader import open_release
from dashboards.review import building, plan
from pipelines import catalogue, warehouse
from pipelines.catalogue import cards, contracts, measures
from pipelines.cli import main
from pipelines.intake import cells
from pipelines.release import drafting
from pipelines.settings import PROJECT, SEEDS, UserError
from tests.conftest import read_seeds_from
from tests.offices import Office, built_house, copied, opened, release

CACHED = (
    "contracts", "contract_versions", "measures", "cards",
    "units", "code_lists", "areas", "senders", "area_mapping", "seeds_version", "denied", "consistency_reasons",
    "publication_plan",
)  # fmt: skip


def _forget() -> None:
    for name in CACHED:
        getattr(catalogue, name).cache_clear()
    cells._code_texts.cache_clear()


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the declarations, to change."""
    copy = tmp_path / "seeds"
    shutil.copytree(SEEDS, copy)
    read_seeds_from(copy, monkeypatch)
    monkeypatch.setattr(drafting, "SEEDS", copy)
    _forget()
    yield copy
    monkeypatch.undo()
    _forget()


def test_every_declaration_loads() -> None:
    assert {path.stem for path in (SEEDS / "contracts").glob("*.yml")} == set(contracts())
    assert {path.stem for path in (SEEDS / "indicators").glob("*.yml")} == set(cards())
    assert len(cards()) >= 17
    assert len(measures()) >= 20
    assert {contract.table for contract in contracts().values()} <= set(catalogue.tables())
    assert {sender.table for sender in catalogue.senders()} <= set(catalogue.tables())
    assert {sender.area_code for sender in catalogue.senders()} <= {a.area_code for a in catalogue.published_areas()}


def test_every_indicator_of_the_working_list_is_a_card() -> None:
    """All seventy; some are more than one card, and where a breakdown of a card stands for one the card has it."""
    listed = catalogue.read_rows(SEEDS / "tables" / "indicator_list.csv")
    assert len({row["working_id"] for row in listed}) == 70
    assert {row["card"] for row in listed} <= set(cards())
    assert all(row["breakdown"] in ("", *cards()[row["card"]].breakdowns) for row in listed)


@pytest.mark.parametrize("card", cards())
def test_a_card_is_told_in_both_languages_and_rests_on_a_measure(card: str) -> None:
    declared = cards()[card]
    assert declared.label.zh != declared.label.en
    assert measures()[declared.numerator].system == declared.system
    assert declared.definition.zh
    assert declared.definition.en


@pytest.mark.parametrize("table", contracts())
def test_nothing_personal_and_no_free_text_is_stored(table: str) -> None:
    stored = contracts()[table].stored
    assert all(column.type not in ("text", "identifier") for column in stored)
    words = ("姓名", "身份证", "电话", "住址", "地址", "查询码", "编号", "当事人", "填表人", "审核人")
    kept = [column.label for column in stored if any(word in column.label for word in words)]
    assert kept in ([], ["涉及当事人数"])


CARD, CONTRACT, MEASURES = (
    "indicators/mediation_success_rate.yml",
    "contracts/mediation_cases.yml",
    "measures/mediation.yml",
)
FORM, EVENTS = "contracts/correction_monthly.yml", "contracts/correction_events.yml"
EARLIER = "contracts/earlier/correction_monthly-v1.yml"
BROKEN: dict[str, tuple[str, str, str, str]] = {
    # what is wrong: file, text, its replacement, what is said
    "misspelt key of a card": (CARD, "better: higher", "bettter: higher", "bettter: there is no such key"),
    "unknown measure": (CARD, "numerator: mediation_agreed", "numerator: mediation_agree", "mediation_agree is not a measure"),
    "missing language": (CARD, "label: {zh: 调解成功率, en: Mediation success rate}", "label: {zh: 调解成功率}", "label.en"),
    "empty language": (CARD, "label: {zh: 调解成功率, en: Mediation success rate}", "label: {zh: '', en: Rate}", "label.zh"),
    "unknown kind": (CARD, "kind: ratio", "kind: rate", "kind"),
    "no such breakdown": (CARD, "breakdowns: [dispute_type, channel, tier]", "breakdowns: [colour]", "no breakdown ['colour']"),
    "no such unit": (CARD, "unit: percent", "unit: per_mille", "per_mille is not a unit"),
    "no such variant": (CARD, "variants: [", "variants: [mediation_rate, ", "no card ['mediation_rate']"),
    "kind without its denominator": (CARD, "denominator: mediation_concluded\n", "", "denominator"),
    "a ratio over a histogram": (CARD, "numerator: mediation_agreed", "numerator: mediation_days_to_conclude", "does not fit kind"),
    "not YAML": (CARD, "kind: ratio", "kind: [ratio", "not valid YAML"),
    "heading at two columns": (CONTRACT, "label: 调解次数", "label: 受理日期", "a header text stands at two columns"),
    "heading at two columns but for its brackets": (CONTRACT, "label: 调解次数", "label: 涉及金额（万元）", "stands at two columns"),
    "column twice": (CONTRACT, "name: sessions", "name: parties", "a column name stands twice"),
    "free text not dropped": (CONTRACT, "协议内容, type: text, personal: dropped", "协议内容, type: text", "never stored"),
    "identifier stored": (CONTRACT, "type: identifier, personal: keyed", "type: identifier", "an identifier is keyed or dropped"),
    "money without a unit": (CONTRACT, "type: money, unit: wan_yuan", "type: money", "money needs a unit"),
    "code without a list": (CONTRACT, "type: code, codes: channel", "type: code", "a code column names its list"),
    "code list that is none": (CONTRACT, "codes: channel", "codes: chanel", "chanel is not a list"),
    "unknown type": (CONTRACT, "label: 调解次数, type: integer", "label: 调解次数, type: number", "type"),
    "key that is no column": (CONTRACT, "key: case_number", "key: number", "`key` must name"),
    "date that is no column": (CONTRACT, "dated_by: accepted_on", "dated_by: accepted", "`dated_by`"),
    "date that is a code": (CONTRACT, "dated_by: accepted_on", "dated_by: channel", "columns of dates"),
    "update time that is no column": (CONTRACT, "updated: updated_at", "updated: update_at", "`updated`"),
    "rule over no column": (CONTRACT, "columns: [accepted_on, concluded_on]", "columns: [accepted_on, ended_on]", "['ended_on']"),
    "version that is none": (CONTRACT, "version: 1", "version: 0", "version"),
    "misspelt key of a measure": (MEASURES, "over_time: last", "over_tme: last", "over_tme: there is no such key"),
    "measure without a language": (MEASURES, "{zh: 办结件数, en: Mediations concluded}", "{zh: 办结件数}", "label.en"),
    "measure of no table": (MEASURES, "table: mediation_cases", "table: mediation_case", "unknown ['mediation_case']"),
    "measure with no such list": (MEASURES, "breakdowns: [dispute_type, channel, tier]", "breakdowns: [types]", "unknown ['types']"),
    "sender's day that is no number": ("tables/senders.csv", "mediation_cases,true,5,", "mediation_cases,true,the fifth,", "due_day"),
    "area of an unknown level": ("tables/areas.csv", "Hechuan District,district", "Hechuan District,county", "level"),
    "area twice": ("tables/areas.csv", "nbs2023,500117002000", "nbs2023,500117001000", "area 500117001000 stands twice"),
    "area below nothing": (
        "tables/areas.csv",
        "nbs2023,500117001000,合阳城街道,Heyangcheng Subdistrict,township,500117000000",
        "nbs2023,500117001000,合阳城街道,Heyangcheng Subdistrict,township,500177000000",
        "the parent 500177000000",
    ),
    "rule twice": (CONTRACT, "id: accepted_after_update", "id: concluded_before_accepted", "stands twice among the rules"),
    "clock from no day": (CONTRACT, "starts: accepted_on", "starts: channel", "channel is no column of days"),
    "clock where no column is": (CONTRACT, "{channel: court}", "{chanel: court}", "chanel is no column"),
    "clock where no code is": (CONTRACT, "{channel: court}", "{channel: tribunal}", "tribunal is no code of the list channel"),
    "clock of no days": (CONTRACT, "days: 30", "days: 0", "days"),
    "clock of no calendar": (CONTRACT, "calendar: natural", "calendar: lunar", "calendar"),
    "clock without the law": (CONTRACT, "version: \"2002\", ", "", "legal_basis.version"),
    "dash that is neither": (CONTRACT, "kind: cases", "dash: minus\nkind: cases", "dash"),
    "carried from no item": (FORM, "opening: opening\n", "opening: month\n", "month is no item of the form"),
    "breakdown of no list": (FORM, "termination_type, category: died", "ending, category: died", "ending is not a list"),
    "category of no code": (FORM, "category: died", "category: dead", "dead is no code of the list termination_type"),
    "category of no breakdown": (FORM, "breakdown: termination_type, category: died", "category: died", "belongs to a `breakdown`"),
    "breakdown of no item": (FORM, "type: month,", "type: month, breakdown: tier, category: grid,", "only an item has"),
    "level of what is no area": (EVENTS, "label: 业务类型,", "label: 业务类型, level: district,", "only an area is kept at a level"),
    "reference to no table": (EVENTS, "references: correction_cases", "references: corrections", "there is no table of cases corrections"),
    "reference into another system": (EVENTS, "references: correction_cases", "references: mediation_cases", "in the system correction"),
    "reference without the whole key": (EVENTS, "name: correction_case,", "name: subject,", "the key of correction_cases is"),
    "reference that is stored": (EVENTS, "personal: keyed, references", "personal: dropped, references", "is `personal: keyed`"),
    "retired and yet present": (FORM, "version: 2", "retired: 2026-01-01\nversion: 2", "a retired contract lies in"),
    "code of an unknown standing": ("tables/code_lists.csv", ",own,own list", ",ours,own list", "status"),
    "code in force until no day": ("tables/code_lists.csv", ",2020-06-30", ",30.6.2020", "valid_to"),
    "code without an order": ("tables/code_lists.csv", "诉前调解,1,,own", "诉前调解,first,,own", "sort"),
    "row too short": ("tables/senders.csv", ",十堰市司法局,,\n", "\n", "contact_office"),
}  # fmt: skip
# faults that no single line has: they are told of the file as a whole, in its first line
OF_THE_WHOLE = {
    "kind without its denominator",
    "heading at two columns",
    "heading at two columns but for its brackets",
    "column twice",
    "key that is no column",
    "date that is no column",
    "date that is a code",
    "update time that is no column",
    "rule over no column",
}
LOADERS: dict[str, Callable[[], object]] = {
    "indicators": cards,
    "contracts": contracts,
    "measures": measures,
    "tables/senders.csv": catalogue.senders,
    "tables/areas.csv": catalogue.areas,
    "tables/code_lists.csv": catalogue.code_lists,
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_wrong_declaration_is_named_with_file_and_line(what: str, seeds: Path) -> None:
    name, text, instead, said = BROKEN[what]
    path = seeds / name
    before = path.read_text(encoding="utf-8")
    assert text in before
    path.write_text(before.replace(text, instead, 1), encoding="utf-8")
    first_wrong = before[: before.index(text)].count("\n") + 1
    load = LOADERS.get(name) or LOADERS[name.split("/")[0]]
    with pytest.raises(UserError) as refused:
        load()
    sentence = str(refused.value)
    assert said in sentence
    assert sentence.startswith(f"{path}, line ")
    line = int(sentence.removeprefix(f"{path}, line ").split(":")[0])
    whole = {
        "denominator",
        "a header text",
        "a column name",
        "stands at two columns",
        "`key`",
        "`dated_by`",
        "columns of dates",
        "`updated`",
        "['ended_on']",
    }
    assert line == (1 if any(word in said for word in whole) else first_wrong)


@pytest.mark.parametrize(
    ("name", "text", "instead", "said"),
    [
        (EARLIER, "version: 1", "version: 2", "the present one is v2"),
        (EARLIER, "version: 1", "version: 3", "the present one is v2"),
        (EARLIER, "table: correction_monthly", "table: mediation_monthly", "the present one is v2"),
        (EARLIER, "retired: 2026-01-01\n", "", "says since when it is `retired`"),
        (EARLIER, "label: 报出日期, type: date", "label: 报出日期, type: datetime", "reported_on is stored as date since v2"),
        (FORM, "version: 2", "version: 1", "the present one is v1"),
    ],
)  # fmt: skip
def test_versions_that_contradict_each_other_are_refused(
    name: str, text: str, instead: str, said: str, seeds: Path
) -> None:
    before = (seeds / name).read_text(encoding="utf-8")
    assert text in before
    (seeds / name).write_text(before.replace(text, instead, 1), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        contracts()
    line = before[: before.index(text)].count("\n") + 1
    at_a_line = {"datetime": f"{seeds / name}, line {line}: ", "version: 3": f"{seeds / name}, line {line}: "}
    assert said in str(refused.value)
    assert str(refused.value).startswith(at_a_line.get(instead.rpartition("type: ")[2], str(seeds / EARLIER)))


def test_one_version_declared_twice_is_refused(seeds: Path) -> None:
    shutil.copy(seeds / EARLIER, seeds / "contracts" / "earlier" / "correction_monthly-v01.yml")
    with pytest.raises(UserError, match=r"line 4: correction_monthly v1 is declared twice"):
        contracts()


def test_a_reason_means_the_same_in_every_contract() -> None:
    labels: dict[str, set[tuple[str, str]]] = {}
    for contract in catalogue.contract_versions():
        for rule in contract.rules:
            labels.setdefault(rule.id, set()).add((rule.label.zh, rule.label.en))
    assert [reason for reason, said in labels.items() if len(said) > 1] == []


def test_a_measure_declared_twice_is_refused(seeds: Path) -> None:
    again = (seeds / MEASURES).read_text(encoding="utf-8")
    (seeds / "measures" / "second.yml").write_text(again, encoding="utf-8")
    with pytest.raises(UserError, match=r"second.yml, line 1: measure mediation_accepted is declared twice"):
        measures()


def test_a_list_of_areas_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "areas.csv"
    path.write_bytes("代码,名称\n1,甲\n".encode("gb18030"))
    with pytest.raises(UserError, match="not UTF-8"):
        catalogue.load_areas(path)
    path.write_text("code_list,area_code\nown,1\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"areas.csv, line 2: name_zh"):
        catalogue.load_areas(path)


@pytest.mark.parametrize(
    ("text", "instead", "said"),
    [
        ("require: concluded_on is null", "require: closed_on is null", "rule concluded_before_registered cannot be applied"),
        ("require: concluded_on is null", "require: concluded_on is is null", "cannot be applied"),
        ("table: petition_matters", "table: petitions", "there is no table petitions"),
        ("label: Closed Date, type: date, formats: ['%m/%d/%Y %H:%M']", "label: Closed, type: integer", "is of another type"),
    ],
)  # fmt: skip
def test_a_contract_file_that_does_not_fit_the_house(
    text: str, instead: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = opened(tmp_path, monkeypatch)
    foreign = Path(__file__).parent / "foreign"
    contract = tmp_path / "own.yml"
    contract.write_text((foreign / "nyc311.yml").read_text(encoding="utf-8").replace(text, instead), encoding="utf-8")
    with pytest.raises(UserError, match=said):
        office.take(
            "Unique Key,Created Date,Closed Date,Borough\n12345678,3/4/2025 9:00,,BRONX\n",
            contract=str(contract),
            areas=foreign / "nyc311_areas.csv",
        )
    assert office.contents() == {}


NEW_CARD = """
label: {zh: 诉讼外办结率, en: Concluded of accepted}
kind: ratio
numerator: mediation_concluded
denominator: mediation_accepted
unit: percent
decimals: 1
better: higher
basis: concluded
definition: {zh: 办结件数除以受理件数, en: Cases concluded over cases accepted}
breakdowns: [channel]
basis_status: own
system: mediation
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return built_house(tmp_path_factory.getbasetemp())


@pytest.fixture
def card_added(house: Office, seeds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The house with one card more, built and published anew; nothing else is told of it."""
    own = copied(house, tmp_path / "own", monkeypatch)
    (seeds / "indicators" / "mediation_cleared.yml").write_text(NEW_CARD, encoding="utf-8")
    _forget()
    assert warehouse.build().reason == "the declarations or the SQL changed"
    assert release() == "2025-05-1.1", "an indicator more is a minor change"
    return own


def test_a_new_card_is_one_new_file_and_stands_in_every_surface(
    card_added: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three cases accepted in the quarter, two were concluded, one of them in March."""
    opened_release = open_release()
    assert opened_release.cards["mediation_cleared"].label.en == "Concluded of accepted"
    march = opened_release.figures("mediation_cleared", ["500117"], ["2025-03"])
    assert march.select("numerator", "denominator", "value").rows() == [(1, 3, pytest.approx(100 / 3))]
    spring = opened_release.compute("mediation_cleared", "500117", "2025-03..2025-05", "channel")
    counted = {c: (n, d) for c, n, d in spring.select("category", "numerator", "denominator").iter_rows() if d}
    assert counted == {"police": (2, 2), "court": (0, 1)}
    assert (card_added.data / "releases" / "internal" / "2025-05-1.1" / "csv" / "mediation_cleared.csv").exists()

    _answers_by_command()
    _answers_by_address(monkeypatch)
    _is_written_in_documents(tmp_path, monkeypatch)


def _answers_by_command() -> None:
    named = ("--indicator", "mediation_cleared", "--area", "500117", "--period", "2025-03")
    assert [row["value"] for row in json.loads(_said("figures", *named, "--json"))] == [pytest.approx(100 / 3)]
    assert [part["value"] for part in json.loads(_said("explain", *named, "--json"))["parts"]] == [1, 3]
    query = "select numerator from figures where indicator = 'mediation_cleared' and area_code = '500117000000' and period = '2025-03'"
    assert json.loads(_said("sql", f"{query} and breakdown = 'total'", "--json")) == [{"numerator": 1}]
    assert "### 诉讼外办结率 Concluded of accepted: `mediation_cleared`" in _said("dictionary")


def _answers_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interface, the explorer and the definitions."""
    monkeypatch.setenv("FENGQIAO_EDITION", "internal")
    asked = {"indicator": "mediation_cleared", "area": "500117", "period": "2025-03"}
    assert [row["numerator"] for row in asyncio.run(_got("/api/figures", asked))] == [1]
    assert "mediation_cleared" in [card["id"] for card in asyncio.run(_got("/api/indicators", {}))]

    app = AppTest.from_file(str(PROJECT / "dashboards" / "pages" / "start.py"), default_timeout=120).run()
    for page, word in (("explorer", "33.3"), ("definitions", "办结件数除以受理件数")):
        app.switch_page(f"{page}.py")
        app.query_params.clear()
        app.query_params.update(asked)
        app.run()
        assert not app.exception
        markup = "".join(element.proto.body for element in app.get("html"))
        assert ("诉讼外办结率" in markup, word in markup) == (True, True), page


async def _got(path: str, asked: dict[str, str]) -> Any:
    interface = ASGITransport(app=Starlette(routes=api.routes))
    async with AsyncClient(transport=interface, base_url="http://127.0.0.1") as client:
        return (await client.get(path, params=asked)).json()


def _is_written_in_documents(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bulletin, and the review where it names the card."""
    _said("bulletin", "--edition", "internal", "--out", str(folder / "site"))
    page = folder / "site" / "2025-05-1.1" / "indicators" / "mediation_cleared.html"
    assert "诉讼外办结率" in page.read_text(encoding="utf-8")

    declared = plan.plan()
    headline = declared.sections[1]
    table = headline.tables[0].model_copy(update={"indicators": ("mediation_accepted", "mediation_cleared")})
    named = declared.model_copy(update={"sections": (headline.model_copy(update={"tables": (table,)}),)})
    monkeypatch.setattr(building, "plan", lambda: named)
    words = ("--period", "2025-03", "--area", "500117", "--formats", "html", "--out", str(folder / "review"))
    _said("review", *words)
    [written] = (folder / "review").glob("*.html")
    assert "诉讼外办结率" in written.read_text(encoding="utf-8")


def _said(*words: str) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_county_code_given_up_is_read_as_the_one_in_its_place() -> None:
    mapping = catalogue.area_mapping("nbs2023")
    places = {area.area_code: area for area in catalogue.published_areas()}
    earlier = [area for area in catalogue.areas() if area.code_list == "nbs_earlier"]
    assert earlier
    for area in earlier:
        assert area.area_code not in places
        assert places[mapping[area.area_code]].parent_code == area.parent_code
        assert places[mapping[area.area_code]].level == "district"
