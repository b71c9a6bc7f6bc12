"""What a release changes of an earlier one, cell by cell, and why: the table `changes`, and CHANGES.md for readers."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipelines.catalogue import Words
from pipelines.release import versions

KEY = ("indicator", "area_code", "period", "breakdown", "category")
REASONS: Mapping[str, Words] = {
    "late_rows": Words(zh="补报", en="late rows"),
    "corrected_up": Words(zh="核增", en="corrected upwards"),
    "corrected_down": Words(zh="核减", en="corrected downwards"),
    "corrected": Words(zh="更正", en="corrected"),
    "withdrawal": Words(zh="撤回", en="withdrawn"),
    "late_report": Words(zh="补交报表", en="late report"),
    "added": Words(zh="新增指标", en="new indicator"),
    "definition": Words(zh="口径变更", en="changed definition"),
    "area": Words(zh="区划变更", en="changed area"),
    "later_cutoff": Words(zh="统计截止日后移", en="later data cutoff"),
    "method": Words(zh="统计程序或声明变更", en="changed method or declaration"),
    "earlier_state": Words(zh="恢复到较早状态", en="back to an earlier state"),
    "revision": Words(zh="修订", en="revision"),
}
DEFINITION = ("kind", "numerator", "denominator", "denominator_with", "censored", "void_where", "quantile", "unit")
DEFINITION += ("basis", "definition", "includes", "excludes")
ROWS_TOLD = 60


def definitions(folder: Path) -> dict[str, dict[str, Any]]:
    """Indicator -> the parts of its card that say what it counts, of a release or a draft."""
    cards = json.loads((folder / "cards.json").read_text(encoding="utf-8"))
    return {card["id"]: {part: card.get(part) for part in DEFINITION} for card in cards}


def write_changes(connection: duckdb.DuckDBPyConnection, folder: Path, earlier: Iterable[Path], edition: str) -> None:
    """`temp.changes`: the cells of a draft that differ from earlier releases, in the periods that both hold.

    Columns: indicator, area_code, period, breakdown, category, value, numerator and denominator `_before` and `_after`
    (null where there was or is no such cell), reason (codes of `REASONS`, joined by commas), against (the earlier
    release). A cell of an earlier release with these put in is the cell of the draft. Where an edition is protected its
    reasons tell nothing of cases: added, definition, area or revision. Needs the views of `release_tables`.
    """
    connection.execute(f"create or replace temp table changes ({_COLUMNS})")
    for release in earlier:
        told = json.loads((release / "release.json").read_text(encoding="utf-8"))
        is_exact, sequence = edition == "internal", told.get("ledger_sequence")
        old, new = definitions(release), definitions(folder)
        added = sorted(new.keys() - old.keys())
        redefined = sorted(name for name in old if old[name] != new.get(name))
        _write_changed(connection, folder, release)
        connection.execute(f"create or replace temp table causes ({_CAUSE_COLUMNS})")
        if is_exact:
            _write_causes(connection, sequence)
        given = {name: told[name] for name in ("data_cutoff", "code_version", "seeds_version")}
        given |= {
            "against": release.name,
            "added": added,
            "redefined": redefined,
            "is_exact": is_exact,
            "sequence": sequence,
        }
        connection.execute(_EXPLAINED, given)


_COLUMNS = """
    indicator varchar, area_code varchar, period varchar, breakdown varchar, category varchar, value_before double,
    value_after double, numerator_before bigint, numerator_after bigint, denominator_before bigint,
    denominator_after bigint, reason varchar, against varchar
