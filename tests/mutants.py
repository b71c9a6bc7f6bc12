"""`python -m tests.mutants [NUMBER...]`: wrong definitions, one line each, and who catches them. A long run, not for CI.

Each mutant changes one line in a copy of the project with a small demo built in it. What follows from the changed file
is built anew: the measures of a model, or the figures of a card. It is caught when the recount differs, when the build
fails, or when a unit test of the changed model does. What the demo has no case of (corrections, what an increment counts
again) is caught by the test file that the mutant names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tests.recount.comparing import Recount, compare_figures, compare_measures, recount
from tests.recount.standings import beside, compare_rows

PROJECT = Path(__file__).parents[1]
COPIED = ("pipelines", "dbt_project", "seeds", "dashboards", "tests", "pyproject.toml")
CASES, YEARS = 3000, 2
FENGQIAO = Path(sys.executable).with_name("fengqiao")
# What follows from a changed file, made anew in the copy: measures of a model, or figures of a card or a model above them.
REBUILT = """
import sys
import duckdb
from pipelines import settings, warehouse

name, kind = sys.argv[1:]
periods = ["measures_by_period", "coverage"]
if kind in ("staging", "core", "measures", "macros"):
    selected = "staging+" if kind == "macros" else f"{name}+"
    left_out = [] if name in periods else ["--exclude", *periods, "reporting", "data_quality"]
    warehouse.run_dbt("duckdb", ["run", "--full-refresh", "--select", selected, *left_out], lambda _: None)
    with duckdb.connect(str(warehouse.warehouse_path()), read_only=True) as made:
        made.execute("copy measures.measures_monthly to 'measures.parquet'")
if kind in ("indicators", "cards") or name in periods:
    with duckdb.connect(str(warehouse.build_edition("internal")), read_only=True) as made:
        made.execute("copy indicators.figures to 'figures.parquet'")
        made.execute("copy indicators.standings to 'standings.parquet'")
if kind not in ("macros", "cards"):
    target = "edition" if kind == "indicators" else "duckdb"
    try:
        warehouse.run_dbt(target, ["test", "--select", f"test_type:unit,{name}"], lambda _: None)
    except settings.UserError as failure:
        print(failure)
"""


@dataclass(frozen=True)
class Mutant:
    """One line made wrong: the file below the project, the text (there once), what stands there instead; `told_by`: the test
    file that is run in the copy, where not the recount and the unit tests are."""

    wrong: str
    file: str
    text: str
    instead: str
    told_by: str | None = None

    @property
    def words(self) -> tuple[str, str]:
        """Name of the model, macro or card, and what it is: a model is of a room."""
        path = Path(self.file)
        return path.stem, "cards" if path.parts[0] == "seeds" else path.parent.name


@dataclass(frozen=True)
class House:
    """A copy of the project in which to be wrong, with a data folder of its own."""

    folder: Path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command of this copy, whatever its exit code."""
        here = {
            "PYTHONPATH": str(self.folder),
            "FENGQIAO_DATA": str(self.folder / "data"),
            "FENGQIAO_KEYS": str(self.folder / "keys"),
        }
        return subprocess.run(
            words, env=os.environ | here, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def must(self, *words: str) -> None:
        done = self.run(FENGQIAO, *words)
        assert done.returncode == 0, f"fengqiao {' '.join(words)}: {done.stdout}\n{done.stderr}"


def opened(folder: Path) -> House:
    """A sound copy with the small demo taken in."""
    for name in COPIED:
        if (PROJECT / name).is_file():
            shutil.copyfile(PROJECT / name, folder / name)
            continue
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("target", "logs", "__pycache__"))
    house = House(folder)
    house.must("keys", "init")
    house.must("demo", "--cases", str(CASES), "--years", str(YEARS))
    house.must("intake", str(folder / "data" / "landing"))
    house.must("build")
    return house


def catchers(house: House, sound: Recount, *words: str) -> Iterator[str]:
    """Who says that something is wrong with what was made anew in the house as it stands."""
    for old in house.folder.glob("*.parquet"):
        old.unlink()
    done = house.run(sys.executable, "-c", REBUILT, *words)
    if done.returncode != 0:
        yield f"the build: {done.stderr.strip().splitlines()[-1]}"
        return
    if (different := _differences(house.folder, sound)).height:
        kinds = different.group_by("kind", "what").len().sort("len", "kind", "what", descending=[True, False, False])
        yield f"the recount: {different.height:,} cells, most of them {kinds['kind'][0]} of {kinds['what'][0]}"
    if unit_test := re.search(r"stops at (\w+)", done.stdout):
        yield f"the unit test {unit_test[1]}"


