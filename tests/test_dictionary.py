"""`fengqiao dictionary`: every column and code list of every contract, each as its contract says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipelines import cli
from pipelines.catalogue import cards, code_lists, contract_versions, measures
from pipelines.settings import SEEDS
from tests.conftest import Road


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    with pytest.raises(SystemExit) as ended:
        cli.main.main(["dictionary", *words])
    return int(ended.value.code or 0), *capsys.readouterr()


def test_every_column_of_every_version_and_every_list_it_names_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "--json")
    told = json.loads(out)
    listed = [(c["id"], c["version"], [column["label"] for column in c["columns"]]) for c in told["contracts"]]
    assert listed == [(c.id, c.version, [column.label for column in c.columns]) for c in contract_versions()]
    named = {name for c in contract_versions() for column in c.columns for name in (column.codes, column.breakdown)}
    assert told["code_lists"].keys() == (named - {None}) | {"yes_no"}
    assert all(len(codes) == len(code_lists()[name]) for name, codes in told["code_lists"].items())
    assert all(code["status"] for codes in told["code_lists"].values() for code in codes)


def test_what_it_says_of_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "--table", "correction_cases", "--json")
    [contract] = json.loads(out)["contracts"]
    columns = {column["name"]: column for column in contract["columns"]}
    assert columns["entrusted_on"] == {
        "name": "entrusted_on",
        "label": "委托日期",
        "aliases": [],
        "type": "date",
        "codes": None,
        "unit": None,
        "required": False,
        "personal": "none",
        "breakdown": None,
        "category": None,
        "stored_as": "date",
        "stored_in": "lake.correction_cases.entrusted_on",
        "rules": ["assessed_before_entrusted", "assessment_marked_as_none"],
        "clocks": ["assessment", "assessment_fast_track"],
    }
    assert columns["admission"]["stored_in"] == "lake.correction_cases.case_key"
    assert columns["person_name"]["stored_in"] is None
    assert columns["sex"]["aliases"] == ["xb"]


def test_what_a_form_and_a_reference_store(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "--json")
    stored = {
        (c["id"], c["version"], column["name"]): column["stored_in"]
        for c in json.loads(out)["contracts"]
        for column in c["columns"]
    }
    died = "lake.correction_monthly.value (item terminated_by_cause, category died)"
    assert stored["correction_monthly", 2, "terminated_died"] == died
    assert stored["correction_events", 1, "correction_case"] == "lake.correction_events.correction_case_key"
    assert stored["correction_events", 1, "admission"] == "lake.correction_events.correction_case_key"


def test_it_is_written_as_markdown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "dictionary.md"
    assert said(capsys, "--out", str(path))[0] == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    tables = [line for line in lines if line.startswith("## ")]
    assert len(tables) == len(contract_versions()) + 3  # the code lists, the indicators, the measures
    sex = "| sex | 性别 | xb | code (sex_correction) |  | lake.correction_cases.sex |  |"
    assert sex in lines
    obsolete = next(line for line in lines if line.startswith("| political_rights | 剥夺政治权利 |"))
    assert "–2020-06-30" in obsolete
    assert "secondary_verified" in obsolete


def test_a_table_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "--table", "petitions")
    assert code == 2
    assert "petitions is not a table" in err


def test_every_card_and_measure_is_in_the_whole_of_it_and_not_in_one_table_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = said(capsys, "--json")
    told = json.loads(out)
    assert {card["id"] for card in told["indicators"]} == cards().keys()
    assert {measure["id"] for measure in told["measures"]} == measures().keys()
    _, text, _ = said(capsys)
    for card in cards().values():
        assert f"`{card.id}`" in text and card.definition.zh in text and card.definition.en in text
    _, one, _ = said(capsys, "--table", "population", "--json")
    assert json.loads(one)["indicators"] == []


def test_the_site_is_the_dictionary_and_dbts_pages(road: Road, tmp_path: Path) -> None:
    done = road.fengqiao("dictionary", "--site", str(tmp_path / "docs"))
    assert done.returncode == 0, done.stderr
    pages = (tmp_path / "docs" / "models.html").read_text(encoding="utf-8")
    assert "fct_mediation_cases" in pages
    assert (tmp_path / "docs" / "dictionary.md").read_text(encoding="utf-8").startswith("# 数据字典")


@pytest.fixture
def schemas(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> dict[str, Any]:
    code, _, error = said(capsys, "--schema", str(tmp_path / "schemas"))
    assert code == 0, error
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in (tmp_path / "schemas").iterdir()}


def _declared(path: Path) -> Any:
    """What a file says, dates as an editor sees them."""
    return json.loads(json.dumps(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader), default=str))


def test_every_declaration_fits_its_schema(schemas: dict[str, Any]) -> None:
    assert schemas.keys() == {"indicators", "measures", "contracts"}
    for folder, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        files = sorted((SEEDS / folder).glob("*.yml"))
        assert files
        for path in files:
            assert [error.message for error in validator.iter_errors(_declared(path))] == [], path.name


@pytest.mark.parametrize(
    ("wrong", "said_of_it"),
    [
        ({"numeratr": "mediation_agreed"}, "numeratr"),
        ({"numerator": "mediation_agred"}, "mediation_agred"),
        ({"label": {"zh": "调解成功率"}}, "'en' is a required property"),
        ({"unit": "per cent"}, "per cent"),
        ({"breakdowns": ["type"]}, "type"),
    ],
)
def test_an_editor_sees_what_is_wrong_with_a_card(
    schemas: dict[str, Any], wrong: dict[str, Any], said_of_it: str
) -> None:
    card = _declared(SEEDS / "indicators" / "mediation_success_rate.yml") | wrong
    errors = list(jsonschema.Draft202012Validator(schemas["indicators"]).iter_errors(card))
    assert len(errors) == 1 and said_of_it in errors[0].message
