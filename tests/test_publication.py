"""The publication plan: it loads, says what is public, and what does not fit is named with file and line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.catalogue import cards, publication_plan
from pipelines.settings import SEEDS, UserError
from pipelines.warehouse.inputs import grid_table
from tests.conftest import read_seeds_from

INTERNAL = {"petition_skip_level_visits", "petition_backlog_resolved_rate", "mediation_escalated"}
INTERNAL |= {"correction_absconded_persons", "correction_missed_persons", "correction_reoffended"}


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the declarations, to change."""
    copy = tmp_path / "seeds"
    shutil.copytree(SEEDS, copy)
    read_seeds_from(copy, monkeypatch)
    publication_plan.cache_clear()
    yield copy
    monkeypatch.undo()
    publication_plan.cache_clear()


def test_the_plan_says_what_is_public() -> None:
    plan = publication_plan()
    public = {cards()[name] for name in plan.indicators}
    assert {"mediation_accepted", "mediation_success_rate", "mediation_type_share"} <= set(plan.indicators)
    assert not INTERNAL & set(plan.indicators)
    assert set(plan.internal_indicators) >= INTERNAL
    assert not {card.system for card in public} & {"petition", "screening"}
    for table in plan.tables.values():
        assert not (table.system in ("correction", "resettlement") and "township" in table.levels)


def test_half_years_of_the_internal_edition_hold_totals_only() -> None:
    grid = {(level, kind): has for level, kind, has in grid_table().iter_rows()}
    assert not any(has for (_, kind), has in grid.items() if kind == "half_year")
    assert all(grid["district", kind] for kind in ("month", "quarter", "year", "year_to_date"))
    assert ("township", "year_to_date") not in grid


WRONG = {
    "no approver": (
        "approver: {zh: 示例分管局领导, en: Example deputy director in charge}\n",
        "",
        "approver: Field required",
    ),
    "no reviewer": (
        "reviewer: {zh: 示例统计负责人, en: Example head of statistics}\n",
        "",
        "reviewer: Field required",
    ),
    "no authority": (
        "authority: {zh: 示例市司法局（演示数据）, en: Example Municipal Justice Bureau (demonstration data)}\n",
        "",
        "authority: Field required",
    ),
    "a misspelt key": ("ladder:", "lader:", "lader: there is no such key"),
    "another department": ("system: service\n", "system: petition\n", "petition is kept internal"),
    "too fine": (
        "measures: [resettlement_caseload]\n    levels:\n",
        "measures: [resettlement_caseload]\n    levels:\n      township: [year]\n",
        "never shown below the district",
    ),
    "k of persons": ("k: 10\n    base: 10", "k: 5\n    base: 10", "needs at least 10"),
    "a base under k": ("k: 5\n    base: 5\n", "k: 7\n    base: 5\n", "a base under k"),
    "money": (
        "[service_activities]",
        "[mediation_agreement_amount]",
        "mediation_agreement_amount belongs to mediation",
    ),
    "money among cases": (
        "[mediation_concluded, mediation_agreed]",
        "[mediation_concluded, mediation_agreed, mediation_agreement_amount]",
        "mediation_agreement_amount is no count that this table can hold",
    ),
    "no such measure": ("[service_activities]", "[service_deeds]", "service_deeds is not a measure"),
    "no total": (
        "    breakdown: channel\n    levels:\n",
        "    breakdown: channel\n    levels:\n      township: [month, year]\n",
        "there is no total of mediation_accepted by month",
    ),
    "no rung": (", mediation_types", "", "mediation_types stands on no rung"),
    "no such card": ("petition_skip_level_visits:", "petition_visits:", "petition_visits is no card"),
}


@pytest.mark.parametrize(("before", "after", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_named_with_its_line(before: str, after: str, said: str, seeds: Path) -> None:
    path = seeds / "publication.yml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(UserError, match=rf"publication\.yml, line \d+: .*{said}"):
        publication_plan()