"""


def _write_changed(connection: duckdb.DuckDBPyConnection, folder: Path, release: Path) -> None:
    """`temp.changed`: the differing cells; `temp.earlier_areas`: the areas of the earlier release."""
    key, held = ", ".join(KEY), ", ".join(KEY) + ", value, numerator, denominator"
    parts = ("value", "numerator", "denominator")
    differs = " or ".join(f"before.{part} is distinct from after.{part}" for part in parts)
    sides = ", ".join(f"before.{part} as {part}_before, after.{part} as {part}_after" for part in parts)
    connection.execute(
        f"""
        create or replace temp table changed as
        with before as (
            select {held} from read_parquet('{_quoted(release)}/figures.parquet')
            where period in (select period from temp.periods)
        ),

        after as (
            select {held} from read_parquet('{_quoted(folder)}/figures.parquet')
            where period in (select period from read_parquet('{_quoted(release)}/periods.parquet'))
        )

        select {key}, {sides}
        from before full join after using ({key})
        where {differs}
        """
    )
    connection.execute(
        f"create or replace temp table earlier_areas as select * from read_parquet('{_quoted(release)}/areas.parquet')"
    )


def _write_causes(connection: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """`temp.causes`: which cases that moved since a ledger sequence touch which changed cell.

    Columns: those of `KEY`, cause, delta (of the numerator).
    """
    with versions.opened() as books:
        versions.moved_since(books, sequence)
        versions.write_differences(books)
        moved = books.sql("select * from differences").to_arrow_table()
    connection.register("moved", moved)
    connection.execute(f"insert into temp.causes {_CAUSES}", {"sequence": sequence})
    connection.unregister("moved")


_CAUSE_COLUMNS = ", ".join(f"{name} varchar" for name in (*KEY, "cause")) + ", delta hugeint"
_CAUSES = f"""
    with parts as (
        unpivot (select indicator, kind, numerator, denominator, denominator_with, censored, void_where from temp.indicators)
        on numerator, denominator, denominator_with, censored, void_where into name part value measure
    ),

    rolled as (
        select ancestors.ancestor_code as area_code, month, measure, breakdown, category, cause, sum(delta) as delta
        from moved join temp.area_ancestors as ancestors on moved.area_code = ancestors.area_code
        where measure in (select measure from parts)
        group by all
    ),

    over_periods as (
        select rolled.* exclude (month, delta), months.period, sum(rolled.delta) as delta
        from rolled
        join temp.measure_words as words on rolled.measure = words.measure
        join warehouse.catalogue.period_months as months on rolled.month = months.month
            and (words.over_time in ('sum', 'mean') or (words.over_time = 'last' and months.is_last)
                or (words.over_time = 'first' and months.is_first) or months.period_kind = 'month')
        group by all
    ),

    standing as (
        select distinct words.measure
        from warehouse.catalogue.ledger as entries
        join temp.measure_words as words on entries.table_name = words.table_name
        where entries.ledger_sequence > $sequence and words.table_name in {versions.STANDING}
    )

    select
        {", ".join(f"changed.{name}" for name in KEY)}, over_periods.cause,
        sum(case when parts.part = 'numerator' and over_periods.breakdown = changed.breakdown then over_periods.delta end) as delta
    from temp.changed
    join parts on changed.indicator = parts.indicator
    join over_periods
        on parts.measure = over_periods.measure
        and changed.area_code = over_periods.area_code
        and changed.period = over_periods.period
        and (
            (changed.breakdown = over_periods.breakdown and changed.category = over_periods.category)
            or (parts.kind = 'share' and over_periods.breakdown = 'total')
        )
    group by all
    union all
    select {", ".join(f"changed.{name}" for name in KEY)}, 'correction', null
    from temp.changed join parts on changed.indicator = parts.indicator join standing on parts.measure = standing.measure
"""

_EXPLAINED = f"""
    insert into temp.changes
    with moved_areas as (
        select coalesce(earlier.area_code, areas.area_code) as area_code
        from temp.earlier_areas as earlier full join temp.areas as areas on earlier.area_code = areas.area_code
        where earlier.parent_code is distinct from areas.parent_code or earlier.area_code is null or areas.area_code is null
    ),

    here_or_there as (
        select area_code from moved_areas
        union
        select parent_code from temp.earlier_areas join moved_areas using (area_code)
    ),

    touched_areas as (
        select area_code from here_or_there
        union
        select ancestor_code from temp.area_ancestors join here_or_there using (area_code)
    ),

    named as (
        select
            {", ".join(KEY)},
            case
                when cause <> 'correction' then cause
                when sum(delta) > 0 then 'corrected_up'
                when sum(delta) < 0 then 'corrected_down'
                else 'corrected'
            end as reason
        from temp.causes
        group by {", ".join(KEY)}, cause
    ),

    reasons as (
        select {", ".join(KEY)}, string_agg(distinct reason, ',' order by reason) as reason
        from named
        group by {", ".join(KEY)}
    )

    select
        {", ".join(f"changed.{name}" for name in KEY)}, value_before, value_after, numerator_before, numerator_after,
        denominator_before, denominator_after,
        case
            when changed.indicator in (select unnest($added)) then 'added'
            when changed.indicator in (select unnest($redefined)) then 'definition'
            when changed.area_code in (select area_code from touched_areas) then 'area'
            when reasons.reason is not null then reasons.reason
            when not $is_exact then 'revision'
            when request.sequence < $sequence then 'earlier_state'
            when (value_before is null) <> (value_after is null) or (numerator_before is null) <> (numerator_after is null)
                then 'late_report'
            when cast($data_cutoff as date) <> (select last_day(max(last_month)) from temp.periods) then 'later_cutoff'
            when request.code_version <> $code_version or request.seeds_version <> $seeds_version then 'method'
            else 'revision'
        end as reason,
        $against as against
    from temp.changed
    cross join warehouse.catalogue.build_request as request
    left join reasons using ({", ".join(KEY)})