def failing_test(house: House, test_file: str) -> Iterator[str]:
    """The first test of a file that fails in the house as it stands."""
    words = ("-m", "pytest", test_file, "-x", "-q", "-p", "no:cacheprovider", "--basetemp", house.folder / "pytest")
    done = house.run(sys.executable, *words)
    if failed := re.search(r"^(?:FAILED|ERROR) \S+::(\w+)", done.stdout, re.M):
        yield f"the test {failed[1]}"


def _differences(made: Path, sound: Recount) -> pl.DataFrame:
    found: list[pl.DataFrame] = []
    if (measures := made / "measures.parquet").exists():
        found.append(compare_measures(sound.measures, pl.read_parquet(measures))[1])
    if (figures := made / "figures.parquet").exists():
        found.append(compare_figures(sound.book, pl.scan_parquet(figures))[1])
        standings = pl.read_parquet(made / "standings.parquet")
        found.append(compare_rows(beside(sound.book).standings, standings, "standings")[1])
    return pl.concat(found)


def tried(house: House, mutant: Mutant, sound: Recount) -> list[str]:
    """Make one line wrong, hear who notices, and mend it."""
    path, built = house.folder / mutant.file, house.folder / "data" / "warehouse"
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.text) == 1, f"{mutant.file} has {mutant.text!r} {text.count(mutant.text)} times"
    shutil.copytree(built, house.folder / "sound")
    path.write_text(text.replace(mutant.text, mutant.instead), encoding="utf-8")
    try:
        if mutant.told_by is not None:
            return list(failing_test(house, mutant.told_by))
        return list(catchers(house, sound, *mutant.words))
    finally:
        path.write_text(text, encoding="utf-8")
        shutil.rmtree(built)
        (house.folder / "sound").rename(built)


