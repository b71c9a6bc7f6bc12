"""What articles tell, beside the demo's rows: every figure that a ledger carries is counted again, within its bounds."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.catalogue import areas, code_lists, contracts, units
from pipelines.periods import months_of
from tests.test_demo import Row, day, rows_of

TABLE = Path(__file__).parents[1] / "seeds" / "tables" / "article_figures.csv"
with TABLE.open(encoding="utf-8", newline="") as file:
    TOLD = list(csv.DictReader(file))
COUNTED = [told for told in TOLD if told["carried_by"] == "ledger_count"]
NUMBER = {"session": "activity_sessions", "person_time": "attendances", "person": "persons_served"}
COUNTED_AS = {  # row -> kind of organisation, the column that is added up, or none where they are counted
    "S022": ("employment_base", None),
    "S023": ("mediation_committee", "experts"),
    "S024": ("mediation_committee", None),
    "S025": ("of_industry", None),
    "S043": ("judicial_office", None),
    "S055": ("governance_centre", "function_rooms"),
    "S056": ("governance_centre", "resident_departments"),
    "S057": ("township", None),
    "S059": ("village", None),
    "S061": ("of_industry", None),
    "S062": ("of_industry", "full_time_mediators"),
    "S065": ("governance_centre", "registered_social_organisations"),
    "S066": ("governance_centre", "community_social_organisations"),
    "S067": ("governance_centre", "social_workers"),
    "S068": ("talent_pool", "medical_staff"),
    "S069": ("talent_pool", "psychotherapists"),
    "S070": ("talent_pool", "counsellors"),
    "S071": ("talent_pool", "psychology_teachers"),
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipelines.demo import generate

    folder = tmp_path_factory.mktemp("articles")
    generate(folder, cases=300)
    return folder


def heading(table: str, column: str) -> str:
    return contracts()[table].column(column).label


def said(table: str, column: str, row: Row) -> str:
    """The category a row's text stands for."""
    text = row[heading(table, column)]
    codes = code_lists()[contracts()[table].column(column).codes or ""]
    return next((code.code for code in codes if text in (code.label_zh, *code.aliases)), "")


def within(told: Row) -> str:
    """The start of all codes in the area: of a district or a city its own digits."""
    code = told["area_code"]
    return code[:9] if code[6:9] != "000" else code[:4] if code[4:6] == "00" else code[:6]


def activities(told: Row, folder: Path) -> int:
    table = "service_activities"
    first, last = months_of(told["period"])
    number = heading(table, NUMBER[told["unit"]])
    return sum(
        int(row[number] or 0)
        for row in rows_of(folder, table)
        if row[heading(table, "area_code")].startswith(within(told))
        and said(table, "activity_type", row) == told["category"]
        and first <= f"{day(row[heading(table, 'held_on')]):%Y-%m}" <= last
    )


def organisations(told: Row, folder: Path) -> int:
    table = "organisations"
    kind, column = COUNTED_AS[told["row_id"]]
    kinds: dict[str, Callable[[Row], bool]] = {
        "of_industry": lambda row: said(table, "industry", row) not in ("", "none"),
        **dict.fromkeys(
            ("township", "village"),
            lambda row: (
                said(table, "organisation_type", row) == "governance_centre"
                and said(table, "organisation_level", row) == kind
            ),
        ),
    }
    is_meant = kinds.get(kind, lambda row: said(table, "organisation_type", row) == kind)
    meant = [
        row
        for row in rows_of(folder, table)
        if row[heading(table, "area_code")].startswith(within(told))
        and f"{day(row[heading(table, 'counted_on')]):%Y-%m}" == months_of(told["period"])[1]
        and is_meant(row)
    ]
    return len(meant) if column is None else sum(int(row[heading(table, column)] or 0) for row in meant)


@pytest.mark.parametrize("told", COUNTED, ids=lambda told: told["row_id"])
def test_ledgers_hold_what_the_articles_tell(told: Row, exports: Path) -> None:
    count = activities if told["breakdown"] == "activity_type" else organisations
    value = count(told, exports)
    assert int(told["low"]) <= value
    assert not told["high"] or value <= int(told["high"])


def test_every_row_says_where_when_and_why() -> None:
    assert [told["row_id"] for told in TOLD] == [f"S{number:03d}" for number in range(1, 77)]
    published = {area.area_code for area in areas() if area.code_list == "nbs2023"}
    for told in TOLD:
        where = told["row_id"]
        assert told["area_code"] in published, where
        assert bool(told["reason_zh"]) == bool(told["reason_en"]), where
        if told["verdict"] == "not_published":
            assert not any(told[name] for name in ("period", "value_text", "low", "high", "indicator")), where
            assert told["reason_en"], where
            continue
        assert months_of(told["period"]), where
        assert told["verdict"] in ("agrees", "outside_bounds", "not_comparable", "not_recomputable"), where
        assert told["reason_en"] or told["verdict"] == "agrees", where
        assert (told["carried_by"] == "none") == (told["verdict"] in ("not_recomputable", "not_comparable")) or (
            told["carried_by"] == "figure"
        ), where
        assert told["unit"] in units() or told["carried_by"] == "none", where
        if told["low"] and told["high"]:
            assert float(told["low"]) <= float(told["high"]), where


def test_bounds_are_those_of_the_words() -> None:
    bounds = {told["value_text"]: (told["low"], told["high"]) for told in TOLD}
    assert bounds["170余人次"] == ("171", "179")
    assert bounds["8400余件"] == ("8401", "8499")
    assert bounds["超1000家"] == ("1001", "")
    assert bounds["93%以上"] == ("93", "100")
    assert bounds["19个"] == ("19", "19")