"""


def revisions(connection: duckdb.DuckDBPyConnection, earlier: Iterable[Path]) -> list[dict[str, Any]]:
    """One object an earlier release, for `release.json`: against, cells, by_reason (a cell may have several), and the
    largest difference of a value by unit."""
    return [_revision(connection, release.name) for release in earlier]


def _revision(connection: duckdb.DuckDBPyConnection, against: str) -> dict[str, Any]:
    cells = connection.execute("select count(*) from temp.changes where against = ?", [against]).fetchall()[0][0]
    by_reason = connection.execute(
        "select unnest(string_split(reason, ',')) as code, count(*) from temp.changes where against = ?"
        " group by code order by code",
        [against],
    ).fetchall()
    largest = connection.execute(
        "select unit, max(abs(value_after - value_before)) as largest from temp.changes join temp.indicators using (indicator)"
        " where against = ? group by unit having largest is not null order by unit",
        [against],
    ).fetchall()
    return {"against": against, "cells": cells, "by_reason": dict(by_reason), "largest_difference": dict(largest)}


def write_change_list(connection: duckdb.DuckDBPyConnection, path: Path, said: Mapping[str, Any]) -> None:
    """CHANGES.md in both languages: how many cells, why, and the totals of cities and districts for the release's period.

    `said`: the release's metadata.
    """
    lines = [f"# {said['release_id']}：修订说明 Changes", ""]
    if not said["revisions"]:
        lines += ["首次发布，没有较早的发布可比。The first release; there is no earlier one to compare with.", ""]
    for revision in said["revisions"]:
        against = revision["against"]
        lines += [f"## 与 {against} 相比 Against {against}", "", *_told(connection, revision, said["reference_period"])]
    path.write_text("\n".join(lines), encoding="utf-8")


def _told(connection: duckdb.DuckDBPyConnection, revision: Mapping[str, Any], period: str) -> list[str]:
    if not revision["cells"]:
        return ["两次发布共有的期间内没有数值变动。No figure of the periods that both hold has changed.", ""]
    said = "；".join(f"{words_of(code, 'zh')} {cells:,}" for code, cells in revision["by_reason"].items())
    saying = "; ".join(f"{words_of(code, 'en')} {cells:,}" for code, cells in revision["by_reason"].items())
    rows = connection.execute(_LISTED, {"against": revision["against"], "period": period}).fetchall()
    lines = [
        f"变动 {revision['cells']:,} 格：{said}。一格可有几个原因。",
        f"{revision['cells']:,} cells changed: {saying}. A cell may have several reasons.",
        "",
        f"{period}：市、区县合计 Totals of cities and districts",
        "",
        "| 指标 Indicator | 地区 Area | 原值 Before | 现值 After | 原因 Reason |",
        "|---|---|---:|---:|---|",
    ]
    lines += [_line(*row) for row in rows[:ROWS_TOLD]]
    if len(rows) > ROWS_TOLD:
        lines += [
            "",
            f"其余 {len(rows) - ROWS_TOLD:,} 项见 csv/changes.csv。The other {len(rows) - ROWS_TOLD:,} are in csv/changes.csv.",
        ]
    return [*lines, ""]


_LISTED = """
    select i.label_zh, i.label_en, i.decimals, a.name_zh, a.name_en, value_before, value_after, reason
    from temp.changes
    join temp.indicators as i using (indicator)
    join temp.areas as a using (area_code)
    where against = $against and period = $period and breakdown = 'total' and a.level in ('province', 'city', 'district')
    order by a.level = 'district', i.indicator, area_code
"""


def _line(*row: Any) -> str:
    label_zh, label_en, decimals, name_zh, name_en, before, after, reason = row
    numbers = ("—" if value is None else f"{value:,.{decimals}f}" for value in (before, after))
    why = reason.split(",")
    said = "、".join(words_of(code, "zh") for code in why) + " " + ", ".join(words_of(code, "en") for code in why)
    return f"| {label_zh} {label_en} | {name_zh} {name_en} | {' | '.join(numbers)} | {said} |"


def words_of(reason: str, language: str) -> str:
    """The words of one reason code."""
    return str(getattr(REASONS[reason], language))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