MEDIATION = "dbt_project/models/core/fct_mediation_cases.sql"
MEDIATION_EVENTS = "dbt_project/models/measures/events_mediation.sql"
SCREENING = "dbt_project/models/core/fct_dispute_screenings.sql"
PETITION = "dbt_project/models/core/fct_petition_matters.sql"
BY_PERIOD = "dbt_project/models/measures/measures_by_period.sql"
COVERAGE = "dbt_project/models/measures/coverage.sql"
FIGURES = "dbt_project/models/indicators"
NEWEST = "dbt_project/macros/newest_version.sql"
REGISTER = "tests/test_corrections_register.py"
INCREMENTAL = "tests/test_incremental.py"
MUTANTS = (
    Mutant("drafts are counted", MEDIATION, "= 'approved' as is_in_book", "<> 'void' as is_in_book"),
    Mutant(
        "what is pending is concluded",
        MEDIATION,
        "coalesce(cases.outcome, '') <> 'pending' as is_concluded",
        "true as is_concluded",
    ),
    Mutant("within 31 days", MEDIATION, "between 0 and 30", "between 0 and 31"),
    Mutant(
        "an extension is not seen",
        MEDIATION,
        "coalesce(extended_to, {{ days_after('accepted_on', 'days_allowed') }})",
        "{{ days_after('accepted_on', 'days_allowed') }}",
    ),
    Mutant(
        "an agreement is confirmed without being written",
        MEDIATION,
        "agreement_form = 'written' and confirmation_result",
        "confirmation_result",
    ),
    Mutant("what is not yet due is due for performance", MEDIATION, " and coalesce(performance, '') <> 'not_due'", ""),
    Mutant(
        "agreed, by month of acceptance",
        "dbt_project/macros/flags.sql",
        "('mediation_agreed', 'concluded_month'",
        "('mediation_agreed', 'accepted_month'",
    ),
    Mutant(
        "open on the day of conclusion",
        "dbt_project/macros/flags.sql",
        "month_of(opened_on), month_of('concluded_on')",
        "month_of(opened_on), month_of(days_after('concluded_on', 1))",
    ),
    Mutant(
        "overdue on the last day",
        "dbt_project/macros/flags.sql",
        "overdue, soon = month_of(days_after('deadline_on', 1))",
        "overdue, soon = month_of('deadline_on')",
    ),
    Mutant(
        "what has left a stock stands in it",
        "dbt_project/macros/counting.sql",
        "-standing.cases as step, -standing.numbers as numbers",
        "0 as step, 0 as numbers",
    ),
    Mutant("a cohort with unknown durations", MEDIATION_EVENTS, " and not cases.is_of_unknown_duration", ""),
    Mutant(
        "eased is resolved",
        SCREENING,
        "screening_status = 'resolved' as is_resolved",
        "screening_status in ('resolved', 'eased') as is_resolved",
    ),
    Mutant(
        "what goes another route is due",
        PETITION,
        "coalesce(route = 'petition_opinion', false) and deadline is not null",
        "coalesce(route <> 'petition_opinion', false) and deadline is not null",
    ),
    Mutant(
        "an extension does not move the deadline",
        PETITION,
        "coalesce(matters.extended_to, matters.due_on) as deadline",
        "matters.due_on as deadline",
    ),
    Mutant(
        "fifteen days from registration, not from the exchange",
        PETITION,
        "coalesce(matters.exchanged_on, matters.registered_on)",
        "matters.registered_on",
    ),
    Mutant(
        "examined within four working days",
        "dbt_project/models/core/fct_reconsideration_cases.sql",
        "working_days_to_examine <= examination_days",
        "working_days_to_examine < examination_days",
    ),
    Mutant(
        "a sample before a census",
        "dbt_project/models/core/fct_residents.sql",
        "when 'census' then 1 when 'sample' then 2",
        "when 'census' then 2 when 'sample' then 1",
    ),
    Mutant(
        "a part is added instead of taken away",
        "dbt_project/models/measures/events_forms.sql",
        "forms.value * form_lines.sign",
        "forms.value",
    ),
    Mutant(
        "stocks are added over months",
        BY_PERIOD,
        "kinds.over_time = 'last' and spans.is_last",
        "kinds.over_time = 'last'",
    ),
    Mutant(
        "a city without what is assigned to no district", BY_PERIOD, "where ancestors.area_code is null", "where false"
    ),
    Mutant(
        "a report told of an area once for all that report on it",
        COVERAGE,
        "sum(reported.months) as reported_months",
        "max(reported.months) as reported_months",
    ),
    Mutant(
        "reported at the end if ever",
        COVERAGE,
        "count(case when periods.is_last then 1 end) as last_months",
        "count(*) as last_months",
    ),
    Mutant(
        "success of what was accepted",
        "seeds/indicators/mediation_success_rate.yml",
        "denominator: mediation_concluded",
        "denominator: mediation_accepted",
    ),
    Mutant(
        "the register at the end, not its average",
        "seeds/indicators/correction_absconded_rate.yml",
        "denominator: correction_average_caseload",
        "denominator: correction_caseload",
    ),
    Mutant(
        "a sum of month ends, not their average",
        f"{FIGURES}/figure_values.sql",
        "cast(counted.counted_numerator as double) * counted.averaged_months",
        "cast(counted.counted_numerator as double)",
    ),
    Mutant(
        "the second part of a denominator is left out",
        f"{FIGURES}/figure_values.sql",
        "+ case when under_too.measure is null then 0 else under_too.value end",
        "",
    ),
    Mutant(
        "a quantile one case too far",
        f"{FIGURES}/quantiles.sql",
        "quantile * (cases - 1) as position",
        "quantile * cases as position",
    ),
    Mutant(
        "at risk are those up to the day, not from it on",
        f"{FIGURES}/survival_quantiles.sql",
        "order by bucket desc",
        "order by bucket",
    ),
    Mutant(
        "an average over the months expected, not over those reported",
        f"{FIGURES}/figure_values.sql",
        "cast(coalesce(other_coverage.reported_months, coverage.reported_months) as double)",
        "cast(coalesce(other_coverage.expected_months, coverage.expected_months) as double)",
    ),
    Mutant(
        "informed by the day before the fifteenth",
        PETITION,
        "coalesce(informed_on <= inform_by, false)",
        "coalesce(informed_on < inform_by, false)",
    ),
    Mutant(
        "forwarding has a limit at every body that registers",
        PETITION,
        "coalesce(matters.registering_body_type, 'petition_office') = 'petition_office' as has_forwarding_limit",
        "true as has_forwarding_limit",
    ),
    Mutant(
        "a cell is corrected whatever its source shows",
        NEWEST,
        "    and newest.value = corrections.expected\n",
        "",
        REGISTER,
    ),
    Mutant(
        "a case is corrected whatever its source shows",
        NEWEST,
        "        and {{ cases }}.{{ column }} is not distinct from cast(corrected_{{ column }}.expected as {{ type }})\n",
        "",
        REGISTER,
    ),
    Mutant(
        "the months of corrected days are not counted again",
        NEWEST,
        "if incremental_or_table() == 'incremental' %}",
        "if false %}",
        REGISTER,
    ),
    Mutant(
        "what was open between is not counted again",
        "dbt_project/models/core/touched_months.sql",
        "on months.month_end >= {{ open_between[0] }}",
        "on months.month_end > {{ open_between[1] }}",
        INCREMENTAL,
    ),
    Mutant(
        "the districts of changed cases are not counted again",
        "dbt_project/macros/incremental.sql",
        "between '{{ first }}000000' and '{{ last }}999999'",
        "between '{{ first }}000000' and '{{ last }}000000'",
        INCREMENTAL,
    ),
    Mutant(
        "where a matter was registered is not counted again",
        "dbt_project/models/core/touched_areas.sql",
        "['area_code', 'registration_area_code']",
        "['area_code']",
        INCREMENTAL,
    ),
    Mutant(
        "what is made of a changed table stays as it was",
        "pipelines/warehouse/building.py",
        'made_anew = [f"tag:{table}" for table in (catalogue.tables() if has_moved else changed)]',
        'made_anew = [f"tag:{table}" for table in (catalogue.tables() if has_moved else [])]',
        INCREMENTAL,
    ),
    Mutant(
        "what is followed for longer is not counted again",
        "dbt_project/macros/incremental.sql",
        "if cohorts }})",
        "if false }})",
        INCREMENTAL,
    ),
    Mutant(
        "who is seen to conclude on a later day is not counted again",
        "dbt_project/macros/incremental.sql",
        "'last_day': (ends - month).days",
        "'last_day': (ended - month).days",
        INCREMENTAL,
    ),
    Mutant(
        "residents are counted again for reports of mediation only",
        "dbt_project/models/core/touched_months.sql",
        "in {{ listed(systems_of_residents() | map(attribute=1)) }}",
        "in ('mediation_cases')",
        INCREMENTAL,
    ),
    Mutant(
        "a line is compared with that of the month before in its own month only",
        "dbt_project/macros/incremental.sql",
        "' union select table_name, ' ~ first_of_next_month('month')",
        "' union select table_name, month'",
        INCREMENTAL,
    ),
    Mutant(
        "a changed case stays where it was accepted",
        MEDIATION,
        "kept_up_to_date('cases', ['mediation_cases'], 'accepted_month')",
        "kept_up_to_date('cases', ['mediation_cases'], 'concluded_month')",
        INCREMENTAL,
    ),
    Mutant(
        "a category of all cases, whatever the measure asks",
        "dbt_project/macros/counting.sql",
        "count({{ 'case when ' ~ where ~ ' then 1 end' if where else '*' }}) as {{ measure }}",
        "count(*) as {{ measure }}",
    ),
    Mutant("percent of a base of 19", f"{FIGURES}/figures.sql", ">= 20", ">= 19"),
    Mutant("ranked by 29 cases", f"{FIGURES}/standings.sql", "figures.denominator >= 30", "figures.denominator >= 29"),
)


def main(chosen: list[int]) -> int:
    """Try the mutants; 1 when one of them is not caught."""
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        house = opened(Path(folder))
        sound = recount(house.folder / "data" / "landing")
        unharmed = list(catchers(house, sound, "measures_by_period", "measures"))
        assert not unharmed, f"the sound project is not sound: {unharmed}"
        for number in chosen or range(1, len(MUTANTS) + 1):
            started, mutant = time.monotonic(), MUTANTS[number - 1]
            caught = tried(house, mutant, sound)
            survivors += not caught
            print(
                f"{number:2} {mutant.wrong} [{Path(mutant.file).name}] {time.monotonic() - started:.0f} s", flush=True
            )
            for line in caught or ["NOT CAUGHT"]:
                print(f"     {line}", flush=True)
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]]))
